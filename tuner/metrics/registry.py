"""Finds metrics by entry point; the built-in ones come through the same door as outsiders'.

A metric's package names a class or function in the group ``tuner.metrics`` (see
`docs/metrics.md`); it is called without arguments. A metric may also be a file
(``my-metric.toml``): what reads it is found by the file's suffix in the group
``tuner.metric_files``, a function of the path.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from tuner.errors import MetricError
from tuner.metric import About, Metric
from tuner.plugins import BROKEN
from tuner.suggestion import did_you_mean

GROUP = "tuner.metrics"
#: Entry points named after a suffix without its dot: ``toml``.
FILE_GROUP = "tuner.metric_files"
#: What a metric must have.
MEMBERS = ("name", "version", "score", "about")


def metric_names() -> dict[str, str]:
    """The names of all installed metrics, sorted, each with its distribution."""
    return {entry.name: _distribution(entry) for entry in _entries()}


def load_metric(name: str) -> Metric:
    """The metric called `name`.

    Args:
        name: its entry point's name, or the path of a file that declares it.

    Raises:
        MetricError: no or more than one metric of that name, it cannot be loaded, or the file's
            declaration is wrong.
    """
    if is_metric_file(name):
        return _load_file(Path(name))
    entries = [entry for entry in _entries() if entry.name == name]
    if not entries:
        known = ", ".join(metric_names()) or "none"
        raise MetricError(
            f"no metric {name!r}{did_you_mean(name, metric_names())}",
            remedy=f"known: {known}; or give your own file (my-metric.toml)",
        )
    offers = " and ".join(_distribution(entry) for entry in entries)
    if len(entries) > 1:
        raise MetricError(
            f"metric {name!r} is provided by {offers}", remedy="uninstall all but one"
        )
    try:
        metric = entries[0].load()()
    except BROKEN as error:
        cause = f"{type(error).__name__}: {error}"
        raise MetricError(f"metric {name!r} of {offers} cannot be loaded ({cause})") from error
    return _checked(metric, f"metric {name!r} of {offers}")


def check_names(metrics: Sequence[Metric]) -> None:
    """Raise `MetricError` if two go by one name: their scores could not be told apart."""
    own = [metric.name for metric in metrics]
    twice = sorted({name for name in own if own.count(name) > 1})
    if twice:
        raise MetricError(f"duplicate metrics: {', '.join(twice)}", remedy="give each once")


def is_metric_file(name: str) -> bool:
    """Whether `name` is the path of a file that declares a metric, by its suffix."""
    return bool(_file_entries(name))


def _checked(metric: object, what: str) -> Metric:
    absent = [m for m in MEMBERS if inspect.getattr_static(metric, m, None) is None]
    if absent:
        raise MetricError(f"{what} is not a metric: it lacks {', '.join(absent)}")
    found: Metric = metric  # type: ignore[assignment]
    if not isinstance(found.about, About):
        raise MetricError(f"{what} is not a metric: `about` must be a tuner.metric.About")
    return found


def _file_entries(name: str) -> list[EntryPoint]:
    suffix = Path(name).suffix.removeprefix(".")
    return [entry for entry in entry_points(group=FILE_GROUP) if suffix == entry.name]


def _load_file(path: Path) -> Metric:
    if not path.is_file():
        raise MetricError(
            "no such file", where=path, remedy="give an existing file or an installed metric"
        )
    return _checked(_file_entries(str(path))[0].load()(path), str(path))


def _entries() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"
