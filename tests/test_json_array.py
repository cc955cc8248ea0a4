"""A streamed JSON array and server-sent events: one framing takes both, whatever way the network cuts them."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cuts_of, pieces, sse

from unified_llm.framing.json_array import EventsOrArray, JSONObjects

TEXT = st.text('{}[]",\\ \n\u2028é🙂', max_size=8)
VALUE = st.recursive(
    st.one_of(TEXT, st.integers(), st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
OBJECT = st.dictionaries(TEXT, VALUE, max_size=3)


def payloads(body: bytes, cuts=(), framing=EventsOrArray):
    made = framing()
    out = [payload for data in pieces(body, cuts) for payload in made.feed(data)]
    return [*out, *made.close()]


@given(st.lists(OBJECT, max_size=4), st.sampled_from([None, 2]), st.booleans(), st.data())
def test_any_cut_of_an_array_gives_its_objects(objects, indent, ascii, data):
    body = json.dumps(objects, indent=indent, ensure_ascii=ascii).encode()
    assert [json.loads(payload) for payload in payloads(body, data.draw(cuts_of(len(body))))] == objects


@given(st.lists(OBJECT, min_size=1, max_size=4), st.data())
def test_any_cut_of_events_gives_their_objects(objects, data):
    body = sse(*objects)
    assert [json.loads(payload) for payload in payloads(body, data.draw(cuts_of(len(body))))] == objects


@pytest.mark.parametrize(
    "before", [b"", b"\xef\xbb\xbf", b" \r\n\t", b"\xef\xbb\xbf\n"], ids=["", "BOM", "white", "both"]
)
@pytest.mark.parametrize("step", [1, 2, 1000])
@pytest.mark.parametrize("body", [b'[{"a": 1}]', b'data: {"a": 1}\n\n', b'{"a": 1}'], ids=["array", "events", "object"])
def test_what_a_body_is_shows_in_its_first_byte(before, step, body):
    whole = before + body
    (payload,) = payloads(whole, range(step, len(whole), step))
    assert json.loads(payload) == {"a": 1}


@pytest.mark.parametrize("first", [b": hello\n\n", b"event: x\n", b"id: 1\n", b"retry: 5\n", b"data\n\n"])
def test_events_may_begin_with_any_field(first):
    (payload,) = payloads(first + b"data: 7\n\n")
    assert payload.strip() == b"7"


def test_an_object_is_handed_out_as_soon_as_it_is_complete():
    framing = JSONObjects()
    assert framing.feed(b'[{"a": {"b": "}"}}') == [b'{"a": {"b": "}"}}']
    assert framing.feed(b",\n{") == []
    assert framing.feed(b'"c": 1}') == [b'{"c": 1}']
    assert framing.feed(b"]") == []
    assert framing.close() == []


def test_an_escaped_quote_ends_no_text_also_where_a_read_ends_behind_the_backslash():
    framing = JSONObjects()
    assert framing.feed(b'[{"a": "\\') == []
    assert framing.feed(b'"}"}]') == [b'{"a": "\\"}"}']


def test_an_object_that_never_ends_is_given_at_the_end_as_it_is():
    assert payloads(b'[{"a": 1}, {"b": "half') == [b'{"a": 1}', b'{"b": "half']


def test_an_array_that_is_cut_between_two_objects_is_no_error_of_the_framing():
    assert payloads(b'[{"a": 1},') == [b'{"a": 1}']


def test_what_is_neither_is_handed_on_at_once():
    assert payloads(b"<html>no</html>") == [b"<html>no</html>"]


@pytest.mark.parametrize("body", [b"", b" \n", b"[]", b"[\n]"])
def test_nothing_gives_nothing(body):
    assert payloads(body) == []


def test_an_object_of_megabytes_in_small_reads_takes_linear_time():
    body = b'[{"a": "' + b"x" * 2_000_000 + b'"}]'
    begun = time.perf_counter()
    (payload,) = payloads(body, range(1000, len(body), 1000))
    assert len(payload) == len(body) - 2
    assert time.perf_counter() - begun < 2
