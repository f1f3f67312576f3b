"""Arrays of NumPy and torch as samples: any type, one or two dimensions, either order of axes."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tuner.errors import ClipError
from tuner.pcm import SILENCE_PEAK, Pcm
from tuner.sound.pairs import check_signal

if TYPE_CHECKING:
    import torch

    Samples: TypeAlias = npt.ArrayLike | torch.Tensor
else:
    Samples: TypeAlias = Any

#: Legal sample rates, Hz.
RATE_RANGE = (1000.0, 1_000_000.0)
#: Integers of more bytes than this may hold samples of a narrower type.
CERTAIN_BYTES = 2


def to_pcm(samples: Samples, name: str) -> Pcm:
    """Samples as float32 ``[C, T]``, nominal range ±1.

    Args:
        samples: 1-D (mono), ``[C, T]`` or ``[T, C]``: the shorter axis holds the channels. Floats
            are taken as they are; integers are divided by their type's full scale.
        name: of the signal, for messages.

    Raises:
        ClipError: another shape or type, more than eight channels, no samples, NaN or infinity, or
            integers so small that they seem to be of a narrower type.
    """
    array = _to_numpy(samples, name)
    if array.ndim not in (1, 2):
        raise ClipError(f"needs an array of one or two dimensions, got {array.shape}", where=name)
    pcm = _to_float(array, name)
    if pcm.ndim == 1:
        pcm = pcm[None]
    elif pcm.shape[0] > pcm.shape[1]:
        pcm = pcm.T
    pcm = np.ascontiguousarray(pcm)
    check_signal(pcm, name)
    return pcm


def check_rate(rate: float) -> float:
    """The sample rate in Hz. Raises `ClipError` where it is none."""
    low, high = RATE_RANGE
    try:
        found = float(rate)
    except (TypeError, ValueError):
        found = math.nan
    if not low <= found <= high:
        raise ClipError(f"give Hz, from {low:g} to {high:g}", where=f"sample rate {rate!r}")
    return found


def _to_numpy(samples: Samples, name: str) -> npt.NDArray[Any]:
    # Without torch there are no tensors.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(samples, torch.Tensor):
        tensor = samples.detach().cpu()
        if tensor.dtype is torch.bfloat16:
            tensor = tensor.float()
        return np.asarray(tensor.resolve_conj().numpy())
    try:
        return np.asarray(samples)
    except ValueError as error:
        raise ClipError(f"is no array of samples ({error})", where=name) from error


def _to_float(array: npt.NDArray[Any], name: str) -> Pcm:
    kind, bits = array.dtype.kind, 8 * array.dtype.itemsize
    if kind == "f":
        with np.errstate(over="ignore"):  # infinity, which is refused
            return array.astype(np.float32)
    if kind not in "iu":
        raise ClipError(f"samples must be floats or integers, not {array.dtype}", where=name)
    full_scale = 2.0 ** (bits - 1)
    pcm = array.astype(np.float64) / full_scale
    if kind == "u":
        pcm -= 1.0
    peak = np.max(np.abs(pcm), initial=0.0)
    if array.dtype.itemsize > CERTAIN_BYTES and 0 < peak < SILENCE_PEAK:
        raise ClipError(
            f"{array.dtype} samples of at most {peak:.1g} of full scale",
            where=name,
            remedy="if they are of a narrower type, convert them first: samples.astype('int16')",
        )
    return np.asarray(pcm, dtype=np.float32)
