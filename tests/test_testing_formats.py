"""The loopback provider in every wire format, through completion(): one script, the same answers."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from unified_llm import (
    APIError,
    AuthenticationError,
    BadRequestError,
    IncompleteStreamError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    UnifiedLLMError,
    acompletion,
    completion,
)
from unified_llm.testing import Answer, LoopbackProvider

FORMATS: dict[str, dict[str, Any]] = {
    "anthropic_messages": {"model": "claude-sonnet-4-5"},
    "openai_chat": {"model": "gpt-4.1"},
    "openai_responses": {"model": "gpt-4.1", "adapter": "openai_responses"},
    "gemini": {"model": "gemini/gemini-2.5-flash"},
    "bedrock_converse": {"model": "bedrock/amazon.nova-pro-v1:0"},
    "cohere_chat": {"model": "cohere/command-a-03-2025"},
    "ollama_chat": {"model": "ollama/qwen3"},
}
TEXT_ALONE: dict[str, dict[str, Any]] = {
    "anthropic_complete": {"model": "claude-2.1"},
    "openai_completions": {"model": "babbage-002"},
}
ALL = {**FORMATS, **TEXT_ALONE}
every_format = pytest.mark.parametrize("format", FORMATS)
every_format_at_all = pytest.mark.parametrize("format", ALL)
THOUGHTFUL = Answer("It is sunny in Oslo.", reasoning="Let me look.", tool_calls=[("f", {"a": [1, "é"]}), ("g", {})])


def asked(provider: LoopbackProvider, format: str, **options: Any) -> dict[str, Any]:
    given = {"messages": "Hi there", "api_key": "any-key", "base_url": provider.url, "max_retries": 0}
    return {**given, **ALL[format], **options}


@every_format_at_all
def test_an_empty_script_repeats_the_user(format: str) -> None:
    with LoopbackProvider() as provider:
        assert completion(**asked(provider, format)).text == "Hello! You said: Hi there"


@every_format
def test_a_streamed_answer_folds_to_the_whole_one(format: str) -> None:
    with LoopbackProvider(THOUGHTFUL, THOUGHTFUL) as provider:
        whole = completion(**asked(provider, format))
        stream = completion(**asked(provider, format, stream=True))
        texts = [chunk["choices"][0]["delta"]["content"] for chunk in stream]
    streamed = stream.completion()
    assert len([text for text in texts if text]) == 5
    assert streamed.text == whole.text == "It is sunny in Oslo."
    assert streamed.reasoning == whole.reasoning == "Let me look."
    assert [json.loads(call["function"]["arguments"]) for call in streamed.tool_calls] == [{"a": [1, "é"]}, {}]
    assert [call["function"]["name"] for call in whole.tool_calls] == ["f", "g"]
    assert streamed["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"] == "tool_calls"
    assert streamed["usage"] == whole["usage"]
    assert whole["usage"] is not None
    assert (whole["usage"]["prompt_tokens"], whole["usage"]["completion_tokens"]) == (10, 5)


@every_format
def test_awaited_answers_are_the_same(format: str) -> None:
    async def both(provider: LoopbackProvider) -> tuple[Any, Any]:
        stream = await acompletion(**asked(provider, format, stream=True))
        async for _ in stream:
            pass
        return await acompletion(**asked(provider, format)), stream.completion()

    with LoopbackProvider(THOUGHTFUL, THOUGHTFUL) as provider:
        whole, streamed = asyncio.run(both(provider))
    assert whole.text == streamed.text == "It is sunny in Oslo."


@every_format_at_all
@pytest.mark.parametrize("reason", ["stop", "length"])
def test_reasons_to_finish_come_through(format: str, reason: Any) -> None:
    with LoopbackProvider(Answer("Hi", finish_reason=reason)) as provider:
        assert completion(**asked(provider, format))["choices"][0]["finish_reason"] == reason


@every_format_at_all
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (404, NotFoundError),
        (429, RateLimitError),
        (500, InternalServerError),
    ],
)
def test_errors_are_errors_of_the_format(format: str, status: int, kind: type[UnifiedLLMError]) -> None:
    with (
        LoopbackProvider(Answer(status=status, error="It is broken.")) as provider,
        pytest.raises(kind, match=r"It is broken\."),
    ):
        completion(**asked(provider, format))


@every_format_at_all
def test_a_stream_that_is_cut_is_incomplete_and_keeps_what_came(format: str) -> None:
    words = " ".join(map(str, range(100)))
    with LoopbackProvider(Answer(words, cut_after=50)) as provider, pytest.raises(IncompleteStreamError) as caught:
        list(completion(**asked(provider, format, stream=True)))
    assert caught.value.completion is not None
    assert words.startswith(caught.value.completion.text)
    assert caught.value.completion.text.count(" ") > 40


@every_format_at_all
def test_an_error_inside_a_stream_comes_after_the_text(format: str) -> None:
    with LoopbackProvider(Answer("one two", stream_error="server_error", error="It broke.")) as provider:
        stream = completion(**asked(provider, format, stream=True))
        with pytest.raises(UnifiedLLMError, match=r"It broke\.") as caught:
            list(stream)
    error = caught.value
    assert isinstance(error, APIError)
    assert error.completion is not None
    assert error.completion.text == "one two"


@every_format
def test_the_answer_can_be_sent_back(format: str) -> None:
    with LoopbackProvider(Answer("Let me look.", tool_calls=[("f", {})]), "Sunny.") as provider:
        first = completion(**asked(provider, format))
        result = {"role": "tool", "tool_call_id": first.tool_calls[0]["id"], "content": "sunny"}
        history = [{"role": "user", "content": "Weather?"}, first.message, result]
        assert completion(**asked(provider, format, messages=history)).text == "Sunny."


def test_streams_over_one_connection_take_no_time() -> None:
    """Each piece would wait 40 ms for the acknowledgement of the one before, were the socket not told otherwise."""
    with LoopbackProvider() as provider:
        begun = time.monotonic()
        for _ in range(20):
            list(completion(**asked(provider, "openai_chat", stream=True)))
        assert provider.connections == 1
        assert time.monotonic() - begun < 0.7
