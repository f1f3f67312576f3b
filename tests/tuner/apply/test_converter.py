"""Command lines in the fields of foobar2000's converter."""

from __future__ import annotations

import pytest

from tuner.apply.converter import make_converter


def test_files_become_placeholders_and_words_are_quoted() -> None:
    """As Windows splits a command line."""
    command = ["lame", "-b", "96", "--comment", 'a "b" c', "input.wav", "output.mp3"]
    fields = make_converter(command)
    assert fields is not None
    assert (fields.program, fields.extension) == ("lame.exe", "mp3")
    assert fields.parameters == r'-b 96 --comment "a \"b\" c" %s %d'


@pytest.mark.parametrize(
    "command",
    [
        ["python3", "-m", "encoders.lame_api", "input.wav", "output.mp3"],
        ["env", "LC_ALL=C", "x", "input.wav", "output.mp3"],
        ["LC_ALL=C", "x", "input.wav", "output.mp3"],
        ["x", "input.wav"],
        ["x", "-", "output.mp3"],
        ["x", "--title", "100%", "input.wav", "output.mp3"],
        ["x", "a\nb", "input.wav", "output.mp3"],
    ],
)
def test_what_no_field_can_hold(command: list[str]) -> None:
    """Environments, Python adapters, percent signs and line breaks."""
    assert make_converter(command) is None
