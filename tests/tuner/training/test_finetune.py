"""Listeners teach the network: likelihood, what learns and what stays."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tuner.model.insenet import InseNet
from tuner.training import finetune
from tuner.training.agreement import Prediction, agreement, predict
from tuner.training.finetune import Hyper, Taught, Tuning, fit_ensemble, likelihood_loss, order_loss


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other in tiny batches take minutes on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def network() -> InseNet:
    torch.manual_seed(0)
    return InseNet().eval()


def taught(seed: int, ratings: bool = True) -> Taught:
    """A reference and three versions, further from it and rated worse in turn."""
    rng = np.random.default_rng(seed)
    reference = rng.random((4, 18, 32, 8))
    noise = rng.standard_normal(reference.shape)
    stored = np.stack([reference + gain * noise for gain in (0, 0.05, 0.2, 0.5)])
    given = ((85.0, 90.0, 80.0), (50.0, 70.0), (10.0, 20.0, 40.0, 25.0))
    return Taught((torch.from_numpy(stored).half(),), given if ratings else ())


def test_likelihood_counts_every_rating_once() -> None:
    """Versions with other numbers of ratings; the loss is the mean of their log densities."""
    mean, scale = torch.tensor([50.0, 80.0]), torch.tensor([5.0, 2.0])

    def density(x: float, m: float, s: float) -> float:
        return float(np.exp(-(x - m) / s) / (s * (1 + np.exp(-(x - m) / s)) ** 2))

    expected = -np.mean(np.log([density(40, 50, 5), density(61, 50, 5), density(79, 80, 2)]))
    loss = likelihood_loss(mean, scale, [(40.0, 61.0), (79.0,)])
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_order_prefers_the_listeners_order() -> None:
    ratings = [(50.0,), (60.0, 62.0), (90.0,)]
    right = order_loss(torch.tensor([50.0, 60.0, 90.0]), ratings)
    assert right < order_loss(torch.tensor([90.0, 60.0, 50.0]), ratings)


def test_likelihood_falls_and_early_blocks_stay(network: InseNet) -> None:
    """On signals that were not taught, too; the network that was given is unchanged."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    rated = [taught(seed) for seed in range(4)]
    hyper = Hyper(epochs=10, learning_rate=3e-3, first_block=4)
    tuning = Tuning(network, rated, [], hyper)
    (fitted,) = fit_ensemble([tuning], [0, 1, 2])

    def loss(model: InseNet, of: Taught) -> float:
        told = predict([model], of.features[0])
        tensors = torch.from_numpy(told.mean), torch.from_numpy(told.scale)
        return float(likelihood_loss(*tensors, of.ratings))

    assert loss(fitted, rated[0]) < loss(network, rated[0])
    assert loss(fitted, rated[3]) < loss(network, rated[3])
    moved = set()
    for name, value in fitted.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], before[name], rtol=0, atol=0)
        if not torch.equal(value, before[name]):
            moved.add(".".join(name.split(".")[:2]))
    assert moved == {"blocks.4", "blocks.5", "bands.weight", "bands.bias", "head.0", "head.2"}


def test_the_late_part_is_the_network(network: InseNet) -> None:
    """From the stored maps on it says what the whole network says."""
    stored = taught(0).features[0]
    mean, scale = finetune._Late(network, 4)(finetune._hear(network, 4, stored))
    whole = predict([network], stored)
    np.testing.assert_allclose(mean.detach(), whole.mean, rtol=1e-5)
    np.testing.assert_allclose(scale.detach(), whole.scale, rtol=1e-5)


def test_replayed_sounds_keep_their_score(network: InseNet) -> None:
    """With replay a sound that nobody rated moves less."""
    rated, other = [taught(seed) for seed in range(3)], taught(9, ratings=False)
    before = predict([network], other.features[0]).mean

    def change(replay: float) -> float:
        hyper = Hyper(epochs=8, learning_rate=3e-3, first_block=3, replay=replay)
        fitted = Tuning(network, rated, [other], hyper).fit(range(3), 0)
        return float(np.abs(predict([fitted], other.features[0]).mean - before).mean())

    assert change(30.0) < 0.5 * change(0.0)


def test_members_differ_and_are_a_mixture(network: InseNet) -> None:
    """Seeds give other networks; where they disagree the prediction is wider."""
    rated = [taught(seed) for seed in range(3)]
    hyper = Hyper(epochs=3, members=2, references_per_batch=1)
    one, other = fit_ensemble([Tuning(network, rated, [], hyper)], range(3))
    stored = rated[0].features[0]
    alone, beside, both = (predict(models, stored) for models in ([one], [other], [one, other]))
    assert not np.array_equal(alone.mean, beside.mean)
    np.testing.assert_allclose(both.mean, (alone.mean + beside.mean) / 2)
    assert (both.scale >= np.minimum(alone.scale, beside.scale)).all()


def test_agreement_of_a_perfect_and_a_narrow_prediction() -> None:
    """The interval ends at the ends of the scale: a rating of 100 lies in one that reaches it."""
    ratings = [((10.0, 30.0), (50.0, 70.0)), ((100.0, 90.0),)]
    means = [np.array([20.0, 60.0]), np.array([95.0])]
    wide = agreement([Prediction(m, np.full(len(m), 5.0)) for m in means], ratings)
    assert (wide.pearson, wide.spearman, wide.error) == pytest.approx((1, 1, 0))
    assert wide.coverage == 1.0
    narrow = agreement([Prediction(m, np.full(len(m), 0.1)) for m in means], ratings)
    assert narrow.coverage == 0.0


def test_replayed_sounds_are_coded_music() -> None:
    """Reference first; the versions differ from it."""
    made = finetune.replayed_sounds(count=1)
    (stored,) = made[0].features
    assert stored.shape[0] == 1 + finetune.REPLAY_VERSIONS
    assert made[0].ratings == ()
    assert all(not torch.equal(stored[0], version) for version in stored[1:])
