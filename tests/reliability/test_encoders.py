"""An encoder that goes wrong on one setting: that trial fails and says why, no other does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

#: A real encoder behind a script that goes wrong, each way in a setting of its own.
SCRIPT = """#!/bin/sh
[ "$1" = --version ] && echo moody 1.0 && exit
mood=$1 source=$2; shift 2
case $mood in
  crash) kill -SEGV $$;;
  hang) touch "$CONTROL/hung"; sleep 600;;
  empty) exit 0;;
  short) set -- -t 1 "$@";;
  silent) set -- -af volume=0 "$@";;
  wrong) set -- -af areverse "$@";;
  flood) head -c 30000000 /dev/zero | tr '\\0' x >&2;;
  hungry) exec {python} -I -S -c 'bytearray(8 << 30)';;
esac
exec {ffmpeg} -nostdin -hide_banner -v warning -i "$source" "$@"
"""

ENCODER = """
name = "moody"
suffix = ".ogg"
encode = ["./moody.sh", "{options}", "{source}", "-c:a", "libopus", "-vbr", "off",
  "-fflags", "+bitexact", "{rate}", "{target}"]

[[rate_modes]]
name = "cbr"
knob = "bitrate_kbps"
low = 24
high = 200
options = ["-b:a", "{knob:.3f}k"]

[[parameters]]
name = "mood"
kind = "choice"
choices = ["calm", "crash", "hang", "empty", "short", "silent", "wrong", "flood", "hungry"]
default = "calm"
meaning = "how it goes wrong"
options = ["{value}"]
always = true
"""

#: Enough to propose each of the nine moods: some are proposed again.
TRIALS = 16
#: What the results say of each mood; None: nothing is wrong with it.
SAID = {
    "calm": None,
    "crash": "killed by signal 11 (SIGSEGV)",
    "hang": "timed out after 120 s",
    "empty": "exit code 0, but no output",
    "short": "the decoded signal is too short",
    "silent": "the decoded signal is silent",
    "wrong": "does not line up with the reference",
    "flood": None,
    "hungry": "MemoryError",
}


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """The encoder's file, its program beside it."""
    script = tmp_path / "moody.sh"
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    script.write_text(SCRIPT.format(python=sys.executable, ffmpeg=ffmpeg))
    script.chmod(0o755)
    (tmp_path / "moody.toml").write_text(ENCODER)
    return tmp_path / "moody.toml"


def test_an_encoder_in_all_moods(rig: Any, encoder: Path) -> None:
    """Crash, hang, output that is empty, short, silent or wrong, floods, hunger, an upgrade."""
    flags = (f"--encoder={encoder}", f"--trials={TRIALS}")
    script = encoder.with_suffix(".sh")
    old = script.read_text()
    rig.wish("score", "6 pause")
    first = rig.start(*flags)
    rig.wait("score")
    script.write_text(old.replace("moody 1.0", "moody 1.1"))
    rig.release("score")
    assert first.end().code == 1
    assert "moody was replaced during the run: moody 1.0 (" in first.told
    assert "Restore the old one" in first.told and "Traceback" not in first.told
    script.write_text(old)
    before = rig.kept()
    second = rig.start(*flags).end()
    assert second.code == 0, second.told
    assert before.is_in(rig.kept())
    trials = {trial.values["mood"]: trial for trial in rig.result().trials}
    assert trials.keys() == SAID.keys(), second.told
    for mood, said in SAID.items():
        assert trials[mood].state == ("failed" if said else "complete"), trials[mood]
        assert said is None or said in trials[mood].reason
    told = first.told + second.told
    assert "failed (EncoderFailed: killed by signal 11 (SIGSEGV)" in told
    assert (rig.run / "log.txt").stat().st_size < 100_000
