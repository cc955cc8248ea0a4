"""Answers that other libraries read wrong: one test for each reported way, named for what must hold instead.

The numbers are those of issues of the libraries that had the bug: L is github.com/BerriAI/litellm.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import call, folded, named_sse, parse, render, sse
from support_server import Server, http
from test_token_count import MESSAGES, PICTURE, TOOLS, letters  # noqa: F401 - a fixture

from unified_llm import (
    BadRequestError,
    Completion,
    TruncatedAnswerError,
    completion,
    count_tokens,
    parse_tool_call,
    run_tools,
)
from unified_llm.testing import Answer, LoopbackProvider

SONNET, GPT, GEMINI = "claude-sonnet-4-5", "gpt-4.1", "gemini/gemini-2.5-flash"
CONVERSE, COHERE, OLLAMA = (
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere/command-a-03-2025",
    "ollama/qwen3",
)
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
OSLO = {"city": "Oslo"}


def claude(*blocks: dict[str, Any], stop: str = "end_turn", **usage: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": SONNET,
        "content": list(blocks),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5, **usage},
    }


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def tool_use(id: str = "c1") -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "weather", "input": OSLO}


def chat(message: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish}
    return {"id": "x1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return {"id": "x1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


FUNCTION_CALL = {"functionCall": {"name": "weather", "args": OSLO}}
NATURAL_STOPS = {
    SONNET: claude(tool_use(), stop="end_turn"),
    GPT: chat({"tool_calls": [CALL]}, "stop"),
    GEMINI: {"candidates": [{"content": {"role": "model", "parts": [FUNCTION_CALL]}, "finishReason": "STOP"}]},
    CONVERSE: {
        "output": {
            "message": {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "c1", "name": "weather", "input": OSLO}}],
            }
        },
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    },
    COHERE: {"id": "x1", "finish_reason": "COMPLETE", "message": {"role": "assistant", "tool_calls": [CALL]}},
    OLLAMA: {
        "model": "qwen3",
        "created_at": "2026-11-21T10:00:00Z",
        "message": {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "weather", "arguments": OSLO}}],
        },
        "done": True,
        "done_reason": "stop",
    },
}
"""Answers that call a tool and say that they stopped by themselves."""


@pytest.mark.parametrize("model", NATURAL_STOPS)
def test_a_stop_with_tool_calls_is_tool_calls_in_every_format(model: str) -> None:
    """L#2195, L#12249, L#12481, L#12862, L#21041, L#22900, L!31634: one provider after another."""
    choice = parse(call(model), NATURAL_STOPS[model])["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    [made] = choice["message"]["tool_calls"]
    assert made["id"]
    assert (made["function"]["name"], json.loads(made["function"]["arguments"])) == ("weather", OSLO)


def test_a_refusal_is_a_content_filter_and_the_providers_word_is_kept() -> None:
    """L#23793, L#24141, any-llm!1306."""
    choice = parse(call(SONNET), claude(stop="refusal"))["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("content_filter", "refusal")


def test_a_citation_says_which_part_of_the_joined_text_it_is_for() -> None:
    """L#7970: texts joined, citations a list of lists beside them."""
    page = {"type": "web_search_result_location", "url": "https://oslo.example", "title": "Oslo", "cited_text": "4 C"}
    place = {"type": "char_location", "cited_text": "4 C", "document_index": 0, "document_title": "Forecast"}
    document = {**place, "start_char_index": 3, "end_char_index": 6}
    blocks = [text("In Oslo "), text("it is cold", citations=[page, document]), text(".")]
    message = parse(call(SONNET), claude(*blocks))["choices"][0]["message"]
    [annotation] = message["annotations"]
    cited = annotation["url_citation"]
    assert message["content"][cited["start_index"] : cited["end_index"]] == "it is cold"
    assert cited["url"] == "https://oslo.example"
    assert message["provider_fields"]["content"] == blocks


THINK_TEXT = st.lists(st.booleans(), min_size=1, max_size=6)


@given(THINK_TEXT)
def test_the_order_of_thoughts_and_texts_survives_the_way_back(order: list[bool]) -> None:
    """L#13834: think, text, think, text went back as think, think, text, text."""
    blocks = [
        {"type": "thinking", "thinking": f"t{at}", "signature": f"s{at}"} if thinks else text(f"w{at}")
        for at, thinks in enumerate(order)
    ]
    made = parse(call(SONNET), claude(*blocks, tool_use(), stop="tool_use"))["choices"][0]["message"]
    history = [{"role": "user", "content": "?"}, made, {"role": "tool", "tool_call_id": "c1", "content": "cold"}]
    assert render(call(SONNET, json.loads(json.dumps(history)))).body["messages"][1]["content"] == [*blocks, tool_use()]


def test_tool_calls_are_counted_from_zero_whatever_stands_before_them() -> None:
    """LiteLLM 1.106 and any-llm 1.40 count content blocks."""
    start = {"type": "message_start", "message": claude(stop=None)}  # type: ignore[arg-type]
    events: list[Any] = [start]
    for at, block in enumerate([text(""), {**tool_use("c1"), "input": {}}, {**tool_use("c2"), "input": {}}]):
        events += [
            {"type": "content_block_start", "index": at, "content_block": block},
            {"type": "content_block_stop", "index": at},
        ]
    usage = {"output_tokens": 5}
    events += [
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": usage},
        {"type": "message_stop"},
    ]
    message = folded(call(SONNET, stream=True), named_sse(*events))["choices"][0]["message"]
    assert [made["id"] for made in message["tool_calls"]] == ["c1", "c2"]
    assert [made["function"]["arguments"] for made in message["tool_calls"]] == ["{}", "{}"]


def test_whole_calls_with_one_index_and_several_ids_are_several_calls() -> None:
    """L#7621: `{"l":"SF"}{"l":"Tokyo"}` in one call."""
    other = {**CALL, "id": "c2", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}
    body = sse(
        delta(role="assistant", tool_calls=[{"index": 0, **CALL}]),
        delta(tool_calls=[{"index": 0, **other}]),
        delta("tool_calls"),
        "[DONE]",
    )
    message = folded(call(GPT, stream=True), body)["choices"][0]["message"]
    assert [made["id"] for made in message["tool_calls"]] == ["c1", "c2"]
    assert [json.loads(made["function"]["arguments"])["city"] for made in message["tool_calls"]] == ["Oslo", "Rome"]


def test_a_folded_stream_keeps_the_calls_behind_a_text() -> None:
    """L#2716, L#7364, L#936."""
    head = {**CALL, "index": 0, "function": {"name": "weather", "arguments": ""}}
    body = sse(
        delta(role="assistant", content="Let me look."),
        delta(tool_calls=[head]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"city":'}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '"Oslo"}'}}]),
        delta("tool_calls"),
        "[DONE]",
    )
    message = folded(call(GPT, stream=True), body)["choices"][0]["message"]
    assert (message["content"], message["tool_calls"]) == ("Let me look.", [CALL])


def test_reasoning_tokens_that_nobody_counted_are_not_in_the_usage() -> None:
    """LiteLLM 1.106 counts the words of the thoughts itself."""
    thought = {"type": "thinking", "thinking": "th", "signature": "s"}
    usage = parse(call(SONNET), claude(thought, text("Hi")))["usage"]
    assert "reasoning_tokens" not in json.dumps(usage)


def test_the_id_is_the_providers_own() -> None:
    """LiteLLM 1.106 makes one up."""
    assert parse(call(SONNET), claude(text("Hi")))["id"] == "msg_1"


# --- usage and cost -------------------------------------------------------------------------------------------------


CACHED = {"cache_creation_input_tokens": 12_304, "cache_read_input_tokens": 2_000}


def test_cached_tokens_are_counted_once() -> None:
    """L#5443, L#6575, langchainjs#10249."""
    usage = parse(call(SONNET), claude(text("Hi"), **CACHED))["usage"]
    assert usage["prompt_tokens"] == 10 + 12_304 + 2_000
    assert usage["total_tokens"] == usage["prompt_tokens"] + 5
    details = usage["prompt_tokens_details"]
    assert (details["cached_tokens"], details["cache_write_tokens"]) == (2_000, 12_304)


def test_a_stream_counts_and_costs_as_the_whole_answer_does() -> None:
    """L#11789: streams seven times as dear. langchain#35509: their input is 0."""
    start = claude(stop=None, **CACHED)  # type: ignore[arg-type]
    events = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": text("")},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    streamed = folded(call(SONNET, stream=True), named_sse(*events))
    assert streamed["usage"] == parse(call(SONNET), claude(text("Hi"), **CACHED))["usage"]


def test_the_cost_of_a_model_whose_prices_are_not_known_is_none() -> None:
    """any-agent#842: better no cost than a wrong one; 0.0 in LiteLLM 1.106."""
    with LoopbackProvider("Hi", "Hi") as provider:
        unknown = completion("custom/m", "Hi", base_url=provider.url, api_key="any")
        known = completion(GPT, "Hi", base_url=provider.url, api_key="any")
    assert unknown["usage"]
    assert unknown.cost is None
    assert known.cost


# --- tokens --------------------------------------------------------------------------------------------------------


def test_pictures_and_claudes_words_are_counted_by_who_reads_them() -> None:
    """L#39910: 85 tokens for any picture; L#12056, L#1825: by another model's encoding, too few."""
    with Server(http({"input_tokens": 2765})) as server:
        asked: Any = [{"role": "user", "content": [PICTURE]}]
        count = count_tokens(SONNET, asked, tools=TOOLS, base_url=server.url, api_key="any")
    assert count == (2765, "provider")
    [request] = server.requests
    assert request.target == "/v1/messages/count_tokens"
    assert b"iVBORw0KGgo=" in request.body
    assert b'"weather"' in request.body


@pytest.mark.usefixtures("letters")
def test_what_nobody_can_count_is_refused_and_not_guessed() -> None:
    """L#39910: 92 tokens for 1920x1080."""
    with pytest.raises(BadRequestError, match="whose tokens tiktoken cannot count"):
        count_tokens("groq/m", [{"role": "user", "content": [PICTURE]}])


@pytest.mark.usefixtures("letters")
def test_tools_and_instructions_count_where_nobody_else_counts() -> None:
    """L!38657: 67,300 tokens shown as 0."""
    bare, instructed = (count_tokens("groq/m", messages).tokens for messages in (MESSAGES[1:], MESSAGES))
    assert instructed >= bare + len("Be terse.")
    assert count_tokens("groq/m", MESSAGES, tools=TOOLS).tokens >= instructed + len(json.dumps(TOOLS)) / 2


# --- calls of tools ------------------------------------------------------------------------------------------------


def weather(city: str) -> str:
    """The weather in a city."""
    return "cold"


def ran(*script: Any) -> tuple[Any, LoopbackProvider]:
    with LoopbackProvider(*script) as provider:
        return run_tools(SONNET, "?", [weather], base_url=provider.url, api_key="any", max_retries=0), provider


def test_arguments_that_were_cut_off_call_nothing() -> None:
    """langchain-anthropic 1.7: `{"a": "un` repaired to a valid call."""
    with pytest.raises(TruncatedAnswerError) as caught:
        ran(Answer(tool_calls=[("weather", '{"city": "Os')], finish_reason="length"))
    [made] = caught.value.completion.tool_calls
    assert made["function"]["arguments"] == '{"city": "Os'
    with pytest.raises(ValueError, match="JSON"):
        parse_tool_call(made, [weather])


def called_with(**given: Any) -> dict[str, Any]:
    """An answer of Gemini that calls a tool with these fields."""
    parts = [{"functionCall": {"name": "weather", **given}}]
    return {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}


def function(arguments: Any) -> dict[str, Any]:
    return chat({"tool_calls": [{**CALL, "function": {"name": "weather", "arguments": arguments}}]})


NO_ARGUMENTS = {
    SONNET: [claude({**tool_use(), "input": given}, stop="tool_use") for given in ({}, "", None)],
    GPT: [function(given) for given in ("", None, {})],
    GEMINI: [called_with(), called_with(args=None), called_with(args={})],
}


@pytest.mark.parametrize("model", NO_ARGUMENTS)
def test_a_call_without_arguments_has_an_empty_object(model: str) -> None:
    """vercel/ai#2103, #6687, any-llm 1.40: "", which no reader of JSON takes."""
    for body in NO_ARGUMENTS[model]:
        [made] = parse(call(model), body)["choices"][0]["message"]["tool_calls"]
        assert made["function"] == {"name": "weather", "arguments": "{}"}


SEARCH = [
    {"type": "server_tool_use", "id": "srv1", "name": "web_search", "input": {"query": 1}},
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srv1",
        "content": {"type": "web_search_tool_result_error", "error_code": "invalid_tool_input"},
    },
]


def test_a_tool_of_the_providers_is_no_call_of_the_clients_even_where_it_failed() -> None:
    """LiteLLM 1.106: a `web_search` for the client to run; vercel/ai#17366: a result by the client, and a 400."""
    choice = parse(call(SONNET), claude(*SEARCH, text("Sorry.")))["choices"][0]
    assert "tool_calls" not in choice["message"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("stop", "Sorry.")
    history = [{"role": "user", "content": "?"}, choice["message"], {"role": "user", "content": "Well?"}]
    assert render(call(SONNET, history)).body["messages"][1]["content"] == [*SEARCH, text("Sorry.")]


def test_an_answer_of_thoughts_alone_ends_a_run() -> None:
    """pydantic-ai#4557: asked once more, and the text came twice."""
    done, provider = ran(Answer(tool_calls=[("weather", {"city": "Oslo"})]), Answer(reasoning="It is cold."))
    assert (done.text, done.reasoning, len(provider.requests)) == ("", "It is cold.", 2)


# --- what an answer is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "finish"),
    [("model_context_window_exceeded", "length"), ("pause_turn", "stop"), ("brand_new", "stop"), (None, None)],
)
def test_a_rare_stop_has_its_place_and_keeps_its_word(stop: Any, finish: Any) -> None:
    """any-llm!1306, #1328, #1359, LiteLLM 1.106: "stop" for all, and the word was lost."""
    choice = parse(call(SONNET), claude(text("Hi"), stop=stop))["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, stop)


def test_empty_thoughts_are_none_in_every_format() -> None:
    """pydantic-ai#2862: a crash."""
    said = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}]
    empty = {
        SONNET: claude({"type": "thinking", "thinking": "", "signature": "s"}, text("x")),
        GPT: chat({"content": "x", "reasoning_content": "", "reasoning": None, "reasoning_details": [{}]}),
        "openai/o1-pro": {
            "object": "response",
            "status": "completed",
            "output": [{"type": "reasoning", "id": "rs", "summary": []}, *said],
        },
        GEMINI: {
            "candidates": [{"content": {"parts": [{"thought": True}, {}, {"text": "x"}]}, "finishReason": "STOP"}]
        },
        CONVERSE: {
            "output": {"message": {"content": [{"reasoningContent": {"reasoningText": {"text": ""}}}, {"text": "x"}]}},
            "stopReason": "end_turn",
        },
        COHERE: {
            "finish_reason": "COMPLETE",
            "message": {"content": [{"type": "thinking", "thinking": ""}, {"type": "text", "text": "x"}]},
        },
        OLLAMA: {"message": {"role": "assistant", "content": "x", "thinking": ""}, "done": True, "done_reason": "stop"},
    }
    for model, body in empty.items():
        message = parse(call(model), body)["choices"][0]["message"]
        assert (message["content"], message.get("reasoning_content")) == ("x", None), model


def test_what_was_read_from_and_written_to_the_cache_has_names_of_its_own() -> None:
    """vercel/ai#8349, langchain#32818: which of the counts holds what."""
    usage = parse(call(SONNET), claude(text("Hi"), **CACHED))["usage"]
    details = usage["prompt_tokens_details"]
    assert usage["prompt_tokens"] - details["cached_tokens"] - details["cache_write_tokens"] == 10


def test_pydantic_takes_an_answer_and_gives_it_back_without_a_warning() -> None:
    """L#5669, L#5811, L#11759: PydanticSerializationUnexpectedValue, for three years (warnings are errors here)."""
    types = pytest.importorskip("openai.types.chat")
    from pydantic import BaseModel

    class Kept(BaseModel):
        answer: dict[str, Any]
        typed: types.ChatCompletion

    body = claude({"type": "thinking", "thinking": "t", "signature": "s"}, text("Hi"), tool_use(), **CACHED)
    answer = Completion(parse(call(SONNET), body))
    kept = Kept(answer=answer, typed=answer)
    assert kept.typed.model_dump(exclude_unset=True) == answer
    again = Kept.model_validate_json(kept.model_dump_json())
    assert (again.answer, again.typed.model_dump()) == (answer, kept.typed.model_dump())
