"""Messages as Anthropic's content blocks: what `anthropic_messages` renders a conversation to.

https://docs.anthropic.com/en/api/messages, checked 2026-11-21.
"""

from __future__ import annotations

import re
from typing import Any

from unified_llm import json_codec
from unified_llm.adapters.contract import SYSTEM, Call
from unified_llm.adapters.media import medium_of, remote, text_document, text_in, with_data
from unified_llm.adapters.tool_ids import ToolIds
from unified_llm.content import Medium, worded
from unified_llm.json_codec import as_dict, as_list
from unified_llm.media_types import PDF
from unified_llm.messages import parts, text_of
from unified_llm.secrecy import without_secrets
from unified_llm.types import JSON

NAME = "anthropic_messages"
"""Marks the `provider_fields` of an answer whose blocks can be sent back as they are."""


_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")


def conversation(call: Call) -> tuple[str | list[JSON], list[JSON]]:
    """The system text and the turns: results of tools fold into one user turn, neighbours of one role are one turn."""
    system, turns = _leading_system(call)
    ids = ToolIds(_NOT_IN_IDS)
    out: list[JSON] = []
    for index, message in turns:
        call.report_unknown_fields(message, index, _FIELDS)
        role, blocks = _turn(call, message, index, ids)
        if not blocks:
            call.report_empty(message, index)
        elif out and out[-1]["role"] == role:
            out[-1]["content"] += blocks
        else:
            out.append({"role": role, "content": blocks})
    if not out:
        raise call.refusal("there is no message with content besides the system prompt; give a user message")
    _check_pairs(call, out)
    _fit_ends(call, out, turns)
    for message in out:
        message["content"] = _shorten(message["content"])
    return system, out


def _leading_system(call: Call) -> tuple[str | list[JSON], list[tuple[int, JSON]]]:
    indexed = list(enumerate(call.messages))
    count = next((i for i, m in indexed if m["role"] not in SYSTEM), len(indexed))
    blocks = [block for i, message in indexed[:count] for block in _blocks(call, message["content"], i)]
    return _shorten(blocks, joiner="\n\n"), indexed[count:]


_FIELDS = {"role", "content", "tool_calls", "tool_call_id", "refusal", "cache_control", "is_error"}


def _turn(call: Call, message: JSON, index: int, ids: ToolIds) -> tuple[str, list[JSON]]:
    role = message["role"]
    if role == "assistant":
        return role, _assistant(call, message, index, ids)
    if role == "tool":
        return "user", [_tool_result(call, message, index, ids)]
    if role in SYSTEM:
        role = call.late_system(index)
    return role, _blocks(call, message["content"], index)


def _assistant(call: Call, message: JSON, index: int, ids: ToolIds) -> list[JSON]:
    verbatim = _verbatim(message)
    if verbatim is not None:
        return verbatim
    blocks = _blocks(call, message["content"], index)
    for tool_call in as_list(message.get("tool_calls")):
        if "function" not in tool_call:
            raise call.refusal(f"messages[{index}] has a custom tool call, which only OpenAI knows")
        function = tool_call["function"]
        blocks.append(
            {
                "type": "tool_use",
                "id": ids.fit(tool_call["id"]),
                "name": function["name"],
                "input": call.arguments(function.get("arguments"), index),
            }
        )
    return blocks


def _verbatim(message: JSON) -> list[JSON] | None:
    """The blocks of an answer of this same format, where the caller has not changed the message since."""
    fields = as_dict(message.get("provider_fields"))
    if fields.get("adapter") != NAME:
        return None
    blocks: list[JSON] = fields["content"]
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    calls: list[tuple[Any, Any, Any]] = [
        (block["id"], block["name"], block.get("input") or {}) for block in blocks if block["type"] == "tool_use"
    ]
    same = text == text_of(message["content"]) and calls == [_told(call) for call in as_list(message.get("tool_calls"))]
    return [_echoable(block) for block in blocks if block["type"] != "text" or block["text"]] if same else None


def _told(call: JSON) -> tuple[str, str, Any]:
    """What a tool call says, in the form of a tool_use block; its arguments may be no JSON on either side."""
    function = call["function"]
    try:
        return call["id"], function["name"], json_codec.loads(function["arguments"])
    except ValueError:
        return call["id"], function["name"], function["arguments"]


def _echoable(block: JSON) -> JSON:
    """A block as requests take it: an object for input, and no `file_id` in citations (types of the anthropic SDK)."""
    if block["type"] == "tool_use" and not isinstance(block.get("input"), dict):
        return {**block, "input": {"arguments": block["input"]} if block.get("input") else {}}
    if not block.get("citations"):
        return block
    citations = [{key: value for key, value in c.items() if key != "file_id"} for c in block["citations"]]
    return {**block, "citations": citations}


def _tool_result(call: Call, message: JSON, index: int, ids: ToolIds) -> JSON:
    block: JSON = {"type": "tool_result", "tool_use_id": ids.fit(message["tool_call_id"])}
    content = _shorten(_blocks(call, message["content"], index))
    if content:
        block["content"] = content
    if "cache_control" in message:
        block["cache_control"] = message["cache_control"]
    if message.get("is_error"):
        block["is_error"] = True
    return block


