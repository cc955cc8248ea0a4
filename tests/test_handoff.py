"""A conversation goes on anywhere: the answers of any format are sent on in any other."""

from __future__ import annotations

import gzip
import json
import random
import sys
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import call, decode, parse, render
from test_streams_fold import FORMATS

from unified_llm.adapters import load
from unified_llm.adapters.contract import UNREADABLE
from unified_llm.chunks import fold
from unified_llm.errors import APIError, BadRequestError

SHARED = Path(__file__).parents[2] / "shared"
CORPUS = SHARED / "corpus" / "dev_core.jsonl.gz"
needs_recordings = pytest.mark.skipif(not CORPUS.exists(), reason="needs ../shared/corpus")

TARGETS = {
    "anthropic_messages": "anthropic/claude-sonnet-4-5",
    "openai_chat": "openai/gpt-4.1",
    "openai_responses": "openai/gpt-4.1",
    "gemini": "gemini/gemini-2.5-flash",
    "bedrock_converse": "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere_chat": "cohere/command-a-03-2025",
    "ollama_chat": "ollama/llama3.2",
}
SOURCES = {
    "anthropic.messages": ("anthropic/claude-sonnet-4-5", "anthropic_messages"),
    "openai.chat": ("openai/gpt-4.1", "openai_chat"),
    "openai.responses": ("openai/gpt-4.1", "openai_responses"),
    "gemini.generate": ("gemini/gemini-2.5-flash", "gemini"),
    "bedrock.converse": ("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock_converse"),
    "mistral.chat": ("mistral/mistral-large-latest", "openai_chat"),
    "cohere.chat": ("cohere/command-a-03-2025", "cohere_chat"),
    "ollama.chat": ("ollama/qwen3", "ollama_chat"),
}
every_target = pytest.mark.parametrize("target", TARGETS)
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("f", "g_h")
]


def turns(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """A conversation with these answers, through JSON, each followed by its tools' results and another question."""
    out: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
    for at, message in enumerate(messages):
        out.append(message)
        called = message.get("tool_calls", [])
        out += [{"role": "tool", "tool_call_id": one["id"], "content": f"result {at}"} for one in called]
        out.append({"role": "user", "content": f"Go on {at}"})
    return json.loads(json.dumps(out))


def sent(target: str, messages: list[dict[str, Any]], **params: Any) -> dict[str, Any]:
    return render(call(TARGETS[target], messages, adapter=target, max_tokens=99, **params)).body


def told(message: dict[str, Any]) -> list[str]:
    """What no wire format may lose of an answer."""
    names = [(one.get("function") or one["custom"])["name"] for one in message.get("tool_calls", [])]
    return [*(piece for piece in [(message["content"] or "").strip()] if piece), *names]


@st.composite
def answer(draw: st.DrawFn) -> dict[str, Any]:
    """The message of an answer of any format."""
    made, whole, stream = draw(draw(st.sampled_from([*FORMATS.values()]))())
    completion = draw(st.sampled_from([parse(made, whole), fold(decode(made, stream))]))
    return completion["choices"][0]["message"]


def renderable(messages: list[dict[str, Any]]) -> bool:
    """Whether there is something in each answer that every format has a place for."""
    return all(told(message) for message in messages)


@every_target
@given(st.lists(answer().filter(lambda message: bool(told(message))), min_size=1, max_size=3))
def test_answers_of_any_formats_go_on_in_any_other(target: str, answers: list[dict[str, Any]]) -> None:
    body = json.dumps(sent(target, turns(*answers), tools=TOOLS), ensure_ascii=False)
    # an answer of the same format keeps its blocks, in which the words may be cut
    foreign = [one for one in answers if one.get("provider_fields", {}).get("adapter") != target]
    for words in (words for message in foreign for words in told(message)):
        assert json.dumps(words, ensure_ascii=False)[1:-1] in body
    for word in ("provider_fields", "reasoning_content", "native_finish_reason"):
        assert f'"{word}"' not in body


@every_target
@given(st.lists(answer(), min_size=1, max_size=2).filter(renderable))
def test_what_is_sent_does_not_depend_on_a_way_through_json(target: str, answers: list[dict[str, Any]]) -> None:
    direct = [{"role": "user", "content": "Hi"}, *answers[:1]]
    results = [{"role": "tool", "tool_call_id": one["id"], "content": "r"} for one in answers[0].get("tool_calls", [])]
    conversation = [*direct, *results, {"role": "user", "content": "Go on"}]
    assert sent(target, conversation) == sent(target, json.loads(json.dumps(conversation)))


# --- recorded answers ----------------------------------------------------------------------------------------------


@cache
def recorded(api: str) -> list[dict[str, Any]]:
    """The messages of the recorded answers of an API, whole and streamed."""
    model, adapter = SOURCES[api]
    messages: list[dict[str, Any]] = []
    with gzip.open(CORPUS, "rt", encoding="utf-8") as file:
        rows = [row for line in file if (row := json.loads(line))["api"] == api and row["response_status"] == 200]
    for row in rows:
        body = (row.get("response_body_text") or "").encode() or b64decode(row.get("response_body_b64") or "")
        made = call(model, adapter=adapter, stream=bool(row["stream"]))
        try:
            fields = fold(decode(made, body)) if row["stream"] else load(adapter).parse(made, json.loads(body))
            messages.append(fields["choices"][0]["message"])
        except (APIError, *UNREADABLE):
            continue  # test_corpus.py says whether it had to be an error
    return messages


def complaints(target: str, body: dict[str, Any]) -> list[str]:
    """What the vendor's own types say against a body."""
    if str(SHARED / "conformance") not in sys.path:
        sys.path.append(str(SHARED / "conformance"))
    from oracles import problems

    kinds = {"cohere_chat": "cohere", "ollama_chat": "ollama"}
    return problems(kinds.get(target, target), body) or []


def may_go(message: dict[str, Any], target: str) -> bool:
    """Whether the types can judge: blocks of betas go back verbatim, and custom tools exist at OpenAI only."""
    of_this_format = message.get("provider_fields", {}).get("adapter") == target
    return not of_this_format and all("function" in one for one in message.get("tool_calls", []))


@needs_recordings
@every_target
@pytest.mark.parametrize("api", SOURCES)
def test_recorded_answers_go_on_in_every_format_as_its_vendor_types_them(api: str, target: str) -> None:
    chance = random.Random(f"{api} {target}")
    messages = [message for message in recorded(api) if told(message) and may_go(message, target)]
    assert messages
    wrong: list[Any] = []
    for _ in range(40):
        conversation = turns(*chance.sample(messages, min(len(messages), chance.randint(1, 3))))
        try:
            body = sent(target, conversation)
        except BadRequestError as refusal:
            wrong.append(str(refusal))
            continue
        wrong += complaints(target, body)
    assert wrong == []


def dicts_in(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(inner for one in value.values() for inner in dicts_in(one))]
    return [inner for one in value for inner in dicts_in(one)] if isinstance(value, list) else []


@needs_recordings
@pytest.mark.parametrize(("api", "kept"), [("anthropic.messages", "content"), ("gemini.generate", "parts")])
def test_recorded_blocks_go_back_to_their_own_format_as_they_came(api: str, kept: str) -> None:
    messages = [message for message in recorded(api) if kept in message.get("provider_fields", {})]
    assert len(messages) > 50
    for message in messages:
        body = dicts_in(sent(SOURCES[api][1], turns(message)))
        assert [block for block in message["provider_fields"][kept] if block not in body] == []
