"""The child runner: pipes, CPU time, limits, and no child left behind."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from encoders import process
from encoders.process import STDERR_LIMIT, find_binary, private_folder, run
from tuner.errors import EncoderFailed, EncoderMissing, WorkerDied
from tuner.time_limit import TimeLimit


def python(script: str) -> list[str]:
    """A command that runs a Python script."""
    return [sys.executable, "-I", "-S", "-c", script]


def is_running(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def open_files() -> int:
    """How many file descriptors this process holds."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def wait_for(condition: Callable[[], bool], timeout_s: float = 60.0) -> bool:
    """Whether `condition` comes true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_feeds_stdin_and_keeps_stdout_and_stderr_apart() -> None:
    """More than a pipe holds goes through in both directions at once."""
    data = os.urandom(3_000_000)
    finished = run(["sh", "-c", "cat; echo done >&2"], data)
    assert finished.stdout == data
    assert finished.stderr == b"done\n"


def test_child_that_does_not_read_its_input() -> None:
    """A child may end without reading its input."""
    assert run(python("print('early')"), bytes(1_000_000)).stdout == b"early\n"


def test_feeds_blocks_as_they_are_taken() -> None:
    """No more of them than the child reads: a file of hours is never in memory as a whole."""
    taken = []

    def blocks() -> Iterator[bytes]:
        for number in range(1000):
            taken.append(number)
            yield bytes([number % 256]) * 100_000

    count = "import sys; print(len(sys.stdin.buffer.read()))"
    assert run([sys.executable, "-c", count], blocks()).stdout == b"100000000\n"
    taken.clear()
    first = "import sys; print(sys.stdin.buffer.read(2)); sys.stdin.close()"
    assert run([sys.executable, "-c", first], blocks()).stdout == b"b'\\x00\\x00'\n"
    assert len(taken) < 10


def test_arguments_are_not_seen_by_a_shell() -> None:
    """Spaces, quotes and dollars arrive as they are."""
    word = "a b'c\"$HOME;`id`"
    script = "import sys; sys.stdout.write(sys.argv[1])"
    assert run([*python(script), word]).stdout.decode() == word


def test_environment_is_the_one_given() -> None:
    """`env` replaces ours."""
    script = "import os; print(os.environ.get('TUNER_TEST'), 'HOME' in os.environ)"
    assert run(python(script), env={"TUNER_TEST": "1"}).stdout == b"1 False\n"


def test_failure_carries_code_command_and_stderr() -> None:
    """A non-zero exit code is an error with everything needed to repeat it."""
    command = python("import sys; sys.stderr.write('no such thing'); sys.exit(7)")
    with pytest.raises(EncoderFailed, match="no such thing") as caught:
        run(command)
    assert caught.value.exit_code == 7
    assert caught.value.command == tuple(command)


def test_signal_is_named() -> None:
    """A crash says which signal it was."""
    with pytest.raises(EncoderFailed, match="SIGSEGV"):
        run(python("import os; os.kill(os.getpid(), 11)"))


def test_missing_program() -> None:
    """A program that is not there, or is not executable, is `EncoderMissing`."""
    with pytest.raises(EncoderMissing, match="/nowhere/enc"):
        run(["/nowhere/enc"])
    with pytest.raises(EncoderMissing, match="passwd"):
        run(["/etc/passwd"])
    with pytest.raises(EncoderMissing, match=r"no-such-enc.*get it there"):
        find_binary("no-such-enc", "get it there")


def test_stderr_is_bounded() -> None:
    """An endless talker does not fill the memory, and still ends."""
    finished = run(python("import sys; sys.stderr.write('x' * 10**6)"))
    assert len(finished.stderr) == STDERR_LIMIT


def test_time_out_kills_the_whole_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grandchild dies too, even when the child has closed its pipes."""
    pid_file = tmp_path / "pid"
    script = (
        f"sleep 300 & echo $! > {pid_file}.part; exec 0<&- 1>&- 2>&-;"
        f" mv {pid_file}.part {pid_file}; wait"
    )
    # The time is over when the grandchild is there, however long that takes.
    monkeypatch.setattr(TimeLimit, "left", lambda _: 0.0 if pid_file.exists() else 60.0)
    with pytest.raises(EncoderFailed, match=r"timed out after 0\.5 s") as caught:
        run(["sh", "-c", script], timeout_s=0.5)
    assert caught.value.exit_code is None
    grandchild = int(pid_file.read_text())
    assert wait_for(lambda: not is_running(grandchild))


