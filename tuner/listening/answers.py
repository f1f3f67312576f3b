"""What subjects answered: JSON lines, one file per subject, whole at every moment.

Each line is one page: ``{"version": 1, "subject", "page", "answer", "order", "seconds", "time"}``.
`answer` is condition -> rating (0 to 100) in MUSHRA; in ABX the condition that the subject took
X for, and the one that it was. `order` holds the conditions behind the letters. Answering a page
again replaces its line.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuner.errors import RunError
from tuner.listening.plan import TRAINING, Plan

RESULTS_FOLDER = "results"
ANSWERS_VERSION = 1
#: What a subject may be called: nothing that a file system reads as more than a name.
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class AnswerRefused(RunError):
    """An answer that does not fit the plan; nothing was stored."""


def check_subject(subject: object) -> str:
    """The subject's name. Raises `AnswerRefused` if it could not be a file's name."""
    if not (isinstance(subject, str) and _SUBJECT.fullmatch(subject)):
        raise AnswerRefused("a name is 1 to 40 letters, digits, - or _, as in anna-2")
    return subject


def read_answers(folder: Path, subject: str) -> dict[str, dict[str, Any]]:
    """Page -> line of one subject; empty if there is none yet.

    Raises:
        RunError: naming the file, if it is damaged.
    """
    path = folder / RESULTS_FOLDER / f"{check_subject(subject)}.jsonl"
    if not path.exists():
        return {}
    found = {}
    try:
        for text in path.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            if line["version"] != ANSWERS_VERSION:
                raise ValueError(f"version {line['version']}")
            found[str(line["page"])] = line
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: cannot be read ({error!r}); move it away or mend it") from error
    return found


def read_all_answers(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Subject -> page -> line, by name, without training."""
    subjects = sorted(path.stem for path in (folder / RESULTS_FOLDER).glob("*.jsonl"))
    return {
        subject: {p: line for p, line in read_answers(folder, subject).items() if p != TRAINING}
        for subject in subjects
    }


def store_answer(
    folder: Path, plan: Plan, subject: str, page: str, given: object, seconds: float
) -> None:
    """Check a page's answer and write the subject's file anew, atomically.

    Args:
        folder: the test's folder.
        plan: its plan.
        subject: who answers.
        page: which page.
        given: MUSHRA: one rating per letter, in the order of the letters; ABX: 0 or 1, the letter
            that X is taken for.
        seconds: time spent on the page.

    Raises:
        AnswerRefused: it does not fit the plan.
        RunError: the file cannot be written.
    """
    check_subject(subject)
    if plan.trial(page) is None:
        raise AnswerRefused(f"page {page!r}: not in this test")
    conditions = [stimulus.condition for stimulus in plan.order(subject, page)]
    line = {
        "version": ANSWERS_VERSION,
        "subject": subject,
        "page": page,
        "answer": _mushra(conditions, given) if plan.kind == "mushra" else _abx(conditions, given),
        "order": conditions,
        "seconds": round(seconds, 1),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    lines = read_answers(folder, subject) | {page: line}
    path = folder / RESULTS_FOLDER / f"{subject}.jsonl"
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(exist_ok=True)
        with partial.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(each) + "\n" for each in lines.values())
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error}); free space there") from error


def _mushra(conditions: list[str], given: object) -> dict[str, int]:
    if not isinstance(given, list) or len(given) != len(conditions):
        raise AnswerRefused(f"{len(conditions)} ratings belong to this page")
    if not all(type(rating) is int and 0 <= rating <= 100 for rating in given):
        raise AnswerRefused("a rating is a whole number, 0 to 100")
    return dict(zip(conditions, given, strict=True))


def _abx(conditions: list[str], given: object) -> dict[str, str]:
    if type(given) is not int or given not in (0, 1):
        raise AnswerRefused("the answer is 0 for A or 1 for B")
    return {"taken_for": conditions[given], "was": conditions[2]}
