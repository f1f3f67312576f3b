"""What an encoder leaves is looked at before it is read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tuner.system.outputs import BadOutput, check_output, read_output


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    """Up to the limit."""
    path = tmp_path / "out"
    path.write_bytes(b"12345")
    assert read_output(path, 5) == b"12345"
    assert check_output(path) == 5
    with pytest.raises(BadOutput, match="the output has 5 bytes, more than 4"):
        read_output(path, 4)


def test_nothing_else_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links (also to files), pipes, devices, folders, sockets: told, and never waited for."""
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "to-file").symlink_to("real")
    (tmp_path / "to-zero").symlink_to("/dev/zero")
    (tmp_path / "to-nothing").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        said = {
            "to-file": "is a link",
            "to-zero": "is a link",
            "to-nothing": "is a link",
            "folder": "is a folder",
            "empty": "no output",
            "missing": "no output",
            "pipe": "is a pipe",
            "socket": "is a socket",
        }
        for name, words in said.items():
            for look in (read_output, check_output):
                with pytest.raises(BadOutput, match=words):
                    look(tmp_path / name)
    with pytest.raises(BadOutput, match="is a device"):
        read_output(Path("/dev/zero"))
