"""Thoughts between tags, split off answers of hosts that never give them a field."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import body_of, cuts_of, decode, fold, folded, parse, quirky, render, sse

from unified_llm.adapters.think_tags import ThinkTags, split, tagged
from unified_llm.catalog import resolve

TAGGED = {"think_tags": True}
USER = {"role": "user", "content": "Hi"}

TEXTS = {
    "<think>\nHm.\n</think>\n\nHello!": ("Hello!", "Hm."),
    "\n <think>Hm. </think>Hello!\n": ("Hello!\n", "Hm."),
    "<think>\n\n</think>\n\nHello!": ("Hello!", ""),
    "<think></think>Hello!": ("Hello!", ""),
    "<think>Hm": ("", "Hm"),
    "<think>Hm </thi": ("", "Hm </thi"),
    "<think>a </think b> c</think>d": ("d", "a </think b> c"),
    "<think>a<think>b</think>c</think>d": ("c</think>d", "a<think>b"),
    "<think>": ("", ""),
    "<thi": ("<thi", ""),
    "  <thinking>Hm</thinking>": ("  <thinking>Hm</thinking>", ""),
    "Hello! <think>Hm</think>": ("Hello! <think>Hm</think>", ""),
    "Hm</think>Hello!": ("Hm</think>Hello!", ""),
    "\n\nHello!": ("\n\nHello!", ""),
    "": ("", ""),
    " \n": (" \n", ""),
    "<think>a\n \n\nb</think>\u2028c": ("c", "a\n \n\nb"),
}


def in_pieces(text: str, cuts: list[int]) -> tuple[str, str]:
    tags, told = ThinkTags(), [("", "")]
    edges = [0, *sorted(cuts), len(text)]
    told += [tags.feed(text[start:end]) for start, end in pairwise(edges)]
    told.append(tags.close())
    return "".join(answer for answer, _ in told), "".join(thought for _, thought in told)


@pytest.mark.parametrize("text", TEXTS)
def test_thoughts_at_the_beginning_are_split_off(text: str) -> None:
    assert split(text) == TEXTS[text]
    assert in_pieces(text, [*range(1, len(text))]) == TEXTS[text]


PIECES = st.sampled_from(["<think>", "</think>", "<", "</", "think>", " ", "\n", "a", "é🙂", "\u2028"])


@given(st.lists(PIECES, max_size=8).map("".join), st.data())
def test_any_cut_of_a_text_gives_the_same(text: str, data: st.DataObject) -> None:
    assert in_pieces(text, data.draw(cuts_of(len(text)))) == split(text)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_nothing_but_tags_and_the_white_space_beside_them_is_lost(text: str) -> None:
    answer, thought = split(text)
    squeezed = "".join(text.replace("<think>", "", 1 if text.lstrip().startswith("<think>") else 0).split())
    kept = "".join((thought + answer).split())
    assert kept in (squeezed, squeezed.replace("</think>", "", 1))


@given(st.text("ab \n<", max_size=9), st.text("ab \n<", max_size=9))
def test_what_is_tagged_can_be_split_again(thought: str, answer: str) -> None:
    assert split(tagged(thought, answer)) == (answer.lstrip(), thought.strip())


# --- answers --------------------------------------------------------------------------------------------------------

USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


def whole(content, **fields):
    message = {"role": "assistant", "content": content, **fields}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "x", "created": 1, "model": "m", "choices": [choice], "usage": USAGE}


def streamed(*contents, **fields):
    base = {"id": "x", "created": 1, "model": "m"}
    deltas = [{"role": "assistant", "content": "", **fields}, *({"content": content} for content in contents)]
    events = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return sse(*events, {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE})


@pytest.mark.parametrize("text", TEXTS)
def test_an_answer_is_the_same_whole_and_in_any_pieces(text: str) -> None:
    answer, thought = TEXTS[text]
    expected = {"role": "assistant", "content": answer or None, **({"reasoning_content": thought} if thought else {})}
    parsed = parse(quirky(TAGGED), whole(text))
    assert parsed["choices"][0]["message"] == expected
    for size in (1, 3, 100):
        contents = [text[at : at + size] for at in range(0, len(text), size)]
        assert folded(quirky(TAGGED, stream=True), streamed(*contents)) == parsed


@given(st.data())
def test_the_way_the_network_cuts_a_stream_with_tags_does_not_matter(data: st.DataObject) -> None:
    body = streamed("<thi", "nk>\nH", "m.\n</th", "ink>", "\n\n", "Hel", "lo!")
    made = quirky(TAGGED, stream=True)
    chunks = decode(made, body, data.draw(cuts_of(len(body))))
    assert fold(chunks) == parse(quirky(TAGGED), whole("<think>\nHm.\n</think>\n\nHello!"))
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks] == ["assistant"] + [None] * (len(chunks) - 1)
    assert all("content" in chunk["choices"][0]["delta"] for chunk in chunks)


def test_thoughts_are_told_as_they_come() -> None:
    body = streamed("<think>", "Let", " me", " see.", "</think>", "Yes.")
    deltas = [chunk["choices"][0]["delta"] for chunk in decode(quirky(TAGGED, stream=True), body)]
    assert [delta.get("reasoning_content") for delta in deltas] == ["Let", " me", " see.", None, None]
    assert [delta["content"] for delta in deltas] == [None, None, None, "Yes.", None]


def test_thoughts_before_tool_calls_are_thoughts() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    parsed = parse(quirky(TAGGED), whole("<think>Hm.</think>\n\n", tool_calls=[call]))
    message = parsed["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == (None, "Hm.")
    events = streamed("<think>Hm.</think>", "\n\n", tool_calls=[{"index": 0, **call}])
    assert folded(quirky(TAGGED, stream=True), events) == parsed


def test_tags_beside_a_field_for_thoughts_are_text() -> None:
    text = "<think>is an HTML tag?"
    parsed = parse(quirky(TAGGED), whole(text, reasoning_content="Hm."))
    assert parsed["choices"][0]["message"]["content"] == text
    assert folded(quirky(TAGGED, stream=True), streamed(text, reasoning_content="Hm.")) == parsed


def test_hosts_with_a_field_for_thoughts_keep_tags_as_text() -> None:
    text = "<think>Hm.</think>Hello!"
    parsed = parse(quirky({}), whole(text))
    assert parsed["choices"][0]["message"]["content"] == text
    assert folded(quirky({}, stream=True), streamed(text[:3], text[3:9], text[9:])) == parsed


# --- the way back ---------------------------------------------------------------------------------------------------

ANSWER = {"role": "assistant", "content": "Hello!", "reasoning_content": "Hm."}
IN_TAGS = "<think>\nHm.\n</think>\n\nHello!"
DETAILS = {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}
OWN = {**ANSWER, "provider_fields": {"adapter": "openai_chat", "message": DETAILS}}
ECHOES = [
    (TAGGED, ANSWER, {"content": "Hello!"}),
    ({"echo_reasoning": "think_tags"}, ANSWER, {"content": IN_TAGS}),
    ({"echo_reasoning": "think_tags"}, {"role": "assistant", "content": "Hello!"}, {"content": "Hello!"}),
    ({"echo_reasoning": "reasoning_details", **TAGGED}, ANSWER, {"content": IN_TAGS}),
    ({"echo_reasoning": "reasoning_details", **TAGGED}, OWN, {"content": "Hello!", **DETAILS}),
    ({"echo_reasoning": "reasoning_details"}, ANSWER, {"content": "Hello!"}),
]


@pytest.mark.parametrize(("quirks", "message", "expected"), ECHOES, ids=str)
def test_thoughts_go_back_as_the_host_wants_them(quirks, message, expected) -> None:
    body = render(quirky(quirks, [USER, message, USER])).body
    assert body["messages"][1] == {"role": "assistant", **expected}


def test_thoughts_beside_parts_and_beside_calls_go_back_too() -> None:
    echo = {"echo_reasoning": "think_tags"}
    parts = {**ANSWER, "content": [{"type": "text", "text": "Hello!"}]}
    sent = render(quirky(echo, [USER, parts, USER])).body["messages"][1]["content"]
    assert "".join(part["text"] for part in sent) == IN_TAGS
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    history = [
        USER,
        {**ANSWER, "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "a", "content": ""},
    ]
    assert render(quirky(echo, history)).body["messages"][1]["content"] == "<think>\nHm.\n</think>\n\n"


@pytest.mark.parametrize(
    "model", ["perplexity/sonar-reasoning", "sambanova/m", "minimax/m", "minimax-cn/m", "lmstudio/m"]
)
def test_a_host_that_leaves_thoughts_in_the_text_is_known(model: str) -> None:
    assert resolve(model).quirks["think_tags"] is True
    assert json.dumps(body_of(model))
