"""OpenAI's SDK and this library read the same in the same bytes of Responses."""

from __future__ import annotations

import pytest
from support import named_sse
from support_sdks import Format, Reading, Usage, arguments, compared, finished
from test_differential_openai_chat import openai_client

CALLS = ("function_call", "custom_tool_call")


def read(client, stream):
    options = {"model": "gpt-5.5", "input": "Hi"}
    if stream:
        with client.responses.stream(**options) as events:
            *_, last = events
            whole = last.response
    else:
        whole = client.responses.create(**options)
    calls = tuple((item.call_id, item.name, written(item)) for item in whole.output if item.type in CALLS)
    parts = [part for item in whole.output if item.type == "message" for part in item.content]
    usage = whole.usage
    details = usage and usage.input_tokens_details
    return Reading(
        whole.output_text,
        finish(whole, calls),
        usage and Usage(usage.input_tokens, usage.output_tokens, (details and details.cached_tokens) or 0),
        calls,
        "\n\n".join(part.text for item in whole.output if item.type == "reasoning" for part in thoughts(item)),
        "".join(part.refusal for part in parts if part.type == "refusal"),
    )


def written(item):
    return item.input if item.type == "custom_tool_call" else arguments(item.arguments)


def thoughts(item):
    return item.summary or item.content or ()


def finish(whole, calls):
    if whole.status == "incomplete":
        reason = whole.incomplete_details and whole.incomplete_details.reason
        return "content_filter" if reason == "content_filter" else "length"
    return finished(whole.status, {"completed": "stop"}, calls)


OPENAI_RESPONSES = Format("gpt-5.5", openai_client, read, "/v1", options={"adapter": "openai_responses"})


@pytest.fixture(scope="module")
def compare():
    with compared(OPENAI_RESPONSES) as compare:
        yield compare


# --- answers -------------------------------------------------------------------------------------------------------

COUNTS = {
    "input_tokens": 36,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 87,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 123,
}
CACHED = {**COUNTS, "input_tokens_details": {"cached_tokens": 32, "cache_write_tokens": 0}}
COUNTED = Usage(36, 87)


def response(*output, status="completed", **fields):
    asked = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {}, "temperature": 1.0}
    told = {"id": "resp_1", "object": "response", "created_at": 1765552659.0, "model": "gpt-5.5-2026-04-23"}
    nothing = {"error": None, "incomplete_details": None, "instructions": None}
    return {**told, "status": status, **nothing, "output": list(output), **asked, "usage": COUNTS, **fields}


def message(*parts, id="msg_1", **fields):
    return {"id": id, "type": "message", "role": "assistant", "status": "completed", "content": list(parts), **fields}


def text(words, *annotations):
    return {"type": "output_text", "text": words, "annotations": list(annotations), "logprobs": []}


def refusal(words):
    return {"type": "refusal", "refusal": words}


def thought(*summary, id="rs_1", **fields):
    told = [{"type": "summary_text", "text": words} for words in summary]
    return {"id": id, "type": "reasoning", "summary": told, "encrypted_content": "gAAAA", **fields}


def call(id, name, arguments):
    return {
        "id": f"fc_{id}",
        "type": "function_call",
        "status": "completed",
        "call_id": id,
        "name": name,
        "arguments": arguments,
    }


# how a stream tells what an item has: the item when it begins, and the event of each piece of its fields


