"""What the library promises of each answer and each request: one test for each promise, over every wire format.

What it promises of connections, processes and secrets is in test_acceptance_processes.py; that what users write is
typed (20) is in test_quality.py and test_structured_typing.py.
"""

from __future__ import annotations

import contextlib
import json
import re
from types import MappingProxyType
from typing import Any

import pytest
from support import call, decode, folded, frozen, named_sse, parse, render, sse
from support_server import MODEL
from support_ways import awaited, awaited_stream, streamed, whole
from test_anthropic_messages_response import FOUND, REDACTED, SERVER, THINKING, WEB, events, message
from test_other_framing import BODIES
from test_responses_broken_elsewhere import CONVERSE, GEMINI, GPT, SONNET, claude, delta, text, tool_use
from test_testing_formats import ALL, FORMATS, THOUGHTFUL, asked

from unified_llm import (
    APIResponseValidationError,
    APIStatusError,
    BadRequestError,
    Completion,
    IncompleteStreamError,
    NotFoundError,
    completion,
    completion_cost,
    count_tokens,
    parse_tool_call,
    register,
    render_request,
    run_tools,
)
from unified_llm.testing import Answer, LoopbackProvider
from unified_llm.testing.formats import format_of
from unified_llm.testing.script import Turn

each_format = pytest.mark.parametrize("format", ALL)
LINED = [name for name in BODIES if name not in ("Ollama", "Converse", "InvokeModel", "Gemini's array")]
"""Formats of server-sent events."""
SERVED = {"base_url": "http://x.invalid", "api_key": "any-key"}


def weather(city: str) -> str:
    """The weather in a city."""
    return "cold"


# --- 4, 5, 6: bytes --------------------------------------------------------------------------------------------------


def written(format: str) -> tuple[Any, bytes]:
    """Thoughts, text and calls as a provider of this format writes them, whole and streamed."""
    shown = render_request(**ALL[format], messages="Hi", stream=True, **SERVED)
    path = shown.url.removeprefix("http://x.invalid")
    writer = format_of(path)
    assert writer is not None
    turn = Turn(THOUGHTFUL, shown.body, 1, path)
    return writer.body(turn), b"".join(writer.events(turn))


