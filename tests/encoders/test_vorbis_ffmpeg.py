"""ffmpeg's Vorbis keeps the adapters' contract; what it drops in silence is out of range."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from encoders.process import run
from encoders.vorbis_ffmpeg import VorbisFfmpeg
from tuner.encoder import Encoded, Value, settings_of
from tuner.errors import EncoderFailed, OptionIgnored, SettingsError
from tuner.testing import EncoderContract, make_clip

RATE = 48_000
CLIP = make_clip()


class TestVorbisFfmpeg(EncoderContract):
    encoder = VorbisFfmpeg()


@dataclass(frozen=True)
class Misused(VorbisFfmpeg):
    """Vorbis with options that ffmpeg drops, clamps or does not know."""

    extra: tuple[tuple[str, str], ...] = ()

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        return super().options(mode, values, knob) | dict(self.extra)


#: The defaults with some values changed: (mode, name=value …).
settings = partial(settings_of, VorbisFfmpeg.parameters)


def encode(encoder: VorbisFfmpeg, knob: float = 3, mode: str = "vbr") -> Encoded:
    """One encode of the clip with the defaults."""
    return encoder.encode(CLIP, RATE, settings(mode), knob)


@pytest.mark.parametrize(
    ("mode", "knob", "options"), [("vbr", 3, []), ("nominal", 64, ["-b:a", "64k"])]
)
def test_defaults_are_those_of_a_bare_command(
    mode: str, knob: float, options: list[str], tmp_path: Path
) -> None:
    """A user who gives nothing, or a bitrate alone, gets the same samples."""
    source, target = tmp_path / "in.wav", tmp_path / "out.ogg"
    soundfile.write(source, CLIP.T, RATE, "FLOAT")
    encoder = VorbisFfmpeg()
    codec = ["-c:a", "libvorbis", *options]
    run([encoder.path(), "-v", "error", "-i", str(source), *codec, str(target)])
    theirs = encoder.decode(Encoded(target.read_bytes(), ".ogg", 1, 0.0))[0]
    np.testing.assert_array_equal(theirs, encoder.decode(encode(encoder, knob, mode))[0])


@pytest.mark.parametrize("extra", [("vbr", "on"), ("aac_coder", "fast")])
def test_unused_options_are_errors(extra: tuple[str, str]) -> None:
    """ffmpeg exits 0 with a warning; we do not."""
    with pytest.raises(OptionIgnored) as caught:
        encode(Misused(extra=(extra,)))
    assert caught.value.exit_code == 0


@pytest.mark.parametrize("extra", [("iblock", "-20"), ("no_such", "1"), ("b:a", "20k")])
def test_refused_options_are_errors(extra: tuple[str, str]) -> None:
    """Out of range, unknown, or a bitrate that libvorbis has no setting for."""
    with pytest.raises(EncoderFailed):
        encode(Misused(extra=(extra,)), 64, "nominal")


@pytest.mark.parametrize(("dropped", "coded"), [("-1", 3), ("-0.5", 3), ("11", 10)])
def test_qualities_that_are_dropped_in_silence_are_refused(dropped: str, coded: float) -> None:
    """ffmpeg codes another quality without a word; the range ends where it does."""
    assert encode(Misused(extra=(("q:a", dropped),)), 5).data == encode(VorbisFfmpeg(), coded).data
    with pytest.raises(SettingsError, match="quality"):
        encode(VorbisFfmpeg(), float(dropped))


def test_managed_holds_its_bitrate() -> None:
    """Within 5 % over one second, where the nominal bitrate is missed by more."""
    held = encode(VorbisFfmpeg(), 100, "managed").payload_bits
    assert held == pytest.approx(100_000, rel=0.05)
    free = encode(VorbisFfmpeg(), 100, "nominal").payload_bits
    assert abs(free - 100_000) > abs(held - 100_000)


@pytest.mark.parametrize("mode", ["nominal", "managed"])
@pytest.mark.parametrize("knob", [45, 240])
@pytest.mark.parametrize(("channels", "rate"), [(1, 48_000), (2, 48_000), (1, 44_100)])
def test_bitrates_are_legal(mode: str, knob: float, channels: int, rate: int) -> None:
    """For mono and stereo, at the usual sample rates."""
    clip = make_clip(channels)[:, : rate // 4]
    assert VorbisFfmpeg().encode(clip, rate, settings(mode), knob).payload_bits


def test_options() -> None:
    """Defaults are left out."""
    options = VorbisFfmpeg().options
    assert options("vbr", settings("vbr").as_dict(), 3) == {"q:a": "3"}
    values = settings("vbr", impulse_noisetune_db=-2.5, lowpass_hz=17_000, sample_rate_hz="32000")
    assert options("vbr", values.as_dict(), 0.25) == {
        "q:a": "0.25",
        "iblock": "-2.5",
        "cutoff": "17000",
        "ar": "32000",
    }
    assert options("nominal", settings("nominal").as_dict(), 64.5) == {"b:a": "64.5k"}
    managed = options("managed", settings("managed").as_dict(), 64)
    assert managed == {"b:a": "64k", "maxrate": "500k"}


def test_whole_files_repeat() -> None:
    """Serial numbers and tags are fixed as well."""
    assert encode(VorbisFfmpeg()).data == encode(VorbisFfmpeg()).data
