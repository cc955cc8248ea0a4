"""Server-sent events, split on bytes.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream. Lines end in LF, CR or CRLF and
in nothing else: U+2028 and its like are text. Event names are not given: every format read here repeats them inside
the payload. Departures from the specification, each seen in recorded traffic: a last event without its blank line
counts, and a payload may follow `data:` without a space.
"""

from __future__ import annotations

import re

_BOM = b"\xef\xbb\xbf"
_BEFORE = _BOM + b"\r\n"
"""What may stand before the first field."""


class ServerSentEvents:
    """Splits a body into event payloads, whatever way the network cut it."""

    __slots__ = ("_carriage_return", "_held")

    def __init__(self) -> None:
        self._held: list[bytes] = []
        """The pieces of an event that is not complete: joined once, so that a long one stays linear."""
        self._carriage_return = False

    @staticmethod
    def begins(body: bytes) -> bool:
        """Whether a body is of events, as far as its beginning tells."""
        return body.lstrip(_BEFORE).startswith((b"data:", b"event:", b":", b"id:", b"retry:"))

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads of the events that these bytes complete; comments and other fields give none."""
        # a shortcut for most reads: one event, whose last line is its only data
        head, _, payload = data.partition(b"data:")
        if (
            payload.endswith(b"\n\n")
            and payload.find(b"\n") == len(payload) - 2
            and (not head or head.endswith(b"\n"))
            and not (self._held or self._carriage_return)
            and b"\r" not in data
        ):
            return [payload]
        if self._carriage_return or b"\r" in data:
            data = self._unify(data)
        if b"\n\n" not in data and not self._joins_to_a_blank_line(data):
            if data:
                self._held.append(data)
            return []
        data = b"".join((*self._held, data))
        end = data.rfind(b"\n\n") + 2
        self._held = [data[end:]] if end < len(data) else []
        return _payloads(b"\n" + data[:end])

    def close(self) -> list[bytes]:
        """The payload of a last event that no blank line ended."""
        data = b"".join(self._held)
        self._held, self._carriage_return = [], False
        return _payloads(b"\n" + data + b"\n\n")

    def _joins_to_a_blank_line(self, data: bytes) -> bool:
        return data.startswith(b"\n") and bool(self._held) and self._held[-1].endswith(b"\n")

    def _unify(self, data: bytes) -> bytes:
        """Turn CRLF and CR into LF; a CR at the end waits, since its LF may be in the next read."""
        if self._carriage_return:
            data = b"\r" + data
        self._carriage_return = data.endswith(b"\r")
        if self._carriage_return:
            data = data[:-1]
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


_ONLY_DATA_LINE = re.compile(rb"\ndata:([^\n]+)(?=\n\n)")


def _payloads(events: bytes) -> list[bytes]:
    """The payloads of whole events, each line of which a line feed precedes."""
    if events.startswith(_BOM, 1):
        events = b"\n" + events[1 + len(_BOM) :]
    payloads: list[bytes] = _ONLY_DATA_LINE.findall(events)
    if len(payloads) == events.count(b"\ndata:"):
        return payloads  # no event has more than one line of data, or another field behind it: nearly always so
    out: list[bytes] = []
    for event in events.split(b"\n\n"):
        lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
        if payload := b"\n".join(lines):
            out.append(payload)
    return out