STREAMS: dict[str, Any] = {
    **{name: ({"model": MODEL, "adapter": adapter}, body) for name, (adapter, _, body) in BODIES.items()},
    **{f"{format} with calls": (ALL[format], format) for format in ALL},
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_cut_after_any_byte_is_whole_or_incomplete(name: str) -> None:
    options, body = STREAMS[name]
    body = written(body)[1] if isinstance(body, str) else body
    made = call(stream=True, **options)
    expected, whole_from = folded(made, body)["choices"], len(body)
    for cut in range(len(body)):
        with contextlib.suppress(IncompleteStreamError):
            assert folded(made, body[:cut])["choices"] == expected
            whole_from = min(whole_from, cut)
    assert whole_from > len(body) / 2


@pytest.mark.parametrize("name", BODIES)
def test_neither_reads_nor_line_ends_change_what_is_read(name: str) -> None:
    adapter, _, body = BODIES[name]
    made = call(MODEL, adapter=adapter, stream=True)
    chunks = decode(made, body)
    assert decode(made, body, range(1, len(body))) == chunks
    if name not in LINED:
        return
    for end in (b"\r", b"\r\n"):
        other = body.replace(b"data: ", ": a \u2028\u0085 comment\ndata:".encode()).replace(b"\n", end)
        assert decode(made, other, range(1, len(other))) == chunks
    in_two_lines = body.replace(b"data: {", b"data: {\ndata: ")
    assert in_two_lines != body
    assert decode(made, in_two_lines) == chunks


NO_ANSWERS: dict[str, tuple[Answer, Any]] = {
    "html": (Answer(raw=b"<html>Sign in</html>"), APIResponseValidationError),
    "error": (Answer(stream_error="overloaded_error"), APIStatusError),
    "nothing": (Answer(raw=b""), (APIResponseValidationError, IncompleteStreamError)),
    "null": (Answer(raw=b"null"), APIResponseValidationError),
}


@pytest.mark.parametrize("what", NO_ANSWERS)
@each_format
def test_a_200_that_is_no_answer_raises(format: str, what: str) -> None:
    answer, kinds = NO_ANSWERS[what]
    ways = (whole, streamed, awaited, awaited_stream) if format == "openai_chat" else (whole, streamed)
    with LoopbackProvider(*[answer] * len(ways)) as provider:
        for way in ways:
            with pytest.raises(kinds):
                way(**asked(provider, format))


# --- 9 to 12: answers ------------------------------------------------------------------------------------------------


def gemini(stop: Any, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": [*parts] or [text("x")]}, "finishReason": stop}]}


def converse(stop: Any, *blocks: dict[str, Any]) -> dict[str, Any]:
    return {"output": {"message": {"role": "assistant", "content": [*blocks] or [{"text": "x"}]}}, "stopReason": stop}


def response(stop: Any, *items: dict[str, Any]) -> dict[str, Any]:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
    details = {"status": "incomplete", "incomplete_details": {"reason": stop}}
    return {"object": "response", "output": [*items, said], **({"status": stop} if stop == "completed" else details)}


def cohere(stop: Any) -> dict[str, Any]:
    return {"finish_reason": stop, "message": {"role": "assistant", "content": [{"type": "text", "text": "x"}]}}


STOPS: dict[str, tuple[Any, dict[str, str]]] = {
    SONNET: (
        lambda stop: claude(text("x"), stop=stop),
        {
            **dict.fromkeys(["end_turn", "stop_sequence", "pause_turn", "tool_use", "brand_new"], "stop"),
            **dict.fromkeys(["max_tokens", "model_context_window_exceeded"], "length"),
            "refusal": "content_filter",
        },
    ),
    GPT: (
        lambda stop: {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": stop}]},
        {
            **dict.fromkeys(["stop", "brand_new"], "stop"),
            **dict.fromkeys(["length", "model_length"], "length"),
            **dict.fromkeys(["content_filter", "sensitive"], "content_filter"),
        },
    ),
    GEMINI: (
        gemini,
        {
            **dict.fromkeys(["STOP", "BRAND_NEW"], "stop"),
            "MAX_TOKENS": "length",
            **dict.fromkeys(["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"], "content_filter"),
        },
    ),
    CONVERSE: (
        converse,
        {
            **dict.fromkeys(["end_turn", "stop_sequence", "tool_use", "brand_new"], "stop"),
            **dict.fromkeys(["max_tokens", "model_context_window_exceeded"], "length"),
            **dict.fromkeys(["guardrail_intervened", "content_filtered"], "content_filter"),
        },
    ),
    "openai/o1-pro": (
        response,
        {"completed": "stop", "max_output_tokens": "length", "content_filter": "content_filter"},
    ),
    "cohere/command-a-03-2025": (
        cohere,
        {**dict.fromkeys(["COMPLETE", "STOP_SEQUENCE", "BRAND_NEW"], "stop"), "MAX_TOKENS": "length"},
    ),
    "ollama/qwen3": (
        lambda stop: {"message": {"role": "assistant", "content": "x"}, "done": True, "done_reason": stop},
        {**dict.fromkeys(["stop", "brand_new"], "stop"), "length": "length"},
    ),
    "claude-2.1": (
        lambda stop: {"type": "completion", "completion": " x", "stop_reason": stop},
        {**dict.fromkeys(["stop_sequence", "brand_new"], "stop"), "max_tokens": "length"},
    ),
}


@pytest.mark.parametrize("model", STOPS)
def test_every_reason_to_stop_has_its_place_and_keeps_its_word(model: str) -> None:
    body_of, words = STOPS[model]
    for word, finish in words.items():
        choice = parse(call(model), body_of(word))["choices"][0]
        assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, word)


CITED = text("Cold.", citations=[WEB])
SIGNED = {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": "CiM="}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}}
USED = {"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Oslo"}}}
REASONED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
CALLED = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather", "arguments": "{}"}
ECHOES: dict[str, tuple[str, Any, list[Any], Any]] = {
    "Claude": (
        SONNET,
        message(THINKING, REDACTED, SERVER, FOUND, CITED, tool_use(), stop="tool_use"),
        [THINKING, REDACTED, SERVER, FOUND, CITED, tool_use()],
        lambda body: body["messages"][1]["content"],
    ),
    "Gemini": (
        GEMINI,
        gemini("STOP", {"text": "Hm.", "thought": True}, SIGNED),
        [{"text": "Hm.", "thought": True}, SIGNED],
        lambda body: body["contents"][1]["parts"],
    ),
    "Converse": (
        CONVERSE,
        converse("tool_use", THOUGHT, {"text": "Hm."}, USED),
        [THOUGHT, {"text": "Hm."}, USED],
        lambda body: body["messages"][1]["content"],
    ),
    "Responses": (
        "openai/gpt-5.5",
        response("completed", REASONED, CALLED),
        [{key: value for key, value in item.items() if key != "id"} for item in (REASONED, CALLED)],
        lambda body: body["input"][1:3],
    ),
}


@pytest.mark.parametrize("name", ECHOES)
def test_an_answer_goes_back_as_it_came_through_json_too(name: str) -> None:
    model, body, expected, sent = ECHOES[name]
    made = call(model, adapter="openai_responses" if name == "Responses" else None)
    answers = [parse(made, body)]
    if name == "Claude":
        answers.append(folded(made, named_sse(*events(body))))
    for answer in answers:
        told = json.loads(json.dumps(answer["choices"][0]["message"]))
        results = [{"role": "tool", "tool_call_id": one["id"], "content": "1 C"} for one in told["tool_calls"]]
        history = [{"role": "user", "content": "?"}, told, *results]
        again = render(call(model, history, adapter=made.route.adapter, tools=[weather], reasoning_effort="low"))
        assert sent(again.body) == expected


@each_format
def test_the_chunks_of_a_stream_are_the_whole_answer(format: str) -> None:
    body, stream = written(format)
    made = call(**ALL[format])
    assert folded(made, stream) == parse(made, body)
    with LoopbackProvider(*["One two."] * 4) as provider:
        first, *others = [way(**asked(provider, format)) for way in (whole, streamed, awaited, awaited_stream)]
    for other in others:
        assert {**other, "id": 0, "created": 0} == {**first, "id": 0, "created": 0}


ARGUMENTS: dict[str, tuple[str, Any]] = {
    "none": ("", {}),
    "empty": ("{}", {}),
    "any characters": ('{"city":"K\u00f6ln \\ud83d\\ude00 \u2028"}', {"city": "K\u00f6ln \U0001f600 \u2028"}),
    "cut off": ('{"city":"Os', ValueError),
    "a list": ('["Oslo"]', ValueError),
    "a word": ("Oslo", ValueError),
}


@pytest.mark.parametrize("kind", ARGUMENTS)
@pytest.mark.parametrize("pieces", [1, 4, 100])
def test_arguments_of_every_kind_are_read_or_refused_and_go_back(kind: str, pieces: int) -> None:
    words, expected = ARGUMENTS[kind]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    parts = [words[at : at + pieces] for at in range(0, len(words), pieces)]
    head = {"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}
    named = {**head, "index": 1, "function": {"name": "f", "arguments": words}}  # whole, and under the same id
    chunks = [delta(role="assistant", tool_calls=[head])]
    chunks += [delta(tool_calls=[{"index": 0, "function": {"arguments": part}}]) for part in parts]
    body = sse(*chunks, delta(tool_calls=[named]), delta("tool_calls"), "[DONE]")
    told = folded(call(GPT, stream=True), body)["choices"][0]["message"]
    assert len({one["id"] for one in told["tool_calls"]}) == 2
    for one in told["tool_calls"]:
        assert one["function"]["arguments"] == (words or "{}")
        with pytest.raises(expected) if expected is ValueError else contextlib.nullcontext():
            assert parse_tool_call(one, [tool]) == expected
    results = [{"role": "tool", "tool_call_id": one["id"], "content": "ok"} for one in told["tool_calls"]]
    for options in FORMATS.values():
        render(call(**options, messages=[{"role": "user", "content": "?"}, told, *results], tools=[tool]))


# --- 13, 16, 17, 18, 20: callers -------------------------------------------------------------------------------------


def proxied(value: Any) -> Any:
    """The same, in mappings and sequences that are no dicts and lists."""
    if isinstance(value, dict):
        return MappingProxyType({key: proxied(inner) for key, inner in value.items()})
    return tuple(map(proxied, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("closed", [frozen, proxied])
@pytest.mark.parametrize("format", FORMATS)
def test_nothing_of_the_callers_is_changed(format: str, closed: Any) -> None:
    called = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = closed([
        {"role": "system", "content": [{"type": "text", "text": "S"}]},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "c", "content": "ok"},
    ])  # fmt: skip
    function = {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}
    options = {"tools": closed([{"type": "function", "function": function}]), "stop": closed(["END"])}
    given: Any = {**ALL[format], "messages": messages, **options}
    with LoopbackProvider() as provider:
        for way in (whole, streamed):
            way(**{**given, **SERVED, "base_url": provider.url})
        render_request(**given, **SERVED)
        run_tools(**{**given, **SERVED, "base_url": provider.url, "tools": [*options["tools"], weather]})
        if format == "anthropic_messages":
            count_tokens(**{**given, **SERVED, "base_url": provider.url})


PRICES: Any = {
    "input": 2,
    "output": 8,
    "cache_read": 0.5,
    "cache_write": 2.5,
    "tiers": [{"above": 1000, "input": 4, "output": 16, "cache_read": 1, "cache_write": 5}],
    "services": {"batch": {"input": 1, "output": 4, "cache_read": 0.25}},
}


def usage(prompt: int, read: int = 0, written: int = 0) -> dict[str, Any]:
    details = {"cached_tokens": read, "cache_write_tokens": written}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": 100,
        "total_tokens": prompt + 100,
        "prompt_tokens_details": details,
    }


def test_a_cost_is_the_sum_of_its_buckets_or_unknown() -> None:
    register({"providers": {"invoiced": {"url": "http://x.invalid"}}, "models": {"invoiced": {"m": {"price": PRICES}}}})
    assert completion_cost(usage(900, 300, 200), "invoiced/m") == (400 * 2 + 300 * 0.5 + 200 * 2.5 + 800) / 1e6
    assert completion_cost(usage(2000, 1000), "invoiced/m") == (1000 * 4 + 1000 * 1 + 1600) / 1e6
    assert completion_cost(usage(900, 300), "invoiced/m", service_tier="batch") == (600 + 75 + 400) / 1e6
    assert completion_cost(usage(900), "invoiced/unlisted") is None
    assert Completion({"usage": None}, prices=PRICES).cost is None


WRONG: list[tuple[Any, Any, str]] = [
    ({"temprature": 1}, TypeError, "'temprature'; did you mean 'temperature'"),
    ({"model": "opneai/gpt-4.1"}, NotFoundError, "'openai/gpt-4.1'"),
    ({"model": "gtp-4.1"}, NotFoundError, "'gpt-4.1'"),
    ({"model": ""}, BadRequestError, "model is ''"),
    ({"adapter": "opneai_chat"}, BadRequestError, "openai_chat"),
    ({"reasoning_effort": "huge"}, BadRequestError, "one of none, minimal"),
]


@pytest.mark.parametrize(("options", "kind", "words"), WRONG, ids=str)
def test_what_does_not_exist_is_refused_with_what_may_be_meant_and_nothing_is_sent(
    options: Any, kind: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(*_: Any) -> Any:
        raise AssertionError("something was sent")

    monkeypatch.setattr("unified_llm.transport.Pool.send", send)
    with pytest.raises(kind, match=re.escape(words)):
        completion(**{"model": "gpt-4.1", "messages": "Hi", "api_key": "any", **options})


THINKS = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
RULES: dict[str, tuple[str, dict[str, Any], str]] = {
    "temperature and top_p": ("claude-sonnet-4-5", {"temperature": 0.5, "top_p": 0.9}, "top_p"),
    "thought and temperature": ("claude-sonnet-4-5", {"reasoning_effort": "low", "temperature": 0.2}, "temperature"),
    "sampling of a model that reasons": ("o3-mini", {"temperature": 0.5}, "temperature"),
    "a forced tool and thought": ("claude-sonnet-4-5", {**THINKS, "tool_choice": "required"}, "forced"),
    "a forced tool of a model that takes none": ("claude-opus-5-5", {"tool_choice": "required"}, "tool"),
    "a budget beyond the limit": ("claude-sonnet-4-5", {**THINKS, "max_tokens": 2000}, "budget"),
    "a prefill": ("claude-opus-4-6", {"messages": [("user", "a"), ("assistant", "{")]}, "prefill"),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_of_a_model_is_kept_and_said_or_refused(rule: str) -> None:
    """What makes a call impossible raises. A mere setting is left out and named, and refused with strict=True."""
    model, options, words = RULES[rule]
    options = {"messages": "Hi", "tools": [weather], **options}
    with pytest.raises(BadRequestError, match=words):
        render(call(model, strict=True, **options))
    made = call(model, **options)
    with contextlib.suppress(BadRequestError):
        render(made)
        assert any(words in warning for warning in made.warnings)
