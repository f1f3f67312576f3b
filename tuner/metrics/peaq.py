"""PEAQ, basic version: the objective difference grade of the standard's network.

Source: ITU-R BS.1387-1 (`tuner.metrics.peaq_basic`). Left and right are heard together, as the
standard has it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.metric import About, Pcm, check_pair
from tuner.metrics.teachers import TAUGHT_THE_MODEL
from tuner.scorer import Score

if TYPE_CHECKING:
    from tuner.metrics.peaq_basic import Variables

#: Changes whenever `tuner.metrics.peaq_basic` gives other variables, or the scores
#: below other points.
VERSION = "1"
#: How many pairs are remembered: PEAQ and the 2f-model score a pair one after the other.
KEPT_PAIRS = 4
#: What the eleven variables leave out, or judge as waveform coders of the 1990s were judged.
CANNOT_HEAR = (
    "that noise or a shifted copy can replace a sound inaudibly",
    "stereo image: it scores left and right, not their difference",
)
ABOUT = About(
    label="PEAQ",
    family="masked noise",
    low=-4.0,
    high=0.0,
    unit="ODG",
    cannot_hear=CANNOT_HEAR,
    taught_model="peaq" in TAUGHT_THE_MODEL,
)


@dataclass(frozen=True)
class PeaqMetric:
    """PEAQ's ODG on the scale of 0 to 100: -4 is 0, 0 and above is 100."""

    @property
    def name(self) -> str:
        """The metric's name in results."""
        return "peaq"

    @property
    def version(self) -> str:
        """Changes whenever a score could change."""
        return f"basic {VERSION}"

    @property
    def about(self) -> About:
        """See `tuner.metric.Metric.about`."""
        return ABOUT

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """See `tuner.scorer.Scorer.score`."""
        from tuner.metrics.peaq_basic import odg

        check_pair(self.name, reference, coded)
        return Score(ABOUT.points(float(odg(variables(reference, coded))[0])))


def variables(reference: Pcm, coded: Pcm) -> Variables:
    """The eleven variables of a clip; of the last few pairs they are remembered.

    PEAQ and the 2f-model read the same ones, which take all their time.
    """
    from tuner.metrics.peaq_basic import stereo

    key = tuple(hashlib.sha256(pcm.tobytes()).hexdigest() for pcm in (reference, coded))
    if key not in _known:
        if len(_known) >= KEPT_PAIRS:
            _known.pop(next(iter(_known)))
        _known[key] = stereo(reference, coded)
    return _known[key]


_known: dict[tuple[str, ...], Variables] = {}
