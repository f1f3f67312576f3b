"""An error carries fields, and says its sentence in one place."""

from __future__ import annotations

import ast
import copy
import json
import pickle
from pathlib import Path

import pytest

import encoders
import tuner
from tuner import errors
from tuner.errors import (
    STDERR_TAIL_CHARS,
    ClipError,
    DecodeFailed,
    EncoderFailed,
    RunError,
    TunerError,
)

TYPES = [each for each in vars(errors).values() if isinstance(each, type)]
KINDS = [each for each in TYPES if issubclass(each, TunerError)]
CRASH = EncoderFailed("exit code 3", ["lame", "-b", "64"], 3, "out of luck\n", where="lame at 64")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ClipError("empty file"), "empty file"),
        (ClipError("empty file", where=Path("a.wav")), "a.wav: empty file"),
        (ClipError("silent", remedy="choose another"), "silent; choose another"),
        (ClipError("silent", where="a.wav", remedy="choose it"), "a.wav: silent; choose it"),
        (RunError("stopped", remedy="Finished work is kept."), "stopped. Finished work is kept."),
        (RunError("differs:\n  a\n  b", remedy="To resume: x"), "differs:\n  a\n  b\nTo resume: x"),
        (
            ClipError("silent", where="lame", clip="0123456789abcdef"),
            "lame on clip 0123456789ab: silent",
        ),
    ],
)
def test_the_sentence(error: TunerError, sentence: str) -> None:
    """Where, what and the remedy, as far as they are there."""
    assert str(error) == sentence == error.sentence


def test_a_program_that_failed_is_shown() -> None:
    """Its command and the end of what it said follow the sentence."""
    assert CRASH.sentence == "lame at 64: exit code 3"
    assert str(CRASH).splitlines()[1:] == ["  command: lame -b 64", "  stderr: out of luck"]
    long = EncoderFailed("x", ["lame"], 1, "a" + "b" * STDERR_TAIL_CHARS)
    assert long.stderr == "b" * STDERR_TAIL_CHARS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_crosses_processes(kind: type[TunerError]) -> None:
    """With all of its fields."""
    about = {"where": "a", "remedy": "b", "clip": "c"}
    error = kind("what", command=["x"], exit_code=1, stderr="d", **about)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is kind
        assert twin.as_dict() == error.as_dict()
        assert str(twin) == str(error)


def test_an_error_becomes_another_kind() -> None:
    """With the fields that it had, but those that are given."""
    error = DecodeFailed.of(CRASH, where="the decoder")
    assert error.kind == "DecodeFailed"
    assert (error.where, error.what, error.command) == ("the decoder", CRASH.what, CRASH.command)


def test_errors_are_told_together() -> None:
    """A line each, and each with its fields; a single one is itself."""
    errors = [ClipError("empty file", where="a.wav"), ClipError("silent", where="b.wav")]
    both = ClipError.joined(errors)
    assert str(both) == "a.wav: empty file\nb.wav: silent"
    assert both.as_dict()["parts"] == [error.as_dict() for error in errors]
    assert ClipError.joined(errors[:1]) is errors[0]


def test_fields_for_machines() -> None:
    """JSON data, always of the same keys."""
    fields = json.loads(json.dumps(CRASH.as_dict()))
    assert fields == {
        "kind": "EncoderFailed",
        "where": "lame at 64",
        "what": "exit code 3",
        "remedy": "",
        "clip": "",
        "command": ["lame", "-b", "64"],
        "exit_code": 3,
        "stderr": "out of luck\n",
        "parts": [],
    }
    assert ClipError("empty file").as_dict().keys() == fields.keys()


def test_no_place_is_written_into_what_is_wrong() -> None:
    """No `ClipError(f"{path}: empty file")`: the place has a field."""
    names = {kind.__name__ for kind in KINDS}
    roots = [Path(module.__file__).parent for module in (tuner, encoders)]
    wrong = []
    for file in (file for root in roots for file in root.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(ast.Name(name), [ast.JoinedStr([ast.FormattedValue(), after, *_])]):
                    if name in names and ast.unparse(after).startswith("': "):
                        wrong.append(f"{file}:{node.lineno}")
    assert not wrong
