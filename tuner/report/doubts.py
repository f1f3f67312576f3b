"""Caveats: what weakens the answers of a run, found in the stored results."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean, stdev

from tuner.bootstrap import paired_bootstrap
from tuner.records import MODEL, Answer, Candidate, ClipRecord, Results, Side, SideResult
from tuner.report import words
from tuner.report.candidates import find_changes, shown_candidate
from tuner.report.categories import find_warnings, gains_by_category

SIDES: tuple[Side, Side] = ("tune", "holdout")
#: With fewer held-out clips an interval hardly proves anything: one clip more or less moves it.
FEW_CLIPS = 10
#: With fewer clips of a kind, the effect on that kind is barely tested.
FEW_OF_A_KIND = 3
#: A clip with attacks has at least one in two seconds, 1/s.
ATTACKS_PER_S = 0.5
#: A clip with a stereo image has its side signal at most this far below the mid, dB.
SIDE_DB = -20.0
#: A held-out clip that loses more than this is worth a listen, points.
CLIP_LOSS = 2.0
#: A held-out gain below this share of the tuning gain is overfitting.
GAIN_KEPT = 0.5
#: Opinions that spread this many times wider than the gain drown it.
WIDE_SPREAD = 2.0
#: A single network's change of one clip under this is no opinion of it, points.
HEARD_CHANGE = 1.0
#: Bitrates are matched within this share; more is an advantage by bits.
BITRATE_TOLERANCE = 0.01
#: Where tuned settings allocate bits across clips more differently than this (standard deviation
#: of the logarithm), intervals of gains are too narrow: in `bench.report.intervals` they cover the
#: truth in 89 % at 0.13, in 93 to 96 % at 0.04.
OTHER_SHARES = 0.1
#: Where more of the trials never got a score of all clips, the search saw little.
MUCH_LOST = 0.6
#: With fewer different values tried, each extreme is tried often and means nothing.
FEW_VALUES = 5
#: Resamples of an interval that decides on a sentence and is printed with one decimal.
RESAMPLES = 2_000


def find_doubts(results: Results) -> list[str]:
    """Sentences on what weakens the answers of this run, most general first."""
    doubts = list(_clips(results.clips))
    if len(results.everything) == 1:
        both = "equivalent bitrate and BD-rate need"
        missing = "BD-rate needs" if results.default_points else both
        doubts.append(f"One bitrate only: {missing} at least two.")
    names = {clip.digest: clip.name for clip in results.clips}
    for bitrate in results.bitrates:
        shown = shown_candidate(bitrate)
        # Where the default is the answer, what is wrong with the rest does not matter.
        default_best = bitrate.verdict.kind == "nothing better was found"
        found = list(_search(bitrate))
        if shown is not None and not default_best:
            found += _candidate(bitrate.default, shown, names)
            # With the default's curve, intervals count what bits are worth (`tuner.answer.worth`).
            if not results.default_points:
                found += _shares_of(bitrate.default, shown)
            found += _judges_favourites(bitrate, shown, results.provenance.seed)
            found += _edges(bitrate, shown)
            found += find_warnings(gains_by_category(results, bitrate, shown))
        doubts += [f"{bitrate.target_kbps:g} kb/s: {doubt}" for doubt in found]
    return [*doubts, *_failures(results)]


def _clips(clips: list[ClipRecord]) -> Iterator[str]:
    held_out = [clip for clip in clips if clip.side == "holdout"]
    if len(held_out) < FEW_CLIPS:
        yield (
            f"Only {words.counted(len(held_out), 'held-out clip')}: a single clip can shift the"
            f" intervals. Use {FEW_CLIPS} or more."
        )
    kinds = (
        ("attacks_per_s", ATTACKS_PER_S, "attacks", "pre-echo"),
        ("side_db", SIDE_DB, "a stereo image", "stereo"),
    )
    for trait, least, having, tested in kinds:
        values = [clip.traits[trait] for clip in held_out if trait in clip.traits]
        count = sum(value >= least for value in values)
        if values and count < FEW_OF_A_KIND:
            yield (
                f"{count or 'None'} of {words.counted(len(values), 'held-out clip')}"
                f" {'has' if count == 1 else 'have'} {having}: the effect on {tested} is barely"
                " tested."
            )
    outside = [clip.name for clip in held_out if clip.traits.get("outside_taught", 0) > 0]
    if outside:
        yield (
            f"{len(outside)} of {words.counted(len(held_out), 'held-out clip')}"
            f" {'is' if len(outside) == 1 else 'are'} outside the range that the quality model was"
            f" trained on (for example “{outside[0]}”): their scores are extrapolated."
        )


def _search(bitrate: Answer) -> Iterator[str]:
    """Searches that scored few of their trials on all clips."""
    tried = len(bitrate.trials)
    for state, told in (
        ("pruned", "were pruned, so their scores are estimates from few clips"),
        ("infeasible", "were infeasible at this bitrate or within the limits"),
    ):
        count = sum(trial.state == state for trial in bitrate.trials)
        if count > MUCH_LOST * tried:
            yield f"{count} of {words.counted(tried, 'trial')} {told}."


def _judges_favourites(bitrate: Answer, shown: Candidate, seed: int) -> Iterator[str]:
    """Finalists that a judge surely prefers to the model's choice."""
    mine = shown.sides["holdout"].scores if "holdout" in shown.sides else {}
    for metric in [*mine][1:]:
        preferred = []
        for other in bitrate.candidates[1:]:
            theirs = other.sides["holdout"].scores if "holdout" in other.sides else {}
            clips = sorted(mine[metric].keys() & theirs.get(metric, {}).keys())
            if other is shown or not clips:
                continue
            gains = [theirs[metric][clip] - mine[metric][clip] for clip in clips]
            preferred.append((paired_bootstrap(gains, seed, RESAMPLES), other.trial))
        best = max(preferred, key=lambda each: each[0].low, default=None)
        if best is not None and best[0].low > 0:
            gain, trial = best
            yield (
                f"{words.metric_label(metric)} ranks the finalists differently: it prefers trial"
                f" {trial} by {words.plain(gain.value)} points"
                f" ({words.interval(gain.low, gain.high)})."
            )


