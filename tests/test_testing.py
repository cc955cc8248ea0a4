"""The loopback provider, over plain httpx and through completion()."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from unified_llm import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    IncompleteStreamError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    acompletion,
    completion,
)
from unified_llm.testing import Answer, LoopbackProvider

MESSAGES, COMPLETE, CHAT = "/v1/messages", "/v1/complete", "/v1/chat/completions"
ASKED = [{"role": "user", "content": "Hi there"}]
BODIES: dict[str, dict[str, Any]] = {
    MESSAGES: {"model": "m", "max_tokens": 9, "messages": ASKED},
    COMPLETE: {"model": "m", "max_tokens_to_sample": 9, "prompt": "\n\nHuman: Hi there\n\nAssistant:"},
    CHAT: {"model": "m", "messages": ASKED},
}
STREAMED = {**BODIES[CHAT], "stream": True}
MODELS = {MESSAGES: "claude-sonnet-4-5", COMPLETE: "claude-2.1", CHAT: "gpt-4.1"}
every_format = pytest.mark.parametrize("path", BODIES)
every_model = pytest.mark.parametrize("model", MODELS.values())


@pytest.fixture
def provider() -> Iterator[LoopbackProvider]:
    with LoopbackProvider() as provider:
        yield provider


def post(provider: LoopbackProvider, path: str, **more: Any) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.post(provider.url + path, json={**BODIES[path], **more})


def events(provider: LoopbackProvider, path: str, **more: Any) -> list[tuple[str | None, Any]]:
    """The name and data of each event of a streamed answer; data that is not JSON as text."""
    response = post(provider, path, stream=True, **more)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["transfer-encoding"] == "chunked"
    found: list[tuple[str | None, Any]] = []
    for block in response.text.removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data = fields["data"]
        found.append((fields.get("event"), json.loads(data) if data.startswith("{") else data))
    return found


def ask(provider: LoopbackProvider, model: str, **options: Any) -> Any:
    options = {"messages": "Hi there", "api_key": "any", "base_url": provider.url, "max_retries": 0, **options}
    return completion(model=model, **options)


def texts(chunks: Any) -> list[str]:
    return [text for chunk in chunks if (text := chunk["choices"][0]["delta"]["content"])]


# --- whole answers ---------------------------------------------------------------------------------------------------


def test_messages_are_answered_as_messages(provider):
    provider.answers(Answer("Sunny.", reasoning="Look.", tool_calls=[("f", {"a": 1}), ("g", "{}"), ("h", "no")]))
    assert post(provider, MESSAGES).json() == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "Look.", "signature": "sig_1"},
            {"type": "text", "text": "Sunny."},
            {"type": "tool_use", "id": "toolu_1_0", "name": "f", "input": {"a": 1}},
            {"type": "tool_use", "id": "toolu_1_1", "name": "g", "input": {}},
            {"type": "tool_use", "id": "toolu_1_2", "name": "h", "input": "no"},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": 10,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 5,
        },
    }


def test_text_completions_are_answered_with_a_leading_space(provider):
    provider.answers("Hello!")
    assert post(provider, COMPLETE).json() == {
        "type": "completion",
        "id": "compl_1",
        "completion": " Hello!",
        "stop_reason": "stop_sequence",
        "stop": "\n\nHuman:",
        "model": "m",
        "log_id": "compl_1",
    }


def test_a_prefilled_text_completion_has_no_leading_space(provider):
    provider.answers('"a": 1}')
    prompt = BODIES[COMPLETE]["prompt"] + " {"
    assert post(provider, COMPLETE, prompt=prompt).json()["completion"] == '"a": 1}'


def test_chat_completions_are_answered_as_chat_completions(provider):
    provider.answers(Answer("Sunny.", reasoning="Look.", tool_calls=[("f", {"a": 1})], usage=(7, 2)))
    body = post(provider, CHAT).json()
    assert abs(body.pop("created") - time.time()) < 10
    call = {"id": "call_1_0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    assert body == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Sunny.",
                    "refusal": None,
                    "annotations": [],
                    "reasoning_content": "Look.",
                    "tool_calls": [call],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
    }


@every_format
def test_an_empty_script_repeats_the_user(provider, path):
    assert "Hello! You said: Hi there" in post(provider, path).text


@pytest.mark.parametrize("path", [MESSAGES, CHAT])
@pytest.mark.parametrize(
    ("messages", "repeated"),
    [
        ([{"role": "user", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]}], "AB"),
        ([{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}], "A"),
        ([{"role": "user", "content": "A"}, {"role": "user", "content": [{"type": "image"}]}], "A"),
        ([], ""),
    ],
)
def test_the_repeated_text_is_the_last_of_the_user(provider, path, messages, repeated):
    assert json.dumps(f"You said: {repeated}")[1:] in post(provider, path, messages=messages).text


def test_the_script_is_answered_in_order_and_can_be_continued(provider):
    provider.answers("one", Answer("two"))
    provider.answers("three")
    assert [ask(provider, model).text for model in MODELS.values()] == ["one", "two", "three"]


@every_model
@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_the_address_works_with_and_without_its_version(provider, model, suffix):
    assert ask(provider, model, base_url=provider.url + suffix).text == "Hello! You said: Hi there"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("claude-sonnet-4-5", ["end_turn", "max_tokens", "tool_use", "refusal"]),
        ("claude-2.1", ["stop_sequence", "max_tokens", "stop_sequence", "stop_sequence"]),
        ("gpt-4.1", ["stop", "length", "tool_calls", "content_filter"]),
    ],
)
def test_reasons_to_finish_are_in_the_words_of_the_format(provider, model, words):
    for reason in ("stop", "length", "tool_calls", "content_filter"):
        provider.answers(*[Answer("x", finish_reason=reason)] * 2)
        stream = ask(provider, model, stream=True)
        list(stream)
        whole = ask(provider, model)["choices"][0]
        assert whole["native_finish_reason"] == words.pop(0)
        assert stream.completion()["choices"][0]["native_finish_reason"] == whole["native_finish_reason"]


@pytest.mark.parametrize("path", [MESSAGES, CHAT])
def test_usage_can_be_left_out(provider, path):
    provider.answers(*[Answer("x", usage=None)] * 2)
    assert "usage" not in post(provider, path).json()
    told = [data for _, data in events(provider, path, stream_options={"include_usage": True})]
    assert not any(data.get("usage") or data.get("message", {}).get("usage") for data in told if data != "[DONE]")


@every_format
def test_raw_bytes_are_sent_as_they_are(provider, path):
    provider.answers(Answer(status=502, raw=b"<html>\xff", content_type="text/html", headers={"X-Edge": "yes"}))
    response = post(provider, path, stream=True)
    assert (response.status_code, response.content) == (502, b"<html>\xff")
    assert (response.headers["content-type"], response.headers["x-edge"]) == ("text/html", "yes")


# --- streams ---------------------------------------------------------------------------------------------------------


def test_messages_are_streamed_block_by_block(provider):
    provider.answers(Answer("Hi you", reasoning="Hm.", tool_calls=[("f", {"a": "b c"}), ("g", {})], usage=(7, 2)))
    told = events(provider, MESSAGES)
    assert all(name == data["type"] for name, data in told)
    assert told[0][1]["message"]["usage"] == {
        "input_tokens": 7,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
    }
    assert [data["content_block"] for name, data in told if name == "content_block_start"] == [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "text", "text": ""},
        {"type": "tool_use", "id": "toolu_1_0", "name": "f", "input": {}},
        {"type": "tool_use", "id": "toolu_1_1", "name": "g", "input": {}},
    ]
    assert [(data["index"], data["delta"]) for name, data in told if name == "content_block_delta"] == [
        (0, {"type": "thinking_delta", "thinking": "Hm."}),
        (0, {"type": "signature_delta", "signature": "sig_1"}),
        (1, {"type": "text_delta", "text": "Hi"}),
        (1, {"type": "text_delta", "text": " you"}),
        (2, {"type": "input_json_delta", "partial_json": ""}),
        (2, {"type": "input_json_delta", "partial_json": '{"a":"b'}),
        (2, {"type": "input_json_delta", "partial_json": ' c"}'}),
        (3, {"type": "input_json_delta", "partial_json": ""}),
    ]
    assert [name for name, _ in told if not name.startswith("content_block_")] == [
        "message_start",
        "ping",
        "message_delta",
        "message_stop",
    ]
    delta = told[-2][1]
    assert (delta["delta"]["stop_reason"], delta["usage"]["output_tokens"]) == ("tool_use", 2)


def test_text_completions_are_streamed_with_the_reason_at_the_end(provider):
    provider.answers(Answer("Hi you", finish_reason="length"))
    told = events(provider, COMPLETE)
    assert [name for name, _ in told] == ["completion", "ping", "completion", "completion"]
    said = [data for name, data in told if name == "completion"]
    assert [data["completion"] for data in said] == [" Hi", " you", ""]
    assert [data["stop_reason"] for data in said] == [None, None, "max_tokens"]
    assert {data["id"] for data in said} == {"compl_1"}


@pytest.mark.parametrize("counted", [True, False])
def test_chat_completions_are_streamed_with_usage_only_where_it_is_asked_for(provider, counted):
    provider.answers(Answer("Hi you", reasoning="Hm.", tool_calls=[("f", {"a": 1})]))
    told = [data for _, data in events(provider, CHAT, stream_options={"include_usage": counted})]
    assert told.pop() == "[DONE]"
    if counted:
        last = told.pop()
        assert last["choices"] == []
        assert last["usage"] == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    assert all(("usage" in data) == counted and not data.get("usage") for data in told)
    started = {"id": "call_1_0", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert [(data["choices"][0]["delta"], data["choices"][0]["finish_reason"]) for data in told] == [
        ({"role": "assistant", "content": "", "refusal": None}, None),
        ({"reasoning_content": "Hm."}, None),
        ({"content": "Hi"}, None),
        ({"content": " you"}, None),
        ({"tool_calls": [{"index": 0, **started}]}, None),
        ({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]}, None),
        ({}, "tool_calls"),
    ]


@every_model
def test_a_stream_adds_up_to_the_whole_answer(provider, model):
    provider.answers(*[Answer("Two  spaces\nand a line. ", reasoning="Why not?", tool_calls=[("f", {"a": [1]})])] * 2)
    whole = ask(provider, model)
    stream = ask(provider, model, stream=True)
    list(stream)
    streamed = stream.completion()
    for response in (whole, streamed):
        for number, call in enumerate(response.tool_calls):
            call["id"] = str(number)
        response["choices"][0]["message"].pop("provider_fields", None)
    assert streamed["choices"] == whole["choices"]
    assert streamed["usage"] == whole["usage"]


@every_model
def test_an_answer_may_be_empty(provider, model):
    provider.answers("", "")
    assert ask(provider, model).text == ""
    assert texts(ask(provider, model, stream=True)) == []


@every_model
@pytest.mark.parametrize(
    ("size", "pieces"), [(None, ["One", " two", " three"]), (5, ["One t", "wo th", "ree"]), (99, ["One two three"])]
)
def test_text_is_streamed_in_pieces_of_the_asked_size(provider, model, size, pieces):
    provider.answers(Answer("One two three", chunk_size=size))
    said = texts(ask(provider, model, stream=True))
    assert "".join(said) == "One two three"
    assert said == pieces or model == "claude-2.1"  # whose leading space moves the cuts


# --- errors ----------------------------------------------------------------------------------------------------------


@every_model
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (404, NotFoundError),
        (429, RateLimitError),
        (500, InternalServerError),
        (529, OverloadedError),
    ],
)
def test_a_status_raises_its_error_with_the_message_and_the_headers(provider, model, stream, status, error):
    provider.answers(Answer(status=status, error="that went wrong", headers={"Retry-After": "7"}))
    with pytest.raises(error, match="that went wrong") as caught:
        ask(provider, model, stream=stream)
    assert (caught.value.status_code, caught.value.retry_after) == (status, 7)
    assert caught.value.request_id == "req_1"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (MESSAGES, {"details": None, "type": "rate_limit_error", "message": "Too Many Requests"}),
        (COMPLETE, {"details": None, "type": "rate_limit_error", "message": "Too Many Requests"}),
        (CHAT, {"message": "Too Many Requests", "type": "requests", "param": None, "code": "rate_limit_exceeded"}),
    ],
)
def test_an_error_without_a_message_has_the_words_of_its_status(provider, path, body):
    provider.answers(Answer(status=429))
    assert post(provider, path).json()["error"] == body


@pytest.mark.parametrize(
    ("status", "kinds"), [(418, ["invalid_request_error"] * 2), (599, ["api_error", "server_error"])]
)
def test_an_unusual_status_has_the_type_of_its_hundred(provider, status, kinds):
    provider.answers(*[Answer(status=status)] * 2)
    assert [post(provider, path).json()["error"]["type"] for path in (MESSAGES, CHAT)] == kinds


@every_model
def test_an_error_in_a_stream_comes_after_the_text(provider, model):
    provider.answers(Answer("So far", stream_error="overloaded_error"))
    stream = ask(provider, model, stream=True)
    said: list[str] = []
    with pytest.raises(OverloadedError):
        said.extend(texts([chunk]) for chunk in stream)
    assert stream.completion().text == "So far"


@every_model
def test_an_error_inside_a_200_takes_the_place_of_a_whole_answer(provider, model):
    provider.answers(Answer("So far", stream_error="overloaded_error", error="busy"))
    with pytest.raises(OverloadedError, match="busy"):
        ask(provider, model)


def test_an_unknown_path_is_not_found_and_leaves_the_script_alone(provider):
    provider.answers("still there")
    with httpx.Client(trust_env=False) as client:
        response = client.post(provider.url + "/v3/chat", json={})
        assert (response.status_code, client.get(provider.url + CHAT).status_code) == (404, 404)
    assert "POST /v3/chat" in response.json()["error"]["message"]
    assert ask(provider, "gpt-4.1").text == "still there"


@pytest.mark.parametrize("body", [b"", b"{", b"[]"])
def test_a_body_that_is_no_object_is_a_bad_request(provider, body):
    with httpx.Client(trust_env=False) as client:
        response = client.post(provider.url + MESSAGES, content=body)
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_script_that_no_format_can_render_closes_the_connection(provider):
    provider.answers(Answer(tool_calls=[("f", {"a": {1}})]))  # a set has no place in JSON
    with pytest.raises(httpx.RemoteProtocolError):
        post(provider, CHAT)


# --- time ------------------------------------------------------------------------------------------------------------


@every_model
def test_a_delayed_answer_comes_late(provider, model):
    provider.answers(Answer("late", delay=0.15))
    begun = time.monotonic()
    assert ask(provider, model).text == "late"
    assert time.monotonic() - begun >= 0.15


def test_a_delay_longer_than_the_timeout_is_a_timeout(provider):
    provider.answers(Answer("late", delay=30))
    with pytest.raises(APITimeoutError):
        ask(provider, "gpt-4.1", timeout=0.1)


@every_model
def test_events_arrive_one_by_one(provider, model):
    provider.answers(Answer("one two three", chunk_delay=0.1))
    times = [time.monotonic() for _ in ask(provider, model, stream=True)]
    assert times[-1] - times[0] > 0.15


# --- connections -----------------------------------------------------------------------------------------------------


@every_model
@pytest.mark.parametrize("events_before_the_cut", [0, 4])
def test_a_cut_stream_is_incomplete(provider, model, events_before_the_cut):
    provider.answers(Answer("one two three four five", cut_after=events_before_the_cut))
    with pytest.raises((IncompleteStreamError, APIConnectionError)):
        list(ask(provider, model, stream=True))


def test_a_stream_is_cut_after_so_many_events(provider):
    provider.answers(Answer("one two three", cut_after=2))
    received = b""
    with (
        httpx.Client(trust_env=False) as client,
        client.stream("POST", provider.url + CHAT, json=STREAMED) as response,
        contextlib.suppress(httpx.RemoteProtocolError),
    ):
        for part in response.iter_raw():
            received += part
        pytest.fail("the stream came to an end")
    assert received.count(b"data: ") == 2


def test_a_stream_can_be_cut_after_its_last_event(provider):
    provider.answers(Answer("one two", cut_after=99))
    stream = ask(provider, "gpt-4.1", stream=True)
    assert texts(stream) == ["one", " two"]  # the answer was complete, so that the lost connection does not matter
    assert stream.completion()["choices"][0]["finish_reason"] == "stop"


@every_model
def test_a_cut_whole_answer_is_a_lost_connection(provider, model):
    provider.answers(Answer("one two three", cut_after=0))
    with pytest.raises(APIConnectionError):
        ask(provider, model)


def test_leaving_a_stream_is_an_abort_that_is_told_within_100_ms(provider):
    provider.answers(*[Answer("one two three", chunk_delay=10)] * 3)
    assert min(seconds_to_abort(provider) for _ in range(3)) < 0.1
    assert all(request.aborted for request in provider.requests)


def seconds_to_abort(provider: LoopbackProvider) -> float:
    with httpx.Client(trust_env=False) as client:
        response = client.send(client.build_request("POST", provider.url + CHAT, json=STREAMED), stream=True)
        parts = response.iter_raw()
        next(parts)
        assert not provider.requests[-1].aborted
        left = time.monotonic()
        response.close()
        assert provider.wait_for_abort()
        return time.monotonic() - left


def test_an_abort_is_told_once(provider):
    provider.answers(Answer("one two three", chunk_delay=10))
    ask(provider, "claude-2.1", stream=True).close()
    assert ask(provider, "gpt-4.1").text == "Hello! You said: Hi there"
    assert provider.wait_for_abort()
    assert not provider.wait_for_abort(timeout=0.05)
    assert [request.aborted for request in provider.requests] == [True, False]


@every_model
def test_closing_a_stream_of_completion_is_an_abort(provider, model):
    provider.answers(Answer("one two three", chunk_delay=0.05))
    with ask(provider, model, stream=True) as stream:
        next(stream)
    assert provider.wait_for_abort()
    assert provider.requests[-1].aborted


def test_a_cancelled_call_is_an_abort_before_the_first_byte(provider):
    provider.answers(Answer("late", delay=30))

    def arrived() -> None:
        while not provider.requests:
            time.sleep(0.001)

    async def cancelled() -> None:
        call = asyncio.ensure_future(acompletion("gpt-4.1", "Hi", base_url=provider.url, api_key="any"))
        await asyncio.to_thread(arrived)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert provider.wait_for_abort()

    asyncio.run(cancelled())
    assert provider.requests[-1].aborted


def test_an_answer_that_was_read_to_its_end_is_no_abort(provider):
    post(provider, CHAT)
    post(provider, CHAT, stream=True)
    assert not provider.wait_for_abort(timeout=0.1)
    assert [request.aborted for request in provider.requests] == [False, False]


def test_a_client_that_leaves_a_large_answer_unread_aborts_it(provider):
    provider.answers(Answer(raw=bytes(12_000_000)))
    body = json.dumps(BODIES[CHAT]).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with connected(provider) as client:
        client.sendall(head + body)
        client.recv(1000)
        assert not provider.wait_for_abort(timeout=0.1)
    assert provider.wait_for_abort(timeout=10)


def test_an_abort_at_the_moment_of_the_answer_is_told(provider):
    class LeavingAtLast(dict[str, str]):
        def items(self):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            return super().items()

    provider.answers(Answer("too late", headers=LeavingAtLast()))
    with connected(provider) as client:
        client.sendall(f"POST {CHAT} HTTP/1.1\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        assert provider.wait_for_abort()
    assert provider.requests[0].aborted


def test_a_client_that_sends_no_more_before_its_answer_has_left(provider):
    provider.answers(Answer("late", delay=30))
    with connected(provider) as client:
        client.sendall(f"POST {CHAT} HTTP/1.1\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        client.shutdown(socket.SHUT_WR)
        assert provider.wait_for_abort()


def test_a_large_answer_arrives_whole(provider):
    provider.answers(Answer(raw=bytes(5_000_000)))
    assert len(post(provider, CHAT).content) == 5_000_000


@every_model
def test_calls_and_streams_share_one_connection(provider, model):
    provider.answers("a", Answer(status=429), "b c d", "e")
    for stream in (False, False, True, False):
        with contextlib.suppress(RateLimitError):
            list(ask(provider, model, stream=stream))
    assert (len(provider.requests), provider.connections) == (4, 1)


def test_a_client_that_wants_its_connection_closed_gets_it_closed(provider):
    with httpx.Client(trust_env=False, headers={"connection": "close"}) as client:
        for _ in range(2):
            assert client.post(provider.url + CHAT, json=BODIES[CHAT]).status_code == 200
    assert provider.connections == 2


def test_fifty_threads_are_served_at_once(provider):
    provider.answers(*[Answer("x", delay=0.3)] * 50)
    begun = time.monotonic()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda number: ask(provider, [*MODELS.values()][number % 3]).text, range(50)))
    assert answers == ["x"] * 50
    assert time.monotonic() - begun < 3
    assert len(provider.requests) == 50


def test_a_hundred_streams_are_served_at_once(provider):
    async def one(number: int) -> str:
        stream = await acompletion("gpt-4.1", f"{number}", stream=True, base_url=provider.url, api_key="any")
        return "".join([chunk["choices"][0]["delta"]["content"] or "" async for chunk in stream])

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*map(one, range(100)))

    assert asyncio.run(all_of_them()) == [f"Hello! You said: {number}" for number in range(100)]


def test_closing_ends_the_thread_and_the_connections_and_may_be_repeated():
    threads = threading.active_count()
    provider = LoopbackProvider(Answer("late", delay=30))
    with connected(provider) as client:
        client.sendall(f"POST {CHAT} HTTP/1.1\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        while not provider.requests:
            time.sleep(0.001)
        provider.close()
        provider.close()
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
    assert threading.active_count() == threads
    assert not provider.requests[0].aborted


# --- requests --------------------------------------------------------------------------------------------------------


def connected(provider: LoopbackProvider) -> socket.socket:
    address = urlsplit(provider.url)
    return socket.create_connection((address.hostname, address.port), timeout=5)


def test_requests_are_recorded_as_they_arrive(provider):
    response = ask(provider, "claude-2.1", extra_headers={"X-Trace": "7"})
    request = provider.requests[-1]
    assert response.text == "Hello! You said: Hi there"
    assert (request.method, request.path, request.headers["x-trace"]) == ("POST", COMPLETE, "7")
    assert request.json["prompt"] == "\n\nHuman: Hi there\n\nAssistant:"
    assert json.loads(request.body) == request.json


def test_a_query_is_part_of_the_path(provider):
    with httpx.Client(trust_env=False) as client:
        assert client.post(f"{provider.url}{CHAT}?a=b", json=BODIES[CHAT]).status_code == 200
    assert provider.requests[-1].path == f"{CHAT}?a=b"


def test_a_chunked_request_is_read(provider):
    body = json.dumps({**BODIES[CHAT], "user": "x" * 2_000_000}).encode()
    with httpx.Client(trust_env=False) as client:
        for _ in range(2):
            assert client.post(provider.url + CHAT, content=iter([body[:9], body[9:]])).status_code == 200
    assert [request.body for request in provider.requests] == [body, body]
    assert provider.connections == 1


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(
    "framed", ["content-length: 2\r\n\r\n{}", "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n"]
)
def test_requests_may_come_in_pieces_and_before_their_turn(provider, framed, size):
    provider.answers(Answer("one", delay=0.05), "two")
    data = f"POST {CHAT} HTTP/1.1\r\n{framed}".encode() * 2
    with connected(provider) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), size):
            client.send(data[start : start + size])
            time.sleep(0.0001)
        received = b""
        while b"two" not in received:
            received += client.recv(65536)
    assert received.index(b"one") < received.index(b"two")
    assert [request.json for request in provider.requests] == [{}, {}]


def test_what_is_no_http_is_refused_and_closed(provider):
    with connected(provider) as client:
        client.sendall(b"hello\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 400 Bad Request")
        assert client.recv(1000) == b""
    assert provider.requests == []
