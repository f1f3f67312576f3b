"""What a run stores: the records behind `results.json`.

The search writes them, the report only reads them. All qualities are on the MUSHRA
scale (0 to 100, higher is better), bitrates are measured payload kb/s over a whole
clip set, times are seconds. `FORMAT_VERSION` grows with every change that a reader
could trip over.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from tuner.pcm import SAMPLE_RATE

FORMAT_VERSION = 7

Side = Literal["tune", "holdout"]
#: What users call the sides.
SIDE_WORDS: dict[Side, str] = {"tune": "tuning", "holdout": "held-out"}
TrialState = Literal["complete", "pruned", "infeasible", "failed"]
VerdictKind = Literal[
    "confirmed", "not confirmed", "objected", "preliminary", "nothing better was found"
]

#: Name of the quality model among the metrics.
MODEL = "insenet"
#: How the metrics are called in sentences and reports; others go by their own name.
METRIC_LABELS = {
    MODEL: "InSE-NET",
    "visqol": "ViSQOL",
    "zimtohrli": "Zimtohrli",
    "2f": "2f-model",
    "peaq": "PEAQ",
}


def metric_label(name: str) -> str:
    """A metric's name for people."""
    return METRIC_LABELS.get(name, name)


def objective_label(name: str) -> str:
    """An objective (`tuner.study.objective`) for people: "consensus", "worst quarter"."""
    return name.replace("-", " ")


def name_rates(rates: Iterable[int]) -> str:
    """Sample rates in Hz for people: "44.1 kHz and 48 kHz", ascending, each once."""
    names = [f"{rate / 1000:g} kHz" for rate in sorted(set(rates))]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


@dataclass(frozen=True)
class Estimate:
    """A paired mean difference over clips with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


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
class ListeningResult:
    """What people said of the tuned settings against the default, in points of their scale.

    Args:
        gain: tuned less default, with its 95 % interval over listeners and clips.
        listeners, clips: how many counted.
        trial: number of the trial whose settings they heard as tuned.
    """

    gain: Estimate
    listeners: int
    clips: int
    trial: int = 0


@dataclass(frozen=True)
class ClipRecord:
    """One clip of the run.

    Args:
        digest: sha256 of the samples and their rate, the clip's name everywhere else.
        name: file name and excerpt, for people.
        side: "tune" or "holdout".
        duration_s: length in seconds.
        channels: 1 or 2.
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
class TrialRecord:
    """One trial of the search.

    Args:
        number: trial number within its bitrate; 0 is the encoder's default.
        state: "complete"; "pruned" (stopped early, as it was losing); "infeasible" (no knob
            value reaches the bitrate, or a limit is broken); "failed".
        rate_mode, values: the settings.
        knob: the matched knob value.
        bitrate_kbps: measured payload bitrate over the tune clips.
        score: mean predicted quality over the tune clips; of a pruned trial the estimate from
            the clips that it was scored on; else None.
        spread: mean predicted spread.
        passes: encodes over the number of tune clips: passes over the set, parts counted.
        reason: why it is pruned, infeasible or failed.
        encode_s: CPU seconds that the encoder took for all tune clips; None unless complete.
        peak_dbfs: highest decoded sample, dB of full scale, where the study limits it.
        latency_ms: algorithmic delay as the adapter tells it, where the study limits it.
        objective: what the search maximised, points; of a pruned trial likewise; else None.
            Results of older versions do not say.
    """

    number: int
    state: TrialState
    rate_mode: str
    values: dict[str, bool | int | float | str]
    knob: float | None = None
    bitrate_kbps: float | None = None
    score: float | None = None
    spread: float | None = None
    passes: float = 0.0
    reason: str | None = None
    encode_s: float | None = None
    peak_dbfs: float | None = None
    latency_ms: float | None = None
    objective: float | None = None

    @property
    def climbed(self) -> float | None:
        """What the search maximised; the mean score where it is not known."""
        return self.score if self.objective is None else self.objective


