"""How long prompts are: what providers are asked and answer, and what is counted here."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import call
from support_server import Server

from unified_llm import (
    APIConnectionError,
    APIResponseValidationError,
    BadRequestError,
    NotFoundError,
    RateLimitError,
    TokenCount,
    acount_tokens,
    catalog,
    count_tokens,
    register,
    resolve,
)
from unified_llm.adapters import load
from unified_llm.adapters.token_counts import FORMATS, CountingAdapter
from unified_llm.token_count import format_of

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": PARAMETERS}}]
MESSAGES = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "Hi"}]
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


def reply(body: Any, status: int = 200, *headers: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = "".join(f"{line}\r\n" for line in (f"content-length: {len(content)}", *headers))
    return f"HTTP/1.1 {status} -\r\n{head}\r\n".encode() + content


def blocking(model: str, messages: Any = "Hi", **options: Any) -> TokenCount:
    return count_tokens(model, messages, **options)


def awaiting(model: str, messages: Any = "Hi", **options: Any) -> TokenCount:
    return asyncio.run(acount_tokens(model, messages, **options))


both = pytest.mark.parametrize("count", [blocking, awaiting])

# --- by the provider -----------------------------------------------------------------------------------------------

ASKED: dict[str, tuple[str, str, Any, Any]] = {
    # model, path, what is asked beside the messages, what the provider answers
    "Anthropic": (
        "claude-sonnet-4-5",
        "/v1/messages/count_tokens",
        {"model": "claude-sonnet-4-5", "system": "Be terse."},
        {"input_tokens": 588},
    ),
    "OpenAI, for a model of chat completions": (
        "gpt-4.1",
        "/responses/input_tokens",
        {"model": "gpt-4.1"},
        {"object": "response.input_tokens", "input_tokens": 588},
    ),
    "OpenAI, for a model of Responses": (
        "gpt-5-pro",
        "/responses/input_tokens",
        {"model": "gpt-5-pro"},
        {"object": "response.input_tokens", "input_tokens": 588},
    ),
    "Gemini": (
        "gemini-2.5-flash",
        "/models/gemini-2.5-flash:countTokens",
        {},
        {"totalTokens": 588, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 588}]},
    ),
    "Bedrock": (
        "bedrock/us.amazon.nova-pro-v1:0",
        "/model/amazon.nova-pro-v1:0/count-tokens",
        {},
        {"inputTokens": 588},
    ),
}


@both
@pytest.mark.parametrize("name", ASKED)
def test_the_provider_counts_where_it_does(name: str, count: Any) -> None:
    model, path, beside, answer = ASKED[name]
    with Server(reply(answer)) as server:
        made = count(model, MESSAGES, tools=TOOLS, base_url=server.url, api_key="any", max_tokens=9, temperature=0.5)
        (sent,) = server.requests
    assert made == TokenCount(588, "provider")
    assert (sent.method, sent.target) == ("POST", path)
    asked = json.loads(sent.body)
    assert beside.items() <= asked.items()
    text = json.dumps(asked)
    assert all(word in text for word in ("Be terse.", '"Hi"', "weather", "Of a city."))


def asked(model: str, messages: Any = "Hi", **options: Any) -> Any:
    answer = {"input_tokens": 1, "inputTokens": 1, "totalTokens": 1}
    with Server(reply(answer)) as server:
        count_tokens(model, messages, **{"base_url": server.url, "api_key": "any", **options})
        return json.loads(server.requests[0].body)


def test_only_what_belongs_to_the_prompt_is_asked() -> None:
    settings = {"max_tokens": 9, "temperature": 0.5, "stop": "x", "user": "u", "seed": 1}
    assert asked("claude-sonnet-4-5", **settings).keys() == {"model", "messages"}
    assert asked("gpt-4.1", **settings).keys() == {"model", "input"}
    assert asked("bedrock/us.amazon.nova-pro-v1:0", **settings) == {
        "input": {"converse": {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}}
    }


def test_how_the_model_is_to_think_is_asked_too() -> None:
    assert asked("claude-sonnet-4-5", thinking={"type": "enabled", "budget_tokens": 2048})["thinking"] == {
        "type": "enabled",
        "budget_tokens": 2048,
    }


def test_pictures_are_counted_by_the_provider() -> None:
    content = [{"type": "text", "text": "What is it?"}, PICTURE]
    (message,) = asked("claude-sonnet-4-5", [{"role": "user", "content": content}])["messages"]
    assert message["content"][1]["type"] == "image"


def test_gemini_is_asked_for_a_whole_request_since_tools_have_no_place_beside_it() -> None:
    body = asked("gemini-2.5-flash", MESSAGES, tools=TOOLS)
    assert body.keys() == {"generateContentRequest"}
    request = body["generateContentRequest"]
    assert request["model"] == "models/gemini-2.5-flash"
    assert request.keys() == {"model", "contents", "systemInstruction", "tools"}


def test_bedrock_is_asked_for_the_body_of_an_invocation_as_base64() -> None:
    body = asked("bedrock/anthropic.claude-v2:1", adapter="bedrock_invoke")
    inner = json.loads(base64.b64decode(body["input"]["invokeModel"]["body"]))
    assert inner["prompt"] == "\n\nHuman: Hi\n\nAssistant:"


OF_VERTEX = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers"
ADDRESSES = [
    ("anthropic_messages", f"{OF_VERTEX}/anthropic/models/claude-opus-5:rawPredict", "/models/count-tokens:rawPredict"),
    ("anthropic_messages", "https://x.example/anthropic/v1/messages", "/anthropic/v1/messages/count_tokens"),
    ("gemini", f"{OF_VERTEX}/google/models/gemini-2.5-pro:generateContent", "/models/gemini-2.5-pro:countTokens"),
    ("bedrock_converse", "https://x.example/model/a%3A0/converse", "/model/a%3A0/count-tokens"),
    ("bedrock_converse", "https://x.example/model/us-gov.meta.a/converse", "/model/meta.a/count-tokens"),
    ("bedrock_converse", "https://x.example/model/openai.gpt-5.6/converse", "/model/openai.gpt-5.6/count-tokens"),
]


@pytest.mark.parametrize(("format", "url", "ending"), ADDRESSES)
def test_the_address_of_a_count_is_beside_that_of_the_call(format: str, url: str, ending: str) -> None:
    assert FORMATS[format].url(url).endswith(ending)


def test_vertex_is_asked_for_the_parts_of_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "global")
    body = asked("vertex/gemini-2.5-flash", MESSAGES, tools=TOOLS, temperature=0.5)
    assert body.keys() == {"contents", "systemInstruction", "tools", "generationConfig"}
    body = asked("vertex/claude-sonnet-4-6")
    assert (body["model"], body["anthropic_version"]) == ("claude-sonnet-4-6", "vertex-2023-10-16")


def test_a_query_of_the_address_stays_behind_it() -> None:
    with Server(reply({"input_tokens": 1})) as server:
        address = f"{server.url}/v1?api-version=2026-01-01"
        count_tokens("claude-sonnet-4-5", "Hi", base_url=address, api_key="any")
        assert server.requests[0].target == "/v1/messages/count_tokens?api-version=2026-01-01"


def test_a_server_of_ones_own_counts_where_its_wire_format_is_named() -> None:
    with Server(reply({"input_tokens": 7})) as server:
        made = count_tokens("custom/m", "Hi", base_url=server.url, adapter="anthropic_messages")
        assert made == TokenCount(7, "provider")


def test_who_counts_stands_in_the_catalog() -> None:
    assert format_of(resolve("gpt-4.1")) == "openai_responses"
    assert format_of(resolve("claude-2.1")) is None
    assert format_of(resolve("groq/m")) is None
    assert format_of(resolve("deepseek/m", "anthropic_messages")) is None


def test_a_row_can_say_that_its_provider_counts() -> None:
    register({"providers": {"groq": {"token_counts": {"openai_chat": "openai_responses"}}}})
    try:
        assert format_of(resolve("groq/m")) == "openai_responses"
    finally:
        catalog.load.cache_clear()
        register({})


# --- as it was recorded ---------------------------------------------------------------------------------------------

CORPUS = Path(__file__).parents[1].parent / "shared" / "corpus" / "dev.jsonl.gz"
RECORDED = {
    "anthropic.count_tokens": ("anthropic_messages", "claude-sonnet-4-5"),
    "bedrock.count_tokens": ("bedrock_converse", "bedrock/anthropic.claude-sonnet-4-6"),
    "gemini.count_tokens": ("gemini", "gemini-2.5-flash"),
    "openai.count_tokens": ("openai_responses", "gpt-4.1"),
}


def recorded_counts() -> Iterator[tuple[str, Any]]:
    """Wire format and recording of each count."""
    with gzip.open(CORPUS) as file:
        rows = [json.loads(line) for line in file if b"count" in line[:2000]]
    yield from ((RECORDED[row["api"]], row) for row in rows if row["api"] in RECORDED)


def asked_for(request: Any) -> Any:
    """What is in a question: the body of the call that it is about."""
    for wrapping in ("generateContentRequest", "input", "converse"):
        inner = request.get(wrapping)
        request = inner if isinstance(inner, dict) else request
    return request


@pytest.mark.skipif(not CORPUS.exists(), reason="needs ../shared/corpus")
def test_recorded_counts_are_read_and_asked_for_likewise() -> None:
    counted = 0
    for (format, model), row in recorded_counts():
        made, counting, answer = call(model, adapter=format), FORMATS[format], json.loads(row["response_body_text"])
        if row["response_status"] == 200:
            tokens = CountingAdapter(load(format), counting).parse(made, answer)["tokens"]
            assert tokens in answer.values()
            inner = asked_for(row["request_body"])
            assert asked_for(counting.body(made, inner)).items() >= inner.items() or "invokeModel" in inner
            counted += 1
    assert counted >= 20


# --- as every call -------------------------------------------------------------------------------------------------


@both
def test_a_count_is_tried_again_as_a_call_is(count: Any) -> None:
    busy = reply({"type": "error", "error": {"type": "rate_limit_error", "message": "Slow."}}, 429, "retry-after: 0")
    with Server(busy, reply({"input_tokens": 3})) as server:
        assert count("claude-sonnet-4-5", base_url=server.url, api_key="any").tokens == 3
        assert len(server.requests) == 2
    with Server(busy) as server:
        with pytest.raises(RateLimitError, match="Slow"):
            count("claude-sonnet-4-5", base_url=server.url, api_key="any", max_retries=0)
        assert len(server.requests) == 1


def test_an_error_of_a_count_is_read_as_its_wire_format_has_it() -> None:
    error = {"type": "error", "error": {"type": "not_found_error", "message": "model: claude-x"}}
    with Server(reply(error, 404)) as server, pytest.raises(NotFoundError, match="claude-x") as caught:
        count_tokens("claude-x", "Hi", base_url=server.url, api_key="any")
    assert caught.value.code == "not_found_error"


@pytest.mark.parametrize("answer", [{}, {"input_tokens": None}, {"input_tokens": "many"}, [], b"<html>", b""])
def test_an_answer_without_a_count_is_no_count(answer: Any) -> None:
    with Server(reply(answer)) as server, pytest.raises(APIResponseValidationError):
        count_tokens("claude-sonnet-4-5", "Hi", base_url=server.url, api_key="any", max_retries=0)


def test_what_the_call_would_refuse_the_count_refuses_too() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    with pytest.raises(BadRequestError, match="audio"):
        count_tokens("claude-sonnet-4-5", [{"role": "user", "content": [sound]}], api_key="any")
    with pytest.raises(TypeError, match="temperature"):
        count_tokens("claude-sonnet-4-5", "Hi", temprature=1)  # type: ignore[call-arg]


def test_settings_that_do_not_count_are_no_reason_to_refuse() -> None:
    with Server(reply({"input_tokens": 1})) as server:
        options: Any = {"base_url": server.url, "api_key": "any", "strict": True, "seed": 1, "n": 4}
        assert count_tokens("claude-sonnet-4-5", "Hi", **options).tokens == 1
        assert len(server.requests) == 1


def test_an_sdk_client_does_not_count() -> None:
    anthropic = pytest.importorskip("anthropic")
    client = anthropic.Anthropic(api_key="any")
    with pytest.raises(BadRequestError, match="api_key="):
        count_tokens("claude-sonnet-4-5", "Hi", client=client)


# --- here ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoding in which every byte is a token, whatever the model."""
    tiktoken = pytest.importorskip("tiktoken")
    bytewise = {bytes([byte]): byte for byte in range(256)}

    def encoding(name: str) -> Any:
        return tiktoken.Encoding(name, pat_str=r".|\n", mergeable_ranks=bytewise, special_tokens={"<|end|>": 256})

    monkeypatch.setattr(tiktoken, "get_encoding", encoding)


