"""What a reader should distrust, found in the stored results and said in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from tuner.report import words
from tuner.report.candidates import shown_candidate
from tuner.results import MODEL, Candidate, Results, SideResult

#: With fewer held-out clips an interval hardly proves anything: one clip more or less moves it.
FEW_CLIPS = 10
#: A held-out clip that loses more than this is worth a listen, points.
CLIP_LOSS = 2.0
#: A held-out gain below this share of the tune gain was learned by heart, not found.
GAIN_KEPT = 0.5
#: Opinions that spread this many times wider than the gain drown it.
WIDE_SPREAD = 2.0
#: Bitrates are matched within this share; more is an advantage by bits.
BITRATE_TOLERANCE = 0.01


def find_doubts(results: Results) -> list[str]:
    """Sentences on what weakens the answers of this run, most general first."""
    doubts = list(_clips(results))
    names = {clip.digest: clip.name for clip in results.clips}
    for bitrate in results.bitrates:
        shown = shown_candidate(bitrate)
        # Where the default is the answer, what is wrong with the rest does not matter.
        default_best = bitrate.verdict.kind == "the default is already the best"
        if shown is not None and bitrate.problem is None and not default_best:
            doubts += [
                f"{bitrate.target_kbps:g} kb/s: {doubt}"
                for doubt in _candidate(bitrate.candidates[0], shown, names)
            ]
    return [*doubts, *_failures(results)]


def _clips(results: Results) -> Iterator[str]:
    held_out = sum(clip.side == "holdout" for clip in results.clips)
    if held_out < FEW_CLIPS:
        yield (
            f"Only {words.counted(held_out, 'held-out clip')}: one clip more or less can move"
            f" the intervals. {FEW_CLIPS} or more are better."
        )


def _candidate(default: Candidate, shown: Candidate, names: dict[str, str]) -> Iterator[str]:
    if shown.problem is not None:
        yield f"the settings could not be matched on one side: {shown.problem.rstrip('.')}."
    base, held_out = default.sides.get("holdout"), shown.sides.get("holdout")
    if base is None or held_out is None:
        return
    yield from _judges(held_out)
    yield from _spread(held_out)
    yield from _overfit(shown)
    yield from _losing_clips(base, held_out, names)
    if abs(held_out.bitrate_kbps / base.bitrate_kbps - 1) > BITRATE_TOLERANCE:
        yield (
            f"on held-out clips default and tuned spend {base.bitrate_kbps:.1f} and"
            f" {held_out.bitrate_kbps:.1f} kb/s, more than {BITRATE_TOLERANCE:.0%} apart;"
            " part of the difference is bits, not settings."
        )


def _judges(side: SideResult) -> Iterator[str]:
    model = side.gains.get(MODEL)
    for metric, gain in side.gains.items():
        if metric == MODEL or model is None:
            continue
        if gain.high < 0 < model.value or model.high < 0 < gain.low:
            yield (
                f"{words.metric_label(metric)} disagrees with the quality model"
                f" ({words.signed(gain.value)} against {words.signed(model.value)} points)."
            )


def _spread(side: SideResult) -> Iterator[str]:
    model = side.gains.get(MODEL)
    if model is None or not side.spreads:
        return
    spread = fmean(side.spreads.values())
    if 0 < WIDE_SPREAD * model.value < spread:
        yield (
            f"listeners may differ more than the settings do: the model expects opinions to"
            f" spread by {spread:.1f} points, the gain is {words.plain(model.value)}."
        )


def _overfit(shown: Candidate) -> Iterator[str]:
    if "tune" not in shown.sides or MODEL not in shown.sides["tune"].gains:
        return
    tune = shown.sides["tune"].gains[MODEL].value
    held_out = shown.sides["holdout"].gains[MODEL].value
    if tune > 0 and held_out < GAIN_KEPT * tune:
        yield (
            f"the gain fell from {words.plain(tune)} points on the tune clips to"
            f" {words.plain(held_out)} on the held-out ones: the settings fit the clips"
            " that they were tuned on."
        )


def _losing_clips(base: SideResult, held_out: SideResult, names: dict[str, str]) -> Iterator[str]:
    before, after = base.scores.get(MODEL, {}), held_out.scores.get(MODEL, {})
    losses = {clip: before[clip] - after[clip] for clip in before.keys() & after.keys()}
    losing = [clip for clip, loss in losses.items() if loss > CLIP_LOSS]
    if losing:
        worst = max(losing, key=lambda clip: losses[clip])
        yield (
            f"{len(losing)} of {words.counted(len(losses), 'held-out clip')} lose more than"
            f" {CLIP_LOSS:g} points, most of all “{names.get(worst, worst)}”"
            f" ({words.signed(-losses[worst])})."
        )


def _failures(results: Results) -> Iterator[str]:
    failed = sum(trial.state == "failed" for b in results.bitrates for trial in b.trials)
    if failed:
        yield f"{words.counted(failed, 'trial')} failed; the lists of trials tell why."
