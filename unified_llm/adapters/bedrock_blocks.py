"""Messages as Converse's content blocks: what `bedrock_converse` renders a conversation to.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html, checked 2026-11-21.
"""

from __future__ import annotations

import re
from typing import Any

from unified_llm import json_codec
from unified_llm.adapters.contract import SYSTEM, Call
from unified_llm.adapters.media import medium_of, text_document, with_data
from unified_llm.adapters.tool_ids import ToolIds
from unified_llm.content import Medium, worded
from unified_llm.json_codec import as_dict, as_list
from unified_llm.messages import parts, text_of
from unified_llm.types import JSON

NAME = "bedrock_converse"
"""Marks the `provider_fields` of an answer whose blocks can be sent back as they are."""

_FIELDS = {"role", "content", "tool_calls", "tool_call_id", "refusal", "cache_control", "is_error"}


_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_.:-]")


def conversation(call: Call) -> tuple[list[JSON], list[JSON]]:
    """The system blocks and the turns: results of tools fold into one user turn, neighbours of a role into one."""
    indexed = list(enumerate(call.messages))
    count = next((i for i, m in indexed if m["role"] not in SYSTEM), len(indexed))
    system = [block for i, message in indexed[:count] for block in _blocks(call, message["content"], i)]
    ids = ToolIds(_NOT_IN_IDS, 64)
    out: list[JSON] = []
    for index, message in indexed[count:]:
        call.report_unknown_fields(message, index, _FIELDS)
        role, blocks = _turn(call, message, index, ids)
        if "cache_control" in message and blocks:
            blocks = [*blocks, cache_point(message)]
        if not blocks:
            call.report_empty(message, index)
        elif out and out[-1]["role"] == role:
            out[-1]["content"] += blocks
        else:
            out.append({"role": role, "content": blocks})
    if not out:
        raise call.refusal("there is no message with content besides the system prompt; give a user message")
    _check_turns(call, out)
    _fit_ends(call, out, count)
    return system, out


def cache_point(marked: JSON) -> JSON:
    """The block that ends a cached prefix, for a part, message or tool with `cache_control`."""
    ttl = as_dict(marked["cache_control"]).get("ttl")
    return {"cachePoint": {"type": "default", **({"ttl": ttl} if ttl else {})}}


def _turn(call: Call, message: JSON, index: int, ids: ToolIds) -> tuple[str, list[JSON]]:
    role = message["role"]
    if role == "assistant":
        return role, _assistant(call, message, index, ids)
    if role == "tool":
        return "user", _tool_result(call, message, index, ids)
    if role in SYSTEM:
        role = call.late_system(index)
    return role, _blocks(call, message["content"], index)


# --- answers and results --------------------------------------------------------------------------------------------


def _assistant(call: Call, message: JSON, index: int, ids: ToolIds) -> list[JSON]:
    verbatim = _verbatim(message)
    if verbatim is not None:
        return verbatim
    blocks = _blocks(call, message["content"], index)
    for tool_call in as_list(message.get("tool_calls")):
        if "function" not in tool_call:
            raise call.refusal(f"messages[{index}] has a custom tool call, which only OpenAI knows")
        function = tool_call["function"]
        given = call.arguments(function.get("arguments"), index)
        blocks.append({"toolUse": {"toolUseId": ids.fit(tool_call["id"]), "name": function["name"], "input": given}})
    return blocks


def answer_text(block: JSON) -> str:
    """The text of a block of an answer; blocks that are no text have none."""
    cited = as_dict(block.get("citationsContent"))
    return block.get("text") or "".join(part.get("text") or "" for part in as_list(cited.get("content")))


def client_tool(block: JSON) -> JSON:
    """The call of a client's tool that a block of an answer is, empty for any other block."""
    use = as_dict(block.get("toolUse"))
    return {} if use.get("type") == "server_tool_use" else use


def _verbatim(message: JSON) -> list[JSON] | None:
    """The blocks of an answer of this same format, where the caller has not changed the message since."""
    fields = as_dict(message.get("provider_fields"))
    if fields.get("adapter") != NAME:
        return None
    blocks: list[JSON] = fields["content"]
    calls: list[tuple[Any, Any, Any]] = [
        (use["toolUseId"], use["name"], use.get("input") or {}) for block in blocks if (use := client_tool(block))
    ]
    same = "".join(map(answer_text, blocks)) == text_of(message["content"])
    if not same or calls != [_told(call) for call in as_list(message.get("tool_calls"))]:
        return None
    return [echoed for block in blocks if (echoed := _echoable(block))]


def _told(call: JSON) -> tuple[str, str, Any]:
    """What a tool call says, in the form of a toolUse block; its arguments may be no JSON on either side."""
    function = call["function"]
    try:
        return call["id"], function["name"], json_codec.loads(function["arguments"])
    except ValueError:
        return call["id"], function["name"], function["arguments"]


