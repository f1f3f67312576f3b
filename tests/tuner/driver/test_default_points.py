"""Where the default is measured besides the targets."""

import pytest

from tuner.driver.default_points import APART, default_points


@pytest.mark.parametrize(
    ("targets", "points"),
    [
        ([64.0], [43, 52, 78, 96]),
        ([48.0, 64.0, 96.0, 128.0], [32, 78, 192]),
        ([64.0, 96.0], [43, 78, 144]),
        ([6.0], [4.0, 4.9, 7.3, 9.0]),
    ],
)
def test_points_lie_around_the_targets(targets: list[float], points: list[float]) -> None:
    """Five or more with the targets, from two thirds of the lowest to half above the highest."""
    assert default_points(targets) == points


@pytest.mark.parametrize("targets", [[64.0, 65.0], [8.0, 500.0], [24.0, 32.0, 48.0, 64.0, 96.0]])
def test_no_two_points_are_the_same(targets: list[float]) -> None:
    """Nearly the same bitrate twice would say nothing of the slope."""
    points = default_points(targets)
    assert len(points) + len(targets) >= 5
    for point in points:
        others = [*targets, *(each for each in points if each != point)]
        assert all(max(point, each) / min(point, each) > APART - 0.03 for each in others)
