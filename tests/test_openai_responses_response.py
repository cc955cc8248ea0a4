"""Answers of OpenAI Responses, whole and streamed: each table row is one answer, read both ways."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CREATED, ID, call, cuts_of, decode, folded, named_sse, parse, sse

from unified_llm.adapters import load
from unified_llm.adapters.openai_responses import explain
from unified_llm.chunks import fold
from unified_llm.errors import (
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
)

MODEL = "openai/gpt-5.6-terra"
USAGE = {
    "input_tokens": 36,
    "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 4},
    "output_tokens": 87,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 123,
}
COUNTED = {
    "prompt_tokens": 36,
    "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 4},
    "completion_tokens": 87,
    "completion_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 123,
}


def made(messages="Hi", **params):
    return call(MODEL, messages, adapter="openai_responses", **params)


def response(*output, status="completed", reason=None, **fields):
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 3.0,
        "status": status,
        "model": "gpt-served",
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": "Be terse.",
        "output": list(output),
        "tools": [{"type": "web_search"}],
        "usage": USAGE,
        **fields,
    }


# --- output items, and the events by which they are streamed ----------------------------------------------------------


def words(text, *annotations, **fields):
    return {"type": "output_text", "text": text, "annotations": list(annotations), **fields}


def message(*parts, **fields):
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [*parts], **fields}


def text(value):
    return message(words(value))


def thought(*summary, content=(), **fields):
    item = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": s} for s in summary]}
    if content:
        item["content"] = [{"type": "reasoning_text", "text": c} for c in content]
    return {**item, **fields}


def function(call_id="call_a", arguments='{"city":"Rome"}', **fields):
    base = {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": call_id, "name": "weather"}
    return {**base, "arguments": arguments, **fields}


def custom(value="ls"):
    return {
        "id": "c",
        "type": "custom_tool_call",
        "status": "completed",
        "call_id": "call_c",
        "name": "f",
        "input": value,
    }


SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
URL = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 1, "end_index": 2}
FILE = {"type": "file_citation", "file_id": "file-1", "filename": "a.txt", "index": 1}
PROBABLE = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}


def halves(value):
    return [value[: len(value) // 2], "", value[len(value) // 2 :]]


def deltas(index, item):
    """The deltas of one item, each with its event's type and what it adds."""
    place = {"item_id": item["id"], "output_index": index}
    adding = {
        "message": message_deltas,
        "reasoning": reasoning_deltas,
        "function_call": lambda item: pieces("function_call_arguments", item["arguments"]),
        "custom_tool_call": lambda item: pieces("custom_tool_call_input", item["input"]),
    }
    return [{**place, **delta} for delta in adding.get(item["type"], lambda _: [])(item)]


def pieces(name, value, **fields):
    return [{"type": f"response.{name}.delta", "delta": piece, **fields} for piece in halves(value)]


def message_deltas(item):
    for at, part in enumerate(item["content"]):
        if part["type"] == "refusal":
            yield from pieces("refusal", part["refusal"], content_index=at)
        elif part.get("logprobs"):
            head = {"type": "response.output_text.delta", "content_index": at}
            yield {**head, "delta": part["text"], "logprobs": part["logprobs"]}
        else:
            yield from pieces("output_text", part["text"], content_index=at, logprobs=[])
            for noted in part["annotations"]:
                yield {"type": "response.output_text.annotation.added", "content_index": at, "annotation": noted}


def reasoning_deltas(item):
    for at, part in enumerate(item["summary"]):
        yield from pieces("reasoning_summary_text", part["text"], summary_index=at)
    for at, part in enumerate(item.get("content", ()) if not item["summary"] else ()):
        yield from pieces("reasoning_text", part["text"], content_index=at)


def begun(item):
    empty = {"content": [], "summary": [], "arguments": "", "input": "", "encrypted_content": "begun"}
    return {key: empty.get(key, value) for key, value in item.items()} | {"status": "in_progress"}


