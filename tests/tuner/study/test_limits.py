"""Limits on encode time, decoded peak and latency."""

from __future__ import annotations

import numpy as np
import pytest

from encoders.opus_ffmpeg import OpusFfmpeg
from tuner.errors import StudyError
from tuner.records import Complete
from tuner.study.limits import FLOOR_DBFS, DecodedPeak, Limits, check_limits
from tuner.testing import FakeEncoder, make_trial


def make_complete(number: int, encode_s: float = 1.0, peak_dbfs: float | None = None) -> Complete:
    trial = make_trial(number, encode_s=encode_s, peak_dbfs=peak_dbfs)
    assert isinstance(trial, Complete)
    return trial


DEFAULT = make_complete(0, encode_s=2.0, peak_dbfs=0.5)


@pytest.mark.parametrize(
    ("limits", "record", "reason"),
    [
        (Limits(encode_time=1.5), make_complete(1, encode_s=2.9), None),
        (
            Limits(encode_time=1.5),
            make_complete(1, encode_s=4.0),
            "encodes in 2.00x the default's time; the limit is 1.5x",
        ),
        (
            Limits(peak_dbfs=-1.0),
            make_complete(1, peak_dbfs=0.25),
            "decoded peak 0.25 dBFS; the limit is -1 dBFS",
        ),
        (Limits(peak_dbfs=-1.0), make_complete(1), None),
        (Limits(), make_complete(1, encode_s=99.0, peak_dbfs=9.0), None),
    ],
)
def test_a_broken_limit_is_told(limits: Limits, record: Complete, reason: str | None) -> None:
    """The reason gives the figure and the limit."""
    assert limits.broken(record, DEFAULT) == reason


def test_peak_is_in_decibels() -> None:
    """Half of full scale is -6 dBFS, floats above it are positive, silence is the floor."""
    meter, pcm = DecodedPeak(), np.zeros((2, 100), np.float32)
    assert meter.score(pcm, pcm).mean == FLOOR_DBFS
    pcm[1, 7] = -0.5
    assert meter.score(pcm, pcm).mean == pytest.approx(-6.02, abs=0.01)
    pcm[0, 3] = 1.22
    assert meter.score(pcm, pcm).mean == pytest.approx(1.73, abs=0.01)


def test_latency_needs_an_encoder_that_tells_it() -> None:
    """A limit that cannot be measured is refused before anything runs."""
    check_limits(FakeEncoder(), Limits(encode_time=2.0, peak_dbfs=0.0))
    check_limits(OpusFfmpeg(), Limits(latency_ms=20.0))
    with pytest.raises(StudyError, match="the latency of fake is unknown"):
        check_limits(FakeEncoder(), Limits(latency_ms=20.0))
