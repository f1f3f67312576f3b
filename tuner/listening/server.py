"""The test's server: one page, a session that remembers, audio by letter.

No request names a file: audio is asked for by subject, page and letter, and what stands behind
the letter is the plan's secret. Each sound goes out veiled (`tuner.listening.veil`), X of ABX and
the hidden reference, too, so that no two answers have the same bytes, and all of a page have the
same size. Who may ask under which name is `tuner.listening.guard`'s concern, how slowly
`tuner.listening.door`'s.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import functools
import json
import logging
import secrets
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import RunError
from tuner.listening.answers import AnswerRefused, check_subject, read_answers, store_answer
from tuner.listening.consent import render_intro
from tuner.listening.door import Door
from tuner.listening.entrance import find_missing, store_step
from tuner.listening.guard import Access, Guard
from tuner.listening.invitation import find_invited
from tuner.listening.plan import TRAINING, Plan, read_plan
from tuner.listening.veil import veiled

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

#: The page's scripts, in their order; together they are one.
SCRIPTS = ("player.js", "wave.js", "entrance.js", "page.js", "trial.js")
#: Letter of the open reference.
OPEN_REFERENCE = "reference"
#: Longest body of an answer, bytes: a page of ratings takes 200, the longest comment 8,000, thirty
#: replies of 500 characters 60,000.
MOST_BYTES = 64_000
#: Longest time on a page that is believed, s: a week, for a browser that was left open.
MOST_SECONDS = 604_800
#: A page of ratings comes in one piece; a minute is for the worst of networks, s.
BODY_PATIENCE_S = 60.0

log = logging.getLogger(__name__)


class NoAnswer(RunError):
    """A body that is no answer at all; nothing was stored."""


def make_app(folder: Path, access: Access | None = None, door: Door | None = None) -> Starlette:
    """The server's application.

    Args:
        folder: the test's folder.
        access: who is answered; None: only this machine.
        door: is told which connections may stay.

    Raises:
        RunError: the folder holds no test that can be read.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Route

    plan = read_plan(folder)
    test = _Test(folder, plan)
    admit = door.admit if door else (lambda _: None)
    return Starlette(
        routes=[
            Route("/", test.page),
            Route("/api/test", test.test),
            Route("/api/session/{subject}", test.session),
            Route("/api/step/{subject}/{step}", test.step, methods=["POST"]),
            Route("/api/audio/{subject}/{page}/{letter}", test.audio),
            Route("/api/answer/{subject}/{page}", test.answer, methods=["POST"]),
        ],
        middleware=[
            Middleware(Guard, access or Access(), functools.partial(find_invited, plan), admit)
        ],
        exception_handlers={NoAnswer: _reject, AnswerRefused: _refuse, RunError: _fail},
    )


