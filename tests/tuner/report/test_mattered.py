"""The data of what mattered: importance, ablation, slices, history, and what was ruled out."""

from dataclasses import replace

from tuner.records import Ablation, AblationFailed, Estimate, Scored
from tuner.report.mattered import SLICES, build_mattered
from tuner.report.runs import Run
from tuner.testing import make_trial


def view_of(results, **changes):
    (bitrate,) = results.bitrates
    results = replace(results, bitrates=[replace(bitrate, **changes)])
    (view,) = build_mattered([Run(None, results, [], "r0", "aac")])["views"]
    return view


def test_importance_is_sorted_and_ablation_keeps_its_order(small_results):
    """A setting that could not be run has no worth but a problem."""
    view = view_of(
        small_results,
        importance={"aac_tns": 0.2, "rate_mode": 0.1, "cutoff_hz": 0.7},
        ablation=[
            Ablation("cutoff_hz", 18_800, 12_000, Estimate(3.21, 1.0, 5.5), 64.1),
            AblationFailed("rate_mode", "vbr", "abr", "no knob value spends 64 kb/s"),
        ],
    )
    assert [row["name"] for row in view["importance"]] == ["cutoff_hz", "aac_tns", "rate mode"]
    first, second = view["ablation"]
    assert first == {
        "name": "cutoff_hz",
        "value": "18800",
        "default": "12000",
        "problem": None,
        "worth": [3.21, 1.0, 5.5],
    }
    assert second["name"] == "rate mode" and "worth" not in second
    assert second["problem"] == "no knob value spends 64 kb/s"


def test_slices_hold_what_varied_most_important_first(small_results):
    """One value and one score for each scored trial that has the parameter."""
    view = view_of(small_results, importance={"aac_tns": 0.9, "cutoff_hz": 0.1})
    assert [piece["name"] for piece in view["slices"]] == ["aac_tns", "cutoff_hz"]
    tns, cutoff = view["slices"]
    assert set(tns["values"]) == {"on", "off"} and not tns["numeric"]
    assert cutoff["numeric"] and min(cutoff["values"]) >= 8000
    scored = [t for t in small_results.bitrates[0].trials if isinstance(t, Scored)]
    for piece in view["slices"]:
        assert len(piece["values"]) == len(piece["scores"]) == len(piece["numbers"]) == len(scored)


def test_an_optional_number_keeps_its_axis(small_results):
    """Numbers stay numbers beside the word; one number alone makes no axis."""
    for hz, numeric in ((20_000, True), ("auto", False)):
        trials = [
            make_trial(n, values={"cutoff_hz": value}, score=50.0 + n)
            for n, value in enumerate(("auto", 16_000, hz))
        ]
        (slice_,) = view_of(small_results, trials=trials, importance={})["slices"]
        assert slice_["numeric"] is numeric
        assert slice_["values"] == (["auto", 16_000, hz] if numeric else ["auto", "16000", "auto"])


def test_a_wide_space_has_few_slices(small_results):
    trials = [
        make_trial(n, values={f"p{i:02d}": n for i in range(20)}, score=50.0 + n) for n in range(3)
    ]
    view = view_of(small_results, trials=trials, importance={"p15": 1.0})
    assert len(view["slices"]) == SLICES
    assert view["slices"][0]["name"] == "p15"


def test_the_ruled_out_say_why(small_results):
    """Pruned trials have an estimate and stand in the history; hollow in slices."""
    first, *others = small_results.bitrates[0].trials
    pruned = make_trial(1, "pruned", like=others[0], reason="after 5 of 15 clips it was behind")
    view = view_of(small_results, trials=[first, pruned, *others[1:]])
    assert view["trials"][1]["reason"] == "after 5 of 15 clips it was behind"
    assert "reason" not in view["trials"][0]
    states = {trial["state"] for trial in view["trials"]}
    assert states == {"complete", "pruned", "infeasible", "failed"}
    assert view["slices"][0]["pruned"][:2] == [False, True]
    assert "1 pruned" in view["counts"] and "1 failed" in view["counts"]
    assert [trial["number"] for trial in view["trials"]] == list(range(60))


def test_the_most_important_changes_are_told(small_results):
    """Of many settings that differ, some; of none, nothing."""
    default = make_trial(0, values={f"p{i}": 0 for i in range(9)})
    other = make_trial(1, values={f"p{i}": 1 for i in range(9)})
    candidates = small_results.bitrates[0].candidates
    candidates = [replace(candidates[0], values=default.values)]
    view = view_of(
        small_results, trials=[default, other], candidates=candidates, winner=0,
        importance={"p7": 0.9, "p8": 0.1},
    )  # fmt: skip
    assert view["trials"][0]["changes"] == []
    assert view["trials"][1]["changes"] == ["p7 1", "p8 1", "p0 1", "p1 1", "p2 1", "and 4 more"]


def test_a_bitrate_without_an_answer_has_its_trials(hostile_results):
    assert len(build_mattered([Run(None, hostile_results, [], "r0", "aac")])["views"]) == 5
