"""Conversations and parameters as chat completions requests: each quirk of a host, each rule of a model."""

from __future__ import annotations

import json
from typing import Annotated

import pytest
from pydantic import BaseModel, Field
from support import body_of, call, frozen, quirky, render
from test_mistral_quirks import MISTRAL

from unified_llm.adapters.openai_chat import Quirks
from unified_llm.errors import BadRequestError

USER = {"role": "user", "content": "Hi"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}}
TOOL = {"type": "function", "function": FUNCTION}
NAMED = {"type": "function", "function": {"name": "f"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
JSON_OBJECT = {"type": "json_object"}


def calling(*ids, arguments="{}", **fields):
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}} for id in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls, **fields}


def result(id, content="18C"):
    return {"role": "tool", "tool_call_id": id, "content": content}


def sent(quirks, messages="Hi", **params):
    """The body on a host with these quirks, and what was reported."""
    made = quirky(quirks, messages, **params)
    return render(made).body, made.warnings


# --- a host without quirks ------------------------------------------------------------------------------------------


def test_the_smallest_request_has_model_and_message():
    request = render(quirky({}))
    assert (request.path, request.body) == ("/chat/completions", {"model": "m", "messages": [USER]})


PASSED = {
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 5,
    "stop": ["END"],
    "n": 2,
    "seed": 0,
    "frequency_penalty": 0.1,
    "presence_penalty": -0.1,
    "logit_bias": {"1": 2},
    "logprobs": True,
    "top_logprobs": 2,
    "verbosity": "low",
    "modalities": ["text"],
    "prediction": {"type": "content", "content": "a"},
    "service_tier": "flex",
    "safety_identifier": "s",
    "metadata": {"a": "b"},
    "store": True,
    "prompt_cache_key": "k",
    "user": "u",
    "reasoning_effort": "high",
    "response_format": SCHEMA,
}


@pytest.mark.parametrize(("name", "value"), PASSED.items(), ids=PASSED)
def test_openais_parameters_are_sent_as_they_are(name, value):
    assert sent({}, **{name: value}) == ({"model": "m", "messages": [USER], name: value}, [])


def test_a_conversation_is_sent_as_it_is():
    history = [
        {"role": "system", "content": "Be terse."},
        {"role": "user", "content": [{"type": "text", "text": "Look:"}, IMAGE], "name": "ann"},
        calling("a", "b"),
        result("a"),
        result("b"),
        {"role": "assistant", "content": "18C"},
        USER,
    ]
    body, warnings = sent({}, history)
    assert (body["messages"], warnings) == (history, [])


def test_an_image_may_be_given_as_a_string():
    (message,) = sent(
        {}, [{"role": "user", "content": [{"type": "image_url", "image_url": "https://a.example/b.png"}]}]
    )[0]["messages"]
    assert message["content"] == [IMAGE]


@pytest.mark.parametrize("arguments", [None, ""], ids=repr)
def test_a_call_without_arguments_has_an_empty_object(arguments):
    _, answer, _ = sent({}, [USER, calling("a", arguments=arguments), result("a")])[0]["messages"]
    assert answer["tool_calls"][0]["function"]["arguments"] == "{}"


def test_an_answer_with_nothing_in_it_has_an_empty_text():
    assert sent({}, [USER, {"role": "assistant", "content": None}, USER])[0]["messages"][1] == {
        "role": "assistant",
        "content": "",
    }


ANSWER_FIELDS = {
    "reasoning_content": "Hm.",
    "annotations": [],
    "provider_fields": {"adapter": "x"},
    "thinking_blocks": [],
    "parsed": None,
}


def test_what_only_answers_have_is_not_sent_back_and_is_no_news():
    body, warnings = sent({}, [USER, {"role": "assistant", "content": "a", **ANSWER_FIELDS}, USER])
    assert (body["messages"][1], warnings) == ({"role": "assistant", "content": "a"}, [])


def test_an_unknown_field_of_a_message_is_left_out_and_reported():
    body, warnings = sent({}, [{**USER, "mood": "good"}])
    assert body["messages"] == [USER]
    assert "mood of messages[0]" in warnings[0]


@pytest.mark.parametrize("name", ["tool_choice", "parallel_tool_calls"])
def test_choices_between_no_tools_are_not_sent(name):
    body, warnings = sent({}, **{name: {"tool_choice": "none", "parallel_tool_calls": False}[name]})
    assert name not in body
    assert name in warnings[0]


