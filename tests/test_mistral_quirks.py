"""Quirks of chat completions for servers that are as exact as Mistral's, and the shapes of its answers.

https://docs.mistral.ai/api/#tag/chat, checked 2026-11-21.
"""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cuts_of, decode, folded, frozen, parse, quirky, render, sse

from unified_llm.adapters.openai_chat import explain
from unified_llm.catalog import resolve
from unified_llm.errors import BadRequestError, InternalServerError, RateLimitError

MISTRAL = resolve("mistral/mistral-medium-latest").quirks
USER = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "f", "strict": True}}
TOOL_SENT = {
    "type": "function",
    "function": {"name": "f", "strict": True, "parameters": {"type": "object", "properties": {}}},
}


def sent(messages="Hi", quirks=MISTRAL, **params):
    made = quirky(quirks, messages, **params)
    return render(made).body, made.warnings


def calling(*ids):
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(id, content="18C"):
    return {"role": "tool", "tool_call_id": id, "content": content}


# --- requests -------------------------------------------------------------------------------------------------------


def test_a_call_in_openais_words_becomes_one_in_mistrals():
    image = {"type": "image_url", "image_url": {"url": "https://a.example/i.png"}}
    messages = [
        {"role": "developer", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "t"}, image], "name": "bob"},
    ]
    params = {"max_completion_tokens": 9, "seed": 7, "user": "u", "tools": [TOOL], "tool_choice": "required"}
    body, warnings = sent(messages, stream=True, stream_options={"include_usage": True}, **params)
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": messages[1]["content"]}],
        "max_tokens": 9,
        "random_seed": 7,
        "tools": [TOOL_SENT],
        "tool_choice": "any",
        "stream": True,
    }
    assert [warning.split()[0] for warning in warnings] == ["name", "user"]


def test_an_image_in_the_result_of_a_tool_is_refused():
    image = {"type": "image_url", "image_url": {"url": "https://a.example/i.png"}}
    with pytest.raises(BadRequestError, match="result of a tool"):
        sent([USER, calling("a"), result("a", [image])])


AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
PDF = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}}
NAMELESS = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}}
STORED = {"type": "file", "file": {"file_id": "x"}}
OWN = {"type": "document_url", "document_url": "https://a.example/a.pdf"}
REFUSAL = {"role": "assistant", "content": None, "refusal": "No."}
REFUSAL_PART = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "closed": True}
THINKING = {
    "role": "assistant",
    "content": "4",
    "reasoning_content": "Hm.",
    "provider_fields": {"adapter": "openai_chat", "message": {"content": [THOUGHT]}},
}
FOREIGN = {**THINKING, "provider_fields": {"adapter": "anthropic_messages", "content": [THOUGHT]}}

LOOSE = {"type": "function", "function": {"name": "f"}}
ASKED = {"stream": True, "stream_options": {"include_usage": True}}
ECHOED = json.dumps([THOUGHT, {"type": "text", "text": "4"}])

# (quirk, value, messages, params, what the body must have)
QUIRKS = [
    ("seed_field", None, "Hi", {"seed": 7}, {"seed": 7}),
    ("seed_field", "random_seed", "Hi", {"seed": 7}, {"random_seed": 7, "seed": None}),
    ("parameters_required", None, "Hi", {"tools": [LOOSE]}, {"tools": [LOOSE]}),
    ("parameters_required", True, "Hi", {"tools": [LOOSE]}, '"parameters": {"type": "object", "properties": {}}'),
    ("tool_call_ids", "any", [USER, calling("call_1"), result("call_1")], {}, "call_1"),
    ("tool_call_ids", "nine_alphanumerics", [USER, calling("abcDEF123"), result("abcDEF123")], {}, "abcDEF123"),
    ("bare_messages", None, [{**USER, "name": "bob"}], {}, {"messages": [{**USER, "name": "bob"}]}),
    ("bare_messages", True, [{**USER, "name": "bob"}], {}, {"messages": [USER]}),
    ("bare_messages", True, [USER, REFUSAL, USER], {}, '"content": "No."'),
    ("bare_messages", True, [USER, REFUSAL_PART, USER], {}, '[{"type": "text", "text": "No."}]'),
    ("empty_answers", None, [USER, {"role": "assistant", "content": ""}, USER], {}, "assistant"),
    ("empty_answers", False, [USER, {"role": "assistant", "content": ""}, USER], {}, {"messages": [USER, USER]}),
    ("content_chunks", None, [{"role": "user", "content": [AUDIO, PDF]}], {}, '"format": "wav"'),
    ("content_chunks", True, [{"role": "user", "content": [AUDIO]}], {}, '"input_audio": "AAAA"'),
    ("content_chunks", True, [{"role": "user", "content": [PDF]}], {}, '"document_name": "a.pdf"'),
    ("content_chunks", True, [{"role": "user", "content": [NAMELESS]}], {}, '{"type": "document_url", "document'),
    ("content_chunks", True, [{"role": "user", "content": [STORED]}], {}, '{"type": "file", "file_id": "x"}'),
    ("content_chunks", True, [{"role": "user", "content": [OWN]}], {}, json.dumps(OWN)),
    ("echo_reasoning", "thinking_parts", [USER, THINKING, USER], {}, ECHOED),
    ("echo_reasoning", "thinking_parts", [USER, FOREIGN, USER], {}, '"content": "4"'),
    ("echo_reasoning", "none", [USER, THINKING, USER], {}, '"content": "4"'),
    ("stream_usage", "always", "Hi", ASKED, {"stream_options": None}),
    ("standard_tier", None, "Hi", {"service_tier": "default"}, {"service_tier": "default"}),
    ("standard_tier", "standard_only", "Hi", {"service_tier": "default"}, {"service_tier": "standard_only"}),
    ("standard_tier", "standard_only", "Hi", {"service_tier": "auto"}, {"service_tier": "auto"}),
]


