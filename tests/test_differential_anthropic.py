"""Anthropic's SDK and this library read the same in the same bytes of Messages."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from support import named_sse
from support_sdks import MESSAGES, Format, Reading, Usage, compared, finished
from test_anthropic_messages_response import (
    CHAR,
    NO_ARGUMENTS,
    REDACTED,
    SERVER,
    SILENT,
    THINKING,
    TOOL,
    USAGE,
    WEB,
    events,
    message,
    text,
)


@contextmanager
def anthropic_client(url):
    anthropic = pytest.importorskip("anthropic", reason="needs anthropic")
    with anthropic.Anthropic(api_key="any", base_url=url, max_retries=0) as client:
        yield client


WORDS = {
    **dict.fromkeys(("end_turn", "stop_sequence", "pause_turn"), "stop"),
    **dict.fromkeys(("max_tokens", "model_context_window_exceeded"), "length"),
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def read(client, stream):
    options = {"model": "any-claude", "max_tokens": 99, "messages": MESSAGES}
    if not stream:
        return read_message(client.messages.create(**options))
    with client.messages.stream(**options) as told:
        return read_message(told.get_final_message())


def read_message(whole):
    calls = tuple((block.id, block.name, block.input) for block in whole.content if block.type == "tool_use")
    usage, details = whole.usage, whole.stop_details
    cached = usage.cache_read_input_tokens or 0
    return Reading(
        "".join(block.text for block in whole.content if block.type == "text"),
        finished(whole.stop_reason, WORDS, calls),
        Usage(usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0), usage.output_tokens, cached),
        calls,
        "".join(block.thinking for block in whole.content if block.type == "thinking"),
        (details and details.type == "refusal" and details.explanation) or "",
    )


ANTHROPIC_MESSAGES = Format("claude-sonnet-4-5", anthropic_client, read)


@pytest.fixture(scope="module")
def compare():
    with compared(ANTHROPIC_MESSAGES) as compare:
        yield compare


# --- answers -------------------------------------------------------------------------------------------------------

COUNTED = Usage(12, 30)
CACHED = {**USAGE, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 2000}
ROME = ("toolu_1", "weather", {"city": "Rome"})
NOW = ("toolu_2", "now", {})
DEEP = {**TOOL, "input": {"place": {"name": "Köln \u2028 😀", "at": [50.9, 7, None, True]}}}
NOT_NOW = {"type": "refusal", "category": None, "explanation": "That would be harmful."}

PAGE = {"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "E", "page_age": None}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [PAGE]}

ANSWERS = {
    "text": (message(text("Grüße,\u2028😀!")), Reading("Grüße,\u2028😀!", "stop", COUNTED)),
    "two texts": (message(text("One. "), text("Two.")), Reading("One. Two.", "stop", COUNTED)),
    "nothing": (message(), Reading("", "stop", COUNTED)),
    "thinking": (message(THINKING, text("4")), Reading("4", "stop", COUNTED, reasoning="Hm.")),
    "thinking that nobody may read": (message(SILENT, REDACTED, text("4")), Reading("4", "stop", COUNTED)),
    "two calls": (message(TOOL, NO_ARGUMENTS, stop="tool_use"), Reading("", "tool_calls", COUNTED, (ROME, NOW))),
    "thoughts, words and a call": (
        message(THINKING, text("Let me see."), TOOL, stop="tool_use"),
        Reading("Let me see.", "tool_calls", COUNTED, (ROME,), "Hm."),
    ),
    "arguments within arguments": (
        message(DEEP, stop="tool_use"),
        Reading("", "tool_calls", COUNTED, (("toolu_1", "weather", DEEP["input"]),)),
    ),
    "cut short": (message(text("Once"), stop="max_tokens"), Reading("Once", "length", COUNTED)),
    "out of room": (message(text("O"), stop="model_context_window_exceeded"), Reading("O", "length", COUNTED)),
    "a stop sequence": (
        message(text("1, 2"), stop="stop_sequence", stop_sequence="3"),
        Reading("1, 2", "stop", COUNTED),
    ),
    "a refusal without a word": (
        message(stop="refusal", stop_details=NOT_NOW),
        Reading("", "content_filter", COUNTED, refusal="That would be harmful."),
    ),
    "a refusal in the middle": (message(text("How"), stop="refusal"), Reading("How", "content_filter", COUNTED)),
    "cached": (message(text("4"), usage=CACHED), Reading("4", "stop", Usage(2112, 30, 2000))),
    "a server's search, cited": (
        message(text("I search."), SERVER, FOUND, text(" Yes", [WEB, CHAR])),
        Reading("I search. Yes", "stop", COUNTED),
    ),
    "a server's tool between the client's": (
        message(TOOL, SERVER, FOUND, NO_ARGUMENTS, stop="tool_use"),
        Reading("", "tool_calls", COUNTED, (ROME, NOW)),
    ),
    "a paused turn": (message(text("I search."), SERVER, stop="pause_turn"), Reading("I search.", "stop", COUNTED)),
}

START = {"type": "message_start", "message": {**message(), "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}}
BEGIN = {"type": "content_block_start", "index": 0, "content_block": text("")}
HI = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}
STOP = {"type": "content_block_stop", "index": 0}
DELTA = {"stop_reason": "end_turn", "stop_sequence": None}
END = {"type": "message_delta", "delta": DELTA, "usage": {"output_tokens": 30}}
OVER = {"type": "message_stop"}
PING = {"type": "ping"}
STREAMS = {
    "pings anywhere": (
        named_sse(START, PING, BEGIN, PING, HI, PING, STOP, END, PING, OVER),
        Reading("Hi", "stop", COUNTED),
    ),
    "counts that only the first event has": (
        named_sse({**START, "message": {**START["message"], "usage": CACHED}}, BEGIN, HI, STOP, END, OVER),
        Reading("Hi", "stop", Usage(2112, 30, 2000)),
    ),
    "counts that grow": (
        named_sse(START, BEGIN, HI, STOP, {**END, "usage": {**CACHED, "input_tokens": 50}}, OVER),
        Reading("Hi", "stop", Usage(2150, 30, 2000)),
    ),
    "a refusal without a block": (
        named_sse(START, PING, {**END, "delta": {**DELTA, "stop_reason": "refusal"}}, OVER),
        Reading("", "content_filter", COUNTED),
    ),
    "text in the start of its block": (
        named_sse(START, {**BEGIN, "content_block": text("Oh, ")}, HI, STOP, END, OVER),
        Reading("Oh, Hi", "stop", COUNTED),
    ),
    "an event of tomorrow": (
        named_sse(START, BEGIN, {"type": "mood_delta", "mood": "good"}, HI, STOP, END, OVER),
        Reading("Hi", "stop", COUNTED),
    ),
}


@pytest.mark.parametrize(("body", "said"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_anthropics_sdk_reads_the_same(compare, body, said, stream):
    assert compare(named_sse(*events(body)) if stream else body, stream) == (said, said)


@pytest.mark.parametrize(("body", "said"), STREAMS.values(), ids=STREAMS)
def test_anthropics_sdk_reads_the_same_in_an_odd_stream(compare, body, said):
    assert compare(body, True) == (said, said)


def test_anthropics_sdk_completes_arguments_that_were_cut_short(compare):
    """Who calls a tool with them would call it with half a city; in the normal form they stay what was written."""
    begin = {**BEGIN, "content_block": {**TOOL, "input": {}}}
    cut = {**HI, "delta": {"type": "input_json_delta", "partial_json": '{"city": "Ro'}}
    end = {**END, "delta": {**DELTA, "stop_reason": "max_tokens"}}
    mine, theirs = compare(named_sse(START, begin, cut, STOP, end, OVER), True)
    assert mine == Reading("", "length", COUNTED, (("toolu_1", "weather", '{"city": "Ro'),))
    assert theirs == mine._replace(calls=(("toolu_1", "weather", {}),))
