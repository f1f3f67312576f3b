"""A finished run on disk, made by hand in no time: what players, exports and encodes read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from tuner.audio import SAMPLE_RATE, sample_digest
from tuner.cache import Cache, encode_key
from tuner.encoder import Encoder, Settings, Value, default_settings
from tuner.results import (
    MODEL,
    BitrateResult,
    Candidate,
    ClipRecord,
    Estimate,
    Provenance,
    Results,
    Side,
    SideResult,
    Timing,
    Verdict,
    write_results,
)
from tuner.testing import make_clip

STUDY = 'encoder = "{encoder}"\nbitrates_kbps = [96]\n[clips]\nfolder = "music"\n'
SIDES: tuple[Side, ...] = ("tune", "holdout")


def _write_run(folder: Path, encoder: Encoder, tuned: Mapping[str, Value], winner: int = 1) -> Path:
    (folder / "clips").mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY.format(encoder=encoder.name))
    clips, version, cache = [], encoder.version, Cache(folder / "cache")
    for index, side in enumerate(SIDES):
        pcm = np.round((0.5 + 0.5 * index) * make_clip() * 32767).astype(np.float32) / 32768
        digest = sample_digest(pcm)
        np.save(folder / "clips" / f"{digest}.npy", pcm)
        clips.append(ClipRecord(digest, f"{side}.wav", side, 1.0, 2, f"/music/{side}.wav", 0.0))
    default = default_settings(encoder)
    candidates = []
    for trial, values in enumerate([{}, tuned]):
        settings = Settings.of(default.rate_mode, {**default.as_dict(), **values})
        sides = {}
        for clip in clips:
            knob = 96.0 if clip.side == "tune" else 97.0
            pcm = np.load(folder / "clips" / f"{clip.digest}.npy")
            encoded = encoder.encode(pcm, SAMPLE_RATE, settings, knob)
            key = encode_key(clip.digest, encoder.name, version, settings, knob)
            cache.put_encode(key, encoded)
            gain = Estimate(3.0 * trial, 2.0 * trial, 4.0 * trial)
            sides[clip.side] = SideResult(
                knob, 96.2, {MODEL: {clip.digest: 70.0}}, {clip.digest: 1.0}, {MODEL: gain}
            )
        command = list(encoder.command_line(settings, 96.0, "input.wav", "output" + encoded.suffix))
        candidates.append(Candidate(trial, settings.rate_mode, settings.as_dict(), command, sides))
    verdict = Verdict("confirmed", "Confirmed: it was made up.")
    bitrate = BitrateResult(96.0, verdict, winner, candidates, [], Timing())
    made_by = Provenance(
        "tuner run x", "", 0, {}, encoder.name, version.text, version.binary, version.digest,
        "1", {}, "2026-01-01", "2026-01-01", "a machine",
    )  # fmt: skip
    write_results(Results(clips, [bitrate], made_by), folder / "results.json")
    return folder


@pytest.fixture
def write_run() -> Callable[..., Path]:
    """Writes a run of an encoder at 96 kb/s: (folder, encoder, tuned values, winner) -> folder.

    One clip a side, knob 96 on the tune side and 97 on the other; everything is in its cache.
    """
    return _write_run
