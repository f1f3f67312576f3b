"""From raw labels to opinions on the MUSHRA scale, and to the one that people would share.

Three families of metrics hear a coded signal: spectrogram similarity (ViSQOL), auditory
distance (Zimtohrli) and masked noise (noise-to-mask ratio and 2f-model, from PEAQ's variables).
Each raw number loses points by a curve of its own, which never falls where the metric says
worse; the fused opinion loses a weighted sum of what the three lose. Curves and weights are
fitted to what people said of artefacts and encoders (`python -m bench.people --fit`); they lie
in `data/fusion.json` beside the figures of the fit.

Opinions are 0 to 100, and 100 for a signal that is its reference. The opinion of a family that
cannot hear a fault by construction (`deaf_to`) is replaced by what the others say.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from tuner.errors import ScoreError
from tuner.sound.stereo import blend

Family = Literal["similarity", "distance", "masked noise"]
FAMILIES: tuple[Family, ...] = ("similarity", "distance", "masked noise")

#: Changes with anything that moves an opinion.
FUSION_VERSION = 1

#: Places of PEAQ's variables in the order of the standard.
TOTAL_NMR, ADB, AVG_MOD_DIFF_1 = 2, 4, 6

_SPECTROGRAM: frozenset[Family] = frozenset({"similarity"})
#: Artefacts of `tuner.training.degrade` and families of `tuner.training.odaq` -> who cannot hear
#: them. ViSQOL compares smoothed spectrograms of 80 ms: what people give 15 to 65 points (holes),
#: 22 to 85 (mismatch), 36 to 87 (noise) and 31 to 71 (pre-echo) it puts at 68 to 95, 87 to 93,
#: 82 to 89 and 93 to 99 (`python -m bench.people`).
DEAF: Mapping[str, frozenset[Family]] = {
    "spectral holes": _SPECTROGRAM,
    "tonality mismatch": _SPECTROGRAM,
    "unmasked noise": _SPECTROGRAM,
    "pre-echo": _SPECTROGRAM,
    "SH": _SPECTROGRAM,
    "TM": _SPECTROGRAM,
    "UN": _SPECTROGRAM,
    "PE": _SPECTROGRAM,
}


def deaf_to(artefacts: Iterable[str]) -> frozenset[Family]:
    """The families that cannot hear one of these artefacts."""
    return frozenset().union(*(DEAF.get(each, frozenset()) for each in artefacts))


@dataclass(frozen=True)
class Raw:
    """What the metrics measured on one coded signal.

    Args:
        visqol, zimtohrli: MOS of mid, side, left and right; None where not measured. Mid is.
        side_db: level of the side against the mid: of the reference, of the coded signal.
        peaq: the eleven variables of PEAQ's basic version in the order of the standard, of
            left and right together; of the mid signal alone for an opinion of that.
        deaf: families that have no say, see `deaf_to`.
    """

    visqol: Sequence[float | None]
    zimtohrli: Sequence[float | None]
    side_db: tuple[float, float]
    peaq: Sequence[float]
    deaf: frozenset[Family] = frozenset()


class Opinions(NamedTuple):
    """What each family says, 0 to 100."""

    similarity: float
    distance: float
    masked_noise: float


@dataclass(frozen=True)
class Curve:
    """Points lost at a raw number, straight between knots and constant outside.

    Args:
        at: raw numbers, from identity on towards worse.
        lost: points lost there; 0 at identity, never falling.

    Raises:
        ValueError: if that is not so.
    """

    at: tuple[float, ...]
    lost: tuple[float, ...]

    def __post_init__(self) -> None:
        steps, losses = np.diff(self.at), np.diff(self.lost)
        if len(self.at) != len(self.lost) or len(self.at) < 2 or self.lost[0] != 0.0:
            raise ValueError(f"a curve needs losses at two or more knots, the first 0: {self}")
        if not (np.all(steps > 0) or np.all(steps < 0)) or np.any(losses < 0):
            raise ValueError(f"knots must be monotonic and losses must not decrease: {self}")

    def __call__(self, raw: float) -> float:
        """Points lost. Raises `ScoreError` for what is not finite."""
        if not math.isfinite(raw):
            raise ScoreError(f"a metric returned {raw}: is the coded signal silent or damaged?")
        way = 1.0 if self.at[-1] > self.at[0] else -1.0
        return float(np.interp(way * raw, way * np.asarray(self.at), self.lost))


#: The raw numbers that have a curve.
METRICS = ("visqol", "zimtohrli", "noise to mask", "two f")


@dataclass(frozen=True)
class Fusion:
    """Curves and weights.

    Args:
        curves: by name, see `METRICS`.
        weights: what a point lost by a family costs, at least 0.
    """

    curves: Mapping[str, Curve]
    weights: Mapping[Family, float]

    def opinions(self, raw: Raw) -> Opinions:
        """What each family says. Raises `ScoreError` if a number is not finite."""
        own = self._own(raw)
        heard = [family for family in FAMILIES if family not in raw.deaf]
        if not heard:
            raise ValueError("no family of metrics hears this signal's fault")
        total = sum(self.weights[family] for family in heard)
        # Families without weight in the fused opinion still speak for one that is deaf.
        shares = {f: self.weights[f] / total if total else 1 / len(heard) for f in heard}
        others = sum(shares[family] * own[family] for family in heard)
        return Opinions(*(own[f] if f in heard else others for f in FAMILIES))

    def fused(self, raw: Raw) -> float:
        """The opinion of all. Raises `ScoreError` if a number is not finite."""
        lost = sum(
            self.weights[family] * (100.0 - opinion)
            for family, opinion in zip(FAMILIES, self.opinions(raw), strict=True)
        )
        return float(np.clip(100.0 - lost, 0.0, 100.0))

    def _own(self, raw: Raw) -> dict[Family, float]:
        return {
            "similarity": self._stereo("visqol", raw.visqol, raw.side_db),
            "distance": self._stereo("zimtohrli", raw.zimtohrli, raw.side_db),
            "masked noise": self._masked(raw.peaq),
        }

    def _stereo(
        self, name: str, mos: Sequence[float | None], side_db: tuple[float, float]
    ) -> float:
        """Left and right can only take: on them alone both metrics prefer a mono downmix."""
        curve = self.curves[name]
        mid, side, left, right = (None if m is None else _cut(100.0 - curve(m)) for m in mos)
        if mid is None:
            raise ScoreError(f"{name} was not measured on the mid signal")
        opinion = blend(mid, side, side_db)
        if left is not None and right is not None:
            opinion = min(opinion, (left + right) / 2)
        return opinion

    def _masked(self, peaq: Sequence[float]) -> float:
        noise = self.curves["noise to mask"](peaq[TOTAL_NMR])
        modulation = self.curves["two f"](two_f_uncut(peaq[AVG_MOD_DIFF_1], peaq[ADB]))
        return _cut(100.0 - noise - modulation)


def two_f_uncut(avg_mod_diff: float, adb: float) -> float:
    """The 2f-model before it is cut to 0 to 100: up to 118.5, for identity.

    T. Kastner and J. Herre, "An efficient model for estimating subjective quality of separated
    audio source signals", WASPAA 2019.
    """
    return 56.1345 / (1 + (-0.0282 * avg_mod_diff - 0.8628) ** 2) - 27.1451 * adb + 86.3515


def _cut(points: float) -> float:
    return float(np.clip(points, 0.0, 100.0))


def opinions(raw: Raw) -> Opinions:
    """What each family says by the shipped curves, 0 to 100.

    Raises:
        ScoreError: a number is not finite.
    """
    return shipped().opinions(raw)


def fused(raw: Raw) -> float:
    """What all say together by the shipped curves and weights, 0 to 100.

    Raises:
        ScoreError: a number is not finite.
    """
    return shipped().fused(raw)


@functools.cache
def shipped() -> Fusion:
    """The fusion in the package."""
    place = importlib.resources.files("tuner.training") / "data" / "fusion.json"
    return from_json(json.loads(place.read_text("utf-8")))


def from_json(record: Mapping[str, Any]) -> Fusion:
    """A fusion as `to_json` gives it. Raises `ValueError` for another version."""
    if record["version"] != FUSION_VERSION:
        raise ValueError(f"fusion of version {record['version']}, this reads {FUSION_VERSION}")
    curves = {
        name: Curve(tuple(record["curves"][name]["at"]), tuple(record["curves"][name]["lost"]))
        for name in METRICS
    }
    return Fusion(curves, {family: float(record["weights"][family]) for family in FAMILIES})


def to_json(fusion: Fusion) -> dict[str, Any]:
    """For a file; numbers rounded to what the fit is worth."""
    return {
        "version": FUSION_VERSION,
        "curves": {
            name: {"at": list(curve.at), "lost": [round(each, 2) for each in curve.lost]}
            for name, curve in fusion.curves.items()
        },
        "weights": {family: round(fusion.weights[family], 3) for family in FAMILIES},
    }
