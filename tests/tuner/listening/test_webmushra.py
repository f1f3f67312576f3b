"""webMUSHRA gets a configuration that its reader understands, and its results come back."""

import csv
from dataclasses import replace

import pytest
import yaml

from tuner.errors import RunError
from tuner.listening.analysis import analyse
from tuner.listening.plan import Plan, Stimulus, Trial, read_plan
from tuner.listening.webmushra import export_webmushra, read_webmushra, webmushra_id

LEVELS = {"reference": 100, "tuned": 80, "default": 60, "anchor70": 40, "anchor35": 20}
COLUMNS = ["session_test_id", "name", "session_uuid", "trial_id"]
COLUMNS += ["rating_stimulus", "rating_score", "rating_time", "rating_comment"]


def write(path, plan, listeners, *, newer=True):
    """As service/write.php does: one row a rating, training among them."""
    columns = [c for c in COLUMNS if newer or c != "session_uuid"]
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        for session, (name, levels) in enumerate(listeners):
            for page in ("training", *(f"trial{trial.name}" for trial in plan.trials)):
                for stimulus, rating in levels.items():
                    writer.writerow(
                        {
                            "session_test_id": webmushra_id(plan),
                            "name": name,
                            "session_uuid": f"{session:08d}-0000",
                            "trial_id": page,
                            "rating_stimulus": stimulus,
                            "rating_score": 0 if page == "training" else rating,
                            "rating_time": 1234,
                        }
                    )


def test_every_page_and_no_hidden_reference(folder, tmp_path):
    export_webmushra(read_plan(folder), tmp_path / "t.yaml")
    content = yaml.safe_load((tmp_path / "t.yaml").read_text())
    welcome, training, pages, finish = content["pages"]
    assert (welcome["type"], training["id"], finish["type"]) == ("generic", "training", "finish")
    assert pages[0] == "random"
    assert [page["id"] for page in pages[1:]] == ["trial001", "trial002"]
    assert set(pages[1]["stimuli"]) == set(LEVELS) - {"reference"}
    files = [pages[1]["reference"], *pages[1]["stimuli"].values()]
    assert all(file.startswith("configs/resources/stimuli/") for file in files)
    assert [question["name"] for question in finish["questionnaire"]] == ["name"]


def test_its_reader_takes_blocks_only(folder, tmp_path):
    """yaml.js, as webMUSHRA has it, fails on a mapping in braces that spans lines."""
    export_webmushra(read_plan(folder), tmp_path / "t.yaml")
    lines = (tmp_path / "t.yaml").read_text().splitlines()
    assert lines[0].startswith("testname:")
    assert not [line for line in lines if line.strip()[0] in "{}[]"]


def test_what_is_html_there_is_escaped(folder, tmp_path):
    plan = replace(read_plan(folder), title='<b>it\'s</b>: "1" # [x]\n- é')
    export_webmushra(plan, tmp_path / "t.yaml")
    content = yaml.safe_load((tmp_path / "t.yaml").read_text(encoding="utf-8"))
    # The title is set as text, the page's name as HTML.
    assert content["testname"] == plan.title
    assert content["pages"][0]["name"].startswith("&lt;b&gt;it&#x27;s")


def test_two_tests_never_share_results(folder):
    """Its results lie in a folder by this name; whoever rates another test is not mixed in."""
    plan = read_plan(folder)
    assert webmushra_id(plan) == webmushra_id(read_plan(folder))
    assert webmushra_id(plan) != webmushra_id(replace(plan, seed=plan.seed + 1))


@pytest.mark.parametrize("newer", [True, False])
def test_results_come_back(folder, tmp_path, newer):
    """Ratings by condition, training left out, in the older and the newer form."""
    plan = read_plan(folder)
    listeners = [("Anna Müller", LEVELS), ("ben", {**LEVELS, "tuned": 70})]
    write(tmp_path / "mushra.csv", plan, listeners, newer=newer)
    answers = read_webmushra(tmp_path / "mushra.csv", plan)
    assert answers["ben"]["002"]["answer"] == {**LEVELS, "tuned": 70}
    assert set(answers["ben"]) == {"001", "002"}
    analysis = analyse(plan, answers)
    assert analysis.subjects == ("Anna Müller", "ben")
    assert analysis.comparisons[0].difference.value == 15


def test_two_listeners_of_one_name(folder, tmp_path):
    """Their sessions tell them apart; older results cannot, and say so."""
    plan, path = read_plan(folder), tmp_path / "mushra.csv"
    write(path, plan, [("x", LEVELS), ("x", LEVELS)])
    assert set(read_webmushra(path, plan)) == {"x 00000000", "x 00000001"}
    write(path, plan, [("x", LEVELS), ("x", LEVELS)], newer=False)
    with pytest.raises(RunError, match=r"mushra\.csv, line \d+: x rates trial001, reference again"):
        read_webmushra(path, plan)


def test_conditions_with_names_that_break_attributes(tmp_path):
    """A folder may be called anything; what comes back is the test's own name."""
    names = ["reference", "it's new & <b>better</b>", "anchor35", "anchor70"]
    stimuli = tuple(Stimulus(name, f"stimuli/{n}.flac") for n, name in enumerate(names))
    plan = Plan("mushra", "t", 0, names[1], (Trial("001", "c", None, "stimuli/0.flac", stimuli),))
    export_webmushra(plan, tmp_path / "t.yaml")
    page = yaml.safe_load((tmp_path / "t.yaml").read_text())["pages"][1]
    plain = next(name for name in page["stimuli"] if name.startswith("it"))
    assert plain == "it_s_new____b_better__b_"
    write(
        tmp_path / "m.csv",
        plan,
        [("x", {"reference": 100, plain: 50, "anchor35": 1, "anchor70": 2})],
    )
    answers = read_webmushra(tmp_path / "m.csv", plan)
    assert answers["x"]["001"]["answer"][names[1]] == 50
    clash = (*stimuli, Stimulus("it_s new & <b>better</b>", "stimuli/9.flac"))
    with pytest.raises(RunError, match="plainer names"):
        export_webmushra(
            replace(plan, trials=(replace(plan.trials[0], stimuli=clash),)), tmp_path / "t"
        )


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("trial001", "trial9"), "line 7: 'trial9' does not belong"),
        (("tuned", "other"), "'other' does not belong"),
        ((",80,", ",8000,"), "rating '8000'"),
        ((",80,", ",inf,"), "does not belong"),
        ((",80,", ",nan,"), "does not belong"),
        (("rating_score", "score"), "no rating_score"),
        (("tuner-", "other-"), r"no ratings of this test \(id tuner-"),
    ],
)
def test_foreign_results_are_refused(folder, tmp_path, change, match):
    plan, path = read_plan(folder), tmp_path / "mushra.csv"
    write(path, plan, [("anna", LEVELS)])
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(RunError, match=match):
        read_webmushra(path, plan)


def test_a_page_that_lacks_a_stimulus_is_not_answered(folder, tmp_path):
    plan, path = read_plan(folder), tmp_path / "mushra.csv"
    write(path, plan, [("anna", LEVELS)])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    assert set(read_webmushra(path, plan)["anna"]) == {"001"}


def test_abx_is_refused(abx_folder, tmp_path):
    with pytest.raises(RunError, match="ABX"):
        export_webmushra(read_plan(abx_folder), tmp_path / "t.yaml")
