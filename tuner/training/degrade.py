"""Programmatic distortions: families of artefacts with a severity, after the Open Dataset of
Audio Quality (low-pass, pre-echo, spectral holes, tonality mismatch, unmasked noise) and
more: stereo narrowing, imbalance, clipping, drop-outs, gaps, clicks, birdies, time smearing, noise
shaped over the bands. Some change the samples and cannot be heard (`INAUDIBLE`).

All take and give float32 ``[C, T]`` at 48 kHz. Severity runs from 0 (barely audible) to
1 (gross). Random parts come from the generator that is passed in.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import signal as dsp

from tuner.sound.audio import lowpass

Pcm = npt.NDArray[np.float32]
Degradation = Callable[[Pcm, float, np.random.Generator], Pcm]

RATE = 48_000
_WINDOW = 2048  # STFT window of the spectral artefacts: that of AAC's long blocks
_FLUX_HOP = 120  # 2.5 ms, resolution of attack detection


def find_attacks(pcm: Pcm, rise_db: float = 12.0, gap_s: float = 0.05) -> list[int]:
    """Sample positions where the energy rises by `rise_db` over what the last 20 ms held.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz.
        rise_db: least rise of a 2.5 ms frame over the loudest of the 20 ms before it.
        gap_s: least distance of two attacks in seconds.
    """
    frames = pcm.shape[1] // _FLUX_HOP
    blocks = pcm[:, : frames * _FLUX_HOP].reshape(pcm.shape[0], frames, _FLUX_HOP)
    energy_db = 10 * np.log10(np.mean(np.square(blocks, dtype=np.float64), axis=(0, 2)) + 1e-9)
    floor = energy_db.max(initial=-90.0) - 40.0
    attacks: list[int] = []
    for frame in range(8, frames):
        before = max(energy_db[frame - 8 : frame].max(), floor)
        position = frame * _FLUX_HOP
        far = not attacks or position - attacks[-1] > gap_s * RATE
        if far and energy_db[frame] - before > rise_db:
            attacks.append(position)
    return attacks


def pre_echo(pcm: Pcm, length_ms: float, level_db: float, rng: np.random.Generator) -> Pcm:
    """Noise of the attack's own spectrum in the `length_ms` before each attack.

    Args:
        level_db: level of the noise against the attack's first 10 ms, such as -20.
    """
    out = pcm.copy()
    length = round(length_ms * RATE / 1000)
    for attack in find_attacks(pcm):
        start = max(attack - length, 0)
        burst = pcm[:, attack : attack + 480]
        if burst.shape[1] < 480 or attack - start < 24:
            continue
        noise = _noise_like(burst, attack - start, rng)
        level = np.sqrt(np.mean(np.square(burst), axis=1, keepdims=True)) * 10 ** (level_db / 20)
        out[:, start:attack] += (noise * level).astype(np.float32)
    return out


def _noise_like(burst: Pcm, length: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Noise of unit RMS per channel with the burst's magnitude spectrum, ``[C, length]``."""
    size = max(length, burst.shape[1])
    magnitude = np.abs(np.fft.rfft(burst, size, axis=1))
    phase = rng.uniform(0, 2 * np.pi, magnitude.shape)
    noise = np.fft.irfft(magnitude * np.exp(1j * phase), size, axis=1)[:, :length]
    rms = np.sqrt(np.mean(noise**2, axis=1, keepdims=True)) + 1e-12
    return np.asarray(noise / rms)


def _stft(pcm: Pcm) -> npt.NDArray[np.complex128]:
    return np.asarray(dsp.stft(pcm, RATE, nperseg=_WINDOW, axis=1)[2])


def _istft(spectrum: npt.NDArray[np.complex128], length: int) -> Pcm:
    out = dsp.istft(spectrum, RATE, nperseg=_WINDOW, time_axis=-1, freq_axis=-2)[1]
    return np.ascontiguousarray(out[:, :length], dtype=np.float32)


