"""The vendors' SDKs and this library read the same in recorded answers, where these lie beside the repository."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from functools import cache
from pathlib import Path

import pytest
from support_sdks import blurred, compared
from test_differential_anthropic import ANTHROPIC_MESSAGES
from test_differential_bedrock import CONVERSE, INVOKE
from test_differential_cohere import COHERE
from test_differential_gemini import GEMINI
from test_differential_mistral import MISTRAL
from test_differential_ollama import OLLAMA
from test_differential_openai_chat import OPENAI_CHAT
from test_differential_openai_completions import OPENAI_COMPLETIONS
from test_differential_openai_responses import OPENAI_RESPONSES

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "dev_core.jsonl.gz"
MOST = 40
"""How many answers of a kind are read; the same ones each time."""

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason="needs ../shared/corpus")

FORMATS = {
    "anthropic.messages": ANTHROPIC_MESSAGES,
    "bedrock.converse": CONVERSE,
    "bedrock.invoke": INVOKE,
    "cohere.chat": COHERE,
    "gemini.generate": GEMINI,
    "mistral.chat": MISTRAL,
    "ollama.chat": OLLAMA,
    "openai.chat": OPENAI_CHAT,
    "openai.completions": OPENAI_COMPLETIONS,
    "openai.responses": OPENAI_RESPONSES,
}
OTHERS = dict.fromkeys(("openai.chat", "openai.completions", "openai.responses"), ("openai", "azure"))
"""Of these formats other hosts have dialects that the SDK does not know: only text and calls are compared there."""
WORDS = ("stop", "length", "tool_calls", "content_filter", None)

SPOKEN = {"bedrock.invoke": re.compile(r"claude-(?!v|instant)")}
"""The models whose bodies an SDK knows, where the API takes those of many vendors."""

TWO_MESSAGES = "two messages follow each other in the recording, and the SDK joins them"
STRUNG = "the id comes again with each piece, and the SDK strings the ids together"
EMPTY_END = "the last event has no items, and the SDK forgets those that came before"
SDK_IS_WRONG = {
    "0bd0fdb7d7f9c69d": TWO_MESSAGES,
    "887bf8d0ab88fb27": TWO_MESSAGES,
    "1f91c24a318c10aa": "finish reason ERROR: Cohere broke the answer off",
    "182265be90df8be2": "choices[0].error: the answer broke off with a 502",
    "0313f34703f6ae51": "the stream breaks off, without a finish reason",
    "e70cac97967c8a7e": "arguments in pieces, by their paths: joining these is the caller's",
    "36a24b81de5652a9": "the last count has no candidates, of which earlier ones had 21; its total is no sum of them",
    "93c65e4ace5cd3bf": STRUNG,
    "f4f45d9de89dba14": STRUNG,
    "66564918235ec591": STRUNG,
    "365e5dcd20d9efc6": STRUNG,
    "7782aeab6f1810c9": "an object as content is the JSON that was asked for",
    "e195e0931f63c71c": "the SDK forgets the usage when an event without it follows",
    "3ec3fc4bc8dab225": EMPTY_END,
    "239137259a69be7a": EMPTY_END,
    "ccce1d229212f5cb": EMPTY_END,
    "6d94fadcb37791d3": EMPTY_END,
    "8c0f275856423e94": EMPTY_END,
    "644225556e1bdeb9": "response.completed without a status: the event says it",
    "04547830fb5a582a": "OpenAI leaves out the count of an answer of no tokens, which is 0",
    "fb606ea4e42f101f": "an answer in the form of chat, in which the SDK sees no text",
    "90fff829b034a3ae": "whoever recorded it left deltas out, and not what they add up to",
}


@cache
def recorded():
    with gzip.open(CORPUS, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def sample(api, stream):
    rows = [
        row
        for row in recorded()
        if row["api"] == api
        and row["response_status"] == 200
        and bool(row["stream"]) == stream
        and row.get("synthetic_risk") != "likely"
        and (api not in SPOKEN or SPOKEN[api].search(row["model"] or ""))
        and row["id"] not in SDK_IS_WRONG
    ]
    return random.Random(api).sample(rows, min(MOST, len(rows)))


def body_of(row):
    packed = row.get("response_body_b64")
    return base64.b64decode(packed) if packed else row["response_body_text"].encode()


def fields(api, row, theirs):
    """What of a reading can be compared: a reason that the SDK passes on unknown has no meaning yet."""
    names = ("text", "calls", "usage", "reasoning", "refusal")
    if row["provider"] not in OTHERS.get(api, (row["provider"],)):
        names = names[:2]
    return (*names, "finish") if theirs.finish in WORDS else names


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("api", FORMATS)
def test_the_vendors_sdk_reads_the_same_in_what_was_recorded(api, stream):
    rows, unread, differing = sample(api, stream), [], {}
    with compared(FORMATS[api]) as compare:
        for row in rows:
            body = body_of(row)
            try:
                theirs = compare.theirs(body, stream)
            except Exception:  # noqa: BLE001 - each SDK has errors of its own for what it cannot read
                unread.append(row["id"])
                continue
            mine = blurred(compare.ours(body, stream), theirs)
            names = fields(api, row, theirs)
            if [getattr(mine, name) for name in names] != [getattr(theirs, name) for name in names]:
                differing[row["id"]] = (mine, theirs)
    assert differing == {}
    assert len(unread) < len(rows) / 4, unread
