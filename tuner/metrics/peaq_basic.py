"""PEAQ, basic version (ITU-R BS.1387-1): eleven variables, distortion index, ODG; the 2f-model.

Follows the standard as P. Kabal describes it in "An Examination and Interpretation of ITU-R
BS.1387", McGill University, 2002. Where descriptions leave a choice, the one was taken that gives
the values of GstPEAQ 0.6.1 on 36 pairs (``python -m bench.peaq``): the filters of the ear run
from the first sample on; only frames from the reference's beginning to its end are averaged; the
half second that variables of modulation and noise loudness leave out begins at the first sample.

The 2f-model puts two of the variables on the MUSHRA scale: T. Kastner and J. Herre, "An
efficient model for estimating subjective quality of separated audio source signals", WASPAA
2019.

Signals are float32 at 48 kHz, full scale at 1 (a full-scale sine has 92 dB SPL), coded and
reference aligned to the sample. Not in the standard, and chosen here to keep every variable
finite: a reference that never begins is averaged whole, so is one of under half a second; the
bandwidth of one that never reaches 8.1 kHz is averaged over all its frames.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.signal import lfilter

from tuner.errors import ScoreError
from tuner.metrics import peaq_ear as ear
from tuner.metrics.peaq_frames import Frames, measure

Signals = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

#: Frames left out at the beginning of averages of modulation and noise loudness: 0.5 s.
DELAY_FRAMES = int(np.ceil(0.5 * ear.FRAME_RATE))
#: Frames after both signals became loud from which noise loudness counts: 50 ms.
LOUD_FRAMES = int(np.ceil(0.05 * ear.FRAME_RATE))
#: Frames of the window of WinModDiff: 100 ms.
WINDOW_FRAMES = int(0.1 * ear.FRAME_RATE)
#: A frame counts for the bandwidth if the reference has more bins than this (8.1 kHz).
LEAST_BANDWIDTH = 346
#: A frame is disturbed where the noise is so far above the mask: 1.5 dB, as power.
DISTURBED = 10**0.15
#: What the filtered probability of detection keeps from frame to frame.
DETECTION_KEPT = 0.9

#: The network: smallest and largest of each variable, weights of the three hidden nodes and
#: their biases, weights of the output and its bias; smallest and largest ODG.
INPUT_LEAST = np.array(
    [
        *(393.916656, 361.965332, -24.045116, 1.110661, -0.206623, 0.074318),
        *(1.113683, 0.950345, 0.029985, 0.000101, 0.0),
    ]
)
INPUT_MOST = np.array(
    [
        *(921.0, 881.131226, 16.212030, 107.137772, 2.886017, 13.933351),
        *(63.257874, 1145.018555, 14.819740, 1.0, 1.0),
    ]
)
HIDDEN = np.array(
    [
        [-0.502657, 0.436333, 1.219602],
        [4.307481, 3.246017, 1.123743],
        [4.984241, -2.211189, -0.192096],
        [0.051056, -1.762424, 4.331315],
        [2.321580, 1.789971, -0.754560],
        [-5.303901, -3.452257, -10.814982],
        [2.730991, -6.111805, 1.519223],
        [0.624950, -1.331523, -5.955151],
        [3.102889, 0.871260, -5.922878],
        [-1.051468, -0.939882, -0.142913],
        [-1.804679, -0.503610, -0.620456],
    ]
)
HIDDEN_BIAS = np.array([-2.518254, 0.654841, -2.207228])
OUTPUT = np.array([-3.817048, 4.107138, 4.629582])
OUTPUT_BIAS = -0.307594
ODG_LEAST, ODG_MOST = -3.98, 0.22


@dataclass(frozen=True)
class Variables:
    """The eleven model output variables of the basic version, float64 ``[N]`` each."""

    BandwidthRefB: Values
    BandwidthTestB: Values
    TotalNMRB: Values
    WinModDiff1B: Values
    ADBB: Values
    EHSB: Values
    AvgModDiff1B: Values
    AvgModDiff2B: Values
    RmsNoiseLoudB: Values
    MFPDB: Values
    RelDistFramesB: Values

    def array(self) -> Values:
        """All of them, ``[N, 11]``, in the order of the standard."""
        return np.stack(astuple(self), axis=-1)


def variables(reference: Signals, coded: Signals) -> Variables:
    """The variables of each monaural signal pair on its own.

    Args:
        reference, coded: float32 ``[N, T]``.

    Raises:
        ScoreError: for signals that are not of one shape, are empty or not finite.
    """
    return combine(frames(reference, coded), [[row] for row in range(len(reference))])


def stereo(reference: Signals, coded: Signals) -> Variables:
    """The variables of one signal of all channels together, as the standard has them.

    Args:
        reference, coded: float32 ``[C, T]``; C is 2, or 1 for mono.

    Raises:
        ScoreError: for signals that are not of one shape, are empty or not finite.
    """
    return combine(frames(reference, coded), [list(range(len(reference)))])


@torch.no_grad()
def frames(reference: Signals, coded: Signals) -> Frames:
    """What `combine` needs; rows can be combined in several ways and are measured once.

    Args:
        reference, coded: float32 ``[N, T]``.

    Raises:
        ScoreError: for signals that are not of one shape, are empty or not finite.
    """
    if reference.ndim != 2 or reference.shape != coded.shape:
        raise ScoreError(f"PEAQ needs pairs of one shape, not {reference.shape}, {coded.shape}")
    if not reference.size:
        raise ScoreError("PEAQ cannot measure an empty signal")
    count, samples = reference.shape
    signals = np.zeros((2 * count, ear.whole_frames(samples)), np.float32)
    signals[:count, :samples], signals[count:, :samples] = reference, coded
    if not np.isfinite(signals).all():
        raise ScoreError("PEAQ cannot measure signals that contain NaN or infinite samples")
    return measure(torch.from_numpy(signals))


@torch.no_grad()
def combine(measured: Frames, channels: list[list[int]]) -> Variables:
    """Average over time, then over the channels of each signal.

    Args:
        measured: from `frames`.
        channels: rows of `measured` that make up each signal, the same number for each;
            ``[[0, 1], [2, 3]]`` are two stereo signals.
    """
    rows = torch.tensor(channels)
    span = _Span.of(measured, rows)
    probability, steps = _binaural(measured, rows, span.used)
    of_reference, of_coded = _bandwidths(measured, rows, span.used)
    weight = measured.modulation_weight[rows] * span.late[:, None]
    found = [
        of_reference,
        of_coded,
        10 * _mean(measured.noise_to_mask[rows], span.used[:, None]).log10(),
        _windowed(measured.modulation[rows], span),
        _distorted_block(probability, steps),
        1000 * _mean(measured.harmonics[rows], _energetic(measured, rows, span.used)),
        _mean(measured.modulation[rows], weight),
        _mean(measured.new_modulation[rows], weight),
        _mean(measured.noise_loudness[rows].square(), span.loud[:, None]).sqrt(),
        _filtered_peak(probability),
        _mean((measured.worst_noise_to_mask[rows] >= DISTURBED).double(), span.used[:, None]),
    ]
    return Variables(*(_over_channels(value) for value in found))


def _over_channels(value: torch.Tensor) -> Values:
    """Mean over the channels where there are any, float64 ``[G]``."""
    value = value.double()
    return np.asarray((value.mean(-1) if value.ndim == 2 else value).numpy())


@dataclass(frozen=True)
class _Span:
    """Frames that count, bool ``[G, F]``: at all, after the delay, and while it is loud."""

    used: torch.Tensor
    late: torch.Tensor
    loud: torch.Tensor

    @classmethod
    def of(cls, measured: Frames, rows: torch.Tensor) -> _Span:
        time = torch.arange(measured.harmonics.shape[-1])
        last = measured.last[rows]
        never = len(time)
        first = torch.where(last < 0, never, measured.first[rows]).amin(-1)[:, None]
        used = (time >= first) & (time <= last.amax(-1)[:, None])
        used |= ~used.any(-1, keepdim=True)
        late = used & (time >= DELAY_FRAMES)
        late = torch.where(late.any(-1, keepdim=True), late, used)
        is_loud = measured.is_loud[rows].any(1) & used
        heard = is_loud.cumsum(-1) > 0
        since = torch.nn.functional.pad(heard, (LOUD_FRAMES, 0))[:, :never]
        return cls(used, late, late & since)


def _mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean over frames in float64; 0 where nothing has weight."""
    weight = weight.double()
    total = weight.sum(-1)
    return (values.double() * weight).sum(-1) / torch.where(total > 0, total, 1.0)


