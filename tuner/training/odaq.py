"""The artefacts of the Open Dataset of Audio Quality, made again after their description.

ODAQ (Torcoli et al., ICASSP 2024) has 26 expert listeners' MUSHRA scores of five levels of six
families of artefacts. Five of them are made here, with the parameters that name its stimuli
(``LP105``, ``SH30_MS``, ``TM5k``, ``UN5k``, ``PE_2048_MS_NMR10``). The sixth, dialogue
enhancement, needs the networks for source separation that were used, and is left out.

What the names and the paper do not say is a choice, and told at each function: the bands are
those of AAC's long blocks, noise is drawn from a seed, and "NMR" of the pre-echoes is the
distance of the noise below the signal of the same band and block, since 16 sounds better
than 10.

Conventions: float32 ``[C, T]`` at 48 kHz in and out, the same length, aligned to the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.sound.audio import SAMPLE_RATE, Pcm

Lines = npt.NDArray[np.float64]

#: Lines of the transform for holes and substitution: AAC's long blocks.
LONG_LINES = 1024
#: Width of a band: this share of its frequency, within these limits, Hz. About AAC's table of
#: scale factor bands at 48 kHz (94 Hz at the bottom, 375 at 5 kHz, 750 from 10 kHz).
BAND_SHARE, BAND_LEAST_HZ, BAND_MOST_HZ = 0.075, 94.0, 750.0
#: From passing to stopping of the low-pass, Hz, and what it leaves beyond, dB. The frequency
#: that names a condition lies in the middle.
LOWPASS_WIDTH_HZ, LOWPASS_STOP_DB = 500.0, 60.0


def lowpass(pcm: Pcm, cutoff_hz: float) -> Pcm:
    """Family LP: nothing above a frequency. Symmetric filter, no delay."""
    from scipy import signal

    taps, beta = signal.kaiserord(LOWPASS_STOP_DB, LOWPASS_WIDTH_HZ / (SAMPLE_RATE / 2))
    response = signal.firwin(taps | 1, cutoff_hz, window=("kaiser", beta), fs=SAMPLE_RATE)
    filtered = signal.fftconvolve(pcm, response[None], mode="same", axes=1)
    return np.asarray(filtered, dtype=np.float32)


def spectral_holes(pcm: Pcm, probability: float, seed: int) -> Pcm:
    """Family SH: each band of each block is emptied with a probability, in mid and side apart.

    Args:
        probability: 0 to 1. The same seed with a higher one empties what a lower one did, too.
    """
    lines = mdct(_mid_side(pcm), LONG_LINES)
    edges = band_edges(LONG_LINES)
    chance = np.random.default_rng(seed).random((lines.shape[0], lines.shape[1], len(edges) - 1))
    kept = np.repeat(chance >= probability, np.diff(edges), axis=2)
    return _left_right(inverse_mdct(lines * kept, pcm.shape[1]))


def tonality_mismatch(pcm: Pcm, start_hz: float) -> Pcm:
    """Family TM: above a frequency, the spectrum from below it with the envelope of the original.

    Taken for what a codec does that fills gaps with the octave below and does not flatten it:
    the overtones that come so are as strong as those of the source, at wrong frequencies.
    """
    lines = mdct(pcm, LONG_LINES)
    edges = band_edges(LONG_LINES)
    first = _first_band(edges, start_hz)
    start = int(edges[first])
    source = np.arange(start, LONG_LINES)
    source = start // 2 + (source - start) % (start - start // 2)
    copied = lines.copy()
    copied[:, :, start:] = lines[:, :, source]
    return _float(inverse_mdct(_with_energies_of(copied, lines, edges, first), pcm.shape[1]))


def unmasked_noise(pcm: Pcm, start_hz: float, seed: int) -> Pcm:
    """Family UN: above a frequency, noise with the energy of each band and block.

    Taken for noise substitution that is forced on everything, tones included: what lay between
    the overtones is no longer masked by them. Noise of two channels is independent.
    """
    lines = mdct(pcm, LONG_LINES)
    edges = band_edges(LONG_LINES)
    first = _first_band(edges, start_hz)
    noisy = lines.copy()
    tail = lines[:, :, edges[first] :].shape
    noisy[:, :, edges[first] :] = np.random.default_rng(seed).standard_normal(tail)
    return _float(inverse_mdct(_with_energies_of(noisy, lines, edges, first), pcm.shape[1]))


def pre_echo(pcm: Pcm, size: int, ratio_db: float, seed: int) -> Pcm:
    """Family PE: noise of a transform that never switches to short blocks, in mid and side.

    Args:
        size: samples of a block's window, twice its lines.
        ratio_db: how far the noise of each band and block lies under the signal.
    """
    lines = mdct(_mid_side(pcm), size // 2)
    edges = band_edges(size // 2)
    energies = np.add.reduceat(lines**2, edges[:-1], axis=2) / np.diff(edges)
    level = np.sqrt(np.repeat(energies, np.diff(edges), axis=2)) * 10 ** (-ratio_db / 20)
    noise = np.random.default_rng(seed).uniform(-np.sqrt(3), np.sqrt(3), lines.shape)
    return _left_right(inverse_mdct(lines + level * noise, pcm.shape[1]))


@dataclass(frozen=True)
class Condition:
    """One level of a family.

    Args:
        family: "LP", "SH", "TM", "UN" or "PE".
        level: "Q1" (worst) to "Q5" (best), or the anchors "LP3.5" and "LP7".
        name: of ODAQ's stimulus.
        values: Hz (LP, TM, UN), a probability (SH), or samples and dB (PE).
    """

    family: str
    level: str
    name: str
    values: tuple[float, ...]

    def make(self, pcm: Pcm, seed: int) -> Pcm:
        """The degraded signal."""
        first = self.values[0]
        if self.family == "LP":
            return lowpass(pcm, first)
        if self.family == "SH":
            return spectral_holes(pcm, first, seed)
        if self.family == "TM":
            return tonality_mismatch(pcm, first)
        if self.family == "UN":
            return unmasked_noise(pcm, first, seed)
        return pre_echo(pcm, int(first), self.values[1], seed)


#: Low-pass frequencies of the anchors and of Q1 to Q5, kHz.
_LOWPASS_KHZ = {"LP3.5": 3.5, "LP7": 7.0, "Q1": 5.0, "Q2": 9.0, "Q3": 10.5, "Q4": 12.0, "Q5": 15.0}
#: Q1 to Q5 of the others: holes in percent, start in kHz (TM and UN), window and dB of PE.
_HOLES_PERCENT = (70, 50, 30, 20, 10)
_START_KHZ = (3.0, 5.0, 7.0, 9.0, 10.5)
_ECHOES = ((4096, 10), (2048, 10), (1024, 10), (2048, 16), (1024, 16))


def conditions() -> tuple[Condition, ...]:
    """All of them: two anchors and five levels of five families."""
    found = [
        Condition("LP", level, f"LP{10 * khz:g}", (1000 * khz,))
        for level, khz in _LOWPASS_KHZ.items()
    ]
    levels = [f"Q{place}" for place in range(1, 6)]
    for level, percent in zip(levels, _HOLES_PERCENT, strict=True):
        found.append(Condition("SH", level, f"SH{percent}_MS", (percent / 100,)))
    for family in ("TM", "UN"):
        for level, khz in zip(levels, _START_KHZ, strict=True):
            found.append(Condition(family, level, f"{family}{khz:g}k", (1000 * khz,)))
    for level, (size, ratio_db) in zip(levels, _ECHOES, strict=True):
        name = f"PE_{size}_MS_NMR{ratio_db}"
        found.append(Condition("PE", level, name, (size, ratio_db)))
    return tuple(found)


def band_edges(lines: int) -> npt.NDArray[np.intp]:
    """First line of each band of a transform with so many lines, and the end of the last."""
    hz_per_line = SAMPLE_RATE / 2 / lines
    edges = [0]
    while edges[-1] < lines:
        width_hz = np.clip(BAND_SHARE * edges[-1] * hz_per_line, BAND_LEAST_HZ, BAND_MOST_HZ)
        edges.append(edges[-1] + max(round(float(width_hz) / hz_per_line), 1))
    edges[-1] = lines
    return np.asarray(edges, dtype=np.intp)


def mdct(pcm: npt.ArrayLike, lines: int) -> Lines:
    """Modified discrete cosine transform with sine windows, ``[C, T]`` to ``[C, blocks, lines]``.

    Orthonormal: noise of unit variance on every line gives noise of unit variance.
    """
    from scipy import fft

    samples = np.asarray(pcm, dtype=np.float64)
    blocks = -(-samples.shape[1] // lines) + 1
    padded = np.pad(samples, ((0, 0), (lines, blocks * lines - samples.shape[1])))
    halves = padded.reshape(samples.shape[0], blocks + 1, lines)
    window = _window(lines)
    first, second = halves[:, :-1] * window[:lines], halves[:, 1:] * window[lines:]
    half = lines // 2
    a, b = first[..., :half], first[..., half:]
    c, d = second[..., :half], second[..., half:]
    folded = np.concatenate([-c[..., ::-1] - d, a - b[..., ::-1]], axis=2)
    return np.asarray(fft.dct(folded, type=4, norm="ortho", axis=2))


def inverse_mdct(lines: Lines, length: int) -> Lines:
    """The signal whose `mdct` that is, ``[C, length]``."""
    from scipy import fft

    count = lines.shape[2]
    folded = fft.dct(lines, type=4, norm="ortho", axis=2)
    late, early = folded[..., : count // 2], folded[..., count // 2 :]
    window = _window(count)
    first = np.concatenate([early, -early[..., ::-1]], axis=2) * window[:count]
    second = np.concatenate([-late[..., ::-1], -late], axis=2) * window[count:]
    # The first block begins before the signal, so its second half holds the signal's start.
    added = second.copy()
    added[:, :-1] += first[:, 1:]
    return added.reshape(lines.shape[0], -1)[:, :length]


def _window(lines: int) -> Lines:
    return np.sin(np.pi * (np.arange(2 * lines) + 0.5) / (2 * lines))


def _first_band(edges: npt.NDArray[np.intp], start_hz: float) -> int:
    return int(np.searchsorted(edges, start_hz / (SAMPLE_RATE / 2) * edges[-1]))


def _with_energies_of(
    lines: Lines, original: Lines, edges: npt.NDArray[np.intp], first: int
) -> Lines:
    """`lines` with the energy of each band and block of `original`, from band `first` on."""
    starts, widths = edges[first:-1], np.diff(edges[first:])
    wanted, given = (np.add.reduceat(each**2, starts, axis=2) for each in (original, lines))
    gain = np.sqrt(wanted / np.maximum(given, 1e-20))
    out = lines.copy()
    # A source that was silent has nothing to turn up.
    out[:, :, edges[first] :] *= np.repeat(np.where(given > 1e-16, gain, 0.0), widths, axis=2)
    return out


def _mid_side(pcm: Pcm) -> Lines:
    samples = np.asarray(pcm, dtype=np.float64)
    if samples.shape[0] == 1:
        return samples
    return np.stack([samples[0] + samples[1], samples[0] - samples[1]]) / 2


def _left_right(samples: Lines) -> Pcm:
    if samples.shape[0] == 1:
        return _float(samples)
    return _float(np.stack([samples[0] + samples[1], samples[0] - samples[1]]))


def _float(samples: Lines) -> Pcm:
    return np.ascontiguousarray(samples, dtype=np.float32)
