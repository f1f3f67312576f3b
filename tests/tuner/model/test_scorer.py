"""The shipped model as a scorer: what it must hear, and its failures."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file, save_model

from tuner.errors import ScoreError, WeightsError
from tuner.model import scorer
from tuner.model.insenet import InseNet
from tuner.model.scorer import InseNetScorer, load_members
from tuner.model.windows import pool
from tuner.scorer import ScoresBatches
from tuner.sound.audio import lowpass
from tuner.sound.synth import synthesize
from tuner.training.degrade import narrow, pre_echo

SCORER = InseNetScorer()


@pytest.fixture(scope="module")
def castanets() -> np.ndarray:
    return synthesize("castanets", seed=1, duration_s=6.0)


@pytest.fixture(scope="module")
def applause() -> np.ndarray:
    return synthesize("applause", seed=1, duration_s=6.0)


def test_identity_is_100(castanets: np.ndarray) -> None:
    """Nothing can score better than the reference itself."""
    assert SCORER.score(castanets, castanets).mean == pytest.approx(100, abs=0.01)


def test_anchors_are_in_order(applause: np.ndarray) -> None:
    """The 7 kHz anchor is bad, the 3.5 kHz anchor worse."""
    seven, three = (SCORER.score(applause, lowpass(applause, hz)).mean for hz in (7000.0, 3500.0))
    assert 75 > seven > three > 5


def test_pre_echo_is_heard(castanets: np.ndarray) -> None:
    """10 ms of pre-echo cost 5 points, 20 ms cost 12."""
    for length, least in ((10.0, 5.0), (20.0, 12.0)):
        coded = pre_echo(castanets, length, -20.0, np.random.default_rng(0))
        assert SCORER.score(castanets, coded).mean < 100 - least


def test_mono_downmix_is_heard(applause: np.ndarray) -> None:
    """A mono downmix of a wide clip costs 15 points."""
    assert SCORER.score(applause, narrow(applause, 0.0)).mean < 85


def test_a_batch_scores_as_one_by_one(castanets: np.ndarray, applause: np.ndarray) -> None:
    """Clips of other lengths, shorter than a window, and of one channel share it."""
    pairs = [
        (castanets, lowpass(castanets, 7000.0)),
        (applause[:, :200_000], narrow(applause[:, :200_000], 0.3)),
        (applause[:, :48_000], lowpass(applause[:, :48_000], 3500.0)),
        (castanets[:1], lowpass(castanets[:1], 7000.0)),
    ]
    assert isinstance(SCORER, ScoresBatches)
    for pair, score in zip(pairs, SCORER.score_batch(pairs), strict=True):
        alone = SCORER.score(*pair)
        assert score.mean == pytest.approx(alone.mean, abs=1e-4)
        assert score.spread == pytest.approx(alone.spread, abs=1e-4)
        assert score.windows == pytest.approx(alone.windows, abs=1e-4)


def test_without_a_gpu_it_stays_what_it_is() -> None:
    """And with one, its version stays, so that a cache holds scores of both."""
    on_gpu = SCORER.on_gpu()
    assert on_gpu.version == SCORER.version
    assert torch.cuda.is_available() or on_gpu == SCORER


def test_gain_and_polarity_are_not_heard(applause: np.ndarray) -> None:
    """1 dB of gain or inverted polarity cost at most a point."""
    for factor in (10 ** (1 / 20), 10 ** (-1 / 20), -1.0):
        assert SCORER.score(applause, (factor * applause).astype(np.float32)).mean > 99


def test_mono_short_and_silent_signals_have_scores() -> None:
    """One channel, 20 ms, and digital silence are scored without an error."""
    rng = np.random.default_rng(0)
    noise = (rng.standard_normal(shape) for shape in ((1, 48_000), (2, 960)))
    for pcm in (*noise, np.zeros((2, 9600))):
        signal = pcm.astype(np.float32) * np.float32(0.1)
        assert SCORER.score(signal, signal).mean == pytest.approx(100, abs=0.01)


def test_nan_and_other_shape_are_errors(castanets: np.ndarray) -> None:
    """A failure is never a score."""
    with pytest.raises(ScoreError, match="shape"):
        SCORER.score(castanets, castanets[:, :-1])
    with pytest.raises(ScoreError, match="NaN"):
        SCORER.score(castanets, np.full_like(castanets, np.nan))


def test_travels_and_knows_its_version() -> None:
    """The scorer is small to send, and its version follows the weights."""
    assert len(pickle.dumps(SCORER)) < 500
    assert pickle.loads(pickle.dumps(SCORER)) == SCORER


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\xff" * 64])
def test_damaged_weights_are_told(content: bytes, tmp_path: Path, castanets: np.ndarray) -> None:
    """Truncated or malicious weights are an error that names the file, not a crash."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"weights\.safetensors"):
        InseNetScorer(str(path)).score(castanets, castanets)


