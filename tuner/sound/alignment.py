"""Bringing a coded signal back over its reference: delay, fraction of a sample, polarity.

A short search finds what codecs are late by. Only where it does not convince, by its correlation
and by the coherence over all bands (`tuner.sound.coherence`), is more tried: two seconds to either
side, inverted polarity, other clocks; and where waveforms have nothing in common, as when a codec
sends noise for noise, the envelopes of the bands, or the delay that is known of the codec. What is
left of the delay is removed to a fraction of a sample where it is significant.
"""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.errors import AlignmentError, DecodeFailed
from tuner.layout import HOW_TO_MIX
from tuner.pcm import SAMPLE_RATE, SILENCE_PEAK, Pcm
from tuner.sound.coherence import Coherence, measure_coherence
from tuner.sound.constant import remove_constants
from tuner.sound.delay import MAX_DELAY, Peak, better, find_far_peak, find_peaks
from tuner.sound.envelopes import HOP, compare_levels, find_envelope_delay

log = logging.getLogger(__name__)

#: Keeps a ratio finite.
TINY = 1e-30

#: Farthest delay searched for, samples at 48 kHz (2 s), where the short search does not convince.
FAR_DELAY = 2 * SAMPLE_RATE
#: Correlation and coherence from which the short search convinces. Codecs at 64 kb/s and more
#: reach 0.85 and 0.5; a loop that is a second late reaches 0.81 and 0.36 at a wrong lag.
CONVINCING, CONVINCING_SHARE = 0.8, 0.5
#: Correlation that convinces alone: a signal of some milliseconds has too few frames for coherence.
CERTAIN = 0.98
#: Least coherence of signals that are one. Unrelated ones stay under 0.11, those of Opus at
#: 12 kb/s (a drone) or 24 (applause) above 0.17.
LEAST_SHARE = 0.15
#: Least correlation of the envelopes that decides where waveforms do not. Unrelated signals stay
#: under 0.2, music by Opus at 6 kb/s above 0.39.
LEAST_ENVELOPES = 0.35
#: Bands may differ by this much on average, dB, and none may be so much louder, where a known
#: delay holds without more: codecs take bands away, and add none.
ALIKE_DB = 6.0
#: A clock is told from the delays of this many windows of so many samples, to either side of
#: the best lag, where at least so many correlate so well.
CLOCK_WINDOWS, CLOCK_WINDOW, CLOCK_REACH = 16, 12_000, 1024
CLOCK_CORRELATION, CLOCK_SURE = 0.6, 5
#: It is told from this many samples between start and end, where half of the windows lie this
#: close to one line.
CLOCK_LEAST, CLOCK_OFF = 16.0, 2.0
#: A coded signal that is so much longer is told, samples (0.2 s): codecs pad by up to 2304.
LONGER = 9600
#: A side so far under the mid, as a ratio of energies (-40 dB), makes no stereo.
NO_SIDE = 1e-4
#: Correlation of the sides, or of a channel, from which on it counts as inverted.
REVERSED = -0.5
#: A channel that correlates by so much better with another is in its place.
MOVED = 0.5
#: Fractions under this are left, samples: they make an error of -30 dB at 15 kHz.
LEAST_FRACTION = 0.02
#: Taps of the filter that shifts by a fraction of a sample, and the shape of its Kaiser window:
#: its error stays under -80 dB up to 21 kHz.
FRACTION_TAPS, FRACTION_BETA = 96, 8.0
#: Samples that are filtered at once.
FRACTION_BLOCK = 4096


@dataclass(frozen=True)
class Alignment:
    """How a coded signal lies against its reference.

    Args:
        delay: samples at 48 kHz that it is late; whole samples, see `fraction`.
        fraction: what is left, -0.5 to 0.5 samples; 0 where it is not significant.
        correlation: of the signals as they were lined up, -1 to 1; negative: inverted.
        share: mean coherence of the bands, 0 to 1; 1 for silence.
        notes: what a user should know, in whole phrases.
    """

    delay: int
    fraction: float = 0.0
    correlation: float = 1.0
    share: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def inverted(self) -> bool:
        """Whether the polarity is inverted; it is put right, as nobody hears it."""
        return self.correlation < 0


