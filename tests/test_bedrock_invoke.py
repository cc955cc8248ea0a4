"""InvokeModel with Claude: Anthropic's bodies and events in Bedrock's envelopes, Messages and legacy prompts."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import body_of as plain_body
from support import call, cuts_of, decode, folded, parse, render
from test_anthropic_messages_response import THINKING, TOOL, message, text
from test_anthropic_messages_response import events as anthropic_events
from test_aws_events import event, exception

from unified_llm.adapters import load
from unified_llm.adapters.contract import MediaNeeded
from unified_llm.chunks import fold
from unified_llm.errors import (
    APIResponseValidationError,
    APIStatusError,
    IncompleteStreamError,
    OverloadedError,
    RateLimitError,
)

MODEL = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
LEGACY = "bedrock/anthropic.claude-v2:1"
METRICS = {"inputTokenCount": 9, "outputTokenCount": 4, "invocationLatency": 7, "firstByteLatency": 3}


def invoking(model=MODEL, messages="Hi", **params):
    return call(model, messages, adapter="bedrock_invoke", **params)


def body_of(model=MODEL, messages="Hi", **params):
    return render(invoking(model, messages, **params)).body


def chunk(inner):
    """An event of Anthropic's in the frame in which Bedrock sends it."""
    return event("chunk", {"bytes": b64encode(json.dumps(inner).encode()).decode()})


def framed(inner_events):
    """Events of Anthropic's, the last with what Bedrock counted."""
    *begun, last = inner_events
    return b"".join(map(chunk, [*begun, {**last, "amazon-bedrock-invocationMetrics": METRICS}]))


# --- requests -------------------------------------------------------------------------------------------------------


def test_a_body_is_anthropics_with_the_version_and_without_what_stands_in_the_path():
    options = {"max_tokens": 9, "tools": [{"type": "function", "function": {"name": "f"}}], "temperature": 0.5}
    body = body_of(messages=[("system", "S"), ("user", "Hi")], **options)
    anthropic = plain_body("claude-sonnet-4-5", [("system", "S"), ("user", "Hi")], **options)
    del anthropic["model"]
    assert body == {**anthropic, "anthropic_version": "bedrock-2023-05-31"}


@pytest.mark.parametrize("model", [MODEL, LEGACY])
def test_a_stream_is_asked_for_in_the_path_alone(model):
    whole, streamed = render(invoking(model)), render(invoking(model, stream=True))
    name = model.partition("/")[2]
    assert (whole.path, streamed.path) == (f"/model/{name}/invoke", f"/model/{name}/invoke-with-response-stream")
    assert whole.body == streamed.body
    assert "anthropic-version" not in streamed.headers
    assert streamed.headers["accept"] == "application/vnd.amazon.eventstream"


def test_an_arn_stands_in_the_path_with_its_slashes_encoded():
    arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5"
    assert render(invoking(f"bedrock/{arn}")).path == f"/model/{arn.replace('/', '%2F')}/invoke"


PROMPTS = {
    "a system text first": (
        [("system", "You are a snarky assistant."), ("user", "How do I boil water?")],
        "You are a snarky assistant.\n\nHuman: How do I boil water?\n\nAssistant:",
    ),
    "a prefill": ([("user", "How?"), ("assistant", "{")], "\n\nHuman: How?\n\nAssistant: {"),
}
LEGACY_NAMES = [
    "anthropic.claude-v2",
    "anthropic.claude-v2:1",
    "anthropic.claude-v1",
    "anthropic.claude-instant-v1",
    "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2:1",
]


@pytest.mark.parametrize("model", LEGACY_NAMES)
@pytest.mark.parametrize(("messages", "prompt"), PROMPTS.values(), ids=PROMPTS)
def test_claude_2_and_instant_are_asked_with_a_prompt(model, messages, prompt):
    options = {"max_tokens": 256, "temperature": 0.5, "top_k": 250, "stop": "\n\nHuman:"}
    assert body_of(f"bedrock/{model}", messages, **options) == {
        "prompt": prompt,
        "max_tokens_to_sample": 256,
        "temperature": 0.5,
        "top_k": 250,
        "stop_sequences": ["\n\nHuman:"],
        "anthropic_version": "bedrock-2023-05-31",
    }


@pytest.mark.parametrize(
    "model", ["anthropic.claude-3-haiku-20240307-v1:0", "us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-opus-5"]
)
def test_later_models_are_asked_with_messages(model):
    assert body_of(f"bedrock/{model}")["messages"] == [{"role": "user", "content": "Hi"}]


def test_a_tier_is_a_header_and_anthropics_own_word_for_it_is_sent_nowhere():
    made = invoking(service_tier="flex")
    assert render(made).headers["x-amzn-bedrock-service-tier"] == "flex"
    assert (made.warnings, "service_tier" in render(made).body) == ([], False)
    other = render(invoking(service_tier="auto"))
    assert ("service_tier" in other.body, dict(other.headers)) == (False, {})


def test_what_stands_at_urls_is_sent_along():
    url, data = "https://a.example/b.png", b"\x89PNG\r\n\x1a\n"
    image = {"type": "image_url", "image_url": url}
    asked = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    told = {"role": "tool", "tool_call_id": "t", "content": [image]}
    made = invoking(messages=[("user", "Hi"), {"role": "assistant", "content": None, "tool_calls": [asked]}, told])
    with pytest.raises(MediaNeeded):
        render(made)
    made.media = {url: ("text/html", data)}
    source = {"type": "base64", "media_type": "image/png", "data": b64encode(data).decode()}
    (result,) = render(made).body["messages"][2]["content"]
    assert result["content"] == [{"type": "image", "source": source}]


