"""`--notify`: a command or a URL hears how a run ended."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tuner.cli.commands import run as run_command
from tuner.cli.display.notify import check_target, notify
from tuner.driver.parts import Parts
from tuner.errors import RunError, StudyError


@pytest.fixture
def listener(tmp_path: Path) -> tuple[str, Path]:
    """A command that keeps what it is told, and where."""
    heard = tmp_path / "heard it.json"
    script = tmp_path / "listen.py"
    script.write_text(f"import sys; open({str(heard)!r}, 'w').write(sys.stdin.read())")
    return f"'{sys.executable}' '{script}'", heard


def test_a_run_tells_its_verdict(
    make_parts: Callable[..., Parts],
    listener: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The summary of `--json` with how it ended; of a failure, the reason."""
    parts, (target, heard) = make_parts(2), listener
    monkeypatch.setattr(run_command, "assemble", lambda *_: parts)
    options = {"encoder": "fake", "clips": tmp_path, "bitrates": "64", "out": tmp_path / "run"}
    run_command.run(**options, notify=target)  # type: ignore[arg-type]
    told = json.loads(heard.read_text())
    assert told["status"] == "finished"
    assert told["bitrates"][0]["sentence"]
    assert Path(told["report"]).is_file()

    def fail(*_: object, **__: object) -> None:
        raise RunError("the disk is full", remedy="free space there")

    monkeypatch.setattr(run_command, "conduct", fail)
    with pytest.raises(RunError):
        run_command.run(**options, notify=target)  # type: ignore[arg-type]
    told = json.loads(heard.read_text())
    assert (told["status"], told["error"]) == ("failed", "the disk is full; free space there")
    assert (told["failure"]["kind"], told["failure"]["what"]) == ("RunError", "the disk is full")


def test_a_url_is_posted_to(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON in the body; a server that refuses is told of, and ends nothing."""
    posted: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if len(posted) == 1 else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        check_target(url)
        notify(url, {"status": "finished"})
        assert capsys.readouterr().err == ""
        notify(url, {"status": "failed"})
        server.shutdown()
        thread.join()
    assert [each["status"] for each in posted] == ["finished", "failed"]
    assert "not told (HTTP Error 500" in capsys.readouterr().err


def test_what_cannot_be_told_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A missing program before the run, a failing one after it."""
    for target, wanted in (("no-such-program x", "no such program"), ("'", "cannot be read")):
        with pytest.raises(StudyError, match=wanted):
            check_target(target)
    notify(f"'{sys.executable}' -c 'raise SystemExit(3)'", {})
    assert "not told (exit status 3)" in capsys.readouterr().err
