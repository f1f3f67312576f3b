"""How the report writes numbers, settings and times: plain text, one style everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tuner.records import MODEL, Results
from tuner.records import metric_label as metric_label
from tuner.records import objective_label as objective_label

MINUS = "\N{MINUS SIGN}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

Value = bool | int | float | str


def signed(value: float) -> str:
    """A difference with its sign and one decimal: "+6.2", "−0.4", "0.0"."""
    rounded = round(value, 1)
    if rounded == 0:
        return "0.0"
    return f"{'+' if rounded > 0 else MINUS}{abs(rounded):.1f}"


def plain(value: float) -> str:
    """A number with one decimal and a real minus sign."""
    return signed(value).removeprefix("+")


def plain_whole(value: float) -> str:
    """A whole number with a real minus sign."""
    rounded = round(value)
    return f"{MINUS}{-rounded}" if rounded < 0 else f"{rounded}"


def interval(low: float, high: float) -> str:
    """An interval in words: "4.1 to 8.3"."""
    return f"{plain(low)} to {plain(high)}"


def objective_name(results: Results) -> str | None:
    """What the search maximised, where it is not the mean score: "Consensus"."""
    sides = (s for b in results.bitrates for c in b.candidates for s in c.sides.values())
    if all(side.objective_gain is None for side in sides):
        return None
    label = objective_label(results.objective)
    return label[:1].upper() + label[1:]


def metric_role(metric: str, results: Results) -> str:
    """What a metric is in this run: what was maximised, or a judge and of which family."""
    if metric == results.climbed:
        return "quality model" if metric == MODEL else "maximised"
    family = results.families.get(metric)
    return "judge" if family is None else f"judge, {family}"


def setting_value(value: Value) -> str:
    """A setting's value: "on", "18000", "0.25"."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def moment(stamp: str) -> str:
    """An ISO 8601 time as "2025-11-25 04:31 UTC"; anything else as it is."""
    try:
        when = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    return f"{when:%Y-%m-%d %H:%M} {when:%Z}".rstrip()


def duration(seconds: float) -> str:
    """A time span: "0.8 s", "42 s", "3 min 05 s", "1 h 12 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def joined(items: Sequence[str]) -> str:
    """A list in a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def sentence(text: str) -> str:
    """`text` with a capital at its start and a full stop at its end."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def counted(count: int, one: str, several: str | None = None) -> str:
    """A count with its noun: "1 clip", "15 clips"."""
    return f"{count} {one if count == 1 else several or one + 's'}"


def shortened(text: str, length: int) -> str:
    """`text` cut in the middle to at most `length` characters; a third of them from its end."""
    if len(text) <= length:
        return text
    tail = length // 3
    return f"{text[: length - 1 - tail]}{ELLIPSIS}{text[-tail:]}"
