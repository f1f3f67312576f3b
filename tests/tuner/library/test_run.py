"""`tuner.open_run` and `tuner.Study`: a run made, read, heard and tabulated from Python."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import tuner
from tuner.cli import running
from tuner.cli.commands import run as run_command
from tuner.driver.parts import Parts
from tuner.errors import RunError, StudyError, TunerError
from tuner.library import run as library_run
from tuner.sound.clips import load_clips
from tuner.study.spec import StudySpec
from tuner.testing import FakeEncoder, FakeScorer


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, music: Path) -> tuner.Run:
    """A run of the fake encoder over four clips, started from Python."""

    def assemble(spec: StudySpec, _: Path | None) -> Parts:
        clips = load_clips(Path(spec.clips.folder))
        return Parts(spec, FakeEncoder(), clips, FakeScorer("insenet"), (FakeScorer("visqol"),))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_command, "assemble", assemble)
        study = tuner.Study("fake", music, 64, trials=3, workers=1, exhibits=0)
        run = study.run(tmp_path_factory.mktemp("runs") / "fake")
    return tuner.open_run(run.folder)


def test_answers_and_clips(finished: tuner.Run) -> None:
    """The winner with its command line, and what was recorded of each clip."""
    assert finished.bitrates_kbps == (64.0,)
    assert finished.winner().command == finished.winner(64).command
    assert finished.answer().verdict.sentence
    assert len(finished.clips) == 4
    assert finished.report.is_file()
    assert "study.toml" in finished.results.provenance.command
    with pytest.raises(RunError, match="no result at 96 kb/s; available: 64"):
        finished.winner(96)


def test_sounds_are_arrays(finished: tuner.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reference and coded versions, aligned, as they were scored."""
    monkeypatch.setattr(library_run, "encoder_of", lambda *_: FakeEncoder())
    clip = finished.clips[0]
    reference = finished.sound(clip.name)
    coded = finished.sound(clip.digest[:12], 64, "default")
    assert reference.dtype == coded.dtype == np.float32
    assert reference.shape == coded.shape == (clip.channels, round(clip.duration_s * 48_000))
    assert 0 < np.sqrt(np.mean((coded - reference) ** 2)) < 0.5
    with pytest.raises(RunError, match="0 clips 'none'"):
        finished.sound("none")
    with pytest.raises(RunError, match="trial-99"):
        finished.sound(clip, settings="trial-99")


def test_the_optuna_study_is_a_copy(finished: tuner.Run) -> None:
    """All trials are there; what is done with it does not touch the run."""
    study = finished.optuna_study(64)
    assert len(study.trials) == 3
    study.enqueue_trial({})
    assert len(finished.optuna_study().trials) == 3
    with pytest.raises(RunError, match="no Optuna study at 96"):
        finished.optuna_study(96)


def test_tables_for_pandas(finished: tuner.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of the CSV tables; without pandas, the way to get it is told."""
    with monkeypatch.context() as missing:
        missing.setitem(sys.modules, "pandas", None)
        with pytest.raises(TunerError, match=r"pip install 'codec-tuner\[notebook\]'"):
            finished.to_pandas()
    trials, clips = finished.to_pandas(), finished.to_pandas("clips")
    assert (len(trials), len(clips)) == (3, 4)
    row = trials.iloc[0]
    assert (row["number"], row["target_kbps"]) == (0, 64.0)
    with pytest.raises(StudyError, match="no table 'clip'; there are: trials, winners"):
        finished.to_pandas("clip")


def test_studies_are_checked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Problems come together, as from a study file; paths are made absolute; files are read."""
    with pytest.raises(StudyError, match=r"(?s)bitrates_kbps.*trials.*search\.prune"):
        tuner.Study("aac", "clips", [64, 64], trials=0, search={"prune": 3})
    with pytest.raises(StudyError, match="trails: unknown"):
        tuner.Study("aac", "clips", 64, trails=3)
    monkeypatch.chdir(tmp_path)
    study = tuner.Study("aac", Path("clips"), (96, 64), search={"warm_start": ["old"]})
    assert study.spec.clips.folder == str(tmp_path / "clips")
    assert study.spec.bitrates_kbps == (64.0, 96.0)
    assert study.spec.search.warm_start == (str(tmp_path / "old"),)
    (tmp_path / "night.toml").write_text(study.spec.to_toml())
    assert tuner.Study.read("night.toml").spec == study.spec
    assert tuner.Study.read("night.toml", trials=7).spec.trials == 7
    with pytest.raises(RunError, match="is no run directory"):
        tuner.open_run(tmp_path)


def test_a_stopped_study_is_an_interrupt(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C leaves `Study.run` as KeyboardInterrupt, as everywhere in Python."""

    def stop(*_: object) -> None:
        raise running.Stopped(130)

    parts = type("Parts", (), {"encoder": FakeEncoder()})
    monkeypatch.setattr(run_command, "assemble", lambda *_: parts)
    monkeypatch.setattr(running, "search_and_report", stop)
    with pytest.raises(KeyboardInterrupt):
        tuner.Study("fake", music, 64).run()
