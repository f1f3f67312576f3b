"""Ratings as a table, for `tuner ratings` and whatever else reads CSV."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from tuner.errors import RunError
from tuner.listening.analysis import Analysis
from tuner.listening.items import Answers, name_item
from tuner.listening.plan import REFERENCE, Plan

#: The reference's condition in the format that `tuner ratings` reads.
CSV_REFERENCE = "Reference"
CSV_COLUMNS = ("signal", "condition", "listener", "rating", "file", "speaker")


def export_ratings(
    folder: Path, plan: Plan, answers: Answers, analysis: Analysis, path: Path
) -> None:
    """Write the ratings of the subjects who count as CSV, files relative to it.

    `signal` is one clip at one bitrate; `speaker` is the clip, so that its bitrates are never on
    both sides of a split.

    Raises:
        RunError: an ABX test has no ratings; or the file cannot be written.
    """
    if plan.kind != "mushra":
        raise RunError(
            "an ABX test has no ratings to export", where=folder, remedy="make a MUSHRA test"
        )
    try:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(CSV_COLUMNS)
            for trial in plan.trials:
                for stimulus in trial.stimuli:
                    name = stimulus.condition
                    condition = CSV_REFERENCE if name == REFERENCE else name
                    file = os.path.relpath(folder / stimulus.file, path.parent)
                    for subject in analysis.subjects:
                        rating = answers[subject][trial.name]["answer"][name]
                        signal = name_item(trial.clip, trial.bitrate_kbps)
                        writer.writerow([signal, condition, subject, rating, file, trial.clip])
    except OSError as error:
        raise RunError(f"cannot be written ({error})", where=path) from error
