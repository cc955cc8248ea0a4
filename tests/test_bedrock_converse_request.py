"""Requests of Converse: what messages, tools and settings become, held against the service model of botocore."""

from __future__ import annotations

import json
from dataclasses import replace

import botocore.session
import httpx
import pytest
import yarl
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from support import call, frozen, parse, render

from unified_llm.errors import BadRequestError

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-2-lite-v1:0"
PNG = "iVBORw0KGgoAAAANSUhEUg=="
SHAPE = botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape
BUDGET = {"thinking": ["enabled", "disabled"], "sampling": "temperature_or_top_p", "forced_tools": "without_thinking"}
ADAPTIVE = {"thinking": ["adaptive"], "efforts": ["low", "medium", "high"], "sampling": "none"}


def made(messages="Hi", model=CLAUDE, *, rules=None, facts=None, **params):
    """A call of a model on Bedrock, with these rules in place of the catalog's."""
    out = call(f"bedrock/{model}", messages, adapter="bedrock_converse", **params)
    changes = {"rules": rules or {}} | ({} if facts is None else {"facts": facts})
    out.route = replace(out.route, **changes)
    return out


def body_of(messages="Hi", **options):
    """The body of a request, which the service model takes."""
    body = render(made(messages, **options)).body
    report = ParamValidator().validate({**body, "modelId": "m"}, SHAPE)
    assert not report.has_errors(), report.generate_report()
    return body


def warned(messages="Hi", **options):
    out = made(messages, **options)
    return render(out).body, out.warnings


def refused(messages="Hi", **options):
    with pytest.raises(BadRequestError) as caught:
        render(made(messages, **options))
    assert caught.value.status_code is None
    return str(caught.value)


def user(*parts):
    return [{"role": "user", "content": list(parts)}]


def text(words, **more):
    return {"type": "text", "text": words, **more}


ASKED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}],
}
TOLD = {"role": "tool", "tool_call_id": "t1", "content": "18C"}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}

# --- paths ----------------------------------------------------------------------------------------------------------

PATHS = {
    "anthropic.claude-v2:1": "anthropic.claude-v2:1",
    "arn:aws:bedrock:us-east-1:1:inference-profile/us.x": "arn:aws:bedrock:us-east-1:1:inference-profile%2Fus.x",
    "a b%é": "a%20b%25%C3%A9",
}


@pytest.mark.parametrize(("model", "path"), PATHS.items(), ids=PATHS)
def test_a_model_stands_in_the_path_percent_encoded(model, path):
    assert render(made(model=model)).path == f"/model/{path}/converse"


@given(
    st.text("".join(map(chr, range(32, 127))) + "é🙂", min_size=1, max_size=12).filter(lambda name: name.strip(". "))
)
def test_no_client_changes_a_path_behind_its_signature(model):
    out = made()
    out.route = replace(out.route, model=model)
    path = render(out).path
    assert httpx.URL(f"http://a.example{path}").raw_path.decode() == path
    assert yarl.URL(f"http://a.example{path}").raw_path == path


def test_a_stream_has_a_path_of_its_own_and_the_same_body():
    whole, streamed = render(made()), render(made(stream=True))
    assert streamed.path == whole.path + "-stream"
    assert streamed.body == whole.body
    assert streamed.headers["accept"] == "application/vnd.amazon.eventstream"


# --- messages -------------------------------------------------------------------------------------------------------

