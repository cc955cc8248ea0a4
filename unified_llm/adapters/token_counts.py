"""How providers count the tokens of a prompt: the request of a call, made into the question how long it is.

https://docs.anthropic.com/en/api/messages-count-tokens, https://ai.google.dev/api/tokens,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html,
https://platform.openai.com/docs/api-reference/responses/input-tokens, checked 2026-11-21. Whoever has one of these
formats need not count: `token_counts` of a provider's row says who does.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable
from typing import Any, NamedTuple

from unified_llm import json_codec
from unified_llm.adapters import Adapter
from unified_llm.adapters.contract import Call
from unified_llm.json_codec import as_dict
from unified_llm.types import JSON


class Counting(NamedTuple):
    """How a wire format asks for the length of a prompt."""

    url: Callable[[str], str]
    """The address for counting, from that of the call; both without a query."""
    body: Callable[[Call, JSON], JSON]
    """The body for counting, from that of the call."""
    answer: str
    """The key of the count in the answer."""


# --- Anthropic Messages ----------------------------------------------------------------------------------------------

_RAW_PREDICT = re.compile(r"/models/[^/]+:rawPredict$")
_OF_MESSAGES = (
    "anthropic_version",
    "cache_control",
    "messages",
    "model",
    "output_config",
    "prefill",
    "speed",
    "system",
    "thinking",
    "tool_choice",
    "tools",
)


def _messages_url(url: str) -> str:
    if _RAW_PREDICT.search(url):  # Vertex AI has a model of this name
        return _RAW_PREDICT.sub("/models/count-tokens:rawPredict", url)
    return f"{url}/count_tokens"


def _messages_body(call: Call, body: JSON) -> JSON:
    return _of(_OF_MESSAGES, {"model": call.route.model, **body})


# --- Gemini ----------------------------------------------------------------------------------------------------------

_OF_VERTEX = ("contents", "generationConfig", "systemInstruction", "tools")


def _gemini_url(url: str) -> str:
    return f"{url.rpartition(':')[0]}:countTokens"


def _gemini_body(call: Call, body: JSON) -> JSON:
    """At AI Studio a whole request, since beside it only contents have a place; at Vertex AI its parts."""
    if call.route.quirks.get("publisher"):
        return _of(_OF_VERTEX, body)
    name = call.route.model
    return {"generateContentRequest": {"model": name if "/" in name else f"models/{name}", **body}}


# --- Bedrock ---------------------------------------------------------------------------------------------------------

_OF_CONVERSE = ("messages", "system", "toolConfig", "additionalModelRequestFields")


_AREA = re.compile(r"/model/(?:apac|au|ca|eu|global|in|jp|us|us-gov)\.")


def _bedrock_url(url: str) -> str:
    """The path of the model itself: the profile of an area of the world "doesn't support counting tokens"."""
    return f"{_AREA.sub('/model/', url.rpartition('/')[0])}/count-tokens"


def _converse_body(_: Call, body: JSON) -> JSON:
    return {"input": {"converse": _of(_OF_CONVERSE, body)}}


def _invoke_body(_: Call, body: JSON) -> JSON:
    inner = b2a_base64(json_codec.dumps(body).encode(), newline=False).decode()
    return {"input": {"invokeModel": {"body": inner}}}


# --- OpenAI Responses ------------------------------------------------------------------------------------------------

_OF_RESPONSES = (
    "conversation",
    "input",
    "instructions",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "reasoning",
    "text",
    "tool_choice",
    "tools",
    "truncation",
)


def _responses_url(url: str) -> str:
    return f"{url}/input_tokens"


def _responses_body(_: Call, body: JSON) -> JSON:
    return _of(_OF_RESPONSES, body)


def _of(names: tuple[str, ...], body: JSON) -> JSON:
    return {name: value for name, value in body.items() if name in names}


FORMATS = {
    "anthropic_messages": Counting(_messages_url, _messages_body, "input_tokens"),
    "bedrock_converse": Counting(_bedrock_url, _converse_body, "inputTokens"),
    "bedrock_invoke": Counting(_bedrock_url, _invoke_body, "inputTokens"),
    "gemini": Counting(_gemini_url, _gemini_body, "totalTokens"),
    "openai_responses": Counting(_responses_url, _responses_body, "input_tokens"),
}
"""The wire formats that can ask how long a prompt is."""


class CountingAdapter:
    """Reads what a counting provider answers: `{"tokens": n}`, or an error of the wire format's own."""

    def __init__(self, adapter: Adapter, counting: Counting) -> None:
        self.FRAMING, self.Decoder, self.explain = adapter.FRAMING, adapter.Decoder, adapter.explain
        self.render = adapter.render
        self._answer = counting.answer

    def parse(self, call: Call, body: JSON) -> JSON:
        """The count of an answer; KeyError where it has none."""
        del call
        tokens: Any = as_dict(body)[self._answer]
        return {"tokens": int(tokens)}
