"""The contract that every metric must keep, as a test class.

Its tests need no pytest, so `tuner metrics NAME --check` runs them, too (`find_breaches`).
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

import numpy as np

from tuner.errors import ScoreError, TunerError
from tuner.metric import FAMILIES, About, Metric
from tuner.scorer import Score, ScoresBatches
from tuner.sound.audio import Pcm, lowpass
from tuner.testing.clips import make_clip

#: Length of the clips, s: what needs windows of half a second has several.
CLIP_S = 2.0
#: Noise-to-signal ratios of damaged copies, dB, from hardly heard to drowned. What lies between
#: them is far more than any two metrics dispute.
NOISE_DB = (-35.0, -15.0, 5.0)
#: Cut-off of the copy without treble, Hz.
DULL_HZ = 3500.0
#: What these damages must cost together, points: a constant costs nothing.
LEAST_LOSS = 5.0
#: A worse copy may score this much more, points: rounding, and curves that are flat at the end.
SLACK = 0.5
#: A copy of the metric, or the same call again, gives the same to this, points.
SAME = 1e-6


class MetricContract:
    """What any metric must do. Subclass it and set `metric`; its name starts with Test."""

    metric: ClassVar[Metric]

    def test_says_what_it_is(self) -> None:
        """A name, a version that stays, a family, and a range of its own."""
        metric = self.metric
        assert metric.name and metric.name == metric.name.strip(), "it has no name"
        assert metric.version and metric.version == metric.version, "its version changes by itself"
        about = metric.about
        assert isinstance(about, About), "`about` must be a tuner.metric.About"
        assert about.label and about.family in FAMILIES

    def test_identity_is_best(self) -> None:
        """Nothing scores above the reference itself, and what is drowned in noise scores below."""
        for clip in _clips():
            own = self._score(clip, clip)
            copies = {"a dull copy": lowpass(clip, DULL_HZ)}
            copies |= {f"noise at {level:g} dB": _noisy(clip, level) for level in NOISE_DB}
            for name, coded in copies.items():
                said = self._score(clip, coded)
                assert said <= own + SLACK, f"{name} scores {said:.2f}, the reference {own:.2f}"

    def test_hears_damage(self) -> None:
        """More noise scores less: a number that does not move is no metric."""
        for clip in _clips():
            scores = [self._score(clip, _noisy(clip, level)) for level in NOISE_DB]
            told = ", ".join(f"{score:.1f}" for score in scores)
            falls = all(b <= a + SLACK for a, b in pairwise(scores))
            assert falls, f"it does not fall with more noise: {told}"
            lost = self._score(clip, clip) - scores[-1]
            assert lost >= LEAST_LOSS, f"loud noise costs only {lost:.2f} points: {told}"

    def test_repeats(self) -> None:
        """The same signals give the same score, whatever was scored between."""
        clip = make_clip(2, CLIP_S)
        first = self._score(clip, _noisy(clip, -20.0))
        self._score(clip, _noisy(clip, 0.0))
        assert abs(self._score(clip, _noisy(clip, -20.0)) - first) < SAME, "it does not repeat"

    def test_leaves_its_input_alone(self) -> None:
        """The arrays that it is given are not changed, and may be read-only."""
        clip = make_clip(2, CLIP_S)
        coded = _noisy(clip, -20.0)
        copies = clip.copy(), coded.copy()
        for array in copies:
            array.setflags(write=False)
        self._score(*copies)
        assert np.array_equal(copies[0], clip) and np.array_equal(copies[1], coded)

    def test_refuses_another_length(self) -> None:
        """Signals of different length are an error."""
        clip = make_clip(2, CLIP_S)
        self._refuses(clip, clip[:, :-4800], "another length")

    def test_refuses_other_channels(self) -> None:
        """Mono against stereo is an error."""
        clip = make_clip(2, CLIP_S)
        self._refuses(clip, clip[:1], "another number of channels")

    def test_refuses_what_is_not_finite(self) -> None:
        """NaN and infinity are errors, never scores."""
        clip = make_clip(2, CLIP_S)
        for value in (np.nan, np.inf):
            broken = clip.copy()
            broken[0, 100] = value
            self._refuses(clip, broken, f"{value}")

    def test_refuses_silence(self) -> None:
        """An empty decode is an error, not a low score."""
        clip = make_clip(2, CLIP_S)
        self._refuses(clip, np.zeros_like(clip), "silence")

    def test_takes_another_level(self) -> None:
        """Half the level gives a score (many metrics are deaf to it), at most that of identity."""
        clip = make_clip(2, CLIP_S)
        assert self._score(clip, np.float32(0.5) * clip) <= self._score(clip, clip) + SLACK

    def test_travels_to_other_processes(self) -> None:
        """It pickles, and the copy says and scores the same."""
        metric = self.metric
        copy = pickle.loads(pickle.dumps(metric))
        assert (copy.name, copy.version, copy.about) == (metric.name, metric.version, metric.about)
        clip = make_clip(1, CLIP_S)
        coded = _noisy(clip, -20.0)
        assert abs(copy.score(clip, coded).mean - self._score(clip, coded)) < SAME

    def test_batches_agree(self) -> None:
        """What scores batches gives each pair the score that it gets alone."""
        if not isinstance(self.metric, ScoresBatches):
            return
        pairs = [(clip, _noisy(clip, -20.0)) for clip in _clips()]
        together = self.metric.score_batch(pairs)
        for pair, score in zip(pairs, together, strict=True):
            assert abs(score.mean - self._score(*pair)) < 1e-2

    def _score(self, reference: Pcm, coded: Pcm) -> float:
        score = self.metric.score(reference, coded)
        assert isinstance(score, Score), f"score() gave {score!r}, no tuner.scorer.Score"
        assert np.isfinite(score.mean) and 0 <= score.mean <= 100, f"{score.mean} is not 0 to 100"
        assert np.isfinite(score.spread) and score.spread >= 0
        return float(score.mean)

    def _refuses(self, reference: Pcm, coded: Pcm, what: str) -> None:
        try:
            score = self.metric.score(reference, coded)
        except ScoreError:
            return
        raise AssertionError(f"{what} is scored ({score.mean}); it must raise ScoreError")


def find_breaches(metric: Metric) -> Iterator[tuple[str, str | None]]:
    """Run the whole contract on a metric.

    Yields:
        What a test holds, in words, and what is wrong; None where it passes.
    """
    suite = type("Suite", (MetricContract,), {"metric": metric})()
    for name, test in vars(MetricContract).items():
        if not name.startswith("test_"):
            continue
        problem = None
        try:
            test(suite)
        except AssertionError as error:
            problem = str(error) or "it does not hold"
        except TunerError as error:
            problem = f"{type(error).__name__}: {error}"
        yield name.removeprefix("test_").replace("_", " "), problem


def hears_loud_noise(metric: Metric) -> bool:
    """Whether the loudest noise of the contract costs a stereo clip what it must; two scores."""
    clip = make_clip(2, CLIP_S)
    own, drowned = (metric.score(clip, coded).mean for coded in (clip, _noisy(clip, NOISE_DB[-1])))
    return own - drowned >= LEAST_LOSS


def _clips() -> list[Pcm]:
    """Mono and stereo."""
    return [make_clip(1, CLIP_S), make_clip(2, CLIP_S)]


def _noisy(clip: Pcm, level_db: float) -> Pcm:
    """The clip with white noise of its own at a level against it, dB."""
    noise = np.random.default_rng(11).standard_normal(clip.shape)
    amplitude = np.sqrt(np.mean(np.square(clip, dtype=np.float64))) * 10 ** (level_db / 20)
    return np.asarray(clip + amplitude * noise, dtype=np.float32)
