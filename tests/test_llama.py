"""The library against a real llama.cpp server, over its chat completions and its Anthropic messages.

It runs where such a server answers at UNIFIED_LLM_TEST_LLAMA, by default http://127.0.0.1:8082.
"""

import asyncio
import os

import httpx
import pytest

from unified_llm import ContextWindowExceededError, acompletion, completion

SERVER = os.environ.get("UNIFIED_LLM_TEST_LLAMA", "http://127.0.0.1:8082")
FORMATS = {
    "any server": {"model": "tiny", "base_url": f"{SERVER}/v1"},
    "its own row": {"model": "llamacpp/tiny", "base_url": f"{SERVER}/v1"},
    "Claude's format": {"model": "anthropic/tiny", "base_url": SERVER, "api_key": "any"},
}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module", autouse=True)
def server():
    try:
        httpx.get(f"{SERVER}/health", timeout=1, trust_env=False)
    except httpx.HTTPError:
        pytest.skip(f"needs a llama.cpp server at {SERVER}")


@pytest.fixture(params=FORMATS, ids=lambda name: name)
def options(request):
    return {**FORMATS[request.param], "max_tokens": 400}


def test_it_answers_whole(options):
    response = completion(messages="Hello there", **options)
    assert response.text
    assert response["usage"]["completion_tokens"] > 0
    assert response["choices"][0]["finish_reason"] in ("stop", "length")


def test_it_answers_in_chunks_that_make_the_whole(options):
    stream = completion(messages="Hello there", stream=True, **options)
    text = "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in stream)
    assert text == stream.completion().text
    assert stream.completion()["usage"]["completion_tokens"] > 0


def test_it_answers_awaited_calls_whole_and_in_chunks(options):
    async def both():
        whole = await acompletion(messages="Hello there", **options)
        stream = await acompletion(messages="Hello there", stream=True, **options)
        return whole.text, "".join([chunk["choices"][0]["delta"]["content"] or "" async for chunk in stream])

    assert all(asyncio.run(both()))


def test_it_reasons_apart_from_the_text(options):
    assert completion(messages="please think about it", **options).reasoning


def test_it_calls_a_tool_and_goes_on_with_the_result(options):
    messages = [{"role": "user", "content": "Weather in Paris?"}]
    response = completion(messages=messages, tools=[TOOL], **options)
    assert [call["function"]["name"] for call in response.tool_calls] == ["get_weather"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "18C"} for call in response.tool_calls]
    if response["choices"][0]["finish_reason"] == "tool_calls":  # else the tiny model ran into its limit
        completion(messages=[*messages, response.message, *results], tools=[TOOL], tool_choice="none", **options)


def test_too_long_a_prompt_is_a_context_window_error(options):
    with pytest.raises(ContextWindowExceededError):
        completion(messages="x " * 9000, **options)
