"""Runs an encoder's binary as a child process, safely.

The child gets its arguments as a list (never through a shell), leads its own session, and
leaves nothing behind: whatever it started ends with it (`tuner.system.children`), when it ends, on
a time-out, and when this process dies. Its memory, its files and what is kept of its output are
bounded. Its CPU time is its own: taken from ``wait4``, so that threads may run children side
by side.

`private_folder` is where children write: it is removed when it is left, and by the next
process that opens one when its owner was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import resource
import selectors
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from tuner.encoder import EncoderFailed, EncoderMissing, EncoderTimedOut, TimeLimit
from tuner.system.children import start

__all__ = ["Finished", "find_binary", "private_folder", "run"]

#: At most this much of stderr is kept, from its beginning: warnings come first, and a
#: child that talks without end must not fill the memory.
STDERR_LIMIT = 64 * 1024
#: More than this on stdout is a failure: 20 s of stereo floats at 192 kHz are 31 MB.
STDOUT_LIMIT = 256 * 1024**2
#: Address space of a child, bytes. The hungriest that was measured (ffmpeg 9, static) maps
#: 0.4 GB.
MEMORY_LIMIT = 4 * 1024**3
#: Largest file that a child may write, bytes; past it the system kills it (SIGXFSZ).
FILE_LIMIT = 1024**3
#: Elsewhere a program may read "2.5" as 2 (oggenc with a comma locale) and translate what it
#: says of ignored options.
PLAIN_LOCALE = {"LC_ALL": "C"}
#: Private folders begin with this.
FOLDER_PREFIX = "tuner-child-"
#: A folder younger than this is never taken for an abandoned one, s: its owner may not
#: have locked it yet.
FOLDER_GRACE_S = 60.0
#: Writes to a pipe in pieces of its usual capacity.
PIPE_BYTES = 64 * 1024
#: The longest single wait for a child's output, s: Python acts on a Ctrl-C that came just before
#: a wait only after it.
WAIT_S = 1.0


@dataclass(frozen=True)
class Finished:
    """What a child left behind.

    Args:
        stdout, stderr: what it wrote; stderr is cut after `STDERR_LIMIT` bytes.
        cpu_s: user and system seconds of the child and of the children it waited for.
    """

    stdout: bytes
    stderr: bytes
    cpu_s: float


def find_binary(name: str, remedy: str) -> str:
    """The absolute path of a program, looked up in PATH if it is a bare name.

    Args:
        name: a path or a bare name.
        remedy: how to get it, for the message.

    Raises:
        EncoderMissing: if there is no such executable.
    """
    found = shutil.which(name)
    if found is None:
        raise EncoderMissing("no such executable", where=name, remedy=remedy)
    return os.path.abspath(found)  # noqa: PTH100 (keeps symbolic links)


def run(
    command: Sequence[str],
    stdin: bytes | Iterable[bytes] = b"",
    timeout_s: float = 60.0,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    memory_limit: int = MEMORY_LIMIT,
    check: bool = True,
) -> Finished:
    """Run `command` to its end.

    Args:
        command: program and arguments.
        stdin: what it reads from its standard input; in blocks (none of them empty) where
            it is too much to hold in memory.
        timeout_s: seconds after which its whole process group is killed; those in which this
            process, or the machine, slept do not count.
        env: its environment; None for ours, with `PLAIN_LOCALE`.
        cwd: its working directory; None for ours.
        memory_limit: most bytes of address space; an allocation past it fails in the child.
        check: whether an exit code other than 0 is an error.

    Raises:
        EncoderMissing: the program is not there or cannot be executed.
        EncoderFailed: exit code other than 0, killed by a signal, timed out, or wrote more
            than `STDOUT_LIMIT`.
        WorkerDied: the process between it and us was killed.
    """
    process = _start(command, env, cwd, memory_limit)
    limit = TimeLimit(timeout_s)
    try:
        stdout, stderr, in_time = _communicate(process, stdin, limit)
        usage = _reap(process, limit) if in_time else None
    finally:
        _end(process)
    text = stderr.decode(errors="replace")
    if len(stdout) > STDOUT_LIMIT:
        raise EncoderFailed(f"wrote more than {STDOUT_LIMIT} bytes", command, None, text)
    if usage is None:
        raise EncoderTimedOut(f"timed out after {timeout_s:g} s", command, None, text)
    returncode = process.child.returncode or 0
    if returncode < 0 or (check and returncode != 0):
        raise EncoderFailed(_describe(returncode), command, returncode, text)
    return Finished(stdout, stderr, usage)


def _describe(returncode: int) -> str:
    if returncode < 0:
        return f"killed by signal {-returncode} ({signal.Signals(-returncode).name})"
    return f"exit code {returncode}"


def _start(
    command: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None, memory_limit: int
) -> _Process:
    program = shutil.which(command[0])
    if program is None:
        raise EncoderMissing("cannot be run: no such executable", where=command[0])
    try:
        return _Process(
            [program, *command[1:]],
            env={**os.environ, **PLAIN_LOCALE} if env is None else env,
            cwd=cwd,
            # Set before it runs: limits set from here may come too late on a busy machine.
            limits=[
                (kind, _capped(kind, value))
                for kind, value in (
                    (resource.RLIMIT_AS, memory_limit),
                    (resource.RLIMIT_FSIZE, FILE_LIMIT),
                    (resource.RLIMIT_CORE, 0),
                )
            ],
        )
    except OSError as error:
        raise EncoderMissing(f"cannot be run ({error.strerror})", where=command[0]) from error


class _Process:
    """A child with this end of its pipes."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        cwd: Path | None,
        limits: Sequence[tuple[int, int]],
    ) -> None:
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:

            def pipe(*, inwards: bool) -> tuple[FileIO, int]:
                reading, writing = os.pipe()
                own, other = (writing, reading) if inwards else (reading, writing)
                theirs.callback(os.close, other)
                return ours.enter_context(FileIO(own, "wb" if inwards else "rb")), other

            self.stdin, source = pipe(inwards=True)
            self.stdout, target = pipe(inwards=False)
            self.stderr, said = pipe(inwards=False)
            self.child = start(command, (source, target, said), env=env, cwd=cwd, limits=limits)
            ours.pop_all()


