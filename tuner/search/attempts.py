"""What the attributes of a trial hold, and which of its attempts counts.

A trial, by its ordinal, is one Optuna trial for each attempt. One that was interrupted is tried
again; so is, when a run goes on, one that failed and may be innocent of it: the default always,
as without it there is no answer, any other once where the machine may be to blame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec
from optuna.trial import FrozenTrial

from tuner.records import Failed, Timing, TrialRecord
from tuner.search.evaluate import TrialResult
from tuner.search.race import Hearing

#: Its number for people, which it has from when it is queued or asked on.
ORDINAL = "ordinal"
SETTINGS, START, RESULT, HEARING, RULER = "settings", "start", "result", "hearing", "ruler"
#: The Optuna trial whose place this one takes; and how many of its kind failed before it.
RETRY_OF, AGAIN = "retry_of", "again"
_KINDS = get_args(TrialRecord)
#: How often what the machine may be to blame for is tried again.
AGAIN_AT_MOST = 1


def superseded(trials: Iterable[FrozenTrial]) -> set[int]:
    """The numbers, in Optuna, of trials whose place another one takes."""
    return {t.user_attrs[RETRY_OF] for t in trials if RETRY_OF in t.user_attrs}


def is_due_again(result: TrialResult, attributes: Mapping[str, Any], *, is_default: bool) -> bool:
    """Whether a finished trial is tried again when a run goes on."""
    if not isinstance(result.record, Failed):
        return False
    often = int(attributes.get(AGAIN, 0))
    return is_default or (result.machine and often < AGAIN_AT_MOST)


def retry_of(trial: FrozenTrial, *, failed: bool) -> dict[str, Any]:
    """The attributes of the next attempt of a trial: what it tries, and from where."""
    kept = {
        name: trial.user_attrs[name]
        for name in (ORDINAL, SETTINGS, START, AGAIN)
        if name in trial.user_attrs
    }
    if failed:
        kept[AGAIN] = int(kept.get(AGAIN, 0)) + 1
    return {**kept, RETRY_OF: trial.number}


def params_to_retry(trial: FrozenTrial) -> Mapping[str, Any] | None:
    """What to enqueue for another attempt; None when the proposal was never completed."""
    if "fixed_params" in trial.system_attrs:
        fixed: Mapping[str, Any] = trial.system_attrs["fixed_params"]
        return fixed
    return trial.params if SETTINGS in trial.user_attrs else None


def dump_result(result: TrialResult) -> dict[str, Any]:
    """What the study keeps of how a trial went, for `load_result`."""
    kept = (result.record, result.timing, result.rates, result.machine)
    names = ("record", "timing", "rates", "machine")
    return dict(zip(names, map(msgspec.to_builtins, kept), strict=True))


def load_result(trial: FrozenTrial) -> TrialResult:
    """How a finished trial went."""
    raw = trial.user_attrs[RESULT]
    record: TrialRecord = msgspec.convert(raw["record"], TrialRecord)
    rates = tuple((knob, kbps) for knob, kbps in raw["rates"])
    return TrialResult(record, Timing(**raw["timing"]), rates, machine=raw["machine"])


def pack_result(result: TrialResult) -> bytes:
    """A result in a quarter of its memory, without what each clip told, for `unpack_result`."""
    record, timing = result.record, tuple(vars(result.timing).values())
    fields = (_KINDS.index(type(record)), msgspec.structs.astuple(record))
    return msgspec.msgpack.encode((*fields, timing, result.rates, result.machine))


def unpack_result(packed: bytes) -> TrialResult:
    """The result that was packed."""
    # Without types: a whole number stays one, as it does in the results of a run at one go.
    kind, fields, timing, rates, machine = msgspec.msgpack.decode(packed)
    record = _KINDS[kind](**dict(zip(_KINDS[kind].__struct_fields__, fields, strict=True)))
    return TrialResult(record, Timing(*timing), tuple(map(tuple, rates)), machine=machine)


def load_hearing(raw: Mapping[str, Any]) -> Hearing:
    """What each clip scored."""
    return Hearing(raw["ordinal"], *(tuple(raw[name]) for name in ("values", "means")))
