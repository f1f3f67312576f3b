"""Stored results: what is written is read again, what is damaged is refused."""

import json
from dataclasses import replace

import pytest
from msgspec import to_builtins

from tuner.errors import RunError
from tuner.records import (
    FORMAT_VERSION,
    MODEL,
    Ablation,
    AblationFailed,
    Answer,
    Candidate,
    ClipRecord,
    Estimate,
    NoAnswer,
    Provenance,
    Results,
    SideResult,
    Timing,
    Verdict,
)
from tuner.results import read_results, write_results
from tuner.testing import make_trial


@pytest.fixture
def results():
    """A small run that uses every record and every kind of value."""
    side = SideResult(
        64.5, 64.02, {MODEL: {"d1": 71.25}}, {"d1": 5.5}, {MODEL: Estimate(6.2, 4.1, 8.3)},
        members={"d1": [70.0, 72.5]}, clip_kbps={"d1": 64.02},
    )  # fmt: skip
    values = {"coder": "fast", "tns": False, "cutoff_hz": 18800, "gain_db": -2.25}
    candidate = Candidate(3, "abr", values, ["enc", "-x"], {"tune": side}, "no holdout match")
    trials = [
        make_trial(0, values=values, bitrate_kbps=63.9, score=65.0, passes=3),
        make_trial(1, "failed", reason="exit code 1"),
    ]
    verdict = Verdict("confirmed", "Confirmed.")
    clips = [ClipRecord("d1", "Ünïcode </script>.flac", "tune", 8.0, 2, "/clips/a.flac", 1.5)]
    made = Provenance(
        "tuner run", "seed = 7", 7, {"torch": "2"}, "enc", "1", "/bin/enc", "ab", "w1",
        {"visqol": "3"}, "2025-11-24T22:04:11Z", "2025-11-24T23:04:11Z", "2 cores", None,
    )  # fmt: skip
    bitrate = Answer(64.0, verdict, 0, [candidate], trials, Timing(1.5, encodes=4))
    broken = NoAnswer(8.0, "unreachable", [], Timing())
    return Results(clips, [bitrate], made, ["A note."], unanswered=[broken])


@pytest.fixture
def stored(tmp_path, results):
    path = tmp_path / "results.json"
    write_results(results, path)
    return path


def test_what_is_written_is_read_again(stored, results):
    """A round trip gives equal records, and leaves no partial file."""
    assert read_results(stored) == results
    assert [p.name for p in stored.parent.iterdir()] == ["results.json"]


def test_whole_numbers_may_stand_for_floats(stored, results):
    """JSON from another writer may say 64 for 64.0."""
    stored.write_text(stored.read_text().replace("64.0,", "64,"))
    assert read_results(stored) == results


def test_a_missing_file_says_how_to_go_on(tmp_path):
    """No results yet: the run has not finished."""
    with pytest.raises(RunError, match="resumes an unfinished run"):
        read_results(tmp_path / "results.json")
    with pytest.raises(RunError, match=r"misspelt: no such run; give the folder") as caught:
        read_results(tmp_path / "misspelt" / "results.json")
    assert caught.value.where == str(tmp_path / "misspelt")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused(stored, share):
    """A file cut off anywhere is an error that names it."""
    text = stored.read_text()
    stored.write_text(text[: int(share * len(text))])
    with pytest.raises(RunError, match=r"results\.json: cannot be read"):
        read_results(stored)


def test_a_file_that_is_not_text_is_refused(stored):
    """Bytes that are no UTF-8 are an error, not a crash."""
    stored.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RunError, match="cannot be read"):
        read_results(stored)


@pytest.mark.parametrize("version", [0, 1, FORMAT_VERSION + 1, "2", None])
def test_another_format_version_is_refused(stored, results, version):
    """A version that this program does not know is named."""
    stored.write_text(json.dumps({**to_builtins(results), "format_version": version}))
    told = "declares no format version" if version is None else f"format version {version!r}"
    with pytest.raises(RunError, match=told) as caught:
        read_results(stored)
    remedies = {FORMAT_VERSION + 1: "update tuner", "2": "", None: ""}
    assert caught.value.remedy == remedies.get(version, "run the study again into a new folder")


