"""Newline-delimited JSON: whatever way the network cuts a body, its lines are the same."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cuts_of, pieces

from unified_llm.framing.ndjson import NewlineDelimitedJSON

VALUES = st.lists(
    st.dictionaries(st.sampled_from("ab"), st.text('ab\u2028\x85\x0c\r\n"é🙂 ', max_size=8), max_size=2), max_size=6
)


def lines(*reads: bytes) -> list[bytes]:
    framing = NewlineDelimitedJSON()
    out = [line for data in reads for line in framing.feed(data)]
    return [line.strip() for line in [*out, *framing.close()]]


def body_of(values, end=b"\n") -> bytes:
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + end for value in values)


@given(VALUES, st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \n \r\n"]), st.data())
def test_any_cut_gives_the_same_values(values, end, data):
    body = body_of(values, end)
    got = lines(*pieces(body, data.draw(cuts_of(len(body)))))
    assert [json.loads(line) for line in got] == values


@given(VALUES, st.data())
def test_a_last_line_without_its_line_feed_counts(values, data):
    body = body_of(values).removesuffix(b"\n")
    assert [json.loads(line) for line in lines(*pieces(body, data.draw(cuts_of(len(body)))))] == values


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"], ids=ascii)
def test_nothing_but_a_line_feed_ends_a_line(separator):
    body = f'{{"a":"x{separator}y"}}\n'.encode()
    assert lines(body) == [body.strip()]


def test_a_line_is_given_as_soon_as_it_is_complete_and_not_before():
    framing = NewlineDelimitedJSON()
    assert framing.feed(b'{"a":') == []
    assert framing.feed(b"1}") == []
    assert framing.feed(b'\n{"b":2}\n{"c"') == [b'{"a":1}', b'{"b":2}']
    assert framing.feed(b"") == []
    assert framing.close() == [b'{"c"']
    assert framing.close() == []


@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n\r\n", b"  \n\t\n"], ids=repr)
def test_empty_lines_are_no_values(body):
    assert lines(body) == []


def test_a_long_line_in_many_reads_takes_time_in_proportion():
    def seconds(reads: int) -> float:
        framing, begun = NewlineDelimitedJSON(), time.perf_counter()
        for _ in range(reads):
            framing.feed(b"x" * 64)
        assert len(framing.feed(b"\n")[0]) == reads * 64
        return time.perf_counter() - begun

    assert min(seconds(40_000) for _ in range(3)) < 40 * max(min(seconds(4_000) for _ in range(3)), 1e-3)