def events(whole, *, telling=("added", "deltas", "done", "output")):
    """The events by which OpenAI would stream a response; a host may leave out some kinds of telling."""
    start = {**whole, "status": "in_progress", "output": [], "usage": None}
    out = [{"type": "response.created", "response": start}, {"type": "response.in_progress", "response": start}]
    for index, item in enumerate(whole["output"]):
        if "added" in telling:
            out.append({"type": "response.output_item.added", "output_index": index, "item": begun(item)})
        if "deltas" in telling:
            out += deltas(index, item)
        if "done" in telling:
            out.append({"type": "response.output_item.done", "output_index": index, "item": item})
    last = whole if "output" in telling else {**whole, "output": []}
    out.append({"type": f"response.{whole['status']}", "response": last})
    return [{**event, "sequence_number": at} for at, event in enumerate(out)]


def streamed(whole, **how):
    return folded(made(stream=True), named_sse(*events(whole, **how)))


def answer_of(*items, **fields):
    """The first choice, the same whole and streamed."""
    whole = response(*items, **fields)
    plain = parse(made(), whole)
    assert streamed(whole) == plain
    return plain["choices"][0]


def tool_call(id, arguments='{"city":"Rome"}'):
    return {"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}}


def nested(start):
    citation = {"url": "https://a.example", "title": "A", "start_index": start + 1, "end_index": start + 2}
    return [{"type": "url_citation", "url_citation": citation}]


CUSTOM = {"id": "call_c", "type": "custom", "custom": {"name": "f", "input": "ls"}}
REFUSAL = {"type": "refusal", "refusal": "I cannot."}
ANSWERS = {
    "text": ([text("Hi!")], {"content": "Hi!"}),
    "nothing": ([], {"content": None}),
    "an empty text": ([text("")], {"content": None}),
    "two parts": ([message(words("Hi"), words(" you"))], {"content": "Hi you"}),
    "two messages": (
        [message(words("Wait."), phase="commentary"), message(words("Hi"), phase="final_answer")],
        {"content": "Wait.Hi"},
    ),
    "a refusal": ([message(REFUSAL)], {"content": None, "refusal": "I cannot."}),
    "a summary": ([thought("Hm.", "So."), text("4")], {"content": "4", "reasoning_content": "Hm.\n\nSo."}),
    "two thoughts": (
        [thought("Hm."), text("4"), thought("So."), text("2")],
        {"content": "42", "reasoning_content": "Hm.\n\nSo."},
    ),
    "open reasoning": (
        [thought(content=["Hm.", "So."]), text("4")],
        {"content": "4", "reasoning_content": "Hm.\n\nSo."},
    ),
    "reasoning and its summary": (
        [thought("Hm.", content=["H", "m"]), text("4")],
        {"content": "4", "reasoning_content": "Hm."},
    ),
    "secret reasoning": ([thought(encrypted_content="gA"), text("4")], {"content": "4"}),
    "a call": ([function()], {"content": None, "tool_calls": [tool_call("call_a")]}),
    "a call without arguments": (
        [function(arguments="")],
        {"content": None, "tool_calls": [tool_call("call_a", "{}")]},
    ),
    "calls between other items": (
        [thought(encrypted_content="gA"), text("Wait."), function(), SEARCH, function("call_b", "{}")],
        {"content": "Wait.", "tool_calls": [tool_call("call_a"), tool_call("call_b", "{}")]},
    ),
    "a call in a namespace": ([function(namespace="n")], {"content": None, "tool_calls": [tool_call("call_a")]}),
    "a custom call": ([custom()], {"content": None, "tool_calls": [CUSTOM]}),
    "a server tool": (
        [SEARCH, message(words("It is", URL), words("so", URL))],
        {"content": "It isso", "annotations": nested(0) + nested(5)},
    ),
    "a cited file": ([message(words("It is", FILE))], {"content": "It is"}),
    "an unknown item": ([{"id": "x", "type": "hologram", "content": 1}, text("a")], {"content": "a"}),
}
every_answer = pytest.mark.parametrize(("items", "wanted"), ANSWERS.values(), ids=ANSWERS)


@every_answer
def test_items_become_the_message_whole_and_streamed(items, wanted):
    got = answer_of(*items)
    message = dict(got["message"])
    assert message.pop("provider_fields", {"output": items})["output"] == items
    assert message == {"role": "assistant", **wanted}
    assert got["finish_reason"] == ("tool_calls" if "tool_calls" in wanted else "stop")
    assert got["native_finish_reason"] == "completed"


PLAIN = ("text", "nothing", "an empty text", "a call", "a call without arguments", "a custom call")


@every_answer
def test_items_are_kept_only_where_the_message_does_not_say_all(items, wanted):
    is_plain = items in [ANSWERS[name][0] for name in PLAIN]
    assert ("provider_fields" in answer_of(*items)["message"]) != is_plain


@pytest.mark.parametrize(
    "telling",
    [
        ("output",),
        ("done",),
        ("done", "output"),
        ("deltas", "done"),
        ("added", "deltas", "output"),
        ("added", "output"),
    ],
    ids=str,
)
@every_answer
def test_whatever_way_a_host_tells_an_item_it_is_told_once(items, wanted, telling):
    whole = response(*items)
    assert streamed(whole, telling=telling)["choices"][0]["message"] == parse(made(), whole)["choices"][0]["message"]


@pytest.mark.parametrize("telling", [("added", "deltas", "done", "output"), ("added", "deltas", "done")], ids=str)
@every_answer
def test_a_host_may_name_an_item_by_its_id_alone(items, wanted, telling):
    whole = response(*({**item, "id": f"item_{index}"} for index, item in enumerate(items)))
    unplaced = [{key: it for key, it in e.items() if key != "output_index"} for e in events(whole, telling=telling)]
    assert folded(made(stream=True), named_sse(*unplaced)) == parse(made(), whole)


@every_answer
def test_deltas_alone_tell_what_can_be_read(items, wanted):
    told = streamed(response(*items), telling=("added", "deltas"))["choices"][0]["message"]
    assert told == {"role": "assistant", **{key: value for key, value in wanted.items() if key != "annotations"}}


def test_text_that_was_streamed_stands_even_if_the_whole_says_otherwise():
    sent = events(response(text("Hi!")))
    sent[-2]["item"] = sent[-1]["response"]["output"][0] = text("Bye")
    assert folded(made(), named_sse(*sent))["choices"][0]["message"]["content"] == "Hi!"


def test_probabilities_of_tokens_are_kept():
    assert answer_of(message(words("Hi", logprobs=[PROBABLE])))["logprobs"] == {"content": [PROBABLE]}
    told_late = streamed(response(message(words("Hi", logprobs=[PROBABLE]))), telling=("done",))
    assert told_late["choices"][0]["logprobs"] == {"content": [PROBABLE]}


@pytest.mark.parametrize("ids", [("", "call_b"), (None, None), ("call_a", "call_a")], ids=str)
def test_ids_of_calls_are_never_empty_and_unique(ids):
    calls = answer_of(*(function(id, id=None) for id in ids))["message"]["tool_calls"]
    assert len({one["id"] for one in calls}) == 2
    assert all(one["id"] for one in calls)


def test_arguments_that_are_no_string_become_json():
    message = parse(made(), response(function(arguments={"a": 1})))["choices"][0]["message"]
    assert message["tool_calls"][0]["function"]["arguments"] == '{"a":1}'


# --- the rest of the completion ---------------------------------------------------------------------------------------

FINISHES = {
    "a natural end": ("completed", None, "stop", "completed"),
    "another word for it": ("complete", None, "stop", "complete"),
    "the limit": ("incomplete", "max_output_tokens", "length", "max_output_tokens"),
    "the filter": ("incomplete", "content_filter", "content_filter", "content_filter"),
    "a limit of messages": ("incomplete", "max_messages", "length", "max_messages"),
    "no reason": ("incomplete", None, "length", "incomplete"),
    "work in the background": ("queued", None, None, "queued"),
}


@pytest.mark.parametrize(("status", "reason", "finish", "native"), FINISHES.values(), ids=FINISHES)
def test_status_and_reason_become_the_finish_reason(status, reason, finish, native):
    choice = parse(made(), response(text("Hi"), status=status, reason=reason))["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, native)


def test_a_response_that_is_cut_off_is_streamed_to_its_end():
    choice = answer_of(text("Hi"), function(), status="incomplete", reason="max_output_tokens")
    assert choice["finish_reason"] == "length"


def test_the_names_of_the_answer_are_the_providers():
    whole = response(text("Hi"), service_tier="default", moderation={"flagged": False})
    got = parse(made(), whole)
    assert streamed(whole) == got
    head = {key: got[key] for key in ("id", "object", "created", "model", "usage", "service_tier", "provider_fields")}
    assert head == {
        "id": "resp_1",
        "object": "chat.completion",
        "created": 3,
        "model": "gpt-served",
        "usage": COUNTED,
        "service_tier": "default",
        "provider_fields": {"moderation": {"flagged": False}},
    }


def test_what_the_provider_does_not_say_is_generated_or_none():
    got = parse(made(), {"output": []})
    assert (got["id"], got["created"], got["model"], got["usage"]) == (ID, CREATED, "gpt-5.6-terra", None)


def test_a_tier_that_chat_completions_does_not_know_is_the_providers_field():
    assert parse(made(), response(service_tier="provisioned"))["provider_fields"] == {"service_tier": "provisioned"}


def test_other_counts_of_a_host_stay_beside_the_usage():
    native = {"input_tokens": 1, "output_tokens": 2, "num_sources_used": 3, "input_tokens_details": None}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "num_sources_used": 3}
    assert parse(made(), response(usage=native))["usage"] == usage


# --- errors -----------------------------------------------------------------------------------------------------------

ERRORS = {
    "server_error": (InternalServerError, 500),
    "rate_limit_exceeded": (RateLimitError, 429),
    "insufficient_quota": (RateLimitError, 429),
    "invalid_prompt": (BadRequestError, 400),
    "image_too_large": (BadRequestError, 400),
    "context_length_exceeded": (ContextWindowExceededError, 400),
    "bio_policy": (ContentPolicyViolationError, 400),
    "something_new": (APIStatusError, 200),
}


@pytest.mark.parametrize(("code", "raised"), ERRORS.items(), ids=ERRORS)
def test_a_failed_response_raises_what_its_code_stands_for(code, raised):
    error = {"code": code, "message": "No such luck."}
    failed = response(status="failed", error=error)
    bodies = {
        "failed": {"type": "response.failed", "response": failed},
        "nested": {"type": "error", "error": {**error, "type": "x", "param": None}},
        "flat": {"type": "error", "sequence_number": 2, **error, "param": None},
    }
    for body in (None, *bodies.values()):
        with pytest.raises(raised[0], match=r"No such luck\.") as caught:
            parse(made(), failed) if body is None else decode(made(), named_sse(body))
        assert (type(caught.value), caught.value.status_code) == raised


FAILURES = {
    "without an error": (response(status="failed"), 200),
    "cancelled": (response(status="cancelled"), 200),
    "an error without a code": (response(error={"message": "Oops."}), 500),
    "words alone": ({"error": "Model not found", "code": "invalid-argument"}, 500),
}


@pytest.mark.parametrize(("body", "status"), FAILURES.values(), ids=FAILURES)
def test_a_failure_without_a_known_code_is_an_error_all_the_same(body, status):
    with pytest.raises(APIStatusError) as caught:
        parse(made(), body)
    assert caught.value.status_code == status


def test_what_came_before_an_error_is_handed_out_first():
    sent = [*events(response(text("Hi!")))[:5], {"type": "error", "error": {"code": "server_error", "message": "m"}}]
    decoder = load("openai_responses").Decoder(made())
    assert fold(decoder.feed(named_sse(*sent)))["choices"][0]["message"]["content"] == "H"
    with pytest.raises(InternalServerError):
        decoder.close()


EXPLAINED = {
    "a wrong key": (401, {"error": {"code": "invalid_api_key", "message": "m"}}, ("invalid_api_key", "m")),
    "a policy": (400, {"error": {"code": "bio_policy", "message": "m"}}, ("content_policy_violation", "m")),
    "a long prompt": (
        400,
        {"error": {"message": "prompt is too long"}},
        ("context_length_exceeded", "prompt is too long"),
    ),
    "detail": (401, {"detail": "m"}, (None, "m")),
    "text": (502, "Bad gateway", (None, "Bad gateway")),
}


@pytest.mark.parametrize(("status", "body", "explained"), EXPLAINED.values(), ids=EXPLAINED)
def test_error_bodies_are_explained(status, body, explained):
    assert explain(status, body) == explained


def test_an_error_in_a_stream_without_type_or_name_is_raised():
    with pytest.raises(AuthenticationError):
        decode(made(), sse({"error": {"code": "invalid_api_key", "message": "m"}}))


@pytest.mark.parametrize("body", [{}, {"output": None}, {"choices": []}], ids=str)
def test_what_is_no_response_is_refused(body):
    with pytest.raises(APIResponseValidationError):
        parse(made(), body)


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"], ids=["nothing", "an end mark"])
@pytest.mark.parametrize("count", range(7))
def test_a_stream_without_its_last_event_is_incomplete(count, end):
    with pytest.raises(IncompleteStreamError):
        decode(made(), named_sse(*events(response(text("Hi!")))[:count]) + end)


def test_nothing_is_read_after_the_last_event():
    sent = named_sse(*events(response(text("Hi!"))))
    assert decode(made(), sent + sent + b"data: [DONE]\n\n") == decode(made(), sent)


# --- laws of streams --------------------------------------------------------------------------------------------------

TEXT = st.text('ab \n\u2028é🙂"\\', max_size=12)
ITEM = st.one_of(
    st.builds(text, TEXT),
    st.builds(lambda value: message(words(value, URL), phase="commentary"), TEXT),
    st.builds(lambda parts: thought(*parts, encrypted_content="gA"), st.lists(TEXT, max_size=2)),
    st.builds(lambda value: function(None, json.dumps({"a": value}), id=None), TEXT),
    st.builds(custom, TEXT),
    st.sampled_from([SEARCH, message(REFUSAL)]),
)
ANSWER = st.builds(lambda items: response(*items), st.lists(ITEM, max_size=5))


@given(ANSWER, st.data())
def test_any_cut_of_a_stream_gives_the_same_chunks_and_the_chunks_are_the_whole(whole, data):
    body = named_sse(*events(whole))
    chunks = decode(made(), body, data.draw(cuts_of(len(body))))
    assert chunks == decode(made(), body)
    assert fold(chunks) == parse(made(), whole)


@given(ANSWER)
def test_every_chunk_is_of_the_normal_form(whole):
    chunks = decode(made(), named_sse(*events(whole)))
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert len(choices) == len(chunks)
    assert {chunk["id"] for chunk in chunks} == {"resp_1"}
    assert [choice["delta"].get("role") for choice in choices] == ["assistant"] + [None] * (len(choices) - 1)
    assert all("content" in choice["delta"] for choice in choices)
    assert [choice["finish_reason"] is None for choice in choices] == [True] * (len(choices) - 1) + [False]
    assert ["usage" in chunk for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    told = [piece for choice in choices for piece in choice["delta"].get("tool_calls", ())]
    firsts = [piece["index"] for piece in told if "id" in piece]
    assert firsts == list(range(len(firsts)))
    assert len({piece["id"] for piece in told if "id" in piece}) == len(firsts)
