"""The questionnaire before a test: questions from a TOML file, replies checked and kept.

A file holds one table a question::

    [[question]]
    id = "headphones"
    text = "What do you listen with?"
    choices = ["headphones", "loudspeakers"]

`STANDARD` names the one that comes with the program.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from tuner.errors import RunError
from tuner.listening.answers import AnswerRefused, is_text
from tuner.listening.notes import read_note, store_note
from tuner.listening.plan import Plan, Question

#: Word for the questions that come with the program, in place of a file.
STANDARD = "standard"
#: Kind of the note.
QUESTIONNAIRE = "questionnaire"
#: Longest reply in words, characters; most questions, and most choices of one.
MOST_CHARS, MOST_QUESTIONS, MOST_CHOICES = 500, 30, 20

Replies = dict[str, str | float]
"""Question's id -> what was replied; without those that were left open."""

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    text: str
    choices: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    required: bool = True


class _File(msgspec.Struct, forbid_unknown_fields=True):
    question: tuple[_Asked, ...]


def read_questions(file: str) -> tuple[Question, ...]:
    """The questions of a TOML file, or of the program (`STANDARD`).

    Raises:
        RunError: it cannot be read, or asks in a way that cannot be shown.
    """
    path = Path(file)
    source = resources.files("tuner.listening") / "questions.toml" if file == STANDARD else path
    try:
        content = tomllib.loads(source.read_text(encoding="utf-8"))
        asked = msgspec.convert(content, _File).question
        questions = tuple(Question(q.id, q.text, q.choices, q.range, q.required) for q in asked)
        _check(questions)
    except OSError as error:
        raise RunError(
            f"cannot be read ({error.strerror})",
            where=file,
            remedy=f"give a TOML file, or {STANDARD}",
        ) from error
    except ValueError as error:
        raise RunError(
            f"not a questionnaire ({error})",
            where=file,
            remedy="write it as docs/listening.md shows, in UTF-8",
        ) from error
    return questions


def _check(questions: Sequence[Question]) -> None:
    if not 0 < len(questions) <= MOST_QUESTIONS:
        raise ValueError(f"{len(questions)} questions; 1 to {MOST_QUESTIONS} can be asked")
    ids = [question.id for question in questions]
    if twice := next((each for each in ids if ids.count(each) > 1), None):
        raise ValueError(f"two questions have the id {twice!r}")
    for each in questions:
        if not _ID.fullmatch(each.id):
            raise ValueError(f"the id {each.id!r} is not a letter, then letters, digits, - or _")
        if not each.text.strip():
            raise ValueError(f"{each.id}: the text is empty")
        if each.choices and each.range:
            raise ValueError(f"{each.id}: give choices or a range, not both")
        if each.choices and not 2 <= len(set(each.choices)) == len(each.choices) <= MOST_CHOICES:
            raise ValueError(f"{each.id}: give 2 to {MOST_CHOICES} different choices")
        if not all(choice.strip() for choice in each.choices):
            raise ValueError(f"{each.id}: a choice is empty")
        if each.range and not -math.inf < each.range[0] < each.range[1] < math.inf:
            raise ValueError(f"{each.id}: a range is two finite numbers, the lower one first")


def read_replies(folder: Path, plan: Plan, subject: str) -> Replies | None:
    """What a subject replied to the questions; None if nothing yet.

    Raises:
        RunError: what was kept cannot be read, or does not fit the questions.
    """
    note = read_note(folder, subject, QUESTIONNAIRE)
    if note is None:
        return None
    try:
        return check_replies(plan.questions, note.get("replies"))
    except AnswerRefused as error:
        file = f"{subject}.{QUESTIONNAIRE}.json"
        raise RunError(str(error), where=file, remedy="move it away") from error


def store_replies(folder: Path, plan: Plan, subject: str, given: object) -> None:
    """Check replies and keep them.

    Raises:
        AnswerRefused: they do not fit the questions.
        RunError: they cannot be written.
    """
    replies = check_replies(plan.questions, given)
    store_note(folder, subject, QUESTIONNAIRE, {"replies": replies})


def check_replies(questions: Sequence[Question], given: object) -> Replies:
    """Replies as they are kept. Raises `AnswerRefused` if they do not fit the questions."""
    if not isinstance(given, Mapping):
        raise AnswerRefused("the replies must be one value per question")
    if odd := set(given) - {question.id for question in questions}:
        raise AnswerRefused(f"no such question: {', '.join(sorted(map(str, odd)))}")
    replies = {}
    for question in questions:
        reply = given.get(question.id, "")
        if isinstance(reply, str):
            reply = reply.strip()
        if reply == "":
            if question.required:
                raise AnswerRefused(f"please answer: {question.text}")
            continue
        if problem := _problem(question, reply):
            raise AnswerRefused(f"{question.text}: {problem}")
        replies[question.id] = reply
    return replies


def _problem(question: Question, reply: Any) -> str | None:
    if question.choices:
        return None if reply in question.choices else "choose one of the answers"
    if question.range:
        low, high = question.range
        fits = type(reply) in (int, float) and low <= reply <= high
        return None if fits else f"give a number from {low:g} to {high:g}"
    return None if is_text(reply, MOST_CHARS) else f"give text of at most {MOST_CHARS} characters"
