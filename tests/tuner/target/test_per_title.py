"""The lowest bitrate of whole files, found on excerpts; fakes do the work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tuner.encoder import default_settings
from tuner.errors import ClipError
from tuner.jobs.passes import Passes
from tuner.study.goal import Goal, make_goal
from tuner.target.excerpts import EXCERPT_S, cut_excerpts
from tuner.target.needed import bits_ratio, find_needed
from tuner.target.per_title import Finder
from tuner.testing import FakeEncoder, FakeScorer

RATE = 48_000
#: 2 points for each dB: 12 dB for each doubling of the bitrate above 16 kb/s.
SCORER = FakeScorer("insenet", slope=2.0)


def write(path: Path, seconds: float, colour: float = 0.0, seed: int = 0) -> Path:
    """Noise, each second louder than the one before."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(round(seconds * RATE)).astype(np.float32)
    noise[1:] += np.float32(colour) * noise[:-1]
    soundfile.write(path, 0.02 * noise * np.linspace(0.5, 1.5, noise.size), RATE)
    return path


def test_excerpts_are_spread_over_the_file(tmp_path: Path) -> None:
    """The middle of each of three equal parts, sample by sample."""
    source = write(tmp_path / "a.wav", 20)
    cut = cut_excerpts(source, tmp_path / "clips", 3)
    whole, _ = soundfile.read(source, dtype="float32")
    assert cut.starts_s == pytest.approx([20 / 6 - 1.5, 10 - 1.5, 50 / 3 - 1.5], abs=0.01)
    for start, clip in zip(cut.starts_s, cut.clips, strict=True):
        first = round(start * RATE)
        expected = whole[first : first + round(EXCERPT_S * RATE)]
        assert np.array_equal(np.load(clip.path)[0], expected)


def test_short_and_silent_files(tmp_path: Path) -> None:
    """A short file is taken whole; silence and a click are refused by name."""
    assert cut_excerpts(write(tmp_path / "s.wav", 4), tmp_path, 12).heard_s == EXCERPT_S
    soundfile.write(tmp_path / "silent.wav", np.zeros(5 * RATE), RATE)
    with pytest.raises(ClipError, match=r"silent\.wav: silent"):
        cut_excerpts(tmp_path / "silent.wav", tmp_path, 2)
    with pytest.raises(ClipError, match=r"b\.wav: too short \(1\.00 s\)"):
        cut_excerpts(write(tmp_path / "b.wav", 1), tmp_path, 2)


@pytest.fixture
def finder(tmp_path: Path, make_passes: Callable[..., Passes]) -> Finder:
    """Finds what the fake encoder needs for 85 points, on three excerpts."""
    encoder = FakeEncoder()
    settings, executor = default_settings(encoder), make_passes().executor
    goal = Goal(60.0)
    return Finder(encoder, settings, goal, SCORER, "mean", executor, tmp_path / "clips", 3)


def test_each_file_gets_its_bitrate(finder: Finder, tmp_path: Path) -> None:
    """What a file needs reaches the goal on all of it; the second search is the shorter one."""
    files = [write(tmp_path / "a.wav", 12), write(tmp_path / "b.wav", 12, seed=1)]
    titles = list(finder.find([*files, tmp_path / "none.wav"]))
    for title in titles[:2]:
        assert title.problem is None and title.needed is not None and title.needed.reached
        assert title.knob is not None and title.kbps is not None
        pcm = soundfile.read(title.sources[0], dtype="float32")[0][None]
        coded, _ = finder.encoder.decode(
            finder.encoder.encode(pcm, RATE, finder.settings, title.knob)
        )
        assert SCORER.score(pcm, coded).mean == pytest.approx(60, abs=1.5)
        crossing = title.needed.crossing
        assert crossing is not None and crossing.low <= title.kbps <= crossing.high
    passes = [t.needed.match.passes for t in titles[:2] if t.needed]
    assert passes[1] <= passes[0]
    assert titles[2].failure is not None
    assert str(titles[2].failure["where"]).endswith("none.wav")


def test_one_bitrate_for_all(finder: Finder, tmp_path: Path) -> None:
    """Together they get one answer, between what each would get alone."""
    files = [write(tmp_path / "a.wav", 12), write(tmp_path / "b.wav", 12, colour=0.9)]
    alone = [title.knob for title in finder.find(files)]
    (title,) = finder.find(files, together=True)
    assert title.sources == tuple(files) and title.knob is not None
    assert min(alone) - 1 <= title.knob <= max(alone) + 1  # type: ignore[type-var, operator]


def test_a_share_counts_clips_and_the_mean_does_not(make_passes: Callable[..., Passes]) -> None:
    """What all clips reach costs more than their mean; intervals hold their values."""
    settings = default_settings(FakeEncoder())
    needed = {}
    for share in (None, 0.5, 1.0):
        goal = Goal(60.0, share)
        needed[share] = find_needed(make_passes(), settings, goal, SCORER, "mean", 64.0)
        probe, crossing = needed[share].probe, needed[share].crossing
        assert goal.reached(probe.values) >= 60 and crossing is not None
        assert crossing.low <= crossing.value <= crossing.high
        assert crossing.value <= probe.point.kbps <= 1.01 * crossing.value
    assert sum(v >= 60 for v in needed[1.0].probe.values) == 20
    assert sum(v >= 60 for v in needed[0.5].probe.values) >= 10
    assert needed[1.0].probe.point.kbps > needed[None].probe.point.kbps


def test_the_ratio_of_bits_is_paired(make_passes: Callable[..., Passes]) -> None:
    """4 dB more for the same noise: a third of an octave of bits, for sure."""
    encoder = FakeEncoder()
    default = default_settings(encoder)
    better = default.of(default.rate_mode, {**default.as_dict(), "shaping": 7})
    one, other = (
        find_needed(make_passes(), settings, Goal(60.0), SCORER, "mean", 64.0)
        for settings in (default, better)
    )
    ratio = bits_ratio(other, one)
    assert ratio is not None
    assert ratio.value == pytest.approx(2 ** (-4 / 12), rel=0.01)
    assert ratio.low < ratio.value < ratio.high < 1.01 * ratio.low


def test_transparency_asks_for_less_than_noticeable(make_passes: Callable[..., Passes]) -> None:
    """With a spread of 10 points the mean may lie 9.5 under 100, on so many clips."""
    goal = make_goal(None, 0.9, transparent=True)
    scorer = FakeScorer("insenet", slope=2.0, spread=10.0)
    settings = default_settings(FakeEncoder())
    needed = find_needed(make_passes(), settings, goal, scorer, "mean", 64.0)
    assert needed.reached
    assert 100 <= needed.probe.point.quality < 102
    means = [value - 9.54 for value in needed.probe.values]
    assert sum(mean >= 90.4 for mean in means) >= 18 and max(means) < 96
