"""The network's guarantees, whatever its weights."""

import torch

from tuner.model.insenet import InseNet, transfer


def _features(seed: int, frames: int = 50) -> torch.Tensor:
    return torch.rand(2, 4, 18, 32, frames, generator=torch.Generator().manual_seed(seed))


def test_identity_is_100_by_construction() -> None:
    """Equal magnitudes score 100 with untrained weights, by the families' heads, too."""
    torch.manual_seed(0)
    features = _features(1)
    mean, _, families = InseNet().eval()(features, features)
    assert torch.equal(mean, torch.full((2,), 100.0))
    assert torch.equal(families, torch.full((2, 3), 100.0))


def test_range_and_any_length() -> None:
    """Means stay in 0 to 100 and scales above 0 from 1 frame to many."""
    torch.manual_seed(0)
    model = InseNet().eval()
    for frames in (1, 7, 260):
        mean, scale, families = model(_features(1, frames), _features(2, frames))
        assert mean.shape == scale.shape == (2,)
        assert families.shape == (2, 3)
        assert ((mean >= 0) & (mean <= 100)).all()
        assert ((families >= 0) & (families <= 100)).all()
        assert (scale > 0).all()


def test_gradients_reach_every_weight() -> None:
    """No branch of the network is dead."""
    torch.manual_seed(0)
    model = InseNet().train()
    (sum(part.sum() for part in model(_features(1), _features(2)))).backward()
    dead = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert dead == []


def test_a_mono_clip_is_heard_as_by_the_mono_network() -> None:
    """After the transfer, whatever the stereo network was before."""
    torch.manual_seed(0)
    mono, stereo = InseNet(1).eval(), InseNet().eval()
    transfer(mono, stereo)
    pair = [_features(seed)[:, :1] for seed in (1, 2)]
    alike = [torch.cat([f, f, f, torch.zeros_like(f)], dim=1) for f in pair]
    for one, other in zip(mono(*pair), stereo(*alike), strict=True):
        # The silent side counts in the mean distance, which both saturate.
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)
