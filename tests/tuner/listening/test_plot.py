"""The page of the analysis: dots where the means are, whatever conditions and clips are called."""

import re

import numpy as np
import pytest

from tuner.errors import RunError
from tuner.listening.analysis import analyse
from tuner.listening.answers import read_all_answers, store_answer
from tuner.listening.plan import read_plan
from tuner.listening.plot import HEIGHT, TOP, write_analysis
from tuner.listening.profiles import read_profiles
from tuner.listening.questions import store_replies
from tuner.listening.stimuli import Material, make_test
from tuner.listening.volume import store_volume

LEVELS = {"reference": 100, "tuned": 80, "anchor70": 40, "anchor35": 20}


def rate(folder, default=(55, 65), comment=""):
    """Two subjects, who differ on the default alone."""
    plan = read_plan(folder)
    for subject, level in zip(("anna", "ben"), default, strict=True):
        levels = {"default": level, **LEVELS}
        for page in plan.pages(subject):
            order = [levels.get(s.condition, 50) for s in plan.order(subject, page)]
            store_answer(folder, plan, subject, page, order, 1.0, comment)
    return plan


def write(folder, plan, path):
    write_analysis(plan, analyse(plan, *read_all_answers(folder, plan)), path)
    return path.read_text("utf-8")


def figures(page):
    """Title -> figure."""
    return {
        re.search("<h3>(.*?)</h3>", figure)[1]: figure
        for figure in re.findall("<figure.*?</figure>", page, re.DOTALL)
    }


def height_of(rating):
    return TOP + (100 - rating) / 100 * HEIGHT


def test_a_plot_of_each_item_and_of_all(folder, tmp_path):
    """In the same order: reference, coded from best to worst, anchors."""
    page = write(folder, rate(folder), tmp_path / "a.html")
    plots = figures(page)
    items = ["clip 0.wav @ 64 kb/s", "clip 1.wav @ 64 kb/s"]
    assert list(plots) == ["All items @ 64 kb/s", *items]
    for plot in plots.values():
        order = re.findall(r"<title>(\w+): mean", plot)
        assert order == ["reference", "tuned", "default", "anchor70", "anchor35"]


def test_means_ratings_intervals_and_predictions_are_where_they_belong(folder, tmp_path):
    plots = figures(write(folder, rate(folder), tmp_path / "a.html"))
    default = r"default: mean 60\.0, 95 % interval .*?, predicted 40\.0</title>(.*?)</g>"
    item = re.search(default, plots["clip 0.wav @ 64 kb/s"], re.DOTALL)[1]
    circles = [float(y) for y in re.findall(r'<circle[^>]* cy="([\d.]+)"', item)]
    assert circles == [height_of(55), height_of(65), height_of(60)]
    # The diamond's top is six pixels above its middle.
    top = float(re.search(r'class="predicted".*?d="M[\d.]+ ([\d.]+)', item, re.DOTALL)[1])
    assert top == height_of(40) - 6
    everything = re.search(default, plots["All items @ 64 kb/s"], re.DOTALL)[1]
    circles = [float(y) for y in re.findall(r'<circle[^>]* cy="([\d.]+)"', everything)]
    assert circles == [height_of(55), height_of(65), height_of(60)], "each subject's mean"
    # The tuned version has no prediction, and ratings that are all equal have no interval.
    tuned = re.search(r"tuned: mean 80\.0</title>(.*?)</g>", plots["clip 0.wav @ 64 kb/s"], re.S)[1]
    assert "<path" not in tuned


def test_who_is_left_out_and_what_was_written(folder, tmp_path):
    """With the conditions behind the writer's letters."""
    plan = rate(folder, comment="A <b>rings</b>\nB is dull")
    (folder / "results" / "carl.jsonl").write_text("{}\n")
    page = write(folder, plan, tmp_path / "a.html")
    assert "carl.jsonl is excluded: line 1" in page
    assert page.count("A &lt;b&gt;rings&lt;/b&gt;\nB is dull") == 4
    order = [s.condition for s in plan.order("anna", "001")]
    assert f"A {order[0]}, B {order[1]}, C {order[2]}" in page


def test_names_cannot_leave_the_text(tmp_path):
    """Titles, conditions and clips from folders of any name; no script, nothing loaded."""
    evil = '"><script>alert(1)</script>'
    materials = [
        Material(evil, None, m.reference, {"default": m.reference, f"new {evil}": m.reference})
        for m in noise()
    ]
    make_test(tmp_path / "t", materials, title=evil, baseline="default")
    page = write(tmp_path / "t", rate(tmp_path / "t"), tmp_path / "a.html")
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="', page)


def noise():
    pcm = (0.1 * np.random.default_rng(0).standard_normal((1, 48_000))).astype(np.float32)
    return [Material("x", None, pcm, {})]


def test_abx_is_a_table(abx_folder, tmp_path):
    plan = read_plan(abx_folder)
    for trial in plan.trials:
        store_answer(abx_folder, plan, "anna", trial.name, 0, 1.0, "hiss")
    page = write(abx_folder, plan, tmp_path / "a.html")
    assert "of 6</td>" in page and "<figure" not in page
    assert page.count('<td class="text">hiss</td>') == 6


def test_a_page_that_cannot_be_written_is_told(folder, tmp_path):
    with pytest.raises(RunError, match=r"a\.html: cannot be written"):
        write(folder, rate(folder), tmp_path / "none" / "a.html")


def test_groups_and_listeners(asked_folder, tmp_path):
    """A plot for each reply; a row for each subject, also for one who is not finished."""
    plan = rate(asked_folder)
    for subject, gear in (("anna", "headphones"), ("ben", "loudspeakers"), ("cleo", "headphones")):
        store_replies(asked_folder, plan, subject, {"gear": gear, "age": 40, "room": "<attic>"})
        store_volume(asked_folder, plan, subject, subject == "ben")
    store_answer(asked_folder, plan, "cleo", "001", [1, 2, 3, 4, 5], 90.0)
    answers, refused = read_all_answers(asked_folder, plan)
    profiles = read_profiles(asked_folder, plan, answers)
    analysis = analyse(plan, answers, refused, profiles, "gear")
    write_analysis(plan, analysis, tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text("utf-8")
    plots = figures(page)
    phones, speakers = "headphones, 1 subject @ 64 kb/s", "loudspeakers, 1 subject @ 64 kb/s"
    assert "default: mean 55.0" in plots[phones] and "default: mean 65.0" in plots[speakers]
    assert "By question: With what?" in page
    rows = re.findall("<tr><td>(.*?)</tr>", page.partition("<h2>Listeners</h2>")[2], re.DOTALL)
    cells = [re.sub(r"<[^>]*>|\s+", " ", row).split() for row in rows]
    assert cells == [
        ["anna", "included", "0.0", "skipped", "headphones", "40", "&lt;attic&gt;"],
        ["ben", "included", "0.0", "set", "loudspeakers", "40", "&lt;attic&gt;"],
        ["cleo", "unfinished", "1.5", "skipped", "headphones", "40", "&lt;attic&gt;"],
    ]
