"""The quality model as a scorer: shipped weights, front end, one network or several.

A small picklable object; weights and the features of the last references are held once per
process. Loading torch costs a second, so nothing here is imported before the first score.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tuner.errors import ScoreError, WeightsError
from tuner.records import MODEL
from tuner.scorer import Score
from tuner.sound.stereo import lost_width, side_level_db
from tuner.system.lru import Lru
from tuner.unchanging import Remembered, content_digest

if TYPE_CHECKING:
    import torch

    from tuner.model.gammatone import Known
    from tuner.model.insenet import InseNet

Pcm = npt.NDArray[np.float32]

SHIPPED_WEIGHTS = Path(__file__).parent / "weights" / "insenet.safetensors"
#: Bump when `gammatone` or `insenet` compute something else from the same weights. Kept here,
#: away from torch: the driver needs the version, and only the version.
MODEL_VERSION = 4
#: Of what torch says of weights that do not fit, characters that are shown: it names them all.
SHOWN = 160
#: Name of the facts in a weights file's metadata.
FACTS = "tuner"
#: Features of references that a process remembers (8 s: 4 MB each), bytes.
REFERENCES_BYTES = 256_000_000


@dataclass(frozen=True)
class InseNetScorer:
    """Predicted MUSHRA quality by InSE-NET.

    Args:
        weights: path of a safetensors file.
        device: a torch device: "cpu", "cuda", "cuda:1".
    """

    weights: str = str(SHIPPED_WEIGHTS)
    device: str = "cpu"

    @property
    def name(self) -> str:
        """The metric's name in results."""
        return MODEL

    @property
    def version(self) -> str:
        """Digest of the weights, and the version of the code around them."""
        return f"{weights_digest(self.weights)[:16]}/{MODEL_VERSION}"

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """See `tuner.scorer.Scorer.score`."""
        return self.score_batch([(reference, coded)])[0]

    def on_gpu(self) -> InseNetScorer:
        """See `tuner.scorer.ScoresBatches.on_gpu`."""
        import torch

        if not torch.cuda.is_available():
            return self
        # Its 10 bits of mantissa would cost a tenth of a point.
        torch.backends.cudnn.allow_tf32 = False
        return replace(self, device="cuda")

    def score_batch(self, pairs: Sequence[tuple[Pcm, Pcm]]) -> list[Score]:
        """See `tuner.scorer.ScoresBatches.score_batch`."""
        import torch

        from tuner.model.windows import pool

        for reference, coded in pairs:
            if reference.shape != coded.shape:
                raise ScoreError(
                    f"reference {reference.shape} and coded signal {coded.shape} differ in shape:"
                    " align them first (`tuner score` does)"
                )
        underrated = weights_facts(self.weights).width_underrated
        with torch.inference_mode():
            known = [_reference(reference, self.device) for reference, _ in pairs]
            signals = [_on_device(signal, self.device) for _, signal in pairs]
            heard = _hear(signals, known)
            predicted = _predict(fused_members(self.weights, self.device), known, heard)
        scores = []
        for (reference, signal), (means, scales, families) in zip(pairs, predicted, strict=True):
            lost = lost_width((_side_level(reference), side_level_db(signal)))
            kept = 1 - underrated * lost
            scores.append(pool(means * kept, scales, families * kept))
        return scores


def load_model(weights: str | None = None, device: str = "cpu") -> InseNetScorer:
    """The model with the shipped weights, or with others, which are checked first.

    Raises:
        WeightsError: naming the file, if it is missing, damaged or of another network.
    """
    if weights is None:
        return InseNetScorer(device=device)
    load_members(weights)
    return InseNetScorer(weights, device)


@dataclass(frozen=True)
class WeightsFacts:
    """What belongs to one set of weights and travels in its file (safetensors metadata).

    Args:
        width_underrated: share of the points that these networks forget to take where all of a
            loud side is lost; by least squares on the train side (`tuner.training.train`).
        learned_from: names of the metrics that taught them.
        taught: ranges of the traits of the sounds that they were taught on
            (`tuner.answer.traits`), by name.
    """

    width_underrated: float = 0.0
    learned_from: tuple[str, ...] = ()
    taught: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def to_metadata(self) -> dict[str, str]:
        """As safetensors keeps it."""
        return {FACTS: json.dumps(asdict(self))}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str] | None) -> WeightsFacts:
        """Raises ValueError, KeyError or TypeError where it is damaged; none is no facts."""
        if not metadata or FACTS not in metadata:
            return cls()
        told = json.loads(metadata[FACTS])
        ranges = {name: (float(low), float(high)) for name, (low, high) in told["taught"].items()}
        return cls(float(told["width_underrated"]), tuple(told["learned_from"]), ranges)


