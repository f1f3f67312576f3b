"""The analysis screens, compares and agrees as simulated listeners were made to behave."""

import csv

import numpy as np
import pytest

from tuner.errors import RunError
from tuner.listening.analysis import NobodyLeft, analyse
from tuner.listening.answers import read_all_answers, store_answer
from tuner.listening.crossed import crossed_mean
from tuner.listening.export import export_ratings
from tuner.listening.plan import Plan, Stimulus, Trial, read_plan
from tuner.training.ratings import read_ratings

TRUTH = {"reference": 100, "tuned": 75, "default": 60, "anchor70": 40, "anchor35": 20}


def make_plan(clips=6):
    predicted = {"tuned": 70.0, "default": 62.0}
    stimuli = tuple(Stimulus(c, f"{c}.flac", 0.0, predicted.get(c)) for c in TRUTH)
    trials = (Trial(f"{n:03d}", f"clip {n}", 64.0, "r.flac", stimuli) for n in range(clips))
    return Plan("mushra", "t", 0, "default", tuple(trials))


def rate(plan, rng, truth=TRUTH, noise=5.0):
    return {
        trial.name: {
            "answer": {
                c: int(np.clip(round(v if c == "reference" else v + rng.normal(0, noise)), 0, 100))
                for c, v in truth.items()
            }
        }
        for trial in plan.trials
    }


def make_answers(plan, subjects=10):
    rng = np.random.default_rng(1)
    return {f"s{n}": rate(plan, rng) for n in range(subjects)}


def test_the_true_order_and_the_difference_are_found():
    plan = make_plan()
    analysis = analyse(plan, make_answers(plan))
    order = sorted(analysis.means, key=lambda m: -m.mean.value)
    assert [m.condition for m in order] == list(TRUTH)
    [comparison] = analysis.comparisons
    assert comparison.condition == "tuned"
    assert comparison.difference.low < 15 < comparison.difference.high
    assert comparison.p < 0.001


def test_who_misses_the_reference_too_often_is_screened():
    """15 % is the limit: one page of six is more, one of seven (14.3 %) is not."""
    for clips, out in ((6, True), (7, False)):
        plan = make_plan(clips)
        answers = make_answers(plan)
        answers["s3"]["002"]["answer"]["reference"] = 89
        answers["s4"]["002"]["answer"]["reference"] = 90
        assert set(analyse(plan, answers).screened) == ({"s3"} if out else set())


def test_who_takes_the_mid_anchor_for_the_reference_is_screened():
    """Unless more than a quarter of the subjects do: then that page tells nothing of them."""
    plan = make_plan(7)
    answers = make_answers(plan, 8)
    for page in ("001", "002"):
        answers["s1"][page]["answer"]["anchor70"] = 91
    assert analyse(plan, answers).screened == {
        "s1": "rates the mid anchor above 90 on 29% of the pages",
    }
    # Two of eight are a quarter, three are more.
    answers["s2"]["001"]["answer"]["anchor70"] = 100
    assert set(analyse(plan, answers).screened) == {"s1"}
    answers["s3"]["001"]["answer"]["anchor70"] = 100
    assert analyse(plan, answers).screened == {}


def test_unfinished_subjects_do_not_count():
    plan = make_plan()
    answers = make_answers(plan)
    del answers["s0"]["003"]
    analysis = analyse(plan, answers)
    assert analysis.unfinished == {"s0": 1}
    assert "s0" not in analysis.subjects


def test_nobody_left_is_an_error():
    with pytest.raises(NobodyLeft, match="nobody has answered yet"):
        analyse(make_plan(), {})
    unfinished = {"s0": {"001": make_answers(make_plan(), 1)["s0"]["001"]}}
    with pytest.raises(NobodyLeft, match=r"1 started, 1 unfinished.*more people must listen"):
        analyse(make_plan(), unfinished)


def test_agreement_with_the_model():
    plan = make_plan()
    agreement = analyse(plan, make_answers(plan)).agreement
    assert (agreement.stimuli, agreement.pairs) == (12, 6)
    assert agreement.same_sign == 1.0
    assert agreement.pearson > 0.9


