"""Validation of finalists with the fake encoder and fake metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.answer.validation import choose_finalists, validate_bitrate
from tuner.answer.validator import Validator
from tuner.artefacts import ARTEFACTS
from tuner.jobs.executor import Executor, make_executor
from tuner.jobs.job import ClipRef
from tuner.records import Estimate, ListeningResult, NoAnswer, Side, Timing
from tuner.sound.audio import sample_digest
from tuner.testing import FakeEncoder, FakeScorer, SteppedEncoder, make_trial
from tuner.updates import Update, ValidationProgress

MODEL = FakeScorer("insenet", slope=1.5)
AGREEING = (FakeScorer("visqol", slope=1.0), FakeScorer("zimtohrli", slope=0.7))
OBJECTING = (FakeScorer("visqol"), FakeScorer("zimtohrli", slope=-1.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips and cache that all tests here share."""
    return tmp_path_factory.mktemp("validate")


@pytest.fixture(scope="module")
def executor(folder: Path) -> Iterator[Executor]:
    """One worker process."""
    local = make_executor("local", workers=1, cache_folder=folder / "cache")
    yield local
    local.close()


@pytest.fixture(scope="module")
def clips(folder: Path) -> dict[Side, list[ClipRef]]:
    """Six tune and ten held-out clips of noise in different colours."""
    rng = np.random.default_rng(5)
    refs = []
    for index in range(16):
        white = rng.standard_normal((1, 9600))
        smooth = np.cumsum(white, axis=1) * 0.002 * index
        pcm = (0.1 * white + smooth).astype(np.float32)
        path = folder / f"{index}.npy"
        np.save(path, pcm)
        refs.append(ClipRef(sample_digest(pcm), str(path), 1, 0.2))
    return {"tune": refs[:12:2], "holdout": [*refs[1:12:2], *refs[12:]]}


def trial(number: int, shaping: int, objective: float | None, knob: float = 60.0) -> Any:
    values = {"bandwidth_hz": "auto", "joint": True, "shaping": shaping}
    if objective is None:
        return make_trial(number, "infeasible", values=values, knob=knob)
    return make_trial(number, values=values, knob=knob, score=objective)


def setup(
    executor: Executor,
    clips: dict[Side, list[ClipRef]],
    judges: tuple[FakeScorer, ...] = AGREEING,
    encoder: FakeEncoder | None = None,
    updates: list[Update] | None = None,
) -> Validator:
    observer = [].append if updates is None else updates.append
    return Validator(encoder or FakeEncoder(), ".fake", executor, clips, MODEL, judges, 1, observer)


def validated(
    executor: Executor,
    clips: dict[Side, list[ClipRef]],
    trials: list[Any],
    judges: tuple[FakeScorer, ...] = AGREEING,
) -> Any:
    validator = setup(executor, clips, judges)
    return validate_bitrate(validator, 64.0, trials, trials[0], Timing(encodes=7))


def test_real_gain_is_confirmed(executor: Executor, clips: dict[Side, list[ClipRef]]) -> None:
    """Better settings on both sides, judges agreeing: confirmed, with everything stored."""
    result = validated(executor, clips, [trial(0, 3, 40.0), trial(1, 7, 46.0), trial(2, 0, 30.0)])
    assert (result.verdict.kind, result.winner) == ("confirmed", 1)
    default, winner, worse = result.candidates
    assert [default.trial, winner.trial, worse.trial] == [0, 1, 2]
    for candidate in result.candidates:
        for side in ("tune", "holdout"):
            heard = candidate.sides[side]
            assert heard.bitrate_kbps == pytest.approx(64, rel=0.01)
            # What judges say of the tuning clips could change nothing.
            judges = {"visqol", "zimtohrli"} if side == "holdout" else set()
            assert set(heard.scores) == {"insenet"} | judges
            assert set(heard.families) == ({"similarity", "distance"} if judges else set())
            for by_clip in heard.scores.values():
                assert set(by_clip) == {clip.digest for clip in clips[side]}
            assert set(heard.windows) == set(heard.diagnosis) == set(heard.scores["insenet"])
            assert set(heard.clip_kbps) == set(heard.scores["insenet"])
            # The clips are of one length.
            assert np.mean(list(heard.clip_kbps.values())) == pytest.approx(heard.bitrate_kbps)
            for figures in heard.diagnosis.values():
                assert set(figures) == {artefact.key for artefact in ARTEFACTS}
    # 4 dB less noise, as far as it is not masked by a floor; and no other fault.
    for digest, figures in winner.sides["holdout"].diagnosis.items():
        before = default.sides["holdout"].diagnosis[digest]
        assert figures["noise_db"] == pytest.approx(before["noise_db"] - 4, abs=0.5)
        assert figures["stereo_db"] == 0
    # Shaping 7 instead of 3 is 4 dB, of 1.5, 1.0 and 0.7 points each.
    gains = winner.sides["holdout"].gains
    assert gains["insenet"].value == pytest.approx(6.0, abs=0.5)
    assert gains["zimtohrli"].value == pytest.approx(2.8, abs=0.5)
    assert default.sides["holdout"].gains["insenet"].value == 0
    assert winner.sides["holdout"].families["distance"] == gains["zimtohrli"]
    assert worse.sides["holdout"].gains["insenet"].high < 0
    assert winner.command[0] == "fake" and winner.command[-2:] == ["input.wav", "output.fake"]
    assert result.timing.encodes == 7


