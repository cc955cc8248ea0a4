"""Server-sent events, split on bytes.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream. Lines end in LF, CR or CRLF and
in nothing else: U+2028 and its like are text. Event names are not given: every format read here repeats them inside
the payload. Departures from the specification, each seen in recorded traffic: a last event without its blank line
counts, and a payload may follow `data:` without a space.
"""

from __future__ import annotations

_BOM = b"\xef\xbb\xbf"


class ServerSentEvents:
    """Splits a body into event payloads, whatever way the network cut it."""

    __slots__ = ("_held", "_rest")

    def __init__(self) -> None:
        self._held: list[bytes] = []  # pieces that hold no line end: joined once, so that long events stay linear
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads of the events that these bytes complete; comments and other fields give none."""
        # most reads are one event whose last line is its only data: a shortcut of what follows
        head, _, payload = data.partition(b"data:")
        if (
            payload.endswith(b"\n\n")
            and payload.find(b"\n") == len(payload) - 2
            and not (self._rest or self._held)
            and (not head or head.endswith(b"\n"))
            and b"\r" not in data
        ):
            return [payload]
        if b"\n" not in data and b"\r" not in data:
            self._held.append(data)
            return []
        if self._held:
            data = self._rest + b"".join(self._held) + data
            self._held.clear()
        elif self._rest:
            data = self._rest + data
        if b"\r" in data:
            data = self._unify(data)
        blocks = data.split(b"\n\n")
        self._rest = blocks.pop()
        return [payload for block in blocks if (payload := _payload(block))]

    def close(self) -> list[bytes]:
        """The payload of a last event that no blank line ended."""
        block = self._rest + b"".join(self._held)
        self._rest = b""
        self._held.clear()
        payload = _payload(block.replace(b"\r", b"\n"))
        return [payload] if payload else []

    def _unify(self, data: bytes) -> bytes:
        """Turn CRLF and CR into LF; a CR at the end waits, since its LF may be in the next read."""
        if data.endswith(b"\r"):
            data = data[:-1]
            self._held.append(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _payload(block: bytes) -> bytes:
    if block.startswith(b"event:"):
        start = block.find(b"\ndata:") + 6
        if start > 5 and b"\n" not in block[start:]:
            return block[start:]
    elif block.startswith(b"data:") and b"\n" not in block:
        return block[5:]
    lines = block.removeprefix(_BOM).split(b"\n")
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))
