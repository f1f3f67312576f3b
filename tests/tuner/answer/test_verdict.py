"""The verdicts drawn from paired intervals of families of judges."""

from dataclasses import replace

import pytest

from tuner.answer.verdict import Evidence, decide
from tuner.records import Estimate, ListeningResult

JUDGES = {"similarity": ["visqol"], "distance": ["zimtohrli"], "masked noise": ["2f"]}
BETTER, WORSE, UNSURE = Estimate(6.2, 4.1, 8.3), Estimate(-2.0, -3.1, -0.9), Estimate(0.4, -2, 3)


def evidence(model=BETTER, similarity=BETTER, distance=BETTER, noise=BETTER, **changes):
    families = {"similarity": similarity, "distance": distance, "masked noise": noise}
    families = {family: gain for family, gain in families.items() if gain is not None}
    judges = {family: JUDGES[family] for family in families}
    made = Evidence(7.0, model, families, judges, n_clips=15, n_trials=60)
    return replace(made, **changes)


def verdict(*gains, **changes):
    return decide(evidence(*gains, **changes))


def test_confirmed_names_the_figures_and_the_judges():
    """The model and two families above zero, none below: confirmed, with all figures."""
    answer = verdict(BETTER, Estimate(7.9, 5, 11), Estimate(1.2, 0.1, 2.3), UNSURE)
    assert answer.kind == "confirmed"
    assert answer.sentence == (
        "Confirmed: on 15 held-out clips the gain is +6.2 points (95 % interval +4.1 to +8.3) by"
        " the quality model; ViSQOL (+7.9) and Zimtohrli (+1.2) agree; 2f-model (+0.4) is"
        " undecided."
    )


def test_agreement_of_teachers_is_told():
    """Who taught the model agrees with it without being asked."""
    answer = verdict(taught=["visqol", "zimtohrli"])
    assert answer.kind == "confirmed"
    assert answer.sentence.endswith(" agree. The model learned from ViSQOL and Zimtohrli.")


@pytest.mark.parametrize("family", ["similarity", "distance", "noise"])
def test_any_family_below_zero_objects(family):
    """One family that hears a loss outweighs two that agree, and is named."""
    answer = verdict(**{family: WORSE})
    assert answer.kind == "objected"
    name = {"similarity": "ViSQOL", "distance": "Zimtohrli", "noise": "2f-model"}[family]
    assert f"Objected: {name} (-2.0) hears a loss on 15 held-out clips;" in answer.sentence
    assert answer.sentence.endswith(" Keep the default, or listen.")


def test_an_objection_needs_no_gain_by_the_model():
    """Where the model is not sure, a family that is still says so."""
    assert verdict(UNSURE, UNSURE, UNSURE, WORSE).kind == "objected"


def test_one_family_is_too_few():
    """One family that agrees confirms nothing; who is undecided is named, too."""
    answer = verdict(BETTER, BETTER, UNSURE, UNSURE)
    assert answer.kind == "not confirmed"
    assert (
        "Zimtohrli (+0.4) and 2f-model (+0.4) are undecided; only ViSQOL (+6.2)" in answer.sentence
    )
    alone = verdict(BETTER, BETTER, None, None)
    assert alone.kind == "not confirmed"
    assert "only one family of judges (spectrogram similarity); 2 must agree" in alone.sentence


def test_metrics_of_one_family_have_one_voice():
    """PEAQ and the 2f-model agree because they are made of the same variables."""
    judges = {"masked noise": ["2f", "peaq"]}
    answer = verdict(BETTER, None, None, BETTER, judges=judges)
    assert answer.kind == "not confirmed"
    assert "2f-model with PEAQ (+6.2) agrees, but this is only one family" in answer.sentence


