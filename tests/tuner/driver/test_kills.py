"""A kill at every change of a trial: the resumed search is the undisturbed one.

Not by a timer: the database is kept as it is after each write, which is what a kill there leaves.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.storages._rdb.models import TrialUserAttributeModel

from tuner.encoder import default_settings
from tuner.errors import EncoderFailed, EncoderTimedOut
from tuner.jobs.job import Job
from tuner.rundir.database import close_storage, open_storage
from tuner.search.lean import LeanStorage
from tuner.search.loop import Budget, search
from tuner.testing import FakeEncoder

#: Makes searches on fakes; see `conftest.py`.
MakeRig = Callable[..., Any]
BUDGET = Budget(4, None)


class Watch:
    """Keeps what each commit to a database leaves behind: what there is after a kill there."""

    def __init__(self, storage: Any, database: Path, kept: Path) -> None:
        self._database = database
        self._kept = kept
        self._last: list[bytes] = []
        # Before each, so that what the one before it left is kept.
        sqlalchemy.event.listen(storage.engine, "commit", lambda _: self.keep())

    def keep(self) -> None:
        """Keep the database as it is, unless it is as it was."""
        # With the log of what is not yet in the file itself.
        files = [Path(f"{self._database}{suffix}") for suffix in ("", "-wal")]
        found = [file.read_bytes() for file in files if file.exists()]
        if found == self._last:
            return
        self._last = found
        folder = self._kept / f"{len(list(self._kept.iterdir())):03}"
        folder.mkdir()
        for file in self._database.parent.glob(f"{self._database.name}*"):
            shutil.copy(file, folder)


@pytest.mark.parametrize("together", [True, False])
def test_a_kill_at_every_change(
    make_rig: MakeRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    """Before the first write, between any two, and after the last: the same trials, no other.

    Also where a trial's attributes are written one by one, as in another release of Optuna.
    """
    if not together:
        monkeypatch.setattr(LeanStorage, "together", lambda _: contextlib.nullcontext())
    kept = tmp_path / "kept"
    kept.mkdir()
    rig = make_rig("whole", count=1, sampler="tpe")
    watches: list[Watch] = []

    def watch(storage: Any) -> Any:
        watches.append(Watch(storage, rig.folder / "optuna.db", kept))
        return storage

    rig.wrap = watch
    budget = Budget(3, None)
    (whole,) = rig.run(budget)
    watches[0].keep()
    expected = [result.record for result in whole]
    assert expected[0].settings == default_settings(FakeEncoder())
    kills = sorted(kept.iterdir())
    assert len(kills) > (20 if together else 35)
    for kill in kills:
        again = make_rig(f"killed {kill.name}", count=1, sampler="tpe")
        shutil.copytree(kill, again.folder, dirs_exist_ok=True)
        # What is encoded once serves all of them.
        again.executor.cache = rig.executor.cache
        with again.open() as (lane,):
            search([lane], again.evaluate, budget, again.executor, again.window, lambda _: None)
            assert [r.record for r in lane.results] == expected, f"killed after {kill.name} writes"
            assert lane.default() == expected[0]


@pytest.mark.parametrize("is_written", [False, True])
def test_an_interruption_where_a_result_is_written(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    """By Ctrl-C, or a database that fails once: what ends as told has its result there."""
    (whole,) = make_rig("whole", count=1, sampler="tpe", window=1).run(BUDGET)
    rig = make_rig("interrupted", count=1, sampler="tpe", window=1)
    write = LeanStorage._write

    def write_less(storage: LeanStorage) -> None:
        rows = (storage._rows or {}).get(TrialUserAttributeModel, [])
        is_due = any(row["key"] == "result" for row in rows)
        if is_written or not is_due:
            write(storage)
        if is_due:
            raise KeyboardInterrupt

    rig.run(Budget(2, None))
    with monkeypatch.context() as patch:
        patch.setattr(LeanStorage, "_write", write_less)
        with pytest.raises(KeyboardInterrupt):
            rig.run(BUDGET)
    (results,) = rig.run(BUDGET)
    assert [result.record for result in results] == [result.record for result in whole]
    with rig.open() as (lane,):
        states = [trial.state.name for trial in lane.store.trials() if "result" in trial.user_attrs]
        told = [trial for trial in lane.store.trials() if trial.state.name == "COMPLETE"]
    assert states == ["COMPLETE"] * 4 and len(told) == 4


def test_the_default_is_known_by_its_settings(make_rig: MakeRig) -> None:
    """Also in a run of an older version, which gave its number to another trial."""
    rig = make_rig(count=1)
    default, other = (default_settings(FakeEncoder(), mode) for mode in ("abr", "vbr"))
    database = open_storage(rig.folder / "optuna.db")
    study = optuna.create_study(study_name="t@64.0", storage=database, direction="maximize")
    for settings in (other, default):
        params = {"rate_mode": settings.rate_mode, **settings.as_dict()}
        study.enqueue_trial(params, {"settings": [settings.rate_mode, settings.as_dict()]})
    close_storage(database)
    (results,) = rig.run(Budget(3, None))
    assert [result.record.number for result in results] == [0, 1, 2]
    assert results[0].record.settings == other
    with rig.open() as (lane,):
        assert lane.default().settings == default


def fail_once(rig: Any, error: Exception, shaping: int) -> list[Job]:
    """The first job with this shaping fails; the list of all that were tried with it."""
    tried: list[Job] = []

    def fail(job: Job) -> None:
        if job.settings.as_dict()["shaping"] == shaping and job.settings.rate_mode == "abr":
            tried.append(job)
            if len(tried) == 1:
                raise error

    rig.executor.before = fail
    return tried


def test_a_failed_default_is_always_tried_again(make_rig: MakeRig) -> None:
    """What was wrong in the night may be mended in the morning; nothing is bricked by it."""
    (whole,) = make_rig("whole", count=1).run(BUDGET)
    rig = make_rig("failed", count=1)
    fail_once(rig, EncoderFailed("exit code 1", ["fake"], 1, ""), shaping=3)
    rig.run(BUDGET)
    with rig.open() as (lane,):
        assert lane.problem() is None and lane.store.next_ordinal == 0
    (resumed,) = make_rig("failed", count=1).run(BUDGET)
    assert resumed[0].record == whole[0].record
    # The others may start elsewhere, as there was no default to start from; not with others.
    assert [r.record.settings for r in resumed] == [r.record.settings for r in whole]


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (EncoderTimedOut("timed out after 120 s", ["fake"], None, ""), True),
        (EncoderFailed("exit code 1", ["fake"], 1, "x: No space left on device"), True),
        (EncoderFailed("exit code 1", ["fake"], 1, "no such mode"), False),
    ],
)
def test_what_the_machine_may_have_done_is_tried_again_once(
    make_rig: MakeRig, error: Exception, again: bool
) -> None:
    """When the run goes on; what the settings did is what it is."""
    (whole,) = make_rig("whole", count=1).run(BUDGET)
    last = whole[-1].record
    tried = []
    for _ in range(3):
        rig = make_rig("run", count=1)
        seen: list[Job] = []

        def fail(job: Job, seen: list[Job] = seen) -> None:
            if job.settings == last.settings:
                seen.append(job)
                raise error

        rig.executor.before = fail
        (results,) = rig.run(BUDGET)
        assert results[-1].record.state == "failed"
        tried.append(len(seen))
    assert tried == ([1, 1, 0] if again else [1, 0, 0])