def test_a_tier_that_the_host_has_no_word_for_is_left_out():
    body, warnings = sent(quirks={"standard_tier": "standard_only"}, service_tier="flex")
    assert "service_tier" not in body
    assert warnings == ["service_tier was left out: 'flex' is none of auto, default, standard_only"]


@pytest.mark.parametrize(("key", "value", "messages", "params", "expected"), QUIRKS, ids=lambda value: str(value)[:30])
def test_a_quirk_gives_its_wire_value(key, value, messages, params, expected):
    body, _ = sent(messages, {} if value is None else {key: value}, **params)
    if isinstance(expected, dict):
        assert {name: body.get(name) for name in expected} == expected
    else:
        assert expected in json.dumps(body)


KEYS = {row[0] for row in QUIRKS}
"""The quirks that are tested here."""


@pytest.mark.parametrize(
    "params", [{"modalities": ["text", "audio"]}, {"audio": {"voice": "x"}}, {"web_search_options": {}}], ids=str
)
def test_a_feature_among_the_refused_parameters_is_refused_before_sending(params):
    with pytest.raises(BadRequestError) as caught:
        sent(**params)
    assert caught.value.status_code is None


def test_text_as_the_only_modality_is_merely_left_out():
    body, warnings = sent(modalities=["text"])
    assert "modalities" not in body
    assert warnings[0].startswith("modalities")


def test_an_empty_answer_that_is_left_out_is_reported():
    _, warnings = sent([USER, {"role": "assistant", "content": None}, USER])
    assert warnings == ["messages[1] is empty and was left out"]


def test_a_prefill_is_marked_as_such():
    assert sent([USER, {"role": "assistant", "content": "{"}])[0]["messages"][1] == {
        "role": "assistant",
        "content": "{",
        "prefix": True,
    }


IDS = st.lists(st.text(min_size=1, max_size=12) | st.from_regex(r"\A[a-zA-Z0-9]{9}\Z"), unique=True, min_size=1)


@given(IDS)
def test_every_call_has_an_id_of_nine_letters_and_digits_that_its_result_shares(ids):
    messages = sent([USER, calling(*ids), *map(result, ids)])[0]["messages"]
    fitted = [call["id"] for call in messages[1]["tool_calls"]]
    assert [message["tool_call_id"] for message in messages[2:]] == fitted
    assert len(set(fitted)) == len(ids)
    assert all(re.fullmatch("[a-zA-Z0-9]{9}", id) for id in fitted)
    longer = sent([USER, calling(*ids), *map(result, ids), calling("another"), result("another")])[0]["messages"]
    assert longer[: len(messages)] == messages


def test_a_hash_never_takes_the_id_of_another_call():
    made = sent([USER, calling("call_1"), result("call_1")])[0]["messages"][1]["tool_calls"][0]["id"]
    messages = sent([USER, calling("call_1", made), result("call_1"), result(made)])[0]["messages"]
    assert len({call["id"] for call in messages[1]["tool_calls"]}) == 2


def test_nothing_of_the_callers_is_changed():
    given = {
        "messages": [{"role": "user", "content": [AUDIO, PDF]}, THINKING, USER, calling("call_1"), result("call_1")],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }
    before, ice = json.dumps(given), frozen(given)
    json.dumps(sent(**ice)[0])
    assert json.dumps(ice) == before


# --- answers --------------------------------------------------------------------------------------------------------

BASE = {"id": "b39", "created": 1, "model": "magistral"}
USAGE = {"prompt_tokens": 10, "completion_tokens": 46, "total_tokens": 56}


def answer(message, finish="stop"):
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
    return {**BASE, "object": "chat.completion", "choices": [choice], "usage": USAGE}


def event(delta, finish=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**BASE, "object": "chat.completion.chunk", "choices": [choice], **({"usage": USAGE} if finish else {})}