def align(reference: Pcm, decoded: Pcm, known_delay: int | None = None) -> tuple[Pcm, int]:
    """Remove the codec's delay and match the reference's length.

    Args:
        reference: float32 ``[C, T]`` at 48 kHz.
        decoded: float32 ``[C', T']`` at 48 kHz; a mono decode of a stereo reference is
            copied to both channels, equal channels of a mono reference become one.
        known_delay: of the codec, in samples; it holds where the signals do not tell.

    Returns:
        The aligned signal, float32 ``[C, T]``, and the delay that was removed (samples).

    Raises:
        DecodeFailed: NaN, silent, or too short.
        AlignmentError: the signals do not line up.
    """
    aligned, alignment = align_fully(reference, decoded, known_delay)
    return aligned, alignment.delay


def align_fully(
    reference: Pcm, decoded: Pcm, known_delay: int | None = None
) -> tuple[Pcm, Alignment]:
    """As `align`, with all that was found."""
    if not np.isfinite(decoded).all():
        raise DecodeFailed("the decoded signal contains NaN or infinity")
    decoded = _match_channels(reference, decoded)
    if np.max(np.abs(reference), initial=0.0) < SILENCE_PEAK:
        # Nothing to align against: digital silence codes to silence at any delay.
        found = Alignment(0)
    elif np.max(np.abs(decoded), initial=0.0) < SILENCE_PEAK:
        raise DecodeFailed("the decoded signal is silent, but the reference is not")
    else:
        found = _find(*remove_constants(reference, decoded), known_delay)
    _check_ends(reference, decoded, found.delay)
    aligned = _shifted(reference, decoded, found)
    notes = (
        *found.notes,
        *_channel_notes(reference, aligned, found.inverted),
        *_length_notes(reference, decoded, found),
    )
    for note in notes:
        log.debug("%s", note)
    return aligned, dataclasses.replace(found, notes=notes)


def _match_channels(reference: Pcm, decoded: Pcm) -> Pcm:
    channels, found = len(reference), len(decoded)
    if found == channels:
        return decoded
    if found == 1 and channels == 2:
        return np.repeat(decoded, channels, axis=0)
    if channels == 1 and found == 2 and not has_side(decoded):
        return np.asarray(decoded.mean(axis=0, keepdims=True))
    remedy = ""
    if found < channels and channels > 2:
        remedy = f"if it was coded from a stereo mix, that is its reference: {HOW_TO_MIX}"
        remedy = remedy if found == 2 else "compare with a reference of as many channels"
    raise DecodeFailed(
        f"{found} channel{'s'[: found > 1]} decoded, {channels} expected", remedy=remedy
    )


def has_side(pcm: Pcm) -> bool:
    """Whether a stereo signal, float32 ``[2, T]``, is more than one signal in both channels."""
    left, right, both = (float(np.vdot(pcm[i], pcm[j])) for i, j in ((0, 0), (1, 1), (0, 1)))
    return left + right - 2 * both > NO_SIDE * 2 * (left + right)


def _find(reference: Pcm, decoded: Pcm, known_delay: int | None) -> Alignment:
    peaks = find_peaks(reference, decoded)
    best = better(peaks.upright, peaks.inverted)
    coherence = _coherence(reference, decoded, best)
    if not _convinces(best, coherence):
        far = find_far_peak(reference, decoded, FAR_DELAY, best)
        if far is not best:
            best, coherence = far, _coherence(reference, decoded, far)
        if not _convinces(best, coherence):
            _check_clock(reference, decoded, best)
        if coherence.share < LEAST_SHARE:
            return _find_by_envelopes(reference, decoded, best, coherence, known_delay)
    total = best.lag + coherence.delay
    whole = round(total)
    fraction = round(total - whole, 4)
    notes: tuple[str, ...] = ()
    if coherence.drift:
        ppm = 2e6 * coherence.drift / reference.shape[1]
        notes = (f"drifts by {coherence.drift:+.1f} samples between halves ({ppm:+.0f} ppm)",)
    return Alignment(
        whole,
        fraction if abs(fraction) >= LEAST_FRACTION else 0.0,
        best.correlation,
        coherence.share,
        notes,
    )


def _convinces(peak: Peak, coherence: Coherence) -> bool:
    correlation = abs(peak.correlation)
    return correlation >= CERTAIN or (
        correlation >= CONVINCING and coherence.share >= CONVINCING_SHARE
    )


