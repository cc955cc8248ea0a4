"""What we give is what OpenAI's own SDK would have given: its types accept every completion and every chunk."""

from __future__ import annotations

import pytest
from support import call, decode, named_sse, parse, quirky, sse
from test_anthropic_messages_response import (
    FOUND,
    NO_ARGUMENTS,
    REDACTED,
    SERVER,
    THINKING,
    TOOL,
    WEB,
    events,
    message,
    text,
)

chat = pytest.importorskip("openai.types.chat", reason="needs openai")

USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
CLAUDE = {
    "text": message(text("Hi")),
    "thinking, tools and citations": message(
        THINKING, REDACTED, SERVER, FOUND, text("a", [WEB]), TOOL, NO_ARGUMENTS, stop="tool_use"
    ),
    "a refusal": message(stop="refusal", stop_details={"type": "refusal", "explanation": "No."}),
    "an unknown end": message(text("a"), stop="a_word_of_tomorrow"),
}
TOOLS = [
    {"id": "", "function": {"name": "f", "arguments": None}},
    {"id": "b", "type": "function", "function": {"name": "g", "arguments": {"a": 1}}},
]
SCORED = {"content": [{"token": "a", "logprob": -0.1, "bytes": None, "top_logprobs": []}], "refusal": None}
CHAT = {
    "text": ({"content": "Hi"}, "stop"),
    "odd tools": ({"content": [{"type": "text", "text": "a"}], "tool_calls": TOOLS}, "eos"),
    "reasoning": (
        {"content": "a", "reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        "length",
    ),
    "a refusal": ({"content": None, "refusal": "No."}, "sensitive"),
    "annotations": (
        {
            "content": "a",
            "annotations": [
                {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
            ],
        },
        "stop",
    ),
}


def accepted(completion, chunks):
    for item, kind in [(completion, chat.ChatCompletion), *((chunk, chat.ChatCompletionChunk) for chunk in chunks)]:
        kind.model_validate(item)
        # and it is not its leniency that lets them through: what it understood is what we said
        dumped = kind.model_validate(item).model_dump(exclude_unset=True)
        assert dumped.keys() >= item.keys()
        assert dumped["choices"][0]["finish_reason"] == item["choices"][0]["finish_reason"]


@pytest.mark.parametrize("whole", CLAUDE.values(), ids=CLAUDE)
def test_answers_of_claude_are_accepted(whole):
    made = call("claude-sonnet-4-5")
    accepted(parse(made, whole), decode(made, named_sse(*events(whole))))


def test_answers_of_legacy_claude_are_accepted():
    made = call("claude-2.1")
    whole = {
        "type": "completion",
        "id": "c",
        "completion": " Hi",
        "stop_reason": "stop_sequence",
        "model": "claude-2.1",
    }
    accepted(parse(made, whole), decode(made, named_sse(whole)))


@pytest.mark.parametrize(("wire", "finish"), CHAT.values(), ids=CHAT)
@pytest.mark.parametrize("logprobs", [None, SCORED], ids=["plain", "scored"])
def test_answers_of_chat_completions_are_accepted(wire, finish, logprobs):
    base = {"id": "x", "created": 1.5, "model": "m", "service_tier": "default", "system_fingerprint": "fp"}
    choice = {"index": 0, "finish_reason": finish, "logprobs": logprobs}
    whole = {**base, "choices": [{**choice, "message": {"role": "assistant", **wire}}], "usage": USAGE}
    indexed = {
        **wire,
        **(
            {"tool_calls": [{"index": i, **t} for i, t in enumerate(wire["tool_calls"])]}
            if "tool_calls" in wire
            else {}
        ),
    }
    events = [{**base, "choices": [{**choice, "delta": indexed}]}, {**base, "choices": [], "usage": USAGE}]
    accepted(parse(quirky({}), whole), decode(quirky({}), sse(*events, "[DONE]")))


@pytest.mark.parametrize("tier", ["standard", "on_demand", "performance"])
def test_a_service_tier_that_openai_does_not_have_is_accepted(tier):
    made = call("claude-sonnet-4-5")
    whole = message(text("a"), usage={**message()["usage"], "service_tier": tier})
    accepted(parse(made, whole), decode(made, named_sse(*events(whole))))
    base = {"id": "x", "created": 1, "model": "m", "service_tier": tier, "usage": USAGE}
    said = {"role": "assistant", "content": "a"}
    answer = {**base, "choices": [{"index": 0, "finish_reason": "stop", "message": said}]}
    accepted(
        parse(quirky({}), answer),
        decode(quirky({}), sse({**base, "choices": [{"index": 0, "finish_reason": "stop", "delta": said}]})),
    )


@pytest.mark.parametrize("finish", ["stop", "length", "tool_calls", "content_filter"])
def test_the_sdk_refuses_what_is_not_of_the_shape_so_that_these_tests_can_fail(finish):
    whole = parse(call("claude-sonnet-4-5"), message(text("Hi")))
    whole["choices"][0]["finish_reason"] = finish
    chat.ChatCompletion.model_validate(whole)
    whole["choices"][0]["finish_reason"] = f"{finish}!"
    with pytest.raises(ValueError, match="finish_reason"):
        chat.ChatCompletion.model_validate(whole)
