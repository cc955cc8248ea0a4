"""Streams that other libraries break: one test for each reported way, named for what must hold instead.

The numbers are those of issues of the libraries that had the bug: L is github.com/BerriAI/litellm. What such reports
ask of the network (leaving, cancelling, the garbage collector: L#9178, L#19549, L#36123, vercel/ai#7469) is held in
test_transport.py, of answers that grow as JSON (vercel/ai#3422, instructor#1189, outlines#731) in
test_structured_stream.py, of framing in test_sse.py, test_ndjson.py, test_json_array.py and test_aws_events.py.
"""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from typing import Any

import pytest
from support import call, decode, folded, named_sse, render, sse
from support_server import MODEL, Server, event, stalled
from test_responses_broken_elsewhere import GEMINI, GPT, SONNET, claude, delta, text
from test_testing_formats import ALL, FORMATS, asked

from unified_llm import (
    APIError,
    AuthenticationError,
    IncompleteStreamError,
    InternalServerError,
    InvalidAnswerError,
    OverloadedError,
    RateLimitError,
    acompletion,
    completion,
)
from unified_llm.adapters import load
from unified_llm.testing import Answer, LoopbackProvider

every_format = pytest.mark.parametrize("format", FORMATS)
every_format_at_all = pytest.mark.parametrize("format", ALL)
WEATHER: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def start(block: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": fields}


def arguments(words: str, index: int = 0) -> dict[str, Any]:
    return piece(index, type="input_json_delta", partial_json=words)


def stop(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def streamed(*events: dict[str, Any], reason: str = "end_turn") -> bytes:
    """A streamed answer of Claude with these events between its beginning and its end."""
    head = {"type": "message_start", "message": {**claude(), "stop_reason": None}}
    end = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5}}
    return named_sse(head, *events, end, {"type": "message_stop"})


def used(id: str = "c1", **input: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "weather", "input": input}


def chunks_of(body: bytes) -> list[Any]:
    return decode(call(SONNET, stream=True), body)


# --- tool calls ----------------------------------------------------------------------------------------------------


@every_format
def test_calls_are_streamed_by_every_format_and_named_once(format: str) -> None:
    """any-llm#711, #710, #1113, vercel/ai#5544, L#18535, harness-sdk#271: missing, of choice 1, or without a name."""
    made = Answer("Let me look.", tool_calls=[("weather", {"city": "Oslo", "days": [1, 2]}), ("weather", {})])
    with LoopbackProvider(made) as provider:
        chunks = list(completion(**asked(provider, format, stream=True, tools=[WEATHER])))
    assert {choice["index"] for chunk in chunks for choice in chunk["choices"]} == {0}
    pieces = [one for chunk in chunks for one in chunk["choices"][0]["delta"].get("tool_calls", [])]
    named = [one for one in pieces if "id" in one or "name" in one["function"]]
    assert [(one["index"], one["function"]["name"]) for one in named] == [(0, "weather"), (1, "weather")]
    assert named[0]["id"] != named[1]["id"]
    joined = ["".join(one["function"].get("arguments", "") for one in pieces if one["index"] == at) for at in (0, 1)]
    assert [json.loads(words) for words in joined] == [{"city": "Oslo", "days": [1, 2]}, {}]


@pytest.mark.parametrize("begun", [{}, {"city": "Oslo"}], ids=["empty", "whole"])
def test_what_a_call_begins_with_is_no_piece_of_its_arguments(begun: dict[str, Any]) -> None:
    """L#4537: `{}{"city":...}`; llm#1191: the first piece twice."""
    body = streamed(start(used(**begun)), arguments('{"city":'), arguments('"Oslo"}'), stop(), reason="tool_use")
    [made] = folded(call(SONNET, stream=True), body)["choices"][0]["message"]["tool_calls"]
    assert made["function"]["arguments"] == '{"city":"Oslo"}'


