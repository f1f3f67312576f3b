"""Which candidates the report shows, and how their settings differ from the default's."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.records import Answer, BitrateResult, Candidate, Results, TrialRecord
from tuner.report import words


@dataclass(frozen=True)
class Change:
    """One setting that differs from the default."""

    name: str
    before: str
    after: str


def metric_order(results: Results) -> list[str]:
    """All metrics of the run: what the search climbed, then the judges as they were stored."""
    sides = [s for b in results.bitrates for c in b.candidates for s in c.sides.values()]
    return list(
        dict.fromkeys([results.climbed, *(metric for side in sides for metric in side.scores)])
    )


def shown_candidate(bitrate: Answer) -> Candidate | None:
    """What the verdict is about: the winner, or the best settings tried."""
    index = shown_index(bitrate)
    return bitrate.candidates[index] if index else None


def shown_index(bitrate: Answer) -> int:
    """Index of `shown_candidate`; 0 if there is none beside the default."""
    return bitrate.tuned


def first_default(bitrate: BitrateResult) -> Candidate | TrialRecord | None:
    """The default's settings: the first candidate, or its trial where validation never came."""
    return bitrate.default if isinstance(bitrate, Answer) else bitrate.default_trial


def runs_adapter(candidate: Candidate) -> bool:
    """Whether the command runs a Python adapter, as no program has these settings as switches."""
    return candidate.command[1:2] == ["-m"] and candidate.command[0].startswith("python")


def find_changes(default: Candidate | TrialRecord, other: Candidate | TrialRecord) -> list[Change]:
    """The settings in which `other` differs from `default`."""
    changes = []
    if other.rate_mode != default.rate_mode:
        changes.append(Change("rate mode", default.rate_mode, other.rate_mode))
    for name in sorted(default.values.keys() | other.values.keys()):
        before, after = default.values.get(name), other.values.get(name)
        # True == 1 and False == 0, but they are not the same setting.
        if before != after or isinstance(before, bool) is not isinstance(after, bool):
            changes.append(Change(name, _value(before), _value(after)))
    return changes


def _value(value: words.Value | None) -> str:
    return "not used" if value is None else words.setting_value(value)
