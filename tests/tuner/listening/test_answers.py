"""Stored answers are checked when they are read: what is wrong is named and left out."""

import json

import pytest

from tuner.errors import RunError
from tuner.listening.analysis import NobodyLeft, analyse
from tuner.listening.answers import read_all_answers, read_answers, store_answer
from tuner.listening.plan import read_plan


@pytest.fixture
def rated(folder):
    """Anna and Ben have rated everything."""
    plan = read_plan(folder)
    for subject in ("anna", "ben"):
        for page in plan.pages(subject):
            levels = {"reference": 100, "tuned": 80, "default": 60, "anchor70": 40, "anchor35": 20}
            order = [levels[s.condition] for s in plan.order(subject, page)]
            store_answer(folder, plan, subject, page, order, 1.0)
    return folder


def rewrite(folder, change, subject="ben"):
    """Let `change` edit the last line of a file in place, or give another text for it."""
    path = folder / "results" / f"{subject}.jsonl"
    *lines, last = path.read_text().splitlines()
    line = json.loads(last)
    text = change(line)
    lines.append(json.dumps(line) if text is None else text)
    path.write_text("".join(f"{each}\n" for each in lines))


def rating(value):
    return lambda line: line["answer"].update(tuned=value)


CHANGES = {
    "NaN": (rating(float("nan")), "NaN is not a number"),
    "infinite": (rating(float("inf")), "Infinity is not a number"),
    "too large": (rating(1e9), "1000000000.0 is not a rating"),
    "negative": (rating(-1), "-1 is not a rating"),
    "text": (rating("80"), "'80' is not a rating"),
    "true": (rating(True), "True is not a rating"),
    "nothing": (rating(None), "None is not a rating"),
    "missing": (
        lambda line: line["answer"].pop("tuned") and None,
        r"wrong conditions \(tuned\)",
    ),
    "further": (
        lambda line: line["answer"].update(new=1),
        r"wrong conditions \(new\)",
    ),
    "a list": (lambda line: line.update(answer=[1, 2]), "line 3"),
    "another page": (lambda line: line.update(page="099"), "page '099' is not in this test"),
    "a page of another type": (lambda line: line.update(page=[]), "is not in this test"),
    "another order": (lambda line: line["order"].append("new"), "in its order"),
    "a comment of 1": (lambda line: line.update(comment=1), "its comment is not text"),
    "version": (lambda line: line.update(version=7), "version 7"),
    "another subject": (lambda line: line.update(subject="eve"), "answers of 'eve'"),
    "no subject": (lambda line: line.pop("subject") and None, "line 3 cannot be read"),
    "cut off": (lambda line: json.dumps(line)[:40], "line 3 cannot be read"),
    "deep": (lambda _: "[" * 100_000, "line 3 cannot be read"),
    "a number": (lambda _: "5", "line 3 cannot be read"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_wrong_is_named_and_left_out(rated, name):
    """The others count as before."""
    change, reason = CHANGES[name]
    rewrite(rated, change)
    plan = read_plan(rated)
    analysis = analyse(plan, *read_all_answers(rated, plan))
    assert analysis.subjects == ("anna",)
    assert list(analysis.refused) == ["ben.jsonl"]
    with pytest.raises(RunError, match=reason):
        read_answers(rated, plan, "ben")


@pytest.mark.parametrize("copy", ["carl.jsonl", "anna (1).jsonl", "anna copy.jsonl"])
def test_a_copied_file_is_no_further_listener(rated, copy):
    results = rated / "results"
    (results / copy).write_bytes((results / "anna.jsonl").read_bytes())
    plan = read_plan(rated)
    analysis = analyse(plan, *read_all_answers(rated, plan))
    assert analysis.subjects == ("anna", "ben")
    assert "answers of 'anna'" in analysis.refused[copy]


def test_a_file_that_is_no_text(rated):
    (rated / "results" / "ben.jsonl").write_bytes(b"\xff\xfe\x00")
    plan = read_plan(rated)
    assert "ben.jsonl" in analyse(plan, *read_all_answers(rated, plan)).refused


def test_nobody_left_tells_of_files(rated):
    for subject in ("anna", "ben"):
        rewrite(rated, rating(1e9), subject)
    plan = read_plan(rated)
    with pytest.raises(NobodyLeft, match=r"(?s)anna\.jsonl is excluded: .*ben\.jsonl is excluded"):
        analyse(plan, *read_all_answers(rated, plan))


@pytest.mark.parametrize("answer", [{"taken_for": "new", "was": "default"}, {"was": "default"}])
def test_abx_answers_name_versions_of_the_page(abx_folder, answer):
    plan = read_plan(abx_folder)
    store_answer(abx_folder, plan, "ben", "001", 0, 1.0)
    rewrite(abx_folder, lambda line: line.update(answer=answer))
    assert list(read_all_answers(abx_folder, plan)[1]) == ["ben.jsonl"]


@pytest.mark.parametrize("figure", ["NaN", "Infinity"])
@pytest.mark.parametrize("name", ["gain_db", "predicted"])
def test_a_plan_with_figures_that_are_none_is_damaged(rated, name, figure):
    path = rated / "plan.json"
    raw = json.loads(path.read_text())
    raw["trials"][0]["stimuli"][0][name] = float(figure)
    path.write_text(json.dumps(raw))
    with pytest.raises(RunError, match="JSON is malformed"):
        read_plan(rated)


def test_a_plan_without_its_secret_is_damaged(rated):
    path = rated / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"secret": ""}))
    with pytest.raises(RunError, match="no secret"):
        read_plan(rated)
