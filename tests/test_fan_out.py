"""Several answers from an API that gives one to a call."""

from __future__ import annotations

import asyncio
import threading
import time
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


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_when_one_call_fails_the_others_are_broken_off_at_once(stream: bool) -> None:
    slow = [Answer(text="x y", delay=30, chunk_delay=30)] * 3
    with LoopbackProvider(Answer(status=400, delay=0.2), *slow) as provider:
        begun = time.monotonic()
        with pytest.raises(BadRequestError):
            any_way(True, provider, stream=stream, n=4)
        assert time.monotonic() - begun < 10
        assert [provider.wait_for_abort(5) for _ in slow] == [True] * 3


def test_cancelling_breaks_off_every_call_also_those_that_have_begun_to_answer() -> None:
    async def main(provider: LoopbackProvider) -> None:
        task = asyncio.create_task(awaited(provider, stream=True, n=4))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1
        assert [await asyncio.to_thread(provider.wait_for_abort, 5) for _ in range(4)] == [True] * 4

    quick, slow = Answer(text="x y", chunk_delay=30), Answer(text="x", delay=30)
    with LoopbackProvider(quick, slow, quick, slow) as provider:
        asyncio.run(main(provider))


def test_more_answers_than_anybody_gives_are_refused_before_anything_is_sent() -> None:
    with LoopbackProvider() as provider:
        with pytest.raises(BadRequestError, match="n is 129, but at most 128"):
            asked(provider, n=129)
        assert provider.requests == []


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


@DRIVERS
@pytest.mark.parametrize("stream", [False, True])
def test_media_are_fetched_once_for_all_answers(awaiting: bool, stream: bool) -> None:
    fetched: list[str] = []

    def fetch(url: str) -> bytes:
        fetched.append(url)
        return b"\x89PNG\r\n\x1a\n" + bytes(16)

    image = {"type": "image_url", "image_url": {"url": "https://pictures.example/cat.png"}}
    asking: Any = {"model": "ollama/qwen3", "messages": [("user", ["What?", image])], "fetch_media": fetch, "n": 3}
    with LoopbackProvider("one", "two", "three") as provider:
        asking |= {"base_url": provider.url, "stream": stream}

        async def main() -> None:
            answer: Any = await acompletion(**asking)
            if stream:
                await answer.close()

        if awaiting:
            asyncio.run(main())
        elif stream:
            completion(**asking).close()
        else:
            completion(**asking)
        assert len(provider.requests) == 3
    assert fetched == ["https://pictures.example/cat.png"]