def _capped(kind: int, value: int) -> int:
    """A limit, never above the hard limit that is in force."""
    hard = resource.getrlimit(kind)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def _communicate(
    process: _Process, stdin: bytes | Iterable[bytes], limit: TimeLimit
) -> tuple[bytes, bytes, bool]:
    """Feed stdin, read stdout and stderr until both end.

    Returns:
        stdout, stderr, and whether both ended within the limit.
    """
    blocks = iter((stdin,) if isinstance(stdin, bytes) else stdin)
    pending = memoryview(next(blocks, b""))
    read: dict[int, bytearray] = {process.stdout.fileno(): bytearray()}
    read[process.stderr.fileno()] = bytearray()
    in_time = True
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            selector.register(stream, selectors.EVENT_READ)
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            process.child.check()
            remaining = limit.left()
            if remaining <= 0:
                in_time = False
                break
            for key, _ in selector.select(min(remaining, WAIT_S)):
                if key.fileobj is process.stdin:
                    pending = _write(key.fd, pending, blocks)
                    finished = not pending
                else:
                    piece = os.read(key.fd, PIPE_BYTES)
                    finished = not piece
                    is_stdout = key.fileobj is process.stdout
                    # One byte past the limit of stdout tells that there was more.
                    most = STDOUT_LIMIT + 1 if is_stdout else STDERR_LIMIT
                    read[key.fd] += piece[: max(most - len(read[key.fd]), 0)]
                    if is_stdout and len(read[key.fd]) > STDOUT_LIMIT:
                        return bytes(read[key.fd]), bytes(list(read.values())[1]), False
                if finished:
                    selector.unregister(key.fileobj)
                    if key.fileobj is process.stdin:
                        process.stdin.close()
    stdout, stderr = read.values()
    return bytes(stdout), bytes(stderr), in_time


def _write(fd: int, pending: memoryview, blocks: Iterator[bytes]) -> memoryview:
    """What is still to be written after one write; nothing if the child stopped reading."""
    try:
        rest = pending[os.write(fd, pending[:PIPE_BYTES]) :] if pending else pending
    except BrokenPipeError:
        return pending[:0]
    return rest or memoryview(next(blocks, b""))


def _reap(process: _Process, limit: TimeLimit) -> float | None:
    """Wait for the child's end; its CPU seconds, or None past the limit."""
    while not process.child.wait(min(WAIT_S, limit.left())):
        if limit.left() <= 0:
            return None
    return process.child.cpu_s


def _end(process: _Process) -> None:
    """End the child, if it runs, and whatever it started; close the pipes."""
    try:
        process.child.end()
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


@contextmanager
def private_folder() -> Iterator[Path]:
    """A temporary folder for one child, removed when it is left.

    A lock on the folder tells other processes that its owner lives. One whose owner was
    killed is removed by the next process that opens a folder in the same place.
    """
    _remove_abandoned(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as name, ExitStack() as held:
        # Where the file system has no locks, nobody gets one to remove this folder either.
        with contextlib.suppress(OSError):
            held.enter_context(_locked(Path(name)))
        yield Path(name)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@functools.cache
def _remove_abandoned(parent: str) -> None:
    """Once per process: remove the folders of owners that were killed."""
    for folder in Path(parent).glob(FOLDER_PREFIX + "*"):
        # Another user's folder, one that its owner removes now, or one in use.
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > FOLDER_GRACE_S:
                with _locked(folder):
                    shutil.rmtree(folder)
