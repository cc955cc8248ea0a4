"""Messages as Ollama's native API has them: what `ollama_chat` renders a conversation to.

https://docs.ollama.com/api/chat, checked 2026-11-21. Content is a string, images stand beside it as bare base64, and
the arguments of tool calls are objects.
"""

from __future__ import annotations

from unified_llm.adapters.contract import Call
from unified_llm.adapters.media import as_text, joined, medium_of, text_document, with_data
from unified_llm.content import worded
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
    call.report_cache_marks(message, index)
    role = "system" if message["role"] == "developer" else message["role"]
    texts: list[str] = []
    images: list[str] = []
    for part in parts(message["content"]):
        _add(call, part, index, texts, images)
    out: JSON = {"role": role, "content": joined(texts)}
    if images:
        out["images"] = images
    if role == "assistant":
        _render_answer(call, message, index, out, names)
    elif role == "tool":
        out["tool_name"] = names[message["tool_call_id"]]
        out["tool_call_id"] = message["tool_call_id"]
    return out


_TAKES = "Ollama takes text, images and text files"


def _add(call: Call, part: JSON, index: int, texts: list[str], images: list[str]) -> None:
    """Add a part to the texts, which are joined, or to the images beside them; anything else is refused."""
    if part["type"] in ("text", "refusal"):
        texts.append(part[part["type"]] or "")
        return
    medium = medium_of(call, part, index, ("image", "document"), _TAKES)
    if medium is None or (medium.kind == "document" and not text_document(medium)):
        what = worded(medium) if medium else f"a part of type {part['type']!r}"
        raise call.refusal(f"messages[{index}] has {what}; {_TAKES}")
    if medium.kind == "image":
        images.append(with_data(call, medium, index).data)
    else:
        texts.append(as_text(call, medium, index))


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
