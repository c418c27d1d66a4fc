"""The door of a page that may command the robot: who may come in, and the way to viser behind it.

viser serves whoever connects, so it is kept where nobody comes by: at an address drawn from
127.0.0.0/8, at a port of the system's choice, which this machine alone can reach and which a web
page would have to guess among 2^38. In front of it stands a :class:`Door`, a proxy that looks at
the head of every request and lets it through or refuses it with a sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import secrets
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode, urlsplit

import viser

from unihm.errors import ErrorCode, UnihmError

_LARGEST_HEAD = 16 * 1024  # bytes of a request's head
_PATIENCE = 10.0  # s for a head to arrive
_BLOCK = 64 * 1024  # bytes that are passed on at a time
# A page inside a foreign page's frame could be clicked on without being seen.
_ADDED = (
    "X-Frame-Options: DENY",
    "Content-Security-Policy: frame-ancestors 'none'",
    "Referrer-Policy: no-referrer",
)


@dataclass(frozen=True)
class PageRequest:
    """Head of an HTTP request.

    Attributes:
        method, target: of its first line.
        headers: names in lower case, with their values, in order.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, head: bytes) -> PageRequest:
        """Parse a head up to its empty line.

        Raises:
            ValueError: where it is not a head of HTTP/1.1.
        """
        first, *rest = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, target, version = first.split(" ")
        if version != "HTTP/1.1" or not re.fullmatch(r"/[!-~]*", target):
            raise ValueError(first)
        headers = []
        for line in rest:
            name, _, value = line.partition(":")
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(
                r"[\r\n\0]", value
            ):
                raise ValueError(line)
            headers.append((name.lower(), value.strip()))
        return cls(method, target, tuple(headers))

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key == name]

    def one(self, name: str) -> str:
        """The value of a header that came once; empty where it did not come, or more than once."""
        values = self.all(name)
        return values[0] if len(values) == 1 else ""

    @property
    def is_websocket(self) -> bool:
        """Whether a WebSocket is asked for."""
        return any("websocket" in value.lower() for value in self.all("upgrade"))


@dataclass(frozen=True)
class Rules:
    """Who may come in.

    With a token (an address that other machines reach): who brings it, in the address once and in a
    cookie from then on. Without one (loopback): who calls this machine by one of its own names;
    another name that leads here was made to (DNS rebinding). A WebSocket, which a browser opens for
    any page, must in either case be asked for by the page that is served here.

    Attributes:
        token: empty where none is needed.
        cookie: name of the cookie that keeps it.
    """

    token: str = ""
    cookie: str = "unihm"

    def refusal(self, request: PageRequest) -> tuple[HTTPStatus, str] | None:
        """Why a request is not let in; None: it is."""
        host = request.one("host")
        if not host:
            return HTTPStatus.BAD_REQUEST, "The request must name one host."
        if request.method != "GET":
            return HTTPStatus.METHOD_NOT_ALLOWED, "There is nothing to do here but GET."
        if self.token and not self._holds(request):
            return (
                HTTPStatus.FORBIDDEN,
                "This page moves a robot: open it with the token that was printed when it started.",
            )
        if not self.token and not is_loopback(urlsplit(f"//{host}").hostname or ""):
            return HTTPStatus.FORBIDDEN, f"This page is not served as {host}, only as localhost."
        if request.is_websocket and not _is_own(request.one("origin"), host):
            return HTTPStatus.FORBIDDEN, "The WebSocket is for the page that is served here."
        return None

    def brings(self, target: str) -> bool:
        """Whether the address holds the token."""
        given = [value for key, value in parse_qsl(urlsplit(target).query) if key == "token"]
        return any(self._is_token(value) for value in given)

    def _holds(self, request: PageRequest) -> bool:
        if self.brings(request.target):
            return True
        # Not by http.cookies, which drops all of them where one of another program is odd.
        kept = [part.strip() for line in request.all("cookie") for part in line.split(";")]
        values = [part.partition("=") for part in kept]
        return any(name == self.cookie and self._is_token(value) for name, _, value in values)

    def _is_token(self, given: str) -> bool:
        return bool(self.token) and secrets.compare_digest(given.encode(), self.token.encode())


