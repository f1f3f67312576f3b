"""Command lines as presets of fre:ac and HandBrake."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tuner.apply.presets import find_unheld, make_component, make_handbrake

FFMPEG = ["ffmpeg", "-i", "input.wav"]


def test_an_encoder_of_freac_runs_the_command() -> None:
    """Its program and arguments, with fre:ac's names of the files."""
    text = make_component(["lame", "-V", "3.5", "input.wav", "output.mp3"], "tuner: a & b, 96 kb/s")
    assert text is not None
    root = ElementTree.fromstring(text.encode())
    found = {node.tag: node.text for node in root.iter() if node.text and node.text.strip()}
    assert found["command"] == "lame"
    assert found["arguments"] == "-V 3.5 %INFILE %OUTFILE"
    assert (found["id"], found["extension"]) == ("tuner-a-b-96-kb-s-enc", "mp3")
    assert root.findtext("name") == "tuner: a & b, 96 kb/s"


@pytest.mark.parametrize(
    "command",
    [
        ["python3", "-m", "encoders.lame_api", "input.wav", "output.mp3"],
        ["env", "A=1", "x", "input.wav", "output.mp3"],
        ["A=1", "x", "input.wav", "output.mp3"],
        ["x", "--title", "a b", "input.wav", "output.mp3"],
        ["x", "$(id)", "input.wav", "output.mp3"],
        ["x", "%TITLE", "input.wav", "output.mp3"],
        ["x", "-", "output.mp3"],
    ],
)
def test_what_freac_cannot_hold(command: list[str]) -> None:
    """Environments, Python, and words that a shell or fre:ac would read otherwise."""
    assert make_component(command, "x") is None


def test_handbrake_holds_encoder_and_bitrate() -> None:
    """Nothing but these is in the preset's track; the sample format changes no setting."""
    command = [*FFMPEG, "-b:a", "96k", "-c:a", "libopus", "-sample_fmt", "flt", "output.opus"]
    assert find_unheld(command, {1, 2}) == []
    (track,) = make_handbrake(command, "mine", 2)["AudioList"]
    assert (track["AudioEncoder"], track["AudioBitrate"]) == ("opus", 96)
    assert track["AudioMixdown"] == "stereo"


def test_handbrake_keeps_the_channels_of_the_clips() -> None:
    """5.1 stays 5.1; what has no mixdown of its own, or several layouts, is refused."""
    command = [*FFMPEG, "-b:a", "384k", "-c:a", "ac3", "output.ac3"]
    assert find_unheld(command, {6}) == []
    assert make_handbrake(command, "x", 6)["AudioList"][0]["AudioMixdown"] == "5point1"
    assert find_unheld(command, {2, 6}) == ["clips of stereo, 5.1"]
    assert find_unheld(command, {5}) == ["clips of 5.0"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-aac_tns", "0", "-b:a", "96k", "-c:a", "aac"], "-aac_tns 0"),
        (["-b:a", "93.6k", "-c:a", "aac"], "-b:a 93.6k (it has 32, "),
        (["-c:a", "aac", "-q:a", "1"], "-q:a 1"),
        (["-b:a", "96k", "-c:a", "wmav2"], "-c:a wmav2"),
    ],
)
def test_what_handbrake_cannot_hold(words: list[str], told: str) -> None:
    """Options of the codec, other bitrates, qualities, encoders that it lacks."""
    assert find_unheld([*FFMPEG, *words, "output.m4a"], {2})[0].startswith(told)
    assert find_unheld(["lame", "input.wav", "output.mp3"], {2}) == ["lame is none of its encoders"]
