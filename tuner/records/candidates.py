"""Settings that were validated: what they score on both sides of the clips."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

import msgspec

from tuner.records.trials import Configured, Value
from tuner.records.words import MODEL, Side


@dataclass(frozen=True)
class Estimate:
    """A paired mean difference over clips with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


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
class Candidate(Configured):
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
        convert: the command that first brings a file to the study's sample rate or mixes it to
            stereo; empty where files are encoded as they are.
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
        return join_commands(self.convert, self.command)


def join_commands(convert: list[str], command: list[str]) -> str:
    """A conversion, if any, and the command that follows it, as a user types them."""
    return " && ".join(shlex.join(each) for each in (convert, command) if each)


class _Reset(msgspec.Struct, frozen=True, tag_field="state"):
    """One setting of the tuned candidate put back to the encoder's default.

    Args:
        parameter: its name; `rate_mode` for the rate mode.
        value, default: what the candidate has and what was put back.
    """

    parameter: str
    value: Value
    default: Value


class Ablation(_Reset, frozen=True, tag="run"):
    """A setting put back, as it was run.

    Args:
        worth: points that the candidate is better with its own value, paired over the tune
            clips at equal measured bitrate.
        bitrate_kbps: measured with the default's value.
    """

    worth: Estimate
    bitrate_kbps: float


class AblationFailed(_Reset, frozen=True, tag="failed"):
    """A setting that could not be put back; `problem` says why."""

    problem: str