MESSAGES = {
    "a string": ("Hi", [("user", [{"text": "Hi"}])]),
    "neighbours of one role": ([("user", "a"), ("user", "b")], [("user", [{"text": "a"}, {"text": "b"}])]),
    "a prefill without its white space": (
        [("user", "a"), ("assistant", "{ ")],
        [("user", [{"text": "a"}]), ("assistant", [{"text": "{"}])],
    ),
    "blank parts": (user(text(" "), text("a")), [("user", [{"text": "a"}])]),
    "an image": (
        user({"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{PNG}"}}),
        [("user", [{"image": {"format": "png", "source": {"bytes": PNG}}}])],
    ),
    "an image on S3": (
        user({"type": "image_url", "image_url": "s3://b/a.JPG"}),
        [("user", [{"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/a.JPG"}}}}])],
    ),
    "a document": (
        user(
            text("Read"),
            {"type": "file", "file": {"filename": "a_b.v2.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
        ),
        [("user", [{"text": "Read"}, {"document": {"format": "pdf", "name": "a-b-v2", "source": {"bytes": "JVBE"}}}])],
    ),
    "a cached prefix": (
        user(text("a", cache_control={"type": "ephemeral", "ttl": "1h"}), text("b")),
        [("user", [{"text": "a"}, {"cachePoint": {"type": "default", "ttl": "1h"}}, {"text": "b"}])],
    ),
    "a block of Converse's own": (
        user({"type": "guardContent", "guardContent": {"text": {"text": "g"}}}),
        [("user", [{"guardContent": {"text": {"text": "g"}}}])],
    ),
    "a tool's result before other content": (
        ["Hi", ASKED, TOLD, ("user", "And?")],
        [
            ("user", [{"text": "Hi"}]),
            ("assistant", [{"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}}]),
            ("user", [{"toolResult": {"toolUseId": "t1", "content": [{"text": "18C"}]}}, {"text": "And?"}]),
        ],
    ),
    "a result that is an error, and empty": (
        ["Hi", ASKED, {**TOLD, "content": "", "is_error": True}],
        [
            ("user", [{"text": "Hi"}]),
            ("assistant", [{"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}}]),
            ("user", [{"toolResult": {"toolUseId": "t1", "content": [], "status": "error"}}]),
        ],
    ),
}


def listed(messages):
    return messages if isinstance(messages, str) else [("user", m) if isinstance(m, str) else m for m in messages]


@pytest.mark.parametrize(("messages", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_messages_become_turns_of_blocks(messages, expected):
    got = body_of(listed(messages), facts={})["messages"]
    assert [(turn["role"], turn["content"]) for turn in got] == expected


def test_leading_system_messages_are_the_system_and_their_cache_points_with_them():
    messages = [{"role": "system", "content": [text("a", cache_control={"type": "ephemeral"})]}, ("developer", "b")]
    body = body_of([*messages, ("user", "Hi")])
    assert body["system"] == [{"text": "a"}, {"cachePoint": {"type": "default"}}, {"text": "b"}]


LATE = [("user", "a"), ("system", "b")]


def test_a_late_system_message_stays_where_the_model_takes_it_and_else_is_the_users():
    kept = body_of(LATE, rules={"mid_system": True})["messages"]
    assert [turn["role"] for turn in kept] == ["user", "system"]
    body, warnings = warned(LATE)
    assert body["messages"] == [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]
    assert "messages[1]" in warnings[0]


@given(st.lists(st.text("ab:/é|", min_size=1, max_size=80), min_size=1, max_size=4, unique=True))
def test_ids_of_calls_are_fitted_to_the_pattern_and_stay_apart(ids):
    calls = [{**ASKED["tool_calls"][0], "id": id} for id in ids]
    results = [{**TOLD, "tool_call_id": id} for id in ids]
    _, asked, told = body_of([("user", "Hi"), {**ASKED, "tool_calls": calls}, *results], tools=[WEATHER])["messages"]
    fitted = [block["toolUse"]["toolUseId"] for block in asked["content"]]
    assert len(set(fitted)) == len(ids)
    assert all(0 < len(id) <= 64 and set(id) <= set("ab:_0123456789") for id in fitted)
    assert [block["toolResult"]["toolUseId"] for block in told["content"]] == fitted


REFUSED = {
    "a file without text": (user({"type": "file", "file": {"file_data": "data:text/csv;base64,YQ=="}}), "text beside"),
    "a file uploaded elsewhere": (user(text("a"), {"type": "file", "file": {"file_id": "f"}}), "upload 'f'"),
    "a file of a strange type": (
        user(text("a"), {"type": "file", "file": {"file_data": "data:application/zip;base64,UEsDBA=="}}),
        "pdf, csv",
    ),
    "a part of another provider": (user({"type": "image", "source": {}}), "'image'"),
    "an empty user message": ([("user", " ")], "messages[0] is empty"),
    "an answer first": ([("assistant", "a"), ("user", "b")], "messages[0] is the assistant's"),
    "a call without its result": ([("user", "a"), ASKED], "weather (t1)"),
    "only a system prompt": ([("system", "a")], "user message"),
}


@pytest.mark.parametrize(("messages", "why"), REFUSED.values(), ids=REFUSED)
def test_messages_that_converse_cannot_take_are_refused(messages, why):
    assert why in refused(messages)


def test_what_the_model_lacks_is_refused():
    image = user({"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"})
    assert "image" in refused(image, facts={"lacks": ["vision"]})
    assert "prefill" in refused([("user", "a"), ("assistant", "b")], rules={"prefill": False})


def test_the_callers_messages_and_tools_are_not_changed():
    messages = frozen([{"role": "user", "content": [text("a", cache_control={})]}, ASKED, TOLD])
    body_of(messages, tools=frozen([WEATHER]), metadata=frozen({"a": "b"}))


# --- tools ----------------------------------------------------------------------------------------------------------

SPEC = {"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object", "properties": {}}}}}
CHOICES = {
    "auto": ("auto", {"auto": {}}),
    "required": ("required", {"any": {}}),
    "a function": ({"type": "function", "function": {"name": "weather"}}, {"tool": {"name": "weather"}}),
    "allowed": ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [WEATHER]}}, {"any": {}}),
}


@pytest.mark.parametrize(("choice", "expected"), CHOICES.values(), ids=CHOICES)
def test_the_choice_between_tools(choice, expected):
    assert body_of(tools=[WEATHER], tool_choice=choice)["toolConfig"] == {"tools": [SPEC], "toolChoice": expected}


def test_a_tool_keeps_what_it_says_and_an_empty_description_is_left_out():
    function = {"name": "f", "description": "d", "strict": True, "parameters": {"properties": {"a": {}}}}
    tools = [{"type": "function", "function": function, "cache_control": {"type": "ephemeral"}}]
    (spec, point) = body_of(tools=tools)["toolConfig"]["tools"]
    assert spec["toolSpec"] == {
        "name": "f",
        "description": "d",
        "inputSchema": {"json": {"type": "object", "properties": {"a": {}}}},
        "strict": True,
    }
    assert point == {"cachePoint": {"type": "default"}}
    assert body_of(tools=[{**WEATHER, "function": {"name": "weather", "description": ""}}])["toolConfig"] == {
        "tools": [SPEC]
    }


def test_tools_of_converses_own_form_pass_as_they_are():
    own = {"systemTool": {"name": "nova_grounding"}}
    assert body_of(model=NOVA, tools=[own])["toolConfig"]["tools"] == [own]
    assert "web_search_20250305" in refused(tools=[{"type": "web_search_20250305", "name": "web_search"}])


def test_no_tool_is_offered_where_none_may_be_called():
    body, warnings = warned(tools=[WEATHER], tool_choice="none")
    assert "toolConfig" not in body
    assert "tool_choice" in warnings[0]


HISTORY = [("user", "Hi"), ASKED, TOLD]


def test_a_history_of_calls_brings_its_tools_since_converse_wants_them():
    body, warnings = warned(HISTORY)
    assert body["toolConfig"]["tools"] == [
        {"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object"}}}}
    ]
    assert "history" in warnings[0]
    body, warnings = warned(HISTORY, tools=[WEATHER], tool_choice="none")
    assert body["toolConfig"] == {"tools": [SPEC]}
    assert "tool_choice none" in warnings[0]


