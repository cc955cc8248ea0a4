"""What completion() itself sees to, before an adapter or a server does."""

import asyncio

import httpx
import pytest

from unified_llm import APITimeoutError, BadRequestError, IncompleteStreamError, acompletion, completion
from unified_llm.api import prepare
from unified_llm.testing import Answer, LoopbackProvider


@pytest.fixture
def provider():
    with LoopbackProvider() as provider:
        yield provider


def ask(provider, model="claude-2.1", messages="Hi", **options):
    return completion(model, messages, base_url=provider.url, api_key="any", **options)


WRONG = {
    "max_retries": [-1, 1.5, True, "two"],
    "timeout": [0, -1, "ten", [1]],
    "extra_body": ["x", [1]],
    "extra_headers": ["x", {"x-number": 1}],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_refused_at_once_by_its_name(provider, name, value):
    with pytest.raises(BadRequestError, match=name.removeprefix("extra_headers") or "header"):
        ask(provider, **{name: value})
    assert provider.requests == []


def test_a_misspelled_parameter_is_a_type_error_with_the_right_name(provider):
    with pytest.raises(TypeError, match="temperature"):
        ask(provider, temprature=0.1)
    assert provider.requests == []


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ("half a pair: \ud83d", "surrogate"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b", "x": {1, 2}}}]}],
            "JSON",
        ),
    ],
    ids=["half a character", "a set"],
)
def test_what_has_no_place_in_json_is_refused_in_words(provider, messages, words):
    with pytest.raises(BadRequestError, match=words) as caught:
        ask(provider, "gpt-4.1", messages)
    assert caught.value.status_code is None
    assert provider.requests == []


def test_not_a_number_is_refused(provider):
    with pytest.raises(BadRequestError, match="JSON"):
        ask(provider, temperature=float("nan"))


def test_the_extra_body_is_merged_untouched_and_wins(provider):
    ask(provider, max_tokens=5, extra_body={"max_tokens_to_sample": 7, "new": {"a": [None]}})
    body = provider.requests[0].json
    assert (body["max_tokens_to_sample"], body["new"]) == (7, {"a": [None]})


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
@pytest.mark.parametrize("model", ["claude-2.1", "claude-sonnet-5-5"])
def test_the_address_may_end_in_v1_or_not(provider, suffix, model):
    completion(model, "Hi", base_url=provider.url + suffix, api_key="any")
    assert provider.requests[0].path in ("/v1/complete", "/v1/messages")


def test_a_server_without_an_address_is_refused():
    with pytest.raises(BadRequestError, match="base_url"):
        completion("custom/some-model", "Hi")


@pytest.mark.parametrize("stream", [False, True, None])
def test_stream_is_what_it_is_called(provider, stream):
    ask(provider, stream=stream)
    assert provider.requests[0].json.get("stream", False) is bool(stream)


def test_the_messages_of_the_caller_are_never_changed(provider):
    messages = [{"role": "user", "content": ["Look", {"type": "text", "text": "here"}]}]
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    before = repr((messages, tools))
    for model in ("claude-sonnet-5-5", "gpt-4.1"):
        completion(model, messages, base_url=provider.url, api_key="any", tools=tools)
    assert repr((messages, tools)) == before


def test_two_calls_have_two_ids():
    exchanges = [prepare("claude-2.1", "Hi", False, {"api_key": "any"}) for _ in range(2)]
    assert exchanges[0].call.id != exchanges[1].call.id


def test_a_stream_that_stalls_times_out_and_keeps_what_came(provider):
    provider.answers(Answer(text="One two three", chunk_delay=0.3))
    with pytest.raises(APITimeoutError) as caught:
        list(ask(provider, stream=True, timeout=httpx.Timeout(5, read=0.1), max_retries=0))
    assert caught.value.completion.text in ("", "One")


def test_an_awaited_stream_that_is_cut_raises_with_what_came(provider):
    provider.answers(Answer(text="One two three four", cut_after=4))
    pieces = []

    async def read():
        stream = await acompletion("claude-2.1", "Hi", stream=True, base_url=provider.url, api_key="any", max_retries=0)
        async for chunk in stream:
            pieces.append(chunk["choices"][0]["delta"]["content"])

    with pytest.raises(IncompleteStreamError) as caught:
        asyncio.run(read())
    assert pieces
    assert caught.value.completion.text == "".join(pieces)