def _bandwidths(
    measured: Frames, rows: torch.Tensor, used: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    reference, coded = measured.bandwidth_reference[rows], measured.bandwidth_coded[rows]
    counts = (reference > LEAST_BANDWIDTH) & used[:, None]
    counts = torch.where(counts.any(-1, keepdim=True), counts, used[:, None])
    return _mean(reference, counts), _mean(coded, counts)


def _windowed(modulation: torch.Tensor, span: _Span) -> torch.Tensor:
    """Mean over short windows that stresses the worst of them, ``[G, C]``."""
    size = min(WINDOW_FRAMES, int(span.late.sum(-1).min()))
    windows = modulation.double().sqrt().unfold(-1, size, 1).mean(-1) ** 4
    whole = span.late.unfold(-1, size, 1).all(-1)
    return _mean(windows, whole[:, None]).sqrt()


def _energetic(measured: Frames, rows: torch.Tensor, used: torch.Tensor) -> torch.Tensor:
    return (measured.is_energetic[rows].any(1) & used)[:, None]


def _binaural(
    measured: Frames, rows: torch.Tensor, used: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Probability that a difference is detected, and its size in steps; the better ear counts.

    Returns:
        ``[G, F]`` each, 0 in frames that do not count.
    """
    exponent = measured.detection[:, rows].amax(2).double().sum(0)
    steps = measured.steps[:, rows].amax(2).double().sum(0)
    return (1 - torch.exp2(-exponent)) * used, steps * used


def _distorted_block(probability: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Log of the mean steps in frames where a difference is rather detected than not, ``[G]``."""
    detected = probability > 0.5
    total = (steps * detected).sum(-1)
    mean = total / detected.sum(-1).clamp_min(1)
    logarithm = torch.where(total > 0, mean.clamp_min(1e-30).log10(), -0.5)
    return torch.where(detected.any(-1), logarithm, 0.0)


def _filtered_peak(probability: torch.Tensor) -> torch.Tensor:
    """Largest value of the probability after a first-order low-pass, ``[G]``."""
    kept = DETECTION_KEPT
    filtered = lfilter([1 - kept], [1, -kept], probability.numpy(), axis=-1)
    return torch.from_numpy(filtered.max(axis=-1))


def distortion_index(found: Variables) -> Values:
    """Distortion index of each signal, ``[N]``; higher is better."""
    scaled = (found.array() - INPUT_LEAST) / (INPUT_MOST - INPUT_LEAST)
    hidden = _sigmoid(scaled @ HIDDEN + HIDDEN_BIAS)
    return np.asarray(hidden @ OUTPUT + OUTPUT_BIAS)


def odg(found: Variables) -> Values:
    """Objective difference grade of each signal, ``[N]``: 0 imperceptible, -4 very annoying."""
    return ODG_LEAST + (ODG_MOST - ODG_LEAST) * _sigmoid(distortion_index(found))


def _sigmoid(value: Values) -> Values:
    return np.asarray((1 + np.tanh(value / 2)) / 2)


def two_f(found: Variables) -> Values:
    """MUSHRA points of each signal by the 2f-model, ``[N]``, 0 to 100."""
    modulation = 56.1345 / (1 + (-0.0282 * found.AvgModDiff1B - 0.8628) ** 2)
    return np.clip(modulation - 27.1451 * found.ADBB + 86.3515, 0.0, 100.0)
