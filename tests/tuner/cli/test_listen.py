"""`tuner listen` from a folder of files to an analysis, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from encoders.opus_ffmpeg import OpusFfmpeg
from tuner.cli.commands.listen import app
from tuner.cli.commands.listen_serve import alone
from tuner.errors import ClipError, RunError, StudyError
from tuner.listening.answers import store_answer
from tuner.listening.invitation import find_invited
from tuner.listening.plan import read_plan
from tuner.listening.questions import store_replies
from tuner.listening.webmushra import webmushra_id
from tuner.results import read_results, write_results


def call(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    for clip in ("a", "b"):
        pcm = 0.1 * rng.standard_normal((48_000, 2))
        # The coded files are late: a test of unaligned files would be worth nothing.
        late = np.concatenate([np.zeros((700, 2)), 0.5 * pcm])
        for name, samples in (("reference", pcm), ("default", late), ("new", late)):
            (tmp_path / "mine" / name).mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / "mine" / name / f"{clip}.wav", samples, 48_000)
    return tmp_path / "mine"


def test_from_files_to_an_analysis(files, tmp_path):
    test = tmp_path / "test"
    made = json.loads(call("make", "--from", files, "-o", test, "--json"))
    assert made == {"test": str(test), "kind": "mushra", "pages": 2}
    plan = read_plan(test)
    coded = next(s for s in plan.trials[0].stimuli if s.condition == "new")
    assert coded.gain_db == pytest.approx(6.0, abs=0.1)
    reference = soundfile.read(test / plan.trials[0].reference)[0]
    # 16-bit files, halved and back: 96 dB less 6 and some.
    assert np.abs(soundfile.read(test / coded.file)[0] - reference)[:-800].max() < 1e-3
    levels = {"reference": 100, "new": 80, "default": 60, "anchor70": 40, "anchor35": 20}
    for trial in plan.trials:
        order = plan.order("anna", trial.name)
        store_answer(test, plan, "anna", trial.name, [levels[s.condition] for s in order], 1.0)
    analysis = json.loads(call("analyse", test, "--json", "--export", tmp_path / "r.csv"))
    assert analysis["comparisons"][0]["difference"]["value"] == 20
    assert analysis["subjects"] == ["anna"]
    assert (tmp_path / "r.csv").is_file()
    table = call("analyse", test)
    assert "new minus default" in table
    assert "+20.0" in table


def test_a_run_that_found_nothing_says_what_to_do(write_run, tmp_path):
    """There is only the default, which can be tested alone."""
    run = write_run(tmp_path / "run", OpusFfmpeg(), {})
    results = read_results(run / "results.json")
    (bitrate,) = results.bitrates
    alone = replace(bitrate, candidates=bitrate.candidates[:1], winner=0)
    write_results(replace(results, bitrates=[alone]), run / "results.json")
    with pytest.raises(RunError, match="no settings besides the default at 96 kb/s") as told:
        call("make", run, "-o", tmp_path / "test")
    assert "--conditions default" in told.value.remedy
    made = call("make", run, "-o", tmp_path / "test", "--conditions", "default", "--json")
    assert json.loads(made)["pages"] == 1


def test_from_a_run(write_run, tmp_path):
    """A run's held-out clip, in its default and tuned form, as the run's cache has them."""
    run = write_run(tmp_path / "run", OpusFfmpeg(), {"max_bandwidth_hz": 8_000})
    made = json.loads(call("make", run, "-o", tmp_path / "test", "--json"))
    assert made["pages"] == 1
    (trial,) = read_plan(tmp_path / "test").trials
    spectra = {}
    for stimulus in trial.stimuli:
        pcm = soundfile.read(tmp_path / "test" / stimulus.file)[0].mean(axis=1)
        spectra[stimulus.condition] = np.abs(np.fft.rfft(pcm))
    high = {name: each[len(each) // 2 :].sum() / each.sum() for name, each in spectra.items()}
    assert spectra.keys() == {"reference", "default", "tuned", "anchor70", "anchor35"}
    # The tuned one has no sound above 8 kHz, the default has.
    assert high["tuned"] < 0.1 * high["default"]
    assert trial.bitrate_kbps == 96.0


def test_abx_and_chosen_conditions(files, tmp_path):
    call("make", "--from", files, "--conditions", "new", "--abx", "-o", tmp_path / "t")
    plan = read_plan(tmp_path / "t")
    assert len(plan.trials) == 8
    assert [s.condition for s in plan.trials[0].stimuli] == ["reference", "new"]


def test_what_the_standard_advises_is_told(files, tmp_path):
    """On stderr, beside what was made: too few clips, and one that is too long."""
    long = 0.1 * np.random.default_rng(0).standard_normal(13 * 48_000)
    for name in ("reference", "default", "new"):
        soundfile.write(files / name / "c.wav", long, 48_000)
    result = CliRunner().invoke(app, ["make", "--from", str(files), "-o", str(tmp_path / "u")])
    assert "at least 5 clips; this test has 3" in result.stderr
    assert "the longest here has 13.0" in result.stderr


def test_to_webmushra_and_back(files, tmp_path):
    """The configuration needs no answers; its results are analysed beside our own."""
    test = tmp_path / "t"
    call("make", "--from", files, "-o", test)
    out = call("analyse", test, "--webmushra", tmp_path / "w.yaml")
    assert out.startswith(f"{tmp_path / 'w.yaml'}: copy it to")
    plan = read_plan(test)
    levels = {"reference": 100, "new": 80, "default": 60, "anchor70": 40, "anchor35": 20}
    for trial in plan.trials:
        order = plan.order("anna", trial.name)
        store_answer(test, plan, "anna", trial.name, [levels[s.condition] for s in order], 1.0)
    rows = ["session_test_id,name,session_uuid,trial_id,rating_stimulus,rating_score"]
    rows += [
        f"{webmushra_id(plan)},anna,1,trial{trial.name},{condition},{rating}"
        for trial in plan.trials
        for condition, rating in levels.items()
    ]
    (tmp_path / "mushra.csv").write_text("\n".join(rows))
    told = call(
        *("analyse", test, "--webmushra-results", tmp_path / "mushra.csv"),
        *("--json", "--export", tmp_path / "r.csv"),
    )
    assert json.loads(told)["subjects"] == ["anna", "anna (webMUSHRA)"]
    assert (tmp_path / "r.csv").read_text().count("anna (webMUSHRA),80,") == 2


def test_refusals_say_what_to_do(files, tmp_path):
    with pytest.raises(StudyError, match="--from"):
        call("make")
    with pytest.raises(StudyError, match="found: default, new"):
        call("make", "--from", files, "--conditions", "old")
    with pytest.raises(RunError, match="tuner run"):
        call("make", tmp_path)
    with pytest.raises(RunError, match="tuner listen make"):
        call("serve", tmp_path)
    call("make", "--from", files, "-o", tmp_path / "empty")
    with pytest.raises(RunError, match="empty: nobody has answered yet"):
        call("analyse", tmp_path / "empty")
    with pytest.raises(RunError, match="--token"):
        call("serve", tmp_path, "--host", "0.0.0.0")
    (files / "new" / "b.wav").unlink()
    with pytest.raises(ClipError, match="no coded file in new"):
        call("make", "--from", files, "-o", tmp_path / "u")


def test_invitations_and_what_comes_before_the_test(files, tmp_path):
    """Text, questions and tone go into the plan; each subject gets an address of its own."""
    (tmp_path / "intro.md").write_text("# Welcome")
    steps = ("--intro", tmp_path / "intro.md", "--questions", "standard", "--tone", "-3")
    call("make", "--from", files, "-o", tmp_path / "t", *steps)
    plan = read_plan(tmp_path / "t")
    assert plan.intro == "# Welcome"
    assert plan.questions[0].id == "age" and plan.tone.level_db == -3
    address = "https://listen.example"
    links = json.loads(call("invite", tmp_path / "t", "p1", "p2", "--address", address, "--json"))
    for subject, link in links.items():
        assert link.startswith(f"{address}/?token={subject}.")
        assert find_invited(plan, link.split("=")[1]) == subject
    assert call("invite", tmp_path / "t", "p1").startswith("p1\thttp://127.0.0.1:8765/?token=p1.")
    with pytest.raises(RunError, match="letters, digits"):
        call("invite", tmp_path / "t", "a b")


def test_a_second_server_is_refused(files, tmp_path):
    """On another port, too: two would write over each other's answers."""
    call("make", "--from", files, "-o", tmp_path / "t")
    with alone(tmp_path / "t"), pytest.raises(RunError, match="another `tuner listen serve`"):
        call("serve", tmp_path / "t", "--port", 18765)
    with alone(tmp_path / "t"):
        pass