def events_of(whole, **last):
    """The events by which the API would stream a response; `last` is what is otherwise in the last."""
    begun = {**whole, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events = [{"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun}]
    for index, item in enumerate(whole["output"]):
        place = {"output_index": index, "item_id": item["id"]}
        inner = [{**event, **place} for event in KINDS.get(item["type"], lambda item: [])(item)]
        empty = {key: EMPTY.get(key, value) for key, value in item.items()}
        events.append({"type": "response.output_item.added", "output_index": index, "item": empty})
        events += [*inner, {"type": "response.output_item.done", "output_index": index, "item": item}]
    events.append({"type": f"response.{whole['status']}", "response": {**whole, **last}})
    return named_sse(*({**event, "sequence_number": at} for at, event in enumerate(events)))


EMPTY = {"content": [], "summary": [], "arguments": "", "input": "", "status": "in_progress"}


def message_events(item):
    for index, part in enumerate(item["content"]):
        kind, key = ("output_text", "text") if part["type"] == "output_text" else ("refusal", "refusal")
        place = {"content_index": index, **({"logprobs": []} if key == "text" else {})}
        yield {"type": "response.content_part.added", "content_index": index, "part": {**part, key: ""}}
        for words in halves(part[key]):
            yield {"type": f"response.{kind}.delta", "delta": words, "obfuscation": "2aj", **place}
        for at, cited in enumerate(part.get("annotations", ())):
            added = {"content_index": index, "annotation_index": at, "annotation": cited}
            yield {"type": "response.output_text.annotation.added", **added}
        yield {"type": f"response.{kind}.done", key: part[key], **place}
        yield {"type": "response.content_part.done", "content_index": index, "part": part}


def reasoning_events(item):
    for index, part in enumerate(item["summary"]):
        place = {"summary_index": index}
        yield {"type": "response.reasoning_summary_part.added", "part": {**part, "text": ""}, **place}
        for words in halves(part["text"]):
            yield {"type": "response.reasoning_summary_text.delta", "delta": words, **place}
        yield {"type": "response.reasoning_summary_text.done", "text": part["text"], **place}
        yield {"type": "response.reasoning_summary_part.done", "part": part, **place}


def call_events(item):
    for words in halves(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", "delta": words, "obfuscation": "x"}
    yield {"type": "response.function_call_arguments.done", "arguments": item["arguments"], "name": item["name"]}


def halves(words):
    return [half for half in (words[: len(words) // 2], words[len(words) // 2 :]) if half]


KINDS = {"message": message_events, "reasoning": reasoning_events, "function_call": call_events}

LINK = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 3}
SEARCH = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "a", "sources": []},
}
CUSTOM = {
    "id": "ctc_1",
    "type": "custom_tool_call",
    "status": "completed",
    "call_id": "a",
    "name": "sql",
    "input": "SELECT 1",
}
ROME = (("a", "look", {"city": "Röm"}), ("b", "look", {"city": "Paris"}))
LONG = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
FILTERED = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}

ANSWERS = {
    "text": (response(message(text("Grüße,\u2028😀!"))), Reading("Grüße,\u2028😀!", "stop", COUNTED)),
    "nothing": (response(), Reading("", "stop", COUNTED)),
    "cached": (response(message(text("4")), usage=CACHED), Reading("4", "stop", Usage(36, 87, 32))),
    "a summary": (
        response(thought("Plan.", "Then do."), message(text("4"))),
        Reading("4", "stop", COUNTED, reasoning="Plan.\n\nThen do."),
    ),
    "reasoning that nobody may read": (response(thought(), message(text("4"))), Reading("4", "stop", COUNTED)),
    "two calls": (
        response(call("a", "look", '{"city":"Röm"}'), call("b", "look", '{"city":"Paris"}')),
        Reading("", "tool_calls", COUNTED, ROME),
    ),
    "thoughts, words and a call without arguments": (
        response(thought("Hm."), message(text("Let me see."), phase="commentary"), call("a", "now", "{}")),
        Reading("Let me see.", "tool_calls", COUNTED, (("a", "now", {}),), "Hm."),
    ),
    "two messages": (
        response(message(text("One. "), phase="commentary"), message(text("Two."), id="msg_2", phase="final_answer")),
        Reading("One. Two.", "stop", COUNTED),
    ),
    "cut short in the text": (response(message(text("Once")), **LONG), Reading("Once", "length", COUNTED)),
    "cut short while thinking": (response(thought("Hm"), **LONG), Reading("", "length", COUNTED, reasoning="Hm")),
    "filtered": (response(message(text("How to")), **FILTERED), Reading("How to", "content_filter", COUNTED)),
    "a refusal": (response(message(refusal("I cannot."))), Reading("", "stop", COUNTED, refusal="I cannot.")),
    "searched and cited": (response(SEARCH, message(text("Yes", LINK))), Reading("Yes", "stop", COUNTED)),
    "a grammar tool": (response(CUSTOM), Reading("", "tool_calls", COUNTED, (("a", "sql", "SELECT 1"),))),
    "without usage": (response(message(text("Hi")), usage=None), Reading("Hi", "stop", None)),
}


each_answer = pytest.mark.parametrize(("body", "said"), ANSWERS.values(), ids=ANSWERS)


@each_answer
def test_openais_sdk_reads_the_same_whole(compare, body, said):
    assert compare(body) == (said, said)


@each_answer
@pytest.mark.parametrize("last", [{}, {"output": None}], ids=["told again at the end", "told once"])
def test_openais_sdk_reads_the_same_streamed(compare, body, said, last):
    assert compare(events_of(body, **last), True) == (said, said)


@each_answer
def test_openais_sdk_believes_a_last_event_that_has_no_items(compare, body, said):
    """Some hosts have an empty list there, whatever they told before; the text would be lost."""
    mine, theirs = compare(events_of(body, output=[]), True)
    assert mine == said
    assert (theirs.text, theirs.calls) == ("", ())
