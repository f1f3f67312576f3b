"""Metrics come through entry points, the built-in ones as outsiders'."""

from importlib.metadata import EntryPoint

import pytest

from tuner.errors import MetricError
from tuner.metric import About
from tuner.metrics import registry
from tuner.metrics.registry import check_names, load_metric, metric_names
from tuner.testing import FakeScorer

BUILT_IN = {"insenet", "visqol", "zimtohrli", "2f", "peaq"}


class Unsaid:
    """Lacks `about`."""

    name, version, score = "unsaid", "1", None


class Mistaken(FakeScorer):
    about = "a nice metric"  # type: ignore[assignment]


def broken() -> None:
    raise RuntimeError("no licence")


def other() -> FakeScorer:
    return FakeScorer("fake", slope=1.0)


@pytest.fixture
def outsiders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics of another distribution, which is this module."""
    names = {"fake": FakeScorer, "unsaid": Unsaid, "mistaken": Mistaken, "broken": broken}
    names |= {"other": other}

    class Here(EntryPoint):
        def load(self):  # type: ignore[no-untyped-def]
            return names[self.name]

    entries = [Here(name, "here", registry.GROUP) for name in names]
    monkeypatch.setattr(registry, "_entries", lambda: entries)


def test_the_built_in_ones_are_installed() -> None:
    """All of them, each with its distribution, and each says what it is."""
    names = metric_names()
    assert names.keys() >= BUILT_IN
    assert all(names[name].startswith("codec-tuner") for name in BUILT_IN)
    for name in BUILT_IN:
        metric = load_metric(name)
        assert metric.name == name and isinstance(metric.about, About)


@pytest.mark.usefixtures("outsiders")
@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("nothing", r"no metric 'nothing'; known: fake.*my-metric.toml"),
        ("unsaid", r"is not a metric: it lacks score, about"),
        ("mistaken", r"`about` must be a tuner.metric.About"),
        ("broken", r"cannot be loaded \(RuntimeError: no licence\)"),
        ("nowhere.toml", r"nowhere.toml: no such file"),
    ],
)
def test_what_is_no_metric_is_told(name: str, match: str) -> None:
    """The message says what is wrong and with which."""
    with pytest.raises(MetricError, match=match):
        load_metric(name)


@pytest.mark.usefixtures("outsiders")
def test_two_of_one_name_are_refused() -> None:
    """Their scores could not be told apart."""
    with pytest.raises(MetricError, match="duplicate metrics: fake"):
        check_names([load_metric("fake"), load_metric("other")])