def test_what_was_climbed_does_not_confirm_itself():
    """Nor does the model, whose taste its teachers share: other families must."""
    families = {"model": BETTER, "similarity": BETTER, "masked noise": BETTER}
    judges = {"model": ["insenet"], "similarity": ["visqol"], "masked noise": ["2f"]}
    climbed = {"climbed": "visqol", "climbed_family": "similarity"}
    answer = verdict(families=families, judges=judges, **climbed)
    assert answer.kind == "not confirmed"
    both = {**families, "distance": BETTER}
    answer = verdict(families=both, judges={**judges, "distance": ["zimtohrli"]}, **climbed)
    assert answer.kind == "confirmed"
    assert "by ViSQOL; 2f-model (+6.2) and Zimtohrli (+6.2) agree" in answer.sentence


def test_undecided_judges_leave_it_unconfirmed():
    """The model alone cannot confirm itself."""
    answer = verdict(BETTER, UNSURE, UNSURE, UNSURE)
    assert answer.kind == "not confirmed"
    assert "are undecided." in answer.sentence


def test_no_judges_leave_it_unconfirmed():
    """Without judges nothing is confirmed."""
    answer = verdict(BETTER, None, None, None)
    assert answer.kind == "not confirmed"
    assert "no judge of another family was used" in answer.sentence


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"n_clips": 9}, "Preliminary (9 held-out clips, at least 10 are needed): the gain is"),
        ({"n_clips": 1}, "Preliminary (1 held-out clip, at least 10 are needed)"),
        ({"n_sources": 1}, "Preliminary (15 held-out clips, all from one recording)"),
    ],
)
def test_few_clips_allow_no_more_than_a_preliminary_answer(changes, why):
    """Two equal clips gave "95 % interval 2.6 to 2.6, confirmed"; what is heard is told."""
    answer = verdict(BETTER, BETTER, WORSE, UNSURE, **changes)
    assert answer.kind == "preliminary"
    assert why in answer.sentence
    assert "ViSQOL (+6.2) hears a gain; Zimtohrli (-2.0) hears a loss" in answer.sentence
    assert "Add clips and run again." in answer.sentence


def test_an_interval_that_includes_zero_is_not_confirmed():
    """A sizeable gain that may be nothing is not proven."""
    answer = verdict(Estimate(2.0, -0.5, 4.5), BETTER, BETTER, UNSURE)
    assert answer.kind == "not confirmed"
    assert "is +2.0 points (95 % interval -0.5 to +4.5)" in answer.sentence
    assert "this may be chance; ViSQOL (+6.2) and Zimtohrli (+6.2) hear a gain." in answer.sentence


def test_a_loss_that_may_be_chance_has_its_sign():
    """Signs say which; the interval's ends have the same sense as the gain."""
    answer = verdict(Estimate(-1.2, -4.0, 1.5), UNSURE, UNSURE, UNSURE)
    assert answer.kind == "not confirmed"
    assert "it is -1.2 points (95 % interval -4.0 to +1.5)" in answer.sentence


def test_a_wide_interval_around_nothing_tells_nothing():
    """Two clips that differ by 60 points do not show that there is nothing to gain."""
    nothing = "nothing better was found"
    assert verdict(Estimate(0.4, -60, 60), UNSURE, UNSURE, UNSURE).kind == "not confirmed"
    assert verdict(Estimate(0.4, -1, 2), BETTER, UNSURE, UNSURE).kind == "not confirmed"
    assert verdict(Estimate(0.4, -1, 2), UNSURE, UNSURE, UNSURE).kind == nothing


def by_consensus(gain, **changes):
    """What `verdict` takes where the search maximised the consensus."""
    return {"objective": "consensus", "objective_gain": gain, **changes}


def test_both_the_objective_and_the_mean_are_told():
    """The headline's gain is of the mean; what was maximised stands beside it."""
    answer = verdict(**by_consensus(Estimate(5.0, 3.0, 7.0)))
    assert answer.kind == "confirmed"
    assert (
        "the gain is +6.2 points (95 % interval +4.1 to +8.3) by the quality model and +5.0 points"
        " (95 % interval +3.0 to +7.0) by consensus, which the search maximised; ViSQOL"
    ) in answer.sentence


