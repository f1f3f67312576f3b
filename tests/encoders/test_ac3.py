"""ffmpeg's AC-3 keeps the adapters' contract; what it shares with E-AC-3."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from encoders.ac3 import Ac3
from encoders.eac3 import Eac3
from tuner.encoder import Value, default_settings, settings_of
from tuner.errors import EncoderError, EncoderFailed
from tuner.sound.audio import align
from tuner.testing import EncoderContract, make_clip

RATE = 48_000
CLIP = make_clip()
BOTH = pytest.mark.parametrize("encoder", [Ac3(), Eac3()], ids=lambda encoder: encoder.name)


class TestAc3(EncoderContract):
    encoder = Ac3()


@dataclass(frozen=True)
class Misused(Ac3):
    """AC-3 with options that ffmpeg refuses or drops."""

    extra: tuple[tuple[str, str], ...] = ()

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        return super().options(mode, values, knob) | dict(self.extra)


#: The defaults with some values changed.
settings = partial(settings_of, Ac3.parameters, "cbr")


@BOTH
def test_wide_band_at_a_low_rate_fails(encoder: Ac3) -> None:
    """Infeasible, with ffmpeg's own words."""
    with pytest.raises(EncoderFailed, match="Bit allocation failed"):
        encoder.encode(CLIP, RATE, settings(cutoff_hz=20_400), 32)


@pytest.mark.parametrize(
    ("option", "value"), [("cpl_start_band", "16"), ("no_such", "1"), ("aac_ms", "1")]
)
def test_refused_options_are_errors(option: str, value: str) -> None:
    """With ffmpeg's words."""
    with pytest.raises(EncoderError, match=option):
        Misused(extra=((option, value),)).encode(CLIP, RATE, settings(), 96)


@BOTH
def test_level_and_delay(encoder: Ac3) -> None:
    """The decoder applies no dialogue level and no compression; the delay is 256 samples."""
    encoded = encoder.encode(CLIP, RATE, default_settings(encoder), 448)
    aligned, delay = align(CLIP, encoder.decode(encoded)[0])
    assert delay == 256
    # The level of what was coded: noise above the bandwidth is lost.
    gain = np.vdot(aligned, CLIP) / np.vdot(aligned, aligned)
    assert abs(20 * np.log10(gain)) < 0.02


@BOTH
def test_there_is_no_container(encoder: Ac3) -> None:
    """The whole file is payload, and repeats."""
    first, second = (encoder.encode(CLIP, RATE, settings(), 96) for _ in "12")
    assert first.data == second.data
    assert first.payload_bits == 8 * len(first.data)


def test_command() -> None:
    """Defaults are left out; a coupling band comes only where there is coupling."""
    values: dict[str, Value] = {"cutoff_hz": 13_650, "coupling_start_band": 6}
    words = Ac3().command_line(settings(**values), 96, "a.wav", "b.ac3")
    options = dict(zip(words[3:-1:2], words[4:-1:2], strict=False))
    assert options == {"-b:a": "96k", "-c:a": "ac3", "-cutoff": "13650", "-cpl_start_band": "6"}
    plain = Eac3().command_line(settings(channel_coupling=False), 96.5, "a.wav", "b.eac3")
    assert plain[3:-1] == ["-b:a", "96.5k", "-c:a", "eac3", "-channel_coupling", "0"]
