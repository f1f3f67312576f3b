"""Reading, resampling and aligning audio.

Conventions: float32 ``[C, T]``, C = 1 or 2, 48 kHz after `resample`, nominal range ±1.
Decoded peaks above 1 are kept.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tuner.errors import AlignmentError, ClipError, DecodeFailed

Pcm = npt.NDArray[np.float32]

#: All scoring happens at this rate, Hz.
SAMPLE_RATE = 48_000
#: Longest codec delay searched for, samples at 48 kHz. LAME at 32 kb/s, resampled to
#: 16 kHz, is 3315 late (measured); twice that leaves room for outsiders' codecs.
MAX_DELAY = 8192
#: Least normalised correlation between reference and decoded signal at the best lag.
#: Coded signals at 16 kb/s stay above 0.5; unrelated signals stay under 0.1.
MIN_CORRELATION = 0.2
#: Order of the anchors' Butterworth filter; run forward and back it falls 96 dB an octave.
LOWPASS_ORDER = 8
#: Signals whose peak stays under this count as silent (-90 dBFS).
SILENCE_PEAK = 3.2e-5


def read_audio(path: Path) -> tuple[Pcm, int]:
    """Read a sound file: what libsndfile reads, else what ffmpeg's libraries decode (m4a, ac3).

    Returns:
        Samples float32 ``[C, T]`` and the sample rate in Hz.

    Raises:
        ClipError: naming the file, if it cannot be read.
    """
    import soundfile

    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        if path.is_file() and path.stat().st_size:
            return _decode_with_av(path)
        raise ClipError(f"{path}: cannot be read as audio ({error})") from error
    return np.ascontiguousarray(samples.T), int(rate)


def _decode_with_av(path: Path) -> tuple[Pcm, int]:
    import av

    try:
        with av.open(str(path)) as container:
            to_float = av.AudioResampler(format="fltp")
            frames = [f for frame in container.decode(audio=0) for f in to_float.resample(frame)]
    except (av.FFmpegError, IndexError) as error:
        raise ClipError(f"{path}: cannot be read as audio ({error})") from error
    if not frames:
        raise ClipError(f"{path}: holds no audio")
    return np.concatenate([f.to_ndarray() for f in frames], axis=1), frames[0].sample_rate


def resample(pcm: Pcm, rate: int, target_rate: int = SAMPLE_RATE) -> Pcm:
    """Resample with libsoxr's very high quality.

    Args:
        pcm: float32 ``[C, T]`` at `rate` Hz.
    """
    if rate == target_rate:
        return pcm
    import soxr

    resampled = soxr.resample(pcm.T, rate, target_rate, quality="VHQ")
    return np.ascontiguousarray(resampled.T, dtype=np.float32)


def lowpass(pcm: Pcm, cutoff_hz: float) -> Pcm:
    """Steep low-pass without delay: half the amplitude at the cut-off, 96 dB an octave beyond.

    The anchors that the model is taught and checked with; listeners hear `tuner.listening.anchors`.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz.
    """
    from scipy import signal

    sections = signal.butter(LOWPASS_ORDER, cutoff_hz, fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfiltfilt(sections, pcm, axis=1), dtype=np.float32)


def sample_digest(pcm: Pcm) -> str:
    """sha256 (hex) of the samples and their shape."""
    content = hashlib.sha256(repr(pcm.shape).encode())
    content.update(np.ascontiguousarray(pcm, dtype="<f4").tobytes())
    return content.hexdigest()


def find_delay(reference: Pcm, decoded: Pcm, max_delay: int = MAX_DELAY) -> tuple[int, float]:
    """How many samples `decoded` lags behind `reference`.

    Args:
        reference, decoded: float32 ``[C, T]`` at the same rate.
        max_delay: lags from -max_delay to +max_delay are searched.

    Returns:
        Delay in samples (positive: decoded is late), and the normalised correlation
        there, -1 to 1. Every channel of the reference is compared with its own.
    """
    from scipy import fft

    # Block by block, which stays in the processor's cache: three times as fast as one long
    # transform. Each block of the reference meets all that may lie within max_delay of it.
    lags = 2 * max_delay + 1
    size = 1 << (2 * lags).bit_length()
    block = size - lags + 1
    late = np.pad(decoded, ((0, 0), (max_delay, 0)))
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex64)
    for start in range(0, min(reference.shape[1], late.shape[1]), block):
        heard = fft.rfft(reference[:, start : start + block], size)
        coded = fft.rfft(late[:, start : start + size], size)
        spectrum += (np.conj(heard) * coded).sum(axis=0)
    window = fft.irfft(spectrum, size)[:lags]
    best = int(np.argmax(window))
    energy = float(np.sqrt(np.sum(np.square(reference), dtype=np.float64)))
    energy *= float(np.sqrt(np.sum(np.square(decoded), dtype=np.float64)))
    return best - max_delay, float(window[best]) / energy if energy > 0 else 0.0


def align(reference: Pcm, decoded: Pcm) -> tuple[Pcm, int]:
    """Remove the codec's delay and match the reference's length.

    Args:
        reference: float32 ``[C, T]`` at 48 kHz.
        decoded: float32 ``[C', T']`` at 48 kHz; a mono decode of a stereo reference is
            copied to both channels.

    Returns:
        The aligned signal, float32 ``[C, T]``, and the delay that was removed (samples).

    Raises:
        DecodeFailed: NaN, silent, or too short.
        AlignmentError: the signals do not line up.
    """
    channels, length = reference.shape
    if not np.isfinite(decoded).all():
        raise DecodeFailed("the decoded signal holds NaN or infinity")
    if decoded.shape[0] != channels:
        if decoded.shape[0] != 1:
            raise DecodeFailed(f"{decoded.shape[0]} channels decoded, {channels} expected")
        decoded = np.repeat(decoded, channels, axis=0)
    if np.max(np.abs(reference), initial=0.0) < SILENCE_PEAK:
        # Nothing to align against: digital silence codes to silence at any delay.
        delay = 0
    else:
        if np.max(np.abs(decoded), initial=0.0) < SILENCE_PEAK:
            raise DecodeFailed("the decoded signal is silent, the reference is not")
        delay, correlation = find_delay(reference, decoded)
        if correlation < MIN_CORRELATION or -delay >= length:
            raise AlignmentError(
                f"the decoded signal does not line up with the reference"
                f" (best correlation {correlation:.2f} at a delay of {delay} samples)"
            )
    missing = length - (decoded.shape[1] - delay)
    if missing > MAX_DELAY:
        raise DecodeFailed(
            f"the decoded signal is too short: {missing} of {length} samples are missing"
        )
    start = max(delay, 0)
    aligned = np.zeros_like(reference)
    body = decoded[:, start : start + length + min(delay, 0)]
    offset = max(-delay, 0)
    aligned[:, offset : offset + body.shape[1]] = body
    return aligned, delay