def _coherence(reference: Pcm, decoded: Pcm, peak: Peak) -> Coherence:
    begin, end = _overlap(reference, decoded, peak.lag)
    if begin >= end:
        return Coherence(0.0)
    sign = np.float32(np.sign(peak.correlation) or 1)
    coded = decoded[:, begin + peak.lag : end + peak.lag]
    return measure_coherence(reference[:, begin:end], coded if sign > 0 else -coded)


def _overlap(reference: Pcm, decoded: Pcm, lag: int) -> tuple[int, int]:
    """Where the reference meets the decoded signal: first sample, and the one after the last."""
    return max(-lag, 0), min(reference.shape[1], decoded.shape[1] - lag)


def _find_by_envelopes(
    reference: Pcm, decoded: Pcm, best: Peak, coherence: Coherence, known_delay: int | None
) -> Alignment:
    """Where the waveforms do not tell. Raises `AlignmentError` where nothing does."""
    heard = find_envelope_delay(reference, decoded, FAR_DELAY)
    if heard.correlation >= LEAST_ENVELOPES:
        delay = heard.lag
        for precise in (best.lag, known_delay):
            if precise is not None and abs(precise - heard.lag) <= 2 * HOP:
                delay = precise
                break
    elif known_delay is not None and _sounds_alike(reference, decoded):
        delay = known_delay
    else:
        raise AlignmentError(
            "the decoded signal does not line up with the reference (best correlation"
            f" {best.correlation:.2f} at a delay of {best.lag} samples, coherence"
            f" {coherence.share:.2f}, band-envelope correlation {heard.correlation:.2f})"
        )
    # The sign of a correlation near 0 tells no polarity.
    correlation = abs(best.correlation) if delay == best.lag else 0.0
    note = "the waveforms have little in common; aligned by band envelopes"
    return Alignment(delay, 0.0, correlation, coherence.share, (note,))


def _sounds_alike(reference: Pcm, decoded: Pcm) -> bool:
    louder = compare_levels(reference, decoded)
    return bool(np.mean(np.abs(louder)) < ALIKE_DB and louder.max() < ALIKE_DB)


def _check_clock(reference: Pcm, decoded: Pcm, best: Peak) -> None:
    """Raise `AlignmentError` where the delay grows steadily, as from another clock."""
    begin, end = _overlap(reference, decoded, best.lag)
    if end - begin < 2 * CLOCK_WINDOW:
        return
    starts = np.linspace(begin, end - CLOCK_WINDOW, CLOCK_WINDOWS).astype(int)
    windows = [slice(start, start + CLOCK_WINDOW) for start in starts]
    heard, coded = reference, decoded[:, max(best.lag, 0) :]
    if best.lag < 0:
        coded = np.pad(coded, ((0, 0), (-best.lag, 0)))
    peaks = [find_peaks(heard[:, w], coded[:, w], CLOCK_REACH).upright for w in windows]
    sure = np.array([peak.correlation >= CLOCK_CORRELATION for peak in peaks])
    if sure.sum() < CLOCK_SURE:
        return
    lags, places = np.array([peak.lag for peak in peaks])[sure], starts[sure]
    # The median of all slopes: windows that are wrong by a period do not bend it.
    first, second = np.triu_indices(len(lags), 1)
    slope = float(np.median((lags[second] - lags[first]) / (places[second] - places[first])))
    offset = np.median(lags - slope * places)
    off = float(np.median(np.abs(lags - slope * places - offset)))
    if abs(slope) * (end - begin) < CLOCK_LEAST or off > CLOCK_OFF:
        return
    late = [round(best.lag + offset + slope * place) for place in (begin, end)]
    raise AlignmentError(
        f"the decoded signal runs {1e6 * abs(slope):.0f} ppm too"
        f" {'slow' if slope > 0 else 'fast'}: {late[0]} samples late at the start, {late[1]} at"
        " the end",
        remedy="resample it to the reference's clock",
    )


