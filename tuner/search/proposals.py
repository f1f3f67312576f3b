"""Proposes settings that were not tried yet.

Every proposal is drawn from a sampler seeded with (seed, bitrate, ordinal): a resumed
search neither repeats proposals nor depends on when it was interrupted.
"""

from __future__ import annotations

import numpy as np
import optuna
from optuna.trial import TrialState

from tuner.encoder import Settings
from tuner.records import Failed
from tuner.search.additive import AdditiveModel
from tuner.search.attempts import SETTINGS
from tuner.search.evaluate import TrialResult
from tuner.search.samplers import make_fixed, make_sampler
from tuner.study.space import Space
from tuner.study.spec import Sampler

#: Proposals of one trial before settings that were tried already are accepted.
PROPOSALS = 12
#: Mark the seeds of the clips' order and of the additive model's among those of proposals.
CLIP_ORDER, ADDITIVE = PROPOSALS, PROPOSALS + 1
#: With TPE, the additive model (`tuner.search.additive`) proposes from this trial on, and leaves
#: every so many to TPE, which knows of parameters that act together.
ADDITIVE_FROM, TPE_EVERY = 5, 4


class KnownSettings:
    """A set of settings, of which it keeps digests: a tenth of the memory."""

    def __init__(self) -> None:
        self._digests: set[str] = set()

    def add(self, settings: Settings) -> None:
        """Note settings."""
        self._digests.add(settings.digest())

    def __contains__(self, settings: object) -> bool:
        return isinstance(settings, Settings) and settings.digest() in self._digests


class Proposer:
    """Draws the settings of one bitrate's trials.

    Args:
        study: where trials are asked.
        space: the search space.
        target_kbps: the target bitrate.
        sampler: how settings are proposed.
        seed: the study's seed.
        has_additive: whether the additive model may propose beside TPE.
    """

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        target_kbps: float,
        sampler: Sampler,
        seed: int,
        *,
        has_additive: bool,
    ) -> None:
        #: The settings that were tried or are queued.
        self.known = KnownSettings()
        self._study = study
        self._space = space
        self._target_kbps = target_kbps
        self._sampler = sampler
        self._seed = seed
        self._has_additive = has_additive and sampler == "tpe"
        self._additive = AdditiveModel(space)

    def learn(self, result: TrialResult) -> None:
        """Take a finished trial in."""
        # What failed says nothing of the settings; what missed the bitrate does.
        if not isinstance(result.record, Failed):
            self._additive.add(result.record.number, result.record.settings, result.objective)

    def propose(self, ordinal: int) -> tuple[optuna.Trial, Settings]:
        """Settings that were not tried yet, unless they are enqueued or hard to find.

        In a space of few choices TPE loves to repeat itself. Repetitions are told as failed,
        which the sampler ignores; when it goes on repeating, chance proposes.
        """
        for attempt in range(PROPOSALS):
            sampler = self._sampler if attempt < PROPOSALS // 2 else "random"
            self._study.sampler = make_sampler(sampler, self.seed_of(ordinal, attempt))
            trial = self._study.ask()
            is_queued = SETTINGS in trial.user_attrs  # second tries of interrupted trials, too
            promising = None if is_queued or attempt else self._find_promising(ordinal)
            if promising is not None:
                self._study.sampler = make_fixed(self._space.params_of(promising))
                self._space.suggest(trial)
                return trial, promising
            settings = self._space.suggest(trial)
            if is_queued or settings not in self.known:
                break
            if attempt < PROPOSALS - 1:
                self._study.tell(trial.number, state=TrialState.FAIL)
        return trial, settings

    def seed_of(self, ordinal: int, purpose: int) -> int:
        """The seed of a trial for one purpose: an attempt's number or another mark."""
        # Bitrates in mb/s, as entropy must be whole numbers.
        entropy = [self._seed, round(self._target_kbps * 1000), ordinal, purpose]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])

    def _find_promising(self, ordinal: int) -> Settings | None:
        """Beside TPE: what the additive model would try, where it is its turn."""
        is_due = ordinal >= ADDITIVE_FROM and ordinal % TPE_EVERY != 0
        if not self._has_additive or not is_due:
            return None
        rng = np.random.default_rng(self.seed_of(ordinal, ADDITIVE))
        settings = self._additive.propose(self.known, rng)
        adopted = None if settings is None else self._space.adopt(settings)
        return None if adopted in self.known else adopted