def test_missing_weights_are_told(tmp_path: Path) -> None:
    """The version of missing weights is an error that names the file."""
    with pytest.raises(WeightsError, match="none"):
        _ = InseNetScorer(str(tmp_path / "none")).version


def test_members_are_a_mixture(tmp_path: Path, applause: np.ndarray) -> None:
    """Several members: the mean of their means; how far they lie apart adds to the spread."""
    members = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        members.append(InseNet())
        save_model(members[-1], str(tmp_path / f"{seed}.safetensors"))
    save_model(torch.nn.ModuleList(members), str(tmp_path / "both.safetensors"))
    coded = lowpass(applause, 7000.0)
    one, other, both = (
        InseNetScorer(str(tmp_path / f"{name}.safetensors")).score(applause, coded)
        for name in ("1", "2", "both")
    )
    assert one.mean != other.mean
    assert one.disagreement == other.disagreement == 0
    assert both.mean == pytest.approx((one.mean + other.mean) / 2)
    assert both.disagreement == pytest.approx(abs(one.mean - other.mean) / 2)
    within = (one.spread**2 + other.spread**2) / 2
    assert both.spread == pytest.approx((within + both.disagreement**2) ** 0.5)


def test_weights_of_members_must_be_whole(tmp_path: Path, applause: np.ndarray) -> None:
    """A tensor missing from one member is an error."""
    weights = torch.nn.ModuleList([InseNet(), InseNet()]).state_dict()
    del weights["1.head.0.weight"]
    path = tmp_path / "weights.safetensors"
    save_file(weights, str(path))
    with pytest.raises(WeightsError, match=r"weights\.safetensors"):
        InseNetScorer(str(path)).score(applause, applause)


def test_windows_and_the_worst_of_them() -> None:
    """A long clip has a score for every 3 s, and the worst counts beyond its share."""
    means = np.array([[90.0, 50.0, 80.0], [92.0, 52.0, 84.0]])
    families = np.stack([means, means, means - 10], axis=2)
    score = pool(means, np.full((2, 3), 2.0), families)
    assert score.windows == (91.0, 51.0, 82.0)
    first = 100 - ((10**3 + 50**3 + 20**3) / 3) ** (1 / 3)
    assert score.members[0] == pytest.approx(first)
    assert score.mean == pytest.approx(np.mean(score.members))
    assert score.mean < np.mean(score.windows)
    assert score.families[:2] == pytest.approx([score.mean] * 2)
    assert score.families[2] < score.mean
    alike = pool(np.full((1, 4), 70.0), np.ones((1, 4)), np.full((1, 4, 3), 70.0))
    assert alike.mean == pytest.approx(70)


def test_damage_shows_in_its_window() -> None:
    """Noise in the last second of seven lowers the windows that hold it, and hardly the others:
    levels are matched over the whole clip, so that the noise turns it down a little.
    """
    reference = synthesize("applause", seed=1, duration_s=7.0)
    noise = np.random.default_rng(0).standard_normal(reference.shape).astype(np.float32)
    coded = reference.copy()
    coded[:, -48_000:] += 0.04 * noise[:, -48_000:]
    first, second, last = SCORER.score(reference, coded).windows
    assert min(first, second) > 95
    assert last < 90


def test_fused_networks_are_the_same(tmp_path: Path) -> None:
    """Putting batch norms into convolutions changes no score."""
    torch.manual_seed(3)
    network = InseNet().train()
    pair = [torch.rand(4, 4, 18, 32, 40) for _ in range(2)]
    network(*pair)  # batch statistics that are not those of a new network
    path = str(tmp_path / "weights.safetensors")
    save_model(network, path)
    (plain,), (fused,) = load_members(path), scorer.fused_members(path, "cpu")
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in fused.modules())
    with torch.inference_mode():
        for one, other in zip(plain(*pair), fused(*pair), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)
