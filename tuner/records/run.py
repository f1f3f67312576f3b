"""One finished run."""

from __future__ import annotations

from dataclasses import dataclass, field

from tuner.pcm import SAMPLE_RATE
from tuner.records.answers import Answer, BitrateResult, NoAnswer
from tuner.records.candidates import SideResult
from tuner.records.targets import QualityTarget
from tuner.records.words import MODEL, Side

FORMAT_VERSION = 8


@dataclass(frozen=True)
class MetricRecord:
    """What a metric of the run is (`tuner.metric.About`).

    Args:
        name: by which scores are stored.
        label: for people.
        family: metrics of one family make the same mistakes.
        version: changes whenever a score could.
        taught_model: whether the shipped quality model learned from it.
        cannot_hear: what it is deaf to.
    """

    name: str
    label: str
    family: str
    version: str
    taught_model: bool = False
    cannot_hear: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ClipRecord:
    """One clip of the run.

    Args:
        digest: sha256 of the samples and their rate, the clip's name everywhere else.
        name: file name and excerpt, for people.
        side: "tune" or "holdout".
        duration_s: length in seconds.
        channels: 1 to 8, in the order of `tuner.layout`.
        source: path of the source file.
        start_s: where the excerpt begins in the source.
        traits: what kind of sound it is (`tuner.answer.traits`): name -> figure.
        category: its kind by the manifest, else as guessed from the traits.
        rate: Hz, at which it was encoded.
    """

    digest: str
    name: str
    side: Side
    duration_s: float
    channels: int
    source: str
    start_s: float
    traits: dict[str, float] = field(default_factory=dict)
    category: str = ""
    rate: int = SAMPLE_RATE


@dataclass(frozen=True)
class Provenance:
    """How to get the same again.

    Args:
        command: the command line that made the run.
        study: the study definition as run (TOML text).
        seed: the seed of sampler and bootstrap.
        versions: package or program -> version.
        encoder, encoder_version, encoder_binary, encoder_digest: the build that ran.
        scorer_version: version of the quality model (weights and front end digests).
        judge_versions: judge name -> version.
        started, finished: ISO 8601, UTC.
        machine: platform, cores.
        rate: Hz, to which all clips were brought before they were encoded; None where each
            kept its file's.
    """

    command: str
    study: str
    seed: int
    versions: dict[str, str]
    encoder: str
    encoder_version: str
    encoder_binary: str
    encoder_digest: str
    scorer_version: str
    judge_versions: dict[str, str]
    started: str
    finished: str
    machine: str
    rate: int | None


@dataclass(frozen=True)
class CurvePoint:
    """The encoder's default at a bitrate that was not searched, on the held-out clips."""

    target_kbps: float
    side: SideResult


@dataclass(frozen=True)
class Results:
    """One finished run: the content of `results.json`.

    Args:
        clips: all clips of both sides.
        bitrates: the answers, by ascending target bitrate.
        provenance: how to get the same again.
        notes: plain sentences that the reader must know (identity and anchor checks,
            what the judges share with the model's teachers).
        metrics: what was asked, what the search climbed first.
        default_points: the default at bitrates around the targets, rising.
        objective: how the search put the clips together (`tuner.study.objective`).
        unanswered: the target bitrates that have no answer, ascending.
        quality_targets: the answers to targets of quality, in the order of the study.
        format_version: see `FORMAT_VERSION`.
    """

    clips: list[ClipRecord]
    bitrates: list[Answer]
    provenance: Provenance
    notes: list[str] = field(default_factory=list)
    metrics: list[MetricRecord] = field(default_factory=list)
    default_points: list[CurvePoint] = field(default_factory=list)
    objective: str = "mean"
    quality_targets: list[QualityTarget] = field(default_factory=list)
    unanswered: list[NoAnswer] = field(default_factory=list)
    format_version: int = FORMAT_VERSION

    @property
    def everything(self) -> list[BitrateResult]:
        """One result per target bitrate, ascending, those without an answer too."""
        results: list[BitrateResult] = [*self.bitrates, *self.unanswered]
        return sorted(results, key=lambda result: result.target_kbps)

    @property
    def climbed(self) -> str:
        """Name of the metric that the search climbed: the quality model, unless the study says."""
        return self.metrics[0].name if self.metrics else MODEL

    @property
    def families(self) -> dict[str, str]:
        """Metric -> its family, of all that were asked."""
        return {metric.name: metric.family for metric in self.metrics}