@pytest.mark.parametrize(
    "tool", [{"type": "custom", "custom": {"name": "f"}}, {"type": "web_search"}], ids=["custom", "server"]
)
def test_a_tool_that_is_no_function_is_sent_as_it_is(tool):
    assert sent({}, tools=[tool])[0]["tools"] == [tool]


@pytest.mark.parametrize("choice", ["auto", "none", "required", NAMED], ids=str)
def test_a_tool_choice_is_sent_as_it_is(choice):
    body, _ = sent({}, tools=[TOOL], tool_choice=choice, parallel_tool_calls=False)
    assert (body["tools"], body["tool_choice"], body["parallel_tool_calls"]) == ([TOOL], choice, False)


def test_a_stream_asks_for_usage_and_a_plain_call_does_not():
    assert sent({}, stream=True)[0]["stream_options"] == {"include_usage": True}
    assert sent({}, stream=True, stream_options={"include_obfuscation": False})[0]["stream_options"] == {
        "include_usage": True,
        "include_obfuscation": False,
    }
    assert sent({}, stream_options={"include_usage": True})[0].keys() == {"model", "messages"}


def test_thinking_in_another_apis_words_is_left_out_and_reported():
    body, warnings = sent({}, thinking={"type": "enabled"})
    assert "thinking" not in body
    assert "thinking" in warnings[0]


def test_nothing_of_the_callers_is_changed():
    cached = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}
    given = {
        "messages": [
            {"role": "user", "content": [cached, IMAGE]},
            calling("a", "b"),
            result("b"),
            result("a"),
            {"role": "assistant", "content": [cached]},
        ],
        "tools": [
            {"type": "function", "function": {**FUNCTION, "strict": True}, "cache_control": {"type": "ephemeral"}}
        ],
        "stream_options": {"include_obfuscation": True},
    }
    before, ice = json.dumps(given), frozen(given)
    for quirks in (
        {},
        {"split_tool_calls": True, "string_content": True, "prefill": "prefix", "null_content": "empty"},
    ):
        json.dumps(sent(quirks, stream=True, **ice)[0])
    assert json.dumps(ice) == before


# --- quirks: (key, value, messages, params, what the body must have) --------------------------------------------------

DEVELOPER = [{"role": "developer", "content": "Be terse."}, USER]
THOUGHT = {"role": "assistant", "content": "4", "reasoning_content": "Hm."}
DETAILS = [{"type": "reasoning.text", "text": "Hm.", "signature": "s", "index": 0}]
DETAILED = {**THOUGHT, "provider_fields": {"adapter": "openai_chat", "message": {"reasoning_details": DETAILS}}}
PREFILL = [USER, {"role": "assistant", "content": "{"}]
CACHED = [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]}]
TEXTS = [{"role": "user", "content": ["a", "b"]}]
STRICT = {"type": "function", "function": {**FUNCTION, "strict": True}}
PARALLEL = [USER, calling("a", "b"), result("a"), result("b"), USER]
LINKED = {"type": "file", "file": {"file_url": "https://a.example/b.pdf", "filename": "b.pdf"}}
LINK = {"type": "file", "file": {"file_data": "https://a.example/b.pdf", "filename": "b.pdf"}}
ZIP = {"type": "file", "file": {"file_data": "data:application/zip;base64,UEsDBA=="}}
PHOTO = [USER, calling("a"), result("a", [IMAGE])]

ALLOWED = {
    "tools": [TOOL, {"type": "function", "function": {"name": "g"}}],
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOL]}},
}


class Limited(BaseModel):
    name: Annotated[str, Field(max_length=8)] = ""


def held(schema, **more):
    """The response_format that a typed one becomes."""
    fields = {"name": "Limited", "schema": {"properties": {"name": schema}, "type": "object"} | more.pop("object", {})}
    return {"response_format": {"type": "json_schema", "json_schema": {**fields, **more}}}


