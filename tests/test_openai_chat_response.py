"""Answers of chat completions: what hosts send otherwise than OpenAI, whole and streamed."""

from __future__ import annotations

import pytest
from support import CREATED, ID, call, decode, folded, parse, quirky, sse

from unified_llm.adapters import load
from unified_llm.errors import (
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    IncompleteStreamError,
    InternalServerError,
    OverloadedError,
    RateLimitError,
)

USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


def whole(message, finish="stop", usage=USAGE, choice=None, **fields):
    choices = [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, **(choice or {})}]
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 3,
        "model": "m-1",
        "choices": choices,
        "usage": usage,
        **fields,
    }


def event(delta=None, finish=None, index=0, choice=None, **fields):
    choices = [{"index": index, "delta": delta or {}, "finish_reason": finish, **(choice or {})}]
    return {"id": "x", "object": "chat.completion.chunk", "created": 3, "model": "m-1", "choices": choices, **fields}


LAST = event(finish="stop", usage=USAGE)


def parsed(message, finish="stop", **fields):
    return parse(quirky({}), whole(message, finish, **fields))["choices"][0]


def stream(*events, made=None):
    return folded(made or quirky({}), sse(*events))


def streamed(*events):
    return stream(*events)["choices"][0]


def tool(id="call_a", name="f", arguments='{"a":1}', **fields):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **fields}


# --- text and reasoning ---------------------------------------------------------------------------------------------

TEXTS = {
    "a string": ({"content": "Hi"}, "Hi", None),
    "null": ({"content": None}, None, None),
    "empty": ({"content": ""}, None, None),
    "absent": ({}, None, None),
    "parts": ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab", None),
    "strings": ({"content": ["a", "b"]}, "ab", None),
    "reasoning_content": ({"content": "4", "reasoning_content": "Hm."}, "4", "Hm."),
    "reasoning": ({"content": "4", "reasoning": "Hm."}, "4", "Hm."),
    "an object of reasoning": ({"content": "4", "reasoning": {"content": "Hm."}}, "4", "Hm."),
    "both fields": ({"content": "4", "reasoning_content": "Hm.", "reasoning": "Hm."}, "4", "Hm."),
    "an empty first field": ({"content": "4", "reasoning_content": "", "reasoning": "Hm."}, "4", "Hm."),
    "text details": ({"content": "4", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}, "4", "Hm."),
    "summary details": (
        {"content": "4", "reasoning_details": [{"type": "reasoning.summary", "summary": "Hm."}]},
        "4",
        "Hm.",
    ),
    "encrypted details": (
        {"content": "4", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]},
        "4",
        None,
    ),
    "field and details": (
        {"content": "4", "reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        "4",
        "Hm.",
    ),
    "a thinking part": (
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "4"},
            ]
        },
        "4",
        "Hm.",
    ),
    "a reasoning part": (
        {
            "content": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
                {"type": "text", "text": "4"},
            ]
        },
        "4",
        "Hm.",
    ),
}


@pytest.mark.parametrize(("wire", "content", "reasoning"), TEXTS.values(), ids=TEXTS)
def test_text_and_reasoning_are_found_in_every_form(wire, content, reasoning):
    for message in (parsed(wire)["message"], streamed(event({"role": "assistant", **wire}), LAST)["message"]):
        assert (message["content"], message.get("reasoning_content")) == (content, reasoning)


DETAILS = [
    {"type": "reasoning.text", "text": "H", "index": 0, "format": "f", "signature": None},
    {"type": "reasoning.text", "text": "m.", "index": 0, "signature": "s"},
    {"type": "reasoning.encrypted", "data": "x", "index": 1},
]
MERGED = [
    {"type": "reasoning.text", "text": "Hm.", "index": 0, "format": "f", "signature": "s"},
    {"type": "reasoning.encrypted", "data": "x", "index": 1},
]


