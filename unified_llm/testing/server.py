"""A small HTTP/1.1 server on 127.0.0.1: one event loop in a daemon thread, standard library only."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from unified_llm import json_codec

REASONS = {**http.client.responses, 529: "Overloaded"}
"""What each status is called."""


@dataclass(slots=True, eq=False)
class ReceivedRequest:
    """A request as it arrived.

    Attributes:
        method: `POST`, ...
        path: with its query.
        headers: by their lower-case names.
        body: the bytes, without transfer encoding.
        aborted: whether the client closed the connection before the answer was complete.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    aborted: bool = False

    @property
    def json(self) -> Any:
        """The body, parsed.

        Raises:
            ValueError: it is not JSON.
        """
        return json_codec.loads(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back.

    Attributes:
        content: the whole body, or its parts, each sent as it comes.
        headers: by their lower-case names; those of the framing are added.
        delay: seconds before the status line.
        part_delay: seconds between two parts.
        cut_after: how many parts are sent before the connection is closed without an end; half of a whole body.
    """

    status: int
    content: bytes | Iterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    part_delay: float = 0.0
    cut_after: int | None = None

    def head(self) -> bytes:
        """The status line and the headers."""
        if isinstance(self.content, bytes):
            framing = {"content-length": str(len(self.content))}
        else:
            framing = {"transfer-encoding": "chunked"}
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unnamed')}"]
        lines += [f"{name}: {value}" for name, value in {**self.headers, **framing}.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Server:
    """Serves until it is closed.

    Args:
        respond: makes the answer to a request; called in the server's thread.

    Attributes:
        url: `http://127.0.0.1:PORT`.
        connections: how many TCP connections have been accepted.
        aborts: released whenever a client closes its connection before the answer is complete.
    """

    def __init__(self, respond: Callable[[ReceivedRequest], Response]) -> None:
        self.respond = respond
        self.connections = 0
        self.aborts = threading.Semaphore(0)
        self.live: set[_Connection] = set()
        listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(listening)), name=self.url, daemon=True)
        self._thread.start()
        self._started.wait()

    async def _serve(self, listening: socket.socket) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self), sock=listening)
        self._started.set()
        await self._closing.wait()
        server.close()
        for connection in self.live:
            connection.drop()
        await asyncio.sleep(0)  # the loop closes dropped sockets in its next round

    def close(self) -> None:
        """Close every connection and end the thread; more calls do nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()


class _Connection(asyncio.Protocol):
    """One TCP connection: its requests one after the other, each answered by a task."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._received = bytearray()
        self._request: ReceivedRequest | None = None  # the one that is being answered
        self._answering: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # an answer is complete when the kernel has all of it
        self._transport.set_write_buffer_limits(high=0)
        # asyncio does this only for sockets that name their protocol, and else each event waits 40 ms for the last one
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.connections += 1
        self._server.live.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.live.discard(self)
        if self._request is not None:
            self._request.aborted = True
            self._server.aborts.release()
        if self._answering is not None:
            self._answering.cancel()

    def eof_received(self) -> None:
        if self._request is not None:
            self._transport.abort()  # asyncio would first try to send what nobody reads

    def drop(self) -> None:
        """Close the connection from this side."""
        self._request = None
        self._transport.abort()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._next()

    def _next(self) -> None:
        """Begin to answer the next request, if it is there and the one before it is done."""
        if self._request is not None:
            return
        try:
            parsed = _parse(self._received)
        except ValueError:
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self._transport.close()
            return
        if parsed is not None:
            self._request, length = parsed
            del self._received[:length]
            self._answering = asyncio.get_running_loop().create_task(self._answer(self._request))

    async def _answer(self, request: ReceivedRequest) -> None:
        try:
            response = self._server.respond(request)
            await asyncio.sleep(response.delay)
            if isinstance(response.content, bytes):
                await self._send_whole(response, response.content)
            else:
                await self._send_parts(response, response.content)
        except BaseException:
            self._transport.abort()  # else the client would wait for ever
            raise
        if self._transport.is_closing():
            return  # the last bytes met a closed connection, and connection_lost() comes next
        self._request = None
        if response.cut_after is not None or request.headers.get("connection", "").lower() == "close":
            self._transport.close()
        else:
            self._next()

    async def _send_whole(self, response: Response, body: bytes) -> None:
        await self._send(response.head() + (body if response.cut_after is None else body[: len(body) // 2]))

    async def _send_parts(self, response: Response, parts: Iterator[bytes]) -> None:
        await self._send(response.head())
        for number, part in enumerate(parts):
            if number == response.cut_after:
                return
            # also without a delay: other connections, and the news that this one is closed, get their turn
            await asyncio.sleep(response.part_delay if number else 0)
            await self._send(b"%x\r\n%b\r\n" % (len(part), part))
        if response.cut_after is None:
            await self._send(b"0\r\n\r\n")

    async def _send(self, data: bytes) -> None:
        self._transport.write(data)
        await self._writable.wait()


def _parse(data: bytearray) -> tuple[ReceivedRequest, int] | None:
    """The first request of these bytes and its length, None while it is not complete; ValueError where it is none."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    first, *lines = data[:head_end].decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    fields = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    start = head_end + 4
    if headers.get("transfer-encoding", "").lower() == "chunked":
        found = _dechunked(data, start)
    else:
        end = start + int(headers.get("content-length", "0"))
        found = (bytes(data[start:end]), end) if len(data) >= end else None
    if found is None:
        return None
    body, end = found
    return ReceivedRequest(method, path, headers, body), end


def _dechunked(data: bytearray, start: int) -> tuple[bytes, int] | None:
    """A chunked body that starts there and where it ends, None while it is not complete."""
    body = bytearray()
    while (line_end := data.find(b"\r\n", start)) >= 0:
        size = int(data[start:line_end].partition(b";")[0], 16)
        end = line_end + 2 + size
        if len(data) < end + 2:
            return None
        if size == 0:
            return bytes(body), end + 2
        body += data[line_end + 2 : end]
        start = end + 2
    return None
