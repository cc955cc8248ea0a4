"""Answers of Anthropic Messages, whole and streamed: each table row is one answer, read both ways."""

from __future__ import annotations

import json

import pytest
from support import CREATED, ID, call, decode, folded, named_sse, parse, sse

from unified_llm.adapters import load
from unified_llm.adapters.anthropic_messages import explain
from unified_llm.errors import (
    APIResponseValidationError,
    APIStatusError,
    BadRequestError,
    IncompleteStreamError,
    InternalServerError,
    OverloadedError,
    RateLimitError,
)

MODEL = "claude-sonnet-4-5"
USAGE = {"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 30}
WEB = {
    "type": "web_search_result_location",
    "cited_text": "c",
    "url": "https://a.example",
    "title": "A",
    "encrypted_index": "E",
}
CHAR = {
    "type": "char_location",
    "cited_text": "c",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 1,
}
THINKING = {"type": "thinking", "thinking": "Hm.", "signature": "Eq=="}
SILENT = {"type": "thinking", "thinking": "", "signature": "Eq=="}
REDACTED = {"type": "redacted_thinking", "data": "EmwK"}
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}}
NO_ARGUMENTS = {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}}
SERVER = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "u"}],
}


def text(words, citations=None):
    return {"type": "text", "text": words, **({"citations": citations} if citations else {})}


def message(*blocks, stop="end_turn", usage=USAGE, **fields):
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-served",
        "content": list(blocks),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
        **fields,
    }


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def events(whole):
    """The events by which Anthropic would stream a whole message."""
    usage = whole["usage"]
    out = [
        {
            "type": "message_start",
            "message": {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}},
        }
    ]
    for index, block in enumerate(whole["content"]):
        out += block_events(index, block)
    ending = {key: whole.get(key) for key in ("stop_reason", "stop_sequence", "stop_details")}
    return [
        *out,
        {"type": "ping"},
        {"type": "message_delta", "delta": ending, "usage": usage},
        {"type": "message_stop"},
    ]