def _blocks(call: Call, content: Any, index: int) -> list[JSON]:
    return [block for part in parts(content) if (block := _block(call, part, index))]


def _block(call: Call, part: JSON, index: int) -> JSON | None:
    kind = part["type"]
    if kind == "text":
        return _with_cache(part, {"type": "text", "text": part["text"]}) if part["text"].strip() else None
    if kind == "refusal":
        return {"type": "text", "text": part["refusal"]} if part.get("refusal") else None
    medium = medium_of(call, part, index, ("image", "document"), _TAKES)
    if medium is None:
        return part  # Anthropic's own form
    if not medium.data and not call.route.quirks.get("media_urls", True):
        medium = with_data(call, medium, index)
    elif "source" in part:
        return _native(part, medium)
    block = (_image if medium.kind == "image" else _document)(call, medium, index)
    return {**part, **block} if "source" in part else _with_cache(part, block)


_TAKES = "Claude takes text, images, PDFs and text files"
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")


def _native(part: JSON, medium: Medium) -> JSON:
    """Anthropic's own block, with the type that its bytes show: a label that does not fit them is refused."""
    source = part["source"]
    if source["type"] != "base64" or medium.type in ("", source.get("media_type")):
        return part
    return {**part, "source": {**source, "media_type": medium.type}}


def _with_cache(part: JSON, block: JSON) -> JSON:
    if "cache_control" in part:
        block["cache_control"] = part["cache_control"]
    return block


def _image(call: Call, medium: Medium, index: int) -> JSON:
    source = _elsewhere(call, medium, index)
    if source is None and medium.type not in _IMAGES:
        raise call.refusal(
            f"messages[{index}] has {worded(medium)}; Claude takes JPEG, PNG, GIF and WebP, so convert it"
        )
    return {"type": "image", "source": source or {"type": "base64", "media_type": medium.type, "data": medium.data}}


def _document(call: Call, medium: Medium, index: int) -> JSON:
    title = {"title": medium.name} if medium.name else {}
    if text_document(medium) and not medium.id:
        source = {"type": "text", "media_type": "text/plain", "data": text_in(call, medium, index)}
    elif medium.data and medium.type != PDF:
        raise call.refusal(
            f"messages[{index}] has {worded(medium)}; Claude takes PDFs and text files, so save it as one of them"
        )
    else:
        source = _elsewhere(call, medium, index) or {"type": "base64", "media_type": PDF, "data": medium.data}
    return {"type": "document", "source": source, **title}


def _elsewhere(call: Call, medium: Medium, index: int) -> JSON | None:
    """The source of what is not in the message: Anthropic fetches http(s) URLs itself, and knows its uploads."""
    if medium.data:
        return None
    if medium.id:
        return {"type": "file", "file_id": medium.id}
    if remote(medium):
        return {"type": "url", "url": medium.url}
    url = without_secrets(medium.url)
    raise call.refusal(f"messages[{index}] has the URL {url!r}; give an http(s) URL or a base64 data URL")


def _check_pairs(call: Call, messages: list[JSON]) -> None:
    """Every tool_use needs its tool_result in the next message, results first."""
    for position, message in enumerate(messages):
        if message["role"] != "assistant":
            message["content"].sort(key=_after_results)
            continue
        asked = {block["id"]: block["name"] for block in message["content"] if block["type"] == "tool_use"}
        following: list[JSON] = messages[position + 1]["content"] if position + 1 < len(messages) else []
        answered = {block["tool_use_id"] for block in following if block["type"] == "tool_result"}
        missing = [f"{name} ({id})" for id, name in asked.items() if id not in answered]
        if missing:
            raise call.refusal(f"the tool call {', '.join(missing)} has no result right after it; add its tool message")


def _after_results(block: JSON) -> bool:
    return block["type"] != "tool_result"


def _fit_ends(call: Call, messages: list[JSON], turns: list[tuple[int, JSON]]) -> None:
    if messages[0]["role"] == "assistant":
        raise call.refusal(f"messages[{turns[0][0]}] is the assistant's; this API wants a user message before it")
    last = messages[-1]
    if last["role"] != "assistant" or resumes(last["content"]):
        return
    if call.route.rules.get("prefill") is False:
        raise call.refusal("this model takes no prefill (a final assistant message); claude-sonnet-4-5 and earlier do")
    block = last["content"][-1]
    if block["type"] == "text" and block["text"] != block["text"].rstrip():
        # "final assistant content cannot end with trailing whitespace"
        last["content"][-1] = {**block, "text": block["text"].rstrip()}
        call.warnings.append("white space at the end of the prefill was left out")


def resumes(blocks: list[JSON]) -> bool:
    """Whether the blocks of a final answer are none that the caller began, but one with server tools that paused."""
    return any(block["type"] == "server_tool_use" for block in blocks)


def _shorten(blocks: list[JSON], joiner: str = "") -> str | list[JSON]:
    """A string where the blocks say no more than one."""
    if all(block.keys() == {"type", "text"} for block in blocks) and (joiner or len(blocks) < 2):
        return joiner.join(block["text"] for block in blocks)
    return blocks
