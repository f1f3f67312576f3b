"""The network: strided encoder, residual vector quantiser, decoder. Put yours here."""

import torch
from safetensors.torch import load_file
from torch import Tensor, nn


class Network(nn.Module):
    """A codec of mono signals; its bitrate is that of the codebooks used.

    Args:
        width: samples a frame, and numbers in its latent vector.
        codebooks: how many there are, each for what the ones before it leave.
        entries: vectors in a codebook.
    """

    sample_rate = 24_000

    def __init__(self, width: int = 8, codebooks: int = 8, entries: int = 256) -> None:
        super().__init__()
        self.encoder = nn.Conv1d(1, width, width, stride=width, bias=False)
        self.decoder = nn.ConvTranspose1d(width, 1, width, stride=width, bias=False)
        self.codebooks = nn.Parameter(torch.zeros(codebooks, entries, width))

    @classmethod
    def load(cls, path: str) -> "Network":
        """A network with the sizes and weights of a safetensors file."""
        weights = load_file(path)
        codebooks, entries, width = weights["codebooks"].shape
        network = cls(width, codebooks, entries)
        network.load_state_dict(weights)
        return network.eval()

    def encode(self, signal: Tensor, codebooks: int, beam: int = 1) -> Tensor:
        """Codes ``[codebooks, frames]`` of a signal ``[T]``; T is a multiple of the width.

        Args:
            signal: of RMS 1.
            codebooks: how many to use.
            beam: candidates that are kept for each frame from one codebook to the next.
        """
        latents = self.encoder(signal[None, None])[0].T
        left = latents[:, None]  # frame, candidate, number
        codes = torch.zeros((*left.shape[:2], 0), dtype=torch.long)
        for book in self.codebooks[:codebooks]:
            distances = torch.cdist(left.flatten(0, 1), book).reshape(len(left), -1)
            best = distances.topk(min(beam, distances.shape[1]), largest=False).indices
            old, new = best // len(book), best % len(book)
            left = left.gather(1, old[..., None].expand(-1, -1, left.shape[2])) - book[new]
            codes = codes.gather(1, old[..., None].expand(-1, -1, codes.shape[2]))
            codes = torch.cat([codes, new[..., None]], dim=2)
        return codes[:, 0].T

    def decode(self, codes: Tensor) -> Tensor:
        """The signal ``[T]`` of codes ``[codebooks, frames]``."""
        latents = sum(book[row] for book, row in zip(self.codebooks, codes, strict=False))
        return self.decoder(latents.T[None])[0, 0]
