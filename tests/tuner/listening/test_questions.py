"""The questionnaire: files that can be asked, replies that fit them, and what is kept."""

import json

import pytest

from tuner.errors import RunError
from tuner.listening.answers import AnswerRefused
from tuner.listening.plan import read_plan
from tuner.listening.questions import (
    STANDARD,
    check_replies,
    read_questions,
    read_replies,
    store_replies,
)

GOOD = {"gear": "headphones", "age": 40, "room": "attic"}


def test_the_standard_questions_can_be_asked():
    questions = {each.id: each for each in read_questions(STANDARD)}
    assert {"age", "experience", "playback", "hearing"} <= set(questions)
    assert "loudspeakers" in questions["playback"].choices
    assert not questions["equipment"].required


def test_a_file_of_ones_own(tmp_path):
    file = tmp_path / "q.toml"
    file.write_text(
        '[[question]]\nid = "gear"\ntext = "With what?"\nchoices = ["a", "b"]\n'
        '[[question]]\nid = "age"\ntext = "Age?"\nrange = [1, 99]\nrequired = false\n'
    )
    gear, age = read_questions(str(file))
    assert gear.choices == ("a", "b") and gear.required
    assert age.range == (1, 99) and not age.required


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "question"),
        ("question = []", "0 questions"),
        ('[[question]]\nid = "a"', "text"),
        ('[[question]]\nid = "a"\ntext = " "', "empty"),
        ('[[question]]\nid = "a b"\ntext = "x"', "a b"),
        ('[[question]]\nid = "a"\ntext = "x"\nchoices = ["one"]', "choices"),
        ('[[question]]\nid = "a"\ntext = "x"\nchoices = ["b", "b"]', "choices"),
        ('[[question]]\nid = "a"\ntext = "x"\nrange = [9, 1]', "range"),
        ('[[question]]\nid = "a"\ntext = "x"\nrange = [1, inf]', "range"),
        ('[[question]]\nid = "a"\ntext = "x"\nrange = [1, 2]\nchoices = ["a", "b"]', "not both"),
        ('[[question]]\nid = "a"\ntext = "x"\n[[question]]\nid = "a"\ntext = "y"', "two questions"),
        ('[[question]]\nid = "a"\ntext = "x"\nchoises = ["a", "b"]', "choises"),
        ("[[question]", "questionnaire"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path, text, word):
    (tmp_path / "q.toml").write_text(text)
    with pytest.raises(RunError, match=word) as told:
        read_questions(str(tmp_path / "q.toml"))
    assert "q.toml" in str(told.value)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(RunError, match=r"none\.toml.*standard"):
        read_questions(str(tmp_path / "none.toml"))


def test_replies_are_kept_and_read_again(asked_folder):
    plan = read_plan(asked_folder)
    assert read_replies(asked_folder, plan, "anna") is None
    store_replies(asked_folder, plan, "anna", {**GOOD, "room": "  "})
    assert read_replies(asked_folder, plan, "anna") == {"gear": "headphones", "age": 40}
    kept = json.loads((asked_folder / "results" / "anna.questionnaire.json").read_text())
    assert kept["subject"] == "anna" and kept["version"] == 1 and kept["time"]


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {},
        {**GOOD, "gear": ""},
        {**GOOD, "gear": "trumpet"},
        {**GOOD, "gear": ["headphones"]},
        {**GOOD, "age": 15},
        {**GOOD, "age": "40"},
        {**GOOD, "age": True},
        {**GOOD, "age": float("nan")},
        {**GOOD, "room": "x" * 501},
        {**GOOD, "room": "\ud800"},
        {**GOOD, "room": 3},
        {**GOOD, "shoe": "43"},
    ],
)
def test_replies_that_do_not_fit_are_refused(asked_folder, given):
    with pytest.raises(AnswerRefused):
        check_replies(read_plan(asked_folder).questions, given)


@pytest.mark.parametrize("text", ["[]", "{", '{"version": 2}', '{"version": 1, "replies": {}}'])
def test_damaged_replies_are_an_error(asked_folder, text):
    (asked_folder / "results").mkdir()
    (asked_folder / "results" / "anna.questionnaire.json").write_text(text)
    with pytest.raises(RunError, match=r"anna\.questionnaire\.json"):
        read_replies(asked_folder, read_plan(asked_folder), "anna")
