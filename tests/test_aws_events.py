"""Amazon's event stream: any cut gives the same messages, and no damage goes unseen."""

from __future__ import annotations

import json
import struct
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st
from support import cuts_of, pieces

from unified_llm.framing.aws_events import LARGEST, EventStream

EXAMPLE = bytes.fromhex(
    "00000076 00000052 96d5fade 0b3a6576656e742d74797065 07 000c 6d6573736167655374617274"
    "0d3a636f6e74656e742d74797065 07 0010 6170706c69636174696f6e2f6a736f6e"
    "0d3a6d6573736167652d74797065 07 0005 6576656e74 7b22726f6c65223a22617373697374616e74227d 6fa8c599"
)


def header(name, value):
    """A header whose value is text."""
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()


def frame(headers, payload=b""):
    """A message of these headers: a dict of texts, or the bytes of all."""
    if isinstance(headers, dict):
        headers = b"".join(header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return whole + struct.pack(">I", crc32(whole))


def event(kind, body):
    """An event as Bedrock frames it, with the padding that it adds to each."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps({**body, "p": "abcdefgh"}).encode())


def exception(kind, body):
    """An exception inside a stream; a body that is bytes is sent as it is."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def error(code, message):
    """An error, which has no payload."""
    return frame({":error-code": code, ":error-message": message, ":message-type": "error"})


def split(data, cuts=()):
    """The messages of a body that the network cut at these offsets, parsed."""
    framing = EventStream()
    payloads = [payload for piece in pieces(data, cuts) for payload in framing.feed(piece)]
    return [json.loads(payload) for payload in [*payloads, *framing.close()]]


def test_the_documented_message_is_read():
    assert split(EXAMPLE) == [{"messageStart": {"role": "assistant"}}]


BODY = st.dictionaries(st.text("ab", min_size=1, max_size=3), st.text('é🙂"\u2028\n', max_size=5), max_size=3)
MESSAGES = st.lists(
    st.one_of(
        st.builds(event, st.sampled_from(["chunk", "metadata"]), BODY),
        st.builds(exception, st.just("throttlingException"), BODY),
        st.builds(error, st.just("InternalError"), st.text("ab é", max_size=9)),
    ),
    max_size=6,
)


@given(MESSAGES, st.data())
def test_any_cut_gives_the_same_messages(messages, data):
    body = b"".join(messages)
    got = split(body, data.draw(cuts_of(len(body))))
    assert got == split(body)
    assert len(got) == len(messages)


@given(MESSAGES)
def test_byte_for_byte_gives_the_same_messages(messages):
    body = b"".join(messages)
    assert split(body, range(1, len(body))) == split(body)


@given(st.lists(st.builds(event, st.sampled_from(["chunk", "metadata"]), BODY), max_size=5))
def test_events_are_those_that_botocore_reads(messages):
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(messages))
    assert split(b"".join(messages)) == [
        {message.headers[":event-type"]: json.loads(message.payload)} for message in buffer
    ]


@given(st.integers(0, len(EXAMPLE) - 1), st.integers(1, 255))
def test_a_byte_that_was_changed_is_never_taken_for_an_event(at, change):
    damaged = bytearray(EXAMPLE)
    damaged[at] ^= change
    got = split(bytes(damaged) + EXAMPLE)
    assert got == [] or list(got[-1]) == ["corrupt"]
    assert {"messageStart": {"role": "assistant"}} not in got


@given(st.integers(0, len(EXAMPLE) - 1))
def test_a_message_that_is_cut_off_gives_nothing(at):
    assert split(EXAMPLE + EXAMPLE[:at]) == split(EXAMPLE)


def test_nothing_follows_damage():
    damaged = EXAMPLE[:-1] + b"\x00"
    (start, told) = split(EXAMPLE + damaged + EXAMPLE + EXAMPLE)
    assert start == {"messageStart": {"role": "assistant"}}
    assert told["corrupt"]["why"] == "a message does not fit its checksum"


EXCEPTIONS = {
    "an exception": (exception("throttlingException", {"message": "Slow"}), "throttlingException", {"message": "Slow"}),
    "one that is no JSON": (exception("validationException", b"<x>"), "validationException", "<x>"),
    "one without payload": (exception("internalServerException", b""), "internalServerException", ""),
    "an error": (error("503", 'say "no"'), "503", {"message": 'say "no"'}),
    "one of a kind that is not known": (frame({":message-type": "new"}, b"{}"), "", {}),
}


@pytest.mark.parametrize(("data", "kind", "body"), EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_exceptions_and_errors_are_given_on_alike(data, kind, body):
    assert split(EXAMPLE + data)[1:] == [{"exception": {"type": kind, "body": body}}]


def test_headers_of_every_type_are_passed_over():
    fixed = [
        (0, b""),
        (1, b""),
        (2, b"1"),
        (3, b"12"),
        (4, b"1234"),
        (5, b"12345678"),
        (8, b"12345678"),
        (9, b"1" * 16),
    ]
    others = b"".join(b"\x01a" + bytes([kind]) + value for kind, value in fixed) + b"\x01a\x06\x00\x03xyz"
    assert split(frame(others + header(":event-type", "chunk"), b'{"a":1}')) == [{"chunk": {"a": 1}}]


def test_an_event_without_payload_is_an_empty_object():
    assert split(frame({":event-type": "chunk"})) == [{"chunk": {}}]


BAD_HEADERS = {
    "an unknown type": b"\x01a\x0a",
    "a name that is too long": b"\x09a\x07",
    "a value that is too long": b"\x01a\x07\x00\x09x",
    "no type": b"\x01a",
    "a name that is not ASCII": b"\x01\xff\x00",
}


@pytest.mark.parametrize("headers", BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_headers_that_cannot_be_read_are_corrupt(headers):
    assert list(split(frame(headers, b"{}"))[0]) == ["corrupt"]


def test_a_length_beyond_any_message_is_corrupt_at_once():
    prelude = struct.pack(">II", LARGEST + 1, 0)
    assert list(split(prelude + struct.pack(">I", crc32(prelude)))[0]) == ["corrupt"]


@pytest.mark.parametrize("cuts", [(), range(1, 40)])
def test_html_in_place_of_a_stream_is_shown(cuts):
    (told,) = split(b"<html><body>Bad gateway</body></html>     ", cuts)
    assert told["corrupt"]["start"].startswith("<html>")


def test_a_body_of_nothing_gives_nothing():
    assert split(b"") == []


def test_many_kinds_of_headers_are_all_read():
    got = split(b"".join(event(f"k{at}", {}) for at in range(200)))
    assert [next(iter(message)) for message in got] == [f"k{at}" for at in range(200)]
