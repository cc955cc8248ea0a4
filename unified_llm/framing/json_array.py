"""A streamed JSON array, split into its objects as they complete; and bodies that are that or server-sent events.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent, checked 2026-11-21: with `alt=sse` the
answers are events, without it one JSON array, and an error may be an object alone.
"""

from __future__ import annotations

import re

from unified_llm.framing.sse import ServerSentEvents

_BEFORE = b"\xef\xbb\xbf \t\r\n"
"""A byte order mark and white space, which mean nothing before a body."""

_OUTSIDE = re.compile(rb'["{}]')
_INSIDE = re.compile(rb'["\\]')


class JSONObjects:
    """Splits a JSON array into the bytes of its objects, whatever way the network cut it; one object alone counts too.

    Brackets and commas between the objects are passed over, so a body that is cut between two of them is no error here.
    """

    __slots__ = ("_at", "_depth", "_held", "_in_string", "_start")

    def __init__(self) -> None:
        self._held = bytearray()
        self._at: int = 0
        self._start: int = 0
        self._depth = 0
        self._in_string = False

    def feed(self, data: bytes) -> list[bytes]:
        """The objects that these bytes complete."""
        self._held += data
        out: list[bytes] = []
        while match := (_INSIDE if self._in_string else _OUTSIDE).search(self._held, self._at):
            mark = match[0]
            if mark == b"\\":
                if match.end() == len(self._held):
                    self._at = match.start()  # what it escapes is in the next read
                    break
                self._at = match.end() + 1
                continue
            self._at = match.end()
            if mark == b'"':
                self._in_string = not self._in_string
            elif mark == b"{":
                if not self._depth:
                    self._start = match.start()
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if not self._depth:
                    out.append(bytes(self._held[self._start : self._at]))
        else:
            self._at = len(self._held)
        self._forget()
        return out

    def close(self) -> list[bytes]:
        """The beginning of an object that never ended."""
        return [bytes(self._held[self._start :])] if self._depth else []

    def _forget(self) -> None:
        """Drop the bytes of what has been handed out."""
        done = self._start if self._depth else self._at
        del self._held[:done]
        self._at -= done
        self._start = 0


class _Other:
    """A body that is neither: it is handed on as it comes, for the decoder to refuse."""

    def feed(self, data: bytes) -> list[bytes]:
        return [data]

    def close(self) -> list[bytes]:
        return []


class EventsOrArray:
    """Server-sent events or a JSON array, told by the first byte."""

    __slots__ = ("_held", "_inner")

    @staticmethod
    def begins(body: bytes) -> bool:
        """Whether a body is one or the other, as far as its beginning tells."""
        return body.lstrip(_BEFORE).startswith((b"[", b"{")) or ServerSentEvents.begins(body)

    def __init__(self) -> None:
        self._held = b""
        self._inner: ServerSentEvents | JSONObjects | _Other | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that these bytes complete."""
        if self._inner is not None:
            return self._inner.feed(data)
        self._held += data
        begun = self._held.lstrip(_BEFORE)
        if not begun:
            return []
        first = begun[:1]
        if first in b"[{":
            self._inner = JSONObjects()
        else:
            self._inner = ServerSentEvents() if first in b":deir" else _Other()
        return self._inner.feed(begun)

    def close(self) -> list[bytes]:
        """What is left when the body has ended."""
        return self._inner.close() if self._inner is not None else []
