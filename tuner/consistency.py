"""What must hold between the parts of a run's results, beyond their types.

A file that was edited, merged, or made by somebody else may be well-typed and still refer to
what is not there. Readers rely on what is checked here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tuner.records import Answer, BitrateResult, Candidate, ClipRecord, Results, SideResult

_T = TypeVar("_T")


def find_contradictions(results: Results) -> Iterator[str]:
    """What does not fit together in well-typed results, a sentence each; nothing if sound."""
    yield from _clips(results.clips)
    for bitrate in results.bitrates:
        yield from (f"{bitrate.target_kbps:g} kb/s: {each}" for each in _answer(bitrate, results))
    for result in results.everything:
        yield from (f"{result.target_kbps:g} kb/s: {each}" for each in _bitrate(result))
    targets = [bitrate.target_kbps for bitrate in results.everything]
    yield from (f"the bitrate {each:g} kb/s occurs twice" for each in _doubles(targets))
    for target in results.quality_targets:
        needs = [need for need in (target.default, target.best) if need is not None]
        if any(need.kbps <= 0 for need in needs):
            yield f"{target.goal!r:.80} needs a bitrate <= 0"


def _clips(clips: Sequence[ClipRecord]) -> Iterator[str]:
    yield from (f"clip {each:.20} occurs twice" for each in _doubles(c.digest for c in clips))
    for clip in clips:
        # It becomes a file's name.
        if not clip.digest.isalnum():
            yield f"{clip.digest!r:.80} is not a clip digest"
        if clip.duration_s <= 0 or clip.channels < 1 or clip.start_s < 0:
            yield (
                f"clip {clip.name!r:.80}: {clip.duration_s:g} s from {clip.start_s:g} s,"
                f" {clip.channels} channels"
            )


def _bitrate(bitrate: BitrateResult) -> Iterator[str]:
    if bitrate.target_kbps <= 0:
        yield "target bitrate <= 0"
    numbers = [trial.number for trial in bitrate.trials]
    yield from (f"trial {each} occurs twice" for each in _doubles(numbers))


def _answer(bitrate: Answer, results: Results) -> Iterator[str]:
    numbers = {trial.number for trial in bitrate.trials}
    if strangers := sorted(set(bitrate.pareto) - numbers):
        yield f"pareto names trial {strangers[0]}, which does not exist"
    if not 0 <= bitrate.winner < len(bitrate.candidates):
        yield f"the winner is candidate {bitrate.winner} of {len(bitrate.candidates)}"
        return
    for name, index in (("default", 0), ("winner", bitrate.winner)):
        if "tune" not in bitrate.candidates[index].sides:
            yield f"the {name} has no result on the tuning clips"
    for index, candidate in enumerate(bitrate.candidates):
        told = _candidate(candidate, bitrate.candidates[0], results.clips)
        yield from (f"candidate {index}: {each}" for each in told)


def _candidate(
    candidate: Candidate, default: Candidate, clips: Sequence[ClipRecord]
) -> Iterator[str]:
    if not candidate.command:
        yield "the command is empty"
    if candidate.problem is None and len(candidate.sides) < 2:
        yield "a side is missing without a problem"
    for side, result in candidate.sides.items():
        known = {clip.digest for clip in clips if clip.side == side}
        yield from (f"{side}: {each}" for each in _side(result, known))
        if problem := _differs(result, default.sides.get(side)):
            yield f"{side}: {problem}"


def _side(result: SideResult, known: set[str]) -> Iterator[str]:
    if result.bitrate_kbps <= 0:
        yield f"bitrate {result.bitrate_kbps:g} kb/s"
    # What the search climbed comes first.
    model = next(iter(result.scores), "")
    if model not in result.gains:
        yield f"no gains of {model or 'any metric'}"
    if strangers := result.gains.keys() - result.scores.keys():
        yield f"gains of {min(strangers)!r:.80}, which has no scores"
    scored = result.scores.get(model, {}).keys()
    if not scored:
        yield "no clip is scored"
    if strangers := scored - known:
        yield f"a score of clip {min(strangers)!r:.80}, which is not on this side"
    whole = {**{f"scores of {n}": s for n, s in result.scores.items()}, "spreads": result.spreads}
    for table, values in whole.items():
        if values.keys() != scored:
            yield f"{table} and scores of {model} are of different clips"
    parts: dict[str, Collection[str]] = {
        "windows": result.windows,
        "diagnosis": result.diagnosis,
        "members": result.members,
        "clip_kbps": result.clip_kbps,
        "objective": result.objective,
    }
    for table, found in parts.items():
        if not set(found) <= scored:
            yield f"{table} have clips without a score"


def _differs(result: SideResult, default: SideResult | None) -> str | None:
    """Candidates are compared clip by clip and metric by metric."""
    if default is None:
        return "the default has no such side"
    if result.scores.keys() != default.scores.keys():
        return "metrics differ from the default's"
    ours, theirs = (
        {digest for scores in each.scores.values() for digest in scores}
        for each in (result, default)
    )
    return None if ours == theirs else "clips differ from the default's"


def _doubles(values: Iterable[_T]) -> list[_T]:
    return [value for value, count in Counter(values).items() if count > 1]