# --- answers --------------------------------------------------------------------------------------------------------

ANSWERS = {
    "text": message(text("Hi!")),
    "thinking and a call": message(THINKING, text("a"), TOOL, stop="tool_use"),
    "nothing": message(),
}


@pytest.mark.parametrize("whole", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_read_as_anthropics_whole_and_streamed(whole):
    made = invoking()
    expected = load("anthropic_messages").parse(made, whole)
    assert parse(made, whole) == expected
    assert folded(made, framed(anthropic_events(whole))) == expected


def legacy_events(texts, stop="stop_sequence"):
    pieces = [{"type": "completion", "completion": words, "stop_reason": None, "stop": None} for words in texts]
    return [*pieces, {"type": "completion", "completion": "", "stop_reason": stop, "stop": "\n\nHuman:"}]


COUNTED = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


@given(st.lists(st.text("ab \né🙂", max_size=5), max_size=4), st.data())
def test_a_legacy_answer_is_its_pieces_and_has_the_usage_that_bedrock_counted(texts, data):
    made, body = invoking(LEGACY), framed(legacy_events(texts))
    whole = {"type": "completion", "completion": "".join(texts), "stop_reason": "stop_sequence", "stop": "\n\nHuman:"}
    chunks = decode(made, body, data.draw(cuts_of(len(body))))
    assert chunks == decode(made, body)
    assert fold(chunks) == {**parse(made, whole), "usage": COUNTED}


@pytest.mark.parametrize(("prefill", "expected"), [([], "Hello"), ([("assistant", "{")], " Hello")])
def test_the_leading_space_of_a_legacy_answer_goes_unless_there_was_a_prefill(prefill, expected):
    made = invoking(LEGACY, [("user", "Hi"), *prefill])
    whole = {"type": "completion", "completion": " Hello", "stop_reason": "max_tokens"}
    assert parse(made, whole)["choices"][0]["message"]["content"] == expected
    assert parse(made, whole)["choices"][0]["finish_reason"] == "length"
    streamed = folded(made, framed(legacy_events([" He", "llo"])))
    assert streamed["choices"][0]["message"]["content"] == expected


def test_a_model_may_answer_in_the_form_of_the_other_kind():
    whole = message(text("Hi!"))
    assert parse(invoking(LEGACY), whole)["choices"][0]["message"]["content"] == "Hi!"
    got = folded(invoking(LEGACY), framed(anthropic_events(whole)))
    assert got["choices"][0]["message"]["content"] == "Hi!"
    assert got["usage"]["prompt_tokens"] == 12


@given(st.sampled_from([*ANSWERS.values()]), st.data())
def test_any_cut_of_a_stream_gives_the_same_chunks_and_each_is_of_the_normal_form(whole, data):
    body = framed(anthropic_events(whole))
    chunks = decode(invoking(), body, data.draw(cuts_of(len(body))))
    assert chunks == decode(invoking(), body)
    assert {chunk["id"] for chunk in chunks} == {"msg_1"}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert [delta.get("role") for delta in deltas] == ["assistant"] + [None] * (len(deltas) - 1)
    assert ["usage" in chunk for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


@given(st.data())
def test_a_stream_that_ends_anywhere_is_incomplete_or_has_the_whole_answer(data):
    whole = ANSWERS["thinking and a call"]
    body = framed(anthropic_events(whole))
    try:
        got = folded(invoking(), body[: data.draw(st.integers(0, len(body)))])
    except IncompleteStreamError:
        return
    assert got == parse(invoking(), whole)


# --- errors ---------------------------------------------------------------------------------------------------------

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
IN_STREAMS = {
    "an exception": (exception("throttlingException", {"message": "Slow"}), RateLimitError, "Slow"),
    "a timeout of the model": (exception("modelTimeoutException", {"message": "Late"}), APIStatusError, "Late"),
    "an error of Anthropic's": (chunk(OVERLOADED), OverloadedError, "Overloaded"),
    "no base64": (event("chunk", {"bytes": "x"}), APIResponseValidationError, "format"),
    "no JSON inside": (event("chunk", {"bytes": "eHg="}), APIResponseValidationError, "format"),
    "damage": (chunk(OVERLOADED)[:-1] + b"\x00", APIResponseValidationError, "checksum"),
    "no end": (chunk({"type": "ping"}), IncompleteStreamError, "before the answer"),
    "nothing": (b"", IncompleteStreamError, "before the answer"),
}


@pytest.mark.parametrize(("data", "kind", "words"), IN_STREAMS.values(), ids=IN_STREAMS)
def test_what_goes_wrong_inside_a_stream_raises_what_it_stands_for(data, kind, words):
    with pytest.raises(kind, match=words):
        decode(invoking(), data)


def test_frames_that_are_not_known_are_passed_over():
    whole = ANSWERS["text"]
    body = event("somethingNew", {}) + framed(anthropic_events(whole))
    assert folded(invoking(), body) == parse(invoking(), whole)


WHOLE = {
    "an error of Anthropic's": (OVERLOADED, OverloadedError),
    "an exception": ({"__type": "ThrottlingException", "message": "Slow"}, RateLimitError),
    "another format": ({"outputs": []}, APIResponseValidationError),
}


@pytest.mark.parametrize(("body", "kind"), WHOLE.values(), ids=WHOLE)
def test_a_successful_answer_that_is_none_raises(body, kind):
    with pytest.raises(kind):
        parse(invoking(), body)