def test_objection_keeps_the_default(executor: Executor, clips: dict[Side, list[ClipRef]]) -> None:
    """A judge that hears a loss objects, and the reader is given the default."""
    result = validated(executor, clips, [trial(0, 3, 40.0), trial(1, 7, 46.0)], OBJECTING)
    assert (result.verdict.kind, result.winner) == ("objected", 0)


def test_steps_beside_the_target(executor: Executor, clips: dict[Side, list[ClipRef]]) -> None:
    """Scores are of the target; what the command's step spends is kept and told."""
    encoder = SteppedEncoder(build="stepped")
    validator = setup(executor, clips, encoder=encoder)
    trials = [trial(0, 3, 40.0, 63.5), trial(1, 7, 46.0, 63.5)]
    result = validate_bitrate(validator, 64.0, trials, trials[0], Timing())
    side = result.candidates[1].sides["holdout"]
    assert side.bitrate_kbps == pytest.approx(64, rel=0.002)
    assert (side.spends_kbps, side.knob) == (pytest.approx(63.08, abs=0.05), 63.5)
    assert side.beside == [65.65, pytest.approx(65.22, abs=0.05)]
    assert side.gains["insenet"].value == pytest.approx(6.0, abs=0.5)
    assert result.candidates[1].nominal


def test_a_family_has_one_voice(executor: Executor, clips: dict[Side, list[ClipRef]]) -> None:
    """Its judges' scores are averaged clip by clip: one of two that objects is outvoted."""
    noise = (FakeScorer("2f", slope=1.0), FakeScorer("peaq", slope=-0.5))
    result = validated(executor, clips, [trial(0, 3, 40.0), trial(1, 7, 46.0)], (*AGREEING, *noise))
    side = result.candidates[1].sides["holdout"]
    assert side.gains["peaq"].high < 0 < side.gains["2f"].low
    mean = (side.gains["peaq"].value + side.gains["2f"].value) / 2
    assert side.families["masked noise"].value == pytest.approx(mean)
    assert result.verdict.kind == "confirmed"


def test_few_clips_are_preliminary(executor: Executor, clips: dict[Side, list[ClipRef]]) -> None:
    """With nine held-out clips the default stays, whatever all say; so with one recording."""
    trials = [trial(0, 3, 40.0), trial(1, 7, 46.0)]
    few = setup(executor, {**clips, "holdout": clips["holdout"][:9]})
    one = replace(setup(executor, clips), holdout_sources=1)
    for each in (few, one):
        result = validate_bitrate(each, 64.0, trials, trials[0], Timing())
        assert (result.verdict.kind, result.winner) == ("preliminary", 0)


def test_listeners_decide(executor: Executor, clips: dict[Side, list[ClipRef]]) -> None:
    """What people said on this bitrate stands above judges that object, and is kept."""
    heard = ListeningResult(Estimate(9.0, 4.0, 14.0), 6, 8, trial=1)
    asked = replace(setup(executor, clips, OBJECTING), listening={64.0: heard})
    trials = [trial(0, 3, 40.0), trial(1, 7, 46.0)]
    result = validate_bitrate(asked, 64.0, trials, trials[0], Timing())
    assert (result.verdict.kind, result.winner) == ("confirmed", 1)
    assert result.listening == heard
    other = replace(asked, listening={64.0: replace(heard, trial=2)})
    result = validate_bitrate(other, 64.0, trials, trials[0], Timing())
    assert (result.verdict.kind, result.listening) == ("objected", None)


