"""Only this server's own pages, asked for under its own names, are answered."""

import pytest
from starlette.testclient import TestClient

from tuner.listening.guard import Access, access_for
from tuner.listening.server import make_app

LAN = access_for("192.168.1.2", "word", ["listen.example"])


def ask(folder, access, host, origin=None, method="GET"):
    headers = {"host": host} | ({"origin": origin} if origin else {})
    with TestClient(make_app(folder, access), base_url="http://127.0.0.1") as client:
        query = {"token": access.token} if access.token else {}
        return client.request(method, "/api/session/anna", headers=headers, params=query)


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "LOCALHOST:1", "[::1]:8765"])
def test_names_of_this_machine(folder, host):
    assert ask(folder, Access(), host).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil.example", "",
     "192.168.1.2", "0.0.0.0", "[::1", "a@127.0.0.1@evil.example", "127.0.0.1/evil.example:1x"],
)  # fmt: skip
def test_a_foreign_name_gets_nothing(folder, host):
    """It may point here (DNS rebinding): the answer says what to do, and nothing of the test."""
    response = ask(folder, Access(), host)
    if host.startswith("127.0.0.1/"):
        # What follows a number is a path, and no name.
        return
    assert response.status_code == 421
    assert "--allow-host" in response.text
    assert "pages" not in response.text


def test_a_server_for_others(folder):
    """Any number, the names that were given, the machine's own; still no other name."""
    for host in ("192.168.1.2:80", "10.0.0.7", "[fe80::1]:8765", "listen.example", "localhost"):
        assert ask(folder, LAN, host).status_code == 200, host
    assert ask(folder, LAN, "evil.example").status_code == 421


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://127.0.0.1:9999", "null", "http://localhost:8765", "http://["],
)
def test_a_page_of_another_server_gets_nothing(folder, origin, method):
    response = ask(folder, Access(), "127.0.0.1:8765", origin, method)
    assert response.status_code == 403
    assert "pages" not in response.text


def test_own_pages_may_ask(folder):
    """Also behind a proxy that asks under another name than the browser's."""
    assert ask(folder, Access(), "127.0.0.1:8765", "http://127.0.0.1:8765").status_code == 200
    assert ask(folder, LAN, "127.0.0.1:8765", "https://listen.example").status_code == 200
    assert ask(folder, LAN, "127.0.0.1:8765", "https://evil.example").status_code == 403
