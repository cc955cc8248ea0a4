"""Cohere's SDK and this library read the same in the same bytes of its v2 chat."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from support import named_sse
from support_sdks import MESSAGES, Format, Reading, Usage, arguments, compared, finished
from test_cohere_chat_response import answer, events, text, thought, tool


@contextmanager
def cohere_client(url):
    cohere = pytest.importorskip("cohere", reason="needs cohere")
    with cohere.ClientV2(api_key="any", base_url=url) as client:
        yield client


WORDS = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}


def read(client, stream):
    options = {"model": "command-a-03-2025", "messages": MESSAGES}
    if stream:
        return read_events(list(client.chat_stream(**options)))
    whole = client.chat(**options)
    message = whole.message
    items = message.content or ()
    calls = tuple((c.id, c.function.name, arguments(c.function.arguments)) for c in message.tool_calls or ())
    return Reading(
        "".join(item.text for item in items if item.type == "text"),
        finished(whole.finish_reason, WORDS, calls),
        counted(whole.usage),
        calls,
        "".join(item.thinking for item in items if item.type == "thinking"),
    )


def read_events(told):
    """The SDK gives the events; joining them is the caller's."""
    begun = [event.delta.message.tool_calls for event in told if event.type == "tool-call-start"]
    written = [call.function.arguments or "" for call in begun]
    for event in told:
        if event.type == "tool-call-delta":
            written[event.index] += event.delta.message.tool_calls.function.arguments or ""
    contents = [event.delta.message.content for event in told if event.type in ("content-start", "content-delta")]
    calls = tuple((call.id, call.function.name, arguments(w)) for call, w in zip(begun, written, strict=True))
    last = next(event.delta for event in told if event.type == "message-end")
    return Reading(
        "".join(content.text or "" for content in contents),
        finished(last.finish_reason, WORDS, calls),
        counted(last.usage),
        calls,
        "".join(content.thinking or "" for content in contents),
    )


def counted(usage):
    tokens = usage and (usage.tokens or usage.billed_units)
    return tokens and Usage(int(tokens.input_tokens), int(tokens.output_tokens), int(usage.cached_tokens or 0))


COHERE = Format("cohere/command-a-03-2025", cohere_client, read)


@pytest.fixture(scope="module")
def compare():
    with compared(COHERE) as compare:
        yield compare


# --- answers -------------------------------------------------------------------------------------------------------

COUNTED = Usage(1394, 54, 1360)
BILLED = {"billed_units": {"input_tokens": 8, "output_tokens": 50}}
CITED = {
    "start": 0,
    "end": 3,
    "text": "Yes",
    "content_index": 0,
    "type": "TEXT_CONTENT",
    "sources": [{"type": "document", "id": "d1", "document": {"title": "T", "url": "https://a.example"}}],
}
COLOGNE = '{"city": "Köln \u2028 😀", "at": [50.9, null]}'
LOOKED = ("look_1", "weather", {"city": "Köln \u2028 😀", "at": [50.9, None]})

ANSWERS = {
    "text": (answer(content=[text("Grüße,\u2028😀!")]), Reading("Grüße,\u2028😀!", "stop", COUNTED)),
    "two texts": (answer(content=[text("One. "), text("Two.")]), Reading("One. Two.", "stop", COUNTED)),
    "nothing": (answer(content=[]), Reading("", "stop", COUNTED)),
    "thinking": (answer(content=[thought("Hm."), text("4")]), Reading("4", "stop", COUNTED, reasoning="Hm.")),
    "a stop sequence": (answer(content=[text("1, 2")], finish="STOP_SEQUENCE"), Reading("1, 2", "stop", COUNTED)),
    "two calls after a plan": (
        answer(finish="TOOL_CALL", tool_plan="I look.", tool_calls=[tool("look_1", COLOGNE), tool("look_2", "{}")]),
        Reading("", "tool_calls", COUNTED, (LOOKED, ("look_2", "weather", {}))),
    ),
    "thoughts and a call without arguments": (
        answer(finish="TOOL_CALL", content=[thought("Hm.")], tool_calls=[tool("look_2", "")]),
        Reading("", "tool_calls", COUNTED, (("look_2", "weather", {}),), "Hm."),
    ),
    "cut short": (answer(content=[text("Once")], finish="MAX_TOKENS"), Reading("Once", "length", COUNTED)),
    "cited": (answer(content=[text("Yes.")], citations=[CITED]), Reading("Yes.", "stop", COUNTED)),
    "billed, not counted": (answer(content=[text("Hi")], usage=BILLED), Reading("Hi", "stop", Usage(8, 50))),
    "without usage": (answer(content=[text("Hi")], usage=None), Reading("Hi", "stop", None)),
}


@pytest.mark.parametrize(("body", "said"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_coheres_sdk_reads_the_same(compare, body, said, stream):
    assert compare(named_sse(*events(body)) if stream else body, stream) == (said, said)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_coheres_sdk_takes_the_word_null_for_arguments(compare, stream):
    """The API writes `null` for a call without arguments; who calls a tool with it needs an object."""
    body = answer(finish="TOOL_CALL", tool_calls=[tool("look_2", "null")])
    mine, theirs = compare(named_sse(*events(body)) if stream else body, stream)
    assert mine == Reading("", "tool_calls", COUNTED, (("look_2", "weather", {}),))
    assert theirs == mine._replace(calls=(("look_2", "weather", None),))