def test_nothing_better_is_a_result(executor: Executor, clips: dict[Side, list[ClipRef]]) -> None:
    """When no trial beats the default, nothing better was found."""
    for trials in ([trial(0, 7, 46.0), trial(1, 0, 20.0)], [trial(0, 7, 46.0)]):
        result = validated(executor, clips, trials)
        assert (result.verdict.kind, result.winner) == ("nothing better was found", 0)


def test_tune_side_chooses(executor: Executor, clips: dict[Side, list[ClipRef]]) -> None:
    """The verdict is on the best by tune objective, whatever does better on held-out clips."""
    result = validated(executor, clips, [trial(0, 3, 40.0), trial(1, 5, 48.0), trial(2, 7, 46.0)])
    assert result.candidates[1].values["shaping"] == 5
    by_holdout = [c.sides["holdout"].gains["insenet"].value for c in result.candidates]
    assert by_holdout[2] > by_holdout[1]
    assert result.winner == 1


def test_the_objective_is_reported_beside_the_mean(
    executor: Executor, clips: dict[Side, list[ClipRef]]
) -> None:
    """What was maximised has its own gain; where it is the mean there is none."""
    trials = [trial(0, 3, 40.0), trial(1, 7, 46.0)]
    worst = replace(setup(executor, clips), objective="worst-quarter")
    result = validate_bitrate(worst, 64.0, trials, trials[0], Timing())
    default, tuned = (candidate.sides["holdout"] for candidate in result.candidates)
    for side in (default, tuned):
        assert side.objective == side.scores["insenet"]
    count = -(-len(clips["holdout"]) // 4)
    lowest = [sum(sorted(side.objective.values())[:count]) / count for side in (default, tuned)]
    assert tuned.objective_gain is not None
    assert tuned.objective_gain.value == pytest.approx(lowest[1] - lowest[0])
    assert default.objective_gain == Estimate(0.0, 0.0, 0.0)
    assert "by worst quarter, which the search maximised" in result.verdict.sentence
    consensus = replace(setup(executor, clips), objective="consensus")
    (_, mean) = validate_bitrate(consensus, 64.0, trials, trials[0], Timing()).candidates
    assert mean.sides["holdout"].objective_gain is None  # the fake has no families


def test_finalists_are_distinct() -> None:
    """The default, then three other settings by objective; repeats and failures left out."""
    trials = [
        trial(0, 3, 40.0),
        trial(1, 3, 40.0),
        trial(2, 7, 46.0),
        trial(3, 7, 46.0),
        trial(4, 6, 45.0),
        trial(5, 9, None),
        trial(6, 5, 44.0),
        trial(7, 4, 43.0),
    ]
    assert [record.number for record in choose_finalists(trials, trials[0])] == [0, 2, 4, 6]


def test_default_out_of_reach_is_told(executor: Executor, clips: dict[Side, list[ClipRef]]) -> None:
    """Without a default there is no answer but a reason."""
    result = validated(executor, clips, [trial(0, 3, None)])
    assert isinstance(result, NoAnswer) and "cannot reach 64 kb/s" in result.problem


def test_finalist_that_fails_goes_last(
    executor: Executor, clips: dict[Side, list[ClipRef]]
) -> None:
    """A finalist that cannot be scored is kept with its problem, behind the others."""
    encoder = FakeEncoder(crash_on=(("shaping", 7),), build="crashing")
    trials = [trial(0, 3, 40.0), trial(1, 7, 46.0), trial(2, 6, 44.0)]
    updates: list[Update] = []
    validator = setup(executor, clips, encoder=encoder, updates=updates)
    result = validate_bitrate(validator, 64.0, trials, trials[0], Timing())
    assert [c.trial for c in result.candidates] == [0, 2, 1]
    assert "exit code 3" in (result.candidates[2].problem or "")
    assert (result.verdict.kind, result.winner) == ("confirmed", 1)
    told = [update for update in updates if isinstance(update, ValidationProgress)]
    total = 3 * sum(map(len, clips.values()))
    assert [each.done for each in told[:3]] == [0, 1, 2], "clip by clip"
    assert told[-1] == ValidationProgress(64.0, total, total)


def test_default_that_fails_in_validation(
    executor: Executor, clips: dict[Side, list[ClipRef]]
) -> None:
    """If the default fails on the held-out clips nothing can be compared."""
    encoder = FakeEncoder(crash_on=(("shaping", 3),), build="crashing default")
    validator = setup(executor, clips, encoder=encoder)
    trials = [trial(0, 3, 40.0), trial(1, 7, 46.0)]
    result = validate_bitrate(validator, 64.0, trials, trials[0], Timing())
    assert isinstance(result, NoAnswer) and "cannot be validated" in result.problem
