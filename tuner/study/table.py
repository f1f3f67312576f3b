"""One TOML table, read key by key with its problems collected."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal, cast

from tuner.encoder import Value
from tuner.errors import StudyError
from tuner.study.database_url import parse_url
from tuner.suggestion import did_you_mean, read_kbps, read_switch

#: Legal target bitrates, kb/s: the lowest speech codec to lossless stereo at 192 kHz.
BITRATE_RANGE = (4.0, 6000.0)
#: Legal sample rates, Hz: below there is no audio band worth coding (`tuner.sound.excerpts`).
RATE_RANGE_HZ = (16_000, 192_000)
#: Sizes past which nothing is meant, but a slip or an attack: most bitrates of one study, the
#: longest text, the largest whole number (what databases and NumPy's seeds hold, 64 bits signed).
MOST_BITRATES, LONGEST_TEXT, LARGEST_WHOLE = 64, 4096, 2**63 - 1
#: Largest factor of encode time, and how much of a wrong value is shown.
LARGEST_FACTOR, SHOWN_CHARS = 1000.0, 80
#: What texts that must be there are, for messages.
WANTED_TEXTS = {
    "encoder": "an encoder listed by `tuner encoders` (or use --encoder NAME)",
    "clips.folder": "a folder of WAV or FLAC files (or use --clips FOLDER)",
}


class Table:
    """Reads one table; what is wrong is added to `problems`, and a default given.

    Args:
        raw: the whole content of the file.
        name: the table's name; "" for the keys at the top.
        problems: where problems go, as sentences.
    """

    def __init__(self, raw: Mapping[str, object], name: str, problems: list[str]) -> None:
        table = raw.get(name, {}) if name else raw
        self.prefix = f"{name}." if name else ""
        self.problems = problems
        self.known: set[str] = set()
        self.table: Mapping[str, object] = {}
        if isinstance(table, Mapping):
            self.table = table
        else:
            problems.append(f"{name}: must be a table [{name}] (got {shown(table)})")

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self.table

    def _get(self, key: str) -> object:
        self.known.add(key)
        return self.table.get(key)

    def refuse(self, key: str, wanted: str, value: object) -> None:
        """Collect a problem: what was found, and what is `wanted`."""
        told = (
            f"missing; must be {wanted}"
            if value is None
            else f"must be {wanted} (got {shown(value)})"
        )
        self.problems.append(f"{self.prefix}{key}: {told}")

    def text(self, key: str, *, optional: bool = False) -> str | None:
        """A text that is not empty."""
        value = self._get(key)
        if _is_text(value):
            return cast(str, value)
        if value is not None or not optional:
            self.refuse(key, WANTED_TEXTS.get(f"{self.prefix}{key}", "a string"), value)
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._get(key)
        listed = value if isinstance(value, list | tuple) else []
        good = tuple(text for text in listed if _is_text(text))
        if value is not None and (len(good) != len(listed) or not isinstance(value, list | tuple)):
            self.refuse(key, "a list of strings", value)
        return good

    def database(self, key: str) -> str | None:
        """A database's URL, which is not shown when it is wrong."""
        url = self.text(key, optional=True)
        if url is not None:
            try:
                parse_url(url)
            except StudyError as error:
                self.problems.append(str(error))
        return url

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._get(key)
        if isinstance(value, str) and (switch := read_switch(value)) is not None:
            return switch
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.refuse(key, "true or false", value)
        return default

    def times(self, key: str) -> float | None:
        """A factor written as a text: "1.5x"."""
        value = self._get(key)
        matched = re.fullmatch(r"(\d+\.?\d*)x", value) if isinstance(value, str) else None
        if matched is not None and 0 < float(matched[1]) <= LARGEST_FACTOR:
            return float(matched[1])
        if value is not None:
            most = f"{LARGEST_FACTOR:g}"
            self.refuse(key, f'times the default\'s, as in "1.5x", up to {most}', value)
        return None

    def whole(
        self, key: str, default: int | None, *, low: int, high: int = LARGEST_WHOLE
    ) -> int | None:
        """A whole number from `low` to `high`."""
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        legal = f">= {low}" if high == LARGEST_WHOLE else f"from {low} to {high}"
        self.refuse(key, f"an integer {legal}", value)
        return default

    def whole_or_all(self, key: str, default: int, *, high: int) -> int | Literal["all"]:
        """A whole number from 0, or "all"."""
        if self.table.get(key) == "all":
            self.known.add(key)
            return "all"
        return self.whole(key, default, low=0, high=high) or 0

    def rate(self, key: str) -> int | Literal["source"]:
        """A sample rate in Hz, or "source"."""
        value = self._get(key)
        if value is None or value == "source":
            return "source"
        low, high = RATE_RANGE_HZ
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.refuse(key, f'"source", or an integer from {low} to {high} Hz', value)
        return "source"

    def number(self, key: str, default: float | None, low: float, high: float) -> float | None:
        """A number from `low` to `high`."""
        value = self._get(key)
        if value is None:
            return default
        if _is_number(value) and low <= cast(float, value) <= high:
            return float(cast(float, value))
        self.refuse(key, f"a number from {low:g} to {high:g}", value)
        return default

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        """One of the choices."""
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, str) and value in choices:
            return value
        self.refuse(key, "one of " + ", ".join(choices), value)
        return default

    def bitrates(self, key: str, *, optional: bool = False) -> tuple[float, ...]:
        """Target bitrates, ascending, kb/s."""
        return self.numbers(key, BITRATE_RANGE, "kb/s", optional=optional)

    def numbers(
        self, key: str, legal: tuple[float, float], what: str, *, optional: bool = False
    ) -> tuple[float, ...]:
        """A list of different numbers in a legal range, ascending; `what` they are."""
        value = self._get(key)
        if optional and value in (None, [], ()):
            return ()
        low, high = legal
        listed = value if isinstance(value, list | tuple) else []
        listed = listed if len(listed) <= MOST_BITRATES else []
        numbers = [_kbps(x) for x in listed]
        good = [float(x) for x in numbers if x is not None and low <= x <= high]
        if not good or len(good) != len(listed) or len(set(good)) != len(good):
            wanted = f"a list of up to {MOST_BITRATES} different {what} from {low:g} to {high:g}"
            self.refuse(key, wanted, value)
        return tuple(sorted(good))

    def values(self) -> tuple[tuple[str, Value], ...]:
        """All keys as (name, value) pairs."""
        good: dict[str, Value] = {}
        for key, value in self.table.items():
            if isinstance(value, bool) or _is_text(value) or _is_small(value):
                good[key] = cast(Value, value)
            else:
                self.refuse(key, "a number, a string, true or false", value)
        return tuple(sorted(good.items()))

    def refuse_unknown(self, also: Sequence[str] = ()) -> None:
        """Collect a problem for each key that nobody asked for."""
        known = [*sorted(self.known), *also]
        for key in self.table:
            if key not in known:
                names = ", ".join(known)
                meant = did_you_mean(key[:SHOWN_CHARS], known)
                self.problems.append(
                    f"{self.prefix}{_cut(key)}: unknown{meant}; known here: {names}"
                )


def shown(value: object) -> str:
    """A value as a message has it: cut where it is long, whatever its size."""
    try:
        return _cut(repr(value))
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number with thousands of digits"
    except RecursionError:
        return "a value nested too deeply"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def _is_text(value: object) -> bool:
    """Whether it is a text that may name something: not empty, nor endless, nor cut by a NUL."""
    is_text = isinstance(value, str) and value.strip() != ""
    return is_text and len(cast(str, value)) <= LONGEST_TEXT and "\0" not in cast(str, value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _is_small(value)


def _kbps(value: object) -> float | None:
    """A bitrate as a number or a text ("64k"); None where it is neither."""
    if isinstance(value, str) and len(value) <= SHOWN_CHARS:
        try:
            return read_kbps(value)
        except ValueError:
            return None
    return cast(float, value) if _is_number(value) else None


def _is_small(value: object) -> bool:
    """Whether a number is finite and, if whole, of 64 bits."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) <= LARGEST_WHOLE
