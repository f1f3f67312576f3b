"""Filters, envelopes and waves that synthetic sounds are made of.

Float64 ``[T]`` or ``[2, T]`` at 48 kHz. Filters are second-order analogue
responses, applied by FFT.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from tuner.sound.audio import SAMPLE_RATE

Signal = npt.NDArray[np.float64]
Response = npt.NDArray[np.complex128]


def shape(signal: Signal, respond: Callable[[Signal], Response]) -> Signal:
    """Apply a frequency response (a function of Hz) along the last axis."""
    length = signal.shape[-1]
    size = fft.next_fast_len(length + SAMPLE_RATE // 8, real=True)
    spectrum = fft.rfft(signal, size) * respond(fft.rfftfreq(size, 1 / SAMPLE_RATE))
    filtered: Signal = fft.irfft(spectrum, size)[..., :length]
    return filtered


def resonate(
    signal: Signal, peaks: list[tuple[float, float]], q: float, floor: float = 0.0
) -> Signal:
    """Resonances at (Hz, gain), over a flat `floor`."""

    def respond(f: Signal) -> Response:
        response: Response = np.full(len(f), floor, dtype=np.complex128)
        for hz, gain in peaks:
            response += gain * band_pass(f, hz, q)
        return response

    return shape(signal, respond)


def pass_below(signal: Signal, cutoff_hz: float, q: float) -> Signal:
    """What lies below a cutoff, with a resonance of `q` there."""
    return shape(signal, lambda f: low_pass(f, cutoff_hz, q))


def pass_above(signal: Signal, cutoff_hz: float) -> Signal:
    """What lies above a cutoff."""
    return shape(signal, lambda f: high_pass(f, cutoff_hz))


def low_pass(hz: Signal, cutoff_hz: float, q: float = 0.7) -> Response:
    """The response of a low-pass of second order."""
    x = hz / cutoff_hz
    return np.asarray(1 / (1 - x**2 + 1j * x / q))


def high_pass(hz: Signal, cutoff_hz: float, q: float = 0.7) -> Response:
    """The response of a high-pass of second order."""
    return np.asarray(-((hz / cutoff_hz) ** 2) * low_pass(hz, cutoff_hz, q))


def band_pass(hz: Signal, center_hz: float, q: float) -> Response:
    """Band-pass of gain 1 at its centre."""
    response: Response = 1j * hz / center_hz / q * low_pass(hz, center_hz, q)
    return response


def smooth(signal: Signal, window_s: float) -> Signal:
    """The running mean over `window_s` seconds."""
    size = max(round(window_s * SAMPLE_RATE), 1)
    smoothed: Signal = ndimage.uniform_filter1d(signal, size, axis=-1, mode="nearest")
    return smoothed


def make_swell(length: int, attack_s: float, release_s: float) -> Signal:
    """Envelope that rises, holds 1 and falls, with sine-shaped ends."""
    t = np.arange(length) / SAMPLE_RATE
    ends = np.minimum(t / attack_s, (length / SAMPLE_RATE - t) / release_s)
    swell: Signal = np.sin(np.clip(ends, 0, 1) * np.pi / 2)
    return swell


def make_saw(hz: Signal, phase: float = 0.0) -> Signal:
    """Sawtooth with a changing pitch, its aliases damped (PolyBLEP, Välimäki 2007)."""
    step = hz / SAMPLE_RATE
    turn = (np.cumsum(step) + phase) % 1.0
    after = np.clip(turn / step, 0, 1)
    before = np.clip((turn - 1) / step, -1, 0)
    saw: Signal = 2 * turn - 1 + (after - 1) ** 2 - (before + 1) ** 2
    return saw


def seconds_of(duration_s: float) -> Signal:
    """The time of every sample, from 0."""
    return np.arange(max(round(duration_s * SAMPLE_RATE), 1)) / SAMPLE_RATE


def ring(hz: Signal, gains: Signal, t60_s: Signal, duration_s: float, rng_phase: Signal) -> Signal:
    """Sum of decaying sines; partials above 20 kHz are left out."""
    t = seconds_of(duration_s)[:, None]
    heard = hz < 20_000
    sines = np.sin(2 * np.pi * hz[heard] * t + rng_phase[heard])
    modes: Signal = (sines * np.exp(-6.9 * t / t60_s[heard])) @ gains[heard]
    return modes