@dataclass(frozen=True)
class SideResult:
    """One candidate on one side of the clip set, rate-matched on that side.

    Args:
        knob: knob value matched on this side.
        bitrate_kbps: measured on this side.
        scores: metric name -> clip digest -> score; what the search climbed comes first.
        spreads: clip digest -> predicted spread of the quality model.
        gains: metric name -> paired gain over the default (zero for the default itself).
        families: family of metrics -> the same by the mean of its judges, what the search climbed
            left out.
        windows: clip digest -> the quality model's means of consecutive windows
            (`tuner.scorer.WINDOW_S`), the last of which ends with the clip.
        diagnosis: clip digest -> what is audibly wrong, name -> figure
            (`tuner.answer.diagnosis`).
        members: clip digest -> what each network of the quality model's ensemble gives the clip,
            in a fixed order; without the clips whose scores are older than this record.
        clip_kbps: clip digest -> measured payload bitrate of the clip alone, kb/s.
        spends_kbps: what `knob` spends where its steps straddle the target; scores and bitrates
            are then interpolated at the target between it and the step `beside`. None elsewhere.
        beside: (knob value, kb/s) of the neighbouring step on the target's other side, or empty.
        objective: clip digest -> what the study's objective takes of the clip, points; empty where
            the search maximised the mean of `scores`.
        objective_gain: gain over the default by that objective; None likewise.
    """

    knob: float
    bitrate_kbps: float
    scores: dict[str, dict[str, float]]
    spreads: dict[str, float]
    gains: dict[str, Estimate]
    windows: dict[str, list[float]] = field(default_factory=dict)
    diagnosis: dict[str, dict[str, float]] = field(default_factory=dict)
    members: dict[str, list[float]] = field(default_factory=dict)
    clip_kbps: dict[str, float] = field(default_factory=dict)
    families: dict[str, Estimate] = field(default_factory=dict)
    spends_kbps: float | None = None
    beside: list[float] = field(default_factory=list)
    objective: dict[str, float] = field(default_factory=dict)
    objective_gain: Estimate | None = None

    @property
    def climbed(self) -> str:
        """Name of the metric that the search climbed."""
        return next(iter(self.scores), MODEL)

    @property
    def lead(self) -> Estimate | None:
        """The gain by what the search maximised: the objective, or the mean where that is it."""
        return self.objective_gain or self.gains.get(self.climbed)


@dataclass(frozen=True)
class Candidate:
    """A finalist: the default or one of the best settings found.

    Args:
        trial: trial number.
        rate_mode, values: the settings.
        command: the command line a user copies, as an argument list.
        sides: "tune" and "holdout" results. A side is absent when the settings cannot
            be matched to the bitrate on it (`problem` says why).
        problem: why a side is missing; None otherwise.
        notes: what the encoder told of choices of its own, such as resampling.
        nominal: the rate parameter is a bitrate in kb/s, which need not be what is spent.
        convert: the command that brings a file to the study's sample rate first; empty where files
            are encoded at their own.
    """

    trial: int
    rate_mode: str
    values: dict[str, bool | int | float | str]
    command: list[str]
    sides: dict[Side, SideResult]
    problem: str | None = None
    notes: list[str] = field(default_factory=list)
    nominal: bool = False
    convert: list[str] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """What a user types."""
        return " && ".join(shlex.join(each) for each in (self.convert, self.command) if each)


@dataclass(frozen=True)
class Ablation:
    """One setting of the tuned candidate put back to the encoder's default, as it was run.

    Args:
        parameter: its name; `rate_mode` for the rate mode.
        value, default: what the candidate has and what was put back.
        worth: points that the candidate is better with its own value, paired over the tune
            clips at equal measured bitrate; None where it could not be run.
        bitrate_kbps: measured with the default's value.
        problem: why it could not be run; None otherwise.
    """

    parameter: str
    value: bool | int | float | str
    default: bool | int | float | str
    worth: Estimate | None = None
    bitrate_kbps: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The answer for one bitrate: a kind, and a sentence that a reader can trust."""

    kind: VerdictKind
    sentence: str


@dataclass(frozen=True)
class Timing:
    """Where the time of one bitrate's search went, in seconds.

    Args:
        wall_s: this bitrate's share of the wall-clock time of all sessions of the search,
            without validation; bitrates run side by side, and their shares add up.
        encode_s: CPU time in encoders.
        decode_s: CPU time in decoding and alignment.
        score_s: CPU time in the quality model.
        encodes, scores: how many were computed (not taken from the cache).
        cached_encodes, cached_scores: how many the cache gave.
    """

    wall_s: float = 0.0
    encode_s: float = 0.0
    decode_s: float = 0.0
    score_s: float = 0.0
    encodes: int = 0
    scores: int = 0
    cached_encodes: int = 0
    cached_scores: int = 0


@dataclass(frozen=True)
class BitrateResult:
    """Everything about one target bitrate.

    Args:
        target_kbps: the target.
        verdict: the answer.
        winner: index into `candidates` of what the reader should use (0 = the default).
        candidates: the default first, then the finalists by tune score.
        trials: all trials in order.
        timing: cost.
        problem: why there is no answer (the default itself unreachable, say), else None.
        pareto: numbers of the trials that no other beats in both score and encode time,
            fastest first; empty unless encode time is the study's second objective.
        ablation: the tuned candidate (the first after the default), setting by setting.
        importance: parameter name -> its share in what set the best trials apart, 0 to 1
            (`tuner.search.importance`); empty where there were too few trials to tell.
        listening: what a listening test on the run says; None without one.
    """

    target_kbps: float
    verdict: Verdict
    winner: int
    candidates: list[Candidate]
    trials: list[TrialRecord]
    timing: Timing
    problem: str | None = None
    pareto: list[int] = field(default_factory=list)
    ablation: list[Ablation] = field(default_factory=list)
    importance: dict[str, float] = field(default_factory=dict)
    listening: ListeningResult | None = None

    @property
    def default_trial(self) -> TrialRecord | None:
        """The trial of the encoder's default: the first candidate's, where one was validated."""
        number = self.candidates[0].trial if self.candidates else 0
        return next((trial for trial in self.trials if trial.number == number), None)

    @property
    def tuned(self) -> int:
        """Index of what the verdict is about: the winner, or the best settings that were tried.

        Those are the first that were scored on both sides; 0 if there is only the default.
        """
        tried = range(1, len(self.candidates))
        whole = [index for index in tried if self.candidates[index].problem is None]
        return self.winner or next(iter([*whole, *tried]), 0)


@dataclass(frozen=True)
class CurvePoint:
    """The encoder's default at a bitrate that was not searched, on the held-out clips."""

    target_kbps: float
    side: SideResult