def test_a_version_that_is_text_is_not_the_number(stored, results):
    """ "8" is shown as text, so that the sentence does not contradict itself."""
    text = str(FORMAT_VERSION)
    stored.write_text(json.dumps({**to_builtins(results), "format_version": text}))
    with pytest.raises(RunError, match=f"format version '{text}'; this program reads {text}$"):
        read_results(stored)


@pytest.mark.parametrize("content", ["[]", "null", '"text"', "{}"])
def test_json_that_is_no_run_is_refused(stored, content):
    """Valid JSON of another shape is refused."""
    stored.write_text(content)
    with pytest.raises(RunError, match="format version"):
        read_results(stored)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("clips",), None),
        (("clips",), {}),
        (("clips", 0, "side"), "train"),
        (("clips", 0, "duration_s"), "8.0"),
        (("clips", 0, "channels"), 2.5),
        (("bitrates", 0, "verdict"), "confirmed"),
        (("bitrates", 0, "verdict", "kind"), "splendid"),
        (("bitrates", 0, "target_kbps"), True),
        (("bitrates", 0, "candidates", 0, "sides", "train"), {}),
        (("bitrates", 0, "candidates", 0, "sides", "tune", "scores"), []),
        (("bitrates", 0, "candidates", 0, "values", "tns"), [1]),
        (("bitrates", 0, "trials", 0, "score"), "65"),
        (("bitrates", 0, "trials", 0, "state"), "splendid"),
        (("notes", 0), 3),
    ],
)
def test_a_damaged_record_is_refused(stored, results, place, value):
    """A value of the wrong type or out of its set is refused as damage."""
    raw = to_builtins(results)
    *path, last = place
    inner = raw
    for key in path:
        inner = inner[key]
    inner[last] = value
    stored.write_text(json.dumps(raw))
    with pytest.raises(RunError, match="damaged"):
        read_results(stored)


def test_a_missing_field_is_refused(stored, results):
    """A record without one of its fields is damaged."""
    raw = to_builtins(results)
    for inner, name in ((raw["provenance"], "seed"), (raw["bitrates"][0]["trials"][0], "score")):
        value = inner.pop(name)
        stored.write_text(json.dumps(raw))
        with pytest.raises(RunError, match=name):
            read_results(stored)
        inner[name] = value


def test_a_trial_has_the_fields_of_its_state(stored):
    """A failure is never a score, nor a score that is missing."""
    complete, failed = json.loads(stored.read_text())["bitrates"][0]["trials"]
    assert complete["state"] == "complete" and "reason" not in complete
    assert failed["state"] == "failed" and not {"score", "knob"} & failed.keys()


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(stored, results, constant):
    """Python's JSON would take it, and the report would show it as a score."""
    raw = to_builtins(results)
    raw["clips"][0]["duration_s"] = float(constant)
    stored.write_text(json.dumps(raw))
    with pytest.raises(RunError, match="cannot be read"):
        read_results(stored)


def test_nan_is_never_stored(tmp_path, results):
    """A score that is no number cannot be written, and the old file stays."""
    path = tmp_path / "results.json"
    write_results(results, path)
    broken = replace(results.bitrates[0], target_kbps=float("nan"))
    with pytest.raises(ValueError, match="JSON compliant"):
        write_results(replace(results, bitrates=[broken]), path)
    assert read_results(path) == results


def test_what_an_ablation_is_worth_is_read_again(stored, results):
    """Whether it could be run or not."""
    tried = Ablation("tns", False, True, Estimate(1.5, 0.5, 2.5), 64.1)
    failed = AblationFailed("coder", "fast", "twoloop", "exit code 1")
    bitrate = replace(results.bitrates[0], ablation=[tried, failed])
    write_results(replace(results, bitrates=[bitrate]), stored)
    assert read_results(stored).bitrates[0].ablation == [tried, failed]


def test_the_default_is_the_first_candidates_trial(results):
    """Whatever its number; the first trial where there is no answer."""
    bitrate = results.bitrates[0]
    other = make_trial(3)
    renumbered = replace(bitrate, trials=[bitrate.trials[0], other])
    assert renumbered.candidates[0].trial == 3 and renumbered.default_trial == other
    missing = NoAnswer(64.0, "", bitrate.trials, bitrate.timing)
    assert missing.default_trial == bitrate.trials[0]


def test_bitrates_without_an_answer_stand_among_the_others(results):
    """By target."""
    assert [each.target_kbps for each in results.everything] == [8.0, 64.0]
