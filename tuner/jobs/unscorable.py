"""Clips that cannot be aligned or scored as they were encoded: which, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tuner.encoder import Encoder, Settings
from tuner.errors import AlignmentError, EncoderError, ScoreError, WorkerDied, compose
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef, Job
from tuner.jobs.passes import cancel
from tuner.scorer import Scorer

#: How much of a reason is told.
REASON_CHARS = 200


def find_unscorable(
    executor: Executor,
    clips: Sequence[ClipRef],
    encoder: Encoder,
    settings: Settings,
    knob: float,
    scorers: tuple[Scorer, ...],
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, str]:
    """Digest -> reason of the clips that cannot be scored with these settings.

    The encoder's own failures are not among them: they fail settings, not clips.

    Args:
        executor: where jobs run.
        clips: the clips.
        encoder, settings, knob: what they are encoded with.
        scorers: what scores them.
        progress: called with how many are done.
    """
    jobs = [executor.submit(Job(encoder, settings, knob, clip, scorers)) for clip in clips]
    reasons = {}
    try:
        for done, (clip, job) in enumerate(zip(clips, jobs, strict=True), start=1):
            try:
                job.result()
            except (AlignmentError, ScoreError) as error:
                told = compose(error.what, "" if error.clip else error.where, error.remedy)
                reasons[clip.digest] = " ".join(told.split())[:REASON_CHARS]
            except (EncoderError, WorkerDied):
                pass  # tells nothing of the clip
            progress(done)
    finally:
        cancel(jobs)
    return reasons
