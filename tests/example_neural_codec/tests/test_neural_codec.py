"""The adapter keeps codec tuner's contract, with a small network that is fitted here."""

import numpy as np
import pytest
import torch
from example_neural_codec import NeuralCodec
from example_neural_codec.network import Network
from safetensors.torch import save_file
from scipy.fft import dct

from tuner.encoder import default_settings
from tuner.sound.audio import resample
from tuner.sound.synth import SOUNDS, synthesize
from tuner.testing import EncoderContract, make_clip


@torch.inference_mode()
def fit(seed=0, rounds=2):
    """A block transform, and codebooks by k-means on what the ones before leave."""
    network = Network()
    width = network.codebooks.shape[2]
    basis = torch.from_numpy(dct(np.eye(width), norm="ortho", axis=0)).float()
    network.encoder.weight.copy_(basis[:, None])
    network.decoder.weight.copy_(basis[:, None])
    torch.manual_seed(seed)
    signals = [synthesize(sound, seed, 1.0)[0] for sound in SOUNDS] + [make_clip(1)[0]]
    signals = [resample(s[None], 48_000, network.sample_rate)[0] for s in signals]
    left = torch.cat(
        [torch.from_numpy(s[: -(len(s) % width) or None]).reshape(-1, width) for s in signals]
    )
    left = left[left.abs().sum(1) > 0] / left.pow(2).mean().sqrt() @ basis.T
    for book in network.codebooks:
        book.copy_(left[torch.randperm(len(left))[: len(book)]])
        for _ in range(rounds):
            nearest = torch.cdist(left, book).argmin(1)
            sums = torch.zeros_like(book).index_add_(0, nearest, left)
            counts = nearest.bincount(minlength=len(book))[:, None]
            book.copy_(torch.where(counts > 0, sums / counts.clamp(min=1), book))
        left = left - book[torch.cdist(left, book).argmin(1)]
    return network


@pytest.fixture(scope="session", autouse=True)
def weights(tmp_path_factory):
    """The weights, where the adapter looks for them."""
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    save_file(fit().state_dict(), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXAMPLE_NEURAL_WEIGHTS", str(path))
        yield path


class TestNeuralCodec(EncoderContract):
    encoder = NeuralCodec()
    runs_a_program = False
    faithful = 0.7  # nothing above 12 kHz


def test_each_codebook_costs_its_bits():
    """8 bits a frame of 8 samples at 24 kHz, and the level of each channel."""
    codec, clip = NeuralCodec(), make_clip(2)
    settings = default_settings(codec)
    bits = [codec.encode(clip, 48_000, settings, n).payload_bits for n in (1, 2, 8)]
    assert bits == [2 * (32 + n * 24_000) for n in (1, 2, 8)]


def test_more_codebooks_come_nearer():
    """Each lowers the error of this clip; all eight leave less than a tenth of what one leaves."""
    codec, clip = NeuralCodec(), synthesize("mix", 3, 1.0)
    wanted = resample(clip, 48_000, 24_000)
    settings = default_settings(codec)
    errors = []
    for knob in range(1, 9):
        decoded, rate = codec.decode(codec.encode(clip, 48_000, settings, knob))
        assert (rate, decoded.shape) == (24_000, wanted.shape)
        errors.append(float(np.mean((decoded - wanted) ** 2)))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.1 * errors[0]
