"""Invitations: a word for each subject, which lets its holder answer under that name alone.

A word is the name and a keyed digest of it (HMAC-SHA256 under the plan's secret), so that the
server needs no list of them, and nobody can make one without the plan.
"""

from __future__ import annotations

import hmac

from tuner.errors import RunError
from tuner.listening.answers import check_subject
from tuner.listening.plan import Plan

#: Hexadecimal digits of the digest: 96 bits are beyond guessing.
DIGEST_CHARS = 24


def invite(plan: Plan, subject: str) -> str:
    """The word that belongs to a subject's address, as ``?token=``.

    Raises:
        AnswerRefused: no name that a subject may have.
        RunError: a test of an older version, which has no secret.
    """
    if not plan.secret:
        raise RunError("this test has no secret (made by an older version)", remedy="make it again")
    name = check_subject(subject)
    digest = hmac.digest(plan.secret.encode(), f"invitation {name}".encode(), "sha256")
    return f"{name}.{digest.hex()[:DIGEST_CHARS]}"


def find_invited(plan: Plan, word: str) -> str | None:
    """The subject whose invitation this word is; None if it is none."""
    name = word.partition(".")[0]
    try:
        expected = invite(plan, name)
    except RunError:
        return None
    return name if hmac.compare_digest(word.encode(), expected.encode()) else None
