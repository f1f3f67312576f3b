"""A listening test on a run: which settings people hear, and their verdict in the run's report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.errors import RunError
from tuner.records import Estimate, ListeningResult
from tuner.results import read_run, write_results

if TYPE_CHECKING:
    from tuner.listening.analysis import Analysis
    from tuner.listening.plan import Plan

#: Beside the plan: of which run the test is, and which trial is "tuned" at each bitrate.
RUN_FILE = "run.json"
DEFAULT, TUNED = "default", "tuned"


def note_run(test: Path, run: Path) -> None:
    """Write down of which run a test is.

    Raises:
        RunError: the run cannot be read.
    """
    results = read_run(run)
    tuned = {f"{b.target_kbps:g}": b.candidates[b.tuned].trial for b in results.bitrates if b.tuned}
    content = {"run": str(run.absolute()), "tuned": tuned}
    (test / RUN_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")


def tell_run(test: Path, plan: Plan, analysis: Analysis) -> list[str]:
    """Put what people said into the run's results and report.

    Args:
        test: folder of the test.
        plan: its plan.
        analysis: what its answers say.

    Returns:
        Sentences for the terminal; empty where the test is of no run, or says nothing of it.
    """
    try:
        noted = json.loads((test / RUN_FILE).read_text(encoding="utf-8"))
        run, tuned = Path(noted["run"]), dict(noted["tuned"])
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"damaged ({error!r})", where=test / RUN_FILE, remedy="make the test again"
        ) from error
    heard = dict(_heard(plan, analysis, tuned))
    if not heard:
        return []
    if not (run / "results.json").is_file():
        return [f"The run {run} is not on this machine, so its report is not updated."]
    return _tell(run, heard)


def _heard(
    plan: Plan, analysis: Analysis, tuned: dict[str, int]
) -> Iterator[tuple[float, ListeningResult]]:
    """Target kb/s -> tuned against default, where an interval can be told."""
    for each in analysis.comparisons:
        kbps, gain = each.bitrate_kbps, each.difference
        if (each.condition, each.baseline) != (TUNED, DEFAULT) or kbps is None:
            continue
        if gain.low is None or gain.high is None or f"{kbps:g}" not in tuned:
            continue
        clips = {trial.clip for trial in plan.trials if trial.bitrate_kbps == kbps}
        yield (
            kbps,
            ListeningResult(
                Estimate(gain.value, gain.low, gain.high),
                len(analysis.subjects),
                len(clips),
                tuned[f"{kbps:g}"],
            ),
        )


def _tell(run: Path, heard: dict[float, ListeningResult]) -> list[str]:
    from tuner.answer.listened import still_holds, with_listeners
    from tuner.report import write_report

    results = read_run(run)
    told = with_listeners(results, heard)
    held = [b for b in told.bitrates if still_holds(b, heard.get(b.target_kbps))]
    sentences = [f"{bitrate.target_kbps:g} kb/s: {bitrate.verdict.sentence}" for bitrate in held]
    if len(held) < len(heard):
        sentences.append(
            f"{run} has found other settings since this test was made; make a new test for them."
        )
    if held:
        write_results(told, run / "results.json")
        sentences.append(f"Updated the run's report: {write_report(run)}")
    return sentences
