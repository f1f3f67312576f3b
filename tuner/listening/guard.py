"""Requests are answered only under names of this server, for its own pages, and with its token.

A page of a foreign site can let its own name point to this machine (DNS rebinding), and then read
and answer as if it were ours; its requests carry the foreign name in `Host`. A number in place of
a name cannot be pointed elsewhere. And a request that a foreign page sends carries that page's
address in `Origin`.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tuner.errors import RunError

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Receive, Scope, Send

#: Names of this machine for itself; all others need a token.
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
#: Of a foreign name, in an answer to it.
MOST_SHOWN = 80

Refusal = tuple[int, str]
"""HTTP status and text."""


@dataclass(frozen=True)
class Access:
    """Who is answered.

    Args:
        token: what every request must carry as ``?token=``; None: none.
        only_invited: whether subjects need an invitation in its place.
        hosts: names that requests may be sent to, beside this machine's own for itself.
        numbers: whether any IP address will do, too: for a server that others reach.
    """

    token: str | None = None
    only_invited: bool = False
    hosts: Collection[str] = ()
    numbers: bool = False


def access_for(
    host: str,
    token: str | None,
    allowed: Collection[str] = (),
    *,
    only_invited: bool = False,
) -> Access:
    """Who is answered by a server that listens on `host`.

    Args:
        host: the address that it listens on.
        token: see `Access`.
        allowed: further names, as those of a proxy.
        only_invited: see `Access`.

    Raises:
        RunError: others could reach it, and need neither token nor invitation.
    """
    import socket

    local = host in LOCAL_HOSTS
    if not (token or only_invited) and (allowed or not local):
        given = f"--host {host}" if not local else f"--allow-host {next(iter(allowed))}"
        raise RunError(
            "anyone on the network could answer",
            where=given,
            remedy="add --invited or --token WORD, or stay on 127.0.0.1",
        )
    if local:
        return Access(token, only_invited, allowed)
    return Access(token, only_invited, {host, socket.gethostname(), *allowed}, numbers=True)


class Guard:
    """Refuses what was sent to another name, by a page of another server, or without the token.

    Args:
        app: whom the rest reaches.
        access: who is answered.
        find_invited: the subject whose invitation a token is, or None; what is found is left in
            the request's state, as ``invited``.
        admit: is told the address and port of each client that is.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        find_invited: Callable[[str], str | None] = lambda _: None,
        admit: Callable[[tuple[str, int] | None], None] = lambda _: None,
    ) -> None:
        self.app, self.access, self.find_invited, self.admit = app, access, find_invited, admit
        self.named = {host.lower() for host in access.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application."""
        if scope["type"] == "http":
            if refusal := self._refusal(scope):
                from starlette.responses import PlainTextResponse

                status, text = refusal
                headers = {"X-Content-Type-Options": "nosniff", "Connection": "close"}
                await PlainTextResponse(text, status, headers)(scope, receive, send)
                return
            self.admit(scope["client"])
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        from starlette.datastructures import Headers, QueryParams

        headers = Headers(scope=scope)
        if refusal := self._check_host(headers) or self._check_origin(headers):
            return refusal
        given = QueryParams(scope["query_string"]).get("token", "")
        invited = self.find_invited(given)
        scope.setdefault("state", {})["invited"] = invited
        if invited is None and not self._is_open_to(given):
            return 403, "Open the full address that you were given, including ?token=\n"
        return None

    def _is_open_to(self, given: str) -> bool:
        token = self.access.token
        if token is None:
            return not self.access.only_invited
        return secrets.compare_digest(given.encode(), token.encode())

    def _check_host(self, headers: Headers) -> Refusal | None:
        hosts = headers.getlist("host")
        if len(hosts) == 1 and self._is_ours(_name(f"//{hosts[0]}")):
            return None
        shown = ascii(hosts[0][:MOST_SHOWN]) if hosts else "none"
        return 421, (
            f"This server does not accept the host name {shown}. To allow it, start the server"
            " with --allow-host NAME.\n"
        )

    def _check_origin(self, headers: Headers) -> Refusal | None:
        host = headers["host"].lower()
        for origin in headers.getlist("origin"):
            # Behind a proxy the name that a browser sees may not be the one asked for here.
            if _place(origin) != host and _name(origin) not in self.named:
                return 403, "This request came from a page of another server.\n"
        return None

    def _is_ours(self, name: str) -> bool:
        if name in LOCAL_HOSTS or name in self.named:
            return True
        return self.access.numbers and _is_number(name)


def _place(address: str) -> str:
    """Name and port in an address, in lower case; empty where there are none."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def _name(address: str) -> str:
    """The name in an address, in lower case and without port; empty where there is none."""
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
