"""Invoices: usages as providers write them, and what they cost by sums that are written out.

Each line of an invoice is (how many, the literal price, where the catalog has that price); prices are USD per million
tokens, and per thousand uses where they are fees. Most usages have the numbers of a recorded answer, whose id stands
beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Body = dict[str, Any]
Line = tuple[int, str, str]


@dataclass
class Invoice:
    """An answer of a model, and the lines of what it costs."""

    model: str
    body: Body
    lines: list[Line]
    id: str = ""
    total: str = field(kw_only=True)
    """The sum in USD, written out."""


def anthropic(input: int, output: int, *, read: int = 0, written: int = 0, hour: int = 0, **more: Any) -> Body:
    kept = {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": hour}
    cached = {"cache_read_input_tokens": read, "cache_creation_input_tokens": written + hour, "cache_creation": kept}
    usage = {"input_tokens": input, "output_tokens": output, **cached, "service_tier": "standard", **more}
    return {"type": "message", "content": [{"type": "text", "text": "ok"}], "stop_reason": "end_turn", "usage": usage}


def chat(usage: Body, **more: Any) -> Body:
    choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": usage, **more}


def responses(usage: Body, *items: Body, **more: Any) -> Body:
    text = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]}
    return {"status": "completed", "output": [*items, text], "usage": usage, **more}


def gemini(usage: Body, **more: Any) -> Body:
    candidate = {"content": {"role": "model", "parts": [{"text": "ok"}]}, "finishReason": "STOP", **more}
    return {"candidates": [candidate], "usageMetadata": usage}


def converse(usage: Body, **more: Any) -> Body:
    message = {"role": "assistant", "content": [{"text": "ok"}]}
    return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, **more}


def cohere(usage: Body) -> Body:
    message = {"role": "assistant", "content": [{"type": "text", "text": "ok"}]}
    return {"finish_reason": "COMPLETE", "message": message, "usage": usage}


def seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())
