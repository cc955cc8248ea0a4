"""Mistral's SDK and this library read the same in the same bytes of its chat completions."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from support import sse
from support_sdks import MESSAGES, Format, Reading, Usage, arguments, compared, finished


@contextmanager
def mistral_client(url):
    sdk = pytest.importorskip("mistralai.client", reason="needs mistralai")
    with sdk.Mistral(api_key="any", server_url=url) as client:
        yield client


WORDS = {"stop": "stop", "length": "length", "model_length": "length", "tool_calls": "tool_calls"}


def read(client, stream):
    options = {"model": "mistral-large-latest", "messages": MESSAGES}
    if stream:
        with client.chat.stream(**options) as events:
            answers = [event.data for event in events]
    else:
        answers = [client.chat.complete(**options)]
    firsts = [choice for answer in answers for choice in answer.choices if choice.index == 0]
    said = [first.delta if stream else first.message for first in firsts]
    reasons = [first.finish_reason for first in firsts if first.finish_reason]
    calls = tuple(called(call) for one in said for call in one.tool_calls or ())
    contents = [texts(one.content) for one in said]
    counts = next((answer.usage for answer in reversed(answers) if answer.usage), None)
    more = counts.additional_properties if counts else {}
    cached = (more.get("prompt_tokens_details") or {}).get("cached_tokens") or more.get("num_cached_tokens")
    return Reading(
        "".join(text for text, _ in contents),
        finished(reasons[-1] if reasons else None, WORDS, calls),
        counts and Usage(counts.prompt_tokens, counts.completion_tokens, cached or 0),
        calls,
        "".join(thought for _, thought in contents),
    )


def called(call):
    """The id that the SDK puts where there is none is the word `null`."""
    given = call.function.arguments
    return (
        None if call.id == "null" else call.id,
        call.function.name,
        arguments(given) if isinstance(given, str) else given,
    )


def texts(content):
    """The text and the thoughts of a content, which is a string or a list of chunks."""
    if not isinstance(content, list):
        return content or "", ""
    text = "".join(chunk.text for chunk in content if chunk.type == "text")
    thoughts = [inner for chunk in content if chunk.type == "thinking" for inner in chunk.thinking]
    return text, "".join(inner.text for inner in thoughts if inner.type == "text")


MISTRAL = Format("mistral/mistral-large-latest", mistral_client, read, "/v1")


@pytest.fixture(scope="module")
def compare():
    with compared(MISTRAL) as compare:
        yield compare


# --- answers -------------------------------------------------------------------------------------------------------

BASE = {"id": "b39", "created": 1769088854, "model": "mistral-large-2512"}
COUNTS = {"prompt_tokens": 124, "completion_tokens": 22, "total_tokens": 146}
CACHED = {**COUNTS, "prompt_tokens_details": {"cached_tokens": 64}, "service_tier": "standard"}
COUNTED = Usage(124, 22)


def whole(content="", finish="stop", usage=COUNTS, **message):
    said = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "message": said, "finish_reason": finish}
    return {**BASE, "object": "chat.completion", "choices": [choice], "usage": usage}


def piece(finish=None, usage=None, **delta):
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    counts = {"usage": usage} if usage else {}
    return {**BASE, "object": "chat.completion.chunk", "choices": [choice], **counts}


def stream(*contents, finish="stop", usage=COUNTS, **last):
    """The last event has the finish reason, the usage, and the calls, which come whole."""
    begun = [piece(role="assistant", content=""), *(piece(content=content) for content in contents)]
    return sse(*begun, piece(finish, usage, **{"content": "", **last}), "[DONE]")


def call(id, name, arguments, **fields):
    return {"id": id, "function": {"name": name, "arguments": arguments}, **fields}


def text(words):
    return {"type": "text", "text": words}


def thinking(*texts):
    return {"type": "thinking", "thinking": [text(words) for words in texts]}


ROME, NOW = call("gSIMJiOkT", "look", '{"city": "Röm"}'), call("hTJNKjPlU", "now", "{}")
CALLS = [{**ROME, "index": 0}, {**NOW, "index": 1}]
LOOKED = (("gSIMJiOkT", "look", {"city": "Röm"}), ("hTJNKjPlU", "now", {}))
OBJECT = call("gSIMJiOkT", "look", {"city": "Röm"}, index=0)
NAMELESS = call("null", "now", "{}", index=0)
QUOTED = [text("Yes"), {"type": "reference", "reference_ids": [1]}, text(".")]

ANSWERS = {
    "text": (whole("Grüße,\u2028😀!"), stream("Grü", "ße,\u2028", "😀!"), Reading("Grüße,\u2028😀!", "stop", COUNTED)),
    "nothing": (whole(None), stream(), Reading("", "stop", COUNTED)),
    "chunks of text": (
        whole([text("One. "), text("Two.")]),
        stream([text("One. ")], [text("Two.")]),
        Reading("One. Two.", "stop", COUNTED),
    ),
    "thinking": (
        whole([thinking("2 and", " 2"), text("4")]),
        stream([thinking("2 and")], [thinking(" 2")], "4"),
        Reading("4", "stop", COUNTED, reasoning="2 and 2"),
    ),
    "two calls": (
        whole(finish="tool_calls", tool_calls=CALLS),
        stream(finish="tool_calls", tool_calls=CALLS),
        Reading("", "tool_calls", COUNTED, LOOKED),
    ),
    "two calls without an index": (
        whole("I look.", finish="tool_calls", tool_calls=[ROME, NOW]),
        stream("I look.", finish="tool_calls", content=None, tool_calls=[ROME, NOW]),
        Reading("I look.", "tool_calls", COUNTED, LOOKED),
    ),
    "arguments as an object": (
        whole(finish="tool_calls", tool_calls=[OBJECT]),
        stream(finish="tool_calls", tool_calls=[OBJECT]),
        Reading("", "tool_calls", COUNTED, LOOKED[:1]),
    ),
    "a call whose id is the word null": (
        whole(finish="tool_calls", tool_calls=[NAMELESS]),
        stream(finish="tool_calls", tool_calls=[NAMELESS]),
        Reading("", "tool_calls", COUNTED, ((None, "now", {}),)),
    ),
    "cut short": (whole("Once", "length"), stream("Once", finish="length"), Reading("Once", "length", COUNTED)),
    "out of room": (whole("O", "model_length"), stream("O", finish="model_length"), Reading("O", "length", COUNTED)),
    "cached": (whole("4", usage=CACHED), stream("4", usage=CACHED), Reading("4", "stop", Usage(124, 22, 64))),
    "cached, by its older name": (
        whole("4", usage={**COUNTS, "num_cached_tokens": 64}),
        stream("4", usage={**COUNTS, "num_cached_tokens": 64}),
        Reading("4", "stop", Usage(124, 22, 64)),
    ),
    "references": (whole(QUOTED), stream(QUOTED[:2], QUOTED[2:]), Reading("Yes.", "stop", COUNTED)),
}


@pytest.mark.parametrize(("body", "events", "said"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_mistrals_sdk_reads_the_same(compare, body, events, said, streamed):
    assert compare(events if streamed else body, streamed) == (said, said)


def test_mistrals_sdk_leaves_the_pieces_of_a_call_to_be_joined(compare):
    """Models of other vendors that Mistral hosts send a call in pieces, the later ones without a name."""
    pieces = [call("gSIMJiOkT", "look", '{"city":', index=0), call("null", "", ' "Röm"}', index=0)]
    events = [piece(content="", tool_calls=[one]) for one in pieces]
    mine, theirs = compare(sse(*events, piece("tool_calls", COUNTS, content=""), "[DONE]"), True)
    assert mine == Reading("", "tool_calls", COUNTED, LOOKED[:1])
    assert [call[2] for call in theirs.calls] == ['{"city":', ' "Röm"}']
