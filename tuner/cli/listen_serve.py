"""`tuner listen serve`: one server for one test, until Ctrl-C."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.errors import RunError, StudyError

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from tuner.listening.door import Door

#: Held by the server of a test, in the test's folder.
SERVING_LOCK = ".serving.lock"


def serve(
    test: Annotated[Path, typer.Argument(help="Folder of the test.")],
    host: Annotated[str, typer.Option(help="Address; other than local needs --token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port.", min=1, max=65535)] = 8765,
    token: Annotated[
        str | None, typer.Option(help="Access token, part of the address that listeners open.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Further name under which listeners reach this server, as a proxy's."),
    ] = None,
) -> None:
    """Serve a test to listeners' browsers until Ctrl-C."""
    from urllib.parse import quote

    from tuner.listening.door import Door
    from tuner.listening.guard import access_for
    from tuner.listening.server import make_app

    door = Door()
    app = make_app(test, access_for(host, token, allow_host or ()), door)
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
    from tuner.locks import LockHeld, hold_lock

    with contextlib.ExitStack() as held:
        try:
            held.enter_context(hold_lock(test / SERVING_LOCK))
        except LockHeld as error:
            remedy = f"; {error.remedy}" if error.remedy else ""
            raise RunError(
                f"{test}: another `tuner listen serve` serves this test; let listeners use that"
                f" one, or stop it first{remedy}"
            ) from None
        yield


def _listening(host: str, port: int, shown: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise StudyError(
            f"{shown}:{port}: cannot be listened on ({error.strerror}); name another --port"
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
