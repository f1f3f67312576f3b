"""The ablation on the fake encoder, whose settings are worth known decibels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from tuner.answer.ablation import MOST_SETTINGS, AblationSetup, ablate
from tuner.encoder import Encoder, Parameter, Settings, Value
from tuner.jobs.passes import Passes
from tuner.records import Ablation, AblationFailed, Candidate, SideResult
from tuner.study.space import make_space
from tuner.testing import FakeEncoder, FakeScorer

MODEL = FakeScorer("insenet", slope=1.0)
DEFAULT: dict[str, Value] = {"shaping": 3, "joint": True, "bandwidth_hz": "auto"}
BEST: dict[str, Value] = {"shaping": 7, "joint": True, "bandwidth_hz": 14_000}


EXTRA = tuple(
    Parameter(f"extra_{n:02d}", "int", 0, "does nothing", low=0, high=1) for n in range(14)
)


class Wide(FakeEncoder):
    """The fake with settings that change nothing."""

    parameters = (*FakeEncoder.parameters, *EXTRA)


@pytest.fixture
def passes(make_passes: Callable[..., Passes]) -> Passes:
    return make_passes(count=4)


def candidate(
    passes: Passes, mode: str, values: Mapping[str, Value], encoder: Encoder | None = None
) -> Candidate:
    """Settings as validation leaves them: matched to 64 kb/s and scored on the tune side."""
    settings = Settings.of(mode, values)
    own = Passes(encoder or FakeEncoder(), passes.executor, passes.clips, lambda _: None, 64.0)
    match = own.match(settings, 60.0 if mode == "abr" else 5.0)
    heard = own.run(settings, match.knob, (MODEL,))  # type: ignore[union-attr]
    means = {digest: each.scores["insenet"].mean for digest, each in heard.items()}
    side = SideResult(match.knob, 64.0, {"insenet": means}, {}, {})  # type: ignore[union-attr]
    return Candidate(1, mode, dict(values), [], {"tune": side})


def setup(
    passes: Passes, told: list[tuple[int, int]] | None = None, encoder: Encoder | None = None
) -> AblationSetup:
    encoder = encoder or FakeEncoder()
    space = make_space(encoder, {})
    tell = [] if told is None else told
    return AblationSetup(
        encoder, space, passes.executor, passes.clips, MODEL, 1, lambda *at: tell.append(at)
    )


def test_each_setting_is_worth_its_decibels(passes: Passes) -> None:
    """Shaping 4 dB, a bandwidth of 14 kHz 3 dB, of one point each, at equal bitrate."""
    told: list[tuple[int, int]] = []
    default, tuned = candidate(passes, "abr", DEFAULT), candidate(passes, "abr", BEST)
    records = ablate(setup(passes, told), 64.0, default, tuned, {})
    assert [record.parameter for record in records] == ["shaping", "bandwidth_hz"]
    shaping, bandwidth = records
    assert isinstance(shaping, Ablation) and isinstance(bandwidth, Ablation)
    assert shaping.worth.value == pytest.approx(4.0, abs=0.3)
    assert (shaping.value, shaping.default) == (7, 3)
    assert shaping.bitrate_kbps == pytest.approx(64, rel=0.01)
    # An optional number is one setting, from the number back to the word.
    assert (bandwidth.value, bandwidth.default) == (14_000, "auto")
    assert bandwidth.worth.value == pytest.approx(3.0, abs=0.3)
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_the_rate_mode_is_put_back_with_a_knob_of_its_own(passes: Passes) -> None:
    """vbr is worth 2 dB; everything else stays."""
    default = candidate(passes, "abr", DEFAULT)
    tuned = candidate(passes, "vbr", {**DEFAULT, "shaping": 7})
    records = {r.parameter: r for r in ablate(setup(passes), 64.0, default, tuned, {})}
    assert set(records) == {"rate_mode", "shaping"}
    mode = records["rate_mode"]
    assert (mode.value, mode.default) == ("vbr", "abr")
    assert isinstance(mode, Ablation) and mode.worth.value == pytest.approx(2.0, abs=0.3)


def test_a_failure_is_a_problem_and_no_score(passes: Passes) -> None:
    """What cannot be run says why and comes last."""
    default, tuned = candidate(passes, "abr", DEFAULT), candidate(passes, "abr", BEST)
    encoder = FakeEncoder(crash_on=(("bandwidth_hz", "auto"),), build="crashing")
    records = ablate(setup(passes, encoder=encoder), 64.0, default, tuned, {})
    assert records[-1].parameter == "bandwidth_hz"
    assert isinstance(records[-1], AblationFailed) and "exit code 3" in records[-1].problem


def test_the_most_important_are_taken(passes: Passes) -> None:
    """Of more settings than are run, the important ones; the same settings give none."""
    low = {**DEFAULT, **{p.name: 0 for p in EXTRA}}
    high = {**DEFAULT, **{p.name: 1 for p in EXTRA}}
    encoder = Wide()
    default = candidate(passes, "abr", low, encoder)
    tuned = candidate(passes, "abr", high, encoder)
    wide = setup(passes, encoder=encoder)
    records = ablate(wide, 64.0, default, tuned, {"extra_13": 0.5, "extra_12": 0.2})
    assert len(records) == MOST_SETTINGS
    assert {"extra_12", "extra_13"} <= {record.parameter for record in records}
    assert ablate(wide, 64.0, default, replace(default, trial=2), {}) == []
