"""What metrics get to hear: of more than two channels stereo pairs; and the downmix to stereo.

Metrics hear mono or stereo. Surround sound is scored as pairs: front, surround and, with 7.1,
back. Centre and LFE are heard with each pair, as in a downmix after ITU-R BS.775: at -3 dB in both
of its channels. The lowest pair counts. The standard leaves the LFE out of a downmix; here it is
scored, up to 120 Hz (what subwoofers play), without the 10 dB that players add.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from tuner.errors import ScoreError
from tuner.layout import LAYOUTS, name_layout
from tuner.pcm import SILENCE_PEAK, Pcm
from tuner.scorer import HearsChannels, Score, Scorer
from tuner.sound.audio import lowpass
from tuner.sound.constant import remove_constants

#: -3 dB (ITU-R BS.775-4, table 2): of centre and surround in a stereo downmix.
MINUS_3_DB = np.float32(np.sqrt(0.5))
#: Upper end of the LFE channel, Hz (ITU-R BS.775-4, annex 7).
LFE_HZ = 120.0
#: Raised when what metrics get to hear of a signal changes: part of the key of every score.
HEARD = "heard 3"
#: The speakers of each pair, and those that both of its channels get at -3 dB.
SIDES = {"surround": ("SL", "SR"), "back": ("BL", "BR")}
SHARED = ("FC", "LFE")

Signals = tuple[Pcm, Pcm]
"""A reference and its coded signal."""


def split_pairs(pcm: Pcm) -> dict[str, Pcm]:
    """The stereo pairs of a signal of 3 to 8 channels, by name, float32 ``[2, T]`` each.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz, in the order of `tuner.layout`.
    """
    speakers = dict(zip(LAYOUTS[len(pcm)].speakers, pcm, strict=True))
    shared = np.zeros_like(pcm[0])
    for name in SHARED:
        if name in speakers:
            heard = speakers[name]
            shared = shared + MINUS_3_DB * (
                lowpass(heard[None], LFE_HZ)[0] if name == "LFE" else heard
            )
    pairs = {"front": np.stack([speakers["FL"], speakers["FR"]]) + shared}
    found = [names for names in SIDES.values() if names[0] in speakers]
    for name, (left, right) in zip(SIDES, found, strict=False):
        pairs[name] = np.stack([speakers[left], speakers[right]]) + shared
        if "BC" in speakers:
            pairs[name] += MINUS_3_DB * speakers["BC"]
    return pairs


def downmix(pcm: Pcm) -> Pcm:
    """Stereo after ITU-R BS.775, turned down so that it never clips: float32 ``[2, T]``.

    As ``ffmpeg -ac 2`` does, without the LFE. Mono and stereo stay as they are.

    Args:
        pcm: float32 ``[C, T]``, in the order of `tuner.layout`.
    """
    if len(pcm) <= 2:
        return pcm
    mixed = np.zeros((2, pcm.shape[1]), np.float32)
    total = np.float32(0)
    for speaker, samples in zip(LAYOUTS[len(pcm)].speakers, pcm, strict=True):
        gain = np.float32(1) if speaker in ("FL", "FR") else MINUS_3_DB
        if speaker == "BC":  # half to either surround, and so to either side
            gain = MINUS_3_DB * MINUS_3_DB
        if speaker == "LFE":
            continue
        for side, own in enumerate("LR"):
            if speaker.endswith(("C", own)):
                mixed[side] += gain * samples
        total += gain * speaker.endswith(("C", "L"))
    return mixed / total


def tell_channels(channels: Sequence[int], *, mixed: bool) -> list[str]:
    """What a reader must know of clips of more than two channels; empty where there are none.

    Args:
        channels: of each clip.
        mixed: whether more than two were mixed to stereo.
    """
    if mixed:
        return [
            "Clips of more than two channels were mixed to stereo (ITU-R BS.775, without the LFE)"
            " before encoding; the commands do the same with your files (tuner encode: --downmix)."
        ]
    counts = sorted(Counter(each for each in channels if each > 2).items())
    if not counts:
        return []
    told = ", ".join(f"{name_layout(each)} ({n} clip{'s'[: n > 1]})" for each, n in counts)
    return [
        f"Surround sound: {told}. Bitrates are those of all channels together. Each stereo pair"
        " (front, surround, back) was scored with centre and LFE mixed into it at -3 dB, and the"
        " lowest-scoring pair counts. Metrics and model know stereo only; nobody has compared such"
        " scores with listeners. Audio on this page is a stereo downmix without the LFE."
    ]


def score_signal(scorer: Scorer, reference: Pcm, coded: Pcm) -> Score:
    """A signal's score: of mono and stereo the scorer's own, of more channels the lowest pair's.

    Args:
        scorer: any.
        reference, coded: float32 ``[C, T]`` at 48 kHz, aligned, of equal shape.

    Raises:
        ScoreError: if no finite score can be computed.
    """
    if isinstance(scorer, HearsChannels):
        return scorer.score_channels(reference, coded)
    pairs = [(reference, coded)]
    return score_signals(lambda heard: [scorer.score(*each) for each in heard], pairs)[0]


def score_signals(
    score: Callable[[Sequence[Signals]], Sequence[Score]], signals: Sequence[Signals]
) -> list[Score]:
    """Scores of several signals, as `score_signal` gives them.

    Args:
        score: scores mono and stereo signals (`tuner.scorer.ScoresBatches.score_batch`).
        signals: of 1 to 8 channels.
    """
    heard = [find_pairs(*each) for each in signals]
    scores = iter(score([pair for pairs in heard for pair in pairs.values()]))
    return [_lowest({name: next(scores) for name in pairs}) for pairs in heard]


def find_pairs(reference: Pcm, coded: Pcm) -> dict[str, Signals]:
    """The pairs that are scored, by name: of mono and stereo the signal itself, without a name.

    They are without a constant (`tuner.sound.constant`), which metrics would take for sound. A pair
    that is silent in the reference has nothing to be scored against, and is left out unless all
    are.

    Raises:
        ScoreError: other shapes.
    """
    if reference.shape != coded.shape:
        raise ScoreError(
            f"reference {reference.shape} and coded signal {coded.shape} differ in shape: align"
            " them first (`tuner score` does)"
        )
    reference, coded = remove_constants(reference, coded)
    if len(reference) <= 2:
        return {"": (reference, coded)}
    originals, decoded = split_pairs(reference), split_pairs(coded)
    pairs = {name: (pair, decoded[name]) for name, pair in originals.items()}
    heard = {name: pair for name, pair in pairs.items() if np.max(np.abs(pair[0])) >= SILENCE_PEAK}
    return heard or pairs


def _lowest(scores: dict[str, Score]) -> Score:
    name = min(scores, key=lambda each: scores[each].mean)
    return dataclasses.replace(scores[name], pair=name)
