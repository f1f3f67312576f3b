"""For tests: the contracts of adapters, metrics and executors, clips, fakes.

An adapter's or a metric's whole test module, an outsider's too::

    from tuner.testing import EncoderContract, MetricContract
    class TestMine(EncoderContract):
        encoder = Mine()
    class TestMyMetric(MetricContract):
        metric = MyMetric()
"""

from tuner.testing.at_once import AtOnce, jobs_in_place
from tuner.testing.clips import CLIP_S, make_clip, real_clip
from tuner.testing.contract import EncoderContract
from tuner.testing.executor_contract import ExecutorContract
from tuner.testing.fakes import FakeEncoder, FakeScorer, SteppedEncoder, make_trial
from tuner.testing.metric_contract import MetricContract, find_breaches
from tuner.testing.probe import spread_knobs

__all__ = [
    "CLIP_S",
    "AtOnce",
    "EncoderContract",
    "ExecutorContract",
    "FakeEncoder",
    "FakeScorer",
    "MetricContract",
    "SteppedEncoder",
    "find_breaches",
    "jobs_in_place",
    "make_clip",
    "make_trial",
    "real_clip",
    "spread_knobs",
]
