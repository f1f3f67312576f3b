"""What changed between two sessions is refused in words, or counted for what it is."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tuner.cli.commands.run import conduct
from tuner.driver.run import run_study
from tuner.errors import ClipError, RunError
from tuner.jobs.executor import make_executor
from tuner.jobs.job import ClipRef, load_clip
from tuner.records import Timing
from tuner.rundir.folder import open_run
from tuner.testing import FakeEncoder, FakeScorer


@pytest.fixture
def own_music(tmp_path: Path, music: Path) -> Path:
    """The clips, to be edited."""
    return Path(shutil.copytree(music, tmp_path / "music"))


def test_changes_are_refused(rig: Any, own_music: Path, make_parts: Any) -> None:
    """Model, encoder, space, or a clip under its old name: what it was, what it is, what to do."""
    rig.music = own_music
    conduct(make_parts(own_music, 2), rig.run, "tuner run")
    before = rig.kept()

    def refuse(*told: str, **change: Any) -> None:
        with pytest.raises(RunError) as caught:
            conduct(make_parts(own_music, 2, **change), rig.run, "tuner run")
        assert all(words in str(caught.value) for words in told), caught.value
        assert rig.kept() == before

    refuse(
        "quality model: insenet insenet-1-2-1 -> insenet insenet-2-2-1",
        "give the old --weights",
        scorer=FakeScorer("insenet", build="2"),
    )
    refuse("encoder version: fake 1 -> fake 2", "--binary", encoder=FakeEncoder(build="2"))
    refuse("fixed joint: none -> true", "give the old --fixed", fixed=(("joint", "true"),))
    file = own_music / "a.wav"
    original = file.read_bytes()
    pcm, rate = soundfile.read(file)
    soundfile.write(file, 0.5 * pcm, rate)
    refuse("clip a.wav (tune): ", "restore the old files")
    file.write_bytes(original)
    assert rig.go_on().trials[:2]


def test_another_model_finds_the_encodes_and_no_score(
    rig: Any, music: Path, make_parts: Any
) -> None:
    """Given the cache of a run with other weights, every encode is hit and every score missed."""

    def run(folder: Path, build: str) -> Timing:
        parts = make_parts(music, 3, scorer=FakeScorer("insenet", build=build))
        executor = make_executor("local", workers=1, cache_folder=rig.folder / "cache")
        with open_run(folder, parts.identity(), "") as opened:
            results = run_study(parts, opened, executor, lambda _: None, "tuner run")
        executor.close()
        return results.bitrates[0].timing

    old, new = run(rig.folder / "old", "1"), run(rig.folder / "new", "2")
    # Those of the default, which were measured before the search began.
    assert (new.encodes, new.cached_scores) == (0, old.cached_scores)
    assert new.cached_encodes == old.encodes + old.cached_encodes > 0
    assert new.scores == old.scores > 0


def test_a_damaged_cache_is_made_again(
    rig: Any, music: Path, make_parts: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """Entries cut short, or with a flipped bit, are told and computed again as they were."""
    conduct(make_parts(music, 2), rig.run, "tuner run")
    before, result = digests(rig.run), rig.result()
    for kind in ("encodes", "scores"):
        cut, flipped, *_ = (path for path in before if kind in path.parts)
        cut.write_bytes(cut.read_bytes()[:-7])
        damaged = bytearray(flipped.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        flipped.write_bytes(damaged)
    conduct(make_parts(music, 2), rig.run, "tuner run")
    told = capfd.readouterr().err + (rig.run / "log.txt").read_text()
    # What is not needed any more stays as it is.
    read = [path for path in before if f"{path}: damaged cache entry" in told]
    after = digests(rig.run)
    assert read and all(after[path] == before[path] for path in read)
    assert rig.result().candidates == result.candidates


def test_damaged_clips_are_made_again(
    rig: Any, music: Path, make_parts: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """The command that is told as the remedy is one: the run goes on, with the same result."""
    conduct(make_parts(music, 2), rig.run, "tuner run")
    whole = {path: path.read_bytes() for path in (rig.run / "clips").iterdir()}
    shutil.rmtree(rig.run / "cache")
    for path, content in whole.items():
        path.write_bytes(content[:-4] + b"\0\0\0?")
        clip = ClipRef(path.stem, str(path), 1, 2.5)
        with pytest.raises(ClipError, match=r"damaged .* run the same command again"):
            load_clip(clip)
    conduct(make_parts(music, 3), rig.run, "tuner run")
    assert ": damaged; recreated from" in capfd.readouterr().err + (rig.run / "log.txt").read_text(
        encoding="utf-8"
    )
    assert {path: path.read_bytes() for path in whole} == whole
    assert all(trial.state == "complete" for trial in rig.result().trials)


def digests(run: Path) -> dict[Path, str]:
    """The content of each cache entry."""
    files = sorted(path for path in (run / "cache").rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
