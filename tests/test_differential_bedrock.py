"""Amazon's SDK, and Anthropic's for Bedrock, read the same as this library in the same bytes."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager

import pytest
from support_sdks import Format, Reading, Usage, arguments, compared, finished
from test_anthropic_messages_response import NO_ARGUMENTS, SILENT, THINKING, TOOL
from test_anthropic_messages_response import events as anthropic_events
from test_anthropic_messages_response import message as anthropic_message
from test_anthropic_messages_response import text as anthropic_text
from test_bedrock_converse_response import (
    FOUND,
    PAGE,
    REDACTED,
    SERVER,
    THOUGHT,
    UNSIGNED,
    USAGE,
    WEB,
    cited,
    events,
    framed,
    message,
    text,
)
from test_bedrock_converse_response import NO_ARGUMENTS as NOTHING_USED
from test_bedrock_converse_response import TOOL as USED
from test_bedrock_converse_response import TYPED as NAMED_USED
from test_bedrock_invoke import framed as invoke_framed
from test_differential_anthropic import read_message

MODEL = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
FRAMES = "application/vnd.amazon.eventstream"
KEYS = {"aws_access_key_id": "AKID", "aws_secret_access_key": "any"}


@contextmanager
def amazon_client(url):
    boto3 = pytest.importorskip("boto3", reason="needs boto3")
    from botocore.config import Config

    once = Config(retries={"total_max_attempts": 1})
    with closing(
        boto3.client("bedrock-runtime", endpoint_url=url, region_name="us-east-1", config=once, **KEYS)
    ) as client:
        yield client


# --- Converse ------------------------------------------------------------------------------------------------------

WORDS = {
    **dict.fromkeys(("end_turn", "stop_sequence"), "stop"),
    **dict.fromkeys(("max_tokens", "model_context_window_exceeded"), "length"),
    "tool_use": "tool_calls",
    **dict.fromkeys(("guardrail_intervened", "content_filtered"), "content_filter"),
}
ASKED = {"modelId": "any", "messages": [{"role": "user", "content": [{"text": "Hi"}]}]}


def read(client, stream):
    if not stream:
        whole = client.converse(**ASKED)
        return read_blocks(whole["output"]["message"]["content"], whole["stopReason"], whole.get("usage"))
    blocks, end = {}, {}
    for event in client.converse_stream(**ASKED)["stream"]:
        ((kind, told),) = event.items()
        if kind == "contentBlockStart":
            blocks[told["contentBlockIndex"]] = {**told["start"], "input": ""}
        elif kind == "contentBlockDelta":
            add(blocks.setdefault(told["contentBlockIndex"], {}), told["delta"])
        else:
            end |= told
    whole = [joined(block) for _, block in sorted(blocks.items())]
    return read_blocks(whole, end["stopReason"], end.get("usage"))


def add(block, delta):
    """Joining the pieces of a block is the caller's."""
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["input"] += delta["toolUse"]["input"]
    elif "reasoningContent" in delta:
        thoughts = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})
        thoughts["reasoningText"]["text"] += delta["reasoningContent"].get("text", "")


def joined(block):
    if "toolUse" not in block:
        return block
    return {"toolUse": {**block["toolUse"], "input": arguments(block["input"])}}


def read_blocks(blocks, stop, counts):
    used = [block["toolUse"] for block in blocks if "toolUse" in block]
    calls = tuple((use["toolUseId"], use["name"], use["input"]) for use in used if use.get("type") != "server_tool_use")
    texts = [part for block in blocks for part in block.get("citationsContent", {}).get("content", [block])]
    thoughts = [block["reasoningContent"].get("reasoningText", {}) for block in blocks if "reasoningContent" in block]
    cached = counts and counts.get("cacheReadInputTokens", 0)
    return Reading(
        "".join(part.get("text", "") for part in texts),
        finished(stop, WORDS, calls),
        counts
        and Usage(
            counts["inputTokens"] + cached + counts.get("cacheWriteInputTokens", 0), counts["outputTokens"], cached
        ),
        calls,
        "".join(thought.get("text", "") for thought in thoughts),
    )


CONVERSE = Format(MODEL, amazon_client, read, media_type=FRAMES)

COUNTED = Usage(12, 30)
CACHED = {**USAGE, "cacheReadInputTokens": 2000, "cacheWriteInputTokens": 100, "totalTokens": 2142}
DEEP = {
    "toolUse": {"toolUseId": "t9", "name": "look", "input": {"at": [50.5, 7, None, True], "name": "Köln \u2028 😀"}}
}
ROME, NOW = ("t1", "weather", {"city": "Rome"}), ("t2", "now", {})

