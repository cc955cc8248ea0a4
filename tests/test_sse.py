"""Server-sent events: whatever way the network cuts a body, the payloads are those of the specification."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cuts_of, pieces

from unified_llm.framing.sse import ServerSentEvents


def payloads(*reads: bytes) -> list[bytes]:
    """What comes out; white space around a payload means nothing to JSON, so the framing may leave it."""
    framing = ServerSentEvents()
    out = [payload for data in reads for payload in framing.feed(data)]
    return [stripped for payload in [*out, *framing.close()] if (stripped := payload.strip())]


def by_the_specification(body: bytes) -> list[bytes]:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, line by line."""
    out: list[bytes] = []
    data: list[bytes] = []
    for line in [*re.split(rb"\r\n|\r|\n", body.removeprefix(b"\xef\xbb\xbf")), b""]:
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line:
            out.append(b"\n".join(data).strip())
            data = []
    return [payload for payload in out if payload]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [b"YHOO\n+2\n10"]),
        (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n", 3),
        (b"data:test\n\ndata: test\n\n", [b"test", b"test"]),
        (b"data\n\ndata\ndata\n\ndata:", []),
        (b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n", [b"73857293", b"2153"]),
        (b"retry: 100\n\nid: 7\n\ndataset: none\n\n data: none\n\n", []),
        (b"id: 1\nevent: x\nretry: 5\ndata: {}\nother: y\n\n", [b"{}"]),
    ],
    ids=["three lines", "comments and ids", "with and without a space", "empty", "named", "no data", "other fields"],
)
def test_the_examples_of_the_specification_give_their_payloads(body, expected):
    got = payloads(body)
    assert got == by_the_specification(body)
    assert got == expected if isinstance(expected, list) else len(got) == expected


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"], ids=["LF", "CR", "CRLF"])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_a_line_ends_in_lf_cr_or_crlf(end, step):
    body = end.join([b": hello", b"event: a", b"data: 1", b"", b"data: 2", b"data: 3", b"", b"data: 4", b"", b""])
    assert payloads(*(body[i : i + step] for i in range(0, len(body), step))) == [b"1", b"2\n3", b"4"]


def test_a_line_ends_in_nothing_else():
    text = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg".encode()
    assert payloads(b"data: " + text + b"\n\n") == [text]


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "é", "🙂"])
def test_a_character_may_be_cut_in_two(separator):
    body = f"data: a{separator}b\n\n".encode()
    for at in range(len(body)):
        assert payloads(body[:at], body[at:]) == [f"a{separator}b".encode()]


def test_the_byte_order_mark_is_no_part_of_the_first_line():
    body = b"\xef\xbb\xbfdata: 1\n\ndata: 2\n\n"
    for at in range(len(body)):
        assert payloads(body[:at], body[at:]) == [b"1", b"2"]


@pytest.mark.parametrize("tail", [b"", b"\n", b"\r", b"\r\n"], ids=["cut off", "LF", "CR", "CRLF"])
def test_a_last_event_without_its_blank_line_counts(tail):
    assert payloads(b"data: 1\n\ndata: 2" + tail) == [b"1", b"2"]


def test_a_blank_line_of_cr_ends_its_event_though_the_body_ends_soon_after():
    assert payloads(b"data: 1\r\r", b"data: 2") == [b"1", b"2"]


def test_the_word_data_inside_a_payload_or_a_comment_begins_nothing():
    assert payloads(b': data: 0\n\nevent: data: x\ndata: "data: 42"\n\ndata: [1]data: 2\n\n') == [
        b'"data: 42"',
        b"[1]data: 2",
    ]


def test_a_payload_is_there_as_soon_as_its_blank_line_is():
    framing = ServerSentEvents()
    assert [framing.feed(data) for data in (b"data: ", b"1\n", b"\ndata: 2")] == [[], [], [b" 1"]]


_LINES = st.sampled_from(
    [
        b"",
        b"data: 1",
        b'data:{"a":"b"}',
        b"data: x data: y",
        b"data:",
        b": note",
        b"event: e",
        b"id: 3",
        "data: \u2028é".encode(),
    ]
)
_ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
_BODIES = st.builds(
    lambda mark, lines, rest: mark + b"".join(line + end for line, end in lines) + rest,
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.lists(st.tuples(_LINES, _ENDS), max_size=12),
    _LINES,
)


@given(st.data(), _BODIES)
def test_any_cut_gives_the_payloads_of_the_specification(data, body):
    cuts = data.draw(cuts_of(len(body)))
    assert payloads(*pieces(body, cuts)) == by_the_specification(body)


@given(st.data(), st.binary(max_size=60))
def test_any_cut_of_any_bytes_gives_the_same_payloads(data, body):
    cuts = data.draw(cuts_of(len(body)))
    assert payloads(*pieces(body, cuts)) == payloads(body)


@pytest.mark.parametrize("line", [b"x" * 5_000_000, b"\ndata: ".join([b"x" * 90] * 50_000)], ids=["one line", "lines"])
def test_an_event_of_5_megabytes_in_pieces_of_a_kilobyte_takes_linear_time(line):
    body = b"data: " + line + b"\n\n"
    began = time.process_time()
    (payload,) = payloads(*(body[i : i + 1024] for i in range(0, len(body), 1024)))
    assert time.process_time() - began < 1.0  # a quadratic reader copies 12 gigabytes
    assert payload == line.replace(b"data: ", b"")
