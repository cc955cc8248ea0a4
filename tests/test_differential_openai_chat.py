"""OpenAI's SDK and this library read the same in the same bytes of chat completions."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from support import sse
from support_sdks import MESSAGES, Format, Reading, Usage, called, compared, finished


@contextmanager
def openai_client(url):
    openai = pytest.importorskip("openai", reason="needs openai")
    with openai.OpenAI(api_key="any", base_url=f"{url}/v1", max_retries=0) as client:
        yield client


WORDS = {**{word: word for word in ("stop", "length", "tool_calls", "content_filter")}, "function_call": "tool_calls"}


def read(client, stream):
    options = {"model": "gpt-4.1", "messages": MESSAGES}
    if stream:
        with client.chat.completions.stream(**options, stream_options={"include_usage": True}) as events:
            list(events)
            whole = events.current_completion_snapshot
    else:
        whole = client.chat.completions.create(**options)
    message, usage = whole.choices[0].message, whole.usage
    details = usage and usage.prompt_tokens_details
    calls = tuple((call.id or None, *called(call.to_dict())) for call in message.tool_calls or ())
    if (old := message.function_call) and old.name:
        calls = ((None, *called({"function": old.to_dict()})),)
    return Reading(
        message.content or "",
        finished(whole.choices[0].finish_reason, WORDS, calls),
        usage and Usage(usage.prompt_tokens, usage.completion_tokens, (details and details.cached_tokens) or 0),
        calls,
        getattr(message, "reasoning_content", None) or "",
        message.refusal or "",
    )


OPENAI_CHAT = Format("gpt-4.1", openai_client, read, "/v1")


@pytest.fixture(scope="module")
def compare():
    with compared(OPENAI_CHAT) as compare:
        yield compare


# --- answers -------------------------------------------------------------------------------------------------------

BASE = {"id": "chatcmpl-1", "created": 1763474589, "model": "gpt-4.1-2025-04-14", "service_tier": "default"}
COUNTS = {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}
COUNTED = Usage(19, 10)


def whole(finish="stop", usage=COUNTS, **message):
    said = {"role": "assistant", "content": None, "refusal": None, "annotations": [], **message}
    choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": finish}
    return {**BASE, "object": "chat.completion", "choices": [choice], "usage": usage}


def piece(finish=None, index=0, **delta):
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**BASE, "object": "chat.completion.chunk", "choices": [choice], "usage": None, "obfuscation": "x7"}


def end(usage=COUNTS):
    return {**BASE, "object": "chat.completion.chunk", "choices": [], "usage": usage}


def stream(*deltas, finish="stop", usage=COUNTS):
    events = [piece(role="assistant", content="", refusal=None), *(piece(**delta) for delta in deltas), piece(finish)]
    return sse(*events, end(usage), "[DONE]")


def call(id, name, arguments):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def first(index, id, name, arguments=""):
    return {"tool_calls": [{"index": index, **call(id, name, arguments)}]}


def more(*added):
    """Further pieces of the arguments of these calls."""
    return {"tool_calls": [{"index": index, "function": {"arguments": written}} for index, written in added]}


BUSY = {
    **COUNTS,
    "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 8, "accepted_prediction_tokens": 0},
}
LINK = {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}
CITED = [{"type": "url_citation", "url_citation": LINK}]

ANSWERS = {
    "text": (
        whole(content="Grüße,\u2028😀!"),
        stream({"content": "Grü"}, {"content": "ße,\u2028"}, {"content": "😀!"}),
        Reading("Grüße,\u2028😀!", "stop", COUNTED),
    ),
    "nothing": (whole(content=""), stream(), Reading("", "stop", COUNTED)),
    "cached and reasoned": (
        whole(content="4", usage=BUSY),
        stream({"content": "4"}, usage=BUSY),
        Reading("4", "stop", Usage(19, 10, 16)),
    ),
    "readable reasoning": (
        whole(content="4", reasoning_content="2 and 2"),
        stream({"reasoning_content": "2 and"}, {"reasoning_content": " 2"}, {"content": "4"}),
        Reading("4", "stop", COUNTED, reasoning="2 and 2"),
    ),
    "two calls beside each other": (
        whole("tool_calls", tool_calls=[call("a", "look", '{"city": "Köln"}'), call("b", "look", '{"city": "Rome"}')]),
        stream(
            first(0, "a", "look"),
            more((0, '{"ci')),
            more((0, 'ty": "Kö')),
            first(1, "b", "look", '{"city'),
            more((0, 'ln"}'), (1, '": "Ro')),
            more((1, 'me"}')),
            finish="tool_calls",
        ),
        Reading("", "tool_calls", COUNTED, (("a", "look", {"city": "Köln"}), ("b", "look", {"city": "Rome"}))),
    ),
    "text before a call without arguments": (
        whole("tool_calls", content="Let me see.", tool_calls=[call("a", "now", "")]),
        stream({"content": "Let me see."}, first(0, "a", "now"), finish="tool_calls"),
        Reading("Let me see.", "tool_calls", COUNTED, (("a", "now", {}),)),
    ),
    "a forced call, which ends with stop": (
        whole("stop", tool_calls=[call("a", "now", "{}")]),
        stream(first(0, "a", "now"), more((0, "{}"))),
        Reading("", "tool_calls", COUNTED, (("a", "now", {}),)),
    ),
    "a call as it was before there were tools": (
        whole("function_call", function_call={"name": "look", "arguments": '{"city": "Rome"}'}),
        stream(
            {"function_call": {"name": "look", "arguments": ""}},
            {"function_call": {"arguments": '{"city"'}},
            {"function_call": {"arguments": ': "Rome"}'}},
            finish="function_call",
        ),
        Reading("", "tool_calls", COUNTED, ((None, "look", {"city": "Rome"}),)),
    ),
    "cut short in the text": (
        whole("length", content="Once upon"),
        stream({"content": "Once upon"}, finish="length"),
        Reading("Once upon", "length", COUNTED),
    ),
    "cut short in the arguments": (
        whole("length", tool_calls=[call("a", "look", '{"city": "Ro')]),
        stream(first(0, "a", "look"), more((0, '{"city": ')), more((0, '"Ro')), finish="length"),
        Reading("", "length", COUNTED, (("a", "look", '{"city": "Ro'),)),
    ),
    "a refusal": (
        whole(refusal="I cannot help with that."),
        stream({"refusal": "I cannot"}, {"refusal": " help with that."}),
        Reading("", "stop", COUNTED, refusal="I cannot help with that."),
    ),
    "filtered": (
        whole("content_filter", content="How to"),
        stream({"content": "How to"}, finish="content_filter"),
        Reading("How to", "content_filter", COUNTED),
    ),
    "cited": (
        whole(content="Yes", annotations=CITED),
        stream({"content": "Yes"}, {"annotations": CITED}),
        Reading("Yes", "stop", COUNTED),
    ),
    "without usage": (
        whole(content="Hi", usage=None),
        sse(piece(role="assistant", content="Hi"), piece("stop"), "[DONE]"),
        Reading("Hi", "stop", None),
    ),
}
ZEROS = {
    "function_call": {"name": "", "arguments": ""},
    "audio": {"id": "", "data": "", "transcript": "", "expires_at": 0},
    "tool_calls": [{**call("a", "now", "{}"), "custom": {"name": "", "input": ""}}],
}
STREAMS = {
    "an empty first event, as Azure sends it": (
        sse({**end(None), "id": "", "prompt_filter_results": []}, piece(content="Hi"), piece("stop"), end(), "[DONE]"),
        Reading("Hi", "stop", COUNTED),
    ),
    "usage on every event": (
        sse({**piece(content="Hi"), "usage": {**COUNTS, "completion_tokens": 1}}, {**piece("stop"), "usage": COUNTS}),
        Reading("Hi", "stop", COUNTED),
    ),
    "the whole answer in one event": (
        sse({**piece("tool_calls", role="assistant", content="Hi", **first(0, "a", "now", "{}")), "usage": COUNTS}),
        Reading("Hi", "tool_calls", COUNTED, (("a", "now", {}),)),
    ),
    "comments and other line ends": (
        b": keep-alive\r\n\r\n" + sse(piece(content="Hi"), piece("stop"), end(), "[DONE]").replace(b"\n", b"\r\n"),
        Reading("Hi", "stop", COUNTED),
    ),
}


@pytest.mark.parametrize(("body", "events", "said"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_openais_sdk_reads_the_same(compare, body, events, said, streamed):
    assert compare(events if streamed else body, streamed) == (said, said)


@pytest.mark.parametrize(("events", "said"), STREAMS.values(), ids=STREAMS)
def test_openais_sdk_reads_the_same_in_an_odd_stream(compare, events, said):
    assert compare(events, True) == (said, said)


def test_openais_sdk_reads_the_same_in_the_call_of_a_grammar_tool(compare):
    custom = {"id": "a", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    said = Reading("", "tool_calls", COUNTED, (("a", "sql", "SELECT 1"),))
    assert compare(whole("tool_calls", tool_calls=[custom])) == (said, said)


def test_openais_sdk_loses_a_last_event_that_no_blank_line_ends(compare):
    """As server-sent events have it; but some hosts end so, and then usage or the finish reason would be lost."""
    mine, theirs = compare(sse(piece(content="Hi"), piece("stop"), end()).removesuffix(b"\n"), True)
    assert mine == Reading("Hi", "stop", COUNTED)
    assert theirs == mine._replace(usage=None)


def test_openais_sdk_passes_an_object_on_where_the_text_should_be(compare):
    """Cloudflare answers a schema so. The text of an answer that was asked for as JSON is the JSON."""
    said = {"name": "Emily", "age": 32}
    mine, theirs = compare(whole(content=said))
    assert mine == Reading('{"name":"Emily","age":32}', "stop", COUNTED)
    assert theirs == mine._replace(text=said)


def test_openais_sdk_forgets_usage_when_an_event_without_it_follows(compare):
    """OpenAI itself sends the results of moderation behind the usage."""
    mine, theirs = compare(
        sse(piece(content="Hi"), piece("stop"), end(), {**end(None), "moderation": {}}, "[DONE]"), True
    )
    assert mine == Reading("Hi", "stop", COUNTED)
    assert theirs == mine._replace(usage=None)


def test_openais_sdk_reads_the_same_where_a_host_has_every_field_of_the_shape(compare):
    """Snowflake leaves none out that says nothing."""
    body = whole("", content="", refusal="", **ZEROS)
    mine, theirs = compare(body)
    assert mine == Reading("", "tool_calls", COUNTED, (("a", "now", {}),))
    assert theirs == mine._replace(finish="")
