"""What the finished trials of one bitrate tell the next one: where to start, whom to race."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import TypeGuard

from tuner.encoder import Settings
from tuner.records import Complete, TrialRecord
from tuner.search.attempts import pack_result, unpack_result
from tuner.search.evaluate import Plan, TrialResult
from tuner.search.matching import Shares
from tuner.search.race import Hearing
from tuner.search.ranking import EARLY_TRIALS
from tuner.search.rate_model import MEMORY, Features, Guess, Measured, guess_knob, most_alike
from tuner.study.space import Space

#: Knob, slope, rival's and ruler's number: what a plan needs besides the settings.
Start = tuple[float, float | None, int | None, int | None]


class History:
    """The finished trials of one bitrate.

    What it keeps per clip does not grow with trials; what it keeps per trial is packed, but for
    the latest ones.

    Args:
        space: the search space.
        target_kbps: the target bitrate.
    """

    def __init__(self, space: Space, target_kbps: float) -> None:
        self.space = space
        self._default = space.defaults()[0]
        self.target_kbps = target_kbps
        #: The records of the first trials, by number.
        self.early: list[TrialRecord] = []
        self._features = Features(space.parameters)
        self._packed: dict[int, bytes] = {}
        self._latest: list[TrialResult] = []
        self._leaders: list[Complete] = []
        self._default_record: TrialRecord | None = None
        self.hearings: dict[int, Hearing] = {}
        self._rulers: dict[int, Shares] = {}

    def leads(self, record: TrialRecord) -> TypeGuard[Complete]:
        """Whether it is better than the best so far, or as good and earlier."""
        if not isinstance(record, Complete):
            return False
        best = self.best
        if best is None:
            return True
        return (record.objective, -record.number) > (best.objective, -best.number)

    def add(self, result: TrialResult) -> None:
        """Take a finished trial in, in the order of the trials."""
        record = result.record
        self._packed[record.number] = pack_result(result)
        bisect.insort(self._latest, result, key=lambda each: each.record.number)
        del self._latest[:-MEMORY]
        if record.number < EARLY_TRIALS:
            bisect.insort(self.early, record, key=_number)
        default = self._default_record
        if self.is_default(record) and (default is None or record.number < default.number):
            self._default_record = record
        if isinstance(record, Complete):
            self._lead(record)

    def keep_ruler(self, number: int, ruler: Shares) -> None:
        """Remember a trial's ruler, as long as it is among the latest."""
        self._rulers[number] = ruler
        while len(self._rulers) > MEMORY:
            del self._rulers[min(self._rulers)]

    def __len__(self) -> int:
        return len(self._packed)

    def __iter__(self) -> Iterator[TrialResult]:
        """The finished trials, by number, without what each clip told."""
        return (unpack_result(self._packed[number]) for number in sorted(self._packed))

    @property
    def numbers(self) -> list[int]:
        """The numbers of the finished trials."""
        return list(self._packed)

    @property
    def best(self) -> Complete | None:
        """The complete trial with the highest objective, the earliest of equals."""
        return self._leaders[-1] if self._leaders else None

    def default(self) -> TrialRecord | None:
        """The trial of the encoder's default, once it is finished."""
        return self._default_record

    def is_default(self, record: TrialRecord) -> bool:
        """Whether a trial's settings are the encoder's default, whatever its number."""
        return record.settings == self._default

    def best_before(self, ordinal: int) -> Complete | None:
        """The best of the trials with smaller numbers."""
        before = bisect.bisect_left(self._leaders, ordinal, key=_number)
        return self._leaders[before - 1] if before else None

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

    def _lead(self, record: Complete) -> None:
        """Take a trial in among those that are better than all before them."""
        before = self.best_before(record.number)
        if before is not None and before.objective >= record.objective:
            return
        bisect.insort(self._leaders, record, key=_number)
        self._leaders = [
            each
            for each in self._leaders
            if each.number <= record.number or each.objective > record.objective
        ]

    def _guess(self, settings: Settings) -> Guess:
        mode = next(mode for mode in self.space.modes if mode.name == settings.rate_mode)
        measured = [
            Measured(result.record.settings, result.rates)
            for result in self._latest
            if result.record.rate_mode == mode.name
        ]
        return guess_knob(mode, self._features, self.target_kbps, measured, settings)

    def _most_alike(self, settings: Settings) -> int | None:
        """The trial whose ruler should fit best; one of another rate mode where there is none."""
        known = [r.record for r in self._latest if r.record.number in self._rulers]
        same = [record for record in known if record.rate_mode == settings.rate_mode]
        if not same:
            return known[-1].number if known else None
        others = [record.settings for record in same]
        return same[most_alike(self._features, others, settings)].number


def _number(record: TrialRecord) -> int:
    return record.number
