"""`cache="auto"`: where a prompt's cached prefixes end, for the formats that want to be told.

Three of the four marks that Anthropic allows (https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching,
checked 2026-11-21): behind the tools, behind the system prompt and behind the last turn, so that the next call of the
same conversation reads all of this one. Providers without marks cache prefixes by themselves, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from unified_llm.adapters.contract import Call
from unified_llm.messages import parts
from unified_llm.types import JSON

_MARK = {"cache_control": {"type": "ephemeral"}}


def mark_prefixes(call: Call) -> None:
    """Mark the prefixes of a call that asked for it; where the caller has marked something, those marks are all."""
    if call.params.get("cache") != "auto" or _marked(call):
        return
    tools = call.params.get("tools")
    if tools:
        call.params["tools"] = [*tools[:-1], {**tools[-1], **_MARK}]
    systems = [index for index, message in enumerate(call.messages) if message["role"] in ("system", "developer")]
    leading = [index for at, index in enumerate(systems) if at == index]
    # a final assistant message is a prefill: its end is no prefix of the next call
    turns = [index for index, message in enumerate(call.messages) if message["role"] in ("user", "tool")]
    for index in {*leading[-1:], *turns[-1:]}:
        call.messages[index] = _with_mark(call.messages[index])


def _marked(call: Call) -> bool:
    return any("cache_control" in thing for thing in _markable(call))


def _markable(call: Call) -> Iterable[Any]:
    yield from call.params.get("tools") or ()
    for message in call.messages:
        yield message
        yield from parts(message["content"])


def _with_mark(message: JSON) -> JSON:
    if message["role"] == "tool":
        return {**message, **_MARK}
    content = parts(message["content"])
    return {**message, "content": [*content[:-1], {**content[-1], **_MARK}]} if content else message
