"""`tuner run`: flags and files, a whole small run on fakes, Ctrl-C, resuming."""

from __future__ import annotations

import html
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import tuner.cli.commands.run as run_command
from tuner.cli.arguments.study import (
    parse_bitrates,
    parse_exhibits,
    parse_fixed,
    parse_rate,
    resolve_study,
)
from tuner.cli.commands.run import conduct
from tuner.cli.commands.status import status
from tuner.cli.display.forecast import print_forecast
from tuner.driver.parts import Parts
from tuner.encoder import converting
from tuner.errors import ClipError, RunError, StudyError, TunerError
from tuner.exhibits import read_index
from tuner.records import Ablation
from tuner.results import read_results
from tuner.rundir.folder import open_run
from tuner.testing import FakeEncoder

STUDY = """
encoder = "fake"
bitrates_kbps = [48, 96]
trials = 3
[clips]
folder = "music"
"""

#: Makes what a run is wired from; see `conftest.py`.
MakeParts = Callable[..., Parts]


def test_whole_run(
    tmp_path: Path, make_parts: MakeParts, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answers on stdout, progress on stderr, results, report and log in the run directory."""
    report = conduct(make_parts(), tmp_path / "run", "tuner run mine.toml")
    printed = capsys.readouterr()
    results = read_results(tmp_path / "run" / "results.json")
    (bitrate,) = results.bitrates
    assert len(bitrate.trials) == 3
    assert bitrate.verdict.kind in printed.out
    assert "input.wav output.fake" in printed.out
    assert str(report) in printed.out and report.is_file()
    assert "64 kb/s: trial 3/3" in printed.err
    assert "trial 3/3" in (tmp_path / "run" / "log.txt").read_text()
    assert results.provenance.command == "tuner run mine.toml"
    assert [note.split(" check")[0] for note in results.notes[:2]] == ["Identity", "Anchor"]
    assert {clip.side for clip in results.clips} == {"tune", "holdout"}
    assert {clip.rate for clip in results.clips} == {48_000}
    assert results.provenance.rate is None and "48 kHz (4 clips)" in results.notes[-1]


def test_commands_mix_as_the_clips_were_mixed(
    tmp_path: Path, make_parts: MakeParts, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the results, on the terminal and in the report."""
    parts = make_parts()
    clips = replace(parts.spec.clips, downmix=True)
    report = conduct(replace(parts, spec=replace(parts.spec, clips=clips)), tmp_path / "run", "x")
    (bitrate,) = read_results(tmp_path / "run" / "results.json").bitrates
    assert {tuple(each.convert) for each in bitrate.candidates} == {
        tuple(converting(None, to_stereo=True))
    }
    shown = "-af 'aformat=channel_layouts=stereo|mono' -c:a pcm_s24le input-stereo.wav && "
    assert shown in capsys.readouterr().out
    assert shown in html.unescape(report.read_text())
    assert "input-stereo.wav output.fake" in bitrate.recommended.shown


def test_answers_tell_what_was_maximised(
    tmp_path: Path, make_parts: MakeParts, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gain by the objective and by the mean, for people and for machines."""
    parts = make_parts()
    how = replace(parts.spec.search, objective="worst-quarter", ablation=False)
    parts = replace(parts, spec=replace(parts.spec, search=how))
    conduct(parts, tmp_path / "run", "x", as_json=True)
    (told,) = json.loads(capsys.readouterr().out)["bitrates"]
    assert told["objective"] == "worst-quarter"
    results = read_results(tmp_path / "run" / "results.json")
    gain = results.bitrates[0].candidates[1].sides["holdout"].objective_gain
    assert gain is not None and told["objective_gain"]["value"] == gain.value
    assert all(trial.objective is not None for trial in results.bitrates[0].trials)
    conduct(parts, tmp_path / "run", "x")
    table = capsys.readouterr().out
    assert "InSE-NET, worst quarter" in table and "InSE-NET, mean" in table


def test_a_run_without_an_answer_fails(
    tmp_path: Path, make_parts: MakeParts, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is told once, as an error; there is no page of best settings."""
    parts = make_parts()
    parts = replace(parts, spec=replace(parts.spec, bitrates_kbps=(900.0,)))
    with pytest.raises(RunError, match=r"no result, so no report was written") as caught:
        conduct(parts, tmp_path / "run", "tuner run")
    assert str(caught.value).count("cannot reach 900 kb/s") == 1
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "run" / "report.html").exists()
    results = read_results(tmp_path / "run" / "results.json")
    assert not results.bitrates and len(results.unanswered) == 1


def test_evidence_is_kept(tmp_path: Path, make_parts: MakeParts) -> None:
    """Traits, diagnosis, ablation and sounds; without them where they are not wanted."""
    conduct(make_parts(12), tmp_path / "run", "x")
    results = read_results(tmp_path / "run" / "results.json")
    (bitrate,) = results.bitrates
    assert all("attacks_per_s" in clip.traits for clip in results.clips)
    assert bitrate.tuned == 1 and isinstance(bitrate.ablation[0], Ablation)
    assert {record.parameter for record in bitrate.ablation} <= {
        "rate_mode",
        *bitrate.candidates[1].values,
    }
    held = {clip.digest for clip in results.clips if clip.side == "holdout"}
    assert {exhibit.clip for exhibit in read_index(tmp_path / "run")} == held

    parts = make_parts(12)
    bare = replace(parts.spec, exhibits=0, search=replace(parts.spec.search, ablation=False))
    conduct(replace(parts, spec=bare), tmp_path / "run", "x")
    (again,) = read_results(tmp_path / "run" / "results.json").bitrates
    assert again == replace(bitrate, ablation=[])
    assert read_index(tmp_path / "run") == []
    assert not list((tmp_path / "run" / "exhibits").glob("*.wav"))


def test_exhibits_flag() -> None:
    """N, all or none; anything else is told."""
    assert [parse_exhibits(text) for text in ("3", "all", "none")] == [3, "all", 0]
    with pytest.raises(StudyError, match="a number of clips, all or none"):
        parse_exhibits("-1")


def test_resuming_adds_trials_and_recomputes_nothing(
    tmp_path: Path, make_parts: MakeParts, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same directory with a larger budget keeps the old trials as they were."""
    conduct(make_parts(2), tmp_path / "run", "x", as_json=True)
    first = json.loads(capsys.readouterr().out)
    before = read_results(Path(first["results"])).bitrates[0]
    conduct(make_parts(4), tmp_path / "run", "x", as_json=True)
    second = json.loads(capsys.readouterr().out)
    after = read_results(Path(second["results"])).bitrates[0]
    assert (first["bitrates"][0]["trials"], second["bitrates"][0]["trials"]) == (2, 4)
    assert after.trials[:2] == before.trials
    conduct(make_parts(4), tmp_path / "run", "x", as_json=True)
    again = read_results(Path(second["results"])).bitrates[0]
    assert again == after


def test_another_search_is_refused(tmp_path: Path, make_parts: MakeParts) -> None:
    """A run directory of another seed or encoder build is not mixed with."""
    conduct(make_parts(1), tmp_path / "run", "x")
    with pytest.raises(RunError, match="seed: 0 -> 1"):
        conduct(make_parts(1, seed=1), tmp_path / "run", "x")
    with pytest.raises(RunError, match="encoder build"):
        conduct(make_parts(1, build="2"), tmp_path / "run", "x")


def test_a_difference_can_be_read(tmp_path: Path, make_parts: MakeParts) -> None:
    """A changed file and a changed parameter are named, old and new, with the way back."""
    parts = make_parts()
    then = parts.identity()
    with open_run(tmp_path / "run", then, ""):
        pass
    (clip, *_), (parameter, *_) = parts.clips.clips, FakeEncoder.parameters
    now = {**then, f"clip {clip.name} ({clip.side})": "0123"}
    now[f"parameter {parameter.name}"] = then[f"parameter {parameter.name}"].replace("10", "9")
    with pytest.raises(RunError) as caught, open_run(tmp_path / "run", now, ""):
        pass
    message = str(caught.value)
    assert f"clip {clip.name} ({clip.side}): {clip.digest[:16]} -> 0123" in message
    assert "low 0, high 10, step 1" in message and "low 0, high 9, step 1" in message
    assert "restore the old files" in message


def test_another_rate_is_refused(tmp_path: Path, make_parts: MakeParts) -> None:
    """A run goes on at its own rate only."""
    parts = make_parts()
    old = replace(parts, spec=replace(parts.spec, rate=48_000)).identity()
    with open_run(tmp_path / "run", old, ""):
        pass
    refused = pytest.raises(RunError, match=r"rate: 48000 -> source(.|\n)*give the old --rate")
    with refused, open_run(tmp_path / "run", parts.identity(), ""):
        pass


def test_status_of_a_finished_run(
    tmp_path: Path, make_parts: MakeParts, capsys: pytest.CaptureFixture[str]
) -> None:
    """From another terminal: the state, trials and scores, as a table and as JSON."""
    conduct(make_parts(), tmp_path / "run", "tuner run [mine].toml")
    capsys.readouterr()
    status(tmp_path / "run")
    told = capsys.readouterr().out
    assert "finished" in told and "3/3" in told and "tuner run [mine].toml" in told
    status(tmp_path / "run", watch=True, as_json=True)
    (bitrate,) = json.loads(capsys.readouterr().out)["bitrates"]
    assert (bitrate["target_kbps"], bitrate["done"]) == (64.0, 3)


def test_a_dry_run_tells_the_cost_and_does_nothing(
    tmp_path: Path, make_parts: MakeParts, capsys: pytest.CaptureFixture[str]
) -> None:
    """Encodes, hours and disk, of what earlier sessions left to do."""
    print_forecast(make_parts(4), tmp_path / "run", 1, as_json=True)
    told = json.loads(capsys.readouterr().out)
    # 4 trials of 1.5 passes over 2 clips, 4 settings on 4 clips, 3 parameters put back, the default
    # at 4 further bitrates on 2 clips.
    assert (told["trials"], told["encodes"]) == (4, 4 * 3 + 4 * 4 + 3 * 3 + 4 * 2)
    assert told["search_s"] > 0 and told["disk_bytes"] > 4 * 2.5 * 48_000 * 4
    print_forecast(make_parts(4), tmp_path / "run", 1)
    assert "4 trials remaining (0 done), 1 worker" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()


def test_a_dry_run_refuses_what_the_run_would(tmp_path: Path, make_parts: MakeParts) -> None:
    """Another search's folder, and a run to warm up on that is not there."""
    parts = make_parts(4)
    with open_run(tmp_path / "run", parts.identity(), ""):
        pass
    with pytest.raises(RunError, match="seed: 0 -> 1"):
        print_forecast(make_parts(4, seed=1), tmp_path / "run", 1)
    how = replace(parts.spec.search, warm_start=(str(tmp_path / "none"),))
    with pytest.raises(TunerError, match="none"):
        print_forecast(replace(parts, spec=replace(parts.spec, search=how)), tmp_path / "run2", 1)


def test_a_dry_run_says_what_it_measures(
    tmp_path: Path, make_parts: MakeParts, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr; what it found goes to stdout."""
    print_forecast(make_parts(4), tmp_path / "run", 1)
    assert "measuring: 0/2 loading the metrics" in capsys.readouterr().err


def test_another_runs_folder_is_refused_before_clips_are_read(
    tmp_path: Path, make_parts: MakeParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encoder, model and study are compared first; a run of its own goes on to the clips."""
    parts = make_parts()
    with open_run(tmp_path / "run", parts.identity(), ""):
        pass

    def read(*_: object) -> None:
        raise ClipError("clips are read")

    monkeypatch.setattr("tuner.plugins.load_encoder", lambda *_: parts.encoder)
    monkeypatch.setattr(run_command, "load_metrics", lambda *_: (parts.scorer, ()))
    monkeypatch.setattr(run_command, "_read_clips", read)
    with pytest.raises(RunError, match="seed: 0 -> 1"):
        run_command.assemble(replace(parts.spec, seed=1), tmp_path / "run")
    with pytest.raises(ClipError, match="clips are read"):
        run_command.assemble(parts.spec, tmp_path / "run")
    # The default folder, whose encoder is another build now.
    monkeypatch.chdir(tmp_path)
    default = run_command.default_folder(parts.spec, parts.encoder)
    with open_run(default, parts.identity() | {"encoder build": "0"}, ""):
        pass
    with pytest.raises(RunError, match="encoder build: 0 ->"):
        run_command.assemble(parts.spec)
    # The runs of a run per category.
    clips = replace(parts.spec.clips, per_category=True)
    spec = replace(parts.spec, clips=clips, seed=1)
    speech = replace(spec, clips=replace(clips, per_category=False, category="speech"), seed=0)
    own = replace(parts, spec=speech).identity()
    with open_run(tmp_path / "kinds" / "speech", own, speech.to_toml()):
        pass
    with pytest.raises(RunError, match=r"(?s)speech: belongs to .* seed: 0 -> 1"):
        run_command.assemble(spec, tmp_path / "kinds")
    with pytest.raises(ClipError, match="clips are read"):
        run_command.assemble(replace(spec, seed=0), tmp_path / "kinds")


@pytest.mark.parametrize("dry_run", [True, False])
def test_each_category_is_run_once(
    tmp_path: Path, make_parts: MakeParts, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    """Not all clips together after that; and a dry run runs nothing."""
    parts = make_parts()
    parts = replace(
        parts, spec=replace(parts.spec, clips=replace(parts.spec.clips, per_category=True))
    )
    called: list[str] = []
    monkeypatch.setattr(run_command, "resolve_study", lambda *_: parts.spec)
    monkeypatch.setattr(run_command, "check_origin", lambda *_: None)
    monkeypatch.setattr(run_command, "assemble", lambda *_: parts)
    monkeypatch.setattr(run_command, "remember", lambda *_: None)
    for name, place in (
        ("conduct", "tuner.cli.commands.run.conduct"),
        ("conduct_each", "tuner.cli.per_category.conduct_each"),
        ("forecast_each", "tuner.cli.per_category.forecast_each"),
        ("print_forecast", "tuner.cli.display.forecast.print_forecast"),
    ):
        monkeypatch.setattr(place, lambda *_, name=name, **__: called.append(name))
    run_command.run(out=tmp_path / "run", dry_run=dry_run)
    assert called == ["forecast_each" if dry_run else "conduct_each"]


def test_a_default_that_fails_is_told(tmp_path: Path, make_parts: MakeParts) -> None:
    """When the default fails, the run ends with the reason and its results."""
    with pytest.raises(RunError, match=r"no result(.|\n)*exit code 3"):
        conduct(make_parts(crash_on=(("shaping", 3),)), tmp_path / "run", "x")
    assert (tmp_path / "run" / "results.json").is_file()


DRIVER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
import typer
from conftest import wire
from tuner.cli.display.live import Board
from tuner.cli.commands.run import conduct

update = Board.update

def wait_for_the_interrupt(self, message):
    line = update(self, message)
    if line and "trial 3/12" in line:
        time.sleep(60)
    return line

Board.update = wait_for_the_interrupt
if __name__ == "__main__":
    try:
        conduct(wire(Path({music!r}), 12), Path({run!r}), "x")
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
"""


def test_ctrl_c_ends_cleanly(tmp_path: Path, music: Path, make_parts: MakeParts) -> None:
    """Ctrl-C: exit status 130, a word on how to go on, no traceback; then it goes on."""
    run, here = str(tmp_path / "run"), str(Path(__file__).parent)
    script = tmp_path / "driver.py"
    script.write_text(DRIVER.format(here=here, music=str(music), run=run))
    with subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stderr is not None
        seen = []
        for line in driver.stderr:
            seen.append(line)
            if "trial 2/12" in line:
                driver.send_signal(signal.SIGINT)
        driver.wait()
    told = "".join(seen)
    assert driver.returncode == 130
    assert "run the same command again" in told and "Traceback" not in told
    conduct(make_parts(12), tmp_path / "run", "x")
    (bitrate,) = read_results(tmp_path / "run" / "results.json").bitrates
    assert [trial.number for trial in bitrate.trials] == list(range(12))


def test_flags_override_the_file(tmp_path: Path) -> None:
    """A study file with flags laid over; its clips lie beside it."""
    file = tmp_path / "mine.toml"
    file.write_text(STUDY)
    spec = resolve_study(str(file), {"trials": 9, "fixed": {"joint": "true"}})
    assert (spec.trials, spec.bitrates_kbps) == (9, (48.0, 96.0))
    assert spec.clips.folder == str(tmp_path / "music")
    assert spec.fixed == (("joint", "true"),)


def test_unknown_study_lists_the_shipped() -> None:
    """A name that is neither a file nor a shipped study is told with those there are."""
    with pytest.raises(StudyError, match="no such file or shipped study; known:"):
        resolve_study("no-such-study", {})


def test_flags_alone_must_make_a_study() -> None:
    """Without a file, what is missing is named with its flag."""
    with pytest.raises(StudyError) as caught:
        resolve_study(None, {"encoder": "aac"})
    assert "bitrates_kbps: missing" in str(caught.value)
    assert "--clips FOLDER" in str(caught.value)


def test_texts_of_flags() -> None:
    """Lists and pairs on the command line."""
    assert parse_bitrates("64,96.5") == [64.0, 96.5]
    assert parse_fixed(["a=b=c", "rate_mode=vbr"]) == {"a": "b=c", "rate_mode": "vbr"}
    with pytest.raises(StudyError, match="as in 64,96"):
        parse_bitrates("64;96")
    assert [parse_rate(text) for text in ("source", "44100")] == ["source", 44_100]
    with pytest.raises(StudyError, match="give source, or Hz"):
        parse_rate("44.1")
    with pytest.raises(StudyError, match="give name=value"):
        parse_fixed(["joint"])
