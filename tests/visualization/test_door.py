"""The page's door, tried from both sides with real requests and WebSockets."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse

import pytest
import viser
from unihm.errors import ErrorCode, UnihmError
from unihm.visualization.door import Door, PageRequest, Rules, open_page
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

PROTOCOL = f"viser-v{viser.__version__}"  # what viser's own page offers


@contextmanager
def page(host: str) -> Iterator[Door]:
    """An empty page behind a door."""
    server, door = open_page("test", host, 0)
    yield door
    door.close()
    server.stop()


@pytest.fixture(scope="module")
def near() -> Iterator[Door]:
    with page("127.0.0.1") as door:
        yield door


@pytest.fixture(scope="module")
def far() -> Iterator[Door]:
    with page("0.0.0.0") as door:
        yield door


def get(door: Door, target: str = "/", **headers: str) -> HTTPResponse:
    """Ask for a page; a redirection is not followed."""
    connection = HTTPConnection("127.0.0.1", door.port, timeout=20)
    connection.request("GET", target, headers=headers)
    return connection.getresponse()


def talk(door: Door, host: str, **headers: str | None) -> bytes:
    """First message that a WebSocket hears which asks for ``host`` but connects to the door."""
    with (
        socket.create_connection(("127.0.0.1", door.port)) as line,
        connect(
            f"ws://{host}:{door.port}/",
            sock=line,
            subprotocols=[PROTOCOL],  # type: ignore[list-item]
            additional_headers={k: v for k, v in headers.items() if v is not None},
            compression=None,
            max_size=None,
        ) as spoken,
    ):
        heard = spoken.recv(timeout=20)
        assert isinstance(heard, bytes)
        return heard


def refused(door: Door, host: str, **headers: str | None) -> bool:
    """Whether a WebSocket is turned away before viser hears of it."""
    with pytest.raises(InvalidStatus) as caught:
        talk(door, host, **headers)
    return caught.value.response.status_code == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_on_loopback_the_page_itself_comes_in(near: Door, name: str) -> None:
    assert near.token == ""
    assert near.url == f"http://127.0.0.1:{near.port}"
    answer = get(near, Host=f"{name}:{near.port}")
    assert answer.status == 200
    assert b"<html" in answer.read()
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert len(talk(near, name, Origin=f"http://{name}:{near.port}")) > 16


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.com",
        "null",
        "http://localhost",  # a page of another server of this machine
        "http://127.0.0.1:1",
        "http://localhost.example.com:{port}",
        "http://localhost:{port}.example.com",
        "file://localhost:{port}",
        None,
    ],
)
def test_on_loopback_a_foreign_page_does_not_come_in(near: Door, origin: str | None) -> None:
    asked = None if origin is None else origin.format(port=near.port)
    assert refused(near, "localhost", Origin=asked)


@pytest.mark.parametrize("name", ["rebound.example.com", "localhost.example.com", "192.168.1.5"])
def test_a_name_that_was_made_to_lead_here_does_not_come_in(near: Door, name: str) -> None:
    assert get(near, Host=f"{name}:{near.port}").status == 403
    assert refused(near, name, Origin=f"http://{name}:{near.port}")


def test_through_a_tunnel_the_port_may_be_another(near: Door) -> None:
    asked = (("host", "localhost:9000"), ("upgrade", "websocket"))
    own, other = ("origin", "http://localhost:9000"), ("origin", "http://localhost:9001")
    assert Rules().refusal(PageRequest("GET", "/", (*asked, own))) is None
    assert Rules().refusal(PageRequest("GET", "/", (*asked, other))) is not None


def test_elsewhere_nobody_comes_in_without_the_token(far: Door) -> None:
    assert far.token
    assert far.token in far.url
    own = f"http://robot:{far.port}"
    for target in ("/", "/?token=", "/?token=guess"):
        answer = get(far, target, Host=f"robot:{far.port}")
        assert answer.status == 403
        assert b"token" in answer.read()
    assert refused(far, "robot", Origin=own)
    assert refused(far, "robot", Origin=own, Cookie=f"unihm_{far.port}=guess")
    # This machine's own name is no way around.
    assert get(far, Host=f"localhost:{far.port}").status == 403


def test_elsewhere_the_token_opens_and_is_kept_in_a_cookie(far: Door) -> None:
    host = f"robot:{far.port}"
    answer = get(far, f"/?token={far.token}&initialCameraFov=1", Host=host)
    assert (answer.status, answer.headers["Location"]) == (303, "/?initialCameraFov=1")
    cookie, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax"} <= set(attributes)
    assert get(far, "/", Host=host, Cookie=f'odd={{"a": 1}}; {cookie}').status == 200
    assert len(talk(far, "robot", Origin=f"http://{host}", Cookie=cookie)) > 16
    # The cookie comes along wherever the request is from; the origin does not lie.
    assert refused(far, "robot", Origin="https://example.com", Cookie=cookie)
    assert refused(far, "robot", Origin="http://robot:1", Cookie=cookie)


def test_a_redirection_leads_nowhere_else(far: Door) -> None:
    answer = get(far, f"//example.com/?token={far.token}", Host="robot")
    assert (answer.status, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: [\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        (b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\nHost: b\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\r\n\r\n", 400),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_answered_so(near: Door, request_: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", near.port), timeout=20) as line:
        line.sendall(request_)
        assert line.makefile("rb").readline().split()[1] == str(status).encode()


def test_a_connection_carries_one_request(near: Door) -> None:
    """The second could be another page's, and nobody would have looked at it."""
    asked = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", near.port), timeout=20) as line:
        line.sendall(asked + asked.replace(b"localhost", b"example.com"))
        assert line.makefile("rb").read().count(b"HTTP/1.1 ") == 1


def test_what_is_behind_the_door_is_not_at_the_usual_address(near: Door) -> None:
    address, port = near._behind
    assert address != "127.0.0.1"
    with pytest.raises((OSError, urllib.error.URLError)):
        urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=20)


def test_a_port_that_is_taken_is_told(near: Door) -> None:
    with pytest.raises(UnihmError) as caught:
        open_page("test", "127.0.0.1", near.port)
    assert caught.value.code == ErrorCode.INVALID_CONFIG
    assert str(near.port) in caught.value.message
