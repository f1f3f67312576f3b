"""Opinions and their fusion: identity, order, families that are deaf, what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tuner.errors import ScoreError
from tuner.training import fusion, odaq
from tuner.training.degrade import FAMILIES as ARTEFACTS
from tuner.training.fusion import Curve, Fusion, Raw

#: PEAQ's variables of a signal against itself.
SAME = (900.0, 900.0, -137.0, *[0.0] * 8)
IDENTITY = Raw((4.732, 4.732, None, None), (5.0, 5.0, None, None), (-12.0, -12.0), SAME)


def peaq(nmr: float = -137.0, adb: float = 0.0, modulation: float = 0.0) -> tuple[float, ...]:
    """Variables of which those that count are given."""
    values = list(SAME)
    values[fusion.TOTAL_NMR], values[fusion.ADB] = nmr, adb
    values[fusion.AVG_MOD_DIFF_1] = modulation
    return tuple(values)


def simple(weights: tuple[float, float, float] = (0.2, 0.3, 0.5)) -> Fusion:
    """Straight curves: ViSQOL and Zimtohrli lose 25 a MOS, noise to mask 4 a dB, 2f 0.2 a point."""
    curves = {
        "visqol": Curve((5.0, 1.0), (0.0, 100.0)),
        "zimtohrli": Curve((5.0, 1.0), (0.0, 100.0)),
        "noise to mask": Curve((-20.0, 0.0), (0.0, 80.0)),
        "two f": Curve((100.0, 0.0), (0.0, 20.0)),
    }
    return Fusion(curves, dict(zip(fusion.FAMILIES, weights, strict=True)))


def test_identity_is_100() -> None:
    """A signal against itself gets 100 of every family and of all together."""
    assert fusion.opinions(IDENTITY) == (100.0, 100.0, 100.0)
    assert fusion.fused(IDENTITY) == 100.0


@pytest.mark.parametrize(
    "raws",
    [
        [replace(IDENTITY, visqol=(mos, None, None, None)) for mos in np.linspace(4.8, 1, 40)],
        [replace(IDENTITY, zimtohrli=(mos, None, None, None)) for mos in np.linspace(5, 1, 40)],
        [replace(IDENTITY, zimtohrli=(5.0, mos, None, None)) for mos in np.linspace(5, 1, 40)],
        [replace(IDENTITY, peaq=peaq(nmr=nmr)) for nmr in np.linspace(-140, 20, 40)],
        [replace(IDENTITY, peaq=peaq(adb=adb)) for adb in np.linspace(-0.5, 3.5, 40)],
        [replace(IDENTITY, peaq=peaq(modulation=m)) for m in np.linspace(0, 500, 40)],
    ],
    ids=["visqol", "zimtohrli", "zimtohrli of the side", "noise to mask", "adb", "modulation"],
)
def test_worse_is_never_more(raws: list[Raw]) -> None:
    """Where one metric says worse no opinion rises, and the worst loses something."""
    said = np.array([(*fusion.opinions(raw), fusion.fused(raw)) for raw in raws])
    assert np.all(np.diff(said, axis=0) <= 1e-9)
    assert said.min() >= 0 and said.max() <= 100
    assert said[-1].sum() < said[0].sum()


def test_what_a_clip_loses() -> None:
    """Opinions are 100 less the curves; the fused one loses the weighted sum of the losses."""
    raw = Raw((4.0, None, None, None), (3.0, None, None, None), (-60.0, -60.0), peaq(nmr=-10.0))
    said = simple().opinions(raw)
    assert said == pytest.approx((75.0, 50.0, 60.0))
    assert simple().fused(raw) == pytest.approx(100 - 0.2 * 25 - 0.3 * 50 - 0.5 * 40)


def test_two_curves_make_masked_noise() -> None:
    """Noise to mask and the 2f-model lose together."""
    raw = replace(IDENTITY, peaq=peaq(nmr=-10.0, adb=2.0))
    model = fusion.two_f_uncut(0.0, 2.0)
    assert 0 < model < 100
    assert simple().opinions(raw).masked_noise == pytest.approx(60 - 0.2 * (100 - model))


def test_two_f_model() -> None:
    """The published formula: 118.5 for identity; the constants of a worked case."""
    assert fusion.two_f_uncut(0.0, 0.0) == pytest.approx(118.54, abs=0.01)
    # 56.1345 / (1 + (-0.282 - 0.8628)**2) - 27.1451 + 86.3515
    assert fusion.two_f_uncut(10.0, 1.0) == pytest.approx(83.50, abs=0.01)


def test_side_counts_by_its_level() -> None:
    """A damaged side costs the more the louder it is, and nothing when it is not heard."""
    costs = []
    for level in (-60.0, -20.0, -10.0, 0.0):
        raw = replace(IDENTITY, zimtohrli=(5.0, 2.0, None, None), side_db=(level, level))
        costs.append(100 - fusion.opinions(raw).distance)
    assert costs[0] == 0 and costs == sorted(costs) and len(set(costs)) == 4


def test_left_and_right_can_only_take() -> None:
    """Their mean is taken where it is lower than the opinion of mid and side."""
    low = replace(IDENTITY, visqol=(4.732, 4.732, 3.0, 3.4))
    high = replace(IDENTITY, visqol=(3.0, 3.0, 4.732, 4.732))
    middle = replace(IDENTITY, visqol=(3.0, 3.0, None, None))
    assert fusion.opinions(low).similarity < 100
    assert fusion.opinions(high) == fusion.opinions(middle)


def test_others_speak_for_a_deaf_family() -> None:
    """A family without a say gets the others' opinion, and moves the fused one no more."""
    raw = Raw((5.0, None, None, None), (3.0, None, None, None), (-60.0, -60.0), peaq(nmr=-10.0))
    deaf = replace(raw, deaf=frozenset({"similarity"}))
    said = simple().opinions(deaf)
    assert said.similarity == pytest.approx((0.3 * 50 + 0.5 * 60) / 0.8)
    assert said[1:] == simple().opinions(raw)[1:]
    for mos in (2.0, 4.0):
        other = replace(deaf, visqol=(mos, None, None, None))
        assert simple().opinions(other) == said
        assert simple().fused(other) == simple().fused(deaf)
    # Identity stays 100 whoever is deaf.
    assert simple((0.2, 0.0, 0.0)).fused(replace(IDENTITY, deaf=deaf.deaf)) == 100.0