def _echoable(block: JSON) -> JSON | None:
    """A block as requests take it (service model, ContentBlock); None for one that they refuse."""
    if "text" in block:
        return {"text": block["text"]} if block["text"].strip() else None
    if "reasoningContent" in block:
        return block if block["reasoningContent"] else None
    if use := client_tool(block):
        given: Any = use.get("input") or {}
        given = as_dict(given) if isinstance(given, dict) else {"arguments": given}
        return {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"], "input": given}}
    return block


def _tool_result(call: Call, message: JSON, index: int, ids: ToolIds) -> list[JSON]:
    """The result, and behind it the cache points of its parts, which cannot stand in it."""
    blocks = _blocks(call, message["content"], index)
    content = [block for block in blocks if "cachePoint" not in block]
    result: JSON = {"toolUseId": ids.fit(message["tool_call_id"]), "content": content}
    if message.get("is_error"):
        result["status"] = "error"
    return [{"toolResult": result}, *(block for block in blocks if "cachePoint" in block)]


# --- parts ----------------------------------------------------------------------------------------------------------


def _blocks(call: Call, content: Any, index: int) -> list[JSON]:
    blocks: list[JSON] = []
    for part in parts(content):
        block = _block(call, part, index)
        if block:
            blocks.append(block)
            if "cache_control" in part:
                blocks.append(cache_point(part))
    return blocks


_NATIVE = ("document", "image", "video", "audio", "guardContent", "searchResult", "cachePoint")


def _block(call: Call, part: JSON, index: int) -> JSON | None:
    kind = part["type"]
    if kind == "text":
        return {"text": part["text"]} if part["text"].strip() else None
    if kind == "refusal":
        return {"text": part["refusal"]} if part.get("refusal") else None
    if kind in _NATIVE and kind in part:  # Converse's own form, with the type that every part has
        return {kind: part[kind]}
    medium = medium_of(call, part, index, ("image", "document", "audio", "video"), "")
    if medium is None:
        raise call.refusal(
            f"messages[{index}] has a part of type {kind!r}; Converse takes text, image_url, input_audio, video_url "
            f"and file, or its own blocks as {{'type': 'document', 'document': ...}}"
        )
    return _media(call, medium, index)


_FORMATS: dict[str, dict[str, str]] = {
    "image": {f"image/{name}": name for name in ("png", "jpeg", "gif", "webp")},
    "audio": {
        **{f"audio/{name}": name for name in ("wav", "aac", "flac", "ogg", "opus", "webm", "pcm")},
        "audio/mpeg": "mp3",
        "audio/mp4": "m4a",
        "audio/x-matroska": "mka",
    },
    "video": {
        **{f"video/{name}": name for name in ("mp4", "webm", "mpeg")},
        "video/x-matroska": "mkv",
        "video/quicktime": "mov",
        "video/x-flv": "flv",
        "video/x-ms-wmv": "wmv",
        "video/3gpp": "three_gp",
    },
    "document": {
        "application/pdf": "pdf",
        "text/csv": "csv",
        "application/msword": "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "application/vnd.ms-excel": "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "text/html": "html",
        "text/plain": "txt",
        "text/markdown": "md",
    },
}
"""The formats of the service model, by media type."""


def _media(call: Call, medium: Medium, index: int) -> JSON:
    """The block of a medium; Converse fetches nothing but from S3."""
    stored = medium.url.startswith("s3://")
    held = medium if stored else with_data(call, medium, index)
    formats = _FORMATS[held.kind]
    format = formats.get(held.type) or ("txt" if text_document(held) else None)
    if format is None:
        raise call.refusal(f"messages[{index}] has {worded(held)}; Converse takes {', '.join(formats.values())}")
    source: JSON = {"s3Location": {"uri": held.url}} if stored else {"bytes": held.data}
    name = {"name": _document_name(held.name)} if held.kind == "document" else {}
    return {held.kind: {"format": format, **name, "source": source}}


def _document_name(filename: str) -> str:
    """A name as the API takes it: letters, digits, single spaces, hyphens, parentheses and brackets."""
    stem = re.sub(r"\.\w+$", "", filename)
    return re.sub(r"\s+", " ", re.sub(r"[^a-zA-Z0-9\s()\[\]-]", "-", stem)).strip()[:200] or "document"


# --- the whole ------------------------------------------------------------------------------------------------------


def _check_turns(call: Call, messages: list[JSON]) -> None:
    """Every toolUse needs its toolResult in the next message, results first; a document needs a text beside it."""
    for position, message in enumerate(messages):
        content: list[JSON] = message["content"]
        if any("document" in block for block in content) and not any("text" in block for block in content):
            raise call.refusal("a message with a file needs text beside it; say what is to be done with the file")
        if message["role"] != "assistant":
            message["content"] = sorted(content, key=_after_results)
            continue
        asked = {use["toolUseId"]: use["name"] for block in content if (use := client_tool(block))}
        following: list[JSON] = messages[position + 1]["content"] if position + 1 < len(messages) else []
        answered = {block["toolResult"]["toolUseId"] for block in following if "toolResult" in block}
        missing = [f"{name} ({id})" for id, name in asked.items() if id not in answered]
        if missing:
            raise call.refusal(f"the tool call {', '.join(missing)} has no result right after it; add its tool message")


def _after_results(block: JSON) -> bool:
    return "toolResult" not in block


def _fit_ends(call: Call, messages: list[JSON], first: int) -> None:
    if messages[0]["role"] == "assistant":
        raise call.refusal(f"messages[{first}] is the assistant's; this API wants a user message before it")
    last = messages[-1]
    if last["role"] != "assistant":
        return
    if call.route.rules.get("prefill") is False:
        raise call.refusal("this model takes no prefill (a final assistant message); end with a user message")
    text = last["content"][-1].get("text", "")
    if text != text.rstrip():
        # "final assistant content cannot end with trailing whitespace"
        last["content"][-1] = {"text": text.rstrip()}
        call.warnings.append("white space at the end of the prefill was left out")