def _check_ends(reference: Pcm, decoded: Pcm, delay: int) -> None:
    length = reference.shape[1]
    for where, missing in (("last", length - (decoded.shape[1] - delay)), ("first", -delay)):
        if missing > MAX_DELAY:
            raise DecodeFailed(
                f"the decoded signal is too short: the {where} {missing} of {length} samples"
                f" ({missing / SAMPLE_RATE:.2f} s) are missing"
            )


def _shifted(reference: Pcm, decoded: Pcm, found: Alignment) -> Pcm:
    length, delay = reference.shape[1], found.delay
    source = _advance(decoded, found.fraction) if found.fraction else decoded
    start = max(delay, 0)
    aligned = np.zeros_like(reference)
    body = source[:, start : start + length + min(delay, 0)]
    offset = max(-delay, 0)
    aligned[:, offset : offset + body.shape[1]] = body
    return -aligned if found.inverted else aligned


def _advance(pcm: Pcm, fraction: float) -> Pcm:
    """Move a signal to an earlier time by a fraction of a sample, -0.5 to 0.5."""
    from scipy import fft  # not `scipy.signal`, which takes a second and more to load

    half = FRACTION_TAPS // 2
    places = np.arange(-half, half + 1, dtype=np.float64)
    taps = np.sinc(places + fraction) * _kaiser(places + fraction, half + 1)
    # Block by block: of each, what its beginning does not reach is kept (overlap-save).
    step, length = FRACTION_BLOCK - 2 * half, pcm.shape[1]
    padded = np.pad(pcm, ((0, 0), (half, half + -length % step)))
    blocks = np.lib.stride_tricks.sliding_window_view(padded, FRACTION_BLOCK, axis=1)[:, ::step]
    response = fft.rfft(taps.astype(np.float32), FRACTION_BLOCK)
    moved = fft.irfft(fft.rfft(blocks) * response, FRACTION_BLOCK)[..., 2 * half :]
    return np.ascontiguousarray(moved.reshape(len(pcm), -1)[:, :length], dtype=np.float32)


def _kaiser(places: npt.NDArray[np.float64], reach: int) -> npt.NDArray[np.float64]:
    inside = np.sqrt(np.maximum(1 - (places / reach) ** 2, 0))
    return np.asarray(np.i0(FRACTION_BETA * inside) / np.i0(FRACTION_BETA))


def _channel_notes(reference: Pcm, aligned: Pcm, turned: bool) -> list[str]:
    """Channels that are swapped, or one that is inverted: heard, and so left as they are."""
    if len(reference) > 2:
        return _order_notes(reference, aligned)
    if len(reference) != 2 or not has_side(reference) or not has_side(aligned):
        return []
    # Inner products of each channel with each; the mid's and the side's are sums of them.
    power, other, cross = (
        np.array([[np.vdot(a, b) for b in second] for a in first], dtype=float)
        for first, second in ((reference, reference), (aligned, aligned), (reference, aligned))
    )
    mid, side = (
        (w @ cross @ w) / np.sqrt((w @ power @ w) * (w @ other @ w) + TINY)
        for w in (np.array([1.0, 1.0]), np.array([1.0, -1.0]))
    )
    if side < REVERSED and mid > 0:
        return ["left and right are swapped"]
    left, right = np.diag(cross) / np.sqrt(np.diag(power) * np.diag(other) + TINY)
    if min(left, right) < REVERSED < -REVERSED < max(left, right):
        return [
            f"the polarity of the {'left' if (left < 0) != turned else 'right'} channel is inverted"
        ]
    return []


def _order_notes(reference: Pcm, aligned: Pcm) -> list[str]:
    """Channels that are found in the place of others."""
    first, second = (
        pcm / (np.linalg.norm(pcm, axis=1)[:, None] + TINY) for pcm in (reference, aligned)
    )
    alike = np.abs(first @ second.T)
    moved = [
        f"{here + 1} as {there + 1}"
        for here, there in enumerate(alike.argmax(axis=1))
        if alike[here, there] - alike[here, here] > MOVED
    ]
    return [f"the channels are in another order ({', '.join(moved)})"] if moved else []


def _length_notes(reference: Pcm, decoded: Pcm, found: Alignment) -> list[str]:
    extra = decoded.shape[1] - found.delay - reference.shape[1]
    if extra <= LONGER:
        return []
    return [f"{extra / SAMPLE_RATE:.2f} s longer than the reference; the rest is not scored"]
