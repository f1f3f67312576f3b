"""The data of the plots."""

from dataclasses import replace

import numpy as np
import pytest

from tuner.records import MODEL
from tuner.report.charts import build_charts, find_hull
from tuner.report.comparison import Curves, find_curves, find_metrics
from tuner.report.curves import Curve


def charts(runs):
    return build_charts(runs, find_curves(runs, find_metrics(runs)))


def curve(name, rates, means, recommended=True):
    scores = np.array([means, means], float)
    targets = [round(rate) for rate in rates]
    return Curve(
        name, targets, np.array(rates), ["a", "b"], scores, [recommended] * len(rates), 0 * scores
    )


def test_the_curves_hold_every_metric_and_bitrate(hostile_results, as_runs):
    """Four bitrates by three metrics; what is not recommended is apart."""
    (run,) = charts(as_runs(hostile_results))["runs"]
    assert [len(each["tuned"]) for each in run["curves"].values()] == [4, 4, 4]
    assert [point["used"] for point in run["curves"][MODEL]["tuned"]] == [True] * 4
    assert [point["target"] for point in run["curves"][MODEL]["found"]] == ["96", "128", "160"]
    assert not any(point["used"] for point in run["curves"][MODEL]["found"])
    assert all(p["low"] < p["y"] < p["high"] for p in run["curves"][MODEL]["default"])


def test_the_trials_rows_hold_what_differs_and_why(small_results, as_runs):
    """Number, state, figures, changes and the reason, in the order of the columns."""
    rows = charts(as_runs(small_results))["runs"][0]["trials"][0]
    assert len(rows) == 60
    assert rows[0][:2] == [0, "complete"]
    assert rows[0][3] == ""
    assert rows[13][1] == "infeasible"
    assert rows[13][10] == "no knob value spends 64 kb/s: 58.1 or 71.4"
    assert "rate mode vbr" in rows[13][9]
    assert rows[13][2] == ""


def test_the_hull_leaves_out_what_another_encoder_beats():
    """Corners rise, bend to the right over log bitrate, and name whose they are."""
    good = Curves(curve("default a", [48, 64, 128], [50, 60, 70]), None)
    late = Curves(curve("default b", [48, 64, 128], [40, 45, 80]), None)
    hull = find_hull([good, late])
    assert [(corner["x"], corner["name"]) for corner in hull] == [
        (48, "default a"),
        (64, "default a"),
        (128, "default b"),
    ]
    sagging = Curves(curve("default a", [48, 64, 128], [50, 52, 80]), None)
    assert [corner["x"] for corner in find_hull([sagging])] == [48, 128]


def test_the_hull_holds_no_settings_that_are_not_recommended():
    """Unproven points are drawn, but nobody is sent to them."""
    default = curve("default a", [48, 64], [50, 60])
    unproven = curve("tuned a", [48.2, 64.1], [55, 65], recommended=False)
    assert {c["name"] for c in find_hull([Curves(default, unproven)])} == {"default a"}
    proven = replace(unproven, recommended=[True, True])
    # One point per target: bitrates within the tolerance of matching are equal.
    assert [c["y"] for c in find_hull([Curves(default, proven)])] == pytest.approx([55, 65])
