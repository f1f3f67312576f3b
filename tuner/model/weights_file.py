"""The file of weights: networks, what belongs to them, and beside it how they were trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save_model
from torch import nn

from tuner.model.scorer import WeightsFacts


def write_model(
    out: Path,
    members: Sequence[nn.Module],
    card: dict[str, object],
    facts: WeightsFacts | None = None,
) -> None:
    """Write the weights with what belongs to them, and beside them how they were trained (JSON).

    The names of several members' weights begin with the member's number; those of one do not.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    model = members[0] if len(members) == 1 else nn.ModuleList(members)
    save_model(model, str(out), (facts or WeightsFacts()).to_metadata())
    out.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
