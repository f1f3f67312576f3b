"""The exceptions of codec tuner.

Every message says what failed, where, and what to do about it::

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

import shlex
from collections.abc import Sequence

STDERR_TAIL_CHARS = 2000


class TunerError(Exception):
    """Root of all errors that codec tuner raises on purpose."""


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
    """The encoder ran and failed.

    Args:
        what: one line saying what happened ("exit code 1", "timed out after 60 s").
        command: the argument list that was run.
        exit_code: the process's exit code; None when it was killed by us.
        stderr: everything it wrote to stderr; the message keeps the end.
    """

    def __init__(
        self, what: str, command: Sequence[str], exit_code: int | None, stderr: str
    ) -> None:
        self.what = what
        self.command = tuple(command)
        self.exit_code = exit_code
        self.stderr = stderr[-STDERR_TAIL_CHARS:]
        super().__init__(
            f"{what}\n  command: {shlex.join(command)}\n  stderr: {self.stderr.strip()}"
        )

    def __reduce__(self) -> tuple[type, tuple[str, tuple[str, ...], int | None, str]]:
        """Pickle by constructor arguments: the error crosses process borders."""
        return type(self), (self.what, self.command, self.exit_code, self.stderr)


class OptionIgnored(EncoderFailed):
    """The encoder exited 0 but said that it ignored, clamped or did not know an option."""


class EncoderTimedOut(EncoderFailed):
    """The encoder did not end in time, and was killed."""


class DecodeFailed(EncoderError):
    """The encoder's output cannot be decoded, is silent or too short."""


class AlignmentError(EncoderError):
    """The decoded signal does not line up with the reference."""
