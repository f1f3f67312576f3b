"""What was probably meant by a word that is not known, and how people write values."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

#: Share of letters, in order, that two words must have in common to be taken for one another.
LEAST_ALIKE = 0.65
#: Most suggestions that are equally near.
MOST_SHOWN = 2
#: How people write true and false.
SWITCHES = {
    **dict.fromkeys(("on", "true", "yes", "1"), True),
    **dict.fromkeys(("off", "false", "no", "0"), False),
}
#: How people write kb/s: 64, 64k, 64 kbps, 64 kb/s, 64 kbit/s.
KBPS = re.compile(r"([\d.]+)\s*(?:k|kbps|kb/s|kbit/s)?", re.IGNORECASE)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'aac'?)``, or nothing where no known word is near.

    >>> did_you_mean("acc", ["aac", "opus"])
    " (did you mean 'aac'?)"
    >>> did_you_mean("flac", ["aac", "opus"])
    ''
    """
    by_name = {
        name: difflib.SequenceMatcher(None, word.lower(), name.lower()).ratio() for name in known
    }
    best = max(by_name.values(), default=0.0)
    if best < LEAST_ALIKE:
        return ""
    near = [repr(name) for name, alike in by_name.items() if alike == best]
    return f" (did you mean {' or '.join(near[:MOST_SHOWN])}?)"


def read_switch(text: str) -> bool | None:
    """ "on", "off", "yes", "false" … as a boolean; None where it is none."""
    return SWITCHES.get(text.strip().lower())


def read_kbps(text: str) -> float:
    """A bitrate in kb/s: "64", "64k", "64 kbps". Raises ValueError."""
    matched = KBPS.fullmatch(text.strip())
    if matched is None:
        raise ValueError(f"{text!r} is no bitrate")
    return float(matched[1])


def show_value(value: object) -> str:
    """A setting's value for people: booleans as on and off."""
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
