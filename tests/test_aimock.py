"""The library against a scripted server that speaks seven wire formats (see support_processes.py).

What it says to which words stands in `../shared/servers/fixtures/core.json`.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import httpx
import pytest
from support_processes import need
from support_ways import every_stream, every_way, whole

from unified_llm import (
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    acompletion,
    completion,
)

need("aimock")

FORMATS = {
    "OpenAI": ("openai/gpt-4.1", "/v1", {}),
    "Responses": ("openai/gpt-4.1", "/v1", {"adapter": "openai_responses"}),
    "Azure": ("azure/gpt-4.1", "/openai/v1", {}),
    "OpenRouter": ("openrouter/openai/gpt-4.1", "/api/v1", {}),
    "Anthropic": ("anthropic/claude-sonnet-4-5", "", {}),
    "Gemini": ("gemini/gemini-2.5-flash", "/v1beta", {}),
    "Cohere": ("cohere/command-a-03-2025", "", {}),
    "Ollama": ("ollama/llama3.2", "", {}),
}
TEXT = "one two three four five six seven eight nine ten eleven twelve thirteen"
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string"}},
            "required": ["city"],
        },
    },
}
ADA = {
    "type": "json_schema",
    "json_schema": {
        "name": "person",
        "schema": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
            "required": ["name", "age"],
            "additionalProperties": False,
        },
    },
}


class Host:
    """A wire format of the server, which counts the requests of one test."""

    def __init__(self, url, format):
        path, path_of_api, more = FORMATS[format]
        self.url, self.format, self.id = url, format, uuid.uuid4().hex
        self.options = {
            "model": path,
            "base_url": url + path_of_api,
            "api_key": "sk-test-0123456789",
            "extra_headers": {"x-test-id": self.id},
            "max_retries": 0,
            **more,
        }

    def __call__(self, ask, messages, **options):
        return ask(messages=messages, **{**self.options, **options})

    def requests(self):
        journal = httpx.get(f"{self.url}/__aimock/journal", params={"testId": self.id}, trust_env=False)
        return journal.json()


@pytest.fixture(params=FORMATS)
def host(request, aimock):
    return Host(aimock, request.param)


@pytest.fixture
def at_once(monkeypatch):
    """Retries that do not wait."""
    monkeypatch.setattr("unified_llm.retries.FIRST_WAIT", 0.001)


# --- answers -------------------------------------------------------------------------------------------------------


@every_way
def test_an_answer_is_its_text(host, ask):
    response = host(ask, "hello")
    assert response.text == "Hello! Grüße, 你好 👋 from the mock."
    assert response["choices"][0]["finish_reason"] == "stop"
    assert response["warnings"] == []
    assert len(host.requests()) == 1


@every_way
def test_reasoning_stands_apart_from_the_text(host, ask):
    if host.format in ("Cohere", "Ollama"):
        pytest.skip("this server gives reasoning a field that these providers do not have")
    response = host(ask, "think hard")
    assert response.reasoning == "First I consider the question. Then I decide."
    assert response.text == "The answer is 42."


@every_way
def test_an_answer_in_a_schema_is_parsed(host, ask):
    assert host(ask, "as json", response_format=ADA).parsed == {"name": "Ada", "age": 36}


@every_way
def test_an_answer_that_is_cut_by_length_says_so_and_what_it_cost(host, ask):
    if host.format == "Ollama":
        pytest.skip("this server tells neither in Ollama's format")
    response = host(ask, "cut by length", max_tokens=16)
    assert response["choices"][0]["finish_reason"] == "length"
    usage = response["usage"]
    assert [usage[f"{kind}_tokens"] for kind in ("prompt", "completion", "total")] == [11, 3, 14]


@every_way
def test_tools_are_called_and_their_results_go_back(host, ask):
    messages = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "weather"}]
    response = host(ask, messages, tools=[TOOL])
    assert response.text == "Let me look."
    assert response["choices"][0]["finish_reason"] == "tool_calls"
    functions = [call["function"] for call in response.tool_calls]
    assert [function["name"] for function in functions] == ["get_weather", "get_weather"]
    assert [json.loads(function["arguments"])["city"] for function in functions] == ["Paris", "東京"]
    assert len({call["id"] for call in response.tool_calls}) == 2

    results = [{"role": "tool", "tool_call_id": call["id"], "content": "21C"} for call in response.tool_calls]
    last = host(ask, [*messages, response.message, *results], tools=[TOOL])
    assert last.text == "It is 21 degrees in Paris."
    assert last["choices"][0]["finish_reason"] == "stop"


@every_way
def test_a_call_before_the_text_is_a_call_all_the_same(host, ask):
    response = host(ask, "tool first", tools=[TOOL])
    assert response.text == "Checking the weather."
    assert [json.loads(call["function"]["arguments"]) for call in response.tool_calls] == [{"city": "Rome"}]


def test_a_slow_stream_is_delivered_as_it_comes(host):
    text, arrivals = "", []
    for chunk in host(completion, "slow stream", stream=True):
        if said := chunk["choices"][0]["delta"]["content"]:
            text += said
            arrivals.append(time.monotonic())
    assert text == "slow words come one by one here"
    assert arrivals[-1] - arrivals[0] > 0.02


def test_many_calls_at_once_all_get_their_answers(host):
    async def all_of_them():
        calls = [host(acompletion, word) for word in ("hello", "think hard") * 10]
        return await asyncio.gather(*calls)

    texts = [response.text[-17:] for response in asyncio.run(all_of_them())]
    assert len(set(texts)) == 2
    assert texts == texts[:2] * 10


# --- errors --------------------------------------------------------------------------------------------------------

ERRORS = {
    "err400": (BadRequestError, 400, "prompt is too long: 300000 tokens > 200000 maximum"),
    "err401": (AuthenticationError, 401, "Incorrect API key"),
    "err404": (NotFoundError, 404, "model not found"),
    "err429": (RateLimitError, 429, "Rate limit reached"),
    "err500": (InternalServerError, 500, "Internal error"),
    "err529": (OverloadedError, 529, "Overloaded"),
}


@pytest.mark.parametrize("words", ERRORS)
@every_way
def test_an_error_is_of_the_class_of_its_status(host, ask, words):
    kind, status, message = ERRORS[words]
    with pytest.raises(kind) as caught:
        host(ask, words)
    error = caught.value
    assert type(error) in (kind, ContextWindowExceededError)
    assert error.status_code == status
    assert message in str(error)
    assert message in json.dumps(error.body)
    assert error.response.status_code == status
    assert f"{error.provider}/{error.model}" == host.options["model"]
    assert len(host.requests()) == 1


@every_way
def test_too_long_a_prompt_is_told_apart(host, ask):
    if host.format == "Gemini":
        pytest.skip("these are not the words of Gemini")
    with pytest.raises(ContextWindowExceededError) as caught:
        host(ask, "err400")
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.usefixtures("at_once")
@every_way
def test_a_failure_that_may_pass_is_asked_again(host, ask):
    assert host(ask, "flaky once", max_retries=2).text == "second try worked"
    assert [request["response"]["status"] for request in host.requests()] == [503, 200]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("words", "times"), [("err500", 3), ("err529", 3), ("err401", 1), ("err400", 1)])
@every_way
def test_what_does_not_pass_is_asked_so_often(host, ask, words, times):
    with pytest.raises(ERRORS[words][0]):
        host(ask, words, max_retries=2)
    assert len(host.requests()) == times


def test_a_limit_is_waited_for_as_long_as_the_server_asks(aimock):
    host, began = Host(aimock, "OpenAI"), time.monotonic()
    with pytest.raises(RateLimitError) as caught:
        host(whole, "err429", max_retries=1)
    assert caught.value.retry_after == 1
    assert 1 <= time.monotonic() - began < 3
    assert len(host.requests()) == 2


# --- broken answers ------------------------------------------------------------------------------------------------


@every_stream
def test_a_stream_that_is_cut_raises_with_what_came(host, ask):
    with pytest.raises(IncompleteStreamError) as caught:
        host(ask, "disconnect stream")
    partial = caught.value.completion
    assert TEXT.startswith(partial.text)
    assert len(partial.text) < len(TEXT)
    assert partial["choices"][0]["finish_reason"] is None


@every_stream
def test_a_stream_that_is_cut_at_once_raises(host, ask):
    with pytest.raises(APIConnectionError):
        host(ask, "truncate stream")


@every_way
def test_a_connection_that_is_dropped_raises(host, ask):
    with pytest.raises(APIConnectionError) as caught:
        host(ask, "dropconn")
    assert caught.value.__cause__ is not None


@every_way
def test_an_answer_that_is_no_json_raises(host, ask):
    # where a stream is lines of JSON, or one array, these bytes may as well be the half of one
    with pytest.raises((APIResponseValidationError, IncompleteStreamError), match="malformed json"):
        host(ask, "malformed")


@every_stream
def test_a_stream_that_does_not_begin_in_time_raises_a_timeout(host, ask):
    with pytest.raises(APITimeoutError):
        host(ask, "slow stream", timeout=0.1)


def test_a_stream_may_be_left_and_others_go_on(host):
    stream = host(completion, "slow stream", stream=True)
    with stream:
        next(stream)
    assert host(whole, "hello").text.startswith("Hello!")