def test_equal_conditions_are_not_told_apart():
    """A difference that is none is significant in about one of twenty tests, not in many."""
    rng = np.random.default_rng(5)
    effects = ((3, (12, 1)), (3, (1, 8)), (8, (12, 8)))
    ps = [
        crossed_mean(sum(rng.normal(0, sd, shape) for sd, shape in effects)).p for _ in range(400)
    ]
    # 400 tests at 5 %: 20 expected, three standard deviations are 13.
    assert sum(p < 0.05 for p in ps) <= 33


def test_a_clip_effect_widens_the_interval():
    """Eight clips that differ tell less of other clips than eight that agree."""
    rest = np.random.default_rng(0).normal(0, 1, (20, 8))
    clips = np.array([-12.0, 9, -3, 5, 14, -8, 2, -7])
    alike, different = crossed_mean(rest), crossed_mean(rest + clips)
    assert different.high - different.low > 5 * (alike.high - alike.low)


@pytest.mark.parametrize("shape", [(1, 6), (6, 1)])
def test_one_subject_or_one_clip_has_an_ordinary_t_interval(shape):
    values = np.array([1.0, 2, 3, 4, 5, 6]).reshape(shape)
    mean = crossed_mean(values)
    # 3.5 +- t(0.975, 5) * sd / sqrt(6) = 2.571 * 1.871 / 2.449
    assert (mean.low, mean.high) == pytest.approx((1.536, 5.464), abs=0.002)


def test_one_rating_has_no_interval():
    mean = crossed_mean(np.array([[50.0]]))
    assert (mean.value, mean.low, mean.p) == (50.0, None, None)


def test_ratings_that_are_all_equal_prove_nothing():
    """Sliders are whole numbers: one listener's two differences of 5 are no certainty."""
    mean = crossed_mean(np.array([[5.0, 5.0]]))
    assert (mean.value, mean.low, mean.p) == (5.0, None, None)


def test_abx_counts_and_gives_the_chance_of_guessing(abx_folder):
    plan = read_plan(abx_folder)
    for trial in plan.trials:
        a, _, x = plan.order("anna", trial.name)
        store_answer(abx_folder, plan, "anna", trial.name, 0 if x is a else 1, 1.0)
    answers = read_all_answers(abx_folder, plan)[0]
    analysis = analyse(plan, answers)
    assert [(r.subject, r.right, r.trials) for r in analysis.abx] == [("all", 6, 6), ("anna", 6, 6)]
    assert analysis.abx[0].p == pytest.approx(1 / 64)
    with pytest.raises(RunError, match="ABX"):
        export_ratings(abx_folder, plan, answers, analysis, abx_folder / "r.csv")


def finish(folder):
    plan = read_plan(folder)
    for subject in ("anna", "ben"):
        for page in plan.pages(subject):
            order = plan.order(subject, page)
            given = [TRUTH[s.condition] for s in order]
            if page == "training":
                given = [0] * len(order)
            store_answer(folder, plan, subject, page, given, 3.0)
    return plan


def test_exported_ratings_are_what_tuner_ratings_reads(folder, tmp_path):
    """Training pages left out, references named, files found from where the CSV lies."""
    plan = finish(folder)
    path = tmp_path / "elsewhere" / "ratings.csv"
    path.parent.mkdir()
    answers = read_all_answers(folder, plan)[0]
    export_ratings(folder, plan, answers, analyse(plan, answers), path)
    panels = read_ratings(path)
    assert [p.signal for p in panels] == ["clip 0.wav @ 64 kb/s", "clip 1.wav @ 64 kb/s"]
    assert panels[0].speaker == "clip 0.wav"
    by_condition = dict(zip(panels[0].conditions, panels[0].ratings, strict=True))
    assert by_condition["tuned"] == (75.0, 75.0)
    assert set(by_condition) == set(TRUTH) - {"reference"}
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert {row["listener"] for row in rows} == {"anna", "ben"}
