"""The Pareto set as a drawing."""

from dataclasses import replace

from msgspec import structs

from tuner.report.pareto import draw_pareto


def test_the_front_rises_to_the_right(small_results):
    """Faster is left, better is up; what is not on the front is drawn below it."""
    bitrate = small_results.bitrates[0]
    trials = [
        structs.replace(trial, encode_s=seconds, objective=score)
        for trial, seconds, score in zip(
            bitrate.trials[:4], (1.0, 2.0, 4.0, 3.0), (60.0, 65.0, 70.0, 62.0), strict=True
        )
    ]
    numbers = [trial.number for trial in trials]
    drawn = draw_pareto(replace(bitrate, trials=trials, pareto=numbers[:3]))
    front = [point for point in drawn.points if point.on_front]
    assert [point.trial for point in front] == numbers[:3]
    assert [point.x for point in front] == sorted(point.x for point in front)
    assert [point.y for point in front] == sorted((point.y for point in front), reverse=True)
    assert drawn.line == "8.00,92.00 36.00,50.00 92.00,8.00"
    assert (drawn.fastest, drawn.slowest, drawn.worst, drawn.best) == (
        "1.00 s",
        "4.00 s",
        "60.0",
        "70.0",
    )


def test_without_a_second_objective_there_is_none(small_results):
    """Nothing to draw."""
    assert draw_pareto(small_results.bitrates[0]) is None