def _low_pass(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    return lowpass(pcm, 19_000 * (2_500 / 19_000) ** severity)


def _pre_echo(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    length_ms = 3.0 + 27.0 * severity
    return pre_echo(pcm, length_ms, rng.uniform(-26, -14), rng)


def _spectral_holes(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """Zero random band-times, as a starved quantiser does; more of them, and lower, when severe."""
    spectrum = _stft(pcm)
    bins, frames = spectrum.shape[1:]
    low = int(bins * (0.45 - 0.40 * severity))
    band = 24
    holes = rng.random(((bins - low) // band + 1, frames)) < 0.08 + 0.7 * severity
    mask = np.repeat(holes, band, axis=0)[: bins - low]
    spectrum[:, low:] *= ~mask
    return _istft(spectrum, pcm.shape[1])


def _tonality_mismatch(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """Replace everything above a frequency by noise of the same band energies."""
    spectrum = _stft(pcm)
    low = int(spectrum.shape[1] * (0.7 * (0.05 / 0.7) ** severity))
    noise = rng.standard_normal(spectrum[:, low:].shape) + 1j * rng.standard_normal(
        spectrum[:, low:].shape
    )
    power = np.abs(spectrum[:, low:]) ** 2
    smooth = dsp.fftconvolve(power, np.ones((1, 32, 1)) / 32, mode="same", axes=1)
    spectrum[:, low:] = noise * np.sqrt(np.maximum(smooth, 0) / 2)
    return _istft(spectrum, pcm.shape[1])


def _unmasked_noise(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """Noise that follows the spectrum, 30 dB under it when mild, 4 dB when gross."""
    spectrum = _stft(pcm)
    power = np.abs(spectrum) ** 2
    smooth = dsp.fftconvolve(power, np.ones((1, 16, 1)) / 16, mode="same", axes=1)
    noise = rng.standard_normal(spectrum.shape) + 1j * rng.standard_normal(spectrum.shape)
    gain = 10 ** ((-30 + 26 * severity) / 20)
    return _istft(spectrum + noise * gain * np.sqrt(np.maximum(smooth, 0) / 2), pcm.shape[1])


def _white_noise(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    rms = float(np.sqrt(np.mean(np.square(pcm)))) * 10 ** ((-60 + 45 * severity) / 20)
    return pcm + (rms * rng.standard_normal(pcm.shape)).astype(np.float32)


def narrow(pcm: Pcm, width: float) -> Pcm:
    """Scale the side signal by `width` (0 = mono, 1 = unchanged)."""
    mid = pcm.mean(axis=0, keepdims=True)
    return np.asarray(mid + (pcm - mid) * width, dtype=np.float32)


def _narrow_stereo(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    return narrow(pcm, 0.9 * (1 - severity))


def _imbalance(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    gains_db = np.zeros((pcm.shape[0], 1))
    gains_db[rng.integers(pcm.shape[0])] = -(1 + 15 * severity)
    return (pcm * 10 ** (gains_db / 20)).astype(np.float32)


def _clipping(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    limit = float(np.quantile(np.abs(pcm), 0.9995 - 0.1 * severity))
    return np.clip(pcm, -limit, limit)


def _drop_outs(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    out = pcm.copy()
    length = round((0.005 + 0.03 * severity) * RATE)
    count = 1 + round(3 * severity * pcm.shape[1] / RATE)
    for start in rng.integers(0, pcm.shape[1] - length, count):
        fade = 1 - dsp.windows.tukey(length, 0.2)
        out[:, start : start + length] *= fade.astype(np.float32)
    return out


def _birdies(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """Isolated short tones in the upper bands, as coefficients that flicker on and off."""
    spectrum = _stft(pcm)
    bins, frames = spectrum.shape[1:]
    level = np.sqrt(np.mean(np.abs(spectrum) ** 2)) * 10 ** ((-22 + 22 * severity) / 20)
    for _ in range(round(frames * (0.2 + severity))):
        column, row = rng.integers(frames), rng.integers(bins // 12, bins * 2 // 3)
        spectrum[:, row, column : column + 2] += level * np.exp(2j * np.pi * rng.random())
    return _istft(spectrum, pcm.shape[1])


def _time_smearing(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """Jitter the phases of long blocks: the magnitudes stay, attacks smear over the block."""
    spectrum = _stft(pcm)
    low = spectrum.shape[1] // 24
    jitter = rng.uniform(-np.pi, np.pi, (1, *spectrum[:, low:].shape[1:])) * severity
    spectrum[:, low:] *= np.exp(1j * jitter)
    return _istft(spectrum, pcm.shape[1])


def _quantise(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """Uniform quantisation of a transform of random block length: noise and holes together."""
    size = int(rng.choice([256, 1024, 4096]))
    spectrum = np.asarray(dsp.stft(pcm, RATE, nperseg=size, axis=1)[2])
    step = 10 ** ((-55 + 40 * severity) / 20) * np.abs(spectrum).max()
    tilt = (1 + np.arange(spectrum.shape[1])[None, :, None]) ** -0.5
    grain = step * tilt
    quantised = grain * (np.round(spectrum.real / grain) + 1j * np.round(spectrum.imag / grain))
    out = dsp.istft(quantised, RATE, nperseg=size, time_axis=-1, freq_axis=-2)[1]
    return np.ascontiguousarray(out[:, : pcm.shape[1]], dtype=np.float32)


def _gaps(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """Silence: 30 ms to half of the signal, in one to three pieces."""
    out = pcm.copy()
    share = 0.01 * 50**severity
    pieces = int(rng.integers(1, 4))
    length = max(round(share * pcm.shape[1] / pieces), 480)
    for start in rng.integers(0, max(pcm.shape[1] - length, 1), pieces):
        out[:, start : start + length] = 0
    return out


def _clicks(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """Short bursts of a high tone, two to ten a second, 45 to 5 dB under the peak."""
    size = int(rng.integers(24, 72))
    tone = np.sin(2 * np.pi * rng.uniform(3_000, 10_000) * np.arange(size) / RATE)
    level = float(np.abs(pcm).max()) * 10 ** ((-45 + 40 * severity) / 20)
    out = pcm.copy()
    count = max(round(float(rng.uniform(2, 10)) * pcm.shape[1] / RATE), 1)
    for start in rng.integers(0, pcm.shape[1] - size, count):
        out[:, start : start + size] += (level * tone * np.hanning(size)).astype(np.float32)
    return out


def _band_noise(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """Noise of constant total energy, 30 to 6 dB under the signal, spread over the bands anew.

    So the same noise lies now under the loud bands, now over the quiet ones.
    """
    spectrum = _stft(pcm)
    edges = np.unique(np.geomspace(4, spectrum.shape[1] - 1, 18).astype(int))
    power = np.abs(spectrum) ** 2
    noise = rng.standard_normal(spectrum.shape) + 1j * rng.standard_normal(spectrum.shape)
    shaped = np.zeros_like(spectrum)
    for low, high in itertools.pairwise(edges):
        level = np.sqrt(power[:, low:high].mean(axis=1, keepdims=True))
        shaped[:, low:high] = noise[:, low:high] * level * 10 ** (rng.uniform(-20, 20) / 20)
    wanted = np.sum(power) * 10 ** ((-30 + 24 * severity) / 10)
    shaped *= np.sqrt(wanted / (np.sum(np.abs(shaped) ** 2) + 1e-20))
    return _istft(spectrum + shaped, pcm.shape[1])


def _constant(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    return pcm + np.float32((1 if rng.random() < 0.5 else -1) * 0.01 * severity)


def _infrasound(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """A tone of 2 to 12 Hz of up to 1 % of full scale."""
    places = np.arange(pcm.shape[1]) / RATE
    tone = np.sin(2 * np.pi * (rng.uniform(2, 12) * places + rng.random()))
    return np.asarray(pcm + 0.01 * severity * tone, dtype=np.float32)


def _phase(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """All components turned by the same angle, up to half a turn."""
    angle = np.pi * severity
    turned = np.cos(angle) * pcm - np.sin(angle) * dsp.hilbert(pcm, axis=1).imag
    return np.asarray(turned, dtype=np.float32)


def _shift(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """Late by up to 0.3 ms, by a fraction of a sample, too."""
    size = pcm.shape[1] + 64
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size) * 0.0003 * RATE * severity)
    return np.fft.irfft(np.fft.rfft(pcm, size, axis=1) * turn, size, axis=1)[
        :, : pcm.shape[1]
    ].astype(np.float32)


def redraw_noise(pcm: Pcm, severity: float, rng: np.random.Generator) -> Pcm:
    """Other noise of the same spectrum: sounds the same where the signal is stationary noise."""
    spectrum = np.fft.rfft(pcm, axis=1)
    phase = rng.uniform(0, 2 * np.pi, spectrum.shape)
    return np.fft.irfft(np.abs(spectrum) * np.exp(1j * phase), pcm.shape[1], axis=1).astype(
        np.float32
    )


#: Families that change the samples and cannot be heard; the last one on stationary noise alone.
INAUDIBLE: dict[str, Degradation] = {
    "constant": _constant,
    "infrasound": _infrasound,
    "phase": _phase,
    "shift": _shift,
    "redrawn noise": redraw_noise,
}
#: Family name -> distortion of a given severity.
FAMILIES: dict[str, Degradation] = {
    "low-pass": _low_pass,
    "pre-echo": _pre_echo,
    "spectral holes": _spectral_holes,
    "tonality mismatch": _tonality_mismatch,
    "unmasked noise": _unmasked_noise,
    "white noise": _white_noise,
    "stereo narrowing": _narrow_stereo,
    "channel imbalance": _imbalance,
    "clipping": _clipping,
    "drop-outs": _drop_outs,
    "birdies": _birdies,
    "time smearing": _time_smearing,
    "quantisation": _quantise,
}
#: Families that `tuner.training.material.plan_dense` adds to those; the earlier plan's recipes
#: draw from `FAMILIES` alone, so that they stay what they were.
MORE_FAMILIES: dict[str, Degradation] = {
    "gaps": _gaps,
    "clicks": _clicks,
    "band noise": _band_noise,
}


def degrade(pcm: Pcm, family: str, severity: float, seed: int) -> Pcm:
    """One distortion of a family.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz.
        family: a key of `FAMILIES`, `MORE_FAMILIES` or `INAUDIBLE`.
        severity: 0 (barely audible) to 1 (gross).
        seed: of everything random in it.
    """
    everything = FAMILIES | MORE_FAMILIES | INAUDIBLE
    return everything[family](pcm, severity, np.random.default_rng(seed))