def test_a_tool_cannot_be_forced_where_the_model_refuses_it():
    assert "forced" in refused(tools=[WEATHER], tool_choice="required", rules={"forced_tools": "none"})


# --- settings -------------------------------------------------------------------------------------------------------

SETTINGS = {
    "limits and sampling": (
        {"max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "stop": "x"},
        {"inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["x"]}},
    ),
    "top_k of Claude": ({"top_k": 5}, {"additionalModelRequestFields": {"top_k": 5}}),
    "thinking of Claude": (
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}},
    ),
    "effort as a budget": (
        {"reasoning_effort": "low", "rules": BUDGET},
        {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2048}}},
    ),
    "effort of adaptive thinking": (
        {"reasoning_effort": "max", "rules": ADAPTIVE},
        {"additionalModelRequestFields": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}},
    ),
    "top_k of Nova": ({"model": NOVA, "top_k": 5}, {"additionalModelRequestFields": {"inferenceConfig": {"topK": 5}}}),
    "effort of Nova": (
        {"model": NOVA, "reasoning_effort": "minimal"},
        {"additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}},
    ),
    "no effort of Nova": (
        {"model": NOVA, "reasoning_effort": "none"},
        {"additionalModelRequestFields": {"reasoningConfig": {"type": "disabled"}}},
    ),
    "effort of GPT-OSS": (
        {"model": "openai.gpt-oss-120b-1:0", "reasoning_effort": "low"},
        {"additionalModelRequestFields": {"reasoning_effort": "low"}},
    ),
    "effort of GPT": (
        {"model": "openai.gpt-9", "reasoning_effort": "xhigh"},
        {"additionalModelRequestFields": {"reasoning": {"effort": "xhigh"}}},
    ),
    "a user and metadata": (
        {"user": "u-1", "metadata": {"team": "a b"}},
        {"requestMetadata": {"user": "u-1", "team": "a b"}},
    ),
    "a tier": ({"service_tier": "flex"}, {"serviceTier": {"type": "flex"}}),
    "the tier that the service chooses": ({"service_tier": "auto"}, {}),
}


