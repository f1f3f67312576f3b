"""What subjects answered: JSON lines, one file per subject, whole at every moment.

Each line is one page: ``{"version": 1, "subject", "page", "answer", "order", "seconds", "time"}``,
and ``"comment"`` where the subject wrote one.
`answer` is condition -> rating (0 to 100) in MUSHRA; in ABX the condition that the subject took
X for, and the one that it was. `order` holds the conditions behind the letters. Answering a page
again replaces its line.

Files may be copied, merged and edited by hand before they are analysed, so every line is checked
against the plan when it is read.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuner.atomic import atomic_write
from tuner.errors import RunError
from tuner.listening.plan import TRAINING, Plan

RESULTS_FOLDER = "results"
ANSWERS_VERSION = 1
READABLE_VERSIONS = (1,)

Line = dict[str, Any]
"""One page as stored, checked."""

#: Longest comment, characters.
MOST_COMMENT = 2_000
#: What a subject may be called: nothing that a file system reads as more than a name.
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class AnswerRefused(RunError):
    """An answer that does not fit the plan; nothing was stored."""


def check_subject(subject: object) -> str:
    """The subject's name. Raises `AnswerRefused` if it could not be a file's name."""
    if not (isinstance(subject, str) and _SUBJECT.fullmatch(subject)):
        raise AnswerRefused("a name must be 1 to 40 letters, digits, - or _ (for example anna-2)")
    return subject


def read_answers(folder: Path, plan: Plan, subject: str) -> dict[str, Line]:
    """Page -> line of one subject; empty if there is none yet.

    Raises:
        RunError: naming the file, if it is damaged, of another subject or of another test.
    """
    path = folder / RESULTS_FOLDER / f"{check_subject(subject)}.jsonl"
    if not path.exists():
        return {}
    try:
        return _read(path, plan, subject)
    except _Unusable as error:
        raise RunError(str(error), where=path, remedy="move or repair the file") from error


def read_all_answers(folder: Path, plan: Plan) -> tuple[dict[str, dict[str, Line]], dict[str, str]]:
    """Every subject's answers without training, and what could not be used.

    Returns:
        Subject -> page -> line, by name; and name of a file -> why nothing of it is used.
    """
    answers, refused = {}, {}
    for path in sorted((folder / RESULTS_FOLDER).glob("*.jsonl")):
        try:
            lines = _read(path, plan, path.stem)
        except _Unusable as error:
            # Names of files may hold bytes that are no text.
            refused[path.name.encode("utf-8", "backslashreplace").decode()] = str(error)
        else:
            answers[path.stem] = {p: line for p, line in lines.items() if p != TRAINING}
    return answers, refused


class _Unusable(Exception):
    """Why a file of answers cannot be used, in words."""


def _read(path: Path, plan: Plan, subject: str) -> dict[str, Line]:
    found: dict[str, Line] = {}
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise _Unusable(f"cannot be read ({error})") from error
    for number, text in enumerate(texts, start=1):
        try:
            line = json.loads(text, parse_constant=_refuse_constant)
            _check_line(line, plan, subject)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _Unusable(f"line {number} cannot be read ({error!r})") from error
        except _Unusable as error:
            raise _Unusable(f"line {number}: {error}") from error
        found[line["page"]] = line
    return found


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def _check_line(line: Line, plan: Plan, subject: str) -> None:
    if line["version"] not in READABLE_VERSIONS:
        raise _Unusable(f"version {line['version']!r}, this program reads {ANSWERS_VERSION}")
    if line["subject"] != subject:
        raise _Unusable(f"contains answers of {line['subject']!r}; was the file copied?")
    trial = plan.trial(line["page"])
    if trial is None:
        raise _Unusable(f"page {line['page']!r} is not in this test")
    if not is_text(line.get("comment", ""), MOST_COMMENT):
        raise _Unusable(f"page {line['page']}: its comment is not text")
    answer, order = line["answer"], line["order"]
    conditions = {stimulus.condition for stimulus in trial.stimuli}
    if not isinstance(order, list) or set(order) != conditions:
        raise _Unusable(f"page {line['page']}: wrong conditions in its order")
    if plan.kind == "abx":
        if set(answer) != {"taken_for", "was"} or not set(answer.values()) <= conditions:
            raise _Unusable(f"page {line['page']}: not an answer of this test")
        return
    if set(answer) != conditions:
        odd = ", ".join(sorted(set(answer) ^ conditions))
        raise _Unusable(f"page {line['page']}: wrong conditions ({odd})")
    for condition, rating in answer.items():
        if not _is_rating(rating):
            raise _Unusable(
                f"page {line['page']}, {condition}: {rating!r} is not a rating (0 to 100)"
            )


def is_text(given: object, most: int) -> bool:
    """Whether something is text that a file can hold, of at most so many characters."""
    if not isinstance(given, str) or len(given) > most:
        return False
    # JSON can hold halves of characters, which no file of text can.
    return not any("\ud800" <= letter <= "\udfff" for letter in given)


def _is_rating(rating: object) -> bool:
    return type(rating) is int and 0 <= rating <= 100


def store_answer(
    folder: Path,
    plan: Plan,
    subject: str,
    page: str,
    given: object,
    seconds: float,
    comment: object = "",
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
        comment: what the subject wrote about it, at most `MOST_COMMENT` characters; may be empty.

    Raises:
        AnswerRefused: it does not fit the plan.
        RunError: the file cannot be written.
    """
    check_subject(subject)
    if plan.trial(page) is None:
        raise AnswerRefused("not in this test", where=f"page {page!r}")
    conditions = [stimulus.condition for stimulus in plan.order(subject, page)]
    if not is_text(comment, MOST_COMMENT):
        raise AnswerRefused(f"a comment must be text of at most {MOST_COMMENT} characters")
    line = {
        "version": ANSWERS_VERSION,
        "subject": subject,
        "page": page,
        "answer": _mushra(conditions, given) if plan.kind == "mushra" else _abx(conditions, given),
        "order": conditions,
        "seconds": round(seconds, 1),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if comment:
        line["comment"] = comment
    lines = read_answers(folder, plan, subject) | {page: line}
    path = folder / RESULTS_FOLDER / f"{subject}.jsonl"
    try:
        path.parent.mkdir(exist_ok=True)
        atomic_write(path, "".join(json.dumps(each) + "\n" for each in lines.values()), sync=True)
    except OSError as error:
        raise RunError(
            f"cannot be written ({error})", where=path, remedy="free space there"
        ) from error


def _mushra(conditions: list[str], given: object) -> dict[str, int]:
    if not isinstance(given, list) or len(given) != len(conditions):
        raise AnswerRefused(f"this page needs {len(conditions)} ratings")
    if not all(map(_is_rating, given)):
        raise AnswerRefused("a rating must be an integer from 0 to 100")
    return dict(zip(conditions, given, strict=True))


def _abx(conditions: list[str], given: object) -> dict[str, str]:
    if type(given) is not int or given not in (0, 1):
        raise AnswerRefused("the answer must be 0 for A or 1 for B")
    return {"taken_for": conditions[given], "was": conditions[2]}
