"""Optuna's private parts: the known ones, and the way without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from tuner.rundir.database import close_storage, open_storage
from tuner.search.lean import LeanStorage
from tuner.search.loop import Budget
from tuner.search.optuna_parts import TESTED, has_known_parts, make_storage

#: Makes searches on fakes; see `conftest.py`.
MakeRig = Callable[..., Any]


def test_the_release_here_is_a_tested_one() -> None:
    """Where it is another one: see that all tests pass with it, then name it in `TESTED`."""
    assert ".".join(optuna.__version__.split(".")[:2]) in TESTED


def test_another_release_is_tried() -> None:
    """With the parts that we know it is as good as a tested one."""
    assert has_known_parts("5.99.1")


def test_without_the_parts_it_goes_the_plain_way(
    make_rig: MakeRig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A word in the log, Optuna's own storage, and the same trials."""
    (lean,) = make_rig("lean").run(Budget(8, None))
    monkeypatch.setattr(LeanStorage, "_read_trials_from_remote_storage", None)
    monkeypatch.setattr("tuner.search.optuna_parts.TESTED", ("0.0",))
    has_known_parts.cache_clear()
    try:
        database = open_storage(tmp_path / "optuna.db")
        assert make_storage(database) is database
        close_storage(database)
        assert "differs internally" in caplog.text
        (plain,) = make_rig("plain").run(Budget(8, None))
    finally:
        has_known_parts.cache_clear()
    assert [result.record for result in plain] == [result.record for result in lean]