@pytest.mark.parametrize(("options", "expected"), SETTINGS.values(), ids=SETTINGS)
def test_settings_find_their_place(options, expected):
    options = {"facts": {}, **options}
    got = {key: value for key, value in body_of(**options).items() if key != "messages"}
    if "max_tokens" not in options and "claude" in options.get("model", CLAUDE):
        assert got.pop("inferenceConfig") == {"maxTokens": 4096}
    assert got == expected


def test_the_limit_of_the_catalog_is_always_sent_and_where_none_is_known_the_service_has_its_own():
    assert body_of(facts={"max_output": 64000})["inferenceConfig"] == {"maxTokens": 64000}
    assert "inferenceConfig" not in body_of(model=NOVA, facts={})


def test_high_effort_of_nova_takes_no_sampling_and_no_limit():
    body, warnings = warned(model=NOVA, reasoning_effort="high", temperature=0.5, facts={"max_output": 5})
    assert "inferenceConfig" not in body
    assert len(warnings) == 1
    assert "temperature" in warnings[0]


ADJUSTED = {
    "temperature": ({"temperature": 1.5}, {"inferenceConfig": {"maxTokens": 9, "temperature": 1}}),
    "seed": ({"seed": 1}, {}),
    "logprobs": ({"logprobs": True}, {}),
    "parallel_tool_calls": ({"parallel_tool_calls": False, "tools": [WEATHER]}, {"toolConfig": {"tools": [SPEC]}}),
    "service_tier": ({"service_tier": "scale"}, {}),
    "metadata 'user'": ({"user": "a|b"}, {}),
    "top_k": ({"top_k": 1, "model": "meta.llama3-8b-instruct-v1:0"}, {}),
    "thinking": ({"thinking": {"type": "adaptive"}, "model": NOVA}, {}),
    "reasoning_effort": ({"reasoning_effort": "low", "model": "deepseek.r1-v1:0"}, {}),
}


