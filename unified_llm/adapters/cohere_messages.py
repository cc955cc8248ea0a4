"""Messages as Cohere's v2 API has them: what `cohere_chat` renders a conversation to.

https://docs.cohere.com/v2/reference/chat, checked 2026-11-21. An assistant message with tool calls has its text as
`tool_plan`; thoughts are items of `content`; nothing may be empty.
"""

from __future__ import annotations

from typing import Any

from unified_llm.adapters.contract import Call
from unified_llm.adapters.media import as_text, medium_of, text_document
from unified_llm.content import worded
from unified_llm.json_codec import as_dict, as_list
from unified_llm.messages import parts, text_of
from unified_llm.types import JSON

NAME = "cohere_chat"
"""Marks the `provider_fields` of an answer of this format."""

_FIELDS = ("role", "content", "tool_calls", "tool_call_id", "refusal")


def conversation(call: Call) -> list[JSON]:
    """The messages as Cohere takes them; what is empty is left out, or refused where it is the user's."""
    out: list[JSON] = []
    for index, message in enumerate(call.messages):
        call.report_unknown_fields(message, index, _FIELDS)
        call.report_cache_marks(message, index)
        rendered = _message(call, message, index)
        if rendered.keys() > {"role"}:
            out.append(rendered)
        elif message["role"] == "user":
            raise call.refusal(f"messages[{index}] is empty, which this API refuses")
        else:
            call.warnings.append(f"messages[{index}] is empty and was left out")
    last = call.messages[-1]
    if last["role"] == "assistant" and not last.get("tool_calls"):
        # it may be the last message, but the answer does not go on from it: SillyTavern/SillyTavern#3692
        raise call.refusal("Cohere's models take no prefill (a final assistant message); end with a user message")
    return out


def _message(call: Call, message: JSON, index: int) -> JSON:
    role = message["role"]
    if role == "assistant":
        return _answer(call, message, index)
    content = _content(call, message["content"], index, role)
    if role == "tool":
        return {"role": role, "tool_call_id": message["tool_call_id"], "content": content}
    role = "system" if role == "developer" else role
    return {"role": role, "content": content} if content else {"role": role}


def _content(call: Call, content: Any, index: int, role: str) -> str | list[JSON]:
    """A string where the parts say no more than one."""
    items = [item for part in parts(content) if (item := _part(call, part, index, role))]
    if all(item["type"] == "text" for item in items) and len(items) < 2:
        return "".join(item["text"] for item in items)
    return items


def _part(call: Call, part: JSON, index: int, role: str) -> JSON | None:
    kind = part["type"]
    if kind in ("text", "refusal"):
        return {"type": "text", "text": part[kind]} if part[kind] else None
    if kind == "document" and kind in part and role == "tool":
        return part  # Cohere's own form
    medium = medium_of(call, part, index, ("image", "document"), _TAKES)
    if medium and medium.kind == "image" and role == "user":
        given = as_dict(part.get(kind)) if kind == "image_url" else {}
        return {"type": "image_url", "image_url": {**given, "url": medium.url or medium.data_url}}
    if medium and text_document(medium) and not medium.id:
        return {"type": "text", "text": as_text(call, medium, index)}
    what = worded(medium) if medium else f"a part of type {kind!r}"
    raise call.refusal(f"messages[{index}] has {what}; {_TAKES}")


_TAKES = "Cohere takes images of the user, and else text and text files; other documents go into extra_body"


def _answer(call: Call, message: JSON, index: int) -> JSON:
    """An earlier answer; what came with an answer of this format goes back with it while its text is the same."""
    kept = _kept(message)
    words = _content(call, message["content"], index, "assistant") or message.get("refusal") or ""
    calls = [_tool_call(call, tool_call, index) for tool_call in as_list(message.get("tool_calls"))]
    out: JSON = {"role": "assistant"}
    if calls:
        out["tool_calls"] = calls
        plan = kept.get("tool_plan") if kept else words if isinstance(words, str) else text_in(words)
        out |= {"tool_plan": plan} if plan else {}
    items = as_list(kept.get("content"))
    if kept and text_in(items) == text_of(message["content"]):
        told = {"content": [item for item in items if item.get(item["type"])], "citations": kept.get("citations")}
        out |= {key: value for key, value in told.items() if value}
    elif words and (kept or not calls):
        out["content"] = words
    return out


def _kept(message: JSON) -> JSON:
    fields = as_dict(message.get("provider_fields"))
    return as_dict(fields.get("message")) if fields.get("adapter") == NAME else {}


def text_in(items: list[JSON]) -> str:
    """The text of an answer's content, joined."""
    return "".join(item.get("text") or "" for item in items if item["type"] == "text")


def _tool_call(call: Call, tool_call: JSON, index: int) -> JSON:
    if "function" not in tool_call:
        raise call.refusal(f"messages[{index}] has a custom tool call, which only OpenAI knows")
    function = tool_call["function"]
    arguments = function.get("arguments") or "{}"
    return {"id": tool_call["id"], "type": "function", "function": {"name": function["name"], "arguments": arguments}}
