"""How metrics, objectives, sides and sample rates are called in what people read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Side = Literal["tune", "holdout"]
#: What users call the sides.
SIDE_WORDS: dict[Side, str] = {"tune": "tuning", "holdout": "held-out"}
#: Name of the quality model among the metrics.
MODEL = "insenet"
#: How the metrics are called in sentences and reports; others go by their own name.
METRIC_LABELS = {
    MODEL: "InSE-NET",
    "visqol": "ViSQOL",
    "zimtohrli": "Zimtohrli",
    "2f": "2f-model",
    "peaq": "PEAQ",
}


def metric_label(name: str) -> str:
    """A metric's name for people."""
    return METRIC_LABELS.get(name, name)


def objective_label(name: str) -> str:
    """An objective (`tuner.study.objective`) for people: "consensus", "worst quarter"."""
    return name.replace("-", " ")


def name_rates(rates: Iterable[int]) -> str:
    """Sample rates in Hz for people: "44.1 kHz and 48 kHz", ascending, each once."""
    names = [f"{rate / 1000:g} kHz" for rate in sorted(set(rates))]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
