"""Amazon's event stream, `application/vnd.amazon.eventstream`: binary messages with headers, payload and checksums.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html and
https://smithy.io/2.0/aws/amazon-eventstream.html, checked 2026-11-21. All integers are big-endian:

    total length (4) | length of headers (4) | CRC-32 of these 8 bytes (4) | headers | payload | CRC-32 of it all (4)

What is given on is JSON again, an object with one key:

    {"<event type>": <payload>}                                 an event
    {"exception": {"type": ..., "body": <payload>}}             an exception, or an error with its code as the type
    {"corrupt": {"why": ..., "start": ...}}                     bytes that are no such message; nothing follows
"""

from __future__ import annotations

import struct
from zlib import crc32

from unified_llm import json_codec

_PRELUDE = struct.Struct(">III")
_prelude = _PRELUDE.unpack_from
_LEAST = 16
"""Bytes of a message with neither headers nor payload."""
_NO_KIND = b"", b""
_CHECKSUM = struct.Struct(">I")
LARGEST = 12 + 128 * 1024 + 24 * 1024 * 1024 + 4
"""Bytes of a message: botocore takes headers of 128 KiB and payloads of 24 MiB."""

_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type; those of types 6 (bytes) and 7 (text) are told by two bytes before it."""
_BYTES, _TEXT = 6, 7
_MOST_KINDS = 64
_SHOWN = 200


class EventStream:
    """Splits a body into its messages, whatever way the network cut it."""

    __slots__ = ("_ended", "_held", "_kinds", "_size", "_wanted")

    def __init__(self) -> None:
        self._held: list[bytes] = []
        """The pieces of a message that is not complete: joined once, so that a long one stays linear."""
        self._size = 0
        self._wanted = _PRELUDE.size
        """Bytes that must be held before there is something to split."""
        self._kinds: dict[bytes, tuple[bytes, bytes]] = {}
        """What stands before and after a payload with these headers; few differ in one stream."""
        self._ended = False

    @staticmethod
    def begins(body: bytes) -> bool:
        """Whether a body is of messages, as far as its beginning tells: the highest byte of a length is 0 or 1."""
        return body.startswith((b"\0", b"\1"))

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that these bytes complete, each as JSON."""
        # a shortcut for most reads: one event, whole, of a kind that was met before
        if not self._held and len(data) > _LEAST and not self._ended:
            total, size, told = _prelude(data)
            before, after = self._kinds.get(data[12 : 12 + size], _NO_KIND)
            if total == len(data) > size + _LEAST and after == b"}":
                checksum = crc32(data[:8])
                if checksum == told and crc32(data[8:-4], checksum) == int.from_bytes(data[-4:]):
                    return [before + data[12 + size : -4] + after]
        if self._ended or not data:
            return []
        if self._held:
            self._held.append(data)
            self._size += len(data)
            if self._size < self._wanted:
                return []
            data = b"".join(self._held)
        out: list[bytes] = []
        rest = self._split(data, out)
        self._held = [rest] if rest else []
        self._size = len(rest)
        return out

    def close(self) -> list[bytes]:
        """Nothing: what is held is a message that is not complete."""
        return []

    def _split(self, data: bytes, out: list[bytes]) -> bytes:
        """Append the messages that are complete, and give back the bytes after them."""
        at, end = 0, len(data)
        self._wanted = _PRELUDE.size
        while end - at >= _PRELUDE.size:
            total, size, told = _prelude(data, at)
            checksum = crc32(data[at : at + 8])
            if checksum != told or not size + _LEAST <= total <= LARGEST:
                return self._corrupt("the length of a message does not fit its checksum", data[at:], out)
            if end - at < total:
                self._wanted = total
                break
            last = at + total - 4
            if crc32(data[at + 8 : last], checksum) != _CHECKSUM.unpack_from(data, last)[0]:
                return self._corrupt("a message does not fit its checksum", data[at:], out)
            headers, payload = data[at + 12 : at + 12 + size], data[at + 12 + size : last]
            kind = self._kinds.get(headers) or self._kind(headers)
            if kind is None:
                return self._corrupt("the headers of a message cannot be read", data[at:], out)
            before, after = kind
            out.append(before + (payload or b"{}") + after if after == b"}" else _failure(before, payload))
            at += total
        return data[at:]

    def _kind(self, headers: bytes) -> tuple[bytes, bytes] | None:
        """What stands before and after the payload of messages with these headers; None where they are no headers."""
        try:
            named = _texts(headers)
        except (IndexError, KeyError, ValueError, struct.error):
            return None
        what = named.get(":message-type", "event")
        if what == "event":
            kind = json_codec.dumps({named.get(":event-type", ""): 0}).encode()[:-2], b"}"
        elif what == "error":
            body = {"message": named.get(":error-message", "")}
            failure = {"exception": {"type": named.get(":error-code", ""), "body": body}}
            kind = json_codec.dumps(failure).encode(), b""
        else:
            failure = {"exception": {"type": named.get(":exception-type", ""), "body": 0}}
            kind = json_codec.dumps(failure).encode()[:-3], b"}}"
        if len(self._kinds) < _MOST_KINDS:
            self._kinds[headers] = kind
        return kind

    def _corrupt(self, why: str, data: bytes, out: list[bytes]) -> bytes:
        start = data[:_SHOWN].decode("utf-8", "replace")
        out.append(json_codec.dumps({"corrupt": {"why": why, "start": start}}).encode())
        self._ended = True
        return b""


def _failure(before: bytes, payload: bytes) -> bytes:
    """An exception with its payload, which may be anything; an error is all in its headers."""
    if before.endswith(b"}"):
        return before
    try:
        json_codec.loads(payload)
    except ValueError:
        payload = json_codec.dumps(payload.decode("utf-8", "replace")).encode()
    return before + payload + b"}}"


def _texts(headers: bytes) -> dict[str, str]:
    """The headers whose values are text; those of other types are passed over."""
    out: dict[str, str] = {}
    at = 0
    while at < len(headers):
        start = at + 1
        at = start + headers[at]
        name, kind = headers[start:at].decode("ascii"), headers[at]
        at += 1
        if kind in (_BYTES, _TEXT):
            size = int.from_bytes(headers[at : at + 2])
            at += 2
        else:
            size = _SIZES[kind]
        if at + size > len(headers):
            raise ValueError("a header is longer than all headers")
        if kind == _TEXT:
            out[name] = headers[at : at + size].decode()
        at += size
    return out