CLOSED = held(
    {"type": "string", "description": "{maxLength: 8}"},
    object={"required": ["name"], "additionalProperties": False},
    strict=True,
)
FULL = held({"type": "string", "maxLength": 8, "default": ""})
QUIRKS = [
    ("schema_keywords", None, "Hi", {"response_format": Limited}, CLOSED),
    ("schema_keywords", "all", "Hi", {"response_format": Limited}, FULL),
    ("allowed_tools", None, "Hi", ALLOWED, {"tools": [TOOL], "tool_choice": "required"}),
    ("allowed_tools", True, "Hi", ALLOWED, ALLOWED),
    ("max_tokens_field", None, "Hi", {"max_tokens": 9}, {"max_tokens": 9}),
    ("max_tokens_field", None, "Hi", {"max_completion_tokens": 9}, {"max_tokens": 9}),
    (
        "max_tokens_field",
        "max_completion_tokens",
        "Hi",
        {"max_tokens": 9},
        {"max_completion_tokens": 9, "max_tokens": None},
    ),
    (
        "max_tokens_field",
        "max_tokens",
        "Hi",
        {"max_completion_tokens": 9},
        {"max_tokens": 9, "max_completion_tokens": None},
    ),
    ("developer_role", None, DEVELOPER, {}, {"messages": [{"role": "system", "content": "Be terse."}, USER]}),
    ("developer_role", True, DEVELOPER, {}, {"messages": DEVELOPER}),
    ("stream_usage", "always", "Hi", {"stream": True}, {"stream": True, "stream_options": None}),
    ("stream_usage", "include_usage", "Hi", {"stream": True}, {"stream_options": {"include_usage": True}}),
    ("reasoning_param", "reasoning_effort", "Hi", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
    (
        "reasoning_param",
        "thinking_type",
        "Hi",
        {"reasoning_effort": "low"},
        {"thinking": {"type": "enabled"}, "reasoning_effort": None},
    ),
    ("reasoning_param", "thinking_type", "Hi", {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
    ("reasoning_param", "thinking_type", "Hi", {"thinking": {"type": "auto"}}, {"thinking": {"type": "auto"}}),
    (
        "reasoning_param",
        "enable_thinking",
        "Hi",
        {"reasoning_effort": "high"},
        {"enable_thinking": True, "reasoning_effort": None},
    ),
    ("reasoning_param", "enable_thinking", "Hi", {"reasoning_effort": "none"}, {"enable_thinking": False}),
    (
        "reasoning_param",
        "reasoning_object",
        "Hi",
        {"reasoning_effort": "high"},
        {"reasoning": {"effort": "high"}, "reasoning_effort": None},
    ),
    (
        "reasoning_param",
        "chat_template_kwargs",
        "Hi",
        {"reasoning_effort": "high"},
        {"chat_template_kwargs": {"enable_thinking": True}},
    ),
    (
        "reasoning_param",
        "chat_template_kwargs",
        "Hi",
        {"reasoning_effort": "none"},
        {"chat_template_kwargs": {"enable_thinking": False}},
    ),
    (
        "reasoning_param",
        "none",
        "Hi",
        {"reasoning_effort": "high"},
        {"reasoning_effort": None, "reasoning": None, "thinking": None},
    ),
    (
        "echo_reasoning",
        None,
        [USER, THOUGHT, USER],
        {},
        {"messages": [USER, {"role": "assistant", "content": "4"}, USER]},
    ),
    ("echo_reasoning", "reasoning_content", [USER, THOUGHT, USER], {}, {"messages": [USER, THOUGHT, USER]}),
    (
        "echo_reasoning",
        "reasoning",
        [USER, THOUGHT, USER],
        {},
        {"messages": [USER, {"role": "assistant", "content": "4", "reasoning": "Hm."}, USER]},
    ),
    (
        "echo_reasoning",
        "reasoning_details",
        [USER, DETAILED, USER],
        {},
        {"messages": [USER, {"role": "assistant", "content": "4", "reasoning_details": DETAILS}, USER]},
    ),
    (
        "echo_reasoning",
        "reasoning_details",
        [USER, THOUGHT, USER],
        {},
        {"messages": [USER, {"role": "assistant", "content": "4"}, USER]},
    ),
    ("forced_tools", "any", "Hi", {"tools": [TOOL], "tool_choice": "required"}, {"tool_choice": "any"}),
    ("forced_tools", "any", "Hi", {"tools": [TOOL], "tool_choice": NAMED}, {"tool_choice": NAMED}),
    ("forced_tools", "refused", "Hi", {"tools": [TOOL], "tool_choice": "auto"}, {"tool_choice": "auto"}),
    ("strict_tools", True, "Hi", {"tools": [STRICT]}, {"tools": [STRICT]}),
    ("strict_tools", None, "Hi", {"tools": [STRICT]}, {"tools": [TOOL]}),
    ("schema", "json_object", "Hi", {"response_format": JSON_OBJECT}, {"response_format": JSON_OBJECT}),
    ("schema", "json_schema", "Hi", {"response_format": SCHEMA}, {"response_format": SCHEMA}),
    ("string_content", True, TEXTS, {}, {"messages": [{"role": "user", "content": "ab"}]}),
    (
        "string_content",
        True,
        [{"role": "user", "content": ["a", IMAGE]}],
        {},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, IMAGE]}]},
    ),
    (
        "null_content",
        "empty",
        [USER, calling("a"), result("a")],
        {},
        {"messages": [USER, calling("a", content=""), result("a")]},
    ),
    ("null_content", "null", [USER, calling("a"), result("a")], {}, {"messages": [USER, calling("a"), result("a")]}),
    (
        "split_tool_calls",
        True,
        PARALLEL,
        {},
        {"messages": [USER, calling("a"), result("a"), calling("b", content=""), result("b"), USER]},
    ),
    ("cache_control", True, CACHED, {}, {"messages": CACHED}),
    ("cache_control", None, CACHED, {}, {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}),
    ("tool_images", True, PHOTO, {}, {"messages": PHOTO}),
    ("files", "any", [{"role": "user", "content": [LINKED]}], {}, {"messages": [{"role": "user", "content": [LINK]}]}),
    (
        "media_urls",
        True,
        [{"role": "user", "content": [IMAGE]}],
        {},
        {"messages": [{"role": "user", "content": [IMAGE]}]},
    ),
    ("refused", ["seed", "n"], "Hi", {"seed": 1, "n": 2, "top_p": 1}, {"seed": None, "n": None, "top_p": 1}),
    ("temperature_max", 1.0, "Hi", {"temperature": 1.5}, {"temperature": 1.0}),
    ("temperature_max", None, "Hi", {"temperature": 2.5}, {"temperature": 2}),
    ("user_field", "user_id", "Hi", {"user": "u"}, {"user_id": "u", "user": None}),
    ("user_field", "safety_identifier", "Hi", {"user": "u"}, {"safety_identifier": "u", "user": None}),
    ("prefill", "native", PREFILL, {}, {"messages": PREFILL}),
    ("prefill", "prefix", PREFILL, {}, {"messages": [USER, {"role": "assistant", "content": "{", "prefix": True}]}),
    ("prefill", "partial", PREFILL, {}, {"messages": [USER, {"role": "assistant", "content": "{", "partial": True}]}),
]