def _edges(bitrate: Answer, shown: Candidate) -> Iterator[str]:
    """Changed numbers that are the extremes of all that was tried."""
    changed = {change.name for change in find_changes(bitrate.candidates[0], shown)}
    for name in sorted(changed & shown.values.keys()):
        tried = {t.values[name] for t in bitrate.trials if name in t.values}
        numbers = sorted(x for x in tried if isinstance(x, int | float) and not isinstance(x, bool))
        value = shown.values[name]
        if len(numbers) < FEW_VALUES or value not in (numbers[0], numbers[-1]):
            continue
        end = "lowest" if value == numbers[0] else "highest"
        yield (
            f"{name} = {words.setting_value(value)} is the {end} value tried; better values may"
            " lie beyond it."
        )


def _candidate(default: Candidate, shown: Candidate, names: dict[str, str]) -> Iterator[str]:
    if shown.problem is not None:
        yield f"the settings could not be matched on one set of clips: {shown.problem.rstrip('.')}."
    base, held_out = default.sides.get("holdout"), shown.sides.get("holdout")
    if base is None or held_out is None:
        return
    yield from _judges(held_out)
    yield from _spread(held_out)
    yield from _members(base, held_out, names)
    yield from _overfit(shown)
    yield from _losing_clips(base, held_out, names)
    if abs(held_out.bitrate_kbps / base.bitrate_kbps - 1) > BITRATE_TOLERANCE:
        yield (
            f"on the held-out clips the default uses {base.bitrate_kbps:.1f} kb/s and the tuned"
            f" settings {held_out.bitrate_kbps:.1f} kb/s, more than {BITRATE_TOLERANCE:.0%} apart;"
            " part of the difference is due to bits, not settings."
        )


def _judges(side: SideResult) -> Iterator[str]:
    model = side.gains.get(side.climbed)
    for metric, gain in side.gains.items():
        if metric == side.climbed or model is None:
            continue
        if gain.high < 0 < model.value or model.high < 0 < gain.low:
            yield (
                f"{words.metric_label(metric)} disagrees with {_climbed(side)}"
                f" ({words.signed(gain.value)} versus {words.signed(model.value)} points)."
            )