class _Test:
    """The routes of one test."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan

    def page(self, request: Request) -> Response:
        from starlette.responses import HTMLResponse

        nonce = secrets.token_urlsafe(12)
        policy = (
            f"default-src 'none'; connect-src 'self'; script-src 'nonce-{nonce}';"
            f" style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; form-action 'none'"
        )
        headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
        page = read_page(nonce, render_intro(self.plan))
        return HTMLResponse(page, headers={**headers, **_NO_STORE})

    def test(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        content = {
            "kind": self.plan.kind,
            "title": self.plan.title,
            "intro": bool(self.plan.intro),
            "questions": [dataclasses.asdict(each) for each in self.plan.questions],
            "tone": self.plan.tone and dataclasses.asdict(self.plan.tone),
            "invited": request.state.invited,
        }
        return JSONResponse(content, headers=_NO_STORE)

    def session(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        subject = _subject(request)
        done = read_answers(self.folder, self.plan, subject)
        content = {
            "kind": self.plan.kind,
            "title": self.plan.title,
            "missing": find_missing(self.folder, self.plan, subject),
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
        from starlette.exceptions import HTTPException
        from starlette.responses import Response

        subject = _subject(request)
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
            content = veiled(path, self.plan.secret, subject, page, letter)
        except (OSError, RuntimeError) as error:
            # soundfile's own error is a RuntimeError.
            raise RunError(
                f"cannot be read ({error})", where=path, remedy="make the test again"
            ) from error
        return Response(content, media_type="audio/wav", headers=_NO_STORE)

    async def answer(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        subject, page = _subject(request), request.path_params["page"]
        given = parse_answer(await _read_body(request))
        if missing := find_missing(self.folder, self.plan, subject):
            raise AnswerRefused(f"{', '.join(missing)}: do this first; reload this window")
        # On the loop's own thread: one answer is stored after another.
        store_answer(self.folder, self.plan, subject, page, *given)
        return JSONResponse({"saved": page}, headers=_NO_STORE)

    async def step(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        subject, step = _subject(request), request.path_params["step"]
        given = _read_object(await _read_body(request))
        store_step(self.folder, self.plan, subject, step, given)
        return JSONResponse({"saved": step}, headers=_NO_STORE)


def _subject(request: Request) -> str:
    """Whom a request is about: who was invited answers for nobody else."""
    from starlette.exceptions import HTTPException

    subject = check_subject(request.path_params["subject"])
    if request.state.invited not in (None, subject):
        raise HTTPException(403, "this address belongs to another listener")
    return subject


async def _read_body(request: Request) -> bytes:
    # JSON alone: a form on a foreign site cannot send this type without asking first.
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise NoAnswer("an answer must be JSON")
    body = b""
    try:
        async with asyncio.timeout(BODY_PATIENCE_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise NoAnswer(f"an answer must have at most {MOST_BYTES} bytes")
    except TimeoutError as error:
        raise NoAnswer("the answer came too slowly") from error
    return body


def parse_answer(body: bytes) -> tuple[object, float, object]:
    """What was answered, to be checked against the plan; the seconds that it took; the comment.

    Raises:
        NoAnswer: for whatever else the bytes are.
    """
    try:
        content = json.loads(body)
        given, seconds = content["answer"], content["seconds"]
        comment = content.get("comment", "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoAnswer(f"not an answer ({type(error).__name__})") from error
    if type(seconds) not in (int, float) or not 0 <= seconds <= MOST_SECONDS:
        raise NoAnswer(f"seconds must be a number from 0 to {MOST_SECONDS:g}")
    return given, float(seconds), comment


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoAnswer(f"not an answer ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise NoAnswer("not an answer (no object)")
    return content


def read_page(nonce: str, intro: str = "") -> str:
    """The self-contained page; `nonce` lets its own script and style pass, and no other.

    Args:
        nonce: fresh for each answer.
        intro: HTML that is shown before the test, from `tuner.listening.consent`.
    """
    files = resources.files("tuner.listening") / "page"
    page = (files / "index.html").read_text(encoding="utf-8")
    icon = base64.b64encode((files / "icon.svg").read_bytes()).decode()
    scripts = "\n".join((files / name).read_text(encoding="utf-8") for name in SCRIPTS)
    for name, text in (
        ("{{style}}", (files / "page.css").read_text(encoding="utf-8")),
        ("{{scripts}}", scripts),
        ("{{icon}}", f"data:image/svg+xml;base64,{icon}"),
        ("{{nonce}}", nonce),
        # Last: what it holds is not looked at again.
        ("{{intro}}", intro),
    ):
        page = page.replace(name, text)
    return page


_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def _reject(_: Request, error: Exception) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse({"error": str(error)}, status_code=400)


def _refuse(_: Request, error: Exception) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse({"error": str(error)}, status_code=422)


def _fail(_: Request, error: Exception) -> Response:
    from starlette.responses import JSONResponse

    # The reason names files and conditions, which are not for listeners.
    log.error("%s", error)
    told = "the server cannot read its files or store your answer; tell the test's organiser"
    return JSONResponse({"error": told}, status_code=500)
