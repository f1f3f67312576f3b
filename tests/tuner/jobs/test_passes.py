"""Jobs over a clip set, matched to a bitrate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from tuner.encoder import Pcm, RateMode, Settings, default_settings
from tuner.jobs.passes import JUMP, Passes, spent_kbps
from tuner.rate import RateMatch, Unreachable
from tuner.testing import FakeEncoder, FakeScorer


@dataclass(frozen=True)
class _Jumping(FakeEncoder):
    """Changes its mode at 50 kb/s and then spends more, as Opus does."""

    jump: float = 1.5
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        replace(FakeEncoder.rate_modes[0], step=0.1),
        FakeEncoder.rate_modes[1],
    )

    def spent_kbps(self, pcm: Pcm, settings: Settings, knob: float) -> float:
        return super().spent_kbps(pcm, settings, knob) * (1.0 if knob < 50 else self.jump)


def test_a_jump_over_the_target_has_two_sides(make_passes: Callable[..., Passes]) -> None:
    """The default gets a score between them, of the target's bits; a step up to an octave wide."""
    passes = make_passes(_Jumping(), 4)
    settings = default_settings(passes.encoder)
    assert isinstance(passes.match(settings, 64.0), Unreachable)
    match = passes.match_widely(settings, 64.0)
    assert isinstance(match, RateMatch) and match.beside is not None
    low, high = sorted([match.kbps, match.beside[1]])
    assert low < 64 < high and high / low == pytest.approx(1.5, rel=0.01)
    heard = passes.hear(settings, match, (FakeScorer(),))
    assert spent_kbps(passes.clips, list(heard.values())) == pytest.approx(64, rel=0.005)
    near, far = (passes.run(settings, k, (FakeScorer(),)) for k in (match.knob, match.beside[0]))
    for digest, outcome in heard.items():
        ends = sorted(each[digest].scores["fake"].mean for each in (near, far))
        assert ends[0] < outcome.scores["fake"].mean < ends[1]
    wide = make_passes(_Jumping(jump=1.1 * JUMP, build="2"), 4)
    assert isinstance(wide.match_widely(settings, 64.0), Unreachable)