def test_somebody_must_hear() -> None:
    """No opinion can be had from nobody."""
    with pytest.raises(ValueError, match="no family"):
        fusion.opinions(replace(IDENTITY, deaf=frozenset(fusion.FAMILIES)))


def test_deafness_by_artefact() -> None:
    """What is named is an artefact that exists; any of several makes deaf; others do not."""
    known = set(ARTEFACTS) | {each.family for each in odaq.conditions()}
    assert set(fusion.DEAF) <= known
    assert fusion.deaf_to(["clipping", "pre-echo"]) == {"similarity"}
    assert fusion.deaf_to(["clipping"]) == fusion.deaf_to([]) == frozenset()


@pytest.mark.parametrize(
    "damage",
    [
        {"visqol": (float("nan"), None, None, None)},
        {"zimtohrli": (5.0, float("nan"), None, None)},
        {"peaq": peaq(nmr=float("inf"))},
        {"visqol": (None, None, None, None)},
    ],
)
def test_no_number_is_no_score(damage: dict[str, tuple[float | None, ...]]) -> None:
    """What is not finite or not measured is an error, never an opinion."""
    with pytest.raises(ScoreError):
        fusion.fused(replace(IDENTITY, **damage))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "lost"),
    [
        ((5.0, 1.0), (0.0,)),
        ((5.0,), (0.0,)),
        ((5.0, 1.0), (1.0, 2.0)),
        ((5.0, 4.0, 1.0), (0.0, 20.0, 10.0)),
        ((5.0, 6.0, 1.0), (0.0, 10.0, 20.0)),
    ],
)
def test_curves_that_are_refused(at: tuple[float, ...], lost: tuple[float, ...]) -> None:
    """Knots of another number, out of order, no loss of 0 first, losses that fall."""
    with pytest.raises(ValueError, match=r"curve|knots"):
        Curve(at, lost)


def test_file_round_trip() -> None:
    """What is written is read again, and another version is refused."""
    record = json.loads(json.dumps(fusion.to_json(simple())))
    assert fusion.from_json(record) == simple()
    with pytest.raises(ValueError, match="version 99"):
        fusion.from_json({**record, "version": 99})


def test_shipped_weights_are_not_negative() -> None:
    """Nothing gains from what a family says is worse; somebody counts."""
    weights = fusion.shipped().weights
    assert min(weights.values()) >= 0 and sum(weights.values()) > 0.5
