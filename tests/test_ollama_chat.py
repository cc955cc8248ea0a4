"""Ollama's native chat: requests, answers, streams and errors."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CREATED, ID, call, cuts_of, decode, folded, frozen, parse, render

from unified_llm.adapters.ollama_chat import FINISH, Quirks, explain
from unified_llm.errors import (
    APIResponseValidationError,
    APIStatusError,
    BadRequestError,
    IncompleteStreamError,
    InternalServerError,
    class_for,
)

USER = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "weather", "description": "Weather", "parameters": SCHEMA}
TOOL = {"type": "function", "function": FUNCTION}
NAMED = {"type": "function", "function": {"name": "weather"}}
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


def asked(messages="Hi", *, quirks=None, rules=None, facts=None, **params):
    one = call("custom/m", messages, adapter="ollama_chat", **params)
    one.route = replace(one.route, quirks=quirks or {}, rules=rules or {}, facts=facts or {})
    return one


def sent(messages="Hi", **params):
    one = asked(messages, **params)
    return render(one).body, one.warnings


def calling(*ids, arguments='{"city":"Rome"}', **fields):
    calls = [{"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}} for id in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls, **fields}


def result(id, content="18C"):
    return {"role": "tool", "tool_call_id": id, "content": content}


# --- requests -------------------------------------------------------------------------------------------------------


def test_the_smallest_request_says_that_it_wants_no_stream():
    request = render(asked())
    assert (request.path, request.headers) == ("/api/chat", {})
    assert request.body == {"model": "m", "messages": [USER], "stream": False}


def test_a_stream_is_asked_for_as_lines():
    request = render(asked(stream=True))
    assert request.body["stream"] is True
    assert request.headers == {"accept": "application/x-ndjson"}


SAMPLING = {"temperature": 0, "top_p": 0.5, "top_k": 5, "seed": 7}
PARAMS = [
    ({"max_tokens": 9}, {"options": {"num_predict": 9}}),
    ({"max_completion_tokens": 9}, {"options": {"num_predict": 9}}),
    (SAMPLING, {"options": SAMPLING}),
    ({"presence_penalty": 1, "frequency_penalty": 2}, {"options": {"presence_penalty": 1, "frequency_penalty": 2}}),
    ({"stop": "END"}, {"options": {"stop": ["END"]}}),
    ({"stop_sequences": ("a", "b")}, {"options": {"stop": ["a", "b"]}}),
    ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2, "options": None}),
    ({"response_format": {"type": "json_object"}}, {"format": "json"}),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}}, {"format": SCHEMA}),
    ({"response_format": {"type": "text"}}, {"format": None}),
    ({"reasoning_effort": "none"}, {"think": False}),
    ({"reasoning_effort": "medium"}, {"think": True}),
    ({"thinking": {"type": "enabled"}}, {"think": True}),
    ({"thinking": {"type": "disabled"}}, {"think": False}),
    ({"tools": [TOOL]}, {"tools": [TOOL]}),
    ({"tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": True}, {"tools": [TOOL], "tool_choice": None}),
    ({"n": 1}, {"n": None}),
]


@pytest.mark.parametrize(("params", "expected"), PARAMS, ids=str)
def test_a_parameter_is_sent_under_ollamas_name(params, expected):
    body, warnings = sent(**params)
    assert {name: body.get(name) for name in expected} == expected
    assert warnings == []


def test_tools_that_must_not_be_called_are_left_out_and_that_is_said():
    body, warnings = sent(tools=[TOOL], tool_choice="none")
    assert "tools" not in body
    assert warnings == ["tools were left out with tool_choice none, which Ollama cannot say"]


@pytest.mark.parametrize("model", ["ollama/qwen3", "cohere/command-a-03-2025", "claude-2.1", "gemini/gemini-2.5-flash"])
def test_a_mark_of_a_cached_prefix_is_reported_where_it_has_no_place(model):
    made = call(model, [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {}}]}])
    assert "cache_control" not in json.dumps(render(made).body)
    assert made.warnings == ["cache_control of messages[0] was left out: this API has no such field"]


REPORTED = [
    ({"user": "u"}, "user"),
    ({"logit_bias": {"1": 1}, "service_tier": "flex"}, "logit_bias"),
    ({"tools": [TOOL], "parallel_tool_calls": False}, "parallel_tool_calls"),
    ({"tools": [{"type": "function", "function": {**FUNCTION, "strict": True}}]}, "strict"),
    ({"reasoning_effort": "high"}, "reasoning_effort"),
    ({"tool_choice": "auto"}, "tool_choice"),
]


@pytest.mark.parametrize(("params", "name"), REPORTED, ids=str)
def test_a_setting_that_ollama_does_not_have_is_reported_and_refused_with_strict(params, name):
    body, warnings = sent(**params)
    assert warnings[0].startswith(name)
    assert "strict" not in json.dumps(body)
    with pytest.raises(BadRequestError, match="strict=True"):
        sent(strict=True, **params)


CUSTOM = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "f", "input": "x"}}],
}
REFUSED = [
    ("Hi", {"tools": [TOOL], "tool_choice": "required"}),
    ("Hi", {"tools": [TOOL], "tool_choice": NAMED}),
    ("Hi", {"tools": [{"type": "web_search"}]}),
    ("Hi", {"n": 2}),
    ("Hi", {"modalities": ["text", "audio"]}),
    ("Hi", {"web_search_options": {}}),
    ("Hi", {"tools": [TOOL], "rules": {"tools": False}}),
    ("Hi", {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}, "rules": {"schema": False}}),
    ([{"role": "user", "content": [{"type": "image_url", "image_url": "gs://a/i.png"}]}], {}),
    ([{"role": "user", "content": [PNG]}], {"facts": {"lacks": ["vision"]}}),
    ([{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}]}], {}),
    ([{"role": "user", "content": [{"type": "file", "file": {"file_id": "x"}}]}], {}),
    ([USER, {"role": "assistant", "content": "{"}], {"rules": {"prefill": False}}),
    ([USER, CUSTOM, result("a")], {}),
]


@pytest.mark.parametrize(("messages", "params"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_feature_that_ollama_does_not_have_is_refused_before_sending(messages, params):
    with pytest.raises(BadRequestError) as caught:
        sent(messages, **params)
    assert caught.value.status_code is None


EFFORTS = [
    ({"reasoning": "always", "efforts": ["low", "medium", "high"]}, "high", "high", 0),
    ({"reasoning": "always", "efforts": ["low", "medium", "high"]}, "none", "low", 1),
    ({"reasoning": "always", "efforts": ["low", "medium", "high"]}, "xhigh", "high", 1),
    ({"efforts": ["none", "high", "max"]}, "none", False, 0),
    ({"efforts": ["minimal", "low"]}, "minimal", True, 0),
    ({"reasoning": "none"}, "high", None, 1),
    ({"reasoning": "none"}, "none", None, 0),
    ({}, "low", True, 1),
]


@pytest.mark.parametrize(("rules", "effort", "think", "reported"), EFFORTS, ids=str)
def test_think_is_a_level_only_where_the_model_is_known_to_have_levels(rules, effort, think, reported):
    body, warnings = sent(rules=rules, reasoning_effort=effort)
    assert (body.get("think"), len(warnings)) == (think, reported)


def test_allowed_tools_are_the_only_ones_that_are_sent():
    other = {"type": "function", "function": {"name": "other"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}}
    assert sent(tools=[TOOL, other], tool_choice=choice)[0]["tools"] == [TOOL]


QUIRKS = {
    "options": ({"num_ctx": 8192, "seed": 1}, {"seed": 2}, {"options": {"num_ctx": 8192, "seed": 2}}),
    "keep_alive": ("1h", {}, {"keep_alive": "1h"}),
}


@pytest.mark.parametrize(("key", "row"), QUIRKS.items(), ids=QUIRKS)
def test_a_quirk_gives_its_wire_value_and_the_callers_wins(key, row):
    value, params, expected = row
    body, _ = sent(quirks={key: value}, **params)
    assert {name: body[name] for name in expected} == expected
    assert key not in sent()[0]


def test_every_quirk_is_tested_here():
    assert QUIRKS.keys() == Quirks.__annotations__.keys()


def test_content_is_one_string_with_bare_images_beside_it():
    parts = ["What is ", {"type": "text", "text": "this?"}, PNG]
    assert sent([{"role": "user", "content": parts}])[0]["messages"] == [
        {"role": "user", "content": "What is this?", "images": ["iVBORw0KGgo="]}
    ]


def test_a_developer_is_the_system():
    assert sent([{"role": "developer", "content": "Be terse."}, USER])[0]["messages"][0] == {
        "role": "system",
        "content": "Be terse.",
    }


def test_calls_go_as_objects_and_their_results_name_the_function():
    history = [USER, calling("a", "b"), result("b", "19C"), result("a", [{"type": "text", "text": "18C"}, PNG])]
    wire = {"function": {"name": "weather", "arguments": {"city": "Rome"}}}
    assert sent(history)[0]["messages"][1:] == [
        {"role": "assistant", "content": "", "tool_calls": [{"id": "a", **wire}, {"id": "b", **wire}]},
        {"role": "tool", "content": "19C", "tool_name": "weather", "tool_call_id": "b"},
        {"role": "tool", "content": "18C", "images": ["iVBORw0KGgo="], "tool_name": "weather", "tool_call_id": "a"},
    ]


@pytest.mark.parametrize(
    ("arguments", "expected", "reported"),
    [("", {}, 0), (None, {}, 0), ("{}", {}, 0), ("{bad", {"arguments": "{bad"}, 1), ("[1]", {"arguments": [1]}, 1)],
)
def test_arguments_are_always_an_object(arguments, expected, reported):
    body, warnings = sent([USER, calling("a", arguments=arguments), result("a")])
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == expected
    assert len(warnings) == reported


def test_thoughts_and_refusals_of_an_earlier_answer_go_back():
    thought = {"role": "assistant", "content": "4", "reasoning_content": "Hm."}
    refused = {"role": "assistant", "content": None, "refusal": "No."}
    assert sent([USER, thought, USER, refused, USER])[0]["messages"][1::2] == [
        {"role": "assistant", "content": "4", "thinking": "Hm."},
        {"role": "assistant", "content": "No."},
    ]


def test_a_field_that_messages_do_not_have_is_reported():
    assert sent([{**USER, "name": "bob"}])[1] == ["name of messages[0] was left out: this API has no such field"]


def test_nothing_of_the_callers_is_changed():
    given = {"messages": [USER, calling("a"), result("a"), {"role": "user", "content": [PNG]}], "tools": [TOOL]}
    before, ice = json.dumps(given), frozen(given)
    json.dumps(sent(**ice, stop=["a"], quirks=frozen({"options": {"num_ctx": 1}}))[0])
    assert json.dumps(ice) == before


# --- answers --------------------------------------------------------------------------------------------------------

HEAD = {"model": "qwen3:8b", "created_at": "2026-11-20T10:00:00.123456789Z"}
DURATIONS = {"total_duration": 174, "load_duration": 101, "eval_duration": 52}
COUNTS = {"prompt_eval_count": 11, "eval_count": 18}
CALLED = {"function": {"name": "weather", "arguments": {"city": "Rome"}}}


def answer(*, done_reason="stop", **message):
    whole = {"role": "assistant", "content": "", **message}
    return {**HEAD, "message": whole, "done": True, "done_reason": done_reason, **DURATIONS, **COUNTS}


def line(**fields):
    return {**HEAD, "message": {"role": "assistant", "content": "", **fields}, "done": False}


def body_of(*events):
    return b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)


def test_a_whole_answer_is_a_completion():
    assert parse(asked(), answer(content="Hi", thinking="Hm.")) == {
        "id": ID,
        "object": "chat.completion",
        "created": 1795168800,
        "model": "qwen3:8b",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi", "reasoning_content": "Hm."},
                "finish_reason": "stop",
                "native_finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 18, "total_tokens": 29},
        "provider_fields": DURATIONS,
    }


def test_calls_get_ids_where_the_server_gives_none_and_keep_those_that_it_gives():
    natives = [CALLED, {"id": "call_x", **CALLED}, {"id": "call_x", **CALLED}, {"function": {"name": "now"}}]
    choice = parse(asked(), answer(tool_calls=natives))["choices"][0]
    calls = choice["message"]["tool_calls"]
    assert [one["id"] for one in calls] == [
        "call_0123456789ab_0",
        "call_x",
        "call_0123456789ab_2",
        "call_0123456789ab_3",
    ]
    assert [one["function"]["arguments"] for one in calls] == ['{"city":"Rome"}'] * 3 + ["{}"]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("tool_calls", "stop")


@pytest.mark.parametrize(("native", "finish"), [*FINISH.items(), ("custom", "stop"), (None, None)])
def test_a_reason_becomes_a_finish_reason_and_is_kept(native, finish):
    choice = parse(asked(), answer(done_reason=native))["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, native)


@pytest.mark.parametrize(
    ("counts", "prompt", "completion"),
    [({"eval_count": 3}, 0, 3), ({"prompt_eval_count": 4}, 4, 0), ({"prompt_eval_count": 4, "eval_count": 3}, 4, 3)],
)
def test_a_count_that_is_missing_beside_the_other_is_0(counts, prompt, completion):
    usage = parse(asked(), {**HEAD, "message": {"content": "a"}, "done": True, **counts})["usage"]
    assert usage == {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def test_without_counts_there_is_no_usage():
    assert parse(asked(), {**HEAD, "message": {"content": "a"}, "done": True})["usage"] is None


@pytest.mark.parametrize(
    ("text", "created"),
    [
        ("2026-11-20T11:00:00+01:00", 1795168800),
        ("2026-11-20T10:00:00", 1795168800),
        ("", CREATED),
        ("soon", CREATED),
        (None, CREATED),
    ],
)
def test_created_is_the_servers_time_or_else_now(text, created):
    assert parse(asked(), {**answer(), "created_at": text})["created"] == created


def test_log_probabilities_have_openais_form():
    native = [{"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1}]}]
    expected = [{"token": "a", "logprob": -0.5, "bytes": None}]
    expected[0]["top_logprobs"] = [{"token": "b", "logprob": -1, "bytes": None}]
    assert parse(asked(), {**answer(content="a"), "logprobs": native})["choices"][0]["logprobs"] == {
        "content": expected
    }
    events = body_of({**line(content="a"), "logprobs": native}, {**line(content="a"), "logprobs": native}, answer())
    assert folded(asked(), events)["choices"][0]["logprobs"] == {"content": expected * 2}


def test_what_no_field_is_for_comes_back_and_goes_back():
    message = parse(asked(), answer(content="a", mood="good"))["choices"][0]["message"]
    assert message["provider_fields"] == {"adapter": "ollama_chat", "message": {"mood": "good"}}
    assert sent([USER, message, USER])[0]["messages"][1] == {"role": "assistant", "content": "a", "mood": "good"}
    foreign = {**message, "provider_fields": {"adapter": "openai_chat", "message": {"mood": "good"}}}
    assert "mood" not in sent([USER, foreign, USER])[0]["messages"][1]


# --- streams --------------------------------------------------------------------------------------------------------

TEXT = st.text('ab \n\u2028é🙂"\\', max_size=8)


@st.composite
def answers(draw):
    """A whole answer, and the lines of its stream."""
    thoughts, texts = draw(st.lists(TEXT, max_size=3)), draw(st.lists(TEXT, max_size=4))
    calls = draw(st.lists(st.sampled_from([CALLED, {"id": "call_x", **CALLED}]), max_size=3))
    fields = {"content": "".join(texts)}
    fields |= {"thinking": "".join(thoughts)} if thoughts else {}
    fields |= {"tool_calls": calls} if calls else {}
    whole = answer(done_reason=draw(st.sampled_from(["stop", "length"])), **fields)
    pieces = [line(thinking=thought) for thought in thoughts] + [line(content=text) for text in texts]
    pieces += [line(tool_calls=[one]) for one in calls]
    end = {**whole, "message": {"role": "assistant", "content": ""}}
    return whole, body_of(*pieces, end)


@given(answers(), st.data())
def test_any_cut_of_a_stream_gives_the_same_chunks_and_their_fold_is_the_whole_answer(made, data):
    whole, body = made
    chunks = decode(asked(), body)
    assert decode(asked(), body, data.draw(cuts_of(len(body)))) == chunks
    assert folded(asked(), body) == parse(asked(), whole)
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert all("content" in chunk["choices"][0]["delta"] for chunk in chunks)
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks] == ["assistant"] + [None] * (len(chunks) - 1)


@given(answers(), st.data())
def test_a_stream_that_ends_before_it_is_done_is_incomplete(made, data):
    _, body = made
    last = body.rindex(b"\n", 0, -1) + 1 if body.count(b"\n") > 1 else 0
    with pytest.raises(IncompleteStreamError):
        decode(asked(), body[: data.draw(st.integers(0, last))])


def test_a_tool_call_of_any_line_makes_the_finish_reason():
    chunks = decode(asked(), body_of(line(tool_calls=[CALLED]), line(tool_calls=[CALLED]), answer()))
    assert [piece["index"] for chunk in chunks[:-1] for piece in chunk["choices"][0]["delta"]["tool_calls"]] == [0, 1]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks[-1]["usage"]["total_tokens"] == 29


def test_a_line_with_more_than_text_loses_none_of_it():
    rich = {"content": "a", "thinking": "b", "tool_calls": [CALLED], "mood": "good"}
    for events in ([line(**rich), answer()], [line(content="x"), line(**rich), answer()], [answer(**rich)]):
        message = folded(asked(), body_of(*events))["choices"][0]["message"]
        assert message["content"].endswith("a")
        assert (message["reasoning_content"], len(message["tool_calls"])) == ("b", 1)
        assert message["provider_fields"]["message"] == {"mood": "good"}


def test_an_answer_in_one_piece_without_a_line_feed_is_a_stream_too():
    assert folded(asked(), body_of(answer(content="a")).strip()) == parse(asked(), answer(content="a"))


def test_nothing_is_read_after_the_line_that_says_done():
    assert folded(asked(), body_of(answer(content="a"), line(content="b"))) == parse(asked(), answer(content="a"))


# --- errors ---------------------------------------------------------------------------------------------------------

ERRORS = [
    (400, {"error": "registry.ollama.ai/library/x does not support tools"}, None, BadRequestError),
    (400, {"error": "the prompt exceeds the context length"}, "context_length_exceeded", BadRequestError),
    (404, {"error": "model 'foo' not found"}, None, APIStatusError),
    (503, {"error": "server busy, please try again. maximum pending requests exceeded"}, "overloaded", None),
    (500, {"error": {"message": "oops", "type": "api_error"}}, "api_error", InternalServerError),
    (502, "Bad Gateway", None, InternalServerError),
    (500, None, None, InternalServerError),
]


@pytest.mark.parametrize(("status", "body", "code", "kind"), ERRORS, ids=str)
def test_an_error_body_has_a_code_and_a_message(status, body, code, kind):
    got, message = explain(status, body)
    assert got == code
    assert message
    assert issubclass(class_for(status, got), kind or InternalServerError)


BROKEN = {"error": "an error was encountered while running the model: out of memory"}


def test_an_error_inside_a_200_is_the_servers():
    with pytest.raises(InternalServerError, match="out of memory"):
        parse(asked(), BROKEN)
    for start in ([], [line(content="a")], [line(content="a"), line(content="b")]):
        with pytest.raises(InternalServerError, match="out of memory"):
            decode(asked(), body_of(*start, BROKEN), [len(body_of(*start))])


def test_what_is_not_of_the_format_is_invalid():
    with pytest.raises(APIResponseValidationError, match="no message"):
        parse(asked(), {"choices": []})
    for body in (b"<html>\nno\n</html>\n", b"[1]\n", b'{"message":{"tool_calls":[{}]}}\n'):
        with pytest.raises(APIResponseValidationError):
            decode(asked(), body)
