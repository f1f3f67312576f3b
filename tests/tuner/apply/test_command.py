"""Commands as users type them, with the build that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.apply.command import exact_command, run_command, with_fields
from tuner.encoder import default_settings
from tuner.errors import EncoderFailed, EncoderMissing
from tuner.plugins import load_encoder
from tuner.testing import FakeEncoder


def test_only_fields_that_are_there_change() -> None:
    """An adapter that knows no time limit stays as it is."""
    encoder = with_fields(FakeEncoder(delay=3), build="9", timeout_s=5)
    assert encoder == FakeEncoder(delay=3, build="9")


def test_the_program_is_the_build_that_runs() -> None:
    """Everything else is what users are shown."""
    encoder = load_encoder("opus-ffmpeg")
    settings = default_settings(encoder)
    shown = encoder.command_line(settings, 96.0, "a.wav", "a.opus")
    exact = exact_command(encoder, settings, 96.0, "a.wav", "a.opus")
    assert exact[0] == encoder.version.binary
    assert exact[1:] == list(shown)[1:]


def test_failures_are_told(tmp_path: Path) -> None:
    """A missing program, a failing one, one that makes nothing; what is made is given back."""
    with pytest.raises(EncoderMissing, match="no-such-program: no such program"):
        run_command(["no-such-program"], tmp_path, "out")
    with pytest.raises(EncoderFailed, match="exit code 3"):
        run_command(["sh", "-c", "exit 3"], tmp_path, "out")
    with pytest.raises(EncoderFailed, match="no output"):
        run_command(["sh", "-c", ": > out"], tmp_path, "out")
    made = run_command(["sh", "-c", "cat; echo x > out"], tmp_path, "out")
    assert made.read_text() == "x\n"


def test_what_is_made_is_a_file(tmp_path: Path) -> None:
    """A link, a pipe or a device in its place is told, and not read."""
    for make in ("ln -s /dev/zero out", "mkfifo out", "mkdir out"):
        with pytest.raises(EncoderFailed, match="exit code 0, but the output is a"):
            run_command(["sh", "-c", f"rm -rf out; {make}"], tmp_path, "out")


def test_what_is_said_is_kept_from_its_end(tmp_path: Path) -> None:
    """However much it was."""
    script = "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 1"
    with pytest.raises(EncoderFailed, match="the end") as caught:
        run_command(["sh", "-c", script], tmp_path, "out")
    assert len(caught.value.stderr) < 100_000


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """What a command starts ends with it, in another session, too."""
    script = (
        "setsid sh -c 'echo $$ > pid; exec sleep 300' & while ! [ -s pid ]; do sleep 0.01; done"
    )
    run_command(["sh", "-c", f"{script}; echo x > out"], tmp_path, "out")
    left = (tmp_path / "pid").read_text().strip()
    assert not Path(f"/proc/{left}").exists()
