"""Parameters as Anthropic Messages takes them, model by model; what a model does not take is told, never dropped."""

from __future__ import annotations

import pytest
from support import body_of, call, render

from unified_llm.errors import BadRequestError

MODEL = "claude-sonnet-4-5"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Weather", "parameters": SCHEMA}}
NAMED = {"type": "function", "function": {"name": "weather"}}


def rendered(model=MODEL, **params):
    """The body, and what was reported."""
    made = call(model, **params)
    return render(made).body, made.warnings


def formatted(schema, model=MODEL, **params):
    body, warnings = rendered(
        model, response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}, **params
    )
    return body["output_config"]["format"], warnings


# --- limits and stops -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("limit", [0, 1, 99])
def test_both_names_of_the_limit_are_max_tokens(name, limit):
    assert rendered(**{name: limit})[0]["max_tokens"] == limit


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("claude-3-5-haiku-20241022", 8192),
        ("claude-opus-4-1", 32000),
        ("claude-sonnet-4-5", 64000),
        ("claude-opus-4-6", 128000),
        ("claude-sonnet-4-5-20991231", 64000),
    ],
)
def test_the_limit_is_the_models_own_when_none_is_given(model, most):
    body, warnings = rendered(model)
    assert (body["max_tokens"], warnings) == (most, [])


def test_an_unknown_models_limit_is_reported_when_none_is_given():
    body, warnings = rendered("anthropic/acme-large")
    assert body["max_tokens"] == 4096
    assert "max_tokens" in warnings[0]


@pytest.mark.parametrize(
    ("stop", "sequences"), [("END", ["END"]), (["a", "b"], ["a", "b"]), (["a", ""], ["a"])], ids=repr
)
def test_stop_becomes_stop_sequences(stop, sequences):
    assert rendered(stop=stop)[0]["stop_sequences"] == sequences


@pytest.mark.parametrize("stop", ["\n", " ", ["END", "\n\n"]], ids=repr)
def test_a_stop_of_white_space_is_refused(stop):
    with pytest.raises(BadRequestError, match="stop"):
        rendered(stop=stop)


@pytest.mark.parametrize("stop", ["", [], [""]], ids=repr)
def test_an_empty_stop_is_not_sent(stop):
    assert "stop_sequences" not in rendered(stop=stop)[0]


# --- sampling -------------------------------------------------------------------------------------------------------


def test_a_model_of_free_sampling_takes_all_of_it():
    body, warnings = rendered("claude-3-5-sonnet-20240620", temperature=0.5, top_p=0.9, top_k=5)
    assert ({"temperature": 0.5, "top_p": 0.9, "top_k": 5}.items() <= body.items(), warnings) == (True, [])


@pytest.mark.parametrize("model", ["claude-opus-4-1", MODEL, "claude-opus-4-6"])
def test_a_model_that_takes_one_of_the_two_gets_the_temperature(model):
    body, warnings = rendered(model, temperature=0.5, top_p=0.9)
    assert body["temperature"] == 0.5
    assert "top_p" not in body
    assert "top_p" in warnings[0]
    assert rendered(model, top_p=0.9)[0]["top_p"] == 0.9


@pytest.mark.parametrize("model", ["claude-opus-4-7", "claude-opus-5", "claude-sonnet-5-5", "claude-haiku-5-5"])
@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_a_model_that_refuses_sampling_gets_none_of_it(model, name):
    body, warnings = rendered(model, **{name: 0})
    assert name not in body
    assert name in warnings[0]


def test_a_temperature_above_1_is_lowered_and_reported():
    body, warnings = rendered(temperature=1.5)
    assert body["temperature"] == 1
    assert "1.5" in warnings[0]


