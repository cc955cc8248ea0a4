"""Conversations, tools and settings as requests of Cohere's v2 chat."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support import call, frozen, render

from unified_llm.adapters.cohere_chat import Quirks
from unified_llm.errors import BadRequestError

USER = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "weather", "description": "Weather", "parameters": SCHEMA}
TOOL = {"type": "function", "function": FUNCTION}
STRICT = {"type": "function", "function": {**FUNCTION, "strict": True}}
OTHER = {"type": "function", "function": {"name": "other"}}
OTHER_SENT = {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}}
NAMED = {"type": "function", "function": {"name": "weather"}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://a.example/i.png", "detail": "low"}}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}


def asked(messages="Hi", *, rules=None, facts=None, **params):
    one = call("custom/m", messages, adapter="cohere_chat", **params)
    one.route = replace(one.route, quirks={}, rules=rules or {}, facts=facts or {})
    return one


def sent(messages="Hi", **params):
    one = asked(messages, **params)
    return render(one).body, one.warnings


def turns(*messages):
    return sent(list(messages))[0]["messages"]


def calling(*ids, arguments='{"city":"Rome"}', text=None, **fields):
    calls = [{"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}} for id in ids]
    return {"role": "assistant", "content": text, "tool_calls": calls, **fields}


def result(id, content="18C"):
    return {"role": "tool", "tool_call_id": id, "content": content}


# --- settings -------------------------------------------------------------------------------------------------------


def test_the_smallest_request_has_model_and_message():
    request = render(asked())
    assert (request.path, request.body) == ("/v2/chat", {"model": "m", "messages": [USER]})
    assert render(asked(stream=True)).body["stream"] is True


PARAMS = [
    ({"max_tokens": 9}, {"max_tokens": 9}),
    ({"max_completion_tokens": 9}, {"max_tokens": 9, "max_completion_tokens": None}),
    ({"temperature": 0, "top_p": 0.5, "top_k": 5}, {"temperature": 0, "p": 0.5, "k": 5, "top_p": None, "top_k": None}),
    ({"seed": 7, "logprobs": True}, {"seed": 7, "logprobs": True}),
    ({"frequency_penalty": 1, "presence_penalty": 0}, {"frequency_penalty": 1, "presence_penalty": 0}),
    ({"stop": "END"}, {"stop_sequences": ["END"], "stop": None}),
    ({"stop": ("a", "b")}, {"stop_sequences": ["a", "b"]}),
    ({"response_format": {"type": "text"}}, {"response_format": {"type": "text"}}),
    ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
    ({"response_format": JSON_SCHEMA}, {"response_format": {"type": "json_object", "json_schema": SCHEMA}}),
    ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
    ({"reasoning_effort": "medium"}, {"thinking": {"type": "enabled"}}),
    ({"thinking": {"type": "disabled"}}, {"thinking": {"type": "disabled"}}),
    ({"thinking": {"type": "enabled", "budget_tokens": 99}}, {"thinking": {"type": "enabled", "token_budget": 99}}),
    ({"thinking": {"type": "enabled", "token_budget": 99}}, {"thinking": {"type": "enabled", "token_budget": 99}}),
    ({"tools": [TOOL]}, {"tools": [TOOL], "tool_choice": None, "strict_tools": None}),
    ({"tools": [TOOL], "tool_choice": "auto"}, {"tool_choice": None}),
    ({"tools": [TOOL], "tool_choice": "none"}, {"tools": [TOOL], "tool_choice": "NONE"}),
    ({"tools": [TOOL], "tool_choice": "required"}, {"tools": [TOOL], "tool_choice": "REQUIRED"}),
    ({"tools": [TOOL, OTHER], "tool_choice": NAMED}, {"tools": [TOOL], "tool_choice": "REQUIRED"}),
    ({"tools": [OTHER]}, {"tools": [OTHER_SENT]}),
    ({"tools": [STRICT]}, {"tools": [TOOL], "strict_tools": True}),
    ({"n": 1, "parallel_tool_calls": True, "tools": [TOOL]}, {"n": None, "parallel_tool_calls": None}),
]


@pytest.mark.parametrize(("params", "expected"), PARAMS, ids=str)
def test_a_parameter_is_sent_under_coheres_name(params, expected):
    body, warnings = sent(**params)
    assert {name: body.get(name) for name in expected} == expected
    assert warnings == []


REPORTED = [
    ({"temperature": 1.5}, {"temperature": 1}, "temperature"),
    ({"top_p": 1}, {"p": 0.99}, "top_p"),
    ({"top_k": 1000}, {"k": 500}, "top_k"),
    ({"presence_penalty": -1}, {"presence_penalty": 0}, "presence_penalty"),
    ({"stop": list("abcdef")}, {"stop_sequences": list("abcde")}, "only the first 5 stop"),
    ({"user": "u"}, {"user": None}, "user"),
    ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": None}, "top_logprobs"),
    ({"reasoning_effort": "high"}, {"thinking": {"type": "enabled"}}, "reasoning_effort"),
    ({"reasoning_effort": "high", "rules": {"reasoning": "none"}}, {"thinking": None}, "reasoning_effort"),
    ({"tools": [STRICT, OTHER]}, {"strict_tools": True}, "strict"),
    ({"tools": [TOOL], "parallel_tool_calls": False}, {"parallel_tool_calls": None}, "parallel_tool_calls"),
    ({"tool_choice": "none"}, {"tool_choice": None}, "tool_choice"),
]


@pytest.mark.parametrize(("params", "expected", "what"), REPORTED, ids=str)
def test_a_setting_that_cohere_does_not_take_is_reported_and_refused_with_strict(params, expected, what):
    body, warnings = sent(**params)
    assert {name: body.get(name) for name in expected} == expected
    assert warnings[0].startswith(what)
    with pytest.raises(BadRequestError, match="strict=True"):
        sent(strict=True, **params)


def test_reasoning_may_be_switched_off_on_every_model():
    body, warnings = sent(reasoning_effort="none", rules={"reasoning": "none"})
    assert (body["thinking"], warnings) == ({"type": "disabled"}, [])


def test_an_effort_beside_a_budget_leaves_the_budget():
    body, warnings = sent(reasoning_effort="high", thinking={"type": "enabled", "budget_tokens": 99})
    assert (body["thinking"], warnings) == ({"type": "enabled", "token_budget": 99}, [])


@pytest.mark.parametrize(("mode", "wire"), [("auto", None), ("required", "REQUIRED")])
def test_allowed_tools_are_the_only_ones_that_are_sent(mode, wire):
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [NAMED]}}
    body, _ = sent(tools=[TOOL, OTHER], tool_choice=choice)
    assert (body["tools"], body.get("tool_choice")) == ([TOOL], wire)


AUDIO = {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}
CUSTOM = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "f", "input": "x"}}],
}
REFUSED = [
    ("Hi", {"n": 2}),
    ("Hi", {"modalities": ["audio"]}),
    ("Hi", {"audio": {"voice": "x"}}),
    ("Hi", {"web_search_options": {}}),
    ("Hi", {"tools": [{"type": "web_search"}]}),
    ("Hi", {"tools": [TOOL], "rules": {"tools": False}}),
    ("Hi", {"tools": [OTHER], "tool_choice": NAMED}),
    ("Hi", {"tools": [TOOL], "tool_choice": "required", "rules": {"forced_tools": "none"}}),
    ("Hi", {"response_format": JSON_SCHEMA, "rules": {"schema": False}}),
    ([USER, {"role": "assistant", "content": "{"}], {}),
    ([{"role": "user", "content": ""}, USER], {}),
    ([{"role": "user", "content": [{"type": "text", "text": ""}]}], {}),
    ([{"role": "user", "content": [IMAGE]}], {"facts": {"lacks": ["vision"]}}),
    ([{"role": "user", "content": [AUDIO]}], {}),
    ([{"role": "user", "content": [{"type": "file", "file": {"file_id": "x"}}]}], {}),
    ([USER, calling("a"), result("a", [IMAGE])], {}),
    ([USER, CUSTOM, result("a")], {}),
]


@pytest.mark.parametrize(("messages", "params"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_feature_that_cohere_does_not_have_is_refused_before_sending(messages, params):
    with pytest.raises(BadRequestError) as caught:
        sent(messages, **params)
    assert caught.value.status_code is None


def test_a_refused_file_names_the_way_for_documents():
    with pytest.raises(BadRequestError, match="extra_body"):
        sent([{"role": "user", "content": [{"type": "file", "file": {"file_id": "x"}}]}])


R, R7B, A = "command-r-plus-08-2024", "command-r7b-12-2024", "command-a-03-2025"


@pytest.mark.parametrize("model", [R, R7B, A])
def test_a_model_that_does_not_reason_may_be_held_to_a_schema(model):
    made = call(model, reasoning_effort="high", response_format=JSON_SCHEMA)
    body = render(made).body
    assert body["response_format"]["json_schema"] == SCHEMA
    assert "thinking" not in body
    assert made.warnings == [f"reasoning_effort was left out: {model} does not take it"]


def test_a_choice_of_tools_is_for_command_r7b_and_newer():
    for model in (R7B, A):
        assert render(call(model, tools=[TOOL], tool_choice="required")).body["tool_choice"] == "REQUIRED"
    for choice in ("required", NAMED):
        with pytest.raises(BadRequestError, match="cannot be forced"):
            render(call(R, tools=[TOOL], tool_choice=choice))
    made = call(R, tools=[TOOL], tool_choice="none")
    body = render(made).body
    assert (body.get("tools"), body.get("tool_choice")) == (None, None)
    assert made.warnings == [f"tools were left out with tool_choice none, which {R} does not take"]


@pytest.mark.parametrize("format", [{"type": "json_object"}, JSON_SCHEMA])
def test_a_format_beside_tools_is_refused_where_the_model_does_not_take_both(format):
    for model in (R, R7B):
        with pytest.raises(BadRequestError, match="response_format together with tools"):
            render(call(model, tools=[TOOL], response_format=format))
    assert render(call(R, tools=[TOOL], response_format={"type": "text"})).body["tools"] == [TOOL]
    assert render(call(A, tools=[TOOL], response_format=format)).body["response_format"]["type"] == "json_object"


def test_no_quirk_is_known():
    assert Quirks.__annotations__ == {}


# --- messages -------------------------------------------------------------------------------------------------------


def test_a_developer_is_the_system():
    assert turns({"role": "developer", "content": "Be terse."}, USER) == [
        {"role": "system", "content": "Be terse."},
        USER,
    ]


def test_parts_that_say_no_more_than_a_string_are_one():
    assert turns({"role": "user", "content": [{"type": "text", "text": "Hi"}, ""]}) == [USER]
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, IMAGE]
    assert turns({"role": "user", "content": parts}) == [{"role": "user", "content": parts}]
    bare = {"type": "image_url", "image_url": "https://a.example/i.png"}
    assert turns({"role": "user", "content": [bare]})[0]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://a.example/i.png"}}
    ]


def test_text_beside_calls_is_a_tool_plan():
    wire = {"type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}
    assert turns(USER, calling("a", text="I look it up."), result("a"))[1:] == [
        {"role": "assistant", "tool_calls": [{"id": "a", **wire}], "tool_plan": "I look it up."},
        {"role": "tool", "tool_call_id": "a", "content": "18C"},
    ]
    assert "tool_plan" not in turns(USER, calling("a"), result("a"))[1]
    parts = [{"type": "text", "text": "I look "}, {"type": "text", "text": "it up."}]
    assert turns(USER, calling("a", text=parts), result("a"))[1]["tool_plan"] == "I look it up."


def test_calls_without_arguments_have_an_empty_object():
    for arguments in ("", None, "{}"):
        wire = turns(USER, calling("a", arguments=arguments), result("a"))[1]["tool_calls"][0]
        assert wire["function"]["arguments"] == "{}"


def test_documents_of_a_tool_go_as_they_are():
    document = {"type": "document", "document": {"id": "1", "data": {"temp": "18C"}}}
    assert turns(USER, calling("a"), result("a", [document]))[2]["content"] == [document]


def test_what_is_empty_is_left_out_and_reported():
    history = [{"role": "system", "content": ""}, USER, {"role": "assistant", "content": None}, USER]
    body, warnings = sent(history)
    assert body["messages"] == [USER, USER]
    assert warnings == ["messages[0] is empty and was left out", "messages[2] is empty and was left out"]


def test_a_refusal_of_an_earlier_answer_is_its_text():
    refused = {"role": "assistant", "content": None, "refusal": "No."}
    parts = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    for message in (refused, parts):
        assert turns(USER, message, USER)[1] == {"role": "assistant", "content": "No."}


def test_a_field_that_messages_do_not_have_is_reported():
    assert sent([{**USER, "name": "bob"}])[1] == ["name of messages[0] was left out: this API has no such field"]


# --- the way back ---------------------------------------------------------------------------------------------------

ITEMS = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Rome."}]
CITATIONS = [{"start": 0, "end": 4, "text": "Rome", "sources": [{"type": "tool", "id": "a:0"}]}]


def kept(adapter="cohere_chat", **fields):
    return {"provider_fields": {"adapter": adapter, "message": fields}}


def test_an_answer_goes_back_with_its_thoughts_and_citations():
    given = {"role": "assistant", "content": "Rome.", "reasoning_content": "Hm."}
    own = {**given, **kept(content=ITEMS, citations=CITATIONS)}
    assert turns(USER, own, USER)[1] == {"role": "assistant", "content": ITEMS, "citations": CITATIONS}
    assert turns(USER, {**own, "content": "Paris."}, USER)[1] == {"role": "assistant", "content": "Paris."}
    foreign = {**given, **kept("anthropic_messages", content=ITEMS)}
    assert turns(USER, foreign, USER)[1] == {"role": "assistant", "content": "Rome."}


def test_an_answer_goes_back_with_its_tool_plan():
    own = calling("a", **kept(tool_plan="I look it up.", content=ITEMS[:1]))
    wire = turns(USER, own, result("a"))[1]
    assert (wire["tool_plan"], wire["content"], len(wire["tool_calls"])) == ("I look it up.", ITEMS[:1], 1)
    spoken = calling("a", text="Rome.", **kept(tool_plan="I look it up."))
    wire = turns(USER, spoken, result("a"))[1]
    assert (wire["tool_plan"], wire["content"]) == ("I look it up.", "Rome.")


def test_an_empty_item_does_not_go_back():
    own = {"role": "assistant", "content": "Rome.", **kept(content=[{"type": "thinking", "thinking": ""}, ITEMS[1]])}
    assert turns(USER, own, USER)[1]["content"] == ITEMS[1:]


def test_nothing_of_the_callers_is_changed():
    own = {"role": "assistant", "content": "Rome.", **kept(content=ITEMS, citations=CITATIONS)}
    history = [USER, own, {"role": "user", "content": [IMAGE]}, calling("a", text="x"), result("a")]
    given = {"messages": history, "tools": [STRICT, OTHER], "tool_choice": NAMED, "response_format": JSON_SCHEMA}
    before, ice = json.dumps(given), frozen(given)
    json.dumps(sent(**ice, thinking=frozen({"type": "enabled"}))[0])
    assert json.dumps(ice) == before
