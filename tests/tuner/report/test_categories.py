"""Gains by kind of content."""

from dataclasses import replace

from tuner.records import MODEL
from tuner.report.candidates import shown_candidate
from tuner.report.categories import find_warnings, gains_by_category
from tuner.report.data import build_page


def with_kinds(results, kinds, lost=6.0):
    """The run with the first held-out clips of other kinds, the first of which loses."""
    held = [clip.digest for clip in results.clips if clip.side == "holdout"]
    names = dict(zip(held, kinds, strict=False))
    clips = [replace(clip, category=names.get(clip.digest, "music")) for clip in results.clips]
    bitrate = results.bitrates[0]
    default, tuned = bitrate.candidates[:2]
    side, before = tuned.sides["holdout"], default.sides["holdout"].scores[MODEL]
    scores = {
        digest: before[digest] - lost + index % 2 if names.get(digest) == kinds[0] else score
        for index, (digest, score) in enumerate(side.scores[MODEL].items())
    }
    side = replace(side, scores={**side.scores, MODEL: scores})
    tuned = replace(tuned, sides={**tuned.sides, "holdout": side})
    bitrate = replace(bitrate, candidates=[default, tuned, *bitrate.candidates[2:]])
    return replace(results, clips=clips, bitrates=[bitrate])


def found(results):
    bitrate = results.bitrates[0]
    return gains_by_category(results, bitrate, shown_candidate(bitrate))


def test_a_kind_that_loses_is_told(small_results):
    """The worst first, with its clips and its interval."""
    results = with_kinds(small_results, ["speech"] * 4)
    speech, music = found(results)
    assert (speech.category, speech.clips, music.clips) == ("speech", 4, 11)
    assert speech.gain.high < 0 < music.gain.low
    (warning,) = find_warnings([speech, music])
    assert warning.startswith("speech loses 5.") and "on 4 held-out clips." in warning


def test_a_kind_with_few_clips_is_told(small_results):
    """One clip proves nothing, and has no interval."""
    results = with_kinds(small_results, ["mono"])
    mono = found(results)[0]
    assert mono.shown == "−6.0"
    (warning,) = find_warnings(found(results))
    assert warning == (
        "fewer than 3 held-out clips of “mono” (1, −6.0 points): the effect on this kind is"
        " barely tested."
    )


def test_many_kinds_with_few_clips_are_told_at_once(small_results):
    """A manifest that names each clip otherwise gives one caveat, not a dozen."""
    results = with_kinds(small_results, [f"kind {n}" for n in range(7)])
    (warning,) = find_warnings(found(results))
    assert warning.startswith("fewer than 3 held-out clips of “kind 0” (1, −6.0 points), “kind")
    assert " and 3 more: the effect on these kinds is barely tested." in warning


def test_one_kind_needs_no_table(small_results):
    """Nor do runs that stored none."""
    assert found(with_kinds(small_results, ["music"])) == []
    assert found(small_results) == []


def test_the_page_tells_them(small_results, as_runs):
    """In the answer's table, and under the caveats."""
    page = build_page(as_runs(with_kinds(small_results, ["speech"] * 4)))
    (bitrate,) = page.runs[0].bitrates
    assert [each.category for each in bitrate.categories] == ["speech", "music"]
    assert any("speech loses 5." in doubt for doubt in page.runs[0].doubts)