@pytest.mark.parametrize("begun", [{"input": {}}, {"input": ""}, {"input": None}, {}], ids=str)
@pytest.mark.parametrize("ended", [True, False], ids=["ended", "not ended"])
def test_a_call_without_arguments_streams_an_empty_object(begun: dict[str, Any], ended: bool) -> None:
    """L#5063, L!5091, any-llm 1.40: "", which no reader of JSON takes."""
    block = {"type": "tool_use", "id": "c1", "name": "weather", **begun}
    body = streamed(start(block), *([stop()] if ended else []), reason="tool_use")
    pieces = [one for chunk in chunks_of(body) for one in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert "".join(one["function"]["arguments"] for one in pieces) == "{}"


@every_format
def test_a_streamed_call_without_arguments_goes_back(format: str) -> None:
    """any-llm 1.40: JSONDecodeError before the next request."""
    with LoopbackProvider(Answer(tool_calls=[("weather", "")]), "Sunny.") as provider:
        stream = completion(**asked(provider, format, stream=True, tools=[WEATHER]))
        assert len(list(stream)) > 1
        message = stream.completion().message
        answered = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "sunny"}
        history: list[Any] = [("user", "Weather?"), message, answered]
        assert completion(**asked(provider, format, messages=history, tools=[WEATHER])).text == "Sunny."


