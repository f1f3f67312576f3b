"""Progress lines where stderr is not a terminal."""

import pytest

from tuner.cli.display import progress


def test_a_resumed_job_is_not_faster_than_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """90 of 100 were done before; one takes 20 s; nine are left."""
    clock = iter([0.0, 20.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.progress_bar("labels") as update:
        update(90, 100, "")
        update(91, 100, "so far")
    assert capsys.readouterr().err.splitlines() == [
        "labels: 90/100",
        "labels: 91/100, ETA 180 s so far",
    ]