# --- reasoning ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "level"),
    [
        (MODEL, "minimal", {"type": "enabled", "budget_tokens": 1024}, None),
        (MODEL, "low", {"type": "enabled", "budget_tokens": 2048}, None),
        (MODEL, "medium", {"type": "enabled", "budget_tokens": 8192}, None),
        (MODEL, "high", {"type": "enabled", "budget_tokens": 16384}, None),
        (MODEL, "xhigh", {"type": "enabled", "budget_tokens": 32768}, None),
        (MODEL, "none", {"type": "disabled"}, None),
        ("claude-opus-4-6", "minimal", {"type": "adaptive"}, "low"),
        ("claude-opus-4-6", "high", {"type": "adaptive"}, "high"),
        ("claude-opus-4-6", "xhigh", {"type": "adaptive"}, "max"),
        ("claude-opus-4-6", "none", {"type": "disabled"}, None),
        ("claude-opus-4-8", "xhigh", {"type": "adaptive"}, "xhigh"),
        ("claude-sonnet-5-5", "max", {"type": "adaptive"}, "max"),
        ("claude-sonnet-5-5", "none", {"type": "between_tools"}, None),
        ("claude-opus-5", "none", {"type": "disabled"}, None),
        ("claude-fable-5", "medium", {"type": "adaptive"}, "medium"),
    ],
)
def test_reasoning_effort_becomes_what_the_model_knows(model, effort, thinking, level):
    body, _ = rendered(model, reasoning_effort=effort)
    assert body["thinking"] == thinking
    assert body.get("output_config", {}).get("effort") == level
    if "budget_tokens" in thinking:
        assert thinking["budget_tokens"] < body["max_tokens"]


def test_the_greatest_budget_is_below_the_limit():
    body, _ = rendered(reasoning_effort="max")
    assert 32768 < body["thinking"]["budget_tokens"] < body["max_tokens"]


@pytest.mark.parametrize("model", [MODEL, "claude-opus-4-6", "claude-sonnet-5-5"])
def test_without_an_effort_nothing_is_said_about_thinking(model):
    assert rendered(model)[0].keys() == {"model", "max_tokens", "messages"}


@pytest.mark.parametrize(
    ("model", "effort"),
    [("claude-3-5-sonnet-20240620", "high"), ("claude-opus-5-5", "none"), ("claude-fable-5", "none")],
)
def test_an_effort_that_the_model_cannot_follow_is_reported(model, effort):
    body, warnings = rendered(model, reasoning_effort=effort)
    assert "reasoning_effort" in warnings[0]
    assert body.get("thinking", {}).get("type") not in ("enabled", "disabled")


def test_no_reasoning_is_no_news_for_a_model_without_any():
    body, warnings = rendered("claude-3-5-sonnet-20240620", reasoning_effort="none")
    assert ("thinking" in body, warnings) == (False, [])


@pytest.mark.parametrize("thinking", [{"type": "enabled", "budget_tokens": 2000}, {"type": "disabled"}], ids=str)
def test_thinking_in_anthropics_own_words_is_sent_as_it_is(thinking):
    assert rendered(thinking=thinking)[0]["thinking"] == thinking


def test_an_effort_never_gives_a_budget_that_reaches_the_limit():
    body, warnings = rendered(reasoning_effort="high", max_tokens=4096)
    assert 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"] == 4096
    assert "budget" in warnings[0]


def test_an_effort_is_left_out_where_the_limit_leaves_no_room():
    body, warnings = rendered(reasoning_effort="high", max_tokens=1024)
    assert "thinking" not in body
    assert "reasoning_effort" in warnings[0]


def test_a_budget_of_the_callers_that_reaches_the_limit_is_refused():
    with pytest.raises(BadRequestError, match="max_tokens"):
        rendered(thinking={"type": "enabled", "budget_tokens": 4096}, max_tokens=4096)


def test_budget_thinking_takes_no_free_sampling():
    body, warnings = rendered(reasoning_effort="low", temperature=0.2, top_k=3)
    assert body.keys().isdisjoint({"temperature", "top_k"})
    assert {warning.split()[0] for warning in warnings} == {"temperature", "top_k"}


@pytest.mark.parametrize("top_p", [0.5, 0.94])
def test_budget_thinking_takes_no_low_top_p(top_p):
    body, warnings = rendered(reasoning_effort="low", top_p=top_p)
    assert "top_p" not in body
    assert "top_p" in warnings[0]


@pytest.mark.parametrize(("name", "value"), [("temperature", 1), ("top_p", 0.95), ("top_p", 1)])
def test_budget_thinking_takes_the_sampling_that_it_allows(name, value):
    body, warnings = rendered(reasoning_effort="low", **{name: value})
    assert (body[name], warnings) == (value, [])


# --- tools ----------------------------------------------------------------------------------------------------------


def test_a_function_becomes_a_tool_with_an_input_schema():
    assert rendered(tools=[TOOL])[0]["tools"] == [{"name": "weather", "description": "Weather", "input_schema": SCHEMA}]


@pytest.mark.parametrize("function", [{}, {"parameters": None}, {"parameters": {}}], ids=str)
def test_a_function_without_parameters_has_an_object_schema(function):
    (tool,) = rendered(tools=[{"type": "function", "function": {"name": "f", **function}}])[0]["tools"]
    assert tool["input_schema"]["type"] == "object"


