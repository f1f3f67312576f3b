"""ffmpeg presets from command lines."""

from __future__ import annotations

import pytest

from tuner.apply.preset import make_preset


def test_the_codecs_own_options_stay_on_the_command_line() -> None:
    """A preset holds what ffmpeg reads there: codec, bitrate, rate, sample format."""
    command = (
        "ffmpeg -i in.wav -ar 32000 -b:a 96k -c:a libmp3lame -cutoff 12000 -sample_fmt fltp out.mp3"
    )
    preset = make_preset(command.split(), "mine.ffpreset")
    assert preset is not None
    assert preset.text == "acodec=libmp3lame\nar=32000\nb:a=96k\nsample_fmt=fltp\n"
    assert " ".join(preset.command) == "ffmpeg -i in.wav -fpre mine.ffpreset -cutoff 12000 out.mp3"


@pytest.mark.parametrize("command", ["lame -b 96 in.wav out.mp3", "x -i in.wav out.mp3"])
def test_other_programs_have_none(command: str) -> None:
    """Only ffmpeg's command lines become presets."""
    assert make_preset(command.split(), "mine.ffpreset") is None


@pytest.mark.parametrize(
    "words",
    [
        ["-b:a", "96k\nf=evil", "-c:a", "aac"],
        ["-b:a", "96k\r", "-c:a", "aac"],
        ["-b:a\nx", "96k", "-c:a", "aac"],
        ["-b:a", "96k", "-c:a", "aac", "-odd"],
    ],
)
def test_what_no_line_can_hold_makes_no_preset(words: list[str]) -> None:
    """A line break in a stored command must not become an option of its own."""
    assert make_preset(["ffmpeg", "-i", "in.wav", *words, "out.m4a"], "mine.ffpreset") is None
