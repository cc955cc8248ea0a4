"""Junk of any shape, in any place: refused with words that say where it stands, and never by an error from inside."""

from __future__ import annotations

import math
from collections import UserDict
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unified_llm import BadRequestError, NotFoundError, UnifiedLLMError, render_request, resolve
from unified_llm.adapters import NAMES
from unified_llm.json_codec import misfit
from unified_llm.params import KNOWN

MODELS = (
    "gpt-4.1", "o3", "claude-sonnet-4-5", "claude-opus-4-7", "claude-2.1", "gemini-2.5-pro", "gemini-1.5-pro",
    "bedrock/us.amazon.nova-pro-v1:0", "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "command-a-03-2025",
    "ollama/llama3", "mistral/mistral-large-latest", "groq/qwen3-32b", "deepseek/deepseek-chat", "xai/grok-4",
)  # fmt: skip


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def rendered(model: str, messages: Any = "Hi", **options: Any) -> str | None:
    """What is said of a call that is refused, None of one that can be sent."""
    try:
        render_request(model, messages, **options)
    except (BadRequestError, NotFoundError) as error:
        return error.message
    return None


# --- whatever it is, wherever it stands ------------------------------------------------------------------------------

ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**400, math.nan, math.inf, 1j, Decimal(1), "", "x", "\ud800", "\0", b"", b"x", ...),
    *("data:", "data:image/png;base64,!!!", "http://", "https://a.example/b.png", "auto", "text", "user", "object"),
    *({}, [], (), {1, 2}, [None], {1: {}}, object(), int, str, dict, list, len, Exception("x"), datetime(2026, 1, 1)),
    *(Path("/nonexistent"), UUID(int=0), range(3), MappingProxyType({"a": 1}), bytearray(b"a"), iter(()), lambda: 1),
]
WORDS = (
    "type text role content function name parameters image_url url file file_data file_id source data media_type "
    "input_audio format tool_calls id arguments tool_call_id cache_control provider_fields adapter message reasoning "
    "reasoning_content schema json_schema properties items $ref $defs anyOf strict input_schema description enum mode "
    "required additionalProperties custom tools allowed_tools budget_tokens thinking signature refusal audio ttl"
).split()
JUNK = st.recursive(
    st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=6,
)

PARTS: list[Any] = [
    {"type": "text", "text": "x"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
    {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0xLjQK", "filename": "a.pdf"}},
    {"type": "input_audio", "input_audio": {"data": "UklGRgAAAABXQVZF", "format": "wav"}},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
    {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "x"}]},
    {"type": "thinking", "thinking": "x", "signature": "s"},
]
ANSWER: dict[str, Any] = {
    "role": "assistant",
    "content": "x",
    "reasoning_content": "r",
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
FIELDS: dict[str, Any] = {
    "message": {"reasoning_details": [{"type": "reasoning.text", "text": "x"}], "content": [{"type": "thinking"}]},
    "content": [{"type": "thinking", "thinking": "x", "signature": "s"}, {"type": "text", "text": "x"}],
    "parts": [{"text": "x", "thoughtSignature": "s"}],
    "items": [{"type": "reasoning", "id": "i", "summary": []}],
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"type": "array", "items": {"anyOf": [{"type": "null"}]}}},
    "required": ["a"],
    "$defs": {"A": {"type": "object", "properties": {"x": {"enum": [1], "minimum": 1}}}},
}
FUNCTION = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}}
TOOLS = [FUNCTION, {"name": "g", "input_schema": SCHEMA}, {"type": "web_search"}, {"googleSearch": {}}, {"type": "mcp"}]
SOUND: dict[str, Any] = {
    "tools": TOOLS,
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FUNCTION]}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "metadata": {"user_id": "x"},
    "web_search_options": {"user_location": {"type": "approximate", "approximate": {"city": "x"}}},
    "audio": {"voice": "x", "format": "wav"},
    "modalities": ["text", "audio"],
    "stream_options": {"include_usage": True},
    "extra_body": {"a": {"b": [1]}},
}


def damaged(sound: Any) -> st.SearchStrategy[Any]:
    """The same with junk at one place or another."""
    kept = st.just(sound)
    if isinstance(sound, dict):
        fields = {name: damaged(inner) for name, inner in sound.items()}
        return st.one_of(kept, JUNK, st.fixed_dictionaries({}, optional=fields), st.fixed_dictionaries(fields))
    if isinstance(sound, list):
        return st.one_of(kept, JUNK, st.tuples(*map(damaged, sound)).map(list))
    return st.one_of(kept, kept, JUNK)


