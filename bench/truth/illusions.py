"""Signals on which waveform, magnitudes and what is heard part ways.

All take and give float32 ``[C, T]`` at 48 kHz. `whistle` and `clicks` leave the waveform
nearly as it is and are plainly heard; `disperse` keeps the magnitudes and smears attacks;
`other_noise`, `rotate_phase` and `delay` change the waveform and not the sound. Masking after
Glasberg and Moore (1990): a tone is heard from about 4 dB under the noise in its ERB.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

from tuner.model.gammatone import centre_frequencies
from tuner.sound.audio import SAMPLE_RATE, Pcm

#: Level of what is added, under the clip's energy: 1 % of the amplitude.
SNR_DB = 40.0
WHISTLE_S, WHISTLE_HZ = 1.0, (2_000.0, 10_000.0)
CLICK_S, CLICK_HZ, CLICK_EVERY_S = 0.001, 7_000.0, 0.2
CLICK_BAND_HZ = (4_000.0, 10_000.0)
#: How far the addition must stand over what is there already, to be heard beyond doubt.
WHISTLE_OVER_DB, CLICK_OVER_DB = 15.0, 10.0
#: Smearing, all in all; distance of the frequencies that are delayed independently.
DISPERSE_S, DISPERSE_STEP_HZ = 0.06, 100.0
#: A delay of both ears that nobody notices.
DELAY_S = 0.0003

Signal = npt.NDArray[np.float64]


def whistle(pcm: Pcm) -> Pcm | None:
    """A narrow tone in the quietest second, in the emptiest ERB; None where it would be masked."""
    length = round(WHISTLE_S * SAMPLE_RATE)
    mono = pcm.mean(axis=0, dtype=np.float64)
    energy = np.concatenate([[0.0], np.cumsum(mono**2)])
    start = int(np.argmin(energy[length:] - energy[:-length]))
    power = np.abs(np.fft.rfft(mono[start : start + length])) ** 2 * 2 / length
    hz = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)

    def in_erb(centre: float) -> float:
        half = 24.7 * (0.00437 * centre + 1) / 2
        return float(power[np.abs(hz - centre) <= half].sum())

    centres = [f for f in centre_frequencies() if WHISTLE_HZ[0] <= f <= WHISTLE_HZ[1]]
    emptiest = min(centres, key=in_erb)
    tone = np.sin(2 * np.pi * emptiest * np.arange(length) / SAMPLE_RATE)
    tone *= signal.windows.tukey(length, 0.1)
    added = np.zeros_like(mono)
    added[start : start + length] = tone
    added *= _gain(pcm, added)
    if 10 * np.log10(np.sum(added**2) / (in_erb(emptiest) + 1e-12)) < WHISTLE_OVER_DB:
        return None
    return np.asarray(pcm + added, np.float32)


def clicks(pcm: Pcm) -> Pcm | None:
    """A train of soft high clicks; None where the clip masks most of them."""
    size = round(CLICK_S * SAMPLE_RATE)
    click = np.hanning(size) * np.sin(2 * np.pi * CLICK_HZ * np.arange(size) / SAMPLE_RATE)
    places = np.arange(size, pcm.shape[1] - size, round(CLICK_EVERY_S * SAMPLE_RATE))
    added = np.zeros(pcm.shape[1])
    for place in places:
        added[place : place + size] = click
    added *= _gain(pcm, added)

    def energy(mono: Signal) -> Signal:
        """Energy of the band in the 5 ms about each sample."""
        sections = signal.butter(4, CLICK_BAND_HZ, "bandpass", fs=SAMPLE_RATE, output="sos")
        return np.asarray(ndimage.uniform_filter1d(signal.sosfiltfilt(sections, mono) ** 2, 240))

    # What sounded in the 20 ms before still masks.
    before = ndimage.maximum_filter1d(energy(pcm.mean(axis=0, dtype=np.float64)), 960, origin=479)
    over_db = 10 * np.log10(energy(added)[places] / (before[places] + 1e-12) + 1e-12)
    if np.mean(over_db > CLICK_OVER_DB) < 0.5:
        return None
    return np.asarray(pcm + added, np.float32)


def _gain(pcm: Pcm, added: Signal) -> float:
    """Brings a signal, added to every channel, to `SNR_DB` under the clip."""
    energy = np.sum(np.square(pcm, dtype=np.float64)) / pcm.shape[0]
    return float(np.sqrt(energy / np.sum(added**2)) * 10 ** (-SNR_DB / 20))


def disperse(pcm: Pcm, seed: int) -> Pcm:
    """An all-pass of random group delay: magnitudes over long windows stay, attacks smear."""
    size = pcm.shape[1] + SAMPLE_RATE
    hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    knots = np.arange(0.0, SAMPLE_RATE / 2 + DISPERSE_STEP_HZ, DISPERSE_STEP_HZ)
    delays = np.random.default_rng(seed).uniform(-DISPERSE_S / 2, DISPERSE_S / 2, len(knots))
    phase = -2 * np.pi * np.cumsum(np.interp(hz, knots, delays)) * hz[1]
    out = np.fft.irfft(np.fft.rfft(pcm, size, axis=1) * np.exp(1j * phase), size, axis=1)
    return out[:, : pcm.shape[1]].astype(np.float32)


def other_noise(noise: Pcm, seed: int) -> Pcm:
    """Stationary noise of the same spectrum, drawn again."""
    spectrum = np.fft.rfft(noise, axis=1)
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, spectrum.shape)
    out = np.fft.irfft(np.abs(spectrum) * np.exp(1j * phase), noise.shape[1], axis=1)
    return out.astype(np.float32)


def rotate_phase(pcm: Pcm) -> Pcm:
    """All components by 90 degrees."""
    return np.asarray(signal.hilbert(pcm, axis=1).imag, np.float32)


def delay(pcm: Pcm) -> Pcm:
    """Both channels by `DELAY_S`."""
    samples = round(DELAY_S * SAMPLE_RATE)
    return np.pad(pcm, ((0, 0), (samples, 0)))[:, : pcm.shape[1]]