def test_time_in_which_the_machine_slept_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It, or this process, was stopped for an hour; the child did not hang."""
    begun = tmp_path / "begun"
    slept = partial(TimeLimit, clock=lambda: time.monotonic() + 3600 * begun.exists())
    monkeypatch.setattr(process, "TimeLimit", slept)
    assert run(["sh", "-c", f"touch {begun}; sleep 0.2; echo done"]).stdout == b"done\n"


def test_cpu_time_is_the_childs_own() -> None:
    """Children of several threads do not count each other's work; sleeping costs nothing."""
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    spent: dict[str, float] = {}

    def measure(name: str, script: str) -> None:
        spent[name] = run(python(script)).cpu_s

    jobs = {"burn": burn, "burn too": burn, "sleep": "import time; time.sleep(0.5)"}
    threads = [threading.Thread(target=measure, args=job) for job in jobs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Each burns 0.5 s, its own start included: the sum of both would be 1.0 s.
    assert 0.49 < spent["burn"] < 0.95
    assert 0.49 < spent["burn too"] < 0.95
    assert spent["sleep"] < 0.45


def test_child_of_a_worker_thread_lives_to_its_end() -> None:
    """A child that a worker thread runs is not killed while that thread waits for it."""
    results: list[bytes] = []
    script = "import time; time.sleep(0.3); print('alive')"
    thread = threading.Thread(target=lambda: results.append(run(python(script)).stdout))
    thread.start()
    thread.join()
    assert results == [b"alive\n"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_child_dies_with_its_killed_parent(tmp_path: Path) -> None:
    """SIGKILL of the parent takes the encoder along."""
    pid_file = tmp_path / "pid"
    child = f"echo $$ > {pid_file}.part; mv {pid_file}.part {pid_file}; exec sleep 300"
    parent = subprocess.Popen(
        [sys.executable, "-c", f"from encoders.process import run; run(['sh', '-c', {child!r}])"]
    )
    try:
        assert wait_for(pid_file.exists)
        encoder = int(pid_file.read_text())
        assert is_running(encoder)
        assert os.getsid(encoder) == encoder
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert wait_for(lambda: not is_running(encoder))


def test_interrupt_leaves_no_child(tmp_path: Path) -> None:
    """Ctrl-C in the parent kills the child, which does not get the signal itself."""
    pid_file = tmp_path / "pid"
    child = f"echo $$ > {pid_file}.part; mv {pid_file}.part {pid_file}; exec sleep 300"
    parent = subprocess.Popen(
        [sys.executable, "-c", f"from encoders.process import run; run(['sh', '-c', {child!r}])"],
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wait_for(pid_file.exists)
        parent.send_signal(signal.SIGINT)
        parent.wait(timeout=60)
    finally:
        parent.kill()
        parent.wait()
    assert wait_for(lambda: not is_running(int(pid_file.read_text())))


#: How a program starts others that are to outlive it: {hold} keeps the pipes, or lets go.
LEFT_BEHIND = {
    "background": "{start} {hold} &",
    "hangup": "nohup {start} {hold} &",
    "session": "setsid {start} {hold} &",
    "daemon": "(setsid sh -c '{start} {hold} & sleep 300' {hold} &)",
    "wrapper": "sh -c 'sh -c \"setsid {start} {hold} &\"; exit 0'",
}
LET_GO = "</dev/null >/dev/null 2>&1"


def leaving(how: str, hold: str, folder: Path) -> tuple[str, Path]:
    """A shell script that leaves a process behind, and the file that will hold its id."""
    sleeper, pid_file = folder / "sleeper", folder / "pid"
    sleeper.write_text(
        f"#!/bin/sh\necho $$ > {pid_file}.part; mv {pid_file}.part {pid_file}\nexec sleep 300\n"
    )
    sleeper.chmod(0o755)
    wait = f"while ! [ -e {pid_file} ]; do sleep 0.01; done"
    return f"{LEFT_BEHIND[how].format(start=sleeper, hold=hold)}\n{wait}", pid_file


@pytest.mark.parametrize("hold", ["", LET_GO], ids=["holds", "lets-go"])
@pytest.mark.parametrize("how", LEFT_BEHIND)
def test_nothing_is_left_behind_by_success(how: str, hold: str, tmp_path: Path) -> None:
    """What a program started ends with it, and is not waited for, in whatever session."""
    script, pid_file = leaving(how, hold, tmp_path)
    finished = run(["sh", "-c", f"{script}; echo made"], timeout_s=300)
    assert finished.stdout == b"made\n"
    assert not is_running(int(pid_file.read_text()))


@pytest.mark.parametrize("how", LEFT_BEHIND)
def test_nothing_is_left_behind_by_a_time_out(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be it in another session, below a wrapper, or of a parent that has ended."""
    script, pid_file = leaving(how, LET_GO, tmp_path)
    monkeypatch.setattr(TimeLimit, "left", lambda _: 0.0 if pid_file.exists() else 60.0)
    with pytest.raises(EncoderFailed, match="timed out"):
        run(["sh", "-c", f"{script}; sleep 300"])
    assert not is_running(int(pid_file.read_text()))


@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("how", ["background", "session", "daemon"])
def test_nothing_is_left_behind_by_a_killed_parent(
    how: str, signal_: signal.Signals, tmp_path: Path
) -> None:
    """However the process that runs the program ends."""
    script, pid_file = leaving(how, LET_GO, tmp_path)
    code = (
        f"from encoders.process import run; run(['sh', '-c', {script + '; sleep 300'!r}], b'', 300)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as parent:
        assert wait_for(pid_file.exists)
        left = int(pid_file.read_text())
        assert is_running(left)
        parent.send_signal(signal_)
    assert wait_for(lambda: not is_running(left))


def test_a_killed_keeper_is_replaced(tmp_path: Path) -> None:
    """Out of memory, say: that program fails in words, the next one runs."""
    pid_file = tmp_path / "pid"
    script = f"echo $$ > {pid_file}.part; mv {pid_file}.part {pid_file}; kill -9 $PPID; sleep 300"
    with pytest.raises(WorkerDied, match="was killed"):
        run(["sh", "-c", script], timeout_s=300)
    assert wait_for(lambda: not is_running(int(pid_file.read_text())))
    assert run(["echo", "on"]).stdout == b"on\n"


def test_children_of_a_fork_are_its_own() -> None:
    """A forked process shares no keeper with its parent."""
    run(["true"])
    child = os.fork()
    if not child:
        os._exit(run(["echo", "child"]).stdout != b"child\n")
    assert run(["echo", "parent"]).stdout == b"parent\n"
    assert os.waitpid(child, 0)[1] == 0
    assert run(["echo", "parent"]).stdout == b"parent\n"


def test_closes_its_pipes() -> None:
    """Many runs leave no file descriptor behind."""
    run(["true"])
    before = open_files()
    for _ in range(5):
        run(["true"])
    assert open_files() == before


def test_memory_is_bounded() -> None:
    """A child that eats memory fails alone, and says so."""
    with pytest.raises(EncoderFailed, match="MemoryError"):
        run(python("x = bytearray(600_000_000)"), memory_limit=300_000_000)


def test_output_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that writes without end is stopped at the limit of what we keep."""
    monkeypatch.setattr(process, "STDOUT_LIMIT", 1_000_000)
    with pytest.raises(EncoderFailed, match="more than 1000000 bytes"):
        run(["yes"], timeout_s=60)


def test_file_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that fills the disk is killed at the limit of a file."""
    monkeypatch.setattr(process, "FILE_LIMIT", 1_000_000)
    command = ["sh", "-c", f"exec yes > {tmp_path / 'full'}"]
    with pytest.raises(EncoderFailed):
        run(command, timeout_s=60)
    assert (tmp_path / "full").stat().st_size <= 1_000_000


def test_exit_code_may_be_let_pass() -> None:
    """Some programs tell their version on the way to an error; a crash is always one."""
    assert run(["sh", "-c", "echo v1; exit 3"], check=False).stdout == b"v1\n"
    with pytest.raises(EncoderFailed, match="SIGSEGV"):
        run(["sh", "-c", "kill -SEGV $$"], check=False)


def test_private_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when what runs in it fails."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(EncoderFailed), private_folder() as folder:
        (folder / "half").write_text("written")
        run(["sh", "-c", "exit 1"])
    assert list(tmp_path.iterdir()) == []


def test_folder_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    """SIGKILL leaves a folder behind; the next process removes it, and none that is in use."""
    hold = (
        "import time; from encoders.process import private_folder\n"
        "with private_folder() as folder: print(folder, flush=True); time.sleep(300)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    killed, living = (
        subprocess.Popen(
            [sys.executable, "-c", hold], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    )
    try:
        assert killed.stdout and living.stdout
        abandoned, used = (Path(p.stdout.readline().strip()) for p in (killed, living) if p.stdout)
        killed.kill()
        killed.wait()
        for folder in (abandoned, used):  # older than the grace
            os.utime(folder, (0, 0))
        open_one = "from encoders.process import private_folder\nwith private_folder(): pass"
        subprocess.run([sys.executable, "-c", open_one], env=environment, check=True)
        assert not abandoned.exists()
        assert used.exists()
    finally:
        for process_ in (killed, living):
            process_.kill()
            process_.communicate()
