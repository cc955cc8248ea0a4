"""A tiny scripted HTTP server on threads: it stalls, cuts and resets as told, and sees what its clients do.

An *answer* is a list of steps: bytes are sent as they are, a number is a pause in seconds, `HOLD` waits until the
client goes away, `CUT` closes the connection, `RESET` breaks it, and a function is called with the socket; one
step of bytes may stand alone. Answers are given to requests in the order in which they come; the last one is repeated.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

HOLD, CUT, RESET = "hold", "cut", "reset"
Step = bytes | float | str | Callable[[socket.socket], None]
Answer = Sequence[Step]


@dataclass
class Request:
    """A request as it came: the target is a whole URL when the client took the server for a proxy."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Server:
    """Serves the script until it is closed.

    Attributes:
        requests: what came, in order.
        connections: how many connections there ever were.
        open: how many connections there are now, as far as the server can see.
    """

    def __init__(self, *answers: Answer | bytes, tls: ssl.SSLContext | None = None) -> None:
        self.answers = [[answer] if isinstance(answer, bytes) else answer for answer in answers]
        self.requests: list[Request] = []
        self.connections = 0
        self.open = 0
        self._tls = tls
        self._changed = threading.Condition()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._changed:
            sockets = list(self._sockets)
        for connection in sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def within(self, seconds: float, holds: Callable[[Server], bool]) -> bool:
        """Whether something becomes true of this server before so many seconds have passed."""
        with self._changed:
            return self._changed.wait_for(lambda: holds(self), seconds)

    def left_alone(self, seconds: float = 0.2) -> bool:
        """Whether every client has closed its connection, or does so before so many seconds have passed."""
        return self.within(seconds, lambda server: server.open == 0)

    def _start(self, work: Callable[..., None], *given: Any) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self.open += 1
                self._sockets.add(connection)
                self._changed.notify_all()
            self._start(self._serve, connection)

    def _serve(self, plain: socket.socket) -> None:
        connection = plain
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._tls.wrap_socket(plain, server_side=True)
                with self._changed:
                    self._sockets = self._sockets - {plain} | {connection}
            for request in _requests(connection):
                with self._changed:
                    answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
                    self.requests.append(request)
                    self._changed.notify_all()
                if not all(_perform(step, connection) for step in answer):
                    break
        except OSError:
            pass  # the client went away
        finally:
            connection.close()
            with self._changed:
                self.open -= 1
                self._sockets -= {plain, connection}
                self._changed.notify_all()


def _requests(connection: socket.socket) -> Iterator[Request]:
    """The requests of a connection, until the client closes it."""
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return
            data += more
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(data) < length:
            data += connection.recv(65536)
        yield Request(method, target, headers, data[:length])
        data = data[length:]


def _perform(step: Step, connection: socket.socket) -> bool:
    """Do one step; False when the connection is over."""
    if isinstance(step, bytes):
        connection.sendall(step)
    elif isinstance(step, int | float):
        time.sleep(step)
    elif callable(step):
        step(connection)
    elif step == HOLD:
        while connection.recv(65536):
            pass
        return False
    else:
        if step == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    return True


# --- what is said over it ------------------------------------------------------------------------------------------

MODEL = "custom/m"
"""A model whose server needs no key; its address is given with base_url."""

COMPLETION: dict[str, Any] = {
    "id": "c-1",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}


def event(content: str | None = None, finish: str | None = None) -> bytes:
    """One event of a streamed answer of chat completions."""
    delta = {} if content is None else {"content": content}
    fields = {"id": "c-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({**fields, "choices": choices}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
EVENTS = [event("Hel"), event("lo!"), event(finish="stop"), DONE]
"""A whole streamed answer, which says `Hello!`."""
ERROR_EVENT = b'data: {"error": {"message": "Overloaded", "type": "overloaded_error"}}\n\n'

REASONS = {200: "OK", 429: "Too Many Requests", 500: "Internal Server Error"}


def http(body: Any = COMPLETION, status: int = 200, **headers: str) -> bytes:
    """A whole answer; underscores in the names of headers are hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(status, content_length=str(len(content)), **headers) + content


def head(status: int = 200, **headers: str) -> bytes:
    """Status line and headers."""
    given = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{name}: {it}" for name, it in given.items())]
    return "\r\n".join([*lines, "", ""]).encode()


STREAM_HEAD = head(content_type="text/event-stream", transfer_encoding="chunked")
STREAM_END = b"0\r\n\r\n"


def pieces(*parts: bytes) -> list[bytes]:
    """Parts of a body, each as an HTTP chunk."""
    return [f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts]


def streamed(*parts: bytes) -> list[Step]:
    """A whole streamed answer, `Hello!` when no parts are given."""
    return [STREAM_HEAD, *pieces(*(parts or EVENTS)), STREAM_END]


def stalled(*parts: bytes) -> list[Step]:
    """A streamed answer that says these parts and then waits for the client to go away."""
    return [STREAM_HEAD, *pieces(*parts), HOLD]
