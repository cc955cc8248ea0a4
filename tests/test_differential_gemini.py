"""Google's SDK and this library read the same in the same bytes of Gemini."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from support import sse
from support_sdks import Format, Reading, Usage, compared, finished
from test_gemini_response import (
    CALL,
    CODE,
    COUNTS,
    IMAGE,
    NAMELESS,
    OUTCOME,
    SIGNED,
    SIGNED_CALL,
    THOUGHT,
    answer,
    frames,
    text,
)


@contextmanager
def gemini_client(url):
    genai = pytest.importorskip("google.genai", reason="needs google-genai")
    with genai.Client(api_key="any", http_options={"base_url": url, "api_version": "v1beta"}) as client:
        yield client


FILTERED = "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY".split()
WORDS = {"STOP": "stop", "MAX_TOKENS": "length", **dict.fromkeys(FILTERED, "content_filter")}


def read(client, stream):
    options = {"model": "gemini-2.5-flash", "contents": "Hi"}
    generate = client.models.generate_content_stream if stream else client.models.generate_content
    answers = list(generate(**options)) if stream else [generate(**options)]
    firsts = [candidate for one in answers for candidate in one.candidates or () if not candidate.index]
    parts = [part for first in firsts if first.content for part in first.content.parts or ()]
    asked = [part.function_call for part in parts if part.function_call]
    calls = tuple((call.id, call.name, call.args or {}) for call in asked)
    reasons = [first.finish_reason.value for first in firsts if first.finish_reason]
    blocked = any(one.prompt_feedback and one.prompt_feedback.block_reason for one in answers)
    counts = [one.usage_metadata for one in answers if one.usage_metadata]
    return Reading(
        "".join(part.text for part in parts if part.text and not part.thought),
        "content_filter" if blocked else finished(reasons[-1] if reasons else None, WORDS, calls),
        counted(counts[-1]) if counts else None,
        calls,
        "".join(part.text for part in parts if part.text and part.thought),
    )


def counted(counts):
    if counts.prompt_token_count is None:
        return None
    return Usage(
        counts.prompt_token_count + (counts.tool_use_prompt_token_count or 0),
        (counts.candidates_token_count or 0) + (counts.thoughts_token_count or 0),
        counts.cached_content_token_count or 0,
    )


GEMINI = Format("gemini/gemini-2.5-flash", gemini_client, read, "/v1beta")


@pytest.fixture(scope="module")
def compare():
    with compared(GEMINI) as compare:
        yield compare


# --- answers -------------------------------------------------------------------------------------------------------

COUNTED = Usage(9, 3)
THOUGHTFUL = {**COUNTS, "thoughtsTokenCount": 40, "totalTokenCount": 52}
CACHED = {**COUNTS, "promptTokenCount": 2009, "cachedContentTokenCount": 2000, "totalTokenCount": 2012}
TOOLED = {**COUNTS, "toolUsePromptTokenCount": 30, "totalTokenCount": 42}
ROME, NOW = ("fc_1", "weather", {"city": "Rome"}), (None, "now", {})
DEEP = {"functionCall": {"name": "look", "args": {"at": {"lat": 50.9, "on": True}, "names": ["Köln \u2028 😀", None]}}}
MARK = {"text": "", "thoughtSignature": "EpIB"}
SEARCHED = {"toolCall": {"id": "s1", "toolType": "GOOGLE_SEARCH_WEB", "args": {}}, "thoughtSignature": "EpIC"}
FOUND = {
    "webSearchQueries": ["a"],
    "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
    "groundingSupports": [{"segment": {"endIndex": 4, "text": "Yes."}, "groundingChunkIndices": [0]}],
}
BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": COUNTS, "responseId": "R1"}

ANSWERS = {
    "text": (answer(text("Grüße,\u2028😀!")), Reading("Grüße,\u2028😀!", "stop", COUNTED)),
    "two texts": (answer(text("One. "), text("Two.")), Reading("One. Two.", "stop", COUNTED)),
    "nothing": (answer(), Reading("", "stop", COUNTED)),
    "thoughts": (answer(THOUGHT, text("4"), usage=THOUGHTFUL), Reading("4", "stop", Usage(9, 43), reasoning="Hm.")),
    "signed texts": (answer(text("4"), SIGNED, MARK), Reading("4!", "stop", COUNTED)),
    "two calls, one with an id": (answer(CALL, NAMELESS), Reading("", "tool_calls", COUNTED, (ROME, NOW))),
    "thoughts, words and a signed call": (
        answer(THOUGHT, text("I look."), SIGNED_CALL),
        Reading("I look.", "tool_calls", COUNTED, (ROME,), "Hm."),
    ),
    "arguments within arguments": (
        answer(DEEP),
        Reading("", "tool_calls", COUNTED, ((None, "look", DEEP["functionCall"]["args"]),)),
    ),
    "cut short": (answer(text("Once"), finish="MAX_TOKENS"), Reading("Once", "length", COUNTED)),
    "cut short while thinking": (answer(finish="MAX_TOKENS", usage=THOUGHTFUL), Reading("", "length", Usage(9, 43))),
    "filtered": (answer(text("How"), finish="SAFETY"), Reading("How", "content_filter", COUNTED)),
    "recited": (answer(finish="RECITATION"), Reading("", "content_filter", COUNTED)),
    "cached": (answer(text("4"), usage=CACHED), Reading("4", "stop", Usage(2009, 3, 2000))),
    "a prompt of its own tools": (answer(text("4"), usage=TOOLED), Reading("4", "stop", Usage(39, 3))),
    "code that the server ran": (answer(CODE, OUTCOME, text("1.")), Reading("1.", "stop", COUNTED)),
    "a search of the server's": (
        answer(SEARCHED, text("Yes."), groundingMetadata=FOUND),
        Reading("Yes.", "stop", COUNTED),
    ),
    "an image": (answer(text("Look:"), IMAGE), Reading("Look:", "stop", COUNTED)),
}


@pytest.mark.parametrize(("body", "said"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_googles_sdk_reads_the_same(compare, body, said, stream):
    assert compare(sse(*frames(body)) if stream else body, stream) == (said, said)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_googles_sdk_reads_the_same_in_a_prompt_that_was_blocked(compare, stream):
    said = Reading("", "content_filter", COUNTED)
    assert compare(sse(BLOCKED) if stream else BLOCKED, stream) == (said, said)


def test_googles_sdk_reads_the_same_with_other_line_ends(compare):
    body = sse(*frames(answer(text("One. "), CALL))).replace(b"\n", b"\r\n")
    said = Reading("One. ", "tool_calls", COUNTED, (ROME,))
    assert compare(body, True) == (said, said)


def test_googles_sdk_reads_the_same_counts_where_the_last_event_has_none(compare):
    *begun, last = frames(answer(text("4"), usage=THOUGHTFUL))
    del last["usageMetadata"]
    said = Reading("4", "stop", Usage(9, 43))
    assert compare(sse(*begun, last), True) == (said, said)
