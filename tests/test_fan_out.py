"""Several answers from an API that gives one to a call."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest

from unified_llm import APIStatusError, BadRequestError, Completion, acompletion, completion
from unified_llm.testing import Answer, LoopbackProvider

CLAUDE = "claude-sonnet-4-5"


def asked(provider: LoopbackProvider, *, model: str = CLAUDE, stream: bool = False, **options: Any) -> Any:
    """The answer of a blocking call; of a streamed one, its chunks and what they fold to."""
    given = {"base_url": provider.url, "api_key": "any", "max_retries": 0, **options}
    if not stream:
        return completion(model, "Hi", **given)
    streamed = completion(model, "Hi", stream=True, **given)
    return list(streamed), streamed.completion()


async def awaited(provider: LoopbackProvider, *, stream: bool = False, **options: Any) -> Any:
    given: Any = {"base_url": provider.url, "api_key": "any", "max_retries": 0, **options}
    if not stream:
        return await acompletion(CLAUDE, "Hi", **given)
    streamed = await acompletion(CLAUDE, "Hi", stream=True, **given)
    return [chunk async for chunk in streamed], streamed.completion()


def any_way(awaiting: bool, provider: LoopbackProvider, **options: Any) -> Any:
    return asyncio.run(awaited(provider, **options)) if awaiting else asked(provider, **options)


DRIVERS = pytest.mark.parametrize("awaiting", [False, True], ids=["blocking", "awaiting"])


@DRIVERS
def test_as_many_calls_are_made_as_answers_are_wanted(awaiting: bool) -> None:
    with LoopbackProvider("one", "two", "three") as provider:
        answer: Completion = any_way(awaiting, provider, n=3)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert {choice["message"]["content"] for choice in answer["choices"]} == {"one", "two", "three"}
    assert [request.json.get("n") for request in provider.requests] == [None] * 3


@DRIVERS
def test_usage_and_cost_are_those_of_all_calls(awaiting: bool) -> None:
    with LoopbackProvider("same", "same", "same") as provider:
        one, both = asked(provider), any_way(awaiting, provider, n=2)
    assert one["usage"] is not None
    assert both["usage"]["prompt_tokens"] == 2 * one["usage"]["prompt_tokens"]
    assert both["usage"]["total_tokens"] == 2 * one["usage"]["total_tokens"]
    assert both.cost == pytest.approx(2 * one.cost)


@DRIVERS
def test_streams_are_delivered_as_one(awaiting: bool) -> None:
    with LoopbackProvider("one two three", "four") as provider:
        chunks, whole = any_way(awaiting, provider, stream=True, n=2)
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {chunk["choices"][0]["index"] for chunk in chunks} == {0, 1}
    assert [index for index, chunk in enumerate(chunks) if "usage" in chunk] == [len(chunks) - 1]
    assert chunks[-1]["usage"] == whole["usage"]
    assert {choice["message"]["content"] for choice in whole["choices"]} == {"one two three", "four"}


@DRIVERS
def test_one_failing_call_fails_the_whole_and_leaves_no_connection_open(awaiting: bool) -> None:
    with LoopbackProvider("one", Answer(status=400), "three") as provider:
        with pytest.raises(APIStatusError):
            any_way(awaiting, provider, stream=True, n=3)
        assert len(provider.requests) == 3


def test_closing_early_closes_every_stream() -> None:
    with LoopbackProvider("one two", "three four") as provider:
        stream = completion(CLAUDE, "Hi", stream=True, n=2, base_url=provider.url, api_key="any")
        next(stream)
        stream.close()
        assert list(stream) == []
    assert len(stream.completion()["choices"]) == 2


def test_the_calls_run_at_once() -> None:
    meeting = threading.Barrier(2, timeout=10)
    hooks: Any = {"request": [lambda _: meeting.wait()]}
    with LoopbackProvider("one", "two") as provider, httpx.Client(event_hooks=hooks) as client:
        answer = asked(provider, n=2, client=client)
    assert len(answer["choices"]) == 2


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "2"])
def test_a_number_of_answers_that_is_none_is_refused(n: Any) -> None:
    with pytest.raises(BadRequestError, match="n is"):
        completion(CLAUDE, "Hi", n=n, api_key="any")


def test_an_api_that_gives_several_answers_is_asked_once() -> None:
    with LoopbackProvider("one") as provider:
        asked(provider, model="gpt-4.1", n=2)
    assert [request.json["n"] for request in provider.requests] == [2]
