"""Encoders that are TOML files and nothing else; `docs/adapters.md` explains the keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from encoders.toml_file import TomlEncoder, load

Factory = Callable[..., TomlEncoder]
FOLDER = Path(__file__).parent


def _shipped(name: str) -> Factory:
    return partial(load, FOLDER / f"{name}.toml")


amr_nb, aptx, dca, g722 = map(_shipped, ("amr-nb", "aptx", "dca", "g722"))
exhale, faac, fdkaac, lc3 = map(_shipped, ("exhale", "faac", "fdkaac", "lc3"))
ima_adpcm, mp2, qaac = map(_shipped, ("ima-adpcm", "mp2", "qaac"))
sbc, speex = map(_shipped, ("sbc", "speex"))
wavpack_hybrid, wmav2 = map(_shipped, ("wavpack-hybrid", "wmav2"))
