"""Runs an encoder's binary as a child process, safely.

The child gets its arguments as a list (never through a shell), leads its own session,
is killed as a group on a time-out and dies with its parent. Its memory, its files and what
is kept of its output are bounded. Its CPU time is its own: taken from ``wait4``, so that
threads may run children side by side.

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
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tuner.encoder import EncoderFailed, EncoderMissing

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
#: How soon a child that closed its pipes is asked whether it has ended, s, and how often at
#: most: usually it ends at once.
FIRST_POLL_S, POLL_S = 0.0002, 0.002
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
        raise EncoderMissing(f"{name}: no such executable; {remedy}")
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
        timeout_s: wall-clock seconds after which its whole process group is killed.
        env: its environment; None for ours, with `PLAIN_LOCALE`.
        cwd: its working directory; None for ours.
        memory_limit: most bytes of address space; an allocation past it fails in the child.
        check: whether an exit code other than 0 is an error.

    Raises:
        EncoderMissing: the program is not there or cannot be executed.
        EncoderFailed: exit code other than 0, killed by a signal, timed out, or wrote more
            than `STDOUT_LIMIT`.
    """
    process = _start(command, env, cwd, memory_limit)
    deadline = time.monotonic() + timeout_s
    try:
        stdout, stderr, in_time = _communicate(process, stdin, deadline)
        usage = _reap(process, deadline) if in_time else None
    finally:
        _end(process)
    text = stderr.decode(errors="replace")
    if len(stdout) > STDOUT_LIMIT:
        raise EncoderFailed(f"wrote more than {STDOUT_LIMIT} bytes", command, None, text)
    if usage is None:
        raise EncoderFailed(f"timed out after {timeout_s:g} s", command, None, text)
    if process.returncode < 0 or (check and process.returncode != 0):
        raise EncoderFailed(_describe(process.returncode), command, process.returncode, text)
    return Finished(stdout, stderr, usage)


def _describe(returncode: int) -> str:
    if returncode < 0:
        return f"killed by signal {-returncode} ({signal.Signals(-returncode).name})"
    return f"exit code {returncode}"


def _start(
    command: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None, memory_limit: int
) -> subprocess.Popen[bytes]:
    program = shutil.which(command[0])
    if program is None:
        raise EncoderMissing(f"{command[0]}: cannot be run: no such executable")
    try:
        return subprocess.Popen(
            [*_bounded(memory_limit), *_dying_with_parent(), program, *command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **PLAIN_LOCALE} if env is None else env,
            cwd=cwd,
            bufsize=0,
            start_new_session=True,
        )
    except OSError as error:
        raise EncoderMissing(f"{command[0]}: cannot be run ({error.strerror})") from error


def _bounded(memory_limit: int) -> tuple[str, ...]:
    """What a command begins with so that it has its limits before it does anything.

    Limits set from here, once it runs, come too late on a busy machine: the child may be ahead.
    """
    limits = (
        ("as", resource.RLIMIT_AS, memory_limit),
        ("fsize", resource.RLIMIT_FSIZE, FILE_LIMIT),
        ("core", resource.RLIMIT_CORE, 0),
    )
    options = ("--{}={}:{}".format(name, *_capped(kind, value)) for name, kind, value in limits)
    return _starter("prlimit", *options)


def _dying_with_parent() -> tuple[str, ...]:
    """What a command begins with so that the system kills it when its parent ends.

    The signal comes when the *thread* that forked ends. `run` keeps its thread until the
    child is reaped, so a child never loses its thread early. Without it (not Linux) a child
    outlives a killed parent.
    """
    return _starter("setpriv", "--pdeathsig", "KILL")


@functools.cache
def _starter(name: str, *options: str) -> tuple[str, ...]:
    """A program of util-linux that changes itself and becomes the command that follows.

    The way through Python (``preexec_fn``) copies the page tables of this process, which holds
    torch: 10 ms a child in place of 2. Empty where the program is not there, or is of another
    make that lacks the options.
    """
    program = shutil.which(name)
    words = (program or "", *options, "--")
    able = program and subprocess.run([*words, "true"], capture_output=True).returncode == 0
    return words if able else ()


def _capped(kind: int, value: int) -> tuple[int, int]:
    """Soft and hard limit; never above the hard limit that is in force."""
    hard = resource.getrlimit(kind)[1]
    cap = value if hard == resource.RLIM_INFINITY else min(value, hard)
    return cap, cap


def _communicate(
    process: subprocess.Popen[bytes], stdin: bytes | Iterable[bytes], deadline: float
) -> tuple[bytes, bytes, bool]:
    """Feed stdin, read stdout and stderr until both end.

    Returns:
        stdout, stderr, and whether both ended before the deadline.
    """
    assert process.stdin and process.stdout and process.stderr
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
            remaining = deadline - time.monotonic()
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
                    limit = STDOUT_LIMIT + 1 if is_stdout else STDERR_LIMIT
                    read[key.fd] += piece[: max(limit - len(read[key.fd]), 0)]
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


def _reap(process: subprocess.Popen[bytes], deadline: float) -> float | None:
    """Wait for the child's end; its CPU seconds, or None past the deadline."""
    pause = FIRST_POLL_S
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime
        if time.monotonic() >= deadline:
            return None
        time.sleep(pause)
        pause = min(2 * pause, POLL_S)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the group if its leader still runs, reap it, close the pipes."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
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
