"""Connections that send slowly: cut, bounded, and no trouble for others."""

import contextlib
import socket
import threading
from urllib.request import urlopen

import pytest
import uvicorn

from tuner.listening.door import Door
from tuner.listening.guard import Access
from tuner.listening.server import make_app

#: For what must happen, however busy the machine is, s.
LIMIT_S = 60.0
FOR_EVER_S = 3600.0


@pytest.fixture
def serve(folder):
    """Starts a server with a door; gives its port."""
    with contextlib.ExitStack() as running:

        def start(door):
            app = make_app(folder, Access("word"), door)
            listening = running.enter_context(socket.create_server(("127.0.0.1", 0)))
            config = uvicorn.Config(app, http=door.protocol(), ws="none", log_level="error")
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()

            def stop():
                server.should_exit = True
                thread.join(LIMIT_S)

            running.callback(stop)
            return listening.getsockname()[1]

        yield start


def connect(port, text=b""):
    """A connection that has sent this much."""
    made = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
    made.sendall(text)
    return made


def is_cut(connection):
    """Waits for its end."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /?token=word HT",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ",
        b"POST /api/answer/anna/001 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n\r\n{",
    ],
)
def test_a_slow_stranger_is_cut(serve, sent):
    """Nothing, half a request, and one without token whose body never ends."""
    port = serve(Door(patience_s=0.2))
    with connect(port, sent) as slow:
        assert is_cut(slow)


def test_too_many_strangers_make_room(serve):
    """The oldest go; a listener gets in beside them and stays."""
    port = serve(Door(most=3, patience_s=FOR_EVER_S))
    with contextlib.ExitStack() as open_ones:
        listener = open_ones.enter_context(connect(port, request("/api/session/anna?token=word")))
        assert listener.recv(15).startswith(b"HTTP/1.1 200")
        slow = [open_ones.enter_context(connect(port, b"GET /")) for _ in range(5)]
        assert is_cut(slow[0]) and is_cut(slow[1])
        address = f"http://127.0.0.1:{port}/?token=word"
        with urlopen(address, timeout=LIMIT_S) as response:
            assert response.status == 200
        assert is_cut(slow[2])
        # The connection that was let in first is still there.
        listener.sendall(request("/?token=word"))
        assert b"HTTP/1.1 200" in read_until(listener, b"HTTP/1.1 200")


def request(path):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def read_until(connection, wanted):
    got = b""
    while wanted not in got:
        piece = connection.recv(4096)
        assert piece, "the connection was cut"
        got += piece
    return got