def test_strict_and_cache_control_of_a_tool_are_kept():
    mark = {"type": "ephemeral"}
    given = {"type": "function", "function": {**TOOL["function"], "strict": True}, "cache_control": mark}
    (tool,) = rendered(tools=[given])[0]["tools"]
    assert (tool["strict"], tool["cache_control"]) == (True, mark)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        {"name": "f", "input_schema": SCHEMA},
        {"name": "f", "input_schema": SCHEMA, "strict": True, "input_examples": [{}], "eager_input_streaming": True},
    ],
    ids=["server tool", "client tool", "client tool with all fields"],
)
def test_a_tool_in_anthropics_own_form_is_passed_on(tool):
    assert rendered(tools=[tool])[0]["tools"] == [tool]


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": NAMED}, {"type": "tool", "name": "weather"}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": True}, None),
        ({"tool_choice": "required", "parallel_tool_calls": False}, {"type": "any", "disable_parallel_tool_use": True}),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
        ({}, None),
    ],
    ids=str,
)
def test_tool_choice_and_the_parallel_switch_become_one_object(given, choice):
    body, _ = rendered(tools=[TOOL], **given)
    assert body.get("tool_choice") == choice
    assert len(body["tools"]) == 1


def test_allowed_tools_filter_the_tools():
    other = {"type": "function", "function": {"name": "other"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED]}}
    body, _ = rendered(tools=[TOOL, other], tool_choice=choice)
    assert [tool["name"] for tool in body["tools"]] == ["weather"]
    assert body["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize("name", ["tool_choice", "parallel_tool_calls"])
def test_choices_between_no_tools_are_left_out_and_reported(name):
    body, warnings = rendered(**{name: {"tool_choice": "required", "parallel_tool_calls": False}[name]})
    assert "tool_choice" not in body
    assert name in warnings[0]


@pytest.mark.parametrize(
    "given", [{"tool_choice": "none"}, {"tool_choice": "auto"}, {"parallel_tool_calls": False}], ids=str
)
def test_without_tools_nothing_is_said_about_choosing_them(given):
    assert "tool_choice" not in rendered(**given)[0]


@pytest.mark.parametrize("choice", ["required", NAMED], ids=["any", "one"])
@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5"])
def test_a_model_that_cannot_be_forced_to_call_is_not_asked(model, choice):
    with pytest.raises(BadRequestError, match="forced"):
        rendered(model, tools=[TOOL], tool_choice=choice)


@pytest.mark.parametrize("choice", ["required", NAMED], ids=["any", "one"])
def test_a_forced_call_and_the_callers_thinking_are_refused_together(choice):
    with pytest.raises(BadRequestError, match="forced"):
        rendered(tools=[TOOL], tool_choice=choice, thinking={"type": "enabled", "budget_tokens": 2000})


def test_a_forced_call_wins_over_an_effort():
    body, warnings = rendered(tools=[TOOL], tool_choice="required", reasoning_effort="high")
    assert "thinking" not in body
    assert body["tool_choice"] == {"type": "any"}
    assert "reasoning_effort" in warnings[0]


def test_a_grammar_tool_is_refused():
    with pytest.raises(BadRequestError, match="OpenAI"):
        rendered(tools=[{"type": "custom", "custom": {"name": "f", "format": {"type": "text"}}}])


# --- structured output ----------------------------------------------------------------------------------------------


def test_every_object_of_a_schema_is_closed():
    inner = {"type": "object", "properties": {"b": {"type": "integer"}}}
    schema = {
        "type": "object",
        "properties": {"a": inner, "l": {"type": "array", "items": inner}, "u": {"anyOf": [inner, {"type": "null"}]}},
        "$defs": {"D": inner},
    }
    format, warnings = formatted(schema)
    closed = {**inner, "additionalProperties": False}
    assert format["type"] == "json_schema"
    assert format["schema"]["properties"] == {
        "a": closed,
        "l": {"type": "array", "items": closed},
        "u": {"anyOf": [closed, {"type": "null"}]},
    }
    assert format["schema"]["$defs"] == {"D": closed}
    assert format["schema"]["additionalProperties"] is False
    assert warnings == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"type": "integer", "minimum": 1}, {"type": "integer", "description": "{minimum: 1}"}),
        (
            {"type": "string", "description": "A word.", "maxLength": 3, "pattern": "^a"},
            {"type": "string", "description": 'A word.\n\n{maxLength: 3, pattern: "^a"}'},
        ),
        ({"type": "string", "format": "color"}, {"type": "string", "description": '{format: "color"}'}),
        ({"type": "array", "minItems": 2, "items": {}}, {"type": "array", "items": {}, "description": "{minItems: 2}"}),
        ({"type": "array", "minItems": 1, "items": {}}, {"type": "array", "minItems": 1, "items": {}}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"oneOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}]}),
    ],
    ids=str,
)
def test_a_keyword_that_is_refused_is_told_in_words_and_reported(given, sent):
    format, warnings = formatted({"type": "object", "properties": {"a": given}})
    assert format["schema"]["properties"]["a"] == sent
    assert bool(warnings) == ("description" in sent)


