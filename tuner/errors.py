"""The exceptions of codec tuner.

Every error says what failed, where, and what to do about it, each in a field of its own; code
and tests look at the fields and the class, users read the sentence that `compose` makes::

    TunerError
    ├── ClipError            an input file cannot become a clip
    ├── StudyError           the study definition is wrong
    ├── RunError             a run directory cannot be used or resumed
    │   └── MachineError         this machine cannot run jobs now (no disk, no descriptors)
    ├── ScoreError           a score could not be computed (never a low score)
    ├── MetricError          a metric is not there, or its declaration is wrong
    ├── WeightsError         model weights are missing, damaged or of another format
    ├── CacheError           the cache folder cannot be read or written
    ├── ExtraMissing         a library that only some commands need is not installed
    ├── WorkerDied           a worker process died under a job, also on the second try
    └── EncoderError         anything about one encoder
        ├── EncoderMissing   its binary or adapter is not there
        ├── AdapterError     its adapter's declaration is wrong
        ├── SettingsError    settings or knob that the adapter does not know or allow
        ├── EncoderFailed    it ran and failed: command, exit code, end of stderr
        │   ├── OptionIgnored    it ran, but said that it ignored an option
        │   └── EncoderTimedOut  it did not end in time
        ├── DecodeFailed     its output cannot be decoded, is silent or too short
        └── AlignmentError   the decoded signal does not line up with the reference

"No setting reaches this bitrate" is a result, not an exception.
"""

from __future__ import annotations

import copyreg
import shlex
from collections.abc import Sequence
from typing import Any, Self

STDERR_TAIL_CHARS = 2000
#: How many digits of a clip's digest are shown.
CLIP_DIGITS = 12
FIELDS = ("what", "where", "remedy", "clip", "command", "exit_code", "stderr", "parts")


def compose(what: str, where: str = "", remedy: str = "") -> str:
    """The sentence of an error: "where: what; remedy".

    A remedy that starts with a capital letter is a sentence of its own; after several lines it
    has a line of its own.
    """
    told = f"{where}: {what}" if where else what
    joint = "\n" if "\n" in what else ". " if remedy[:1].isupper() else "; "
    return f"{told}{joint}{remedy}" if remedy else told


class TunerError(Exception):
    """Root of all errors that codec tuner raises on purpose.

    Args:
        what: what is wrong.
        where: what it is about: a file, a key, an option, an encoder.
        remedy: what to do about it.
        clip: digest of the clip on which it happened.
        command: the program that failed, with its arguments.
        exit_code: its exit code; None if it was killed by us.
        stderr: everything that it wrote to stderr; the end is kept.
        parts: the errors that it tells together.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = "",
        remedy: str = "",
        clip: str = "",
        command: Sequence[str] = (),
        exit_code: int | None = None,
        stderr: str = "",
        parts: Sequence[TunerError] = (),
    ) -> None:
        super().__init__(what)
        self.what, self.where, self.remedy, self.clip = what, str(where), remedy, clip
        self.command, self.exit_code = tuple(command), exit_code
        self.stderr = stderr[-STDERR_TAIL_CHARS:]
        self.parts = tuple(parts)

    @classmethod
    def joined(cls, errors: Sequence[TunerError]) -> TunerError:
        """One error for several, a line each; a single one as it is."""
        return errors[0] if len(errors) == 1 else cls("\n".join(map(str, errors)), parts=errors)

    @classmethod
    def of(cls, error: TunerError, **changes: Any) -> Self:
        """The same failure as an error of this class, with some fields changed."""
        return cls(**{**error._fields(), **changes})

    @property
    def kind(self) -> str:
        """The name of its class, for machines."""
        return type(self).__name__

    @property
    def sentence(self) -> str:
        """What users read, without the program that failed."""
        on = f" on clip {self.clip[:CLIP_DIGITS]}" if self.clip else ""
        return compose(self.what, self.where + on, self.remedy)

    def __str__(self) -> str:
        """What users read."""
        if not self.command:
            return self.sentence
        command, said = shlex.join(self.command), self.stderr.strip()
        return f"{self.sentence}\n  command: {command}\n  stderr: {said}"

    def as_dict(self) -> dict[str, object]:
        """The fields as JSON data; those that do not apply are empty."""
        parts = [part.as_dict() for part in self.parts]
        return {"kind": self.kind, **self._fields(), "command": list(self.command), "parts": parts}

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in FIELDS}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by fields, whatever a subclass's constructor takes: errors cross processes."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class ClipError(TunerError):
    """An input file cannot become a clip."""


class StudyError(TunerError):
    """The study definition (TOML file or flags) is wrong."""


class RunError(TunerError):
    """A run directory cannot be used or resumed."""


class MachineError(RunError):
    """This machine cannot run jobs now, whatever the settings: its disk is full, say."""


class ScoreError(TunerError):
    """A score could not be computed. Never turned into a low score."""


class MetricError(TunerError):
    """A metric is not there, cannot be loaded, or its declaration is wrong."""


class WeightsError(TunerError):
    """Model weights are missing, damaged or of another format."""


class CacheError(TunerError):
    """The cache folder cannot be read or written."""


class ExtraMissing(TunerError):
    """A library that only some commands need is not installed (`tuner.extras`)."""


class WorkerDied(TunerError):
    """A worker process died under a job (SIGKILL, segfault, out of memory) on every try."""


class EncoderError(TunerError):
    """Anything that concerns one encoder."""


class EncoderMissing(EncoderError):
    """The encoder's binary or adapter is not there."""


class AdapterError(EncoderError):
    """An adapter's declaration, such as its TOML file, is wrong."""


class SettingsError(EncoderError):
    """Settings or a knob value that the adapter does not know or allow."""


class EncoderFailed(EncoderError):
    """The encoder ran and failed: exit code 1, say, or killed by a signal."""

    def __init__(
        self,
        what: str,
        command: Sequence[str],
        exit_code: int | None,
        stderr: str,
        **about: Any,
    ) -> None:
        super().__init__(what, command=command, exit_code=exit_code, stderr=stderr, **about)


class OptionIgnored(EncoderFailed):
    """The encoder exited 0 but said that it ignored, clamped or did not know an option."""


class EncoderTimedOut(EncoderFailed):
    """The encoder did not end in time, and was killed."""


class DecodeFailed(EncoderError):
    """The encoder's output cannot be decoded, is silent or too short."""


class AlignmentError(EncoderError):
    """The decoded signal does not line up with the reference."""
