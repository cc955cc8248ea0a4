r"""Amazon Bedrock InvokeModel with Claude: `POST /model/{modelId}/invoke` and `/invoke-with-response-stream`.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-claude.html, anthropic_version bedrock-2023-05-31,
checked 2026-11-21. The bodies are Anthropic's own: Messages, and for Claude 2 and Instant the legacy prompts of
`\n\nHuman:` and `\n\nAssistant:`. The version 2026-10-21 forbids sampling parameters, so it is the caller's to ask for,
by `extra_body`. Other vendors' bodies are not spoken here: Converse has every model.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from dataclasses import replace
from typing import Any, TypedDict

from unified_llm import json_codec
from unified_llm.adapters import anthropic_complete, anthropic_messages
from unified_llm.adapters.bedrock_runtime import TIERS, failed_whole, failure, model_path
from unified_llm.adapters.bedrock_runtime import explain as explain
from unified_llm.adapters.contract import Call, Request
from unified_llm.adapters.contract import Decoder as BaseDecoder
from unified_llm.framing.aws_events import EventStream
from unified_llm.json_codec import as_dict
from unified_llm.types import JSON, Chunk, Usage

FRAMING = EventStream
VERSION = "bedrock-2023-05-31"


class Quirks(TypedDict, total=False):
    """What a host of InvokeModel may do differently."""


_LEGACY = re.compile(r"claude-(v[12]|instant|[12])\b")
_NO_PLACE = ("model", "stream", "service_tier")
"""Fields of Anthropic's bodies that stand in the path or a header here, and are refused in the body."""


def render(call: Call) -> Request:
    """The request of a call."""
    anthropic = anthropic_complete if _LEGACY.search(call.route.model) else anthropic_messages
    headers: dict[str, str] = {}
    tier = call.params.get("service_tier")
    if tier in TIERS:  # a header here, and no field of the body
        headers["x-amzn-bedrock-service-tier"] = tier
        call = replace(call, params={name: value for name, value in call.params.items() if name != "service_tier"})
    # Bedrock fetches nothing: "URL sources are not supported"
    route = replace(call.route, quirks={**call.route.quirks, "media_urls": False})
    request = anthropic.render(replace(call, route=route))
    body = {name: value for name, value in request.body.items() if name not in _NO_PLACE}
    body["anthropic_version"] = VERSION
    if not call.stream:
        return Request(model_path(call, "invoke"), body, headers)
    headers["accept"] = "application/vnd.amazon.eventstream"
    return Request(model_path(call, "invoke-with-response-stream"), body, headers)


def parse(call: Call, body: JSON) -> JSON:
    """The fields of the completion that a body holds; a model of either kind may answer in the form of the other."""
    if isinstance(body.get("content"), list) or body.get("type") == "error":
        return anthropic_messages.parse(call, body)
    if "completion" in body:
        return anthropic_complete.parse(call, body)
    raise failed_whole(call, body)


_METRICS = "amazon-bedrock-invocationMetrics"


class Decoder(BaseDecoder):
    """A streamed answer: Anthropic's events, each in the `bytes` of a chunk."""

    def __init__(self, call: Call) -> None:
        super().__init__(call, FRAMING())
        self._inner: BaseDecoder | None = None

    def _read(self, event: Any, chunks: list[Any]) -> None:
        told = event.get("chunk")
        if told is None:
            if error := failure(self.call, event):
                raise error
            return
        inner_event = json_codec.loads(a2b_base64(told["bytes"]))
        inner = self._inner
        if inner is None:
            anthropic = anthropic_complete if "completion" in inner_event else anthropic_messages
            inner = self._inner = anthropic.Decoder(self.call)
        inner._read(inner_event, chunks)
        if inner.done:
            self.done = True
            _add_usage(chunks, as_dict(inner_event.get(_METRICS)))

    def _end(self, chunks: list[Chunk], *, marked: bool = False) -> None:
        if self._inner is None:
            raise self.call.incomplete("the stream ended before the answer began")
        self._inner._end(chunks, marked=marked)
        self.done = True


def _add_usage(chunks: list[Any], metrics: JSON) -> None:
    """Take the usage of a legacy answer, which has none of its own, from what Bedrock counted."""
    if not chunks or chunks[-1].get("usage") or metrics.get("inputTokenCount") is None:
        return
    prompt, completion = metrics["inputTokenCount"], metrics.get("outputTokenCount") or 0
    usage: Usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    chunks[-1]["usage"] = usage
