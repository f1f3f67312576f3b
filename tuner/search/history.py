"""What the finished trials of one bitrate tell the next one: where to start, whom to race."""

from __future__ import annotations

import bisect
from typing import TypeGuard

from tuner.encoder import Settings
from tuner.records import Complete, TrialRecord
from tuner.search.evaluate import Plan, TrialResult
from tuner.search.matching import Shares
from tuner.search.race import Hearing
from tuner.search.ranking import rank
from tuner.search.rate_model import MEMORY, Guess, Measured, guess_knob, most_alike
from tuner.study.space import Space

#: Knob, slope, rival's and ruler's number: what a plan needs besides the settings.
Start = tuple[float, float | None, int | None, int | None]


class History:
    """The finished trials of one bitrate. What it keeps per clip does not grow with trials.

    Args:
        space: the search space.
        target_kbps: the target bitrate.
    """

    def __init__(self, space: Space, target_kbps: float) -> None:
        self.space = space
        self._default = space.defaults()[0]
        self.target_kbps = target_kbps
        self.results: list[TrialResult] = []
        self.best: Complete | None = None
        self.hearings: dict[int, Hearing] = {}
        self._rulers: dict[int, Shares] = {}

    def leads(self, record: TrialRecord) -> TypeGuard[Complete]:
        """Whether it is better than the best so far."""
        if not isinstance(record, Complete):
            return False
        return self.best is None or record.objective > self.best.objective

    def add(self, result: TrialResult) -> None:
        """Take a finished trial in, in the order of the trials."""
        if self.leads(result.record):
            self.best = result.record
        bisect.insort(self.results, result, key=lambda each: each.record.number)

    def keep_ruler(self, number: int, ruler: Shares) -> None:
        """Remember a trial's ruler, as long as it is among the latest."""
        self._rulers[number] = ruler
        while len(self._rulers) > MEMORY:
            del self._rulers[min(self._rulers)]

    @property
    def records(self) -> list[TrialRecord]:
        """The finished trials, by number."""
        return [result.record for result in self.results]

    def default(self) -> TrialRecord | None:
        """The trial of the encoder's default, once it is finished."""
        return next((record for record in self.records if self.is_default(record)), None)

    def is_default(self, record: TrialRecord) -> bool:
        """Whether a trial's settings are the encoder's default, whatever its number."""
        return record.settings == self._default

    def best_before(self, ordinal: int) -> Complete | None:
        """The best of the trials with smaller numbers."""
        ranked = rank(record for record in self.records if record.number < ordinal)
        return ranked[0] if ranked else None

    def start(self, settings: Settings) -> Start:
        """Where a trial of `settings` starts."""
        guess = self._guess(settings)
        rival = None if self.best is None else self.best.number
        return guess.knob, guess.slope, rival, self._most_alike(settings)

    def plan(self, ordinal: int, settings: Settings, start: Start, seed: int) -> Plan:
        """The plan of a trial, from where it starts and the seed of its clips' order."""
        knob, slope, rival, ruler = start
        return Plan(
            ordinal,
            settings,
            knob,
            slope,
            seed,
            None if rival is None else self.hearings.get(rival),
            None if ruler is None else self._rulers.get(ruler),
            settings == self._default,
        )

    def _guess(self, settings: Settings) -> Guess:
        mode = next(mode for mode in self.space.modes if mode.name == settings.rate_mode)
        measured = [
            Measured(result.record.settings, result.rates)
            for result in self.results[-MEMORY:]
            if result.record.rate_mode == mode.name
        ]
        return guess_knob(mode, self.space.parameters, self.target_kbps, measured, settings)

    def _most_alike(self, settings: Settings) -> int | None:
        """The trial whose ruler should fit best; one of another rate mode where there is none."""
        known = [r.record for r in self.results[-MEMORY:] if r.record.number in self._rulers]
        same = [record for record in known if record.rate_mode == settings.rate_mode]
        if not same:
            return known[-1].number if known else None
        others = [record.settings for record in same]
        return same[most_alike(self.space.parameters, others, settings)].number