@functools.cache
def weights_facts(path: str) -> WeightsFacts:
    """The facts of a weights file. Raises `WeightsError`, naming it, where it is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as weights:
            return WeightsFacts.from_metadata(weights.metadata())
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"cannot read the data stored with the weights ({error})", where=path
        ) from error


@functools.cache
def weights_digest(path: str) -> str:
    """sha256 (hex) of a weights file. Raises `WeightsError` if it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read the model's weights ({error})", where=path) from error


def load_members(path: str) -> list[InseNet]:
    """The networks of a weights file: one, or as many as its names begin with numbers.

    Raises:
        WeightsError: naming the file, if it is missing, damaged or of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torch import nn

    from tuner.model.insenet import InseNet

    weights_digest(path)
    try:
        state = load_file(path)
        numbers = {name.split(".")[0] for name in state}
        several = "0" in numbers
        members = [InseNet() for _ in range(len(numbers) if several else 1)]
        (nn.ModuleList(members) if several else members[0]).load_state_dict(state)
        if not all(tensor.isfinite().all() for tensor in state.values()):
            raise ValueError("NaN or infinity among them")
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise WeightsError(
            f"damaged, or weights of a different network ({str(error)[:SHOWN]} …)",
            where=path,
            remedy="reinstall the package or train again with `tuner train`",
        ) from error
    return [member.eval() for member in members]


@functools.cache
def fused_members(path: str, device: str) -> list[InseNet]:
    """The networks, each batch norm put into the convolution before it: same sums, faster.

    They take no gradients themselves, and let those of their inputs through.
    """
    import torch

    with torch.inference_mode(False), torch.no_grad():
        return _fuse(load_members(path), device)


def _fuse(members: list[InseNet], device: str) -> list[InseNet]:
    import torch
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for module in (module for member in members for module in member.modules()):
        if isinstance(module, nn.Sequential) and isinstance(module[1], nn.BatchNorm2d):
            assert isinstance(module[0], nn.Conv2d)
            module[0], module[1] = fuse_conv_bn_eval(module[0], module[1]), nn.Identity()
    for member in members:
        member.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return [member.to(device).requires_grad_(False) for member in members]


def _hear(signals: Sequence[torch.Tensor], known: Sequence[Known]) -> list[torch.Tensor]:
    """Features of coded signals, ``[1, 4, 18, 32, F]`` each.

    On a GPU those of one shape together, which fill it; on a CPU one stays in the cache.
    """
    import torch

    from tuner.model.gammatone import features, join

    alike: dict[object, list[int]] = {}
    for index, pcm in enumerate(signals):
        alike.setdefault(pcm.shape if pcm.is_cuda else index, []).append(index)
    heard: dict[int, torch.Tensor] = {}
    for indices in alike.values():
        pcm = torch.cat([signals[index] for index in indices])
        together = features(pcm, join([known[index] for index in indices]))
        heard |= dict(zip(indices, together[:, None], strict=True))
    return [heard[index] for index in range(len(signals))]


def _predict(
    members: Sequence[InseNet], known: Sequence[Known], heard: Sequence[torch.Tensor]
) -> list[tuple[npt.NDArray[np.float64], ...]]:
    """What the members say of each pair: means and scales ``[members, windows]``, and families
    ``[members, windows, 3]``.

    Pairs with windows of one length, which all clips of 3 s or more have, are heard together.
    """
    import torch

    from tuner.model.insenet import stack
    from tuner.model.windows import windows

    sides = [[windows(each.features) for each in known], [windows(each) for each in heard]]
    predicted: list[tuple[npt.NDArray[np.float64], ...]] = [()] * len(known)
    for frames in {features.shape[-1] for features in sides[1]}:
        alike = [index for index, each in enumerate(sides[1]) if each.shape[-1] == frames]
        counts = [len(sides[1][index]) for index in alike]
        pairs = stack(*(torch.cat([side[index] for index in alike]) for side in sides))
        said = zip(*(member.hear(*pairs) for member in members), strict=True)
        parts = [
            np.split(torch.stack(each).double().cpu().numpy(), np.cumsum(counts)[:-1], axis=1)
            for each in said
        ]
        for index, *of_pair in zip(alike, *parts, strict=True):
            predicted[index] = tuple(of_pair)
    return predicted


def _on_device(pcm: Pcm, device: str) -> torch.Tensor:
    import torch

    # Of read-only signals, as references are, torch wants a copy.
    content = np.ascontiguousarray(pcm) if pcm.flags.writeable else pcm.copy()
    return torch.from_numpy(content)[None].to(device)


_references: Lru[Known] = Lru(REFERENCES_BYTES)
_side_level = Remembered(side_level_db)


def _reference(reference: Pcm, device: str) -> Known:
    """What is kept of a reference, remembered by content: one meets many coded signals."""
    from tuner.model.gammatone import know

    key = (content_digest(reference), device)
    return _references.get(key, lambda: know(_on_device(reference, device)))
