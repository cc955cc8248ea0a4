"""Newline-delimited JSON, split on bytes: one value to a line.

https://github.com/ndjson/ndjson-spec. Lines end in LF; a CR before it is white space to JSON. Nothing else ends a line:
U+2028 and its like are text. Empty lines count for nothing, and a last line without its line feed counts.
"""

from __future__ import annotations


class NewlineDelimitedJSON:
    """Splits a body into its lines, whatever way the network cut it."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: list[bytes] = []
        """The pieces of a line that is not complete: joined once, so that a long one stays linear."""

    @staticmethod
    def begins(body: bytes) -> bool:
        """Whether a body is of lines with objects, as far as its beginning tells."""
        return body.lstrip().startswith(b"{")

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete."""
        end = data.rfind(b"\n") + 1
        if not end:
            if data:
                self._held.append(data)
            return []
        # a shortcut for most reads: one line
        if end == len(data) and not self._held and data.find(b"\n") == end - 1:
            return [] if data.isspace() else [data]
        whole = b"".join((*self._held, data[:end]))
        self._held = [data[end:]] if end < len(data) else []
        return _lines(whole)

    def close(self) -> list[bytes]:
        """A last line that no line feed ended."""
        data = b"".join(self._held)
        self._held = []
        return _lines(data)


def _lines(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if line and not line.isspace()]
