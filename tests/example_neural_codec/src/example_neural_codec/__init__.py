"""A neural codec as an adapter for codec tuner; docs/adapters.md tells what to mind.

The file: ``NRVQ``, then samples, codebooks, channels and whether they are mid and side; then for
each channel its RMS (32 bits) and its codes. The payload is what follows the header.
"""

import functools
import hashlib
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from encoders.command import plain_name
from example_neural_codec.network import Network
from tuner.encoder import (
    DecodeFailed,
    Encoded,
    Encoder,
    EncoderMissing,
    Parameter,
    RateMode,
    Version,
    validate,
)
from tuner.sound.audio import resample

__all__ = ["NeuralCodec"]

#: The weights, where `binary` does not name them.
VARIABLE = "EXAMPLE_NEURAL_WEIGHTS"
HEADER = struct.Struct("<4sIBB?")
MAGIC = b"NRVQ"


@dataclass(frozen=True)
class NeuralCodec(Encoder):
    """The network of a file of weights.

    Args:
        binary: path of the weights (`--binary`); None for the one that `VARIABLE` names.
        timeout_s: unused, as nothing is run that could hang.
    """

    binary: str | None = None
    timeout_s: float = 120.0

    name = "example-neural"
    #: Knows nothing of how the quality model should judge codecs of its kind.
    teaches = False
    rate_modes = (RateMode("cbr", "codebooks", low=1, high=8, step=1, nominal=False),)
    parameters = (
        Parameter("beam", "int", 1, "candidates kept in the search for codes", low=1, high=4),
        Parameter(
            "stereo",
            "choice",
            "left-right",
            "which two channels are coded",
            choices=("left-right", "mid-side"),
        ),
    )

    @property
    def version(self):
        """The weights are the build: others sound different."""
        path = self.path()
        return Version("example-neural 0.1.0", path, _digest(path))

    def path(self):
        """Path of the weights. Raises `EncoderMissing`."""
        path = self.binary or os.environ.get(VARIABLE, "")
        if not Path(path).is_file():
            named = path or "no weights named"
            raise EncoderMissing(f"give the weights with --binary, or set {VARIABLE}", where=named)
        return str(Path(path).absolute())

    @torch.inference_mode()
    def encode(self, pcm, sample_rate, settings, knob):
        """See `tuner.encoder.Encoder.encode`."""
        validate(self, settings, knob)
        network = _load(self.path())
        values, began = settings.as_dict(), time.process_time()
        signals = resample(np.asarray(pcm), sample_rate, network.sample_rate)
        mid_side = values["stereo"] == "mid-side" and len(signals) == 2
        if mid_side:
            signals = _mid_side(signals)
        header = HEADER.pack(MAGIC, signals.shape[1], int(knob), len(signals), mid_side)
        body = b"".join(_code(network, each, int(knob), values["beam"]) for each in signals)
        spent = time.process_time() - began
        return Encoded(header + body, ".nrvq", 8 * len(body), spent)

    @torch.inference_mode()
    def decode(self, encoded):
        """See `tuner.encoder.Encoder.decode`."""
        network = _load(self.path())
        try:
            _, length, codebooks, channels, mid_side = HEADER.unpack_from(encoded.data)
            if not encoded.data.startswith(MAGIC):
                raise ValueError("no NRVQ file")
            coded = np.frombuffer(encoded.data, np.uint8, offset=HEADER.size)
            parts = coded.reshape(channels, -1)
            signals = np.stack([_decoded(network, part, codebooks, length) for part in parts])
        except (ValueError, struct.error) as error:
            raise DecodeFailed(f"damaged: {error}", where=self.name) from error
        return (_mid_side(signals) if mid_side else signals), network.sample_rate

    def command_line(self, settings, knob, source, target):
        """The module's own command (`__main__.py`)."""
        validate(self, settings, knob)
        values = settings.as_dict()
        words = ["python3", "-m", "example_neural_codec", "--weights", self.path()]
        words += ["--codebooks", f"{knob:.0f}"]
        if values["beam"] != 1:
            words += ["--beam", str(values["beam"])]
        if values["stereo"] != "left-right":
            words += ["--stereo", values["stereo"]]
        return [*words, plain_name(source), plain_name(target)]


@functools.lru_cache(maxsize=2)
def _load(path):
    return Network.load(path)


@functools.lru_cache(maxsize=2)
def _digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def _mid_side(signals):
    """Mid and side of left and right, and back."""
    return np.stack([signals[0] + signals[1], signals[0] - signals[1]]) / np.float32(np.sqrt(2))


def _code(network, signal, codebooks, beam):
    """One channel: its RMS, and each code in as many bits as a codebook has entries."""
    width = network.codebooks.shape[2]
    padded = np.pad(signal, (0, -len(signal) % width))
    rms = np.float32(np.sqrt(np.mean(padded**2)) or 1e-9)
    codes = network.encode(torch.from_numpy(padded / rms), codebooks, beam).numpy()
    shifts = np.arange(_bits(network))[:, None]
    return rms.tobytes() + np.packbits((codes.reshape(1, -1) >> shifts) & 1).tobytes()


def _decoded(network, coded, codebooks, length):
    """One channel of what `_code` wrote."""
    rms = coded[:4].view(np.float32)[0]
    bits, width = _bits(network), network.codebooks.shape[2]
    frames = -(-length // width)
    planes = np.unpackbits(coded[4:], count=bits * codebooks * frames).reshape(bits, -1)
    codes = (planes.astype(np.int64) << np.arange(bits)[:, None]).sum(axis=0)
    signal = network.decode(torch.from_numpy(codes.reshape(codebooks, frames)))
    return rms * signal.numpy()[:length]


def _bits(network):
    return (network.codebooks.shape[1] - 1).bit_length()
