"""Groups of subjects by their replies."""

import pytest

from tuner.errors import StudyError
from tuner.listening.analysis import analyse
from tuner.listening.answers import read_all_answers, store_answer
from tuner.listening.plan import read_plan
from tuner.listening.profiles import Profile, group_by


def profiles(question, **replies):
    return [Profile(s, {} if r is None else {question: r}, (), None) for s, r in replies.items()]


def test_choices_in_their_order_and_who_was_not_asked(asked_folder):
    plan = read_plan(asked_folder)
    asked = profiles("gear", anna="loudspeakers", ben="headphones", cleo=None, dan="headphones")
    counted = ["anna", "ben", "cleo", "web"]
    assert group_by(plan, asked, counted, "gear") == {
        "headphones": ("ben",),
        "loudspeakers": ("anna",),
        "no answer": ("cleo", "web"),
    }


def test_numbers_are_split_at_their_median(asked_folder):
    asked = profiles("age", anna=20, ben=30, cleo=50)
    split = group_by(read_plan(asked_folder), asked, ["anna", "ben", "cleo"], "age")
    assert split == {"below 30": ("anna",), "30 or more": ("ben", "cleo")}


@pytest.mark.parametrize("question", ["room", "shoe"])
def test_questions_that_do_not_split(asked_folder, question):
    with pytest.raises(StudyError, match="gear, age"):
        group_by(read_plan(asked_folder), [], [], question)


def test_groups_of_an_abx_test(abx_folder):
    """Nobody was asked anything: there is nothing to split by."""
    plan = read_plan(abx_folder)
    for page in plan.pages("anna"):
        store_answer(abx_folder, plan, "anna", page, 0, 1.0)
    with pytest.raises(StudyError, match="none"):
        analyse(plan, *read_all_answers(abx_folder, plan), by="gear")
