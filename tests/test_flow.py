"""A call as its effects: what is sent, read, closed and slept, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_server import COMPLETION, DONE, ERROR_EVENT, EVENTS, event

from unified_llm import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    BadRequestError,
    Completion,
    IncompleteStreamError,
    OverloadedError,
    RateLimitError,
    Stream,
)
from unified_llm.api import prepare
from unified_llm.flow import Begun, Close, Exchange, Read, Send, Sleep, run

CHAT, MESSAGES, COMPLETE = "custom/m", "claude-sonnet-4-5", "claude-2.1"
FORMATS = pytest.mark.parametrize("model", [CHAT, MESSAGES, COMPLETE])
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
ANSWER = json.dumps(COMPLETION).encode()


class Reply:
    """An answer as a driver gives it; `parts` are what reading a stream gives, an exception is raised."""

    def __init__(self, status: int = 200, *parts: bytes | BaseException, whole: bytes | None = None, **headers: str):
        self.response = httpx.Response(status, headers={name.replace("_", "-"): it for name, it in headers.items()})
        self.status, self.headers, self.content = status, self.response.headers, whole
        self.parts = self._each(parts)
        self.closed = 0

    @staticmethod
    def _each(parts: tuple[bytes | BaseException, ...]) -> Iterator[bytes]:
        for part in parts:
            if isinstance(part, BaseException):
                raise part
            yield part

    def close(self) -> None:
        self.closed += 1

    abandon = close


def exchange(model: str = CHAT, *, stream: bool = False, **options: Any) -> Exchange:
    given = {"api_key": "sk-1", "base_url": "http://server.invalid/v1", "max_retries": 0, **options}
    return prepare(model, "Hi", stream, given)  # type: ignore[arg-type]


def play(made: Exchange, *replies: Reply) -> tuple[Any, list[str]]:
    """Perform a flow with these answers: what it returns, or the error that it raises, and the names of its effects."""
    flow, waiting, effects = run(made), iter(replies), []
    try:
        effect = next(flow)
        while True:
            effects.append(type(effect).__name__)
            try:
                if isinstance(effect, Send):
                    assert effect.stream is made.call.stream
                    result: Any = next(waiting)
                elif isinstance(effect, Read):
                    result = next(effect.reply.parts, None)
                else:
                    result = effect.reply.close() if isinstance(effect, Close) else None
            except APIError as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        return end.value, effects
    except APIError as error:
        return error, effects


def delivered(made: Exchange, begun: Begun) -> tuple[str, APIError | None, Stream]:
    """The text that a stream gives, and the error that ends it."""
    stream, text = Stream(begun), ""
    try:
        for chunk in stream:
            text += chunk["choices"][0]["delta"]["content"] or ""
    except APIError as error:
        return text, error, stream
    return text, None, stream


# --- whole answers -------------------------------------------------------------------------------------------------


def test_a_whole_call_is_one_request() -> None:
    made = exchange()
    completion, effects = play(made, Reply(whole=ANSWER))
    assert effects == ["Send"]
    assert isinstance(completion, Completion)
    assert (completion.text, completion["usage"]["total_tokens"], completion["warnings"]) == ("Hello!", 7, [])


def test_a_flow_sends_what_was_prepared() -> None:
    made = exchange(temperature=0.5, extra_body={"x": 1})
    effect = next(run(made))
    assert isinstance(effect, Send)
    assert effect.request.url == "http://server.invalid/v1/chat/completions"
    assert json.loads(effect.request.content) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "x": 1,
    }


def test_a_whole_call_that_is_answered_with_a_stream_is_read_all_the_same() -> None:
    completion, _ = play(exchange(), Reply(whole=b"".join(EVENTS)))
    assert completion.text == "Hello!"
    assert completion["object"] == "chat.completion"


@pytest.mark.parametrize("start", [b"", b"\n", b"\xef\xbb\xbf", b": ping\n\n", b"id: 1\n", b"retry: 9\n"])
def test_a_stream_is_known_whatever_it_begins_with(start: bytes) -> None:
    completion, _ = play(exchange(), Reply(whole=start + b"".join(EVENTS)))
    assert completion.text == "Hello!"


def test_a_cut_stream_in_answer_to_a_whole_call_is_no_answer() -> None:
    error, _ = play(exchange(), Reply(whole=EVENTS[0]))
    assert type(error) is IncompleteStreamError


NO_ANSWERS = [
    b"",
    b" \n",
    b"<!doctype html><h1>Sign in</h1>",
    b"Hello!",
    b"[]",
    b"null",
    b"7",
    b'"x"',
    b'{"id"',
    b"\xff\xfe",
]


@FORMATS
@STREAM
@pytest.mark.parametrize("body", NO_ANSWERS)
def test_a_200_that_is_no_answer_raises(body: bytes, stream: bool, model: str) -> None:
    reply = Reply(200, body) if stream else Reply(whole=body)
    error, _ = play(exchange(model, stream=stream), reply)
    assert isinstance(error, APIResponseValidationError | IncompleteStreamError)
    assert isinstance(error, IncompleteStreamError) <= (stream and not body.strip())


UNREADABLE = [
    *[(model, b"{}") for model in (CHAT, MESSAGES, COMPLETE)],
    (CHAT, b'{"choices": []}'),
    (CHAT, b'{"choices": null}'),
    (CHAT, b'{"choices": ["x"]}'),
    (CHAT, b'{"choices": {"a": 1}}'),
    (CHAT, b'{"choices": [{"message": "Hello!"}]}'),
    (CHAT, b'{"choices": [{"message": {"content": 7}}]}'),
    (CHAT, b'{"content": [{"type": "text", "text": "Hello!"}]}'),
    (MESSAGES, b'{"content": "x"}'),
    (MESSAGES, b'{"content": [1]}'),
    (MESSAGES, b'{"content": {"a": 1}}'),
    (MESSAGES, ANSWER),
    (COMPLETE, b'{"completion": 7}'),
    (COMPLETE, b'{"completion": null}'),
    (COMPLETE, ANSWER),
]


@STREAM
@pytest.mark.parametrize(("model", "body"), UNREADABLE)
def test_json_of_another_shape_raises_with_the_body(model: str, body: bytes, stream: bool) -> None:
    reply = Reply(200, body) if stream else Reply(whole=body)
    error, _ = play(exchange(model, stream=stream), reply)
    assert isinstance(error, APIResponseValidationError)
    assert json.loads(error.body) == json.loads(body)


@FORMATS
@given(body=st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3)
       | st.dictionaries(st.sampled_from("id choices message delta content text type usage error completion".split()),
                         inner, max_size=4)))  # fmt: skip
def test_no_json_makes_reading_it_fail_otherwise_than_in_our_own_words(model: str, body: Any) -> None:
    content = json.dumps(body).encode()
    for stream, reply in ((False, Reply(whole=content)), (True, Reply(200, b"data: " + content + b"\n\n"))):
        made, _ = play(exchange(model, stream=stream), reply)
        assert isinstance(made, Completion | Begun | APIError)


# --- errors --------------------------------------------------------------------------------------------------------


@STREAM
def test_an_error_status_raises_without_reading_on(stream: bool) -> None:
    error, effects = play(exchange(stream=stream), Reply(429, whole=b'{"error": {"message": "Slow down"}}'))
    assert type(error) is RateLimitError
    assert effects == ["Send"]


def test_a_failure_that_may_pass_is_slept_on_and_sent_again() -> None:
    made = exchange(max_retries=2)
    completion, effects = play(made, Reply(500, whole=b"", retry_after="1"), Reply(503, whole=b""), Reply(whole=ANSWER))
    assert effects == ["Send", "Sleep", "Send", "Sleep", "Send"]
    assert completion.text == "Hello!"


def test_the_sleep_is_as_long_as_the_provider_asks() -> None:
    flow = run(exchange(max_retries=1))
    next(flow)
    assert flow.send(Reply(500, whole=b"", retry_after="3")) == Sleep(3)


def test_an_error_event_before_anything_closes_the_answer_and_is_slept_on() -> None:
    first = Reply(200, b": ping\n\n", ERROR_EVENT)
    begun, effects = play(exchange(stream=True, max_retries=1), first, Reply(200, *EVENTS))
    assert effects == ["Send", "Read", "Read", "Close", "Sleep", "Send", "Read"]
    assert isinstance(begun, Begun)
    assert first.closed == 1


def test_a_refusal_happens_before_the_first_effect() -> None:
    with pytest.raises(BadRequestError):
        exchange(COMPLETE, n=2)


# --- streams -------------------------------------------------------------------------------------------------------


def test_a_stream_has_begun_with_its_first_chunk() -> None:
    made = exchange(stream=True)
    begun, effects = play(made, Reply(200, b": ping\n\n", *EVENTS))
    assert effects == ["Send", "Read", "Read"]
    text, error, stream = delivered(made, begun)
    assert (text, error, begun.reply.closed) == ("Hello!", None, 1)
    assert stream.completion().text == "Hello!"


def test_a_stream_that_is_answered_in_one_piece_is_one_chunk() -> None:
    made = exchange(stream=True)
    reply = Reply(200, ANSWER[:30], ANSWER[30:])
    begun, effects = play(made, reply)
    assert effects == ["Send", "Read", "Read", "Read", "Close"]
    text, error, stream = delivered(made, begun)
    assert (text, error) == ("Hello!", None)
    assert stream.completion() == play(exchange(), Reply(whole=ANSWER))[0]


def test_a_stream_that_is_answered_with_an_error_in_one_piece_raises() -> None:
    body = b'{"error": {"type": "overloaded_error", "message": "Overloaded"}}'
    error, _ = play(exchange(stream=True), Reply(200, body))
    assert type(error) is OverloadedError


@pytest.mark.parametrize("cut", range(6, len(b"".join(EVENTS[:2])) + 1, 13))
def test_a_stream_that_ends_too_early_raises_with_what_was_delivered(cut: int) -> None:
    made = exchange(stream=True)
    begun, _ = play(made, Reply(200, b"".join(EVENTS)[:cut]))
    text, error, _ = ("", begun, None) if isinstance(begun, APIError) else delivered(made, begun)
    assert type(error) is IncompleteStreamError
    assert error.completion is not None
    assert error.completion.text == text
    assert error.completion["choices"][0]["finish_reason"] is None


BREAKS = [
    (APIConnectionError("reset"), IncompleteStreamError),
    (APITimeoutError("stalled"), APITimeoutError),
    (ERROR_EVENT, OverloadedError),
    (b"data: <html>\n\n", APIResponseValidationError),
    (b'data: {"choices": [7]}\n\n', APIResponseValidationError),
]


@pytest.mark.parametrize(("broken", "kind"), BREAKS)
@pytest.mark.parametrize("together", [False, True], ids=["apart", "in one read"])
def test_a_stream_that_breaks_raises_with_what_was_delivered(broken: Any, kind: type[APIError], together: bool) -> None:
    made = exchange(stream=True, max_retries=3)
    joined = together and isinstance(broken, bytes)
    reply = Reply(200, event("Hel") + broken) if joined else Reply(200, event("Hel"), broken)
    begun, effects = play(made, reply)
    assert effects == ["Send", "Read"]
    text, error, stream = delivered(made, begun)
    assert text == "Hel"
    assert type(error) is kind
    assert error.completion is not None
    assert error.completion.text == "Hel"
    assert stream.completion() == error.completion
    assert reply.closed == 1


@pytest.mark.parametrize("before", [(), (b": wait\n\n",), (b'data: {"id":',)], ids=["nothing", "a comment", "a half"])
@pytest.mark.parametrize("stalled", [False, True], ids=["lost", "stalled"])
def test_a_stream_that_breaks_before_its_first_chunk_raises_the_same(before: tuple[bytes, ...], stalled: bool) -> None:
    broken = APITimeoutError("stalled") if stalled else APIConnectionError("reset")
    reply = Reply(200, *before, broken)
    error, effects = play(exchange(stream=True), reply)
    assert type(error) is (APITimeoutError if stalled else IncompleteStreamError)
    assert (error.provider, error.__cause__) == ("custom", None if stalled else broken)
    assert effects[-1] == "Close"


def test_a_connection_that_is_lost_after_the_end_is_no_error() -> None:
    made = exchange(stream=True)
    begun, _ = play(made, Reply(200, *EVENTS, APIConnectionError("reset")))
    assert delivered(made, begun)[:2] == ("Hello!", None)


def test_the_partial_completion_is_what_was_handed_out_so_far() -> None:
    made = exchange(stream=True)
    begun, _ = play(made, Reply(200, event("Hel") + event("lo") + event("!"), event(finish="stop"), DONE))
    stream, texts = Stream(begun), ""
    for chunk in stream:
        texts += chunk["choices"][0]["delta"]["content"] or ""
        assert stream.completion().text == texts
    assert stream.completion()["choices"][0]["finish_reason"] == "stop"


def test_a_stream_that_delivered_nothing_yet_has_an_empty_completion() -> None:
    made = exchange(stream=True)
    begun, _ = play(made, Reply(200, *EVENTS))
    partial = Stream(begun).completion()
    assert (partial.text, partial["usage"], partial["model"]) == ("", None, "m")


@given(cuts=st.sets(st.integers(1, len(b"".join(EVENTS)) - 1), max_size=12))
def test_the_way_the_network_cuts_a_stream_does_not_matter(cuts: set[int]) -> None:
    body = b"".join(EVENTS)
    at = [0, *sorted(cuts), len(body)]
    made = exchange(stream=True)
    begun, _ = play(made, Reply(200, *(body[start:end] for start, end in pairwise(at))))
    text, error, stream = delivered(made, begun)
    assert (text, error, stream.completion()["choices"][0]["finish_reason"]) == ("Hello!", None, "stop")
