"""Conversations and parameters as requests of OpenAI Responses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support import call, frozen, render

from unified_llm.errors import BadRequestError

MODEL, THINKER = "openai/gpt-4.1", "openai/gpt-5.6-terra"
USER = {"role": "user", "content": "Hi"}
URL = "https://a.example/b.png"
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}}
TOOL = {"type": "function", "function": FUNCTION}
FLAT = {"type": "function", **FUNCTION, "strict": False}
NAMED = {"type": "function", "function": {"name": "f"}}
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}
ENCRYPTED = "reasoning.encrypted_content"


def sent(messages="Hi", model=MODEL, *, quirks=None, rules=None, facts=None, **params):
    """The body, and what was reported."""
    made = call(model, messages, adapter="openai_responses", **params)
    given = {"quirks": quirks, "rules": rules, "facts": facts}
    made.route = replace(made.route, **{key: value for key, value in given.items() if value is not None})
    return render(made).body, made.warnings


def items(*messages, **params):
    body, warnings = sent(list(messages), **params)
    assert warnings == []
    return body["input"]


def refused(messages="Hi", **params):
    with pytest.raises(BadRequestError) as caught:
        sent(messages, **params)
    assert caught.value.status_code is None
    return str(caught.value)


def user(*parts):
    return {"role": "user", "content": list(parts)}


def calling(*ids, arguments="{}", content=None, **fields):
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}} for id in ids]
    return {"role": "assistant", "content": content, "tool_calls": calls, **fields}


def result(id, content="18C"):
    return {"role": "tool", "tool_call_id": id, "content": content}


# --- what every request has -----------------------------------------------------------------------------------------


def test_the_smallest_request_stores_nothing():
    made = call(MODEL, "Hi", adapter="openai_responses")
    request = render(made)
    assert request.path == "/responses"
    assert request.body == {"model": "gpt-4.1", "input": [USER], "store": False}


def test_a_model_that_reasons_is_asked_for_its_reasoning_encrypted():
    assert sent(model=THINKER)[0]["include"] == [ENCRYPTED]


@pytest.mark.parametrize(
    "given", [{"quirks": {"encrypted_reasoning": False}}, {"facts": {"lacks": ["reasoning"]}}], ids=["quirk", "fact"]
)
def test_what_gives_no_encrypted_reasoning_is_not_asked_for_it(given):
    assert "include" not in sent(model=THINKER, **given)[0]


def test_storing_is_the_callers_to_ask_for():
    assert sent(store=True)[0]["store"] is True


def test_stream_is_sent_only_when_asked_for():
    assert "stream" not in sent()[0]
    options = {"include_usage": True, "include_obfuscation": False}
    body, warnings = sent(stream=True, stream_options=options)
    assert (body["stream"], body["stream_options"], warnings) == (True, {"include_obfuscation": False}, [])
    assert "stream_options" not in sent(stream=True, stream_options={"include_usage": True})[0]


def test_the_callers_objects_are_never_changed():
    history = [user({"type": "image_url", "image_url": URL}), calling("a", "b"), result("a"), result("b")]
    params = {"tools": [TOOL], "tool_choice": NAMED, "web_search_options": {"user_location": {"approximate": {}}}}
    before = json.dumps([history, params])
    sent(frozen(history), **frozen(params))
    assert json.dumps([history, params]) == before


# --- messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["system", "developer", "user"])
def test_a_message_keeps_its_role_and_its_string_wherever_it_stands(role):
    message = {"role": role, "content": "Be terse."}
    assert items(message, USER) == [message, USER]
    assert items(USER, message, USER) == [USER, message, USER]


DATA = "data:application/pdf;base64,JVBERi0="
PARTS = {
    "text": ({"type": "text", "text": "a"}, {"type": "input_text", "text": "a"}),
    "an image": (
        {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
        {"type": "input_image", "image_url": URL, "detail": "low"},
    ),
    "an image as a string": (
        {"type": "image_url", "image_url": URL},
        {"type": "input_image", "image_url": URL, "detail": "auto"},
    ),
    "a file": (
        {"type": "file", "file": {"file_data": DATA, "filename": "a.pdf"}},
        {"type": "input_file", "file_data": DATA, "filename": "a.pdf"},
    ),
    "an uploaded file": ({"type": "file", "file": {"file_id": "file-1"}}, {"type": "input_file", "file_id": "file-1"}),
    "a native part": ({"type": "input_image", "file_id": "file-1"}, {"type": "input_image", "file_id": "file-1"}),
}


@pytest.mark.parametrize(("part", "wire"), PARTS.values(), ids=PARTS)
def test_each_part_has_its_input_form(part, wire):
    assert items(user(part)) == [{"role": "user", "content": [wire]}]


REFUSED_PARTS = {
    "audio": ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, "input_audio"),
    "another API's image": ({"type": "image", "source": {}}, "'image'"),
    "a file of nothing": ({"type": "file", "file": {"filename": "a.pdf"}}, "file_data"),
}


@pytest.mark.parametrize(("part", "word"), REFUSED_PARTS.values(), ids=REFUSED_PARTS)
def test_a_part_that_this_api_does_not_know_is_refused_with_its_place(part, word):
    message = refused([USER, user(part)])
    assert "messages[1]" in message
    assert word in message


def test_an_image_for_a_model_without_eyes_is_refused():
    assert "image" in refused([user({"type": "image_url", "image_url": URL})], facts={"lacks": ["vision"]})


def test_fields_that_this_api_does_not_have_are_reported():
    part = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    body, warnings = sent([{"role": "user", "content": [part], "name": "ann"}])
    assert body["input"] == [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]
    assert sorted(warning.split()[0] for warning in warnings) == ["cache_control", "name"]


def test_an_answer_is_a_text_and_then_an_item_for_each_call():
    assert items(USER, calling("a", "b", content="Wait."), result("a"), result("b")) == [
        USER,
        {"type": "message", "role": "assistant", "content": "Wait."},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "18C"},
        {"type": "function_call_output", "call_id": "b", "output": "18C"},
    ]


@pytest.mark.parametrize("arguments", [None, ""], ids=repr)
def test_a_call_without_arguments_has_an_empty_object(arguments):
    assert items(USER, calling("a", arguments=arguments), result("a"))[1]["arguments"] == "{}"


ANSWERS = {
    "parts": ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab"),
    "a refusal": ({"content": None, "refusal": "No."}, "No."),
    "a refusal among the parts": ({"content": [{"type": "refusal", "refusal": "No."}]}, "No."),
    "nothing": ({"content": None}, ""),
    "thoughts of another format": (
        {"content": "a", "reasoning_content": "Hm.", "provider_fields": {"adapter": "anthropic_messages"}},
        "a",
    ),
}


@pytest.mark.parametrize(("answer", "text"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_of_any_origin_goes_back_as_its_text(answer, text):
    sent = items(USER, {"role": "assistant", **answer}, USER)[1:-1]
    assert sent == [{"type": "message", "role": "assistant", "content": text}]


def test_an_image_in_an_answer_is_refused():
    answer = {"role": "assistant", "content": [{"type": "image_url", "image_url": URL}]}
    assert "messages[1]" in refused([USER, answer, USER])


RESULTS = {
    "a string": ("18C", "18C"),
    "nothing": ("", ""),
    "texts": ([{"type": "text", "text": "18"}, {"type": "text", "text": "C"}], "18C"),
    "an image": (
        [{"type": "text", "text": "See:"}, {"type": "image_url", "image_url": URL}],
        [{"type": "input_text", "text": "See:"}, {"type": "input_image", "image_url": URL, "detail": "auto"}],
    ),
}


@pytest.mark.parametrize(("content", "output"), RESULTS.values(), ids=RESULTS)
def test_a_result_may_have_text_and_images(content, output):
    assert items(USER, calling("a"), result("a", content))[-1] == {
        "type": "function_call_output",
        "call_id": "a",
        "output": output,
    }


def test_a_custom_tools_call_and_result_have_items_of_their_own():
    answer = {"role": "assistant", "content": None}
    answer["tool_calls"] = [{"id": "a", "type": "custom", "custom": {"name": "run", "input": "ls"}}]
    assert items(USER, answer, result("a"))[1:] == [
        {"type": "custom_tool_call", "call_id": "a", "name": "run", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "a", "output": "18C"},
    ]


def test_a_call_of_no_known_kind_is_refused():
    answer = {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "dance"}]}
    assert "messages[1]" in refused([USER, answer, result("a")])


def test_a_prefill_is_refused():
    assert "prefill" in refused([USER, {"role": "assistant", "content": "{"}])


# --- tools ----------------------------------------------------------------------------------------------------------

TOOLS = {
    "a function": (TOOL, FLAT),
    "a strict function": ({"type": "function", "function": {**FUNCTION, "strict": True}}, {**FLAT, "strict": True}),
    "a bare function": (
        NAMED,
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False},
    ),
    "a deferred function": ({**TOOL, "defer_loading": True}, {**FLAT, "defer_loading": True}),
    "a native function": ({"type": "function", "name": "f"}, {"type": "function", "name": "f"}),
    "a custom tool": (
        {"type": "custom", "custom": {"name": "run", "description": "d"}},
        {"type": "custom", "name": "run", "description": "d"},
    ),
    "a custom tool with a grammar": (
        {
            "type": "custom",
            "custom": {"name": "run", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}},
        },
        {"type": "custom", "name": "run", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
    ),
    "a built-in tool": (
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ),
}


@pytest.mark.parametrize(("tool", "wire"), TOOLS.values(), ids=TOOLS)
def test_each_tool_has_its_flat_form(tool, wire):
    body, warnings = sent(tools=[tool])
    assert (body["tools"], warnings) == ([wire], [])


def test_what_a_tool_cannot_say_here_is_reported():
    body, warnings = sent(tools=[{**TOOL, "cache_control": {"type": "ephemeral"}}])
    assert body["tools"] == [FLAT]
    assert "cache_control of tool 'f'" in warnings[0]


CHOICES = {
    "auto": ("auto", "auto"),
    "none": ("none", "none"),
    "required": ("required", "required"),
    "a function": (NAMED, {"type": "function", "name": "f"}),
    "a custom tool": ({"type": "custom", "custom": {"name": "run"}}, {"type": "custom", "name": "run"}),
    "several": (
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED, {"type": "web_search"}]}},
        {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
        },
    ),
}


@pytest.mark.parametrize(("choice", "wire"), CHOICES.values(), ids=CHOICES)
def test_each_choice_has_its_flat_form(choice, wire):
    body, warnings = sent(tools=[TOOL], tool_choice=choice, parallel_tool_calls=False)
    assert (body["tool_choice"], body["parallel_tool_calls"], warnings) == (wire, False, [])


def test_a_choice_that_the_model_cannot_be_forced_to_is_refused():
    assert "forced" in refused(tools=[TOOL], tool_choice="required", rules={"forced_tools": "none"})
    assert sent(tools=[TOOL], tool_choice="auto", rules={"forced_tools": "none"})[0]["tool_choice"] == "auto"


@pytest.mark.parametrize("params", [{"tool_choice": "none"}, {"parallel_tool_calls": False}], ids=str)
def test_choices_between_no_tools_are_left_out(params):
    body, warnings = sent(**params)
    assert body == sent()[0]
    assert next(iter(params)) in warnings[0]


def test_web_search_options_become_the_tool():
    place = {"type": "approximate", "approximate": {"city": "Rome"}}
    body, warnings = sent(web_search_options={"search_context_size": "low", "user_location": place})
    located = {"type": "approximate", "city": "Rome"}
    assert body["tools"] == [{"type": "web_search", "search_context_size": "low", "user_location": located}]
    assert (sent(web_search_options={})[0]["tools"], warnings) == ([{"type": "web_search"}], [])


# --- settings -------------------------------------------------------------------------------------------------------

PASSED = {
    "temperature": 0.5,
    "top_p": 0.9,
    "top_logprobs": 2,
    "service_tier": "flex",
    "metadata": {"a": "b"},
    "user": "u",
    "safety_identifier": "s",
    "prompt_cache_key": "k",
}


@pytest.mark.parametrize(("name", "value"), PASSED.items(), ids=PASSED)
def test_what_both_apis_know_is_sent_as_it_is(name, value):
    assert sent(**{name: value}) == ({**sent()[0], name: value}, [])


MOVED = {
    "max_tokens": ({"max_tokens": 100}, {"max_output_tokens": 100}),
    "max_completion_tokens": ({"max_completion_tokens": 100, "max_tokens": 5}, {"max_output_tokens": 100}),
    "verbosity": ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
    "logprobs": (
        {"logprobs": True, "top_logprobs": 2},
        {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
    ),
    "no logprobs": ({"logprobs": False}, {}),
    "no format": ({"response_format": {"type": "text"}}, {}),
    "json_object": ({"response_format": {"type": "json_object"}}, {"text": {"format": {"type": "json_object"}}}),
    "a schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}},
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
    ),
    "n of 1": ({"n": 1}, {}),
    "penalties of 0": ({"frequency_penalty": 0, "presence_penalty": 0.0}, {}),
    "text as the modality": ({"modalities": ["text"]}, {}),
}


@pytest.mark.parametrize(("params", "fields"), MOVED.values(), ids=MOVED)
def test_what_has_another_name_here_is_sent_under_it(params, fields):
    assert sent(**params) == ({**sent()[0], **fields}, [])


THOUGHTS = {
    "an effort": ({"reasoning_effort": "high"}, {"effort": "high"}),
    "a summary": ({"thinking": {"summary": "auto"}}, {"summary": "auto"}),
    "both": ({"reasoning_effort": "low", "thinking": {"summary": "auto"}}, {"effort": "low", "summary": "auto"}),
}


@pytest.mark.parametrize(("params", "reasoning"), THOUGHTS.values(), ids=THOUGHTS)
def test_effort_and_summary_are_reasoning(params, reasoning):
    body, warnings = sent(model=THINKER, **params)
    assert (body["reasoning"], warnings) == (reasoning, [])


def test_an_effort_that_the_model_lacks_becomes_the_nearest():
    body, warnings = sent(reasoning_effort="minimal", rules={"efforts": ["low", "high"]})
    assert body["reasoning"] == {"effort": "low"}
    assert "became 'low'" in warnings[0]


LEFT_OUT = {
    "top_k": 5,
    "stop": ["END"],
    "seed": 0,
    "frequency_penalty": 0.1,
    "presence_penalty": -0.1,
    "logit_bias": {"1": 2},
    "prediction": {"type": "content", "content": "a"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "reasoning_effort": "high",
}


@pytest.mark.parametrize(("name", "value"), LEFT_OUT.items(), ids=LEFT_OUT)
def test_what_does_not_exist_here_is_left_out_and_reported_or_refused_when_strict(name, value):
    body, warnings = sent(**{name: value})
    assert body == sent()[0]
    assert [warning.split()[0] for warning in warnings] == [name]
    assert name in refused(**{name: value}, strict=True)


def test_a_limit_below_the_least_is_raised_to_it_and_reported():
    body, warnings = sent(max_tokens=1)
    assert body["max_output_tokens"] == 16
    assert "16" in warnings[0]
    assert "16" in refused(max_tokens=1, strict=True)


SAMPLING = {"temperature": 0.5, "top_p": 0.5, "logprobs": True, "top_logprobs": 2}
FIXED = {
    "always": ({"sampling": "none"}, {}, True),
    "while it reasons": ({"sampling": "without_reasoning", "reasoning": "default"}, {}, True),
    "not when told not to": (
        {"sampling": "without_reasoning", "reasoning": "default"},
        {"reasoning_effort": "none"},
        False,
    ),
    "not when not asked to": ({"sampling": "without_reasoning", "reasoning": "opt_in"}, {}, False),
    "when asked to": ({"sampling": "without_reasoning", "reasoning": "opt_in"}, {"reasoning_effort": "low"}, True),
}


@pytest.mark.parametrize(("rules", "params", "fixed"), FIXED.values(), ids=FIXED)
def test_sampling_that_the_model_fixes_is_left_out(rules, params, fixed):
    body, warnings = sent(rules=rules, **params, **SAMPLING)
    assert [name for name in SAMPLING if name in body] == ([] if fixed else ["temperature", "top_p", "top_logprobs"])
    assert ("message.output_text.logprobs" in body.get("include", [])) != fixed
    assert [warning.split()[0] for warning in warnings] == (list(SAMPLING) if fixed else [])


def test_sampling_that_is_what_the_model_has_anyway_is_no_news():
    assert sent(rules={"sampling": "none"}, temperature=1, top_p=1.0, logprobs=False)[1] == []


def test_what_a_host_refuses_is_left_out_and_reported():
    body, warnings = sent(quirks={"refused": ["metadata", "user"]}, metadata={"a": "b"})
    assert "metadata" not in body
    assert [warning.split()[0] for warning in warnings] == ["metadata"]


REFUSED = {
    "several answers": ({"n": 2}, "n is 2"),
    "audio": ({"modalities": ["text", "audio"], "audio": {"voice": "a"}}, "openai_chat"),
    "a schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}, "rules": {"schema": False}},
        "schema",
    ),
    "tools": ({"tools": [TOOL], "rules": {"tools": False}}, "tools"),
}


@pytest.mark.parametrize(("params", "word"), REFUSED.values(), ids=REFUSED)
def test_what_the_api_or_the_model_cannot_do_is_refused(params, word):
    assert word in refused(**params)
