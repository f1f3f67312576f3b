"""For tests: the contract that every adapter must keep, clips, a fake encoder, a fake scorer.

An adapter's whole test module, an outsider's too::

    from tuner.testing import EncoderContract
    class TestMine(EncoderContract):
        encoder = Mine()
"""

from tuner.testing.clips import CLIP_S, make_clip, real_clip
from tuner.testing.contract import EncoderContract
from tuner.testing.fakes import FakeEncoder, FakeScorer
from tuner.testing.probe import spread_knobs

__all__ = [
    "CLIP_S",
    "EncoderContract",
    "FakeEncoder",
    "FakeScorer",
    "make_clip",
    "real_clip",
    "spread_knobs",
]
