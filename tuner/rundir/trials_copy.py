"""A run's Optuna studies, copied into memory: nothing that is done with them changes the run."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import optuna

from tuner.errors import RunError
from tuner.rundir.database import close_storage, open_storage
from tuner.rundir.folder import RunFolder
from tuner.study.files import read_study
from tuner.study.spec import parse_study


class TrialsCopy(NamedTuple):
    """The copy.

    Args:
        storage: all studies, in memory.
        studies: target kb/s -> its study, ascending.
    """

    storage: optuna.storages.InMemoryStorage
    studies: dict[float, optuna.Study]


def copy_trials(run: Path) -> TrialsCopy:
    """Copy a run's studies into memory.

    Args:
        run: the run directory, finished or not.

    Raises:
        RunError: there is no such run, or its database cannot be read.
        StudyError: its study cannot be read.
    """
    folder = RunFolder(run.resolve(), "")
    study_file = run / "study.toml"
    if not study_file.is_file():
        raise RunError("is no run directory (no study.toml)", where=run)
    spec = parse_study(read_study(study_file), str(study_file))
    if spec.storage is None and not folder.database.is_file():
        raise RunError(f"has no trials yet (no {folder.database.name})", where=run)
    storage = open_storage(spec.storage or folder.database)
    prefix = f"{folder.name}/" if spec.storage else ""
    copied = optuna.storages.InMemoryStorage()
    studies = {}
    try:
        for name in optuna.get_all_study_names(storage):
            own, at, kbps = name.rpartition("@")
            if not at or not own.startswith(prefix):
                continue
            shown = name.removeprefix(prefix)
            optuna.copy_study(
                from_study_name=name,
                from_storage=storage,
                to_storage=copied,
                to_study_name=shown,
            )
            studies[float(kbps)] = optuna.load_study(study_name=shown, storage=copied)
    finally:
        close_storage(storage)
    if not studies:
        raise RunError("its database holds no trials of it", where=run)
    return TrialsCopy(copied, dict(sorted(studies.items())))