@pytest.mark.parametrize(
    ("mean", "objective", "said"),
    [
        (BETTER, UNSURE, "the gain by consensus may be chance; ViSQOL"),
        (UNSURE, BETTER, "; the mean gain may be chance; ViSQOL"),
        (UNSURE, UNSURE, "; this may be chance; ViSQOL"),
        (BETTER, WORSE, "95 % interval +4.1 to +8.3) by the quality model and -2.0 points"),
    ],
)
def test_one_of_both_is_not_enough(mean, objective, said):
    """Families that merely agree more sound no better; a mean that was not climbed is luck."""
    answer = verdict(mean, **by_consensus(objective))
    assert answer.kind == "not confirmed"
    assert said in answer.sentence


def test_a_gain_by_the_objective_alone_is_no_nothing():
    """ "Nothing better was found" needs both to be nothing."""
    nothing = Estimate(0.1, -0.4, 0.6)
    quiet = {"similarity": UNSURE, "distance": UNSURE, "noise": UNSURE}
    assert verdict(nothing, **quiet, **by_consensus(BETTER)).kind == "not confirmed"
    answer = verdict(nothing, **quiet, **by_consensus(nothing))
    assert answer.kind == "nothing better was found"
    answer = verdict(**by_consensus(BETTER, tune_gain=0.2))
    assert "no settings gain more than 0.5 points over the default by consensus" in answer.sentence


def test_a_loss_on_held_out_clips_is_told():
    """Better on tune and worse on held-out clips: not confirmed, as a loss with figures."""
    answer = verdict(WORSE, UNSURE, UNSURE, UNSURE)
    assert answer.kind == "not confirmed"
    assert "it is -2.0 points (95 % interval -3.1 to -0.9)" in answer.sentence


def test_nothing_found_on_tune_leaves_the_default():
    """Without a gain on tune nothing was found, whatever held-out clips say; how long is told."""
    answer = verdict(tune_gain=0.4)
    assert answer.kind == "nothing better was found"
    assert answer.sentence.startswith("Nothing better was found in 60 trials: no settings gain")


def test_a_gain_that_vanishes_on_held_out_clips_leaves_the_default():
    """A held-out gain of nearly nothing means that nothing better was found."""
    answer = verdict(Estimate(-0.04, -0.9, 0.8), UNSURE, UNSURE, UNSURE)
    assert answer.kind == "nothing better was found"
    assert "on 15 held-out clips it is 0.0 points (95 % interval -0.9 to +0.8)" in answer.sentence


def test_settings_without_held_out_scores_are_not_confirmed():
    """A candidate that could not be scored on the held-out clips says so."""
    answer = verdict(None, families={})
    assert answer.kind == "not confirmed"
    assert "could not be scored" in answer.sentence


@pytest.mark.parametrize(
    ("heard", "kind", "said"),
    [
        (
            BETTER,
            "confirmed",
            "Confirmed by listening: 8 listeners rated 1 clip; tuned minus default is +6.2",
        ),
        (
            WORSE,
            "objected",
            "Objected by listening: 8 listeners rated 1 clip; tuned minus default is -2.0",
        ),
        (
            UNSURE,
            "not confirmed",
            "is +0.4 points (95 % interval -2.0 to +3.0), which may be chance. The gain",
        ),
    ],
)
def test_people_stand_above_metrics(heard, kind, said):
    """Whatever the metrics say, and however few the clips are, and what those say is told."""
    listening = ListeningResult(heard, 8, 1)
    for others in (BETTER, WORSE, UNSURE):
        answer = verdict(others, others, others, others, heard=listening, n_clips=3)
        assert answer.kind == kind
        assert said in answer.sentence
        assert " The gain is " in answer.sentence and "by the quality model" in answer.sentence