def is_loopback(host: str) -> bool:
    """Whether a name or address can only mean this machine."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _is_own(origin: str, host: str) -> bool:
    """Whether a page of ``origin`` was served by who was called ``host``, port included."""
    scheme, _, place = origin.lower().partition("://")
    return scheme in ("http", "https") and place == host.lower()


class Door:
    """Serves what stands behind it to those whom the rules let in.

    Args:
        host: address to serve at; with one that other machines reach a token is drawn.
        port: to serve at; 0: any that is free.
        behind: address and port of the server that is guarded; it must speak to this door alone.

    Raises:
        UnihmError: INVALID_CONFIG where the address cannot be served at.

    Attributes:
        url: to be opened, with the token if there is one.
        token: empty on loopback.
    """

    def __init__(self, host: str, port: int, behind: tuple[str, int]) -> None:
        self.token = "" if is_loopback(host) else secrets.token_urlsafe(24)
        self._behind = behind
        self._loop = asyncio.new_event_loop()
        try:
            self._server = self._loop.run_until_complete(
                asyncio.start_server(self._receive, host, port, limit=_LARGEST_HEAD)
            )
        except OSError as error:
            self._loop.close()
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"The page cannot be served at {host}:{port} ({error.strerror}); choose another "
                "address or port.",
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        self._rules = Rules(self.token, f"unihm_{self.port}")  # a browser's cookies know no port
        self._thread = threading.Thread(target=self._loop.run_forever, name="door", daemon=True)
        self._thread.start()
        self.url = f"http://{_name(host)}:{self.port}"
        if self.token:
            self.url += f"/?token={self.token}"

    def close(self) -> None:
        """Let nobody in any more, and show out who is."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: one request, and what its WebSocket says."""
        with contextlib.suppress(OSError, asyncio.CancelledError):
            try:
                await self._serve(reader, writer)
            except (ValueError, EOFError, asyncio.LimitOverrunError, asyncio.TimeoutError):
                writer.write(_answer(HTTPStatus.BAD_REQUEST, "This is no request for a page."))
                await writer.drain()
            finally:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)
        request = PageRequest.read(head)
        if refused := self._rules.refusal(request):
            writer.write(_answer(*refused))
        elif self._rules.brings(request.target) and not request.is_websocket:
            writer.write(self._welcome(request.target))
        else:
            await self._pass(request, reader, writer)
        await writer.drain()

    def _welcome(self, target: str) -> bytes:
        """Hand out the cookie, and send on to the address without the token."""
        rest = [(key, value) for key, value in parse_qsl(urlsplit(target).query) if key != "token"]
        place = "/" + (f"?{urlencode(rest)}" if rest else "")
        cookie = f"{self._rules.cookie}={self.token}; HttpOnly; SameSite=Lax; Path=/"
        return _answer(HTTPStatus.SEE_OTHER, "", (f"Location: {place}", f"Set-Cookie: {cookie}"))

    async def _pass(
        self, request: PageRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Fetch the answer; where it is a WebSocket, connect the two for as long as both last."""
        server, to_server = await asyncio.open_connection(*self._behind)
        try:
            to_server.write(_head(request))
            answer = await server.readuntil(b"\r\n\r\n")
            switched = answer.startswith(b"HTTP/1.1 101 ")
            writer.write(answer if switched else answer[:-2] + _lines((*_ADDED, "")))
            ways = [_copy(server, writer)]
            if request.is_websocket and switched:
                ways.append(_copy(reader, to_server))
            tasks = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            to_server.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while block := await source.read(_BLOCK):
        target.write(block)
        await target.drain()


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def _head(request: PageRequest) -> bytes:
    """As it is sent on: a connection carries one request, so that each is looked at."""
    headers = request.headers
    if not request.is_websocket:
        headers = (*(h for h in headers if h[0] != "connection"), ("connection", "close"))
    first = f"{request.method} {request.target} HTTP/1.1"
    return _lines([first, *(f"{name}: {value}" for name, value in headers), ""])


def _answer(status: HTTPStatus, text: str, headers: tuple[str, ...] = ()) -> bytes:
    body = text.encode()
    return (
        _lines(
            [
                f"HTTP/1.1 {status.value} {status.phrase}",
                "Content-Type: text/plain; charset=utf-8",
                f"Content-Length: {len(body)}",
                "Cache-Control: no-store",
                "Connection: close",
                *_ADDED,
                *headers,
                "",
            ]
        )
        + body
    )


def _name(host: str) -> str:
    """What to call an address in a URL; "every address" goes by the machine's name."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            return socket.gethostname()
        return f"[{host}]" if address.version == 6 else host
    return host


def open_page(label: str, host: str, port: int) -> tuple[viser.ViserServer, Door]:
    """A page of viser and the door in front of it.

    Args:
        label: over its panel.
        host: address to serve at.
        port: to serve at; 0: any that is free.

    Raises:
        UnihmError: INVALID_CONFIG where the address cannot be served at.
    """
    hidden = str(ipaddress.IPv4Address(0x7F000000 + 2 + secrets.randbelow(2**24 - 3)))
    server = viser.ViserServer(host=hidden, port=0, label=label, verbose=False)
    try:
        return server, Door(host, port, (hidden, server.get_port()))
    except UnihmError:
        server.stop()
        raise
