"""Settings of one encoder at one measured bitrate over a set of sounds, at 44.1 kHz."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.truth.listening import Listening
from bench.truth.mixes import RATE
from bench.truth.references import Reference
from bench.truth.table import Values
from tuner.encoder import Encoder, Settings, find_rate_mode
from tuner.rate import RateMatch, first_guess, match_rate
from tuner.scorer import Score
from tuner.sound.audio import SAMPLE_RATE, Pcm, align, resample


def match(
    encoder: Encoder, settings: Settings, kbps: float, sounds: Sequence[Reference]
) -> float | None:
    """The rate parameter at which these settings spend `kbps` over all sounds, if there is one."""
    mode = find_rate_mode(encoder, settings.rate_mode)
    given = [resample(sound.pcm, SAMPLE_RATE, RATE) for sound in sounds]
    seconds = sum(pcm.shape[1] for pcm in given) / RATE

    def measure(knob: float) -> float:
        spent = [encoder.encode(pcm, RATE, settings, knob).payload_bits for pcm in given]
        return sum(spent) / seconds / 1000

    found = match_rate(mode, kbps, measure, first_guess(mode, kbps, []))
    return found.knob if isinstance(found, RateMatch) else None


def code(encoder: Encoder, settings: Settings, knob: float, pcm: Pcm) -> Pcm:
    """A sound at 48 kHz, coded at 44.1 kHz, aligned."""
    encoded = encoder.encode(resample(pcm, SAMPLE_RATE, RATE), RATE, settings, knob)
    decoded, rate = encoder.decode(encoded)
    return align(pcm, resample(decoded, rate))[0]


def scores(
    encoder: Encoder,
    settings: Settings,
    kbps: float,
    sounds: Sequence[Reference],
    listening: Listening,
) -> list[list[Score]] | None:
    """What the model and the metrics say of each sound; None where the bitrate is not reached."""
    knob = match(encoder, settings, kbps, sounds)
    if knob is None:
        return None
    return [listening.listen(r, code(encoder, settings, knob, r.pcm)) for r in sounds]


def means(told: Sequence[Sequence[Score]]) -> Values:
    """Mean over the sounds by each column."""
    return np.array([[score.mean for score in each] for each in told]).mean(axis=0)


def consensus(told: Sequence[Sequence[Score]]) -> float:
    """Mean over the sounds of the model's consensus (`tuner.study.objective`)."""
    from tuner.study.objective import objective_of

    return objective_of([each[0] for each in told], "consensus")
