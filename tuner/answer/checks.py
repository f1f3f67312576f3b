"""Sanity checks of the quality model in every run, as sentences for the report.

A model that scores some coded clip above the reference itself, or that does not hear the
two low-pass anchors of ITU-R BS.1534 (7 kHz and 3.5 kHz), must not choose settings.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from tuner.errors import ScoreError
from tuner.metric import Metric
from tuner.records import MODEL
from tuner.scorer import Scorer
from tuner.sound.audio import Pcm, lowpass
from tuner.sound.surround import score_signal

#: Cut-off frequencies of the anchors, Hz (ITU-R BS.1534-3).
ANCHORS_HZ = (7000.0, 3500.0)
#: How many clips the checks use.
CHECKED_CLIPS = 3


def tell_teachers(scorer: Metric, judges: Sequence[Metric]) -> list[str]:
    """What the judges' agreement is worth: whether the model learned from them."""
    if scorer.name != MODEL:
        return [
            f"The search maximised {scorer.about.label}, not the quality model. A search easily"
            " finds settings that please one metric only; the judges show whether others agree."
        ]
    taught = [judge.about.label for judge in judges if judge.about.taught_model]
    if not taught:
        return ["The quality model learned from none of the judges; only listeners outrank them."]
    named = " and ".join([", ".join(taught[:-1]), taught[-1]] if len(taught) > 1 else taught)
    return [
        f"The quality model learned from {named}. Their agreement shows that the model reproduces"
        " them, not that they are right; only listeners can settle that."
    ]


def check_scorer(
    scorer: Scorer, references: Mapping[str, Pcm], coded: Mapping[str, Sequence[float]]
) -> list[str]:
    """Identity and anchor checks.

    Args:
        scorer: what the search climbed.
        references: clip digest -> float32 ``[C, T]`` at 48 kHz.
        coded: clip digest -> scores that coded versions of the clip got in this run.

    Returns:
        One sentence per check.
    """
    try:
        identity = {name: score_signal(scorer, pcm, pcm).mean for name, pcm in references.items()}
        anchors = [
            statistics.fmean(
                score_signal(scorer, r, lowpass(r, hz)).mean for r in references.values()
            )
            for hz in ANCHORS_HZ
        ]
    except ScoreError as error:
        return [f"The checks of the quality model could not be run: {error}"]
    return [_identity_note(identity, coded), _anchor_note(identity, anchors)]


def _clips(identity: Mapping[str, float]) -> str:
    return "1 clip" if len(identity) == 1 else f"{len(identity)} clips"


def _identity_note(identity: Mapping[str, float], coded: Mapping[str, Sequence[float]]) -> str:
    above = [name for name, own in identity.items() if max(coded.get(name, []), default=0.0) > own]
    if above:
        clips = ", ".join(name[:12] for name in above)
        return (
            "Identity check failed: the quality model scores a coded version above the"
            f" reference itself on {len(above)} of {_clips(identity)} ({clips})."
        )
    return (
        f"Identity check passed: on {_clips(identity)} the reference itself scores"
        f" at least {min(identity.values()):.1f} points, and no coded version scores higher."
    )


def _anchor_note(identity: Mapping[str, float], anchors: Sequence[float]) -> str:
    own = statistics.fmean(identity.values())
    wide, narrow = anchors
    outcome = "passed" if own > wide > narrow else "failed"
    return (
        f"Anchor check {outcome}: reference {own:.1f}, 7 kHz low-pass {wide:.1f},"
        f" 3.5 kHz low-pass {narrow:.1f} points (mean of {_clips(identity)})."
    )
