"""Near misses are recognised, and values read as people write them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tuner.cli.arguments.study import parse_bitrates, resolve_study
from tuner.errors import EncoderMissing, MetricError, StudyError
from tuner.metrics.registry import load_metric
from tuner.plugins import load_encoder
from tuner.study.reach import check_bitrates
from tuner.study.space import make_space
from tuner.study.spec import parse_study
from tuner.suggestion import did_you_mean, read_kbps, read_switch, show_value
from tuner.testing import FakeEncoder


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: load_encoder("acc"), EncoderMissing),
        (lambda: load_metric("visqool"), MetricError),
        (lambda: resolve_study("acc-low", {}), StudyError),
        (lambda: make_space(FakeEncoder(), {"shapping": 3}), StudyError),
        (lambda: parse_study({"encoder": "aac", "trails": 3}, "x"), StudyError),
        (lambda: parse_study({"search": {"purne": False}}, "x"), StudyError),
    ],
)
def test_a_near_miss_is_told(call: Callable[[], Any], error: type[Exception]) -> None:
    """Encoders, metrics, studies, parameters, and keys at every level of a study."""
    wanted = r"did you mean '(aac|visqol|aac-low|shaping|trials|prune)'( or 'ac3')?\?"
    with pytest.raises(error, match=wanted):
        call()


def test_commands_are_suggested() -> None:
    """On stderr, as wrong usage."""
    command = [sys.executable, "-m", "tuner", "comprae"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "No such command 'comprae' (did you mean 'compare'?)." in done.stderr


def test_what_is_far_is_not_guessed() -> None:
    """No suggestion is better than a silly one."""
    assert did_you_mean("flac", ["aac", "opus"]) == ""


def test_bitrates_as_people_write_them() -> None:
    """On the command line and in a study file; what is none is refused."""
    assert parse_bitrates("64k, 96 kbps,128kb/s,32.5") == [64, 96, 128, 32.5]
    study = {"encoder": "aac", "clips": {"folder": "x"}, "bitrates_kbps": ["96k", 64]}
    assert parse_study(study, "x").bitrates_kbps == (64, 96)
    for text in ("64m", "k", "1.2.3", ""):
        with pytest.raises(ValueError):
            read_kbps(text)
        with pytest.raises(StudyError, match="bitrates_kbps"):
            parse_study({**study, "bitrates_kbps": [text]}, "x")


def test_switches_as_people_write_them() -> None:
    """On, off, yes, no, true, false: for parameters and for keys of a study."""
    assert [read_switch(text) for text in ("on", "No", "TRUE", "0", "maybe")] == [
        *(True, False, True, False),
        None,
    ]
    for text, value in (("on", True), ("off", False), ("yes", True), ("false", False)):
        assert make_space(FakeEncoder(), {"joint": text}).fixed["joint"] is value
        study = {"encoder": "x", "clips": {"folder": "x"}, "bitrates_kbps": [64]}
        assert parse_study({**study, "search": {"prune": text}}, "x").search.prune is value
    with pytest.raises(StudyError, match=r"must be one of o(n|ff), o(n|ff)"):
        make_space(FakeEncoder(), {"joint": "maybe"})
    assert (show_value(True), show_value(0.5)) == ("on", "0.5")


def test_bitrates_out_of_reach_are_told_at_once() -> None:
    """By what the rate modes declare, with slack; a quality mode may reach anything."""
    opus = load_encoder("opus-ffmpeg")
    check_bitrates(opus, None, [8, 64, 256])
    with pytest.raises(StudyError, match="cannot reach 2, 2000 kb/s: it takes"):
        check_bitrates(opus, None, [2, 64, 2000])
    fake = FakeEncoder()
    check_bitrates(fake, next((m.name for m in fake.rate_modes if not m.nominal), None), [2000])