@pytest.mark.parametrize(("name", "case"), ADJUSTED.items(), ids=ADJUSTED)
def test_what_converse_does_not_take_is_reported_or_refused_when_strict(name, case):
    options, expected = case
    body, warnings = warned(max_tokens=9, **options)
    assert {"inferenceConfig": {"maxTokens": 9}, **expected, "messages": body["messages"]} == body
    assert [warning for warning in warnings if warning.startswith(name)]
    assert name in refused(strict=True, max_tokens=9, **options)


FEATURES = {
    "n": {"n": 2},
    "audio": {"modalities": ["audio"]},
    "nova_grounding": {"web_search_options": {}},
    "json_object": {"response_format": {"type": "json_object"}},
}


@pytest.mark.parametrize(("word", "options"), FEATURES.items(), ids=FEATURES)
def test_features_that_converse_has_not_are_refused(word, options):
    assert word in refused(**options)


SCHEMA = {"type": "json_schema", "json_schema": {"name": "city", "schema": {"type": "object", "properties": {}}}}


def test_a_schema_is_sent_as_text():
    given_format = body_of(response_format=SCHEMA)["outputConfig"]["textFormat"]
    schema = given_format["structure"]["jsonSchema"]
    assert (given_format["type"], schema["name"]) == ("json_schema", "city")
    assert json.loads(schema["schema"]) == {"type": "object", "properties": {}, "additionalProperties": False}
    assert "schema" in refused(response_format=SCHEMA, rules={"schema": False})
    assert "schema" in refused(response_format=SCHEMA, facts={"lacks": ["schema"]})


# --- echo -----------------------------------------------------------------------------------------------------------

THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "Eq=="}}}
USE = {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [THOUGHT, {"text": "a"}, USE]}},
    "stopReason": "tool_use",
}


def echoed(**changes):
    message = parse(made(), ANSWER)["choices"][0]["message"]
    return [("user", "Hi"), json.loads(json.dumps(message)) | changes, TOLD]


def test_an_answer_goes_back_block_for_block():
    assert body_of(echoed(), tools=[WEATHER])["messages"][1]["content"] == [THOUGHT, {"text": "a"}, USE]


def test_an_answer_that_was_changed_goes_back_without_its_signed_thoughts():
    assert body_of(echoed(content="b"), tools=[WEATHER])["messages"][1]["content"] == [{"text": "b"}, USE]


def test_thinking_goes_on_after_a_call_that_was_made_with_thought_and_only_then():
    options = {"tools": [WEATHER], "rules": BUDGET, "reasoning_effort": "low", "max_tokens": 9000}
    assert "thinking" in body_of(echoed(), **options)["additionalModelRequestFields"]
    assert "additionalModelRequestFields" not in body_of(HISTORY, **options)


def test_server_tools_go_back_and_what_requests_refuse_does_not():
    server = {"toolUse": {"toolUseId": "s", "name": "code", "input": {}, "type": "server_tool_use"}}
    found = {"toolResult": {"toolUseId": "s", "content": [{"json": {"a": 1}}], "status": "success", "type": "r"}}
    typed = {"toolUse": {**USE["toolUse"], "type": "tool_use"}}
    blocks = [server, found, {"text": " "}, {"reasoningContent": {}}, typed]
    answer = {"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": "tool_use"}
    message = parse(made(), answer)["choices"][0]["message"]
    assert [tool["id"] for tool in message["tool_calls"]] == ["t1"]
    got = body_of([("user", "Hi"), message, TOLD], tools=[WEATHER])["messages"][1]["content"]
    assert got == [server, found, USE]
