"""Whatever dies or is stopped: the same command goes on, and nothing finished is lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import optuna

from tuner.cli.commands.status import STATES
from tuner.records import Answer
from tuner.rundir.status import read_status


def test_the_driver_is_killed(rig: Any, undisturbed: Answer) -> None:
    """SIGKILL with a trial scored and not yet told: the next session tells the same trials."""
    rig.wish("tell", "3 pause")
    session = rig.start()
    driver = rig.wait("tell")
    assert others_see(rig.run) == 2
    second = rig.start().end()
    assert second.code == 1 and "another `tuner run` is working here" in second.told
    assert f"(process {driver} on " in second.told
    os.kill(driver, signal.SIGKILL)
    assert session.end().code == -signal.SIGKILL
    state = read_status(rig.run).state
    assert state == "killed" and "finished work is kept" in STATES[state]
    assert len(rig.kept().trials) == 2
    assert rig.go_on().trials == undisturbed.trials


def others_see(run: Path) -> int:
    """How many finished trials another process reads, as Optuna Dashboard does."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{run / 'optuna.db'}")
    study = optuna.load_study(study_name="fake@64", storage=storage)
    finished = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    assert study.best_value == max(trial.value for trial in finished)
    storage.remove_session()
    storage.engine.dispose()
    return len(finished)


def test_workers_are_killed(rig: Any, undisturbed: Answer) -> None:
    """SIGKILL of a worker while it encodes, and while it scores: the run goes on by itself."""
    rig.wish("encode", "7 pause")
    rig.wish("score", "5 pause")
    session = rig.start()
    dead = set()
    for point in ("encode", "score"):
        dead.add(worker := rig.wait(point))
        os.kill(worker, signal.SIGKILL)
        rig.release(point)
    assert session.end().code == 0, session.told
    assert len(dead) == 2 and session.process.pid not in dead
    assert rig.result().trials == undisturbed.trials


def test_a_scorer_that_fails_gives_no_score(rig: Any) -> None:
    """Dead on both tries, NaN, or infinite: that trial fails and says why; the others count."""
    # The default's four clips come first, before the search.
    rig.wish("score", "5 pause")
    session = rig.start("--no-prune")
    for again in ("1 pause", "3 nan\n4 inf"):
        os.kill(rig.wait("score"), signal.SIGKILL)
        rig.wish("score", again)
        rig.release("score")
    assert session.end().code == 0, session.told
    assert "trial 2/5 failed (WorkerDied: the worker process died 2 times" in session.told
    failed = [trial for trial in rig.result().trials if trial.state == "failed"]
    for trial, reason in zip(failed, ("died 2 times", "mean=nan", "mean=inf"), strict=True):
        assert reason in trial.reason
    assert rig.result().trials[rig.result().candidates[0].trial].state == "complete"


def test_ctrl_c_twice(rig: Any, undisturbed: Answer) -> None:
    """The first stops with care; the second ends at once, and nothing is lost either."""
    rig.wish("score", "5 pause")
    rig.wish("close", "1 pause")
    session = rig.start()
    rig.wait("score")
    session.process.send_signal(signal.SIGINT)
    assert rig.wait("close") == session.process.pid
    session.process.send_signal(signal.SIGINT)
    assert session.end().code == 130
    assert "Ctrl-C again to quit at once" in session.told and "the same command" in session.told
    assert "Traceback" not in session.told
    assert read_status(rig.run).state == "stopped"
    for point in ("score", "close"):
        rig.release(point)
    assert rig.go_on().trials == undisturbed.trials
