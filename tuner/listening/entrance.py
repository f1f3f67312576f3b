"""What a subject does before the test: consent, the questionnaire, the volume.

No answer is accepted before all of it that the plan asks for is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.listening.answers import AnswerRefused
from tuner.listening.consent import has_consented, store_consent
from tuner.listening.plan import Plan
from tuner.listening.questions import read_replies, store_replies
from tuner.listening.volume import read_volume, store_volume

#: The steps, in their order.
CONSENT, QUESTIONS, VOLUME = "consent", "questions", "volume"


def find_missing(folder: Path, plan: Plan, subject: str) -> list[str]:
    """The steps that a subject has yet to do.

    Raises:
        RunError: what was kept cannot be read.
    """
    done = {
        CONSENT: has_consented(folder, plan, subject),
        QUESTIONS: not plan.questions or read_replies(folder, plan, subject) is not None,
        VOLUME: plan.tone is None or bool(read_volume(folder, subject)),
    }
    return [step for step, is_done in done.items() if not is_done]


def store_step(folder: Path, plan: Plan, subject: str, step: str, given: Mapping[str, Any]) -> None:
    """Keep what a subject did.

    Args:
        folder: the test's folder.
        plan: its plan.
        subject: who.
        step: `CONSENT`, `QUESTIONS` or `VOLUME`.
        given: questions: ``replies``; volume: ``set``, whether it was.

    Raises:
        AnswerRefused: it does not fit the plan.
        RunError: it cannot be written.
    """
    match step:
        case "consent":
            store_consent(folder, plan, subject)
        case "questions":
            store_replies(folder, plan, subject, given.get("replies"))
        case "volume":
            store_volume(folder, plan, subject, given.get("set"))
        case _:
            raise AnswerRefused(f"{step!r}: no such step")
