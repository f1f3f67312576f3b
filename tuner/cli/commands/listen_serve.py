"""`tuner listen invite` and `serve`: an address for each subject, and what answers there."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.errors import RunError, StudyError, compose

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from tuner.listening.door import Door

#: Held by the server of a test, in the test's folder.
SERVING_LOCK = ".serving.lock"


def invite(
    test: Annotated[Path, typer.Argument(help="Test folder.")],
    subjects: Annotated[list[str], typer.Argument(help="Subject names or numbers, as in p01 p02.")],
    address: Annotated[
        str, typer.Option(help="Server URL for listeners, without the token.")
    ] = "http://127.0.0.1:8765/",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print a personal URL for each subject, valid only for that subject."""
    from tuner.listening.invitation import invite as invite_one
    from tuner.listening.plan import read_plan

    plan = read_plan(test)
    words = {subject: invite_one(plan, subject) for subject in dict.fromkeys(subjects)}
    links = {subject: f"{address.rstrip('/')}/?token={word}" for subject, word in words.items()}
    if as_json:
        print(json.dumps(links, indent=1))
        return
    for subject, link in links.items():
        print(f"{subject}\t{link}")


def serve(
    test: Annotated[Path, typer.Argument(help="Test folder.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but localhost needs --token.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(help="Port.", min=1, max=65535)] = 8765,
    token: Annotated[str | None, typer.Option(help="Access token in the listener URL.")] = None,
    invited: Annotated[
        bool, typer.Option("--invited", help="Accept only URLs from `tuner listen invite`.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Additional host name of this server, such as a proxy's."),
    ] = None,
) -> None:
    """Serve a test to listeners' browsers until Ctrl-C."""
    from urllib.parse import quote

    from tuner.extras import need_extra
    from tuner.listening.door import Door
    from tuner.listening.guard import access_for
    from tuner.listening.server import make_app

    need_extra("listen", "`tuner listen serve`")
    access = access_for(host, token, allow_host or (), only_invited=invited)
    door = Door()
    app = make_app(test, access, door)
    shown = f"[{host}]" if ":" in host else host
    query = f"?token={quote(token, safe='')}" if token else ""
    with alone(test), _listening(host, port, shown) as listening:
        print(f"http://{shown}:{port}/{query}", flush=True)
        _run(app, door, listening)


@contextlib.contextmanager
def alone(test: Path) -> Iterator[None]:
    """Be the test's only server: two would write over each other's answers.

    Raises:
        RunError: there is one already.
    """
    from tuner.system.locks import LockHeld, hold_lock

    with contextlib.ExitStack() as held:
        try:
            held.enter_context(hold_lock(test / SERVING_LOCK))
        except LockHeld as error:
            raise RunError(
                "another `tuner listen serve` is serving this test",
                where=test,
                remedy=compose("use that one, or stop it first", remedy=error.remedy),
            ) from None
        yield


def _listening(host: str, port: int, shown: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise StudyError(
            f"cannot listen here ({error.strerror})",
            where=f"{shown}:{port}",
            remedy="choose another --port",
        ) from error


def _run(app: Starlette, door: Door, listening: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
        http=door.protocol(),
        ws="none",
        log_level="warning",
        # It would write the token.
        access_log=False,
        # The door knows connections by their own address, not by what a proxy says.
        proxy_headers=False,
        server_header=False,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
