"""Messages as chat completions has them: what `openai_chat` renders a conversation to."""

from __future__ import annotations

from typing import Any

from unified_llm.adapters.contract import Call
from unified_llm.json_codec import as_dict, as_list
from unified_llm.messages import parts
from unified_llm.types import JSON

NAME = "openai_chat"
"""Marks the `provider_fields` of an answer of this format."""

_KEYS = {
    "system": ("role", "content", "name"),
    "developer": ("role", "content", "name"),
    "user": ("role", "content", "name"),
    "assistant": ("role", "content", "name", "refusal", "tool_calls", "audio"),
    "tool": ("role", "content", "tool_call_id"),
}


def conversation(call: Call) -> list[JSON]:
    """The messages as this host takes them."""
    out = [_message(call, message, index) for index, message in enumerate(call.messages)]
    if call.messages[-1]["role"] == "assistant":
        _mark_prefill(call, out[-1])
    if call.route.quirks.get("split_tool_calls"):
        return _one_call_each(out)
    return out


def _message(call: Call, message: JSON, index: int) -> JSON:
    quirks, role = call.route.quirks, message["role"]
    out = {key: message[key] for key in _KEYS[role] if message.get(key) is not None}
    call.report_unknown_fields(message, index, _KEYS[role])
    out["content"] = _content(call, message["content"], index)
    if (
        role == "tool"
        and not quirks.get("tool_images")
        and any(part["type"] != "text" for part in parts(message["content"]))
    ):
        raise call.refusal(
            f"messages[{index}] is the result of a tool and may have only text here; Claude takes images there"
        )
    if role == "developer" and not quirks.get("developer_role"):
        out["role"] = "system"
    if role == "assistant":
        _render_answer(call, message, out)
    return out


def _content(call: Call, content: Any, index: int) -> Any:
    if not isinstance(content, list):
        return content
    given: list[JSON] = as_list(content)
    lacks = call.route.facts.get("lacks", ())
    if "vision" in lacks and any(part["type"] == "image_url" for part in given):
        raise call.refusal(f"messages[{index}] has an image, which this model does not take")
    if call.route.quirks.get("string_content") and all(part["type"] == "text" for part in given):
        return "".join(part["text"] for part in given)
    return [_part(call, part, index) for part in given]


def _part(call: Call, part: JSON, index: int) -> JSON:
    if part["type"] == "image_url" and isinstance(part["image_url"], str):
        part = {**part, "image_url": {"url": part["image_url"]}}
    if "cache_control" in part and not call.route.quirks.get("cache_control"):
        call.warnings.append(f"cache_control of messages[{index}] was left out: this API has no such field")
        part = {key: value for key, value in part.items() if key != "cache_control"}
    return part


def _render_answer(call: Call, message: JSON, out: JSON) -> None:
    """An earlier answer, as this host wants it back."""
    quirks = call.route.quirks
    calls = message.get("tool_calls")
    if calls:
        out["tool_calls"] = [_tool_call(tool_call) for tool_call in calls]
        if not out["content"] and quirks.get("null_content") == "empty":
            out["content"] = ""
    elif out["content"] is None:
        out["content"] = ""
    field = quirks.get("echo_reasoning", "none")
    if field == "reasoning_details":
        fields = as_dict(message.get("provider_fields"))
        details = as_dict(fields.get("message")).get(field) if fields.get("adapter") == NAME else message.get(field)
        if details:
            out[field] = details
    elif field != "none" and message.get("reasoning_content"):
        out[field] = message["reasoning_content"]


def _tool_call(call: JSON) -> JSON:
    if "function" not in call:
        return call
    function = call["function"]
    arguments = function.get("arguments") or "{}"
    return {"id": call["id"], "type": "function", "function": {"name": function["name"], "arguments": arguments}}


def _mark_prefill(call: Call, message: JSON) -> None:
    if message.get("tool_calls"):
        return
    form = call.route.quirks.get("prefill", "native")
    if form == "refused" or call.route.rules.get("prefill") is False:
        raise call.refusal("this model takes no prefill (a final assistant message); end with a user message")
    if form != "native":
        message[form] = True


def _one_call_each(messages: list[JSON]) -> list[JSON]:
    """Each tool call in a message of its own, followed by its result."""
    results = {message["tool_call_id"]: message for message in messages if message["role"] == "tool"}
    out: list[JSON] = []
    for message in messages:
        calls = as_list(message.get("tool_calls"))
        if message["role"] == "tool":
            continue
        if len(calls) < 2:
            out += [message, *(results[c["id"]] for c in calls if c["id"] in results)]
            continue
        for position, call in enumerate(calls):
            out.append({**message, "content": message["content"] if position == 0 else "", "tool_calls": [call]})
            if call["id"] in results:
                out.append(results[call["id"]])
    return out
