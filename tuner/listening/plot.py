"""The analysis as a page: the dot plots of a MUSHRA test, per item and over all, and its tables.

A mean is a dot with its 95 % interval, in the colour of its condition; beside it, lighter, every
subject's rating (over all items: the subject's mean), and as a diamond the quality model's
prediction where there is one. One self-contained HTML file with vector graphics; no script.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from tuner.errors import RunError
from tuner.listening.analysis import Analysis, Group
from tuner.listening.crossed import LEVEL, Mean
from tuner.listening.items import name_item
from tuner.listening.plan import ANCHORS, REFERENCE, Plan
from tuner.listening.profiles import Profile
from tuner.listening.ratings import ConditionMean

#: Geometry of a panel in pixels: width of a condition's column, and of what surrounds them.
COLUMN, HEIGHT, LEFT, TOP, BOTTOM = 54, 260, 68, 10, 68
#: Where in its column, as a share: ratings, mean, prediction.
RATINGS_AT, MEAN_AT, PREDICTED_AT = 0.24, 0.5, 0.74
#: Longest name below a column, characters.
LONGEST_NAME = 16


@dataclass(frozen=True)
class Column:
    """One condition in a panel; heights in pixels from the top, ratings as (x, y).

    Args:
        x: of the mean.
        name, short: the condition, and as much of it as fits.
        colour: its number among the test's conditions.
        mean, low, high: of the interval; the latter two None where there is none.
        ratings: the subjects' own.
        predicted: (x, y) of the prediction, or None.
        words: all of it in words.
    """

    x: float
    name: str
    short: str
    colour: int
    mean: float
    low: float | None
    high: float | None
    ratings: tuple[tuple[float, float], ...]
    predicted: tuple[float, float] | None
    words: str


@dataclass(frozen=True)
class Panel:
    """A plot: of an item, or of all items at a bitrate."""

    title: str
    width: int
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Listener:
    """A subject, and whether the ratings count: "included", "excluded" or "unfinished"."""

    profile: Profile
    status: str


@dataclass(frozen=True)
class _GroupPanels:
    group: Group
    panels: tuple[Panel, ...]


def write_analysis(plan: Plan, analysis: Analysis, path: Path) -> None:
    """Write the page.

    Raises:
        RunError: it cannot be written.
    """
    from jinja2 import Environment, StrictUndefined

    source = (resources.files("tuner.listening") / "page" / "analysis.html").read_text("utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    page = template.render(
        plan=plan,
        analysis=analysis,
        everything=_over_all(analysis, "All items", analysis.means),
        groups=[_GroupPanels(each, tuple(_of_group(analysis, each))) for each in analysis.groups],
        question=_question(plan, analysis),
        listeners=_listeners(analysis),
        items=_items(analysis),
        conditions=_order(analysis),
        level=round(100 * LEVEL),
        height=HEIGHT,
        left=LEFT,
        top=TOP,
        bottom=BOTTOM,
        y=_y,
        name_item=name_item,
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot be written ({error})", where=path) from error


def _y(rating: float) -> float:
    return round(TOP + (100 - min(100.0, max(0.0, rating))) / 100 * HEIGHT, 1)


def _order(analysis: Analysis) -> list[str]:
    """Hidden reference, coded versions from best to worst, anchors."""
    sums: dict[str, list[float]] = {}
    for each in analysis.means:
        sums.setdefault(each.condition, []).append(each.mean.value)

    def place(condition: str) -> tuple[int, float]:
        group = 0 if condition == REFERENCE else 2 if condition in ANCHORS else 1
        return group, -sum(sums[condition]) / len(sums[condition])

    return sorted(sums, key=place)


def _over_all(analysis: Analysis, title: str, means: Sequence[ConditionMean]) -> Iterator[Panel]:
    order = _order(analysis)
    for rate in dict.fromkeys(each.bitrate_kbps for each in means):
        here = {each.condition: each for each in means if each.bitrate_kbps == rate}
        columns = [
            _column(
                *(n, name, order, here[name].mean, here[name].by_subject),
                _predicted(analysis, rate, name),
            )
            for n, name in enumerate(name for name in order if name in here)
        ]
        yield _panel(name_item(title, rate), columns)


def _of_group(analysis: Analysis, group: Group) -> Iterator[Panel]:
    several = "" if len(group.subjects) == 1 else "s"
    title = f"{group.reply}, {len(group.subjects)} subject{several}"
    return _over_all(analysis, title, group.means)


def _question(plan: Plan, analysis: Analysis) -> str:
    """What the groups replied to, as it was asked; empty without groups."""
    asked = {each.id: each.text for each in plan.questions}
    return next((asked.get(each.question, each.question) for each in analysis.groups), "")


def _listeners(analysis: Analysis) -> Iterator[Listener]:
    for each in analysis.profiles:
        name = each.subject
        left = analysis.unfinished.get(name)
        status = "included" if name in analysis.subjects else "excluded"
        yield Listener(each, status if left is None else "unfinished")


def _predicted(analysis: Analysis, rate: float | None, condition: str) -> float | None:
    """The mean prediction; None unless every item has one."""
    scores = [
        each.predicted
        for each in analysis.items
        if each.bitrate_kbps == rate and each.condition == condition
    ]
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known and len(known) == len(scores) else None


def _items(analysis: Analysis) -> Iterator[Panel]:
    order = _order(analysis)
    for page in dict.fromkeys(each.page for each in analysis.items):
        here = {each.condition: each for each in analysis.items if each.page == page}
        columns = [
            _column(n, name, order, here[name].mean, here[name].ratings, here[name].predicted)
            for n, name in enumerate(name for name in order if name in here)
        ]
        first = next(iter(here.values()))
        yield _panel(name_item(first.clip, first.bitrate_kbps), columns)


def _panel(title: str, columns: Sequence[Column]) -> Panel:
    return Panel(title, LEFT + COLUMN * len(columns) + 8, tuple(columns))


def _column(
    place: int,
    name: str,
    order: Sequence[str],
    mean: Mean,
    ratings: Sequence[float],
    predicted: float | None,
) -> Column:
    start = LEFT + COLUMN * place
    words = f"{name}: mean {mean.value:.1f}"
    if mean.low is not None and mean.high is not None:
        words += f", {round(100 * LEVEL)} % interval {mean.low:.1f} to {mean.high:.1f}"
    if predicted is not None:
        words += f", predicted {predicted:.1f}"
    return Column(
        start + MEAN_AT * COLUMN,
        name,
        name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…",
        order.index(name),
        _y(mean.value),
        None if mean.low is None else _y(mean.low),
        None if mean.high is None else _y(mean.high),
        tuple((start + RATINGS_AT * COLUMN + _aside(n), _y(r)) for n, r in enumerate(ratings)),
        None if predicted is None else (start + PREDICTED_AT * COLUMN, _y(predicted)),
        words,
    )


def _aside(number: int) -> float:
    """Equal ratings of several subjects lie side by side, the same each time."""
    return ((number * 5) % 7 - 3) * 1.6
