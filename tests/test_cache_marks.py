"""`cache="auto"`: which prefixes of a prompt are marked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import body_of, call, frozen, quirky, render

from unified_llm import BadRequestError

CLAUDE, BEDROCK = "claude-sonnet-4-5", "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"
MARK = {"type": "ephemeral"}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("a", "b")]
SYSTEM = {"role": "system", "content": "Be brief."}


def question(text: str = "Hi") -> dict[str, Any]:
    return {"role": "user", "content": text}


def answer(text: str = "Hello") -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def test_tools_system_and_the_last_turn_are_marked() -> None:
    body = body_of(CLAUDE, [SYSTEM, question(), answer(), question("Why?")], tools=TOOLS, cache="auto")
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, MARK]
    assert body["system"] == [{"type": "text", "text": "Be brief.", "cache_control": MARK}]
    assert body["messages"][0]["content"] == "Hi"
    assert body["messages"][2]["content"] == [{"type": "text", "text": "Why?", "cache_control": MARK}]


def test_only_the_last_of_several_system_messages_is_marked() -> None:
    body = body_of(CLAUDE, [SYSTEM, {**SYSTEM, "content": "Be kind."}, question()], cache="auto")
    assert [block.get("cache_control") for block in body["system"]] == [None, MARK]


def test_a_prefill_is_not_marked_but_the_turn_before_it_is() -> None:
    body = body_of(CLAUDE, [question(), answer("{")], cache="auto")
    assert body["messages"][0]["content"][-1]["cache_control"] == MARK
    assert body["messages"][1]["content"] == "{"


def test_a_tool_result_that_ends_the_conversation_is_marked() -> None:
    asked = {"id": "t1", "type": "function", "function": {"name": "a", "arguments": "{}"}}
    turns = [
        question(),
        {"role": "assistant", "content": None, "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": "t1", "content": "4"},
    ]
    body = body_of(CLAUDE, turns, tools=TOOLS, cache="auto")
    assert body["messages"][-1]["content"][0]["cache_control"] == MARK


def test_marks_of_the_callers_own_are_all_that_is_sent() -> None:
    own = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = body_of(CLAUDE, [SYSTEM, {"role": "user", "content": [own]}, answer(), question()], cache="auto")
    assert body["system"] == "Be brief."
    assert body["messages"][0]["content"] == [own]
    assert body["messages"][-1]["content"] == "Hi"


def test_converse_marks_with_cache_points() -> None:
    body = body_of(BEDROCK, [SYSTEM, question()], tools=TOOLS, cache="auto")
    point = {"cachePoint": {"type": "default"}}
    assert body["system"][-1] == point
    assert body["messages"][-1]["content"][-1] == point
    assert body["toolConfig"]["tools"][-1] == point


def test_a_model_that_is_not_known_to_cache_is_sent_no_cache_point_and_that_is_said() -> None:
    made = call("bedrock/meta.llama3-70b-instruct-v1:0", [question()], cache="auto")
    assert "cachePoint" not in str(render(made).body)
    assert any(warning.startswith("cache was left out") for warning in made.warnings)


def test_a_host_of_chat_completions_that_takes_marks_gets_them() -> None:
    body = render(quirky({"cache_control": True}, [SYSTEM, question()], cache="auto")).body
    assert [message["content"][-1]["cache_control"] for message in body["messages"]] == [MARK, MARK]


@pytest.mark.parametrize("model", ["gpt-4.1", "gemini/gemini-2.5-flash", "groq/llama-3.3-70b-versatile"])
def test_a_provider_that_caches_by_itself_is_sent_no_mark(model: str) -> None:
    made = call(model, [SYSTEM, question()], tools=TOOLS, cache="auto")
    assert "cache" not in str(render(made).body)
    assert made.warnings == []


def test_the_callers_objects_stay_as_they_are() -> None:
    messages, tools = frozen([SYSTEM, question()]), frozen(TOOLS)
    body_of(CLAUDE, messages, tools=tools, cache="auto")
    assert messages == [SYSTEM, question()]


@given(st.lists(st.sampled_from("su a".replace(" ", "")), max_size=6))
def test_there_are_never_more_than_four_marks(roles: list[str]) -> None:
    names = {"s": SYSTEM, "u": question(), "a": answer()}
    body = body_of(CLAUDE, [SYSTEM, question(), *(names[role] for role in roles)], tools=TOOLS, cache="auto")
    assert 2 <= str(body).count("cache_control") <= 4


def test_another_word_than_auto_is_refused() -> None:
    with pytest.raises(BadRequestError, match="cache is 'always'"):
        body_of(CLAUDE, cache="always")
