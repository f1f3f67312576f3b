"""What other programs read: ratings for `tuner ratings`, and a configuration for webMUSHRA."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

from tuner.errors import RunError
from tuner.listening.analysis import Analysis
from tuner.listening.answers import read_all_answers
from tuner.listening.plan import REFERENCE, Plan, Trial

#: The reference's condition in the format that `tuner ratings` reads.
CSV_REFERENCE = "Reference"
CSV_COLUMNS = ("signal", "condition", "listener", "rating", "file", "speaker")


def export_ratings(folder: Path, plan: Plan, analysis: Analysis, path: Path) -> None:
    """Write the ratings of the subjects who count as CSV, files relative to it.

    `signal` is one clip at one bitrate; `speaker` is the clip, so that its bitrates are never on
    both sides of a split.

    Raises:
        RunError: an ABX test has no ratings; or the file cannot be written.
    """
    if plan.kind != "mushra":
        raise RunError(f"{folder}: an ABX test has no ratings to export; make a MUSHRA test")
    answers = read_all_answers(folder)
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
                        signal = signal_name(trial)
                        writer.writerow([signal, condition, subject, rating, file, trial.clip])
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error})") from error


def signal_name(trial: Trial) -> str:
    """The clip at its bitrate, in words."""
    rate = "" if trial.bitrate_kbps is None else f" @ {trial.bitrate_kbps:g} kb/s"
    return trial.clip + rate


def export_webmushra(plan: Plan, path: Path, stimuli: str = "configs/resources") -> None:
    """Write a configuration for webMUSHRA (audiolabs), after its experimenter's manual.

    It is JSON, which is YAML, too: nothing in a clip's name can break it. webMUSHRA adds the
    hidden reference itself; the anchors are this test's own files.

    Args:
        plan: a MUSHRA test.
        path: the file.
        stimuli: where webMUSHRA finds the test's ``stimuli`` folder.

    Raises:
        RunError: an ABX test; or the file cannot be written.
    """
    if plan.kind != "mushra":
        raise RunError(f"{path}: webMUSHRA knows no ABX; make a MUSHRA test")
    pages = [_webmushra_page(plan.trials[0], stimuli, training=True)]
    pages.append(["random", *(_webmushra_page(t, stimuli, training=False) for t in plan.trials)])
    welcome = {
        "type": "generic",
        "id": "welcome",
        "name": plan.title,
        "content": "Rate every version against the reference. One of them is the reference.",
    }
    finish = {
        "type": "finish",
        "name": "Thank you",
        "content": "The test is finished.",
        "showResults": False,
        "writeResults": True,
        "questionnaire": [{"type": "text", "label": "Name", "name": "name"}],
    }
    content = {
        "testname": plan.title,
        "testId": f"tuner-{plan.seed}",
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": False,
        "remoteService": "service/write.php",
        "pages": [welcome, *pages, finish],
    }
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error})") from error


def _webmushra_page(trial: Trial, stimuli: str, *, training: bool) -> Any:
    return {
        "type": "mushra",
        "id": "training" if training else f"trial{trial.name}",
        "name": "Training" if training else "",
        "content": "This page does not count." if training else "",
        "showWaveform": False,
        "enableLooping": True,
        "strict": False,
        "randomize": True,
        "showConditionNames": False,
        "createAnchor35": False,
        "createAnchor70": False,
        "reference": f"{stimuli}/{trial.reference}",
        "stimuli": {
            each.condition: f"{stimuli}/{each.file}"
            for each in trial.stimuli
            if each.condition != REFERENCE
        },
    }
