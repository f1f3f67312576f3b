"""The evidence that a run keeps beside its answers: importance, ablation, and what can be heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.answer.ablation import AblationSetup, ablate
from tuner.answer.verdict import MIN_TUNE_GAIN
from tuner.apply.exhibits import write_exhibits
from tuner.apply.player import RunPlayer
from tuner.errors import TunerError
from tuner.exhibits import FOLDER
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef
from tuner.records import Ablation, AblationFailed, Answer, BitrateResult, NoAnswer, Results
from tuner.search.trials import Trials
from tuner.study.space import Space
from tuner.updates import Observer, PhaseStarted

if TYPE_CHECKING:
    from tuner.driver.parts import Parts


def explain(
    parts: Parts,
    trials: Trials,
    result: BitrateResult,
    executor: Executor,
    clips: Sequence[ClipRef],
    observer: Observer,
) -> BitrateResult:
    """The result with what mattered: importance of the parameters, and the ablation.

    Args:
        parts: the run.
        trials: of this bitrate.
        result: its answer.
        executor: where jobs run.
        clips: the tuning clips.
        observer: told of each setting that is put back.

    Raises:
        TunerError: whatever ends a run and not only a trial.
    """
    result = replace(result, importance=trials.importance())
    if isinstance(result, NoAnswer):
        return result
    return replace(result, ablation=_ablate(parts, trials.space, result, executor, clips, observer))


def _ablate(
    parts: Parts,
    space: Space,
    result: Answer,
    executor: Executor,
    clips: Sequence[ClipRef],
    observer: Observer,
) -> list[Ablation | AblationFailed]:
    """Empty where it is not wanted, or the tuned candidate gained nothing that is worth a look."""
    if not parts.spec.search.ablation or len(result.candidates) < 2:
        return []
    default, tuned = result.candidates[:2]
    side = tuned.sides.get("tune")
    if side is None or side.lead is None or side.lead.value <= MIN_TUNE_GAIN:
        return []

    def tell(done: int, total: int) -> None:
        observer(PhaseStarted("ablation", done, total, result.target_kbps))

    setup = AblationSetup(
        encoder=parts.encoder,
        space=space,
        executor=executor,
        clips=clips,
        scorer=parts.scorer,
        seed=parts.spec.seed,
        progress=tell,
    )
    return ablate(setup, result.target_kbps, default, tuned, result.importance)


def keep_exhibits(parts: Parts, run: Path, results: Results, observer: Observer) -> Results:
    """Write what the report lets people hear; a failure is noted, as the answers stand without.

    Args:
        parts: the run's parts.
        run: the run directory.
        results: what was found.
        observer: told that it begins.
    """
    if parts.spec.exhibits == 0 and not (run / FOLDER).exists():
        return results
    observer(PhaseStarted("Writing the clips for listening"))
    try:
        write_exhibits(RunPlayer(run, results, parts.encoder), results, parts.spec.exhibits)
    except TunerError as error:
        note = f"The clips for listening could not be written: {error}"
        return replace(results, notes=[*results.notes, note])
    return results
