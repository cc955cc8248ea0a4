"""An answer of Claude, appended to the conversation, is sent back block by block as it came."""

from __future__ import annotations

import json

import pytest
from support import body_of, call, folded, frozen, named_sse, parse
from test_anthropic_messages_response import (
    CHAR,
    FOUND,
    MODEL,
    NO_ARGUMENTS,
    REDACTED,
    SERVER,
    SILENT,
    THINKING,
    TOOL,
    WEB,
    compact,
    events,
    message,
    text,
)

USER = {"role": "user", "content": "Hi"}
BLOCKS = {
    "text": [text("Hi!")],
    "two texts": [text("Hi"), text(" there")],
    "thinking": [THINKING, text("4")],
    "thoughts between texts": [THINKING, text("A"), THINKING, text("B")],
    "thinking without words": [SILENT, text("4")],
    "redacted thinking": [REDACTED, THINKING, text("4")],
    "a call": [TOOL],
    "calls after text and thoughts": [THINKING, text("Checking."), TOOL, NO_ARGUMENTS],
    "text after a call": [TOOL, text("Wait.")],
    "a server tool": [SERVER, FOUND, text("It is", [WEB]), text(".")],
    "a cited document": [text("Green", [CHAR])],
    "an unknown block": [{"type": "hologram", "data": {"deep": [1]}}, text("a")],
    "no text at all": [THINKING, REDACTED],
    "a call with a caller": [{**TOOL, "caller": {"type": "direct"}}],
}


def rendered(answer, model=MODEL):
    calls = answer.get("tool_calls", [])
    results = [{"role": "tool", "tool_call_id": c["id"], "content": "ok"} for c in calls]
    return body_of(model, [USER, answer, *results, USER])["messages"][1]


def blocks_of(wire):
    return [text(wire["content"])] if isinstance(wire["content"], str) else wire["content"]


@pytest.mark.parametrize(
    "through", [lambda m: m, lambda m: json.loads(json.dumps(m)), frozen], ids=["as it is", "as JSON", "frozen"]
)
@pytest.mark.parametrize("mode", ["whole", "streamed"])
@pytest.mark.parametrize("blocks", BLOCKS.values(), ids=BLOCKS)
def test_an_answer_goes_back_as_the_blocks_that_it_came_in(blocks, mode, through):
    native = message(*blocks, stop="tool_use" if TOOL in blocks else "end_turn")
    got = parse(call(MODEL), native) if mode == "whole" else folded(call(MODEL), named_sse(*events(native)))
    assert json.dumps(blocks_of(rendered(through(got["choices"][0]["message"])))) == json.dumps(blocks)


def test_the_file_id_of_a_citation_stays_behind_since_requests_refuse_it():
    got = parse(call(MODEL), message(text("Green", [{**CHAR, "file_id": "f"}])))["choices"][0]["message"]
    assert blocks_of(rendered(got)) == [text("Green", [CHAR])]
    assert got["provider_fields"]["content"][0]["citations"][0]["file_id"] == "f"


@pytest.mark.parametrize(
    "change", [{"content": "5"}, {"content": None}, {"content": [{"type": "text", "text": "5"}]}], ids=str
)
def test_what_the_caller_made_of_an_answer_wins_over_what_it_was(change):
    got = parse(call(MODEL), message(THINKING, text("4"), TOOL, stop="tool_use"))["choices"][0]["message"]
    assert [b["text"] for b in rendered({**got, **change})["content"] if b["type"] == "text"] == (
        ["5"] if change["content"] else []
    )


def test_new_arguments_of_a_call_win_over_the_old():
    got = json.loads(json.dumps(parse(call(MODEL), message(THINKING, TOOL, stop="tool_use"))["choices"][0]["message"]))
    got["tool_calls"][0]["function"]["arguments"] = '{"city":"Oslo"}'
    assert rendered(got)["content"][-1]["input"] == {"city": "Oslo"}


@pytest.mark.parametrize("blocks", [b for b in BLOCKS.values() if b != BLOCKS["no text at all"]], ids=str)
def test_an_answer_renders_on_chat_completions_without_a_foreign_field(blocks):
    got = parse(call(MODEL), message(*blocks, stop="tool_use" if TOOL in blocks else "end_turn"))["choices"][0][
        "message"
    ]
    wire = rendered(got, "gpt-4.1")
    assert wire.keys() <= {"role", "content", "tool_calls"}
    assert (wire["content"] or None) == got["content"]
    assert wire.get("tool_calls") == got.get("tool_calls")


def test_an_answer_of_chat_completions_renders_here_without_a_foreign_field():
    answer = {
        "role": "assistant",
        "content": "4",
        "reasoning_content": "Hm.",
        "annotations": [],
        "provider_fields": {"adapter": "openai_chat", "message": {"reasoning_details": [{"type": "reasoning.text"}]}},
    }
    assert rendered(answer) == {"role": "assistant", "content": "4"}


def test_arguments_that_were_cut_off_go_back_as_an_object():
    body = events(message(THINKING, TOOL, stop="max_tokens"))
    cut = [e for e in body if e.get("delta", {}).get("partial_json") != compact(TOOL["input"])[4:]]
    answer = folded(call(MODEL), named_sse(*cut))["choices"][0]["message"]
    assert answer["tool_calls"][0]["function"]["arguments"] == '{"ci'
    assert rendered(answer)["content"][1]["input"] == {"arguments": '{"ci'}


def test_an_empty_text_block_does_not_go_back_since_requests_refuse_it():
    answer = parse(call(MODEL), message(THINKING, text(""), TOOL, stop="tool_use"))["choices"][0]["message"]
    assert rendered(answer)["content"] == [THINKING, TOOL]
