"""Who listened: replies to the questionnaire, volume, time; and groups of subjects by a reply."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import StudyError
from tuner.listening.items import Answers
from tuner.listening.plan import Plan, Question
from tuner.listening.questions import Replies, read_replies
from tuner.listening.volume import read_volume

#: Group of the subjects who left a question open, or were never asked.
NO_REPLY = "no answer"


@dataclass(frozen=True)
class Profile:
    """A subject who began.

    Args:
        subject: who.
        replies: to the questions; empty where none were asked.
        volume_set: whether the volume was set by the tone, each time it was asked for.
        minutes: spent on the pages that were saved, without training; None where not known.
    """

    subject: str
    replies: Replies
    volume_set: tuple[bool, ...]
    minutes: float | None


def read_profiles(folder: Path, plan: Plan, answers: Answers) -> tuple[Profile, ...]:
    """The profiles of subjects of this program's own server.

    Raises:
        RunError: naming the file, if what was kept cannot be read.
    """
    return tuple(
        Profile(
            subject,
            (read_replies(folder, plan, subject) or {}) if plan.questions else {},
            read_volume(folder, subject) if plan.tone else (),
            _minutes([line.get("seconds") for line in pages.values()]),
        )
        for subject, pages in answers.items()
    )


def _minutes(seconds: Sequence[object]) -> float | None:
    known = [each for each in seconds if isinstance(each, int | float)]
    return round(sum(known) / 60, 1) if known else None


def group_by(
    plan: Plan, profiles: Sequence[Profile], counted: Collection[str], question: str
) -> dict[str, tuple[str, ...]]:
    """Reply -> the subjects who gave it, among those who count, in the order of the choices.

    Numbers are split at their median.

    Raises:
        StudyError: no such question, or one that is answered in words.
    """
    asked = next((each for each in plan.questions if each.id == question), None)
    if asked is None or not (asked.choices or asked.range):
        able = [each.id for each in plan.questions if each.choices or each.range]
        raise StudyError(
            "not a question with choices or numbers in this test",
            where=f"--by {question}",
            remedy=f"it has {', '.join(able) or 'none'}",
        )
    replies = {each.subject: each.replies.get(question) for each in profiles}
    names = _names(asked, {s: replies.get(s) for s in counted})
    order = [*asked.choices, *sorted({*names.values()} - {*asked.choices, NO_REPLY}), NO_REPLY]
    groups = {name: tuple(s for s in counted if names[s] == name) for name in order}
    return {name: subjects for name, subjects in groups.items() if subjects}


def _names(asked: Question, replies: Mapping[str, str | float | None]) -> dict[str, str]:
    """Subject -> name of the group."""
    numbers = [each for each in replies.values() if isinstance(each, int | float)]
    median = statistics.median(numbers) if numbers else 0.0

    def name(reply: str | float | None) -> str:
        if reply is None:
            return NO_REPLY
        if isinstance(reply, str):
            return reply
        return f"below {median:g}" if reply < median else f"{median:g} or more"

    return {subject: name(reply) for subject, reply in replies.items()}
