"""What a run is wired from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tuner.answer.content import guess_category
from tuner.answer.traits import measure_traits
from tuner.encoder import Encoder
from tuner.metric import Metric
from tuner.pcm import SAMPLE_RATE, find_depth
from tuner.records import ClipRecord, MetricRecord
from tuner.rundir.folder import CLIP
from tuner.study.space import Space, make_space
from tuner.study.spec import StudySpec

if TYPE_CHECKING:
    from tuner.sound.clips import Clip, ClipSet


@dataclass(frozen=True)
class Parts:
    """What a run is wired from.

    Args:
        spec: the study.
        encoder: its adapter.
        clips: its clips, both sides.
        scorer: what the search climbs: the quality model, unless the study says.
        judges: metrics that it does not.
    """

    spec: StudySpec
    encoder: Encoder
    clips: ClipSet
    scorer: Metric
    judges: tuple[Metric, ...]

    def space(self) -> Space:
        """The search space. Raises `StudyError` if the fixed values do not fit."""
        return make_space(self.encoder, dict(self.spec.fixed))

    def identity(self) -> dict[str, str]:
        """What must not change between the sessions of a run; see `identify`."""
        return identify(self.spec, self.encoder, self.scorer, self.clips.clips)

    def metrics(self) -> list[MetricRecord]:
        """The metrics as the results name them, what the search climbs first."""
        return [
            MetricRecord(
                name=metric.name,
                label=metric.about.label,
                family=metric.about.family,
                version=metric.version,
                taught_model=metric.name in self.scorer.about.learned_from,
                cannot_hear=list(metric.about.cannot_hear),
            )
            for metric in (self.scorer, *self.judges)
        ]

    def records(self) -> list[ClipRecord]:
        """The clips as the results name them."""
        traits = {
            clip.digest: measure_traits(clip.reference, self.scorer.about.taught)
            for clip in self.clips.clips
        }
        return [
            ClipRecord(
                digest=clip.digest,
                name=clip.name,
                side=clip.side,
                duration_s=clip.duration_s,
                channels=clip.channels,
                source=str(clip.source),
                start_s=clip.start_s,
                traits=traits[clip.digest],
                category=clip.category or guess_category(clip.reference, traits[clip.digest]),
                rate=clip.rate,
            )
            for clip in self.clips.clips
        ]


def identify(
    spec: StudySpec, encoder: Encoder, scorer: Metric, clips: Iterable[Clip]
) -> dict[str, str]:
    """What must not change between the sessions of a run: name -> value, item by item.

    The first word of an item's name says of what kind it is (`tuner.rundir.folder`).
    """
    version, space = encoder.version, make_space(encoder, dict(spec.fixed))
    declared = {f"parameter {each.name}": asdict(each) for each in space.parameters}
    declared |= {f"parameter rate_mode {each.name}": asdict(each) for each in space.modes}
    return {
        "encoder": encoder.name,
        "encoder version": version.text,
        "encoder build": version.digest,
        **{f"fixed {name}": str(value) for name, value in spec.fixed},
        **{name: _describe(fields) for name, fields in declared.items()},
        "rate": str(spec.rate),
        **{f"{CLIP} {clip.name} ({clip.side})": _sound(clip) for clip in clips},
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
    return f"{clip.digest[:16]}{rate}{', floats' if find_depth(clip.pcm) == 'float' else ''}"


def _describe(fields: Mapping[str, object]) -> str:
    """ "kind int, default 3, low 0, high 10, step 1": what is declared, without its words."""
    told = {
        key: value
        for key, value in fields.items()
        if key not in ("name", "meaning") and value not in (None, "", (), {})
    }
    return ", ".join(f"{key} {json.dumps(value)}" for key, value in told.items())
