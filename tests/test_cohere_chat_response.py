"""Answers, streams and errors of Cohere's v2 chat."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CREATED, ID, call, cuts_of, decode, folded, named_sse, parse, render, sse

from unified_llm.adapters.cohere_chat import FINISH, explain
from unified_llm.errors import (
    APIResponseValidationError,
    APIStatusError,
    BadRequestError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    class_for,
)

NATIVE_USAGE = {
    "billed_units": {"input_tokens": 8.0, "output_tokens": 50.0},
    "tokens": {"input_tokens": 1394.0, "output_tokens": 54.0},
    "cached_tokens": 1360.0,
}
USAGE = {
    "prompt_tokens": 1394,
    "completion_tokens": 54,
    "total_tokens": 1448,
    "prompt_tokens_details": {"cached_tokens": 1360},
    "billed_units": {"input_tokens": 8.0, "output_tokens": 50.0},
}


def made():
    return call("custom/m", adapter="cohere_chat")


def answer(*, finish="COMPLETE", usage=NATIVE_USAGE, **message):
    return {"id": "c9", "finish_reason": finish, "message": {"role": "assistant", **message}, "usage": usage}


def text(words):
    return {"type": "text", "text": words}


def thought(words):
    return {"type": "thinking", "thinking": words}


def tool(id, arguments='{"city":"Rome"}'):
    return {"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}}


def events(whole, cut=1):
    """The stream of a whole answer, each text in pieces of so many characters."""
    message = whole["message"]

    def pieces(words):
        return [words[at : at + cut] for at in range(0, len(words), cut)]

    def event(kind, index=None, **message):
        place = {} if index is None else {"index": index}
        return {"type": kind, **place, **({"delta": {"message": message}} if message else {})}

    yield {"id": whole["id"], "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}}
    for piece in pieces(message.get("tool_plan") or ""):
        yield event("tool-plan-delta", tool_plan=piece)
    for at, item in enumerate(message.get("content") or ()):
        kind = item["type"]
        yield event("content-start", at, content={"type": kind, kind: ""})
        for piece in pieces(item[kind]):
            yield event("content-delta", at, content={kind: piece})
        yield event("content-end", at)
    for at, cited in enumerate(message.get("citations") or ()):
        yield event("citation-start", at, citations=cited)
        yield event("citation-end", at)
    for at, one in enumerate(message.get("tool_calls") or ()):
        given = one["function"]
        yield event("tool-call-start", at, tool_calls={**one, "function": {**given, "arguments": ""}})
        for piece in pieces(given["arguments"]):
            yield event("tool-call-delta", at, tool_calls={"function": {"arguments": piece}})
        yield event("tool-call-end", at)
    yield {"type": "message-end", "delta": {"finish_reason": whole["finish_reason"], "usage": whole["usage"]}}


def both(whole):
    """The message of an answer, which is the same whole and streamed."""
    completion = parse(made(), whole)
    assert folded(made(), named_sse(*events(whole))) == completion
    return completion["choices"][0]["message"]


# --- whole answers --------------------------------------------------------------------------------------------------


def test_a_whole_answer_is_a_completion():
    assert parse(made(), answer(content=[text("Hi")])) == {
        "id": "c9",
        "object": "chat.completion",
        "created": CREATED,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi"},
                "finish_reason": "stop",
                "native_finish_reason": "COMPLETE",
            }
        ],
        "usage": USAGE,
    }


def test_an_answer_without_an_id_gets_one():
    assert parse(made(), {**answer(content="Hi"), "id": None})["id"] == ID


@pytest.mark.parametrize(
    ("content", "words", "thoughts"),
    [
        (None, None, None),
        ([], None, None),
        ("Hi", "Hi", None),
        ([text("a"), text("b")], "ab", None),
        ([thought("Hm."), text("Hi")], "Hi", "Hm."),
        ([text("")], None, None),
    ],
    ids=str,
)
def test_text_and_thoughts_are_told_apart(content, words, thoughts):
    message = parse(made(), answer(content=content))["choices"][0]["message"]
    assert (message["content"], message.get("reasoning_content")) == (words, thoughts)


def test_a_tool_plan_is_a_thought_that_is_kept_for_the_way_back():
    message = both(answer(finish="TOOL_CALL", tool_plan="I look it up.", tool_calls=[tool("a"), tool("b")]))
    assert message["content"] is None
    assert message["tool_calls"] == [tool("a"), tool("b")]
    assert message["provider_fields"] == {"adapter": "cohere_chat", "message": {"tool_plan": "I look it up."}}


@pytest.mark.parametrize("arguments", ["", "null", "{}", '{"a": 1}', "nul", "[", "nullable"])
def test_arguments_are_a_json_string_even_when_there_are_none(arguments):
    message = both(answer(finish="TOOL_CALL", tool_calls=[tool("a", arguments)]))
    expected = "{}" if arguments in ("", "null") else arguments
    assert message["tool_calls"][0]["function"]["arguments"] == expected


def test_arguments_that_are_no_string_are_written_as_one():
    calls = [tool("a", None), tool("b", {"city": "Rome"})]
    message = parse(made(), answer(tool_calls=calls))["choices"][0]["message"]
    assert [one["function"]["arguments"] for one in message["tool_calls"]] == ["{}", '{"city":"Rome"}']


def test_ids_are_never_empty_and_never_the_same():
    message = both(answer(tool_calls=[tool("a"), tool("a"), tool("")]))
    assert [one["id"] for one in message["tool_calls"]] == ["a", "call_0123456789ab_1", "call_0123456789ab_2"]


@pytest.mark.parametrize(("native", "finish"), FINISH.items())
def test_a_finish_reason_is_kept_beside_openais(native, finish):
    choice = parse(made(), answer(finish=native, content=[text("a")]))["choices"][0]
    expected = "stop" if finish == "tool_calls" else finish
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (expected, native)


@pytest.mark.parametrize(("native", "finish"), [("COMPLETE", "tool_calls"), ("MAX_TOKENS", "length"), (None, None)])
def test_a_natural_stop_with_calls_is_tool_calls(native, finish):
    assert parse(made(), answer(finish=native, tool_calls=[tool("a")]))["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("native", "expected"),
    [
        (None, None),
        ({}, None),
        ({"tokens": {"input_tokens": None}}, None),
        (
            {"billed_units": {"input_tokens": 3, "output_tokens": 4}},
            {
                "prompt_tokens": 3,
                "completion_tokens": 4,
                "total_tokens": 7,
                "billed_units": {"input_tokens": 3, "output_tokens": 4},
            },
        ),
        (
            {"tokens": {"input_tokens": 3, "output_tokens": 4, "reasoning_tokens": 2}},
            {
                "prompt_tokens": 3,
                "completion_tokens": 4,
                "total_tokens": 7,
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
        ),
    ],
    ids=str,
)
def test_usage_counts_tokens_and_is_none_where_there_is_none(native, expected):
    assert parse(made(), answer(content="Hi", usage=native))["usage"] == expected


# --- citations ------------------------------------------------------------------------------------------------------


def cited(source, **fields):
    return {"start": 0, "end": 4, "text": "Rome", "sources": [source], "type": "TEXT_CONTENT", **fields}


WEB = {"type": "document", "id": "1", "document": {"title": "t", "url": "https://a.example"}}
OUTPUT = {"type": "tool", "id": "2", "tool_output": {"url": "https://b.example"}}
LOCAL = {"type": "document", "id": "3", "document": {"text": "Rome"}}


def test_sources_with_an_address_are_annotations_with_offsets_into_the_joined_text():
    content = [thought("Hm."), text("Yes: "), text("Rome.")]
    citations = [cited(WEB, content_index=2), cited(OUTPUT, content_index=1), cited(LOCAL, content_index=2)]
    message = both(answer(content=content, citations=citations))
    assert [one["url_citation"] for one in message["annotations"]] == [
        {"url": "https://a.example", "title": "t", "start_index": 5, "end_index": 9},
        {"url": "https://b.example", "title": "", "start_index": 0, "end_index": 4},
    ]
    assert message["provider_fields"]["message"] == {"content": content, "citations": citations}


@pytest.mark.parametrize("fields", [{"type": "PLAN"}, {"type": "THINKING_CONTENT"}, {"content_index": 0}], ids=str)
def test_a_citation_of_what_is_no_text_is_only_kept(fields):
    message = both(answer(content=[thought("Rome"), text("Yes")], citations=[cited(WEB, **fields)]))
    assert "annotations" not in message
    assert message["provider_fields"]["message"]["citations"] == [cited(WEB, **fields)]


def test_a_citation_without_an_index_is_of_the_first_text():
    message = both(answer(content=[thought("Hm."), text("Rome")], citations=[cited(WEB)]))
    assert message["annotations"][0]["url_citation"]["start_index"] == 0


def test_an_answer_goes_back_as_it_came():
    wire = {
        "content": [thought("Hm."), text("Rome.")],
        "tool_plan": "I look it up.",
        "tool_calls": [tool("a")],
        "citations": [cited(WEB, content_index=1)],
    }
    message = json.loads(json.dumps(both(answer(finish="TOOL_CALL", **wire))))
    history = [{"role": "user", "content": "Hi"}, message, {"role": "tool", "tool_call_id": "a", "content": "x"}]
    sent = render(call("custom/m", history, adapter="cohere_chat")).body["messages"][1]
    assert sent == {"role": "assistant", **wire}


# --- streams --------------------------------------------------------------------------------------------------------

WORDS = st.text('ab \n\u2028é🙂"\\', max_size=10)


@st.composite
def answers(draw):
    items = st.one_of(st.builds(text, WORDS), st.builds(thought, WORDS))
    fields = {"content": draw(st.lists(items, max_size=3)), "tool_plan": draw(WORDS)}
    count = draw(st.integers(0, 3))
    fields["tool_calls"] = [
        tool(f"call_{at}", draw(st.sampled_from(["", "null", '{"city":"Rome"}']))) for at in range(count)
    ]
    fields["citations"] = draw(st.lists(st.sampled_from([cited(WEB, content_index=0), cited(LOCAL)]), max_size=2))
    return answer(finish=draw(st.sampled_from(["COMPLETE", "TOOL_CALL", "MAX_TOKENS"])), **fields)


@given(answers(), st.integers(1, 20), st.data())
def test_any_cut_of_a_stream_gives_the_same_chunks_and_their_fold_is_the_whole_answer(whole, size, data):
    body = named_sse(*events(whole, size))
    chunks = decode(made(), body)
    assert decode(made(), body, data.draw(cuts_of(len(body)))) == chunks
    assert folded(made(), body) == parse(made(), whole)
    assert {chunk["id"] for chunk in chunks} == {"c9"}
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks] == ["assistant"] + [None] * (len(chunks) - 1)
    assert ["usage" in chunk for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


@given(answers(), st.data())
def test_a_stream_that_ends_before_its_last_event_is_incomplete(whole, data):
    body = named_sse(*events(whole))
    with pytest.raises(IncompleteStreamError):
        decode(made(), body[: data.draw(st.integers(0, body.index(b"event: message-end")))])


START = {"id": "c9", "type": "message-start", "delta": {"message": {"role": "assistant"}}}
END = {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": NATIVE_USAGE}}


def delta(content, index=0, **fields):
    return {"type": "content-delta", "index": index, "delta": {"message": {"content": content}}, **fields}


def test_content_may_begin_without_a_start_or_a_type():
    bare = {"type": "content-start", "index": 1, "delta": {"message": {"content": {"text": "a"}}}}
    body = sse(START, delta({"thinking": "Hm."}), bare, delta({"text": "b"}, 1), END)
    message = folded(made(), body)["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("ab", "Hm.")


def test_log_probabilities_are_kept_in_coheres_form():
    scored = {"text": "a", "token_ids": [1], "logprobs": [-0.5]}
    streamed = folded(made(), sse(START, delta({"text": "a"}, logprobs=scored), END))
    whole = parse(made(), {**answer(content="a"), "logprobs": [scored]})
    assert streamed["provider_fields"] == whole["provider_fields"] == {"logprobs": [scored]}
    assert streamed["choices"][0]["message"]["content"] == "a"


def test_events_that_are_not_known_are_passed_over():
    body = sse(
        START, {"type": "debug", "prompt": "x"}, delta({"text": "a"}), {"type": "news"}, END, delta({"text": "b"})
    )
    assert folded(made(), body)["choices"][0]["message"]["content"] == "a"


def test_a_call_whose_end_is_missing_still_has_arguments():
    start = {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": tool("a", None)}}}
    message = folded(made(), sse(START, start, END))["choices"][0]["message"]
    assert message["tool_calls"] == [tool("a", "{}")]


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("finish", "status"), [("ERROR", 500), ("TIMEOUT", 504)])
def test_an_answer_that_the_server_broke_off_is_an_error(finish, status):
    with pytest.raises(InternalServerError, match=finish) as caught:
        parse(made(), answer(finish=finish, content=[text("a")]))
    assert caught.value.status_code == status
    end = {"finish_reason": finish, "error": "it broke", "error_type": "INVALID_TOOL_GENERATION"}
    for start in ([], [START, delta({"text": "a"})]):
        with pytest.raises(InternalServerError, match="it broke") as caught:
            decode(made(), sse(*start, {"type": "message-end", "delta": end}))
        assert (caught.value.status_code, caught.value.code) == (status, "INVALID_TOOL_GENERATION")


def test_a_message_that_is_words_is_an_error_inside_a_200():
    with pytest.raises(APIStatusError, match="no such thing"):
        parse(made(), {"id": "1", "message": "no such thing"})
    with pytest.raises(APIStatusError, match="no such thing"):
        decode(made(), sse(START, {"message": "no such thing"}))


def test_what_is_not_of_the_format_is_invalid():
    with pytest.raises(APIResponseValidationError, match="no message"):
        parse(made(), {"choices": []})
    with pytest.raises(APIResponseValidationError):
        decode(made(), sse(START, {"type": "tool-call-delta", "index": 3}))


ERRORS = [
    (401, {"message": "invalid api token"}, None, "invalid api token"),
    (400, {"message": "too many tokens: size limit exceeded by 9 tokens"}, "context_length_exceeded", "too many"),
    (498, {"message": "blocked"}, "content_policy_violation", "blocked"),
    (429, {"error": {"message": "slow down", "type": "rate_limit_error"}}, "rate_limit_error", "slow down"),
    (500, "oops", None, "oops"),
    (502, None, None, "no error message"),
]


@pytest.mark.parametrize(("status", "body", "code", "words"), ERRORS, ids=str)
def test_an_error_body_has_a_code_and_a_message(status, body, code, words):
    got, message = explain(status, body)
    assert (got, words in message) == (code, True)


def test_a_prompt_that_is_too_long_is_a_context_error_and_a_block_keeps_its_status():
    assert class_for(400, explain(400, {"message": "too many tokens"})[0]) is ContextWindowExceededError
    assert class_for(498, explain(498, {"message": "blocked"})[0]) is APIStatusError
    assert class_for(400, explain(400, {"message": "no"})[0]) is BadRequestError
