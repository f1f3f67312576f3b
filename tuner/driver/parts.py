"""What a run is wired from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.answer.content import guess_category
from tuner.answer.traits import measure_traits
from tuner.encoder import Encoder
from tuner.metric import Metric
from tuner.records import ClipRecord, MetricRecord
from tuner.rundir.identity import identify
from tuner.study.space import Space, make_space
from tuner.study.spec import StudySpec

if TYPE_CHECKING:
    from tuner.sound.clips import ClipSet


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
        """What must not change between the sessions of a run."""
        return identify(self.spec, self.encoder, self.space(), self.clips, self.scorer)

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