def test_damaged_answers_are_told_beside_the_rest(files, tmp_path):
    """In the table and in JSON; who is left counts."""
    test = tmp_path / "t"
    call("make", "--from", files, "-o", test)
    plan = read_plan(test)
    levels = {"reference": 100, "new": 80, "default": 60, "anchor70": 40, "anchor35": 20}
    for trial in plan.trials:
        order = plan.order("anna", trial.name)
        given = [levels[s.condition] for s in order]
        store_answer(test, plan, "anna", trial.name, given, 1.0, "hiss\x1b[2J\nin A")
    results = test / "results"
    (results / "anna (1).jsonl").write_bytes((results / "anna.jsonl").read_bytes())
    (results / "ben.jsonl").write_text("{}\n")
    analysis = json.loads(call("analyse", test, "--json"))
    assert analysis["subjects"] == ["anna"]
    assert set(analysis["refused"]) == {"anna (1).jsonl", "ben.jsonl"}
    told = call("analyse", test, "--html", tmp_path / "a.html")
    assert "ben.jsonl excluded: line 1" in told
    assert "hiss [2J in A" in told, "what a listener wrote steers no terminal"
    assert "<figure" in (tmp_path / "a.html").read_text()


def test_listeners_are_split_by_a_question(files, tmp_path):
    test = tmp_path / "t"
    call("make", "--from", files, "-o", test, "--questions", "standard")
    plan = read_plan(test)
    given = {each.id: each.choices[0] for each in plan.questions if each.choices}
    for subject, playback in (("anna", "loudspeakers"), ("ben", "in-ear headphones")):
        store_replies(test, plan, subject, {**given, "playback": playback})
        for page in plan.pages(subject):
            order = plan.order(subject, page)
            level = 40 if subject == "anna" else 60
            answer = [100 if s.condition == "reference" else level for s in order]
            store_answer(test, plan, subject, page, answer, 60.0)
    shown = call("analyse", test, "--by", "playback")
    assert "playback: loudspeakers (1)" in shown and "playback: in-ear headphones (1)" in shown
    split = json.loads(call("analyse", test, "--by", "playback", "--json"))
    assert [each["reply"] for each in split["groups"]] == ["in-ear headphones", "loudspeakers"]
    assert split["profiles"][0]["replies"]["playback"] == "loudspeakers"
    with pytest.raises(StudyError, match=r"--by equipment: .*age, experience"):
        call("analyse", test, "--by", "equipment")