def _climbed(side: SideResult) -> str:
    return "the quality model" if side.climbed == MODEL else words.metric_label(side.climbed)


def _spread(side: SideResult) -> Iterator[str]:
    model = side.gains.get(side.climbed)
    if model is None or not side.spreads:
        return
    spread = fmean(side.spreads.values())
    if 0 < WIDE_SPREAD * model.value < spread:
        yield (
            "listeners may differ more than the settings do: the predicted spread of opinions is"
            f" {spread:.1f} points, the gain is {words.signed(model.value)}."
        )


def _members(base: SideResult, held_out: SideResult, names: dict[str, str]) -> Iterator[str]:
    """Networks of the ensemble that hear a gain where others hear a loss."""
    gains = {
        clip: [after - before for before, after in zip(base.members[clip], own, strict=True)]
        for clip, own in held_out.members.items()
        if clip in base.members
    }
    if not gains:
        return
    means = [fmean(member) for member in zip(*gains.values(), strict=True)]
    if min(means) < 0 < max(means):
        yield (
            f"the {len(means)} networks of the quality model disagree on the sign of the gain:"
            f" {', '.join(words.signed(mean) for mean in means)} points."
        )
    disputed = [c for c, own in gains.items() if min(own) < -HEARD_CHANGE < HEARD_CHANGE < max(own)]
    if disputed:
        widest = max(disputed, key=lambda clip: max(gains[clip]) - min(gains[clip]))
        yield (
            f"on {len(disputed)} of {words.counted(len(gains), 'held-out clip')} one network of the"
            " quality model predicts a gain and another a loss, both over"
            f" {words.counted(round(HEARD_CHANGE), 'point')}; the widest gap is on"
            f" “{names.get(widest, widest)}” ({words.signed(min(gains[widest]))} and"
            f" {words.signed(max(gains[widest]))})."
        )


def _overfit(shown: Candidate) -> Iterator[str]:
    if "tune" not in shown.sides or not shown.sides["tune"].gains:
        return
    leads = [shown.sides[side].lead for side in SIDES]
    tune, held_out = (lead.value if lead else 0.0 for lead in leads)
    if tune > 0 and held_out < GAIN_KEPT * tune:
        yield (
            f"the gain fell from {words.signed(tune)} points on the tuning clips to"
            f" {words.signed(held_out)} on the held-out clips: the settings overfit the tuning"
            " clips."
        )


def _losing_clips(base: SideResult, held_out: SideResult, names: dict[str, str]) -> Iterator[str]:
    before, after = (side.scores.get(side.climbed, {}) for side in (base, held_out))
    losses = {clip: before[clip] - after[clip] for clip in before.keys() & after.keys()}
    losing = [clip for clip, loss in losses.items() if loss > CLIP_LOSS]
    if losing:
        worst = max(losing, key=lambda clip: losses[clip])
        yield (
            f"{len(losing)} of {words.counted(len(losses), 'held-out clip')}"
            f" {'loses' if len(losing) == 1 else 'lose'} more than {CLIP_LOSS:g} points; the worst"
            f" is “{names.get(worst, worst)}”"
            f" ({words.signed(-losses[worst])})."
        )


def _shares_of(default: Candidate, shown: Candidate) -> Iterator[str]:
    base, held_out = default.sides.get("holdout"), shown.sides.get("holdout")
    if base is not None and held_out is not None:
        yield from _shares(base, held_out)


def _shares(base: SideResult, held_out: SideResult) -> Iterator[str]:
    """Clips that take other shares of the set's bits than by the default."""
    before, after = base.clip_kbps, held_out.clip_kbps
    moved = [math.log(after[clip] / before[clip]) for clip in before.keys() & after.keys()]
    if len(moved) > 1 and stdev(moved) > OTHER_SHARES:
        yield (
            "the tuned settings allocate bits across clips differently from the default (by"
            f" {100 * stdev(moved):.0f} %, at the same total): part of a clip’s gain or loss is due"
            " to bits, and the interval of the gain, which takes bitrates as known, may be too"
            " narrow."
        )


def _failures(results: Results) -> Iterator[str]:
    failed = sum(trial.state == "failed" for b in results.everything for trial in b.trials)
    if failed:
        yield f"{words.counted(failed, 'trial')} failed; the trial lists give the reasons."
