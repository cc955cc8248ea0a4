"""What the keyword arguments of a call may be."""

from __future__ import annotations

import pytest
from support import frozen

from unified_llm.errors import BadRequestError
from unified_llm.params import KNOWN, OWN, check

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("temprature", "temperature"),
        ("max_token", "max_tokens"),
        ("stops", "stop"),
        ("tool", "tools"),
        ("reasoning_efort", "reasoning_effort"),
        ("apikey", "api_key"),
        ("api_base", "api_key"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(wrong, right):
    with pytest.raises(TypeError, match=rf"{wrong!r}; did you mean '{right}'\?"):
        check({wrong: 1})


def test_a_name_like_no_other_is_refused_without_a_guess():
    with pytest.raises(TypeError, match="'zzqqxx'") as caught:
        check({"zzqqxx": 1})
    assert "did you mean" not in str(caught.value)
    assert "extra_body" in str(caught.value)


def test_an_unknown_name_is_refused_even_where_it_is_none():
    with pytest.raises(TypeError, match="'temprature'"):
        check({"temprature": None})


@pytest.mark.parametrize("name", sorted(KNOWN - OWN))
def test_none_means_not_given(name):
    assert check({name: None}) == {}


STEERING = {
    "structured_mode": "tool",
    "max_validation_retries": 0,
    "api_key": "k",
    "base_url": "http://localhost",
    "adapter": "openai_chat",
    "timeout": 3.5,
    "max_retries": 0,
    "extra_headers": {"x-a": "b"},
    "extra_body": {"a": 1},
    "client": object(),
    "fetch_media": False,
    "strict": True,
}


def test_what_steers_the_call_is_no_part_of_the_request():
    assert STEERING.keys() == OWN
    assert check(STEERING) == {}


@pytest.mark.parametrize("stop", ["", [], [""], ["", ""], ()], ids=repr)
def test_an_empty_stop_is_no_stop(stop):
    assert check({"stop": stop}) == {}
    assert check({"stop_sequences": stop}) == {}


@pytest.mark.parametrize("stop", ["END", ["END"], ["a", "b"], ("a", "b"), "\n"], ids=repr)
def test_stop_sequences_is_another_name_of_stop(stop):
    params = check({"stop": stop})
    assert check({"stop_sequences": stop}) == params
    assert (params["stop"] if isinstance(stop, str) else tuple(params["stop"])) == (
        stop if isinstance(stop, str) else tuple(stop)
    )


def test_an_empty_stop_beside_others_is_left_out():
    assert list(check({"stop": ["", "END"]})["stop"]) == ["END"]


def test_two_names_of_one_parameter_are_refused():
    with pytest.raises(BadRequestError, match="stop and stop_sequences"):
        check({"stop": "a", "stop_sequences": ["b"]})


NAMED = {"type": "function", "function": {"name": "f"}}
CHOICES = {
    "auto": ("auto", "auto"),
    "none": ("none", "none"),
    "required": ("required", "required"),
    "OpenAI's": (NAMED, NAMED),
    "the Responses API's": ({"type": "function", "name": "f"}, NAMED),
    "Anthropic's": ({"type": "tool", "name": "f"}, NAMED),
    "Anthropic's auto": ({"type": "auto"}, "auto"),
    "Anthropic's any": ({"type": "any"}, "required"),
    "Anthropic's none": ({"type": "none"}, "none"),
    "without a type": ({"function": {"name": "f"}}, NAMED),
}


@pytest.mark.parametrize(("choice", "expected"), CHOICES.values(), ids=CHOICES)
def test_a_tool_choice_of_any_dialect_becomes_that_of_openai(choice, expected):
    assert check({"tools": [TOOL], "tool_choice": choice})["tool_choice"] == expected


def test_the_parallel_switch_inside_an_anthropic_choice_is_not_lost():
    params = check({"tools": [TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}})
    assert (params["tool_choice"], params["parallel_tool_calls"]) == ("auto", False)


REFUSED = {
    "stop": [3, [3], ["a", None]],
    "stop_sequences": [3],
    "tools": ["f", {"f": 1}, [3], [{"type": "function", "function": {}}], [{"type": "function", "function": "f"}]],
    "tool_choice": ["f", "any", 3, {}, {"type": "function"}, {"type": "tool"}, {"name": "f"}],
    "response_format": [
        "json",
        {},
        {"type": "json"},
        {"type": "json_schema"},
        {"type": "json_schema", "json_schema": 1},
    ],
    "reasoning_effort": ["hard", "", 3, True],
    "max_tokens": ["10", -1, 1.5, True],
    "max_completion_tokens": ["10", -1],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values], ids=repr
)
def test_a_value_that_no_provider_takes_is_refused_by_name(name, value):
    with pytest.raises(
        BadRequestError, match="limit of tokens" if name.startswith("max") else name.split("_seq")[0]
    ) as caught:
        check({name: value})
    assert caught.value.status_code is None


@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max"])
def test_every_level_of_effort_is_known(effort):
    assert check({"reasoning_effort": effort}) == {"reasoning_effort": effort}


def test_a_limit_of_zero_is_a_limit():
    assert check({"max_tokens": 0}) == {"max_tokens": 0}


def test_false_and_zero_are_values():
    assert check({"logprobs": False, "temperature": 0, "seed": 0}) == {"logprobs": False, "temperature": 0, "seed": 0}


def test_the_callers_objects_are_never_changed():
    options = {
        "tools": [TOOL],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "stop_sequences": ["a", ""],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "metadata": {"a": "b"},
    }
    given = frozen(options)
    check(given)
    assert given == options


# --- tools ---------------------------------------------------------------------------------------------------------


def get_weather(city: str) -> str:
    """The weather in a city."""
    return city


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def test_a_function_among_the_tools_becomes_its_dict_and_dicts_stay_the_same():
    server = {"type": "web_search_20250305", "name": "web_search"}
    given = frozen([TOOL, get_weather, server])
    tools = check({"tools": given})["tools"]
    assert tools == [TOOL, WEATHER, server]
    assert (tools[0] is given[0], tools[2] is given[2]) == (True, True)


def test_a_tool_in_the_form_of_anthropic_becomes_one_of_openai():
    schema = {"type": "object", "properties": {}}
    given = frozen({"name": "f", "description": "d", "input_schema": schema, "strict": True, "input_examples": [{}]})
    function = {"name": "f", "description": "d", "parameters": schema, "strict": True}
    expected = {"type": "function", "function": function, "input_examples": [{}]}
    assert check({"tools": [given]})["tools"] == [expected]
    assert check({"tools": [{**given, "type": "custom"}]})["tools"] == [expected]


def test_a_function_as_the_choice_names_its_tool():
    params = check({"tools": [get_weather], "tool_choice": get_weather})
    assert params["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}