def test_pieces_of_reasoning_details_are_merged_for_their_way_back():
    message = streamed(*(event({"reasoning_details": [piece]}) for piece in DETAILS), event({"content": "4"}), LAST)[
        "message"
    ]
    assert message["reasoning_content"] == "Hm."
    assert message["provider_fields"]["message"]["reasoning_details"] == MERGED
    echo = quirky({"echo_reasoning": "reasoning_details"}, [("user", "Hi"), message, ("user", "Go on")])
    assert load("openai_chat").render(echo).body["messages"][1]["reasoning_details"] == MERGED


@pytest.mark.parametrize("key", ["refusal", "annotations"])
def test_refusal_and_annotations_are_kept(key):
    value = {
        "refusal": "No.",
        "annotations": [
            {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
        ],
    }[key]
    assert parsed({"content": "a", key: value})["message"][key] == value
    assert streamed(event({"content": "a"}), event({key: value}), LAST)["message"][key] == value


def test_what_the_shape_has_no_place_for_is_kept():
    assert parsed({"content": "a", "images": [1], "audio": None})["message"]["provider_fields"]["message"] == {
        "images": [1]
    }
    assert parse(quirky({}), whole({"content": "a"}, citations=["u"], service_tier="flex", system_fingerprint="fp"))[
        "provider_fields"
    ] == {"citations": ["u"]}
    got = stream(
        event({"content": "a", "images": [1]}), {**LAST, "citations": ["u"], "service_tier": "flex", "obfuscation": "x"}
    )
    assert got["choices"][0]["message"]["provider_fields"]["message"] == {"images": [1]}
    assert (got["provider_fields"], got["service_tier"]) == ({"citations": ["u"]}, "flex")


# --- tool calls -----------------------------------------------------------------------------------------------------

CALLS = {
    "plain": ([tool()], [("call_a", "f", '{"a":1}')]),
    "two": ([tool("a"), tool("b")], [("a", "f", '{"a":1}'), ("b", "f", '{"a":1}')]),
    "no arguments": ([tool(arguments="")], [("call_a", "f", "{}")]),
    "null arguments": ([tool(arguments=None)], [("call_a", "f", "{}")]),
    "arguments as an object": ([tool(arguments={"a": 1})], [("call_a", "f", '{"a":1}')]),
    "arguments that are no JSON": ([tool(arguments='{"a')], [("call_a", "f", '{"a')]),
    "without a type": ([{"id": "a", "function": {"name": "f", "arguments": "{}"}}], [("a", "f", "{}")]),
}


@pytest.mark.parametrize(("wire", "expected"), CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("finish", ["stop", "tool_calls", "function_call", "eos", ""])
def test_tool_calls_decide_the_finish_reason_whatever_word_came(wire, expected, finish):
    indexed = [{"index": index, **one} for index, one in enumerate(wire)]
    last = event(finish=finish)
    for choice in (parsed({"tool_calls": wire}, finish), streamed(event({"tool_calls": indexed}), last, "[DONE]")):
        got = choice["message"]["tool_calls"]
        assert [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in got] == expected
        assert {c["type"] for c in got} == {"function"}
        assert choice["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("finish", ["tool_calls", "function_call", "stop"])
def test_a_natural_end_without_calls_is_a_stop(finish):
    assert parsed({"content": "a", "tool_calls": []}, finish)["finish_reason"] == "stop"
    assert streamed(event({"content": "a"}), event(finish=finish))["finish_reason"] == "stop"


@pytest.mark.parametrize("id", [None, "", "absent"], ids=repr)
def test_a_call_without_an_id_gets_one_of_its_own_each_time_the_same(id):
    wire = [{k: v for k, v in tool(id).items() if v != "absent"} for _ in range(2)]
    for read in (
        lambda: parsed({"tool_calls": wire}),
        lambda: streamed(event({"tool_calls": [{"index": i, **w} for i, w in enumerate(wire)]}), LAST),
    ):
        first, second = ([c["id"] for c in read()["message"]["tool_calls"]] for _ in range(2))
        assert first == second
        assert len({*first}) == 2
        assert all(first)


def test_calls_that_share_one_id_get_ids_of_their_own():
    wire = [tool("same"), tool("same", "g")]
    ids = [c["id"] for c in parsed({"tool_calls": wire})["message"]["tool_calls"]]
    assert len(set(ids)) == 2


def test_the_old_function_call_is_a_tool_call():
    function = {"name": "f", "arguments": "{}"}
    pieces = [event({"function_call": {"name": "f", "arguments": "{"}}), event({"function_call": {"arguments": "}"}})]
    for choice in (
        parsed({"function_call": function}, "function_call"),
        streamed(*pieces, event(finish="function_call")),
    ):
        (got,) = choice["message"]["tool_calls"]
        assert (got["function"], choice["finish_reason"]) == (function, "tool_calls")


ONE, TWO = [("a", "f", '{"x":1}')], [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]


def piece(index, id=None, name=None, arguments=None, **fields):
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {key: value for key, value in (("index", index), ("id", id)) if value is not None} | {
        "function": function,
        **fields,
    }


PIECES = {
    "as OpenAI does": (
        [[piece(0, "a", "f", "", type="function")], [piece(0, arguments='{"x"')], [piece(0, arguments=":1}")]],
        ONE,
    ),
    "whole in one": ([[piece(0, "a", "f", '{"x":1}')]], ONE),
    "id in each": ([[piece(0, "a", "f", '{"x"')], [piece(0, "a", arguments=":1}")]], ONE),
    "id and name in each": ([[piece(0, "a", "f", '{"x"')], [piece(0, "a", "f", ":1}")]], ONE),
    "empty id and name later": ([[piece(0, "a", "f", '{"x"')], [piece(0, "", "", ":1}")]], ONE),
    "no index": ([[piece(None, "a", "f", '{"x"')], [piece(None, arguments=":1}")]], ONE),
    "name before arguments": ([[piece(0, "a", "f")], [piece(0, arguments='{"x":1}')]], ONE),
    "null arguments": (
        [[{**piece(0, "a"), "function": {"name": "f", "arguments": None}}], [piece(0, arguments='{"x":1}')]],
        ONE,
    ),
    "arguments as an object": ([[piece(0, "a", "f", {"x": 1})]], ONE),
    "id before name": ([[piece(0, "a")], [piece(0, name="f", arguments='{"x":1}')]], ONE),
    "an index from 1": ([[piece(1, "a", "f", '{"x":1}')]], ONE),
    "two in one delta": ([[piece(0, "a", "f", '{"x":1}'), piece(1, "b", "g", '{"y":2}')]], TWO),
    "two, index always 0": ([[piece(0, "a", "f", '{"x":1}')], [piece(0, "b", "g", '{"y":2}')]], TWO),
    "two, index always 0, in pieces": (
        [
            [piece(0, "a", "f", '{"x"')],
            [piece(0, arguments=":1}")],
            [piece(0, "b", "g", '{"y"')],
            [piece(0, arguments=":2}")],
        ],
        TWO,
    ),
    "two without index": ([[piece(None, "a", "f", '{"x":1}')], [piece(None, "b", "g", '{"y":2}')]], TWO),
    "two interleaved": (
        [
            [piece(0, "a", "f", '{"x"')],
            [piece(1, "b", "g", '{"y"')],
            [piece(0, arguments=":1}")],
            [piece(1, arguments=":2}")],
        ],
        TWO,
    ),
}


@pytest.mark.parametrize(("deltas", "expected"), PIECES.values(), ids=PIECES)
def test_pieces_of_tool_calls_come_together(deltas, expected):
    choice = streamed(*(event({"tool_calls": delta}) for delta in deltas), event(finish="tool_calls"))
    got = choice["message"]["tool_calls"]
    assert [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in got] == expected


def test_a_custom_tools_call_is_kept_in_openais_shape():
    custom = {"id": "a", "type": "custom", "custom": {"name": "f", "input": "x = 1"}}
    assert parsed({"tool_calls": [custom]})["message"]["tool_calls"] == [custom]


def test_a_custom_tools_streamed_call_is_that_of_the_whole_answer():
    begin = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": ""}}
    pieces = [begin, {"index": 0, "custom": {"input": "x = "}}, {"index": 0, "custom": {"input": "1"}}]
    custom = {"id": "a", "type": "custom", "custom": {"name": "f", "input": "x = 1"}}
    got = streamed(*(event({"tool_calls": [one]}) for one in pieces), event(finish="tool_calls"))
    assert got["message"]["tool_calls"] == [custom]


def test_a_signature_on_a_call_is_kept_for_its_way_back():
    signed = tool(extra_content={"google": {"thought_signature": "s"}})
    assert parsed({"tool_calls": [signed]})["message"]["tool_calls"] == [signed]
    assert streamed(event({"tool_calls": [{"index": 0, **signed}]}), LAST)["message"]["tool_calls"] == [signed]


# --- finish reasons -------------------------------------------------------------------------------------------------

FINISH = {
    "stop": "stop eos eos_token stop_sequence end_turn COMPLETE",
    "length": "length max_tokens model_length model_context_window_exceeded",
    "content_filter": "content_filter sensitive safety violation",
}
FINISH_WORDS = [(word, finish) for finish, words in FINISH.items() for word in words.split()]


@pytest.mark.parametrize(("word", "finish"), FINISH_WORDS)
def test_each_word_for_the_end_has_its_finish_reason_and_is_kept(word, finish):
    for choice in (parsed({"content": "a"}, word), streamed(event({"content": "a"}), event(finish=word))):
        assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, word)


@pytest.mark.parametrize(("word", "finish"), [pair for pair in FINISH_WORDS if pair[1] != "stop"])
def test_an_unnatural_end_with_calls_is_no_tool_calls(word, finish):
    assert parsed({"tool_calls": [tool()]}, word)["finish_reason"] == finish


def test_the_upstream_word_of_a_gateway_is_the_native_one():
    gateway = {"native_finish_reason": "end_turn"}
    for choice in (
        parsed({"content": "a"}, choice=gateway),
        streamed(event({"content": "a"}), event(finish="stop", choice=gateway)),
    ):
        assert choice["native_finish_reason"] == "end_turn"


@pytest.mark.parametrize("word", ["", None, "a_word_of_tomorrow"], ids=repr)
def test_a_stream_with_its_end_mark_may_lack_a_known_word(word):
    choice = streamed(event({"content": "a"}), event(finish=word), "[DONE]")
    assert choice["finish_reason"] in ("stop", None)
    assert choice["message"]["content"] == "a"


@pytest.mark.parametrize("delta", [{"content": "a"}, {"tool_calls": [{"index": 0, **tool()}]}], ids=["text", "call"])
def test_a_finish_reason_that_the_provider_never_gave_is_none(delta):
    choice = streamed(event(delta), event(), "[DONE]")
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (None, None)


# --- id, model, created ---------------------------------------------------------------------------------------------


def test_id_model_and_time_are_the_providers_own():
    for got in (parse(quirky({}), whole({"content": "a"})), stream(event({"content": "a"}), LAST)):
        assert (got["id"], got["model"], got["created"]) == ("x", "m-1", 3)


@pytest.mark.parametrize(
    "nothing", [{"id": "", "model": "", "created": 0}, {"id": None, "model": None, "created": None}], ids=str
)
def test_without_them_they_are_generated(nothing):
    for got in (
        parse(quirky({}), {**whole({"content": "a"}), **nothing}),
        stream({**event({"content": "a"}), **nothing}, {**LAST, **nothing}),
    ):
        assert (got["id"], got["model"], got["created"]) == (ID, "m", CREATED)


def test_an_id_that_changes_in_the_stream_stays_the_first():
    chunks = decode(
        quirky({}), sse(event({"content": "a"}), {**event({"content": "b"}), "id": "y"}, {**LAST, "id": "z"})
    )
    assert {chunk["id"] for chunk in chunks} == {"x"}


# --- choices and logprobs -------------------------------------------------------------------------------------------


def test_several_answers_interleave():
    two = [
        {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": f}
        for i, text, f in ((0, "ab", "stop"), (1, "cd", "length"))
    ]
    body = {**whole({}), "choices": two}
    pieces = [event({"content": t}, index=i) for i, t in ((0, "a"), (1, "c"), (1, "d"), (0, "b"))]
    ends = [event(finish="length", index=1), event(finish="stop", usage=USAGE)]
    assert stream(*pieces, *ends) == parse(quirky({}), body)


def test_logprobs_are_joined():
    def scored(token):
        return {"token": token, "logprob": -0.1, "bytes": None, "top_logprobs": []}

    events = [event({"content": t}, choice={"logprobs": {"content": [scored(t)], "refusal": None}}) for t in "ab"]
    expected = {"content": [scored("a"), scored("b")], "refusal": None}
    assert streamed(*events, LAST)["logprobs"] == expected
    assert parsed({"content": "ab"}, choice={"logprobs": expected})["logprobs"] == expected


# --- broken answers -------------------------------------------------------------------------------------------------

OVERLOADED = {"message": "No.", "type": "overloaded_error", "code": None}
BROKEN = {
    "an error": ({"error": {"message": "No.", "code": 502}}, InternalServerError, 502),
    "an error and no choices": (
        {"id": "x", "choices": [], "error": {"code": 429, "message": "No."}},
        RateLimitError,
        429,
    ),
    "a numeral": ({"error": {"message": "No.", "code": "401"}}, AuthenticationError, 401),
    "a type": ({"error": {"message": "No.", "type": "invalid_request_error"}}, BadRequestError, 400),
    "overloaded": ({"error": OVERLOADED}, OverloadedError, 529),
    "a string": ({"error": "No."}, APIStatusError, 200),
    "an error object": (
        {"object": "error", "message": "No.", "type": "BadRequestError", "code": 400},
        BadRequestError,
        400,
    ),
    "a business code": (
        {"choices": None, "base_resp": {"status_code": 1004, "status_msg": "No."}},
        APIStatusError,
        200,
    ),
    "in x_groq": ({"choices": [], "x_groq": {"error": {"message": "No.", "code": 500}}}, InternalServerError, 500),
    "in the choice": (
        {"choices": [{"index": 0, "delta": {}, "message": {}, "error": {"code": 502, "message": "No."}}]},
        InternalServerError,
        502,
    ),
    "a finish reason": (
        {"choices": [{"index": 0, "delta": {}, "message": {"content": "a"}, "finish_reason": "error"}]},
        InternalServerError,
        500,
    ),
    "out of resources": (
        {
            "choices": [
                {"index": 0, "delta": {}, "message": {"content": "a"}, "finish_reason": "insufficient_system_resource"}
            ]
        },
        InternalServerError,
        500,
    ),
}


@pytest.mark.parametrize(("body", "kind", "status"), BROKEN.values(), ids=BROKEN)
def test_an_error_in_a_200_is_raised_whole_and_streamed(body, kind, status):
    for fail in (lambda: parse(quirky({}), body), lambda: decode(quirky({}), sse(event({"content": "a"}), body))):
        with pytest.raises(kind) as caught:
            fail()
        assert caught.value.status_code == status
        assert "No." in str(caught.value) or body.get("choices")


@pytest.mark.parametrize(
    "fields",
    [{"error": None}, {"error": {}}, {"base_resp": {"status_code": 0, "status_msg": ""}}, {"x_groq": {"id": "r"}}],
    ids=str,
)
def test_an_error_that_says_none_is_none(fields):
    assert parse(quirky({}), {**whole({"content": "a"}), **fields})["choices"][0]["message"]["content"] == "a"
    assert stream(event({"content": "a"}, **fields), LAST)["choices"][0]["message"]["content"] == "a"


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": None}, {"ok": True}], ids=str)
def test_a_body_without_choices_is_not_an_answer(body):
    with pytest.raises(APIResponseValidationError):
        parse(quirky({}), body)


@pytest.mark.parametrize(
    "data",
    [b"", b": hello\n\n", sse(event({"content": "a"})), sse(event({"content": "a"}))[:-9]],
    ids=["empty", "comment", "no end", "cut"],
)
def test_a_stream_without_end_mark_and_finish_reason_is_incomplete(data):
    with pytest.raises(IncompleteStreamError):
        decode(call("gpt-4.1"), data)
