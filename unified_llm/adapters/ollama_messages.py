"""Messages as Ollama's native API has them: what `ollama_chat` renders a conversation to.

https://docs.ollama.com/api/chat, checked 2026-11-21. Content is a string, images stand beside it as bare base64, and
the arguments of tool calls are objects.
"""

from __future__ import annotations

import re
from typing import Any

from unified_llm.adapters.contract import Call
from unified_llm.json_codec import as_dict, as_list
from unified_llm.messages import parts
from unified_llm.types import JSON

NAME = "ollama_chat"
"""Marks the `provider_fields` of an answer of this format."""

_FIELDS = ("role", "content", "tool_calls", "tool_call_id", "refusal")


def conversation(call: Call) -> list[JSON]:
    """The messages as Ollama takes them."""
    names: dict[str, str] = {}
    out = [_message(call, message, index, names) for index, message in enumerate(call.messages)]
    last = call.messages[-1]
    if last["role"] == "assistant" and not last.get("tool_calls") and call.route.rules.get("prefill") is False:
        raise call.refusal("this model takes no prefill (a final assistant message); end with a user message")
    return out


def _message(call: Call, message: JSON, index: int, names: dict[str, str]) -> JSON:
    """One message; `names` are those of the functions that were called so far, by the id of the call."""
    call.report_unknown_fields(message, index, _FIELDS)
    role = "system" if message["role"] == "developer" else message["role"]
    out: JSON = {"role": role, "content": _text(call, message["content"], index)}
    images = [_image(call, part, index) for part in parts(message["content"]) if part["type"] == "image_url"]
    if images:
        out["images"] = images
    if role == "assistant":
        _render_answer(call, message, index, out, names)
    elif role == "tool":
        out["tool_name"] = names[message["tool_call_id"]]
        out["tool_call_id"] = message["tool_call_id"]
    return out


def _text(call: Call, content: Any, index: int) -> str:
    """The text of a content, joined; a part that is neither text nor image is refused."""
    texts: list[str] = []
    for part in parts(content):
        if part["type"] in ("text", "refusal"):
            texts.append(part[part["type"]] or "")
        elif part["type"] != "image_url":
            raise call.refusal(f"messages[{index}] has a part of type {part['type']!r}; Ollama takes text and images")
    return "".join(texts)


_DATA_URL = re.compile(r"data:[^,]*;base64,(?P<data>.*)", re.DOTALL)


def _image(call: Call, part: JSON, index: int) -> str:
    if "vision" in call.route.facts.get("lacks", ()):
        raise call.refusal(f"messages[{index}] has an image, which this model does not take")
    image = part["image_url"]
    url: str = image if isinstance(image, str) else image.get("url") or ""
    match = _DATA_URL.match(url)
    if not match:
        raise call.refusal(
            f"messages[{index}] has the image URL {url[:40]!r}, and Ollama fetches none; give a base64 data URL"
        )
    return match["data"]


def _render_answer(call: Call, message: JSON, index: int, out: JSON, names: dict[str, str]) -> None:
    """An earlier answer with its thoughts and calls; what came with an answer of this format goes back with it."""
    if message["content"] is None and message.get("refusal"):
        out["content"] = message["refusal"]
    fields = as_dict(message.get("provider_fields"))
    if fields.get("adapter") == NAME:
        out |= as_dict(fields.get("message"))
    if message.get("reasoning_content"):
        out["thinking"] = message["reasoning_content"]
    calls = [_tool_call(call, tool_call, index) for tool_call in as_list(message.get("tool_calls"))]
    if calls:
        out["tool_calls"] = calls
    names |= {tool_call["id"]: tool_call["function"]["name"] for tool_call in calls}


def _tool_call(call: Call, tool_call: JSON, index: int) -> JSON:
    if "function" not in tool_call:
        raise call.refusal(f"messages[{index}] has a custom tool call, which only OpenAI knows")
    function = tool_call["function"]
    arguments = call.arguments(function.get("arguments"), index)
    return {"id": tool_call["id"], "function": {"name": function["name"], "arguments": arguments}}