@pytest.mark.parametrize(("key", "value", "messages", "params", "expected"), QUIRKS, ids=lambda value: str(value)[:30])
def test_a_quirk_gives_its_wire_value(key, value, messages, params, expected):
    body, _ = sent({key: value} if value is not None else {}, messages, **params)
    assert {name: body.get(name) for name in expected} == expected


def test_allowed_tools_force_no_call_where_none_can_be_forced():
    """Their mode may: a host that refuses to be forced still takes `auto`."""
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}}
    assert sent({"forced_tools": "refused"}, **{**ALLOWED, "tool_choice": choice})[0]["tool_choice"] == "auto"
    with pytest.raises(BadRequestError, match="cannot be forced"):
        sent({"forced_tools": "refused"}, **ALLOWED)


REFUSALS = [
    ("forced_tools", "refused", "Hi", {"tools": [TOOL], "tool_choice": "required"}),
    ("forced_tools", "refused", "Hi", {"tools": [TOOL], "tool_choice": NAMED}),
    ("schema", "json_object", "Hi", {"response_format": SCHEMA}),
    ("schema", "none", "Hi", {"response_format": SCHEMA}),
    ("schema", "none", "Hi", {"response_format": JSON_OBJECT}),
    ("tool_images", False, PHOTO, {}),
    ("files", "pdf", [{"role": "user", "content": [ZIP]}], {}),
    ("prefill", "refused", PREFILL, {}),
]


@pytest.mark.parametrize(("key", "value", "messages", "params"), REFUSALS, ids=lambda value: str(value)[:30])
def test_a_feature_that_the_host_does_not_have_is_refused_before_sending(key, value, messages, params):
    with pytest.raises(BadRequestError) as caught:
        sent({key: value}, messages, **params)
    assert caught.value.status_code is None


LEFT_OUT = [
    ("reasoning_param", "none", "Hi", {"reasoning_effort": "high"}, "reasoning_effort"),
    ("strict_tools", False, "Hi", {"tools": [STRICT]}, "strict of tool 'f'"),
    ("refused", ["seed"], "Hi", {"seed": 0}, "seed"),
    ("temperature_max", 1.0, "Hi", {"temperature": 1.5}, "temperature 1.5"),
    ("cache_control", False, CACHED, {}, "cache_control of messages[0]"),
]


