"""What must not change between the sessions of a run, item by item, so that a change can be read.

The first word of an item's name says of what kind it is (`tuner.rundir.folder`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from tuner.encoder import Encoder
from tuner.pcm import SAMPLE_RATE, find_depth
from tuner.scorer import Scorer
from tuner.study.space import Space
from tuner.study.spec import OLD_RATE, StudySpec

if TYPE_CHECKING:
    from tuner.sound.clips import Clip, ClipSet


def identify(
    spec: StudySpec, encoder: Encoder, space: Space, clips: ClipSet, scorer: Scorer
) -> dict[str, str]:
    """Name -> value of everything that results depend on."""
    version = encoder.version
    declared = {f"parameter {each.name}": asdict(each) for each in space.parameters}
    declared |= {f"parameter rate_mode {each.name}": asdict(each) for each in space.modes}
    return {
        "encoder": encoder.name,
        "encoder version": version.text,
        "encoder build": version.digest,
        **{f"fixed {name}": str(value) for name, value in spec.fixed},
        **{name: _describe(fields) for name, fields in declared.items()},
        # Runs of versions that knew no other rate go on.
        **({} if spec.rate == OLD_RATE else {"rate": str(spec.rate)}),
        **{f"clip {clip.name} ({clip.side})": _sound(clip) for clip in clips.clips},
        "quality model": f"{scorer.name} {scorer.version}",
        "bitrates_kbps": ", ".join(f"{kbps:g}" for kbps in spec.bitrates_kbps),
        **({"target_quality": ", ".join(map(str, spec.goals))} if spec.goals else {}),
        "seed": str(spec.seed),
        "sampler": spec.search.sampler,
        "objective": spec.search.goal,
        **({} if spec.shown_storage is None else {"storage": spec.shown_storage}),
    }


def _sound(clip: Clip) -> str:
    """A clip's digest, and what is unusual in it."""
    rate = "" if clip.rate == SAMPLE_RATE else f" at {clip.rate} Hz"
    # Older versions rounded floats to 24 bits for most encoders.
    return f"{clip.digest[:16]}{rate}{', floats' if find_depth(clip.pcm) == 'float' else ''}"


def _describe(fields: Mapping[str, object]) -> str:
    """ "kind int, default 3, low 0, high 10, step 1": what is declared, without its words."""
    told = {
        key: value
        for key, value in fields.items()
        if key not in ("name", "meaning") and value is not None and value not in ("", ())
    }
    return ", ".join(f"{key} {json.dumps(value)}" for key, value in told.items())