def test_pieces_right_behind_the_beginning_of_a_block_are_not_lost() -> None:
    """L!25216, L#12158, L#25390, L#25836: the first one after thoughts or text was."""
    events = [
        start({"type": "thinking", "thinking": "", "signature": ""}),
        piece(type="thinking_delta", thinking="A"),
        start(text(""), 1),
        piece(1, type="text_delta", text="B"),
        start(used(), 2),
        arguments('{"city":"C"}', 2),
        start(text(""), 3),
        piece(3, type="text_delta", text="D"),
        *(stop(index) for index in range(4)),
    ]
    message = folded(call(SONNET, stream=True), streamed(*events))["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("A", "BD")
    assert message["tool_calls"][0]["function"]["arguments"] == '{"city":"C"}'


def test_thoughts_text_and_a_call_may_come_in_one_event() -> None:
    """L#25390: of Gemini's parts in one chunk only the first counted."""
    parts = [{"text": "A", "thought": True}, {"text": "B"}, {"functionCall": {"name": "weather", "args": {"a": 1}}}]
    body = sse({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]})
    message = folded(call(GEMINI, stream=True), body)["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("A", "B")
    assert message["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"a":1}'}


# --- what chunks are -----------------------------------------------------------------------------------------------


@every_format
def test_usage_comes_unasked_with_the_last_chunk_and_every_chunk_has_a_choice(format: str) -> None:
    """L#3490, L#11915, L#9657, L#8450: missing unless asked for, or in a chunk without choices (an IndexError)."""
    with LoopbackProvider(Answer("One two three.", usage=(7, 3))) as provider:
        chunks = list(completion(**asked(provider, format, stream=True)))
    assert all(len(chunk["choices"]) == 1 for chunk in chunks)
    assert [bool(chunk.get("usage")) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    usage = chunks[-1].get("usage") or {}
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (7, 3)


def test_events_that_say_nothing_make_no_chunk_and_no_content_is_missing() -> None:
    """any-llm 1.40: an empty chunk for each event of the wire. llm#1130: None added to a string."""
    ping = {"type": "ping"}
    body = streamed(ping, start(text("")), ping, piece(type="text_delta", text="Hi"), ping, stop())
    chunks = chunks_of(body)
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks] == ["Hi", None]
    tools = sse(
        delta(role="assistant", tool_calls=[{"index": 0, "id": "c1", "function": {"name": "f", "arguments": None}}]),
        delta(tool_calls=[{"index": 0, "function": {"name": None, "arguments": "{}"}}]),
        delta("tool_calls"),
        "[DONE]",
    )
    [made] = folded(call(GPT, stream=True), tools)["choices"][0]["message"]["tool_calls"]
    assert made["function"] == {"name": "f", "arguments": "{}"}


SEPARATORS = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg"


@every_format_at_all
def test_separators_of_lines_in_a_text_are_text(format: str) -> None:
    """L!30602: the chunk was dropped, and the answer ended with "stop"."""
    with LoopbackProvider(Answer(SEPARATORS, chunk_size=1), Answer(SEPARATORS, chunk_size=100)) as provider:
        for _ in range(2):
            stream = completion(**asked(provider, format, stream=True))
            assert len(list(stream)) > 1
            assert stream.completion().text == SEPARATORS


@every_format_at_all
def test_a_text_may_look_like_an_event(format: str) -> None:
    """llama_index#22223: bodies were split at "data: "."""
    words = 'data: 42\n\nevent: error\ndata: {"error": {}}\n\n[DONE]\n{"done": true}\n: ping\n\n'
    with LoopbackProvider(Answer(words, chunk_size=11), Answer(words, chunk_size=999)) as provider:
        for _ in range(2):
            stream = completion(**asked(provider, format, stream=True))
            assert len(list(stream)) > 1
            assert stream.completion().text == words


def test_an_array_that_is_cut_anywhere_is_read() -> None:
    """L#14747: `{` alone was taken for a chunk."""
    parts = [{"candidates": [{"content": {"role": "model", "parts": [{"text": words}]}}]} for words in ("Hel", "lo")]
    body = json.dumps([*parts, {"candidates": [{"finishReason": "STOP"}]}], indent=1).encode()
    made = call(GEMINI, stream=True)
    for cut in range(len(body)):
        assert folded(made, body, [cut])["choices"][0]["message"]["content"] == "Hello"


# --- errors and ends -----------------------------------------------------------------------------------------------


@every_format_at_all
def test_an_overload_before_the_answer_is_asked_again_in_the_same_words(format: str) -> None:
    """L#5512, L#6532, L#24004: logged as a success; L!13149: asked again with a prompt of the library's own."""
    busy = Answer(stream_error="overloaded_error", headers={"retry-after-ms": "1"})
    with LoopbackProvider(busy, "At last.") as provider, pytest.MonkeyPatch.context() as patch:
        patch.setattr("unified_llm.retries.FIRST_WAIT", 0.001)
        stream = completion(**asked(provider, format, stream=True, max_retries=1))
        assert len(list(stream)) > 1
    assert stream.completion().text == "At last."
    first, second = provider.requests
    assert (first.path, first.body) == (second.path, second.body)


@every_format_at_all
def test_an_error_after_the_first_chunk_raises_with_what_came_and_is_not_asked_again(format: str) -> None:
    """vercel/ai#18667, #12595, #2453, L#19077: no class, or a request that answers twice."""
    with LoopbackProvider(Answer("One two three.", stream_error="overloaded_error"), "Again.") as provider:
        stream = completion(**asked(provider, format, stream=True, max_retries=3))
        with pytest.raises(InternalServerError) as caught:
            list(stream)
    assert caught.value.completion is not None
    assert caught.value.completion.text == "One two three."
    assert len(provider.requests) == 1


TYPES: dict[str, tuple[type[APIError], int]] = {
    "overloaded_error": (OverloadedError, 529),
    "rate_limit_error": (RateLimitError, 429),
    "api_error": (InternalServerError, 500),
    "authentication_error": (AuthenticationError, 401),
}


@pytest.mark.parametrize("kind", TYPES)
def test_an_error_inside_a_stream_has_the_class_of_its_type(kind: str) -> None:
    """vercel/ai#18667: 13 calls and 540,000 tokens lost to an error that nobody could classify."""
    told = {"type": "error", "error": {"type": kind, "message": "no"}}
    with pytest.raises(TYPES[kind][0]) as caught:
        chunks_of(streamed(start(text("")), piece(type="text_delta", text="Hi"), told))
    assert getattr(caught.value, "status_code", None) == TYPES[kind][1]


@every_format_at_all
def test_a_stream_that_is_cut_is_never_a_success(format: str) -> None:
    """LiteLLM 1.106: finish_reason "stop"; any-llm, pydantic-ai, anthropic 2.11: the end, without a word."""
    reasons: list[str | None] = []

    def read(provider: LoopbackProvider) -> None:
        for chunk in completion(**asked(provider, format, stream=True)):
            reasons.append(chunk["choices"][0]["finish_reason"])

    cuts = range(1, 5)
    with LoopbackProvider(*(Answer("One two three four.", cut_after=cut) for cut in cuts)) as provider:
        for _ in cuts:
            with pytest.raises(IncompleteStreamError) as caught:
                read(provider)
            assert not any(reasons)
            assert caught.value.completion is not None
            assert caught.value.completion["choices"][0]["finish_reason"] is None
            assert "One two three four.".startswith(caught.value.completion.text)


def test_arguments_that_were_cut_off_are_not_completed() -> None:
    """langchain-anthropic 1.7: repaired to a valid call; anthropic 2.11: `{}`."""
    body = streamed(start(used()), arguments('{"city": "Os'), stop(), reason="max_tokens")
    choice = folded(call(SONNET, stream=True), body)["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"city": "Os'


def test_a_streamed_answer_of_a_wrong_form_raises_where_it_is_read() -> None:
    """instructor#1991: 'Stream' object has no attribute 'choices'."""
    with LoopbackProvider('{"title": 1}') as provider:
        stream = completion(**asked(provider, "openai_chat", stream=True, response_format=dict[str, str]))
        assert len(list(stream)) > 1
    with pytest.raises(InvalidAnswerError):
        _ = stream.completion().parsed
    assert len(provider.requests) == 1


# --- many, and left ------------------------------------------------------------------------------------------------


def test_streams_at_once_do_not_cross() -> None:
    """L#3881: the state of one stream stood in an object that all of its provider shared."""

    async def one(provider: LoopbackProvider, format: str, words: str) -> None:
        given = asked(provider, format, messages=words, stream=True)
        stream = await acompletion(**given)
        texts = [chunk["choices"][0]["delta"]["content"] or "" async for chunk in stream]
        assert "".join(texts) == stream.completion().text == f"Hello! You said: {words}"

    async def main(provider: LoopbackProvider) -> None:
        words = [(format, " ".join([format, str(at)] * 20)) for format in FORMATS for at in range(4)]
        await asyncio.gather(*(one(provider, *given) for given in words))

    with LoopbackProvider() as provider:
        asyncio.run(main(provider))


def test_two_decoders_share_nothing() -> None:
    """L#3881."""
    bodies = [streamed(start(used(id)), arguments(f'{{"id":"{id}"}}'), stop(), reason="tool_use") for id in "ab"]
    made = call(SONNET, stream=True)
    decoders = [load(made.route.adapter).Decoder(made) for _ in bodies]
    got: list[list[Any]] = [[], []]
    for at in range(max(map(len, bodies))):
        for decoder, body, chunks in zip(decoders, bodies, got, strict=True):
            chunks += decoder.feed(body[at : at + 1])
    assert got == [chunks_of(body) for body in bodies]


def test_a_stream_that_is_left_tells_what_it_gave_and_the_next_one_begins() -> None:
    """LiteLLM 1.106: left streams deadlock the process, or go on and cost until they are collected."""
    with LoopbackProvider(*[Answer("word " * 400, chunk_delay=0.002)] * 10, "Done.") as provider:
        for at in range(10):
            stream = completion(**asked(provider, "anthropic_messages", stream=True))
            for chunk in stream:
                if chunk["choices"][0]["delta"]["content"]:
                    break
            stream.close()
            assert stream.completion().text == "word"
            assert stream.completion()["choices"][0]["finish_reason"] is None
            if at % 5 == 0:
                gc.collect()
            assert provider.wait_for_abort(0.5)
        assert completion(**asked(provider, "anthropic_messages")).text == "Done."


def test_streams_that_nobody_reads_to_their_end_hold_no_sockets() -> None:
    """LiteLLM 1.106: 63 descriptors for 30 streams, until the collector comes."""
    gc.disable()
    try:
        with Server(stalled(event("Hel"))) as server:
            streams = [completion(MODEL, "Hi", True, base_url=server.url, max_retries=0) for _ in range(30)]
            assert (len({next(stream)["id"] for stream in streams}), server.open) == (1, 30)
            del streams
            assert server.left_alone(1)
    finally:
        gc.enable()


@pytest.mark.parametrize("way", ["blocking", "awaiting"])
def test_streams_leave_no_memory_behind(way: str) -> None:
    """L#8620: 80 MB for ten streams; L#6404: the awaited ones."""

    def ask(provider: LoopbackProvider, count: int) -> None:
        for _ in range(count):
            assert len(list(completion(**asked(provider, "openai_chat", stream=True)))) > 1

    async def await_(provider: LoopbackProvider, count: int) -> None:
        for _ in range(count):
            stream = await acompletion(**asked(provider, "openai_chat", stream=True))
            assert len([chunk async for chunk in stream]) > 1

    def grown(provider: LoopbackProvider, count: int) -> int:
        provider.answers(*[Answer("word " * 10)] * count)
        ask(provider, count) if way == "blocking" else asyncio.run(await_(provider, count))
        provider.requests.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    with LoopbackProvider() as provider:
        grown(provider, 5)
        tracemalloc.start()
        try:
            before = grown(provider, 5)
            assert grown(provider, 30) - before < 30_000
        finally:
            tracemalloc.stop()


def test_no_option_asks_hosts_for_usage_that_do_not_know_it() -> None:
    """L#23847: `stream_options` for everybody, which some providers refuse."""
    assert render(call(GPT, stream=True)).body["stream_options"] == {"include_usage": True}
    for model in (SONNET, GEMINI, "cohere/command-a-03-2025", "ollama/qwen3", "openai/o1-pro"):
        assert "stream_options" not in render(call(model, stream=True)).body