def thinking(*texts, **fields):
    return {"type": "thinking", "thinking": [{"type": "text", "text": text} for text in texts], **fields}


def test_thoughts_and_references_are_kept_for_the_way_back():
    references = {"type": "reference", "reference_ids": [1]}
    content = [thinking("Hm.", closed=True, signature="s"), {"type": "text", "text": "4"}, references]
    message = parse(quirky({}), answer({"content": content}))["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("4", "Hm.")
    assert message["provider_fields"]["message"] == {"content": [content[0], references]}
    message = json.loads(json.dumps(message))
    assert sent([USER, message, USER])[0]["messages"][1] == {"role": "assistant", "content": content[:2]}


TEXT = st.text('ab \n\u2028é"', max_size=6)


@given(st.lists(TEXT, min_size=1, max_size=4), st.lists(TEXT, max_size=4), st.booleans(), st.data())
def test_pieces_of_a_thought_fold_to_the_one_that_the_whole_answer_has(thoughts, texts, closed, data):
    deltas = [{"role": "assistant", "content": ""}, *({"content": [thinking(one)]} for one in thoughts)]
    deltas += [{"content": [{"type": "thinking", "thinking": [], "closed": True}]}] if closed else []
    deltas += [{"content": text} for text in texts]
    body = sse(*map(event, deltas), event({"content": ""}, "stop"), "[DONE]")
    thought = thinking("".join(thoughts), **({"closed": True} if closed else {}))
    whole = answer({"content": [thought, {"type": "text", "text": "".join(texts)}]})
    assert folded(quirky({}), body) == parse(quirky({}), whole)
    assert decode(quirky({}), body, data.draw(cuts_of(len(body)))) == decode(quirky({}), body)


def test_a_reference_inside_a_thought_keeps_its_place():
    inner = [{"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}, {"type": "text", "text": "b"}]
    deltas = [{"content": [{"type": "thinking", "thinking": [piece]}]} for piece in inner]
    message = folded(quirky({}), sse(*map(event, deltas), event({}, "stop")))["choices"][0]["message"]
    assert message["reasoning_content"] == "ab"
    assert message["provider_fields"]["message"]["content"] == [{"type": "thinking", "thinking": inner}]


def test_the_word_null_is_no_id_and_an_object_becomes_a_string():
    native = {"id": "null", "function": {"name": "f", "arguments": {"a": 1}}}
    whole = parse(quirky({}), answer({"content": "", "tool_calls": [native]}, "tool_calls"))
    streamed = folded(quirky({}), sse(event({"tool_calls": [{**native, "index": 0}]}, "tool_calls"), "[DONE]"))
    assert whole == streamed
    assert whole["choices"][0]["message"]["tool_calls"] == [
        {"id": "call_0123456789ab_0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    ]


def test_calls_that_share_an_index_are_told_apart_by_their_ids():
    calls = [{"id": id, "index": 0, "function": {"name": "f", "arguments": "{}"}} for id in ("abcdefgh1", "abcdefgh2")]
    message = folded(quirky({}), sse(event({"content": None, "tool_calls": calls}, "tool_calls")))["choices"][0][
        "message"
    ]
    assert [call["id"] for call in message["tool_calls"]] == ["abcdefgh1", "abcdefgh2"]


def test_model_length_is_length_and_error_is_an_error():
    assert parse(quirky({}), answer({"content": "a"}, "model_length"))["choices"][0]["finish_reason"] == "length"
    with pytest.raises(InternalServerError):
        parse(quirky({}), answer({"content": "a"}, "error"))


EXTRA = {"detail": [{"type": "extra_forbidden", "loc": ["body", "foo"], "msg": "Extra inputs are not permitted"}]}
TOO_LONG = "Prompt contains 9 tokens, too large for model with 8 maximum context length"
ERRORS = [
    (400, {"object": "error", "message": "Invalid model: foo", "code": "1500"}, "Invalid model"),
    (422, {"object": "error", "message": EXTRA, "type": "invalid_request_error"}, "Extra inputs"),
    (422, EXTRA, "Extra inputs"),
    (401, {"detail": "Unauthorized"}, "Unauthorized"),
    (401, {"message": "Unauthorized", "request_id": "a1b2"}, "Unauthorized"),
    (400, {"object": "error", "message": TOO_LONG, "code": "3051"}, "too large"),
]


@pytest.mark.parametrize(("status", "body", "words"), ERRORS, ids=str)
def test_an_error_in_any_of_mistrals_shapes_has_its_words(status, body, words):
    code, message = explain(status, body)
    assert words in message
    assert (code == "context_length_exceeded") == ("too large" in words)


def test_an_error_frame_inside_a_stream_is_raised():
    frame = {"object": "error", "message": "Requests rate limit exceeded", "type": "rate_limited", "status_code": 429}
    with pytest.raises(RateLimitError):
        decode(quirky({}), sse(event({"content": "a"}), frame))