def block_events(index, block):
    begin, deltas = dict(block), []
    if block["type"] == "text":
        begin = {"type": "text", "text": ""}
        half = len(block["text"]) // 2
        deltas = [{"type": "citations_delta", "citation": c} for c in block.get("citations", ())]
        deltas += [{"type": "text_delta", "text": piece} for piece in (block["text"][:half], block["text"][half:])]
    elif block["type"] == "thinking":
        begin |= {"thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}] if block["thinking"] else []
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif "input" in block:
        begin["input"] = {}
        written = compact(block["input"]) if block["input"] else ""
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", written[:4], written[4:])]
    return [
        {"type": "content_block_start", "index": index, "content_block": begin},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def streamed(whole):
    return folded(call(MODEL, stream=True), named_sse(*events(whole)))


def answer_of(whole):
    """The first choice, the same whole and streamed."""
    plain, folded_stream = parse(call(MODEL), whole), streamed(whole)
    assert folded_stream == plain
    return plain["choices"][0]


def tool_call(id, name, arguments):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


ROME = tool_call("toolu_1", "weather", '{"city":"Rome"}')
ANSWERS = {
    "text": ([text("Hi!")], {"content": "Hi!"}),
    "two texts": ([text("Hi"), text(" there")], {"content": "Hi there"}),
    "nothing": ([], {"content": None}),
    "an empty text": ([text("")], {"content": None}),
    "thinking": ([THINKING, text("4")], {"content": "4", "reasoning_content": "Hm."}),
    "thoughts between texts": (
        [THINKING, text("A"), THINKING, text("B")],
        {"content": "AB", "reasoning_content": "Hm.Hm."},
    ),
    "thinking without words": ([SILENT, text("4")], {"content": "4"}),
    "redacted thinking": ([REDACTED, text("4")], {"content": "4"}),
    "a server tool": ([SERVER, FOUND, text("Found.")], {"content": "Found."}),
    "an unknown block": ([{"type": "container_upload", "file_id": "f"}, text("a")], {"content": "a"}),
    "a document citation": ([text("Green", [CHAR])], {"content": "Green"}),
}


@pytest.mark.parametrize(("blocks", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_blocks_become_one_message(blocks, expected):
    got = dict(answer_of(message(*blocks))["message"])
    got.pop("provider_fields", None)
    assert got == {"role": "assistant", **expected}


CALLS = {
    "one": ([TOOL], [ROME]),
    "after text": ([text("Checking."), TOOL], [ROME]),
    "without arguments": ([NO_ARGUMENTS], [tool_call("toolu_2", "now", "{}")]),
    "in parallel": ([TOOL, NO_ARGUMENTS], [ROME, tool_call("toolu_2", "now", "{}")]),
    "beside a server tool": ([SERVER, FOUND, text("a"), TOOL], [ROME]),
}


@pytest.mark.parametrize(("blocks", "calls"), CALLS.values(), ids=CALLS)
def test_client_tools_alone_become_tool_calls(blocks, calls):
    choice = answer_of(message(*blocks, stop="tool_use"))
    assert choice["message"]["tool_calls"] == calls
    assert choice["finish_reason"] == "tool_calls"


def test_streamed_calls_are_counted_over_client_tools_from_0():
    chunks = decode(
        call(MODEL), named_sse(*events(message(text("a"), SERVER, FOUND, TOOL, NO_ARGUMENTS, stop="tool_use")))
    )
    pieces = [piece for chunk in chunks for piece in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert {piece["index"] for piece in pieces} == {0, 1}
    assert [(p["index"], p["id"]) for p in pieces if "id" in p] == [(0, "toolu_1"), (1, "toolu_2")]


def test_a_tool_without_arguments_streams_an_empty_object():
    start = {"type": "content_block_start", "index": 0, "content_block": NO_ARGUMENTS}
    body = events(message(stop="tool_use"))
    for middle in (
        [],
        [{"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ""}}],
    ):
        data = named_sse(body[0], start, *middle, {"type": "content_block_stop", "index": 0}, *body[1:])
        (got,) = folded(call(MODEL), data)["choices"][0]["message"]["tool_calls"]
        assert got["function"]["arguments"] == "{}"


def test_arguments_that_are_no_json_stay_the_raw_string():
    body = events(message(TOOL, stop="max_tokens"))
    cut = [e for e in body if e.get("delta", {}).get("partial_json") != compact(TOOL["input"])[4:]]
    choice = folded(call(MODEL), named_sse(*cut))["choices"][0]
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"ci'
    assert choice["finish_reason"] == "length"


def test_interleaved_blocks_come_apart():
    first, second = block_events(0, text("Checking.")), block_events(1, TOOL)
    body = events(message(stop="tool_use"))
    mixed = [first[0], second[0], first[1], second[1], second[2], first[2], second[3], second[4], first[3]]
    assert folded(call(MODEL), named_sse(body[0], *mixed, *body[1:])) == parse(
        call(MODEL), message(text("Checking."), TOOL, stop="tool_use")
    )


# --- citations ------------------------------------------------------------------------------------------------------


def test_web_citations_become_annotations_with_offsets_into_the_whole_text():
    got = answer_of(message(text("So: "), text("it is", [WEB]), text(" and "), text("was", [WEB, CHAR])))["message"]
    assert [annotation["type"] for annotation in got["annotations"]] == ["url_citation", "url_citation"]
    cited = [annotation["url_citation"] for annotation in got["annotations"]]
    assert [got["content"][c["start_index"] : c["end_index"]] for c in cited] == ["it is", "was"]
    assert cited[0] == {"url": "https://a.example", "title": "A", "start_index": 4, "end_index": 9}


def test_every_citation_is_kept_word_for_word():
    blocks = [text("it is", [WEB]), text("was", [CHAR])]
    assert answer_of(message(*blocks))["message"]["provider_fields"]["content"] == blocks


# --- the end --------------------------------------------------------------------------------------------------------

STOPS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    "pause_turn": "stop",
    "a_word_of_tomorrow": "stop",
}


@pytest.mark.parametrize(("stop", "finish"), STOPS.items())
def test_each_stop_reason_has_its_finish_reason_and_is_kept(stop, finish):
    choice = answer_of(message(text("a"), stop=stop))
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, stop)


@pytest.mark.parametrize(
    ("stop", "finish"), [("end_turn", "tool_calls"), ("max_tokens", "length"), ("refusal", "content_filter")]
)
def test_only_a_natural_stop_with_calls_is_tool_calls(stop, finish):
    assert answer_of(message(TOOL, stop=stop))["finish_reason"] == finish


def test_a_synthetic_tool_use_stop_without_client_calls_is_a_stop():
    assert answer_of(message(SERVER, FOUND, stop="tool_use"))["finish_reason"] == "stop"


def test_a_refusal_may_have_no_content_and_has_its_explanation():
    choice = answer_of(message(stop="refusal", stop_details={"type": "refusal", "explanation": "No."}))
    assert choice["message"] == {"role": "assistant", "content": None, "refusal": "No."}
    assert choice["finish_reason"] == "content_filter"


@pytest.mark.parametrize("details", [None, {"type": "refusal", "explanation": None}], ids=["none", "no words"])
def test_a_refusal_without_an_explanation_has_none(details):
    assert "refusal" not in answer_of(message(text("a"), stop="refusal", stop_details=details))["message"]


# --- id, model, usage -----------------------------------------------------------------------------------------------


def test_id_and_model_are_the_providers_own():
    for got in (parse(call(MODEL), message(text("a"))), streamed(message(text("a")))):
        assert (got["id"], got["model"], got["created"]) == ("msg_1", "claude-served", CREATED)


def test_without_the_providers_id_and_model_they_are_generated():
    got = parse(call(MODEL), {"content": [text("a")], "stop_reason": "end_turn"})
    assert (got["id"], got["model"], got["usage"]) == (ID, MODEL, None)


def test_prompt_tokens_include_cache_reads_and_writes():
    native = {
        **USAGE,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 100,
        "output_tokens_details": {"thinking_tokens": 7},
    }
    for got in (parse(call(MODEL), message(usage=native)), streamed(message(usage=native))):
        assert got["usage"] == {
            "prompt_tokens": 117,
            "completion_tokens": 30,
            "total_tokens": 147,
            "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 7},
        }


def test_absent_and_null_counts_are_none():
    native = {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": None, "output_tokens_details": None}
    usage = parse(call(MODEL), message(usage=native))["usage"]
    assert (usage["prompt_tokens"], usage["total_tokens"]) == (1, 3)
    assert "completion_tokens_details" not in usage


@pytest.mark.parametrize(
    ("later", "prompt"),
    [
        ({"output_tokens": 30}, 12),
        ({"input_tokens": 500, "output_tokens": 30}, 500),
        ({"input_tokens": None, "output_tokens": 30}, 12),
    ],
    ids=str,
)
def test_counts_at_the_end_of_a_stream_win_over_those_at_its_start(later, prompt):
    body = events(message(text("a")))
    body[-2]["usage"] = later
    usage = folded(call(MODEL), named_sse(*body))["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (prompt, 30)


def test_the_service_tier_is_kept():
    for got in (
        parse(call(MODEL), message(usage={**USAGE, "service_tier": "priority"})),
        streamed(message(usage={**USAGE, "service_tier": "priority"})),
    ):
        assert got["service_tier"] == "priority"


# --- streams that are odd -------------------------------------------------------------------------------------------


def test_pings_comments_and_unknown_events_say_nothing():
    whole = message(THINKING, text("Hi"), TOOL, stop="tool_use")
    noisy = []
    for event in events(whole):
        noisy += [{"type": "ping"}, event, {"type": "hologram_delta", "index": 9, "delta": {"type": "x"}}]
    data = b": hello\n\n" + named_sse(*noisy)
    assert folded(call(MODEL), data) == streamed(whole)


def test_an_unknown_delta_of_a_known_block_says_nothing():
    body = events(message(text("Hi")))
    odd = {"type": "content_block_delta", "index": 0, "delta": {"type": "glow_delta", "glow": 1}}
    assert folded(call(MODEL), named_sse(*body[:2], odd, *body[2:])) == streamed(message(text("Hi")))


def test_events_need_no_names():
    whole = message(text("Hi"))
    assert folded(call(MODEL), sse(*events(whole))) == streamed(whole)


def test_text_and_input_given_at_the_start_of_a_block_count():
    body = events(message(stop="tool_use"))
    start = [
        {"type": "content_block_start", "index": 0, "content_block": text("Hi")},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": TOOL},
        {"type": "content_block_stop", "index": 1},
    ]
    assert folded(call(MODEL), named_sse(body[0], *start, *body[1:])) == parse(
        call(MODEL), message(text("Hi"), TOOL, stop="tool_use")
    )


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5])
def test_a_stream_that_stops_before_its_end_is_incomplete(cut):
    body = events(message(text("Hi there")))[:-2]
    with pytest.raises(IncompleteStreamError):
        decode(call(MODEL), named_sse(*body[:cut]))


def test_a_stream_cut_inside_an_event_is_incomplete():
    body = named_sse(*events(message(text("Hi there")))[:4])
    with pytest.raises(IncompleteStreamError):
        decode(call(MODEL), body[:-20])


def test_an_empty_stream_is_incomplete():
    with pytest.raises(IncompleteStreamError):
        decode(call(MODEL), b"")


# --- errors ---------------------------------------------------------------------------------------------------------

ERRORS = {
    "overloaded_error": (529, OverloadedError),
    "rate_limit_error": (429, RateLimitError),
    "api_error": (500, InternalServerError),
    "timeout_error": (504, InternalServerError),
    "invalid_request_error": (400, BadRequestError),
    "an_error_of_tomorrow": (200, APIStatusError),
}


@pytest.mark.parametrize("type", ERRORS)
def test_an_error_in_a_200_is_what_its_type_stands_for(type):
    status, kind = ERRORS[type]
    body = {"type": "error", "error": {"type": type, "message": "No.", "details": None}, "request_id": "req_1"}
    start = events(message(text("a")))[:1]
    for fail in (lambda: parse(call(MODEL), body), lambda: decode(call(MODEL), named_sse(*start, body))):
        with pytest.raises(kind, match=r"No\.") as caught:
            fail()
        assert (caught.value.status_code, caught.value.code) == (status, type)


def test_an_error_event_comes_after_what_was_said_before_it():
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "No."}}
    decoder = load("anthropic_messages").Decoder(call(MODEL))
    said = decoder.feed(named_sse(*events(message(text("Hi")))[:4], body))
    assert "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in said) == "Hi"
    with pytest.raises(OverloadedError):
        decoder.close()


@pytest.mark.parametrize("body", [{}, {"content": None}, {"content": "Hi"}, {"ok": True}], ids=str)
def test_a_body_without_content_is_not_an_answer(body):
    with pytest.raises(APIResponseValidationError):
        parse(call(MODEL), body)


EXPLAINED = {
    "plain": (429, {"error": {"type": "rate_limit_error", "message": "Slow"}}, ("rate_limit_error", "Slow")),
    "details": (
        429,
        {
            "error": {
                "type": "rate_limit_error",
                "message": "Pay",
                "details": {"error_code": "enforced_spend_limit_reached"},
            }
        },
        ("enforced_spend_limit_reached", "Pay"),
    ),
    "too long": (
        400,
        {"error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}},
        ("context_length_exceeded", "prompt is too long: 9 tokens > 8 maximum"),
    ),
    "text": (502, "Bad gateway", (None, "Bad gateway")),
    "a string": (500, {"error": "boom"}, (None, "boom")),
    "Amazon's": (403, {"__type": "a#DeniedException", "message": "No."}, ("DeniedException", "No.")),
    "Amazon's, too long": (
        400,
        {"message": "Input is too long for requested model."},
        ("context_length_exceeded", "Input is too long for requested model."),
    ),
    "another's": (404, {"detail": "Not Found"}, (None, "{'detail': 'Not Found'}")),
}


@pytest.mark.parametrize(("status", "body", "expected"), EXPLAINED.values(), ids=EXPLAINED)
def test_an_error_body_gives_its_code_and_message(status, body, expected):
    assert explain(status, body) == expected
