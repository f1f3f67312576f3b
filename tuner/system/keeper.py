"""Starts programs, one at a time, and leaves nothing alive of what they started.

A script that runs in a process of its own (`tuner.system.children`), between the process that wants
a program and the program. Where the system allows (Linux, ``PR_SET_CHILD_SUBREAPER``), every
orphan below it becomes its child: a grandchild that left its parent's process group and
session, a daemon, what a wrapper script sent to the background. When the program has ended,
when it is told to, and when whoever started this process is gone, however that died, it kills
them all. Elsewhere it kills the program's process group, and its own children.

It imports the standard library only, and starts with ``python -I -S``. Its one argument is
the descriptor of a socket:

- asked: `REQUEST` (`RUN` or `END`, length), with `RUN` the three standard files as
  descriptors, and so many bytes of a JSON object: ``command``, ``program``, ``env``, ``cwd``,
  ``limits`` (pairs of a resource and its limit);
- told: `REPLY` (`STARTED`, process id, 0), or (`REFUSED`, errno, 0); then
  (`ENDED`, wait status, CPU seconds of the program and of the children it waited for).
"""

import ctypes
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from typing import Any

REQUEST, REPLY = struct.Struct("!cI"), struct.Struct("!cid")
RUN, END = b"R", b"E"
STARTED, REFUSED, ENDED = b"s", b"r", b"e"
#: Descriptors that come with a request.
FILES = 3
#: How often what was killed is looked for again, s.
PAUSE_S = 0.001
#: prctl(2), from linux/prctl.h.
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Keeper:
    """Serves one socket."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        self.inherits = bool(self.libc and not self.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
        self.program: subprocess.Popen[bytes] | None = None
        self.status = (0, 0.0)

    def serve(self) -> None:
        """Until the other end of the socket is closed."""
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(woken, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            while True:
                watched: list[Any] = [self.line, woken]
                ready, _, _ = select.select(watched, [], [])
                if woken in ready:
                    os.read(woken, 4096)
                    self.look()
                if self.line in ready and not self.answer():
                    return
        except OSError:
            return  # the socket broke
        finally:
            self.end()

    def answer(self) -> bool:
        """Do what is asked; False when nobody is there any more."""
        head, files, _, _ = socket.recv_fds(self.line, REQUEST.size, FILES)
        if not head:
            return False
        head += self.receive(REQUEST.size - len(head))
        kind, length = REQUEST.unpack(head)
        if kind == RUN:
            self.start(json.loads(self.receive(length)), files)
        elif self.program:
            self.end()
        return True

    def receive(self, length: int) -> bytes:
        """So many bytes."""
        content = bytearray()
        while len(content) < length:
            piece = self.line.recv(length - len(content))
            if not piece:
                raise ConnectionError
            content += piece
        return bytes(content)

    def start(self, job: dict[str, Any], files: list[int]) -> None:
        """Start a program, in a session of its own."""

        def prepare() -> None:
            for kind, value in job["limits"]:
                hard = resource.getrlimit(kind)[1]
                cap = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.setrlimit(kind, (cap, cap))
            if self.libc:
                self.libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

        try:
            self.program = subprocess.Popen(
                job["command"],
                executable=job["program"],
                stdin=files[0],
                stdout=files[1],
                stderr=files[2],
                env=job["env"],
                cwd=job["cwd"],
                start_new_session=True,
                preexec_fn=prepare,
            )
        except OSError as error:
            self.tell(REFUSED, error.errno or 0)
        else:
            self.tell(STARTED, self.program.pid)
        finally:
            for file in files:
                os.close(file)

    def look(self) -> None:
        """Whether the program has ended; then end what it left behind."""
        self.reap()
        if self.program and self.program.returncode is not None:
            self.end()

    def end(self) -> None:
        """Kill the program and all below it, and tell its end."""
        if self.program and self.program.returncode is None:
            signal_group(self.program.pid)
        while self.reap():
            for child in children():
                kill(child)
            time.sleep(PAUSE_S)
        if self.program:
            if not self.inherits:
                signal_group(self.program.pid)
            status, self.program = self.status, None
            self.tell(ENDED, *status)

    def reap(self) -> bool:
        """Bury who has died; whether any child is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if not pid:
                return True
            if self.program and pid == self.program.pid:
                self.program.returncode = os.waitstatus_to_exitcode(status)
                self.status = status, usage.ru_utime + usage.ru_stime

    def tell(self, kind: bytes, value: int, cpu_s: float = 0.0) -> None:
        """One reply; whoever is gone needs none."""
        try:
            self.line.sendall(REPLY.pack(kind, value, cpu_s))
        except OSError:
            return


def children() -> list[int]:
    """This process's children, orphans that it inherited included."""
    own = os.getpid()
    try:
        with open(f"/proc/self/task/{own}/children") as file:  # noqa: PTH123 (quick to import)
            return [int(word) for word in file.read().split()]
    except OSError:
        pass
    found = []
    try:
        processes = [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208
    except OSError:
        return []
    for pid in processes:
        try:
            with open(f"/proc/{pid}/stat", errors="replace") as file:  # noqa: PTH123
                if int(file.read().rpartition(")")[2].split()[1]) == own:
                    found.append(pid)
        except OSError:
            continue  # gone just now
    return found


def kill(pid: int) -> None:
    """SIGKILL, if it is there still."""
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return


def signal_group(leader: int) -> None:
    """SIGKILL to a process group, if there is one still."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except OSError:
        return


if __name__ == "__main__":
    Keeper(socket.socket(fileno=int(sys.argv[1]))).serve()
