"""Recorded traffic of real providers, where it lies beside the repository: answers, cuts and echoes."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import socket
import subprocess
import sys
from base64 import b64decode
from functools import cache
from pathlib import Path

import pytest
from support import call, pieces

from unified_llm.adapters import load
from unified_llm.adapters.contract import UNREADABLE
from unified_llm.adapters.token_counts import FORMATS, CountingAdapter
from unified_llm.chunks import fold
from unified_llm.errors import APIError

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
CORPUS = SHARED / "corpus" / "dev_core.jsonl.gz"

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason="needs ../shared/corpus")

APIS = {
    "anthropic.messages": ("anthropic/claude-sonnet-4-5", "anthropic_messages"),
    "anthropic.complete": ("anthropic/claude-2.1", "anthropic_complete"),
    "openai.chat": ("openai/gpt-4.1", "openai_chat"),
    "openai.completions": ("openai/babbage-002", "openai_completions"),
    "openai.responses": ("openai/gpt-4.1", "openai_responses"),
    "gemini.generate": ("gemini/gemini-2.5-flash", "gemini"),
    "bedrock.converse": ("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock_converse"),
    "mistral.chat": ("mistral/mistral-large-latest", "openai_chat"),
    "cohere.chat": ("cohere/command-a-03-2025", "cohere_chat"),
    "ollama.chat": ("ollama/qwen3", "ollama_chat"),
}
every_api = pytest.mark.parametrize("api", APIS)
every_checked_api = pytest.mark.parametrize("api", [api for api in APIS if api != "openai.completions"])
"""Those that `conform.py` knows."""

CHECKER_IS_WRONG = {
    "3844b727bd182aae": "Anthropic's stop_details.explanation is message.refusal",
    "c60ed623e0324c7a": "the readable reasoning stands only in reasoning_details",
    "7782aeab6f1810c9": "an object as content is the JSON that was asked for, and not the names of its fields",
    "182265be90df8be2": "choices[0].error: the answer broke off with a 502",
    "90fff829b034a3ae": "a trimmed recording, whose last event tells another text than its deltas",
    "1705313c5ba12141": "the text of a whole answer's citationsContent is text, as it is when streamed",
    "2461a7d5f66ddbfd": "likewise",
    "37ffac144d1de9b1": "likewise",
    "4b4366ed1eda06ec": "likewise",
}


@pytest.mark.parametrize("subject", ["unified", "unified_async"])
@every_checked_api
def test_every_recorded_answer_becomes_what_its_bytes_say(api, subject, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failed = tmp_path / "failed.json"
    command = [sys.executable, "conform.py", str(CORPUS), "--api", api, "--subject", subject]
    done = subprocess.run(
        [*command, "--port", str(port), "--json", str(failed), "--show", "40"],
        cwd=SHARED / "conformance",
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert failed.exists(), done.stderr
    wrong = {id: why for id, why in json.loads(failed.read_text()).items() if id not in CHECKER_IS_WRONG}
    assert wrong == {}, done.stdout
    assert "PASS 0/0" not in done.stdout


@cache
def recorded(api: str, stream: bool) -> list[tuple[str, bytes]]:
    """(id, body) of the successful answers."""
    with gzip.open(CORPUS, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [
        (row["id"], row.get("response_body_text", "").encode() or b64decode(row["response_body_b64"]))
        for row in rows
        if row["api"] == api
        and row["response_status"] == 200
        and bool(row["stream"]) == stream
        and (row.get("response_body_text") or row.get("response_body_b64"))
    ]


def outcome(api: str, body: bytes, cuts: list[int]) -> tuple[list[object], str | None]:
    """The chunks, and the error that ended them."""
    made = call(APIS[api][0], adapter=APIS[api][1])
    decoder = load(made.route.adapter).Decoder(made)
    chunks: list[object] = []
    try:
        for piece in pieces(body, cuts):
            chunks += decoder.feed(piece)
        chunks += decoder.close()
    except APIError as error:
        return chunks, type(error).__name__
    return chunks, None


@every_api
def test_any_three_cuts_of_a_recorded_stream_give_the_same_chunks(api):
    bodies = recorded(api, True)
    assert bodies
    differing = []
    for id, body in bodies:
        whole = outcome(api, body, [])
        cut = random.Random(id)
        differing += [
            id for _ in range(3) if outcome(api, body, [cut.randint(0, len(body)) for _ in range(3)]) != whole
        ]
    assert differing == []


def answers(api: str):
    """(id, message, body) of every recorded answer that is one; the body is None for a stream."""
    made = call(APIS[api][0], adapter=APIS[api][1])
    for id, body in recorded(api, False):
        try:
            native = json.loads(body)
            yield id, load(made.route.adapter).parse(made, native)["choices"][0]["message"], native
        except (APIError, *UNREADABLE):
            continue  # the conformance test says whether it had to be an error
    for id, body in recorded(api, True):
        chunks, error = outcome(api, body, [])
        if chunks and not error:
            yield id, fold(chunks)["choices"][0]["message"], None


def echoed(api: str, message):
    """The message as it is sent back, after its way through a file."""
    message = json.loads(json.dumps(message))
    results = [{"role": "tool", "tool_call_id": one["id"], "content": "ok"} for one in message.get("tool_calls", [])]
    made = call(APIS[api][0], [("user", "Hi"), message, *results, ("user", "Go on")], adapter=APIS[api][1])
    sent = load(made.route.adapter).render(made).body["messages"]
    return next((one for one in sent if one["role"] == "assistant"), None)


def solid(blocks):
    """Blocks without what says nothing: absent, null and empty are one, and an empty text is none."""
    return [
        {key: value for key, value in block.items() if value not in (None, []) and key != "file_id"}
        for block in blocks
        if block["type"] != "text" or block["text"]
    ]


def test_every_recorded_answer_of_claude_goes_back_block_by_block():
    lost, seen = [], 0
    for id, message, native in answers("anthropic.messages"):
        sent = echoed("anthropic.messages", message)
        blocks = sent["content"] if sent else []
        blocks = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks
        said = "".join(block["text"] for block in blocks if block["type"] == "text")
        calls = [(block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
        asked = [
            (c["id"], c["function"]["name"], json.loads(c["function"]["arguments"]))
            for c in message.get("tool_calls", [])
        ]
        same = said == (message["content"] or "") and calls == asked
        if not same or (native and solid(blocks) != solid(native["content"])):
            lost.append(id)
        seen += 1
    assert lost == []
    assert seen > 100


def test_every_recorded_answer_of_chat_completions_goes_back_without_loss():
    lost, seen = [], 0
    for id, message, _ in answers("openai.chat"):
        sent = echoed("openai.chat", message)
        wanted = {key: message[key] for key in ("content", "tool_calls", "refusal") if message.get(key)}
        if {key: value for key, value in sent.items() if value and key != "role"} != wanted:
            lost.append(id)
        seen += 1
    assert lost == []
    assert seen > 100


@pytest.mark.parametrize("other", ["openai.chat"])
def test_every_recorded_answer_of_claude_renders_elsewhere_without_foreign_fields(other):
    wrong = []
    for id, message, _ in answers("anthropic.messages"):
        sent = echoed(other, message)
        if (
            not sent.keys() <= {"role", "content", "tool_calls", "refusal"}
            or (sent["content"] or None) != message["content"]
        ):
            wrong.append(id)
    assert wrong == []


def told(events):
    """(text, finish reason) of each choice, and the usage, as the events of text completions say."""
    texts, finishes, usage = {}, {}, None
    for event in events:
        usage = event.get("usage") or usage
        for at, choice in enumerate(event["choices"]):
            index = choice.get("index", at)
            text = choice["text"] if "text" in choice else choice["message"]["content"]
            texts[index] = texts.get(index, "") + text
            finishes[index] = choice.get("finish_reason") or finishes.get(index)
    words = {"eos": "stop", "eos_token": "stop"}
    choices = [(texts[index] or None, words.get(finishes[index], finishes[index])) for index in sorted(texts)]
    return choices, usage and (usage["prompt_tokens"], usage.get("completion_tokens", 0))


def test_every_recorded_text_completion_becomes_what_its_bytes_say():
    api, made = "openai.completions", call(APIS["openai.completions"][0])
    wrong, seen = [], 0
    for stream in (False, True):
        for id, body in recorded(api, stream):
            if stream:
                lines = re.findall(rb"^data: *(\{.*)$", body, re.MULTILINE)
                ours, events = fold(outcome(api, body, [])[0]), [json.loads(line) for line in lines]
            else:
                ours, events = load("openai_completions").parse(made, json.loads(body)), [json.loads(body)]
            usage = ours["usage"]
            read = (
                [(choice["message"]["content"], choice["finish_reason"]) for choice in ours["choices"]],
                usage and (usage["prompt_tokens"], usage["completion_tokens"]),
            )
            if read != told(events):
                wrong.append(id)
            seen += 1
    assert wrong == []
    assert seen > 20


@pytest.mark.parametrize("api", ["anthropic.messages", "openai.responses", "gemini.generate"])
def test_every_recorded_count_of_tokens_is_read(api):
    model, format = APIS[api]
    reader = CountingAdapter(load(format), FORMATS[format])
    bodies = [body.decode() for _, body in recorded(f"{api.partition('.')[0]}.count_tokens", False)]
    assert bodies
    for body in bodies:
        [told] = re.findall(r'"(?:input_tokens|inputTokens|totalTokens)"\s*:\s*(\d+)', body)
        assert reader.parse(call(model), json.loads(body)) == {"tokens": int(told)}
