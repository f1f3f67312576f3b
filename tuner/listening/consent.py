"""What subjects read before a test, and that they agreed to it.

The text is Markdown in the plan. Agreement is kept beside the answers, as
``results/NAME.consent.json``: who, when, and the digest of the text that was shown.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from tuner.errors import RunError
from tuner.listening.notes import read_note, store_note
from tuner.listening.plan import Plan

#: Kind of the note.
CONSENT = "consent"
#: Longest text, characters: twenty pages.
MOST_CHARS = 50_000


def read_intro(file: Path) -> str:
    """The text to be shown before a test.

    Raises:
        RunError: it cannot be read, is empty or too long.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise RunError(f"cannot be read ({error})", where=file) from error
    if not 0 < len(text.strip()) <= MOST_CHARS:
        raise RunError(f"is empty, or longer than {MOST_CHARS} characters", where=file)
    return text


def render_intro(plan: Plan) -> str:
    """The text as HTML; what looks like HTML in it is shown as it stands."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    return str(markdown.render(plan.intro))


def has_consented(folder: Path, plan: Plan, subject: str) -> bool:
    """Whether this subject agreed to this very text; true where there is none.

    Raises:
        RunError: what was kept cannot be read.
    """
    if not plan.intro:
        return True
    note = read_note(folder, subject, CONSENT)
    return note is not None and note.get("intro_sha256") == _digest(plan)


def store_consent(folder: Path, plan: Plan, subject: str) -> None:
    """Keep that a subject agreed now. Raises `RunError` if it cannot be written."""
    store_note(folder, subject, CONSENT, {"intro_sha256": _digest(plan)})


def _digest(plan: Plan) -> str:
    return hashlib.sha256(plan.intro.encode()).hexdigest()
