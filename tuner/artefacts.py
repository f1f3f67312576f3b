"""What can be audibly wrong with a coded clip: the figures that a diagnosis is made of.

The search measures them (`tuner.answer.diagnosis`), reports and comparisons put them in
words. Figures are stored under `Artefact.key`, which names the unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Artefact:
    """One figure.

    Args:
        key: its name in the results, with its unit.
        label: its name for people.
        meaning: what is measured, in one sentence.
        unit: shown behind the figure.
        scale: the shown figure is the stored one times this.
        decimals: of the shown figure.
        best: which figure is best: the "highest", the "lowest", or the one next to "zero".
        notable: the least difference worth a word, in the stored unit.
    """

    key: str
    label: str
    meaning: str
    unit: str
    decimals: int
    best: Literal["highest", "lowest", "zero"]
    notable: float
    scale: float = 1.0

    def shown(self, figure: float) -> str:
        """The figure with its unit: "15.9 kHz"."""
        text = f"{round(figure * self.scale, self.decimals) + 0.0:.{self.decimals}f}"
        return f"{text.replace('-', MINUS)} {self.unit}"

    def mean(self, figures: Iterable[float]) -> float:
        """The mean over clips, of which improvements are the differences: "zero" by its size."""
        return fmean(abs(each) if self.best == "zero" else each for each in figures)

    def improvement(self, before: float, after: float) -> float:
        """How much better `after` is, in the stored unit; negative: worse."""
        if self.best == "zero":
            return abs(before) - abs(after)
        return after - before if self.best == "highest" else before - after


ARTEFACTS = (
    Artefact(
        "bandwidth_hz",
        "bandwidth",
        "highest frequency up to which the coded clip keeps the original's content",
        "kHz",
        decimals=1,
        best="highest",
        notable=500.0,
        scale=1e-3,
    ),
    Artefact(
        "pre_echo_db",
        "pre-echo",
        "level increase in the 20 ms before attacks, mean over attacks",
        "dB",
        decimals=1,
        best="lowest",
        notable=1.0,
    ),
    Artefact(
        "holes_share",
        "spectral holes",
        "share of the time-frequency cells that the original fills below the bandwidth and that"
        " are 20 dB or more too low",
        "%",
        decimals=1,
        best="lowest",
        notable=0.005,
        scale=100.0,
    ),
    Artefact(
        "noise_db",
        "noise",
        "noise-to-signal ratio, mean over the time-frequency cells that the original fills below"
        " the bandwidth",
        "dB",
        decimals=1,
        best="lowest",
        notable=0.5,
    ),
    Artefact(
        "stereo_db",
        "stereo",
        "change of the side-to-mid level ratio, mean over bands; negative is narrower",
        "dB",
        decimals=1,
        best="zero",
        notable=0.5,
    ),
    Artefact(
        "clipping_db",
        "clipping",
        "decoded peak over full scale",
        "dB",
        decimals=2,
        best="lowest",
        notable=0.1,
    ),
)


def describe(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """What differs between two coded versions of a clip, in one sentence.

    Args:
        before, after: figures by key; what either lacks is left out.

    Returns:
        "Bandwidth 12.1 to 15.9 kHz; pre-echo 6.0 dB worse (3.1 to 9.1 dB)."
    """
    parts = []
    for each in ARTEFACTS:
        if each.key not in before or each.key not in after:
            continue
        old, new = before[each.key], after[each.key]
        if abs(new - old) >= each.notable:
            parts.append(_difference(each, old, new))
    if not parts:
        return "No artefact differs much."
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _difference(artefact: Artefact, old: float, new: float) -> str:
    before = artefact.shown(old).removesuffix(f" {artefact.unit}")
    span = f"{before} to {artefact.shown(new)}"
    if artefact.best == "highest":
        return f"{artefact.label} {span}"
    gained = artefact.improvement(old, new)
    verdict = "better" if gained > 0 else "worse"
    return f"{artefact.label} {artefact.shown(abs(gained))} {verdict} ({span})"
