"""The answer for one target bitrate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tuner.records.candidates import Ablation, AblationFailed, Candidate, Estimate
from tuner.records.trials import Timing, TrialRecord

VerdictKind = Literal[
    "confirmed", "not confirmed", "objected", "preliminary", "nothing better was found"
]


@dataclass(frozen=True)
class Verdict:
    """The answer for one bitrate: a kind, and a sentence that a reader can trust."""

    kind: VerdictKind
    sentence: str


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
class Answer:
    """What was found at one target bitrate.

    Args:
        target_kbps: the target.
        verdict: the answer.
        winner: index into `candidates` of what the reader should use (0 = the default).
        candidates: the default first, then the finalists by tune score.
        trials: all trials in order.
        timing: cost.
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
    pareto: list[int] = field(default_factory=list)
    ablation: list[Ablation | AblationFailed] = field(default_factory=list)
    importance: dict[str, float] = field(default_factory=dict)
    listening: ListeningResult | None = None

    @property
    def default(self) -> Candidate:
        """The encoder's default."""
        return self.candidates[0]

    @property
    def recommended(self) -> Candidate:
        """What the reader should use."""
        return self.candidates[self.winner]

    @property
    def default_trial(self) -> TrialRecord | None:
        """The trial of the encoder's default."""
        number = self.default.trial
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
class NoAnswer:
    """Why nothing can be said at a target bitrate: the default itself cannot spend it, say.

    Args:
        target_kbps: the target.
        problem: the reason, a sentence.
        trials: all trials in order.
        timing: cost.
        importance: as of an answer.
    """

    target_kbps: float
    problem: str
    trials: list[TrialRecord]
    timing: Timing
    importance: dict[str, float] = field(default_factory=dict)

    @property
    def default_trial(self) -> TrialRecord | None:
        """The first trial, which is the encoder's default."""
        return next((trial for trial in self.trials if trial.number == 0), None)


BitrateResult = Answer | NoAnswer
