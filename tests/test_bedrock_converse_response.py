"""Answers of Converse, whole and streamed: each table row is one answer, read both ways."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CREATED, ID, call, cuts_of, decode, folded, parse
from test_aws_events import error, event, exception

from unified_llm.adapters import load
from unified_llm.adapters.bedrock_converse import explain
from unified_llm.chunks import fold
from unified_llm.errors import (
    APIResponseValidationError,
    APIStatusError,
    BadRequestError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)

MODEL = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
USAGE = {"inputTokens": 12, "outputTokens": 30, "totalTokens": 42}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "Eq=="}}}
UNSIGNED = {"reasoningContent": {"reasoningText": {"text": "Hm."}}}
SILENT = {"reasoningContent": {"reasoningText": {"text": "", "signature": "Eq=="}}}
REDACTED = {"reasoningContent": {"redactedContent": "RW1w"}}
WEB = {"title": "A", "location": {"web": {"url": "https://a.example", "domain": "a.example"}}}
PAGE = {"title": "p", "sourceContent": [{"text": "c"}], "location": {"documentPage": {"documentIndex": 0, "start": 1}}}
TOOL = {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}}
TYPED = {"toolUse": {"toolUseId": "t3", "name": "weather", "input": {}, "type": "tool_use"}}
NO_ARGUMENTS = {"toolUse": {"toolUseId": "t2", "name": "now", "input": {}}}
SERVER = {"toolUse": {"toolUseId": "s1", "name": "code", "input": {"snippet": "1"}, "type": "server_tool_use"}}
FOUND = {"toolResult": {"toolUseId": "s1", "type": "code_result", "status": "success", "content": [{"json": {"a": 1}}]}}
IMAGE = {"image": {"format": "png", "source": {"bytes": "iVBO"}}}


def text(words):
    return {"text": words}


def cited(words, *citations):
    return {"citationsContent": {"content": [{"text": words}], "citations": list(citations)}}


def message(*blocks, stop="end_turn", usage=USAGE, **fields):
    answer = {"message": {"role": "assistant", "content": list(blocks)}}
    return {"output": answer, "stopReason": stop, "usage": usage, "metrics": {"latencyMs": 7}, **fields}


def events(whole):
    """The events by which Bedrock would stream a whole answer."""
    out = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(whole["output"]["message"]["content"]):
        (kind, inner), *_ = block.items()
        begun, deltas = pieces_of(kind, inner)
        if begun is not None:
            out.append(("contentBlockStart", {"contentBlockIndex": index, "start": begun}))
        out += [("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}) for delta in deltas]
        out.append(("contentBlockStop", {"contentBlockIndex": index}))
    rest = {key: value for key, value in whole.items() if key not in ("output", "stopReason")}
    return [*out, ("messageStop", {"stopReason": whole["stopReason"]}), ("metadata", rest)]


def halves(words):
    return [words[: len(words) // 2], words[len(words) // 2 :]]


def pieces_of(kind, inner):
    """The start of a block, None where Bedrock has none, and its deltas."""
    if kind == "text":
        return None, [{"text": piece} for piece in halves(inner)]
    if kind == "toolUse":
        written = json.dumps(inner["input"], separators=(",", ":"), ensure_ascii=False) if inner["input"] else ""
        begun = {key: value for key, value in inner.items() if key != "input"}
        return {"toolUse": begun}, [{"toolUse": {"input": piece}} for piece in ["", written[:4], written[4:]]]
    if kind == "citationsContent":
        deltas = [{"text": piece} for piece in halves(inner["content"][0]["text"])]
        return None, [*deltas, *({"citation": citation} for citation in inner["citations"])]
    if kind == "reasoningContent":
        if "redactedContent" in inner:
            return None, [{"reasoningContent": inner}]
        told = inner["reasoningText"]
        signed = [{"signature": told["signature"]}] if "signature" in told else []
        return None, [{"reasoningContent": piece} for piece in [*({"text": p} for p in halves(told["text"])), *signed]]
    if kind == "toolResult":
        begun = {key: value for key, value in inner.items() if key != "content"}
        return {kind: begun}, [{kind: [part]} for part in inner["content"]]
    return {kind: {"format": inner["format"]}}, [{kind: {"source": inner["source"]}}]


def framed(named):
    return b"".join(event(kind, body) for kind, body in named)


def answer_of(whole):
    """The first choice, the same whole and streamed."""
    plain = parse(call(MODEL), whole)
    assert folded(call(MODEL, stream=True), framed(events(whole))) == plain
    return plain["choices"][0]


def tool_call(id, name, arguments):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


ROME = tool_call("t1", "weather", '{"city":"Rome"}')
ANSWERS = {
    "text": ([text("Hi!")], {"content": "Hi!"}),
    "two texts": ([text("Hi"), text(" there")], {"content": "Hi there"}),
    "nothing": ([], {"content": None}),
    "thinking": ([THOUGHT, text("4")], {"content": "4", "reasoning_content": "Hm."}),
    "unsigned thinking": ([UNSIGNED, text("4")], {"content": "4", "reasoning_content": "Hm."}),
    "thinking without words": ([SILENT, text("4")], {"content": "4"}),
    "redacted thinking": ([REDACTED, text("4")], {"content": "4"}),
    "cited text": ([text("It is "), cited("green", PAGE), text(".")], {"content": "It is green."}),
    "a server tool": ([SERVER, FOUND, text("1")], {"content": "1"}),
    "an image": ([text("a"), IMAGE], {"content": "a"}),
    "a call": ([TOOL], {"content": None, "tool_calls": [ROME]}),
    "a call after text": ([text("a"), TOOL], {"content": "a", "tool_calls": [ROME]}),
    "calls in parallel": ([NO_ARGUMENTS, TOOL], {"content": None, "tool_calls": [tool_call("t2", "now", "{}"), ROME]}),
    "a call beside a server tool": ([SERVER, FOUND, TOOL], {"content": None, "tool_calls": [ROME]}),
    "a typed call": ([TYPED], {"content": None, "tool_calls": [tool_call("t3", "weather", "{}")]}),
}


@pytest.mark.parametrize(("blocks", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_blocks_become_one_message(blocks, expected):
    got = dict(answer_of(message(*blocks))["message"])
    got.pop("provider_fields", None)
    assert got == {"role": "assistant", **expected}


PLAIN = {"text", "nothing", "a call", "a call after text", "calls in parallel", "a typed call"}


@pytest.mark.parametrize("name", ANSWERS)
def test_blocks_are_kept_where_the_message_alone_would_not_give_them_back(name):
    blocks = ANSWERS[name][0]
    fields = answer_of(message(*blocks))["message"].get("provider_fields")
    assert fields == (None if name in PLAIN else {"adapter": "bedrock_converse", "content": blocks})


def test_web_citations_are_annotations_of_the_joined_text():
    (got,) = answer_of(message(text("It is "), cited("green", WEB, PAGE)))["message"]["annotations"]
    place = {"url": "https://a.example", "title": "A", "start_index": 6, "end_index": 11}
    assert got == {"type": "url_citation", "url_citation": place}


FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "stop",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "a_new_reason": "stop",
}


@pytest.mark.parametrize(("native", "finish"), FINISHES.items(), ids=FINISHES)
def test_a_reason_to_stop_is_told_in_openais_words_and_kept_in_its_own(native, finish):
    choice = answer_of(message(text("a"), stop=native))
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, native)


def test_an_end_beside_calls_is_tool_calls_whatever_the_model_says():
    assert answer_of(message(TOOL, stop="end_turn"))["finish_reason"] == "tool_calls"
    assert answer_of(message(TOOL, stop="max_tokens"))["finish_reason"] == "length"


@pytest.mark.parametrize("stop", ["malformed_model_output", "malformed_tool_use"])
def test_an_answer_that_the_model_wrote_wrong_is_an_error(stop):
    with pytest.raises(APIResponseValidationError, match=stop):
        parse(call(MODEL), message(text("a"), stop=stop))
    decoder = load("bedrock_converse").Decoder(call(MODEL))
    assert decoder.feed(framed(events(message(text("ab"), stop=stop))))
    with pytest.raises(APIResponseValidationError, match=stop):
        decoder.close()


def test_usage_counts_what_was_cached_into_the_prompt():
    usage = {**USAGE, "cacheReadInputTokens": 100, "cacheWriteInputTokens": 10}
    assert parse(call(MODEL), message(text("a"), usage=usage))["usage"] == {
        "prompt_tokens": 122,
        "completion_tokens": 30,
        "total_tokens": 152,
        "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 10},
    }
    assert parse(call(MODEL), message(text("a"), usage=None))["usage"] is None


def test_an_answer_has_the_id_and_time_of_the_call_and_the_model_that_was_asked():
    got = parse(call(MODEL), message(text("a")))
    assert (got["id"], got["created"], got["object"]) == (ID, CREATED, "chat.completion")
    assert got["model"] == MODEL.partition("/")[2]


TRACE = {"guardrail": {"modelOutput": ["a"]}}
BESIDE = {
    "a tier of OpenAI's": ({"serviceTier": {"type": "flex"}}, {"service_tier": "flex"}, {}),
    "another tier": ({"serviceTier": {"type": "reserved"}}, {}, {"serviceTier": {"type": "reserved"}}),
    "a trace": ({"trace": TRACE}, {}, {"trace": TRACE}),
}


@pytest.mark.parametrize(("fields", "own", "kept"), BESIDE.values(), ids=BESIDE)
def test_fields_beside_the_message_are_kept(fields, own, kept):
    whole = message(text("a"), **fields)
    got = parse(call(MODEL), whole)
    assert got["provider_fields"] == {"metrics": {"latencyMs": 7}, **kept}
    assert {key: got[key] for key in own} == own
    assert folded(call(MODEL), framed(events(whole))) == got


# --- errors ---------------------------------------------------------------------------------------------------------

EXCEPTIONS = {
    "throttlingException": (RateLimitError, 429),
    "validationException": (BadRequestError, 400),
    "internalServerException": (InternalServerError, 500),
    "serviceUnavailableException": (InternalServerError, 503),
    "modelStreamErrorException": (APIStatusError, 424),
    "modelTimeoutException": (APIStatusError, 408),
    "somethingNewException": (InternalServerError, 500),
}


@pytest.mark.parametrize(("kind", "expected"), EXCEPTIONS.items(), ids=EXCEPTIONS)
def test_an_exception_in_a_stream_raises_what_it_stands_for_after_what_came_before(kind, expected):
    decoder = load("bedrock_converse").Decoder(call(MODEL))
    first = event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "a"}})
    (chunk,) = decoder.feed(first + exception(kind, {"message": "Too many"}))
    assert chunk["choices"][0]["delta"]["content"] == "a"
    with pytest.raises(expected[0], match="Too many") as caught:
        decoder.close()
    assert caught.value.status_code == expected[1]
    assert caught.value.code == kind[0].upper() + kind[1:]
    assert caught.value.body["message"] == "Too many"


def test_an_exception_without_json_and_an_error_without_payload_are_raised_too():
    for data in (exception("throttlingException", b"no JSON"), error("ThrottlingException", "no JSON")):
        with pytest.raises(RateLimitError, match="no JSON"):
            decode(call(MODEL), data)


def test_a_stream_that_is_damaged_is_no_answer():
    data = bytearray(framed(events(message(text("ab")))))
    data[120] ^= 1
    with pytest.raises(APIResponseValidationError, match="checksum"):
        decode(call(MODEL), bytes(data))


ERRORS = {
    "a message": (400, {"message": "Bad"}, None, "Bad"),
    "a message with a capital": (403, {"Message": "No"}, None, "No"),
    "a type": (
        404,
        {"__type": "com.amazon#ResourceNotFoundException", "message": "x"},
        "ResourceNotFoundException",
        "x",
    ),
    "a type alone": (
        403,
        {"__type": "AccessDeniedException:http://x"},
        "AccessDeniedException",
        "AccessDeniedException",
    ),
    "a long prompt": (400, {"message": "Input is too long for requested model."}, "context_length_exceeded", None),
    "text": (502, "Bad gateway", None, "Bad gateway"),
}


@pytest.mark.parametrize(("status", "body", "code", "words"), ERRORS.values(), ids=ERRORS)
def test_an_error_body_is_explained(status, body, code, words):
    assert explain(status, body) == (code, words or body["message"])


WRONG = {
    "a service that knows no such path": (
        {"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"},
        NotFoundError,
    ),
    "an error body": ({"__type": "AccessDeniedException", "message": "No"}, PermissionDeniedError),
    "a bare message": ({"message": "No"}, InternalServerError),
    "another format": ({"choices": []}, APIResponseValidationError),
    "no content": ({"output": {"message": None}}, APIResponseValidationError),
}


@pytest.mark.parametrize(("body", "kind"), WRONG.values(), ids=WRONG)
def test_a_successful_answer_that_is_none_raises(body, kind):
    with pytest.raises(kind):
        parse(call(MODEL), body)


def test_too_long_a_prompt_has_its_own_class_in_a_stream_too():
    with pytest.raises(ContextWindowExceededError):
        decode(call(MODEL), exception("validationException", {"message": "prompt is too long: 9 > 8"}))


# --- streams --------------------------------------------------------------------------------------------------------

WORDS = st.text('ab \u2028é🙂"\\', max_size=12)
BLOCKS = st.one_of(
    st.builds(text, WORDS),
    st.builds(lambda words: cited(words, WEB), WORDS),
    st.sampled_from([THOUGHT, UNSIGNED, SILENT, REDACTED, SERVER, FOUND, IMAGE]),
    st.builds(
        lambda name, given: {"toolUse": {"name": name, "input": given}},
        st.sampled_from(["f", "g_h"]),
        st.dictionaries(st.sampled_from("ab"), st.one_of(WORDS, st.integers(), st.none()), max_size=2),
    ),
)


@st.composite
def answers(draw):
    blocks = [
        {"toolUse": {"toolUseId": f"t{at}", **block["toolUse"]}} if "toolUse" in block else block
        for at, block in enumerate(draw(st.lists(BLOCKS, max_size=5)))
    ]
    return message(*blocks, stop=draw(st.sampled_from(["end_turn", "tool_use", "max_tokens", "guardrail_intervened"])))


@given(answers(), st.data())
def test_any_cut_of_a_stream_gives_the_same_chunks_and_they_fold_to_the_whole(whole, data):
    body = framed(events(whole))
    chunks = decode(call(MODEL), body, data.draw(cuts_of(len(body))))
    assert chunks == decode(call(MODEL), body)
    assert fold(chunks) == parse(call(MODEL), whole)


@given(answers())
def test_every_chunk_is_of_the_normal_form(whole):
    chunks = decode(call(MODEL), framed(events(whole)))
    assert {(chunk["id"], chunk["object"], len(chunk["choices"])) for chunk in chunks} == {
        (ID, "chat.completion.chunk", 1)
    }
    choices = [chunk["choices"][0] for chunk in chunks]
    assert all("content" in choice["delta"] for choice in choices)
    assert [choice["delta"].get("role") for choice in choices] == ["assistant"] + [None] * (len(chunks) - 1)
    assert [choice["finish_reason"] is None for choice in choices] == [True] * (len(chunks) - 1) + [False]
    assert ["usage" in chunk for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    pieces = [piece for choice in choices for piece in choice["delta"].get("tool_calls", [])]
    seen = []
    for piece in pieces:
        assert (piece["index"] not in seen) == ("id" in piece) == ("name" in piece["function"])
        if piece["index"] not in seen:
            assert piece["index"] == len(seen)
            seen.append(piece["index"])
    assert json.loads(json.dumps(chunks)) == chunks


@given(answers(), st.data())
def test_a_stream_that_ends_anywhere_is_incomplete_or_has_the_whole_answer(whole, data):
    body = framed(events(whole))
    try:
        got = folded(call(MODEL), body[: data.draw(st.integers(0, len(body)))])
    except IncompleteStreamError:
        return
    assert got["choices"] == parse(call(MODEL), whole)["choices"]


def test_the_usage_may_come_before_the_end_or_never():
    whole = message(text("ab"))
    *begun, stop, metadata = events(whole)
    assert folded(call(MODEL), framed([*begun, metadata, stop])) == parse(call(MODEL), whole)
    without = folded(call(MODEL), framed([*begun, stop]))
    assert (without["usage"], without["choices"][0]["finish_reason"]) == (None, "stop")


def test_a_text_block_may_have_an_empty_start_and_a_call_no_stop():
    named = events(message(text("ab"), NO_ARGUMENTS))
    named.insert(1, ("contentBlockStart", {"contentBlockIndex": 0, "start": {}}))
    unstopped = [one for one in named if one[0] != "contentBlockStop"]
    expected = parse(call(MODEL), message(text("ab"), NO_ARGUMENTS))
    assert folded(call(MODEL), framed(named)) == expected
    assert folded(call(MODEL), framed(unstopped)) == expected


def test_arguments_that_are_no_json_stay_the_raw_string():
    named = [one for one in events(message(TOOL, stop="max_tokens")) if "ty" not in json.dumps(one[1].get("delta", ""))]
    choice = folded(call(MODEL), framed(named))["choices"][0]
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"ci'
    assert choice["finish_reason"] == "length"


def test_events_that_are_not_known_are_passed_over():
    named = events(message(text("ab")))
    named.insert(2, ("somethingNew", {"a": 1}))
    named.insert(2, ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"somethingNew": {}}}))
    assert folded(call(MODEL), framed(named)) == parse(call(MODEL), message(text("ab")))


def test_nothing_is_read_after_the_end():
    body = framed(events(message(text("ab"))))
    assert decode(call(MODEL), body + exception("throttlingException", {})) == decode(call(MODEL), body)