def conversation(parts: Any, answer: Any, fields: Any) -> list[Any]:
    return [
        {"role": "user", "content": parts},
        {**answer, "provider_fields": fields} if isinstance(answer, dict) else answer,
        {"role": "tool", "tool_call_id": "c", "content": parts},
        {"role": "user", "content": "x"},
    ]


KEPT_BY = st.sampled_from(NAMES).map(lambda name: {**FIELDS, "adapter": name})
CONVERSATIONS = st.builds(
    conversation,
    st.lists(st.sampled_from(PARTS).flatmap(damaged), max_size=2),
    damaged(ANSWER),
    KEPT_BY.flatmap(damaged),
)
OPTIONS = st.sampled_from([*SOUND]).flatmap(lambda name: st.tuples(st.just(name), damaged(SOUND[name])))
MANY = settings(max_examples=300, deadline=None, suppress_health_check=[*HealthCheck])


@MANY
@given(st.sampled_from(MODELS), st.one_of(JUNK, CONVERSATIONS))
def test_junk_among_messages_is_refused_or_sent(model: str, messages: Any) -> None:
    words = rendered(model, messages)
    assert words is None or "message" in words or "body" in words or "model" in words or "API" in words


@MANY
@given(st.sampled_from(MODELS), st.sampled_from([None, *NAMES]), OPTIONS, OPTIONS)
def test_junk_inside_a_parameter_is_refused_or_sent(model: str, adapter: str | None, one: Any, other: Any) -> None:
    rendered(model, adapter=adapter, **dict([one, other]))


# --- by name ---------------------------------------------------------------------------------------------------------

FREE = {"api_key", "client", "fetch_media", "timeout"}
"""Parameters that a preview does not use, or that may be of many kinds."""


NAMED = {"max_tokens": "limit of tokens", "max_completion_tokens": "limit of tokens", "stop_sequences": "stop"}


@pytest.mark.parametrize("name", sorted(KNOWN - FREE))
def test_a_parameter_of_a_wrong_kind_is_refused_by_its_name(name: str) -> None:
    for value in (object(), {1, 2}, 1j, b"x", range(3)):
        words = rendered("custom/m", **{"base_url": "http://h.example", name: value})
        assert words is None or NAMED.get(name, name) in words, words
        assert words is not None or name == "strict", value


def answered(**fields: Any) -> list[Any]:
    return [{"role": "assistant", "content": "x", **fields}]


