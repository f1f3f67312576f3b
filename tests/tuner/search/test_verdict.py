"""The verdicts drawn from paired intervals."""

from tuner.results import Estimate
from tuner.search.verdict import decide

JUDGES = ("visqol", "zimtohrli")
BETTER, WORSE, UNSURE = Estimate(6.2, 4.1, 8.3), Estimate(-2.0, -3.1, -0.9), Estimate(0.4, -2, 3)


def verdict(model, visqol=BETTER, zimtohrli=BETTER, tune_gain=7.0):
    gains = {"insenet": model, "visqol": visqol, "zimtohrli": zimtohrli}
    return decide(gains, tune_gain, model="insenet", judges=JUDGES, n_clips=15)


def test_confirmed_names_the_figures_and_the_judges():
    """Model and judges above zero: confirmed, with all figures."""
    answer = verdict(BETTER, Estimate(7.9, 5, 11), Estimate(1.2, 0.1, 2.3))
    assert answer.kind == "confirmed"
    assert answer.sentence == (
        "Confirmed: on 15 held-out clips the tuned settings gain 6.2 points (95 % interval"
        " 4.1 to 8.3); ViSQOL (+7.9) and Zimtohrli (+1.2) agree."
    )


def test_one_judge_is_enough_to_confirm_when_the_other_cannot_tell():
    """An undecided judge does not object, and is named."""
    answer = verdict(BETTER, zimtohrli=UNSURE)
    assert answer.kind == "confirmed"
    assert "ViSQOL (+6.2) agrees; Zimtohrli (+0.4) cannot tell" in answer.sentence


def test_a_judge_wholly_below_zero_objects():
    """One judge that hears a loss outweighs another that agrees."""
    answer = verdict(BETTER, zimtohrli=WORSE)
    assert answer.kind == "objected"
    assert "Zimtohrli (-2.0) hears a loss" in answer.sentence


def test_undecided_judges_leave_it_unconfirmed():
    """The model alone cannot confirm itself."""
    answer = verdict(BETTER, UNSURE, UNSURE)
    assert answer.kind == "not confirmed"
    assert "cannot tell" in answer.sentence


def test_no_judges_leave_it_unconfirmed():
    """Without judges nothing is confirmed."""
    answer = decide({"insenet": BETTER}, 7.0, model="insenet", judges=())
    assert answer.kind == "not confirmed"
    assert "no judge was asked" in answer.sentence


def test_an_interval_that_includes_zero_is_not_confirmed():
    """A sizeable gain that may be nothing is not proven."""
    answer = verdict(Estimate(2.0, -0.5, 4.5))
    assert answer.kind == "not confirmed"
    assert "gain 2.0 points (95 % interval -0.5 to 4.5)" in answer.sentence
    assert "which may be chance; ViSQOL (+6.2) and Zimtohrli (+6.2) are sure." in answer.sentence


def test_a_loss_that_may_be_chance_is_called_a_loss():
    """ "The gain is -1.2" is no English."""
    answer = verdict(Estimate(-1.2, -4.0, 1.5), UNSURE, WORSE)
    assert answer.kind == "not confirmed"
    assert "lose 1.2 points (95 % interval -1.5 to 4.0)" in answer.sentence
    assert "may be chance; Zimtohrli (-2.0) is sure." in answer.sentence


def test_a_wide_interval_around_nothing_tells_nothing():
    """Two clips that differ by 60 points do not show that the default is the best."""
    assert verdict(Estimate(0.4, -60, 60), UNSURE, UNSURE).kind == "not confirmed"
    assert verdict(Estimate(0.4, -1, 2), BETTER, UNSURE).kind == "not confirmed"
    assert verdict(Estimate(0.4, -1, 2), UNSURE, UNSURE).kind == "the default is already the best"


def test_another_objective_than_the_mean_is_named():
    """Settings that lift the worst clips alone do not make the default the best by the mean."""
    gains = {"insenet": BETTER, "visqol": BETTER}
    answer = decide(
        gains, -0.3, model="insenet", judges=JUDGES, n_clips=15, objective="worst-quarter"
    )
    assert answer.kind == "not confirmed"
    assert "best settings by worst-quarter gain -0.3 points on the mean" in answer.sentence


def test_a_loss_on_held_out_clips_is_told():
    """Better on tune and worse on held-out clips: not confirmed, as a loss with figures."""
    answer = verdict(WORSE, WORSE, UNSURE)
    assert answer.kind == "not confirmed"
    assert "lose 2.0 points (95 % interval 0.9 to 3.1)" in answer.sentence


def test_nothing_found_on_tune_leaves_the_default():
    """Without a gain on tune the default is the best, whatever held-out clips say."""
    assert verdict(BETTER, tune_gain=0.4).kind == "the default is already the best"


def test_a_gain_that_vanishes_on_held_out_clips_leaves_the_default():
    """A held-out gain of nearly nothing means that the default is the best."""
    answer = verdict(Estimate(-0.04, -0.9, 0.8), UNSURE, WORSE)
    assert answer.kind == "the default is already the best"
    assert "0.0 points (95 % interval -0.9 to 0.8) on 15 held-out clips" in answer.sentence


def test_settings_without_held_out_scores_are_not_confirmed():
    """A candidate that could not be scored on the held-out clips says so."""
    answer = decide({}, 7.0, model="insenet", judges=JUDGES, n_clips=15)
    assert answer.kind == "not confirmed"
    assert "could not be scored" in answer.sentence