@dataclass(frozen=True)
class NeededBits:
    """What settings need for a target of quality, on the held-out clips.

    Args:
        trial: number of the trial at the target's bitrate; 0 is the default.
        rate_mode, values: the settings.
        reached: whether any bitrate reaches the target.
        knob, kbps, quality: the lowest measured bitrate that reaches it, or what comes nearest.
        low_kbps, high_kbps: 95 % interval over clips of the bitrate at which the target is
            crossed; None where it is not.
        encode_s: CPU seconds that the encoder takes for all clips.
        command: the command line, with `knob`.
        reason: why it is not reached, and how far it comes.
    """

    trial: int
    rate_mode: str
    values: dict[str, bool | int | float | str]
    reached: bool
    knob: float
    kbps: float
    quality: float
    low_kbps: float | None
    high_kbps: float | None
    encode_s: float
    command: list[str]
    reason: str | None = None


@dataclass(frozen=True)
class QualityTarget:
    """The answer to a target of quality: the lowest bitrate that is good enough.

    Args:
        goal: the target in words: "quality 85".
        quality: the target, points.
        share: of the clips that must reach it; None: their mean must.
        searched_kbps: the bitrate whose search gave the settings: what the default needs on the
            tuning clips.
        default: what the encoder's default needs.
        best: what the settings need that need the fewest bits on the tuning clips; None where that
            is the default.
        bits: bits of best over default, a ratio, paired over the held-out clips.
        time_ratio: encode time of best over default, each at the bits that it needs.
        judges: family of judges -> how much better best scores than the default there, points.
        sentence: the answer.
        recommended: whether to use the best settings.
    """

    goal: str
    quality: float
    share: float | None
    searched_kbps: float
    default: NeededBits
    best: NeededBits | None = None
    bits: Estimate | None = None
    time_ratio: float | None = None
    judges: dict[str, Estimate] = field(default_factory=dict)
    sentence: str = ""
    recommended: bool = False


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
        rate: Hz, to which all clips were brought before they were encoded, as in all runs of
            versions before 7; None where each kept its file's.
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
    rate: int | None = SAMPLE_RATE


@dataclass(frozen=True)
class Results:
    """One finished run: the content of `results.json`.

    Args:
        clips: all clips of both sides.
        bitrates: one result per target bitrate, ascending.
        provenance: how to get the same again.
        notes: plain sentences that the reader must know (identity and anchor checks,
            what the judges share with the model's teachers).
        metrics: what was asked, what the search climbed first. Empty in versions before 6.
        default_points: the default at bitrates around the targets, rising.
        objective: how the search put the clips together (`tuner.study.objective`); "mean" in
            results that do not say.
        quality_targets: the answers to targets of quality, in the order of the study.
        format_version: see `FORMAT_VERSION`.
    """

    clips: list[ClipRecord]
    bitrates: list[BitrateResult]
    provenance: Provenance
    notes: list[str] = field(default_factory=list)
    metrics: list[MetricRecord] = field(default_factory=list)
    default_points: list[CurvePoint] = field(default_factory=list)
    objective: str = "mean"
    quality_targets: list[QualityTarget] = field(default_factory=list)
    format_version: int = FORMAT_VERSION

    @property
    def climbed(self) -> str:
        """Name of the metric that the search climbed: the quality model, unless the study says."""
        return self.metrics[0].name if self.metrics else MODEL

    @property
    def families(self) -> dict[str, str]:
        """Metric -> its family, of all that were asked."""
        return {metric.name: metric.family for metric in self.metrics}