MARKED = {"type": "text", "text": "x", "cache_control": {"a": {1}}}
MESSAGES: dict[str, tuple[Any, str]] = {
    "a role": ([{"role": {}, "content": "x"}], "messages[0]"),
    "a role in a tuple": ([([], "x")], "messages[0]"),
    "the id of a result": ([{"role": "tool", "tool_call_id": [], "content": "x"}], "messages[0]"),
    "reasoning": (answered(reasoning_content=["x"]), "reasoning_content of messages[0] is list"),
    "fields": (answered(provider_fields="x"), "provider_fields of messages[0] is str"),
    "a call": (answered(tool_calls=[{"id": "a", "type": "x", "function": []}]), "messages[0].tool_calls[0]"),
    "a mark": ([{"role": "user", "content": [MARKED]}], "messages[0].content[0].cache_control.a is set"),
    "half a character": ([{"role": "user", "content": "\ud800"}], "has half of a surrogate"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_wrong_in_a_message_is_told_with_its_place(name: str) -> None:
    messages, words = MESSAGES[name]
    assert words in (rendered("claude-opus-4-5", messages) or "")


def function(**fields: Any) -> Any:
    return [{"type": "function", "function": {"name": "f", **fields}}]


def form(**schema: Any) -> Any:
    return {"type": "object", "properties": {"a": {"type": "string"}}, **schema}


NESTED: dict[str, tuple[dict[str, Any], str]] = {
    "a name of a function": ({"tools": function(name=1)}, "tools[0]"),
    "parameters": ({"tools": function(parameters="x")}, "tools[0] has parameters of type str"),
    "Anthropic's parameters": ({"tools": [{"name": "f", "input_schema": []}]}, "tools[0] has parameters of type list"),
    "a budget": ({"thinking": {"type": "enabled", "budget_tokens": "1024"}}, "budget_tokens of thinking is '1024'"),
    "properties": ({"response_format": form(properties=[])}, "the schema of response_format.properties is list"),
    "a property": ({"response_format": form(properties={"a": 1})}, "response_format.properties.a is int"),
    "choices": ({"response_format": form(properties={"a": {"anyOf": 7}})}, "properties.a.anyOf is int"),
    "a default": ({"response_format": form(properties={"a": {"default": {1}}})}, "properties.a.default is set"),
    "a name of a form": ({"response_format": form(title={})}, "the name of response_format"),
    "a number in the body": ({"extra_body": {"a": [1, math.nan]}}, "a[1] is nan"),
    "a key in the body": ({"extra_body": {"a": {(): 1}}}, "a has the key ()"),
}


@pytest.mark.parametrize("name", NESTED)
def test_what_is_wrong_inside_a_parameter_is_told_with_its_place(name: str) -> None:
    options, words = NESTED[name]
    assert words in (rendered("gpt-4.1", **options) or "")


@pytest.mark.parametrize("timeout", [0, -1, math.nan, math.inf, 1e12, 10**400, "5", (1, 2)], ids=repr)
def test_a_timeout_that_no_socket_knows_is_refused(timeout: Any) -> None:
    assert "timeout is" in (rendered("gpt-4.1", timeout=timeout) or "")


@pytest.mark.parametrize("given", [(7,), ({},), ("gpt-4.1", []), ("gpt-4.1", None, {}), ("gpt-4.1", None, 7), ("",)])
def test_a_model_an_adapter_and_an_address_are_strings(given: Any) -> None:
    with pytest.raises(BadRequestError, match=r"model|adapter|base_url"):
        resolve(*given)


# --- without end -----------------------------------------------------------------------------------------------------


def endless(kind: Callable[[Any], Any]) -> Any:
    inner: Any = []
    inner.append(kind(inner))
    return inner


def deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"properties": {"a": value}}
    return value


LOOP: dict[str, Any] = {"type": "object", "properties": {}}
LOOP["properties"]["a"] = LOOP


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "options",
    [
        {"messages": endless(lambda inner: inner)},
        {"messages": [{"role": "user", "content": endless(lambda inner: {"type": "text", "text": inner})}]},
        {"response_format": LOOP},
        {"response_format": {"type": "object", **deep(3000)}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": LOOP}}]},
        {"extra_body": {"a": endless(lambda inner: inner)}},
        {"extra_body": deep(3000)},
        {"metadata": {"a": deep(3000)}, "extra_body": {"a": deep(3000)}},
    ],
    ids=["messages", "a part", "a form", "a deep form", "a tool", "a body", "a deep body", "metadata"],
)
def test_what_has_itself_in_it_or_no_end_is_refused(model: str, options: Any) -> None:
    messages = options.get("messages", "Hi")
    assert rendered(model, messages, **{name: value for name, value in options.items() if name != "messages"})


def test_a_mapping_that_has_itself_in_it_is_refused() -> None:
    message = UserDict[str, Any](role="user")
    message["content"] = [message]
    assert "UserDict" in (rendered("gpt-4.1", [message]) or "")


@pytest.mark.parametrize("arguments", ["[" * 100_000, '{"a":' * 100_000, '{"a":1' + "0" * 10_000 + "}", '{"a":NaN}'])
@pytest.mark.parametrize("model", MODELS)
def test_arguments_that_no_api_could_read_do_not_break_a_call(model: str, arguments: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    rendered(model, [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}])


def test_references_that_double_at_every_step_are_not_written_out() -> None:
    steps = {f"S{n}": {"anyOf": [{"$ref": f"#/$defs/S{n + 1}"}] * 2} for n in range(40)}
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/S0"}},
        "$defs": {**steps, "S40": {"type": "null"}},
    }
    with pytest.raises(UnifiedLLMError, match="references"):
        render_request("gemini-1.5-pro", "Hi", response_format=schema)


def test_what_fits_into_json_is_no_misfit() -> None:
    assert misfit({"a": [1, 1.5, "x", None, True, ("y",), {1: 2, None: 3, 1.5: 4}]}, "it") is None
    assert misfit([[], [], {}], "it") is None
