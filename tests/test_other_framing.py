"""A server that streams whatever was asked for, or that answers a stream in one piece, is read all the same."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from support import named_sse, sse
from support_server import COMPLETION, EVENTS
from test_aws_events import event as framed
from test_flow import Reply, delivered, exchange, play

from unified_llm import APIConnectionError, Completion, IncompleteStreamError, OverloadedError, RateLimitError
from unified_llm.errors import APIResponseValidationError
from unified_llm.flow import Begun

USAGE = {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello!"}]}},
    "stopReason": "end_turn",
    "usage": USAGE,
}
CONVERSE_EVENTS = b"".join(
    framed(kind, payload)
    for kind, payload in [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hel"}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "lo!"}}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": USAGE}),
    ]
)
COUNTS = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}


def encoded(event: Any) -> dict[str, str]:
    return {"bytes": b64encode(json.dumps(event).encode()).decode()}


def candidate(text: str, **fields: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, **fields}]}


GEMINI = {**candidate("Hello!", finishReason="STOP"), "usageMetadata": COUNTS}
GEMINI_EVENTS = [candidate("Hel"), {**candidate("lo!", finishReason="STOP"), "usageMetadata": COUNTS}]
OLLAMA = {"model": "m", "created_at": "2026-11-21T00:00:00Z", "message": {"role": "assistant", "content": "Hello!"}}
ENDING = {"done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 2}
OLLAMA_LINES = "".join(
    json.dumps(line) + "\n"
    for line in [
        {**OLLAMA, "message": {"role": "assistant", "content": "Hel"}, "done": False},
        {**OLLAMA, "message": {"role": "assistant", "content": "lo!"}, "done": False},
        {**OLLAMA, "message": {"role": "assistant", "content": ""}, **ENDING},
    ]
).encode()
COHERE_USAGE = {"tokens": {"input_tokens": 5, "output_tokens": 2}}
COHERE = {
    "id": "c",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]},
    "usage": COHERE_USAGE,
}
COHERE_EVENTS = named_sse(
    {"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant"}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hello!"}}}},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COHERE_USAGE}},
)
MESSAGE = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Hello!"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 2},
}
MESSAGE_EVENTS = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello!"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]
ITEM = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello!"}]}
RESPONSE = {
    "id": "resp_1",
    "status": "completed",
    "output": [ITEM],
    "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
}
RESPONSE_EVENTS = named_sse(
    {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
    {"type": "response.completed", "response": RESPONSE},
)
BODIES: dict[str, tuple[str, Any, bytes]] = {
    "chat completions": ("openai_chat", COMPLETION, b"".join(EVENTS)),
    "Responses": ("openai_responses", RESPONSE, RESPONSE_EVENTS),
    "Messages": ("anthropic_messages", MESSAGE, named_sse(*MESSAGE_EVENTS)),
    "Gemini's events": ("gemini", GEMINI, sse(*GEMINI_EVENTS)),
    "Gemini's array": ("gemini", GEMINI, json.dumps(GEMINI_EVENTS, indent=2).encode()),
    "Cohere": ("cohere_chat", COHERE, COHERE_EVENTS),
    "Ollama": ("ollama_chat", {**OLLAMA, **ENDING}, OLLAMA_LINES),
    "Converse": ("bedrock_converse", CONVERSE, CONVERSE_EVENTS),
    "InvokeModel": ("bedrock_invoke", MESSAGE, b"".join(framed("chunk", encoded(one)) for one in MESSAGE_EVENTS)),
}
BINARY = ("Converse", "InvokeModel")
EACH = pytest.mark.parametrize("name", BODIES)


def made(name: str, *, stream: bool = False) -> Any:
    return exchange("custom/m", adapter=BODIES[name][0], stream=stream)


def told(completion: Any) -> tuple[Any, Any, Any]:
    total = (completion["usage"] or {"total_tokens": 7})["total_tokens"]
    return completion.text, completion["choices"][0]["finish_reason"], total


@EACH
@pytest.mark.parametrize("before", [b"", b"\n", b"\xef\xbb\xbf"], ids=["", "line", "mark"])
def test_a_whole_call_that_is_answered_with_a_stream_is_read(name: str, before: bytes) -> None:
    body = BODIES[name][2]
    lines = name not in (*BINARY, "Ollama")  # binary, and lines that JSON alone begins, have nothing before them
    completion, _ = play(made(name), Reply(whole=before + body if lines else body))
    assert isinstance(completion, Completion), completion
    assert told(completion) == ("Hello!", "stop", 7)
    assert completion["object"] == "chat.completion"


@EACH
@pytest.mark.parametrize("indent", [None, 2], ids=["one line", "indented"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_streamed_call_that_is_answered_in_one_piece_is_read(name: str, size: int, indent: int | None) -> None:
    body = json.dumps(BODIES[name][1], indent=indent).encode()
    one = made(name, stream=True)
    reply = Reply(200, *(body[at : at + size] for at in range(0, len(body), size)))
    begun, _ = play(one, reply)
    assert isinstance(begun, Begun), begun
    text, error, stream = delivered(one, begun)
    assert (text, error) == ("Hello!", None)
    assert told(stream.completion()) == ("Hello!", "stop", 7)
    assert reply.closed == 1


@EACH
def test_a_stream_in_answer_to_a_whole_call_that_is_cut_is_no_answer(name: str) -> None:
    body = BODIES[name][2]
    for cut in range(len(body) // 3, len(body) - len(body) // 4, 11):
        error, _ = play(made(name), Reply(whole=body[:cut]))
        assert isinstance(error, IncompleteStreamError), (cut, error)


@EACH
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"[1]", b"null", b'"x"', b"{}", b'{\n"a": 1}', b"{\n", b"\x00" * 20]
)
def test_what_is_neither_is_no_answer(name: str, body: bytes, stream: bool) -> None:
    reply = Reply(200, body) if stream else Reply(whole=body)
    error, _ = play(made(name, stream=stream), reply)
    assert isinstance(error, APIResponseValidationError | IncompleteStreamError), error


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_an_error_in_one_piece_answers_a_streamed_call_of_a_binary_format(size: int, name: str) -> None:
    body = b'{"__type": "com.amazon#ThrottlingException", "message": "Too many requests"}'
    reply = Reply(200, *(body[at : at + size] for at in range(0, len(body), size)))
    error, _ = play(made(name, stream=True), reply)
    assert (type(error), error.status_code) == (RateLimitError, 429)
    assert reply.closed == 1


def test_a_connection_that_is_lost_in_an_answer_in_one_piece_is_closed() -> None:
    reply = Reply(200, b"{\n", APIConnectionError("reset"))
    error, _ = play(made("Ollama", stream=True), reply)
    assert isinstance(error, APIResponseValidationError | APIConnectionError)
    assert reply.closed == 1


def test_an_error_in_an_array_answers_a_whole_call() -> None:
    body = b'[{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}]'
    error, _ = play(made("Gemini's array"), Reply(whole=body))
    assert type(error) is OverloadedError