def test_a_property_named_like_a_keyword_is_kept():
    format, warnings = formatted(
        {"type": "object", "properties": {"minimum": {"type": "string"}, "not": {"type": "string"}}}
    )
    assert set(format["schema"]["properties"]) == {"minimum", "not"}
    assert warnings == []


def test_a_schema_and_an_effort_share_output_config():
    body, _ = rendered(
        "claude-opus-4-6",
        reasoning_effort="low",
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
    )
    assert body["output_config"].keys() == {"effort", "format"}


@pytest.mark.parametrize(
    ("model", "format"),
    [
        ("claude-3-5-sonnet-20240620", {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}),
        (MODEL, {"type": "json_object"}),
    ],
    ids=["old model", "json_object"],
)
def test_a_format_that_the_model_cannot_be_held_to_is_refused(model, format):
    with pytest.raises(BadRequestError):
        rendered(model, response_format=format)


def test_the_format_text_is_the_default():
    assert "output_config" not in rendered(response_format={"type": "text"})[0]


# --- the rest -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["user", "safety_identifier"])
def test_the_user_becomes_metadata(name):
    assert rendered(**{name: "a@b.example"})[0]["metadata"] == {"user_id": "a@b.example"}


@pytest.mark.parametrize(
    ("tier", "sent"),
    [("auto", "auto"), ("standard_only", "standard_only"), ("default", "standard_only"), ("flex", None)],
)
def test_a_service_tier_is_sent_in_anthropics_words_or_reported(tier, sent):
    body, warnings = rendered(service_tier=tier)
    assert body.get("service_tier") == sent
    assert bool(warnings) == (sent is None)


def test_one_answer_is_all_there_is():
    assert "n" not in rendered(n=1)[0]
    with pytest.raises(BadRequestError, match="n is 2"):
        rendered(n=2)


LEFT_OUT = {
    "seed": 7,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "logit_bias": {"1": 2},
    "logprobs": True,
    "top_logprobs": 3,
    "verbosity": "low",
    "store": True,
    "metadata": {"a": "b"},
    "prompt_cache_key": "k",
    "prediction": {"type": "content", "content": "a"},
}


@pytest.mark.parametrize(("name", "value"), [*LEFT_OUT.items(), ("seed", 0)])
def test_a_setting_that_does_not_exist_here_is_left_out_and_reported(name, value):
    body, warnings = rendered(**{name: value})
    assert name not in body
    assert name in warnings[0]


ADJUSTED = {
    "a missing setting": {"seed": 7},
    "sampling": {"temperature": 0.5, "top_p": 0.5},
    "a temperature": {"temperature": 2},
    "an effort": {"reasoning_effort": "high", "max_tokens": 2000},
    "a late system message": {"messages": ["Hi", {"role": "system", "content": "a"}]},
}


@pytest.mark.parametrize("params", ADJUSTED.values(), ids=ADJUSTED)
def test_strict_raises_where_a_setting_would_be_left_out_or_adjusted(params):
    if "messages" in params:
        params = {"messages": [{"role": "user", "content": "Hi"}, params["messages"][1]]}
    assert rendered(**params)[1]
    with pytest.raises(BadRequestError, match="strict") as caught:
        rendered(**params, strict=True)
    assert caught.value.status_code is None


REFUSED = [{"modalities": ["text", "audio"]}, {"audio": {"voice": "a", "format": "wav"}}, {"web_search_options": {}}]


@pytest.mark.parametrize("params", REFUSED, ids=str)
def test_a_feature_that_does_not_exist_here_is_refused(params):
    with pytest.raises(BadRequestError):
        body_of(MODEL, **params)
