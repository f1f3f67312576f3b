"""What a clip is, guessed from its signal: speech, mono, sparse attacks, or music.

Speech is told from music by four cues, all of which must hold: pauses (share of low-energy
frames) and syllables (modulation energy about 4 Hz) after E. Scheirer, M. Slaney, Construction and
evaluation of a robust multifeature speech/music discriminator, ICASSP 1997; a voice (periodic in
the range of speaking), and a pitch that glides where notes would hold it. Constants are chosen
on the clips of the tuning set and synthetic sounds; `python -m bench.content` tells how often the
guess is right elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.answer.traits import measure_traits
from tuner.sound.audio import SAMPLE_RATE, Pcm

Floats = npt.NDArray[np.float64]

SPEECH, MUSIC, MONO, SPARSE = "speech", "music", "mono", "sparse attacks"

#: Sample rate of the analysis, Hz: what tells speech lies under 7 kHz.
RATE = 16_000
#: Hop, window of energies and spectra, window of the pitch, samples: 10, 25 and 50 ms.
HOP, WINDOW, PITCH_WINDOW = 160, 400, 800
#: A frame is of low energy under this share of the mean RMS of the second around it.
LOW_SHARE = 0.5
#: Bands of the modulation, and where they lie, Hz (evenly on the mel scale).
BANDS, LOWEST_HZ, HIGHEST_HZ = 20, 100.0, 7000.0
#: Syllables come at 4 Hz, from 2 to 8; all modulations lie within the wider range, Hz.
SYLLABLES_HZ, MODULATIONS_HZ = (2.0, 8.0), (0.3, 25.0)
#: Fundamentals of speakers, Hz; a frame is voiced if its autocorrelation has such a peak.
PITCH_HZ, VOICED_PEAK = (70.0, 400.0), 0.7
#: The pitch's change is read over 60 ms, if it is no leap (octaves).
GLIDE_FRAMES, LEAP = 6, 0.4

#: A side signal this far under the mid is not there, dB.
MONO_DB = -60.0
#: Single attacks that stand out: so many a second, and a peak so far over the level, dB. Castanets
#: and glockenspiel have two to six a second and 20 dB or more, dense mixes 12 to 16 dB.
SPARSE_PER_S, SPIKY_DB = (0.3, 8.0), 18.0


@dataclass(frozen=True)
class SpeechCues:
    """What tells speech from music.

    Args:
        low_energy: share of frames far under the mean level around them, 0 to 1.
        syllables: share of the modulation energy that lies between 2 and 8 Hz, 0 to 1.
        voiced: share of loud frames that are periodic as voices are, 0 to 1.
        glide: median change of the pitch over 60 ms, semitones.
    """

    low_energy: float
    syllables: float
    voiced: float
    glide: float

    @property
    def is_speech(self) -> bool:
        """Whether all are as in speech."""
        return all(getattr(self, cue) >= least for cue, least in LEAST.items())


#: Least of each cue in speech. The four speakers among the sounds of the tuning set and the
#: synthetic ones have 0.33, 0.41, 0.89 and 0.51 or more; no other sound there reaches all.
LEAST = {"low_energy": 0.25, "syllables": 0.35, "voiced": 0.5, "glide": 0.4}


def guess_category(pcm: Pcm, traits: Mapping[str, float] | None = None) -> str:
    """The kind of a clip that no manifest names.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz.
        traits: of the clip (`measure_traits`), where they are known.
    """
    traits = measure_traits(pcm) if traits is None else traits
    if measure_speech(pcm).is_speech:
        return SPEECH
    if traits["side_db"] <= MONO_DB:
        return MONO
    low, high = SPARSE_PER_S
    if low <= traits["attacks_per_s"] <= high and traits["crest_db"] >= SPIKY_DB:
        return SPARSE
    return MUSIC


def measure_speech(pcm: Pcm) -> SpeechCues:
    """The cues of one clip, from the mean of its channels.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz.
    """
    from scipy.signal import resample_poly

    mono = resample_poly(pcm.mean(axis=0, dtype=np.float64), 1, SAMPLE_RATE // RATE)
    frames = _frames(mono, WINDOW)
    level = np.sqrt(np.square(frames).mean(axis=1))
    if len(level) < RATE // HOP or level.max() == 0:
        return SpeechCues(0.0, 0.0, 0.0, 0.0)
    voiced, glide = _pitch(mono, level)
    return SpeechCues(_low_energy(level), _syllables(frames), voiced, glide)


def _frames(signal: Floats, window: int) -> Floats:
    padded = np.pad(signal, (0, window))
    return np.lib.stride_tricks.sliding_window_view(padded, window)[: len(signal) : HOP]


def _low_energy(level: Floats) -> float:
    second = np.ones(RATE // HOP)
    around = np.convolve(level, second, "same") / np.convolve(np.ones_like(level), second, "same")
    return float(np.mean(level < LOW_SHARE * around))


def _syllables(frames: Floats) -> float:
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), 512)) ** 2
    hz = np.fft.rfftfreq(512, 1 / RATE)
    low, high = (np.log10(1 + end / 700) for end in (LOWEST_HZ, HIGHEST_HZ))
    edges = np.searchsorted(hz, 700 * (10 ** np.linspace(low, high, BANDS + 1) - 1))
    bands = np.add.reduceat(power, edges, axis=1)[:, :BANDS]
    envelopes = np.sqrt(bands)
    envelopes = envelopes / np.maximum(envelopes.mean(axis=0), 1e-9) - 1
    faded = envelopes * np.hanning(len(envelopes))[:, None]
    energy = np.abs(np.fft.rfft(faded, axis=0)) ** 2
    rates = np.fft.rfftfreq(len(envelopes), HOP / RATE)

    def within(ends: tuple[float, float]) -> Floats:
        chosen = energy[(rates >= ends[0]) & (rates < ends[1])]
        return np.asarray(chosen.sum(axis=0))

    # Loud bands count more, compressed as loudness is.
    weights = bands.mean(axis=0) ** 0.3
    shares = within(SYLLABLES_HZ) / np.maximum(within(MODULATIONS_HZ), 1e-9)
    return float((shares * weights).sum() / max(weights.sum(), 1e-9))


def _pitch(mono: Floats, level: Floats) -> tuple[float, float]:
    """Share of the loud frames that are voiced, and how far the pitch glides, semitones."""
    from scipy.signal import butter, sosfilt

    band = butter(4, (PITCH_HZ[0], 1000.0), "band", fs=RATE, output="sos")
    frames = _frames(np.asarray(sosfilt(band, mono)), PITCH_WINDOW)
    window = np.hanning(PITCH_WINDOW)
    correlation = _autocorrelation(frames * window) / _autocorrelation(window[None])
    shortest, longest = (round(RATE / hz) for hz in reversed(PITCH_HZ))
    peaks = correlation[:, shortest:longest] / np.maximum(correlation[:, :1], 1e-9)
    octaves = np.log2(RATE / (peaks.argmax(axis=1) + shortest))
    loud = level > 0.3 * np.median(level[level > 0.1 * level.max()])
    voiced = (peaks.max(axis=1) > VOICED_PEAK) & loud
    runs = np.lib.stride_tricks.sliding_window_view(voiced, GLIDE_FRAMES + 1).all(axis=1)
    change = np.abs(octaves[GLIDE_FRAMES:] - octaves[:-GLIDE_FRAMES])
    held = change[runs & (change < LEAP)]
    glide = 12 * float(np.median(held)) if len(held) > GLIDE_FRAMES else 0.0
    return float(voiced[loud].mean()), glide


def _autocorrelation(frames: Floats) -> Floats:
    size = 1 << (2 * PITCH_WINDOW - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(frames, size)) ** 2
    lags = np.fft.irfft(spectrum)[:, :PITCH_WINDOW]
    return np.asarray(lags / lags[:1, :1] if len(frames) == 1 else lags)
