"""The rate model: which knob value should spend the target, from earlier trials.

Settings move an encoder's bitrate by a factor, the knob by a power: the logarithm of kb/s is
taken as ``slope * place + offset(settings)``, with the knob's place on its axis
(`tuner.rate.KnobAxis`). One slope serves a rate mode near a target. The offset is the mean of a
Gaussian process over the settings (Rasmussen and Williams, Gaussian Processes for Machine
Learning, 2006, 2.2) with half of its variance in the parameters one by one and half in all of
them together, so that one trial with a parameter's value tells of all others with it.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.encoder import Parameter, RateMode, Settings, is_number
from tuner.rate import KnobAxis, first_guess, prior_slope

#: Trials that the model looks at, the latest ones: solving for the offsets stays at
#: milliseconds in a study of thousands.
MEMORY = 200
#: Length over which a number's effect fades, as a share of its range.
LENGTH = 0.5
#: Share of the offsets' variance that settings do not explain (payloads repeat exactly, but
#: they are taken within `tuner.rate.TOLERANCE` and along one slope).
NOISE = 1e-3
#: Measurements further than this factor from the target say nothing of the slope there.
NEAR = 1.5
#: Slopes under this share of the prior's are not believed.
LEAST_SLOPE = 0.3
#: Trials of a nominal knob that spend more than this factor from what they were asked for (natural
#: logarithm) say nothing of others: the knob did not act.
NOMINAL_SPAN = 0.5
#: How much the prior slope weighs, as a step on the axis relative to its length.
PRIOR_STEP = 0.02

#: Rows of the kernel that are computed at once: what is between fits a processor's cache.
ROWS = 16

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Guess:
    """Where rate matching starts: a legal knob value, and the slope there (`match_rate`)."""

    knob: float
    slope: float | None = None


@dataclass(frozen=True)
class Measured:
    """What one trial spent: (knob, kb/s) of each measurement, in their order."""

    settings: Settings
    rates: tuple[tuple[float, float], ...]


class Features:
    """Settings as the model sees them, remembered for as many as it looks at.

    Of each parameter it has the index of a named value, a number's place in its range, or both;
    NaN where it is inactive.

    Args:
        parameters: the adapter's declaration.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        flags: list[bool] = []
        for parameter in parameters:
            flags += [True] * bool(parameter.named) + [False] * (parameter.kind != "choice")
        #: Which of the features are indices of named values, ``[P]``.
        self.named = np.array(flags, dtype=bool)
        self._row = functools.lru_cache(2 * MEMORY)(functools.partial(_features, parameters))

    def of(self, settings: Sequence[Settings]) -> Array:
        """The features of each, ``[N, P]``."""
        return np.array([self._row(each) for each in settings])


def guess_knob(
    mode: RateMode,
    features: Features,
    target_kbps: float,
    measured: Sequence[Measured],
    settings: Settings,
) -> Guess:
    """The knob value at which `settings` should spend the target.

    Args:
        mode: the rate mode of `settings`.
        features: of the adapter's parameters.
        target_kbps: the target.
        measured: earlier trials in this mode, oldest first.
        settings: what is to be matched.
    """
    measured = [trial for trial in measured if _acts(mode, trial, target_kbps)][-MEMORY:]
    if not measured:
        return Guess(first_guess(mode, target_kbps, []))
    axis = KnobAxis(mode)
    slope = _slope(mode, target_kbps, measured)
    rising = slope if mode.rising else -slope
    knobs, kbps = np.array([_nearest(trial, target_kbps) for trial in measured]).T
    offsets = np.log(kbps) - rising * np.array([axis.place(knob) for knob in knobs])
    offset = _regress(features, [trial.settings for trial in measured], offsets, settings)
    return Guess(mode.snap(axis.knob((math.log(target_kbps) - offset) / rising)), slope)


def most_alike(features: Features, known: Sequence[Settings], settings: Settings) -> int:
    """Index of the known settings that are most like `settings`, the latest of equals."""
    alike = _kernel(features.of([settings]), features.of(known), features.named)[0]
    return int(len(known) - 1 - np.argmax(alike[::-1]))


def _acts(mode: RateMode, trial: Measured, target_kbps: float) -> bool:
    """Whether the knob acts on the bitrate where the trial came nearest to the target."""
    if not trial.rates:
        return False
    knob, kbps = _nearest(trial, target_kbps)
    return not mode.nominal or abs(math.log(kbps / knob)) < NOMINAL_SPAN


def _nearest(trial: Measured, target_kbps: float) -> tuple[float, float]:
    return min(trial.rates, key=lambda rate: abs(math.log(rate[1] / target_kbps)))


def _slope(mode: RateMode, target_kbps: float, measured: Sequence[Measured]) -> float:
    """Least squares over the steps that rate matching took near the target."""
    axis = KnobAxis(mode)
    weight = (PRIOR_STEP * (axis.high - axis.low)) ** 2
    covered, gained = weight, weight * prior_slope(mode)
    for trial in measured:
        near = [
            (axis.place(knob), math.log(kbps))
            for knob, kbps in trial.rates
            if abs(math.log(kbps / target_kbps)) < math.log(NEAR)
        ]
        for (place, log_kbps), (place_after, log_after) in itertools.pairwise(near):
            step = (place_after - place) * (1 if mode.rising else -1)
            covered += step * step
            gained += step * (log_after - log_kbps)
    slope = gained / covered
    # Where the knob does not act, as under an encoder's least bitrate, steps tell nothing.
    return slope if slope > LEAST_SLOPE * prior_slope(mode) else prior_slope(mode)


def _regress(
    features: Features,
    known: Sequence[Settings],
    offsets: Array,
    settings: Settings,
) -> float:
    """The offset of `settings`, from the offsets of `known`."""
    centre = float(np.median(offsets))
    rows = features.of([*known, settings])
    kernel = _kernel(rows, rows, features.named)
    weights = np.linalg.solve(kernel[:-1, :-1] + NOISE * np.eye(len(known)), offsets - centre)
    return centre + float(kernel[-1, :-1] @ weights)


def _kernel(features: Array, others: Array, named: npt.NDArray[np.bool_]) -> Array:
    """Covariance of the offsets, ``[N, M]``, of features ``[N, P]`` and ``[M, P]``; 1 at most."""
    starts = range(0, len(features), ROWS)
    return np.concatenate([_rows(features[n : n + ROWS], others, named) for n in starts])


def _rows(features: Array, others: Array, named: npt.NDArray[np.bool_]) -> Array:
    """Some rows of `_kernel`."""
    distance = np.abs(features[:, None] - others[None])
    similar = np.where(named, distance == 0, np.exp(distance / -LENGTH))
    # An inactive parameter is like another inactive one and unlike any value.
    idle, other_idle = np.isnan(features)[:, None], np.isnan(others)[None]
    if idle.any() or other_idle.any():
        similar[idle != other_idle] = 0.0
        similar[idle & other_idle] = 1.0
    if not features.shape[1]:
        return np.ones(similar.shape[:2])
    mixed: Array = 0.5 * similar.mean(axis=2) + 0.5 * similar.prod(axis=2)
    return mixed


def _features(parameters: Sequence[Parameter], settings: Settings) -> list[float]:
    """See `Features`."""
    values, found = settings.as_dict(), []
    for parameter in parameters:
        value = values.get(parameter.name)
        is_named = value in parameter.named
        if parameter.named:
            index = float(parameter.named.index(value)) if is_named else -1.0
            found.append(math.nan if value is None else index)
        if parameter.kind != "choice":
            found.append(parameter.place(value) if is_number(value) else math.nan)
    return found
