"""How far two aligned signals are one: their coherence by band, and the delay that is left.

Averaged cross-spectra of short frames tell, per frequency, what share of the one signal is a
linear image of the other (the magnitude-squared coherence), and by which phase it is late. The
delay is the maximum-likelihood estimate of Hannan and Thomson ("Estimating group delay",
Biometrika 60, 1973): frequencies weigh by coherence / (1 - coherence), so that what a codec
made anew, noise for noise, has no say. Unlike the peak of a correlation it is not drawn away
by one strong bass note, whose peak is hundreds of samples wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.pcm import SAMPLE_RATE, Pcm

#: Samples of a frame (85 ms), the least of short signals, which are cut into at least this many
#: frames, and the most frames that are looked at: 64 take 4 ms.
FRAME, LEAST_FRAME, LEAST_FRAMES, MOST_FRAMES = 4096, 256, 8, 64
#: Frames more than this under the loudest one are passed over, as a ratio of energies (60 dB).
QUIET = 1e-6
#: Edges of the bands, Hz: equal steps of frequency ratio where music has something.
BAND_EDGES_HZ = np.geomspace(100.0, 16_000.0, 21)
#: Bands more than this under the loudest one hold no music, as a ratio of energies (70 dB).
EMPTY = 1e-7
#: Delays that are looked for beyond the given alignment, samples to either side.
NEARBY = 64
#: A delay of whole samples is kept if its likelihood is at least this share of the greatest:
#: notes are much alike one period later.
STANDS = 0.9
#: Standard deviations that a delay is told with, and the least that is: removing 0.02 samples
#: takes error of -30 dB at 15 kHz.
SURE, LEAST_DELAY, LEAST_DRIFT = 5.0, 0.02, 0.5
#: Coherence counts as at most this: else a few perfect frequencies outweigh all others.
MOST_COHERENT = 0.99
#: Coherence of unrelated noise is 1 / frames on average; with this many times it, a frequency
#: is told apart from noise but for one of 20,000.
CHANCE = 10.0
#: Rounds of least squares: each takes nine tenths of the error away, or more.
ROUNDS = 4


Floats = npt.NDArray[np.float64]
Spectra = npt.NDArray[np.complex64]


@dataclass(frozen=True)
class Coherence:
    """What averaged cross-spectra tell.

    Args:
        share: mean coherence of the bands that hold music, 0 to 1. Unrelated signals have under
            0.1 (castanets, whose frames are few) or 0.02 (most), coded ones at 64 kb/s over 0.5.
        delay: what is left between the signals, in samples (positive: the second is late); 0
            where it is not significant.
        drift: by how much the delay grows from the signals' first half to their second, in
            samples; 0 where it is not significant.
    """

    share: float
    delay: float = 0.0
    drift: float = 0.0


def measure_coherence(reference: Pcm, aligned: Pcm) -> Coherence:
    """Compare two signals that are aligned to within `NEARBY` samples.

    Args:
        reference, aligned: float32 ``[C, T]`` at 48 kHz, of equal shape.
    """
    frames = _frames(reference, aligned)
    if frames is None:
        return Coherence(0.0)
    first, second = frames
    count, half = len(first), len(first) // 2
    crosses = np.conj(first) * second
    halves = [crosses[:half].sum(axis=0), crosses[half:].sum(axis=0)]
    cross = halves[0] + halves[1]
    power, other = ((z.real**2 + z.imag**2).sum(axis=0) for z in frames)
    squared = np.abs(cross) ** 2 / np.maximum(power * other, np.finfo(np.float32).tiny)
    # Less what unrelated signals would have.
    coherence = np.clip((count * squared - 1) / (count - 1), 0, 1).astype(np.float64)
    coherence[squared < CHANCE / count] = 0.0
    share = _share(coherence, power)
    known = np.minimum(coherence, MOST_COHERENT)
    weight = known / (1 - known)
    weight[0] = weight[-1] = 0.0
    if not weight.any():
        return Coherence(share)
    delay, deviation = _find_delay(cross, weight, count)
    early, late = (_find_delay(each, weight, half, around=delay) for each in halves)
    drift, spread = late[0] - early[0], float(np.hypot(early[1], late[1]))
    return Coherence(
        share,
        delay if abs(delay) > max(SURE * deviation, LEAST_DELAY) else 0.0,
        drift if abs(drift) > max(SURE * spread, LEAST_DRIFT) else 0.0,
    )


def _frames(reference: Pcm, aligned: Pcm) -> tuple[Spectra, Spectra] | None:
    """Spectra of frames of all channels, spread over the signals; None if fewer than two."""
    from scipy import fft

    channels, length = reference.shape
    size = FRAME
    while size > LEAST_FRAME and length < LEAST_FRAMES * size:
        size //= 2
    count = length // size
    blocks = [
        pcm[:, : count * size].reshape(channels * count, size) for pcm in (reference, aligned)
    ]
    energies = [np.einsum("kt,kt->k", block, block) for block in blocks]
    loud = np.flatnonzero(np.minimum(*[e > QUIET * e.max(initial=0) for e in energies]))
    if loud.size < 2:
        return None
    if loud.size > MOST_FRAMES:
        loud = loud[np.linspace(0, loud.size - 1, MOST_FRAMES).astype(int)]
    # In order of time, for the drift.
    loud = loud[np.argsort(loud % count, kind="stable")]
    window = np.hanning(size).astype(np.float32)
    # Each frame weighs the same, else the loudest one would decide alone.
    first, second = (
        fft.rfft(block[loud] * (window / np.sqrt(energies[0][loud])[:, None])) for block in blocks
    )
    return first, second


def _share(coherence: Floats, power: Floats) -> float:
    edges = np.unique(np.round(BAND_EDGES_HZ * 2 * (power.size - 1) / SAMPLE_RATE).astype(int))
    energy = np.add.reduceat(power, edges)[:-1]
    means = np.add.reduceat(coherence, edges)[:-1] / np.diff(edges)
    holds = energy > EMPTY * energy.max()
    return float(means[holds].mean()) if holds.any() else 0.0


def _find_delay(
    cross: Spectra, weight: Floats, count: int, around: float | None = None
) -> tuple[float, float]:
    """The delay of greatest likelihood and its standard deviation, in samples."""
    from scipy import fft

    phasor = cross / np.maximum(np.abs(cross), np.finfo(np.float32).tiny)
    delay = around
    if delay is None:
        peaks = fft.irfft(weight * phasor)
        lags = np.concatenate([peaks[-NEARBY:], peaks[: NEARBY + 1]])
        delay = float(np.argmax(lags) - NEARBY)
        if lags[NEARBY] > STANDS * lags.max():
            delay = 0.0
    known = np.flatnonzero(weight)
    omega = np.pi * known / (weight.size - 1)
    weight, phase = weight[known], np.angle(phasor[known])
    for _ in range(ROUNDS):
        # Least squares of the wrapped phases, weighted so that it ends where the likelihood does.
        error = (phase + omega * delay + np.pi) % (2 * np.pi) - np.pi
        trust = weight * np.sinc(error / np.pi)
        delay -= float(np.sum(trust * omega * error) / np.sum(trust * omega**2))
    curvature = float(np.sum(weight * omega**2 * np.cos(error)))
    if curvature <= 0:
        return 0.0, float("inf")
    # As scattered as the phases are, where that is more than chance.
    scatter = 4 * count * np.sum(weight * (1 - np.cos(error))) / known.size
    return delay, float(np.sqrt(max(scatter, 1.0) / (2 * count * curvature)))
