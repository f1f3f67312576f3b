"""Scoring on GPUs: actors that keep the references and take batches from many tasks.

A task sees an actor as a scorer of the usual kind (`RemoteScorer`), so what it does with a
score, caching it above all, is the same. While it waits, Ray gives its core to another task.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.jobs.job import ClipRef, load_reference
from tuner.jobs.ray.home import Home, unwrap
from tuner.scorer import Score, Scorer, ScoresBatches
from tuner.sound.surround import score_signal, score_signals
from tuner.system.lru import Lru

if TYPE_CHECKING:
    from tuner.sound.audio import Pcm

_log = logging.getLogger(__name__)

#: Most pairs in one batch: by far enough to fill a GPU.
MAX_BATCH = 32
#: Most calls that an actor holds, their signals with them; more wait with their tasks.
MAX_CALLS = 8 * MAX_BATCH
#: References that an actor keeps (8 s of stereo: 3 MB each), bytes.
REFERENCES_BYTES = 1_000_000_000
#: How often a dead actor is started again, and a call that it took with it is made again.
MAX_RESTARTS, MAX_CALL_RETRIES = 10, 3
#: How long a task waits for its score. The first waits for torch to load, all for the calls
#: before them; an actor whose GPU has left the cluster answers never.
PATIENCE_S = 180.0


class ScorerActor:
    """Scores what has come while it scored the batch before.

    Args:
        scorer: a `ScoresBatches`.
        home: the driver's node.
    """

    def __init__(self, scorer: Scorer, home: Home) -> None:
        assert isinstance(scorer, ScoresBatches)
        on_gpu = scorer.on_gpu()
        assert isinstance(on_gpu, ScoresBatches)
        self._scorer = on_gpu
        self._home = home
        self._references: Lru[Pcm] = Lru(REFERENCES_BYTES)
        self._waiting: list[tuple[ClipRef, Pcm, asyncio.Future[Score]]] = []
        self._working: asyncio.Task[None] | None = None

    async def score(self, clip: ClipRef, coded: Pcm) -> Score:
        """Score a coded signal against a clip."""
        future: asyncio.Future[Score] = asyncio.get_running_loop().create_future()
        self._waiting.append((clip, coded, future))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            calls = [(clip, coded) for clip, coded, _ in batch]
            outcomes = await asyncio.to_thread(self._score, calls)
            for (_, _, future), outcome in zip(batch, outcomes, strict=True):
                if future.cancelled():
                    continue
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    def _score(self, calls: list[tuple[ClipRef, Pcm]]) -> list[Score | Exception]:
        try:
            return [*score_signals(self._scorer.score_batch, [self._pair(*call) for call in calls])]
        except Exception as error:  # nothing is swallowed: it belongs to one of the calls
            if len(calls) == 1:
                return [error]
        return [outcome for call in calls for outcome in self._score([call])]

    def _pair(self, clip: ClipRef, coded: Pcm) -> tuple[Pcm, Pcm]:
        reference = self._references.get(
            clip.digest, lambda: load_reference(self._home.bring(clip))
        )
        return reference, coded


@dataclass(frozen=True)
class RemoteScorer:
    """A scorer that an actor computes, for one clip.

    Args:
        scorer: the scorer itself, for when the actor is lost.
        actor: handle of a `ScorerActor`.
        clip: the clip whose coded versions are scored.
    """

    scorer: Scorer
    actor: Any
    clip: ClipRef

    @property
    def name(self) -> str:
        """See `Scorer.name`."""
        return self.scorer.name

    @property
    def version(self) -> str:
        """See `Scorer.version`."""
        return self.scorer.version

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """See `Scorer.score`. An actor that is lost for good costs time, and no score."""
        import ray
        from ray.exceptions import GetTimeoutError, RayActorError

        if self.actor not in _lost:
            call = self.actor.score.remote(self.clip, coded)
            try:
                return unwrap(lambda: ray.get(call, timeout=PATIENCE_S))  # type: ignore[no-any-return]
            except (GetTimeoutError, RayActorError) as error:
                _log.warning("GPU scorer lost; scoring continues here: %s", error)
                _lost.add(self.actor)
        return score_signal(self.scorer, reference, coded)

    def score_channels(self, reference: Pcm, coded: Pcm) -> Score:
        """The actor splits them; see `tuner.scorer.HearsChannels`."""
        return self.score(reference, coded)


#: Actors that this process waits for no more.
_lost: set[Any] = set()


class ScorerPool:
    """The actors, started when the first scorer comes that can use them.

    Args:
        home: the driver's node.
        share: of a GPU for each actor, up to 1; 0 for no actors.
    """

    def __init__(self, home: Home, share: float) -> None:
        self._home = home
        self._share = share
        self._scorer: Scorer | None = None
        self._actors: list[Any] = []

    def lend(self, scorer: Scorer, clip: ClipRef) -> Scorer:
        """The scorer for one clip, computed on a GPU where that is possible."""
        if not self._share or not isinstance(scorer, ScoresBatches):
            return scorer
        if self._scorer is None:
            self._scorer, self._actors = scorer, self._start(scorer)
        if not self._actors or scorer != self._scorer:
            return scorer
        # Always the same actor for a clip: each reference is kept by one.
        actor = self._actors[zlib.crc32(clip.digest.encode()) % len(self._actors)]
        return RemoteScorer(scorer, actor, clip)

    def close(self) -> None:
        """End the actors."""
        import ray

        for actor in self._actors:
            ray.kill(actor)

    def _start(self, scorer: Scorer) -> list[Any]:
        import ray

        made = ray.remote(
            num_gpus=self._share,
            num_cpus=0,
            max_restarts=MAX_RESTARTS,
            max_task_retries=MAX_CALL_RETRIES,
            max_concurrency=MAX_CALLS,
        )(ScorerActor)
        free = ray.available_resources().get("GPU", 0.0)
        return [made.remote(scorer, self._home) for _ in range(_count_shares(free, self._share))]


def _count_shares(gpus: float, share: float) -> int:
    """How many shares fit, none of them on two GPUs.

    Args:
        gpus: GPUs of the cluster that nobody uses.
        share: of a GPU, above 0 and up to 1.
    """
    whole, rest = divmod(gpus, 1.0)
    # 1 / 0.1 is a little less than ten tenths.
    return int(whole) * int(1 / share + 1e-6) + int(rest / share + 1e-6)