CONVERSED = {
    "text": (message(text("Grüße,\u2028😀!")), Reading("Grüße,\u2028😀!", "stop", COUNTED)),
    "two texts": (message(text("One. "), text("Two.")), Reading("One. Two.", "stop", COUNTED)),
    "nothing": (message(), Reading("", "stop", COUNTED)),
    "thinking": (message(THOUGHT, text("4")), Reading("4", "stop", COUNTED, reasoning="Hm.")),
    "thinking of two kinds": (message(UNSIGNED, REDACTED, text("4")), Reading("4", "stop", COUNTED, reasoning="Hm.")),
    "two calls": (message(USED, NOTHING_USED, stop="tool_use"), Reading("", "tool_calls", COUNTED, (ROME, NOW))),
    "calls that end the turn": (
        message(text("I look."), NAMED_USED),
        Reading("I look.", "tool_calls", COUNTED, (("t3", "weather", {}),)),
    ),
    "arguments within arguments": (
        message(DEEP, stop="tool_use"),
        Reading("", "tool_calls", COUNTED, (("t9", "look", DEEP["toolUse"]["input"]),)),
    ),
    "cut short": (message(text("Once"), stop="max_tokens"), Reading("Once", "length", COUNTED)),
    "out of room": (message(text("O"), stop="model_context_window_exceeded"), Reading("O", "length", COUNTED)),
    "a guardrail": (message(text("No."), stop="guardrail_intervened"), Reading("No.", "content_filter", COUNTED)),
    "filtered": (message(stop="content_filtered"), Reading("", "content_filter", COUNTED)),
    "cached": (message(text("4"), usage=CACHED), Reading("4", "stop", Usage(2112, 30, 2000))),
    "cited": (message(text("I say: "), cited("Yes", WEB, PAGE), text(".")), Reading("I say: Yes.", "stop", COUNTED)),
    "a server's tool": (message(SERVER, FOUND, text("1")), Reading("1", "stop", COUNTED)),
}


@pytest.fixture(scope="module")
def compare():
    with compared(CONVERSE) as compare:
        yield compare


@pytest.mark.parametrize(("body", "said"), CONVERSED.values(), ids=CONVERSED)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_amazons_sdk_reads_the_same_from_converse(compare, body, said, stream):
    assert compare(framed(events(body)) if stream else body, stream) == (said, said)


# --- InvokeModel ---------------------------------------------------------------------------------------------------


@contextmanager
def anthropic_client(url):
    pytest.importorskip("boto3", reason="needs boto3")
    anthropic = pytest.importorskip("anthropic", reason="needs anthropic")
    keys = {"aws_access_key": "AKID", "aws_secret_key": "any", "aws_region": "us-east-1"}
    with anthropic.AnthropicBedrock(base_url=url, max_retries=0, **keys) as client:
        yield client


def read_invoked(client, stream):
    options = {"model": "any", "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]}
    if not stream:
        return read_message(client.messages.create(**options))
    with client.messages.stream(**options) as told:
        return read_message(told.get_final_message())


INVOKE = Format(MODEL, anthropic_client, read_invoked, media_type=FRAMES, options={"adapter": "bedrock_invoke"})

CALLED = (("toolu_1", "weather", {"city": "Rome"}), ("toolu_2", "now", {}))
INVOKED = {
    "text": (anthropic_message(anthropic_text("Grüße,\u2028😀!")), Reading("Grüße,\u2028😀!", "stop", COUNTED)),
    "thinking": (
        anthropic_message(THINKING, SILENT, anthropic_text("4")),
        Reading("4", "stop", COUNTED, reasoning="Hm."),
    ),
    "two calls": (anthropic_message(TOOL, NO_ARGUMENTS, stop="tool_use"), Reading("", "tool_calls", COUNTED, CALLED)),
    "cut short": (anthropic_message(anthropic_text("Once"), stop="max_tokens"), Reading("Once", "length", COUNTED)),
    "a refusal": (anthropic_message(stop="refusal"), Reading("", "content_filter", COUNTED)),
}


@pytest.fixture(scope="module")
def compare_invoked():
    with compared(INVOKE) as compare:
        yield compare


@pytest.mark.parametrize(("body", "said"), INVOKED.values(), ids=INVOKED)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_anthropics_sdk_reads_the_same_from_invoke(compare_invoked, body, said, stream):
    sent = invoke_framed(anthropic_events(body)) if stream else body
    assert compare_invoked(sent, stream) == (said, said)


# --- InvokeModel with legacy prompts -------------------------------------------------------------------------------


def read_legacy(client, stream):
    """Amazon's SDK unpacks the frames; the events in them are Anthropic's of old."""
    asked = {"modelId": "any", "body": b"{}", "contentType": "application/json"}
    if stream:
        frames = client.invoke_model_with_response_stream(**asked)["body"]
        events = [json.loads(frame["chunk"]["bytes"]) for frame in frames]
    else:
        events = [json.load(client.invoke_model(**asked)["body"])]
    counts = events[-1].get("amazon-bedrock-invocationMetrics")
    return Reading(
        "".join(event["completion"] for event in events).lstrip(" "),
        {"stop_sequence": "stop", "max_tokens": "length"}[events[-1]["stop_reason"]],
        counts and Usage(counts["inputTokenCount"], counts["outputTokenCount"]),
    )


LEGACY = Format("bedrock/anthropic.claude-v2:1", amazon_client, read_legacy, media_type=FRAMES)


@pytest.mark.parametrize(("stop", "finish"), [("stop_sequence", "stop"), ("max_tokens", "length")])
def test_amazons_sdk_reads_the_same_from_invoke_with_legacy_prompts(stop, finish):
    told = [(" Grü", None), ("ße,\u2028", None), ("😀!", stop)]
    pieces = [
        {"type": "completion", "completion": words, "stop_reason": reason, "stop": None} for words, reason in told
    ]
    said = Reading("Grüße,\u2028😀!", finish, None)
    with compared(LEGACY) as compare:
        assert compare({**pieces[-1], "completion": " Grüße,\u2028😀!"}) == (said, said)
        counted = said._replace(usage=Usage(9, 4))
        assert compare(invoke_framed(pieces), True) == (counted, counted)