AROUND = 3 + 3  # a message, and the beginning of the answer
FUNCTION = {"name": "f", "parameters": {}}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
COUNTED: dict[str, tuple[Any, dict[str, Any], int]] = {
    "a text": ("Hello", {}, AROUND + len("user") + 5),
    "bytes, not characters": ("é", {}, AROUND + len("user") + 2),
    "what looks like an end": ("<|end|>", {}, AROUND + len("user") + 7),
    "parts": (
        [{"role": "user", "content": [{"type": "text", "text": "ab"}, {"type": "text", "text": "c"}]}],
        {},
        AROUND + len("user") + 3,
    ),
    "two messages, one with a name": (
        [{"role": "user", "name": "bob", "content": "a"}, {"role": "assistant", "content": "b"}],
        {},
        AROUND + 3 + len("user") + 1 + len("bob") + 1 + len("assistant") + 1,
    ),
    "a call and its result": (
        [
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "1", "content": "ok"},
        ],
        {},
        AROUND + 3 + len("assistant") + len("f") + len("{}") + len("tool") + len("ok"),
    ),
    "a tool": (
        "a",
        {"tools": [{"type": "function", "function": FUNCTION}]},
        AROUND + len("user") + 1 + len('{"name":"f","parameters":{}}'),
    ),
    "the form of the answer": (
        "a",
        {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}},
        AROUND + len("user") + 1 + len('{"name":"s","schema":{}}'),
    ),
}


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("name", COUNTED)
def test_what_the_model_reads_is_counted_here(name: str) -> None:
    messages, options, expected = COUNTED[name]
    assert count_tokens("groq/m", messages, **options) == TokenCount(expected, "tiktoken:o200k_base")


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("model", "prompt"), [("davinci-002", "Be terse.\n\nHi"), ("claude-2.1", "Be terse.\n\nHuman: Hi\n\nAssistant:")]
)
def test_of_a_model_without_turns_the_prompt_is_counted(model: str, prompt: str) -> None:
    assert count_tokens(model, [("system", "Be terse."), ("user", "Hi")]).tokens == len(prompt)


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("model", "encoding"),
    [("openrouter/openai/gpt-4", "cl100k_base"), ("azure/gpt-4.1", "o200k_base"), ("xai/grok-4.3", "o200k_base")],
)
def test_a_count_says_by_which_encoding(model: str, encoding: str) -> None:
    assert awaiting(model).source == f"tiktoken:{encoding}"


@pytest.mark.usefixtures("letters")
def test_counting_here_needs_no_key_and_sends_nothing() -> None:
    assert count_tokens("groq/m", "Hi", base_url="http://127.0.0.1:9").tokens == AROUND + len("user") + 2


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("part", [PICTURE, {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}}])
def test_what_cannot_be_counted_here_is_refused_and_not_guessed(part: Any) -> None:
    with pytest.raises(BadRequestError, match=r"messages\[0\].*tiktoken cannot count"):
        count_tokens("groq/m", [{"role": "user", "content": [{"type": "text", "text": "a"}, part]}])


def test_without_tiktoken_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(ImportError, match=r'pip install "unified_llm\[tokens\]"'):
        count_tokens("groq/m", "Hi")


@both
def test_an_encoding_that_cannot_be_loaded_is_a_connection_error_with_the_way_out(
    count: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiktoken = pytest.importorskip("tiktoken")

    def unreachable(name: str) -> Any:
        raise OSError(f"no route to {name}")

    monkeypatch.setattr(tiktoken, "get_encoding", unreachable)
    with pytest.raises(APIConnectionError, match="TIKTOKEN_CACHE_DIR"):
        count("groq/m")
