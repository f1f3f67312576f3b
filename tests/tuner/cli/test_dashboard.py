"""`tuner dashboard` shows a copy of the trials."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna
import pytest

from tuner.cli.commands.dashboard import dashboard
from tuner.errors import RunError, TunerError
from tuner.rundir.database import close_storage, open_storage


def _run_with_trials(folder: Path) -> Path:
    folder.mkdir()
    (folder / "study.toml").write_text(
        'encoder = "fake"\nbitrates_kbps = [64]\n[clips]\nfolder = "music"\n'
    )
    storage = open_storage(folder / "optuna.db")
    study = optuna.create_study(storage=storage, study_name="fake@64", direction="maximize")
    study.add_trial(optuna.create_trial(value=1.0))
    close_storage(storage)
    return folder


def _stand_in(run_server: Any) -> ModuleType:
    module = ModuleType("optuna_dashboard")
    module.__spec__ = ModuleSpec("optuna_dashboard", None)
    module.__dict__["run_server"] = run_server
    return module


def test_it_serves_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All trials, on this machine only; what the pages change does not reach the run."""
    run = _run_with_trials(tmp_path / "run")
    served: list[Any] = []

    def run_server(storage: Any, host: str, port: int) -> None:
        served.append((host, port))
        study = optuna.load_study(study_name="fake@64", storage=storage)
        assert len(study.trials) == 1
        study.enqueue_trial({})
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "optuna_dashboard", _stand_in(run_server))
    for _ in range(2):
        dashboard(run, "127.0.0.1", 8123)
    assert served == [("127.0.0.1", 8123)] * 2


def test_what_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package, with what installs it; a folder that is no run."""
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    with pytest.raises(TunerError, match=r"pip install 'codec-tuner\[dashboard\]'"):
        dashboard(tmp_path, "127.0.0.1", 8123)
    monkeypatch.setitem(sys.modules, "optuna_dashboard", _stand_in(None))
    with pytest.raises(RunError, match="is no run directory"):
        dashboard(tmp_path, "127.0.0.1", 8123)
