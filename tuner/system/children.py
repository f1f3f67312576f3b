"""Programs as children that leave nothing behind: whatever they start ends with them.

Between this process and a program stands a keeper (`tuner.system.keeper`), a small process that
kills whatever descends from the program when that has ended, when it is told to, and when
this process is gone, be it by SIGKILL. A keeper runs one program at a time; those that are
idle are used again. (A program costs 4 ms of CPU more than started from here: 1.05 s for a
hundred times ``true`` in place of 0.64 s, the keeper's own start included.)
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tuner.errors import WorkerDied
from tuner.system import keeper

__all__ = ["Child", "cpu_s", "start"]

#: How long the killing may take, s: a process that waits for a dead disk cannot be killed.
END_S = 10.0


class Child:
    """A program that runs.

    Args:
        pid: its process id, which is its process group's and session's, too.
        returncode: its exit code, negative for a signal; None until `wait` has seen its end.
        cpu_s: user and system seconds of it and of the children it waited for.
    """

    def __init__(self, kept_by: _Keeper, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.cpu_s = 0.0
        self._keeper: _Keeper | None = kept_by

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has ended, and whatever it started; whether it has, in that time.

        Raises:
            WorkerDied: the keeper was killed, and so the program was.
        """
        if self._keeper is None or self.returncode is not None:
            return True
        try:
            told = self._keeper.told(timeout_s)
        except WorkerDied:
            self._kill_group()
            self._give_up()
            raise
        except BaseException:
            self._give_up()
            raise
        if told is None:
            return False
        _, status, self.cpu_s = told
        self.returncode = os.waitstatus_to_exitcode(status)
        _count(self.cpu_s)
        return True

    def check(self) -> None:
        """Raise `WorkerDied` if the keeper was killed: then nobody sees the program's end."""
        if self._keeper and self._keeper.is_dead():
            self.wait(0)

    def end(self) -> None:
        """Kill it, if it runs, and whatever it started."""
        if self._keeper is None:
            return
        try:
            if self.returncode is None:
                self._keeper.ask(keeper.END)
                self.wait(END_S)
        except WorkerDied:
            return
        except BaseException:
            self._give_up()
            raise
        if self.returncode is None:
            self._give_up()
        elif self._keeper:
            _idle.append(self._keeper)
        self._keeper = None

    def _kill_group(self) -> None:
        # The system killed the program with the keeper; what it started may be there still.
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)

    def _give_up(self) -> None:
        """Leave the killing to the keeper, which sees that nobody listens."""
        if self._keeper:
            self._keeper.close()
        self._keeper = None


def start(
    command: Sequence[str],
    files: tuple[int, int, int],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    limits: Sequence[tuple[int, int]] = (),
    program: str | None = None,
) -> Child:
    """Start a program. Whoever does must call `Child.end`, whatever happens.

    Args:
        command: program and arguments.
        files: descriptors of its standard input, output and error output.
        env: its environment; None for ours.
        cwd: its working directory; None for ours.
        limits: (resource, limit), as `resource.setrlimit` takes them, before it runs.
        program: path of the program, where it is another than the command's first word.

    Raises:
        OSError: it cannot be started.
        WorkerDied: the keeper was killed.
    """
    job = {
        "command": list(command),
        "program": program,
        "env": dict(os.environ if env is None else env),
        "cwd": os.fspath(cwd or _here()),
        "limits": list(limits),
    }
    kept_by = _take()
    try:
        kept_by.ask(keeper.RUN, json.dumps(job).encode(), files)
        told = kept_by.told(None)
        assert told is not None
    except BaseException:
        kept_by.close()
        raise
    kind, value, _ = told
    if kind == keeper.REFUSED:
        _idle.append(kept_by)
        raise OSError(value, os.strerror(value), command[0])
    return Child(kept_by, value)


def _here() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # it was removed, which is nothing to a program
        return "/"


class _Keeper:
    """A keeper's process and this end of its socket; for one thread at a time."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd="/",
            )

    def ask(self, kind: bytes, content: bytes = b"", files: Sequence[int] = ()) -> None:
        """Send a request."""
        head = keeper.REQUEST.pack(kind, len(content))
        self._line.settimeout(None)
        with _broken_is_dead():
            if files:
                socket.send_fds(self._line, [head], files)
            else:
                self._line.sendall(head)
            self._line.sendall(content)

    def told(self, timeout_s: float | None) -> tuple[bytes, int, float] | None:
        """The next reply; None when none comes in time."""
        self._line.settimeout(None if timeout_s is None else max(timeout_s, 1e-4))
        with _broken_is_dead():
            try:
                reply = self._line.recv(keeper.REPLY.size, socket.MSG_WAITALL)
            except TimeoutError:
                return None
            if len(reply) < keeper.REPLY.size:
                raise ConnectionError
            kind, value, cpu = keeper.REPLY.unpack(reply)
        return kind, value, cpu

    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def disown(self) -> None:
        """It is no child of this process, which was forked."""
        self._line.close()
        self._process.returncode = 0

    def close(self) -> None:
        """Let it end, and whatever it keeps."""
        self._line.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)


@contextlib.contextmanager
def _broken_is_dead() -> Iterator[None]:
    try:
        yield
    except ConnectionError as error:
        raise WorkerDied(
            "the helper process that runs external programs was killed",
            remedy="if the machine ran out of memory, use fewer workers",
        ) from error


#: Keepers without a program. (The methods of a list that are used here need no lock.)
_idle: list[_Keeper] = []
_spent_s, _lock = [0.0], threading.Lock()


def cpu_s() -> float:
    """CPU seconds of all programs that have ended; no child of this process shows them."""
    return _spent_s[0]


def _count(seconds: float) -> None:
    with _lock:
        _spent_s[0] += seconds


def _take() -> _Keeper:
    while True:
        try:
            found = _idle.pop()
        except IndexError:
            return _Keeper()
        if not found.is_dead():
            return found
        found.close()


@atexit.register
def _close() -> None:
    while _idle:
        _idle.pop().close()


def _forget() -> None:
    """In a fork: neither use nor hold open what belongs to the parent."""
    for each in _idle:
        each.disown()
    _idle.clear()


os.register_at_fork(after_in_child=_forget)