@pytest.mark.parametrize(("key", "value", "messages", "params", "what"), LEFT_OUT, ids=lambda value: str(value)[:30])
def test_a_setting_that_the_host_does_not_know_is_reported(key, value, messages, params, what):
    assert any(what in warning for warning in sent({key: value}, messages, **params)[1])


def test_every_quirk_is_tested_here():
    known = {row[0] for row in [*QUIRKS, *REFUSALS]} | MISTRAL.keys() | {"think_tags"}  # that one is of answers
    assert known == Quirks.__annotations__.keys()


def test_no_mark_of_a_prefill_stands_on_an_answer_that_is_not_the_last():
    body, _ = sent({"prefill": "prefix"}, [*PREFILL, USER])
    assert "prefix" not in body["messages"][1]


def test_an_answer_is_the_last_where_an_empty_one_behind_it_is_left_out():
    empty = {"role": "assistant", "content": ""}
    body, _ = sent({"prefill": "prefix", "empty_answers": False}, [*PREFILL, empty])
    assert body["messages"] == [USER, {"role": "assistant", "content": "{", "prefix": True}]


# --- rules of models: (model, params, what the body must have, what is reported) ------------------------------------

RULES = [
    (
        "gpt-4.1",
        {"temperature": 0.5, "stop": "a", "max_tokens": 9},
        {"temperature": 0.5, "stop": "a", "max_completion_tokens": 9},
        [],
    ),
    ("gpt-4.1", {"top_k": 5}, {"top_k": None}, ["top_k"]),
    ("gpt-4.1", {"reasoning_effort": "low"}, {"reasoning_effort": None}, ["reasoning_effort"]),
    (
        "gpt-5",
        {"temperature": 0.5, "top_p": 0.5, "logprobs": True},
        {"temperature": None, "top_p": None, "logprobs": None},
        ["temperature", "top_p", "logprobs"],
    ),
    ("gpt-5", {"temperature": 1}, {}, []),
    ("gpt-5", {"stop": ["a"]}, {"stop": None}, ["stop"]),
    ("gpt-5", {"reasoning_effort": "minimal"}, {"reasoning_effort": "minimal"}, []),
    ("gpt-5", {"reasoning_effort": "xhigh"}, {"reasoning_effort": "high"}, ["reasoning_effort"]),
    ("gpt-5.1", {"temperature": 0.5}, {"temperature": 0.5}, []),
    ("gpt-5.1", {"temperature": 0.5, "reasoning_effort": "none"}, {"temperature": 0.5, "reasoning_effort": "none"}, []),
    (
        "gpt-5.1",
        {"temperature": 0.5, "reasoning_effort": "low"},
        {"temperature": None, "reasoning_effort": "low"},
        ["temperature"],
    ),
    ("gpt-5.1", {"reasoning_effort": "xhigh"}, {"reasoning_effort": "high"}, ["reasoning_effort"]),
    ("gpt-5.5", {"temperature": 0.5}, {"temperature": None}, ["temperature"]),
    ("gpt-5.5", {"temperature": 0.5, "reasoning_effort": "none"}, {"temperature": 0.5}, []),
    ("gpt-5.5", {"reasoning_effort": "minimal"}, {"reasoning_effort": "low"}, ["reasoning_effort"]),
    ("o3", {"stop": ["a"], "temperature": 0}, {"stop": None, "temperature": None}, ["stop", "temperature"]),
    ("o3", {"reasoning_effort": "none"}, {"reasoning_effort": "low"}, ["reasoning_effort"]),
]


@pytest.mark.parametrize(("model", "params", "expected", "reported"), RULES, ids=lambda value: str(value)[:40])
def test_a_model_gets_what_it_takes_and_the_rest_is_reported(model, params, expected, reported):
    made = call(model, **params)
    body = render(made).body
    assert {name: body.get(name) for name in expected} == expected
    assert sorted(warning.split()[0] for warning in made.warnings) == sorted(reported)


@pytest.mark.parametrize(("model", "params"), [(row[0], row[1]) for row in RULES if row[3]], ids=str)
def test_strict_raises_where_a_setting_would_be_left_out_or_adjusted(model, params):
    with pytest.raises(BadRequestError, match="strict"):
        body_of(model, strict=True, **params)


def test_openai_takes_no_prefill():
    with pytest.raises(BadRequestError, match="prefill"):
        body_of("gpt-4.1", PREFILL)
