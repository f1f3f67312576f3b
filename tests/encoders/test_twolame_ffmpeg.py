"""ffmpeg's libtwolame keeps the adapters' contract."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from encoders.twolame_ffmpeg import TwolameFfmpeg
from tuner.encoder import Value, default_settings
from tuner.errors import EncoderError, EncoderFailed
from tuner.testing import EncoderContract, make_clip

RATE = 48_000


class TestTwolameFfmpeg(EncoderContract):
    encoder = TwolameFfmpeg()


@dataclass(frozen=True)
class Misused(TwolameFfmpeg):
    """libtwolame with options that it does not take."""

    extra: tuple[tuple[str, str], ...] = ()

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        return super().options(mode, values, knob) | dict(self.extra)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("psymodel", "7", "out of range"),
        ("b:a", "100k", "Not a valid bitrate"),
        ("b:a", "80k", "invalid bitrate for 2ch encoding"),
        ("aac_ms", "1", "not been used"),
    ],
)
def test_refused_options_are_errors(option: str, value: str, said: str) -> None:
    """With the words of ffmpeg or of the library."""
    encoder = Misused(extra=((option, value),))
    with pytest.raises(EncoderError, match=said):
        encoder.encode(make_clip(), RATE, default_settings(encoder), 128)


def test_illegal_rates_for_mono_are_errors() -> None:
    """Mono has at most 192 kb/s."""
    encoder = Misused(extra=(("b:a", "224k"),))
    with pytest.raises(EncoderFailed, match="invalid bitrate for mono encoding"):
        encoder.encode(make_clip(1), RATE, default_settings(encoder), 128)
