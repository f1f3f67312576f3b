"""The test's server: one page, a session that remembers, audio by letter.

No request names a file: audio is asked for by subject, page and letter, and what stands behind
the letter is the plan's secret. ABX lets X be fetched like the others, so nothing on the way
tells which of them it is.
"""

from __future__ import annotations

import base64
import math
import secrets
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import RunError
from tuner.listening.answers import AnswerRefused, check_subject, read_answers, store_answer
from tuner.listening.plan import TRAINING, Plan, read_plan

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

#: Letter of the open reference.
OPEN_REFERENCE = "reference"
#: Longest body of an answer, bytes: a page of ratings takes 200.
MOST_BYTES = 10_000
#: Names of this machine for itself; all others need a token.
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


def check_host(host: str, token: str | None) -> None:
    """Refuse to serve beyond this machine without a token. Raises `RunError`."""
    if host not in LOCAL_HOSTS and not token:
        raise RunError(
            f"--host {host}: others could answer, too; give --token WORD, or stay on 127.0.0.1"
        )


def make_app(folder: Path, token: str | None = None) -> Starlette:
    """The server's application.

    Args:
        folder: the test's folder.
        token: what every request must carry as ``?token=``; None: none.

    Raises:
        RunError: the folder holds no test that can be read.
    """
    from starlette.applications import Starlette
    from starlette.routing import Route

    test = _Test(folder, read_plan(folder), token)
    return Starlette(
        routes=[
            Route("/", test.page),
            Route("/api/session/{subject}", test.session),
            Route("/api/audio/{subject}/{page}/{letter}", test.audio),
            Route("/api/answer/{subject}/{page}", test.answer, methods=["POST"]),
        ],
        exception_handlers={AnswerRefused: _refuse, RunError: _fail},
    )


class _Test:
    """The routes of one test."""

    def __init__(self, folder: Path, plan: Plan, token: str | None) -> None:
        self.folder, self.plan, self.token = folder, plan, token

    def page(self, request: Request) -> Response:
        self._admit(request)
        from starlette.responses import HTMLResponse

        nonce = secrets.token_urlsafe(12)
        policy = (
            f"default-src 'none'; connect-src 'self'; script-src 'nonce-{nonce}';"
            f" style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; form-action 'none'"
        )
        headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
        return HTMLResponse(read_page(nonce), headers={**headers, **_NO_STORE})

    def session(self, request: Request) -> Response:
        self._admit(request)
        from starlette.responses import JSONResponse

        subject = check_subject(request.path_params["subject"])
        done = read_answers(self.folder, subject)
        content = {
            "kind": self.plan.kind,
            "title": self.plan.title,
            "pages": [
                {
                    "name": name,
                    "training": name == TRAINING,
                    "letters": len(self.plan.order(subject, name)),
                    "done": name in done,
                }
                for name in self.plan.pages(subject)
            ],
        }
        return JSONResponse(content, headers=_NO_STORE)

    def audio(self, request: Request) -> Response:
        self._admit(request)
        from starlette.exceptions import HTTPException
        from starlette.responses import Response

        subject = check_subject(request.path_params["subject"])
        page, letter = request.path_params["page"], request.path_params["letter"]
        trial = self.plan.trial(page)
        if trial is None:
            raise HTTPException(404, "no such page")
        files = {str(n): s.file for n, s in enumerate(self.plan.order(subject, page))}
        files[OPEN_REFERENCE] = trial.reference
        if letter not in files:
            raise HTTPException(404, "no such sound")
        path = self.folder / files[letter]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RunError(f"{path}: cannot be read ({error}); make the test again") from error
        return Response(content, media_type="audio/flac", headers=_NO_STORE)

    async def answer(self, request: Request) -> Response:
        self._admit(request)
        from starlette.responses import JSONResponse

        given, seconds = await _read_answer(request)
        subject, page = request.path_params["subject"], request.path_params["page"]
        # On the loop's own thread: one answer is stored after another.
        store_answer(self.folder, self.plan, subject, page, given, seconds)
        return JSONResponse({"saved": page}, headers=_NO_STORE)

    def _admit(self, request: Request) -> None:
        from starlette.exceptions import HTTPException

        given = request.query_params.get("token", "")
        if self.token and not secrets.compare_digest(given.encode(), self.token.encode()):
            raise HTTPException(403, "open the address with its ?token=")


async def _read_answer(request: Request) -> tuple[object, float]:
    # JSON alone: a form on a foreign site cannot send this type without asking first.
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise AnswerRefused("an answer is JSON")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise AnswerRefused(f"an answer has at most {MOST_BYTES} bytes")
    import json

    try:
        content: Any = json.loads(body)
        given, seconds = content["answer"], float(content["seconds"])
    except (ValueError, KeyError, TypeError) as error:
        raise AnswerRefused(f"not an answer ({error!r})") from error
    if not (math.isfinite(seconds) and seconds >= 0):
        raise AnswerRefused("seconds must be 0 or more")
    return given, seconds


def read_page(nonce: str) -> str:
    """The self-contained page; `nonce` lets its own script and style pass, and no other."""
    files = resources.files("tuner.listening") / "page"
    page = (files / "index.html").read_text(encoding="utf-8")
    icon = base64.b64encode((files / "icon.svg").read_bytes()).decode()
    for name, text in (
        ("{{style}}", (files / "page.css").read_text(encoding="utf-8")),
        ("{{player}}", (files / "player.js").read_text(encoding="utf-8")),
        ("{{script}}", (files / "page.js").read_text(encoding="utf-8")),
        ("{{icon}}", f"data:image/svg+xml;base64,{icon}"),
        ("{{nonce}}", nonce),
    ):
        page = page.replace(name, text)
    return page


_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def _refuse(_: Request, error: Exception) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse({"error": str(error)}, status_code=422)


def _fail(_: Request, error: Exception) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse({"error": str(error)}, status_code=500)
