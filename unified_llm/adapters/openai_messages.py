"""Messages as chat completions has them: what `openai_chat` renders a conversation to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from unified_llm.adapters.contract import Call
from unified_llm.adapters.media import as_text, joined, medium_of, remote, text_document, with_data
from unified_llm.adapters.think_tags import tagged
from unified_llm.content import Medium, worded
from unified_llm.json_codec import as_dict, as_list
from unified_llm.media_types import PDF, audio_format
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
_BARE = ("role", "content", "tool_calls", "tool_call_id")


def conversation(call: Call) -> list[JSON]:
    """The messages as this host takes them."""
    out = [_message(call, message, index) for index, message in enumerate(call.messages)]
    quirks = call.route.quirks
    if quirks.get("empty_answers") is False:
        out = _without_empty_answers(call, out)
    if out and out[-1]["role"] == "assistant":
        _mark_prefill(call, out[-1])
    if quirks.get("tool_call_ids") == "nine_alphanumerics":
        _shorten_ids(out)
    return _one_call_each(out) if quirks.get("split_tool_calls") else out


def _message(call: Call, message: JSON, index: int) -> JSON:
    quirks, role = call.route.quirks, message["role"]
    keys = _BARE if quirks.get("bare_messages") else _KEYS[role]
    out = {key: message[key] for key in keys if message.get(key) is not None}
    call.report_unknown_fields(message, index, keys)
    if not quirks.get("cache_control"):
        call.report_cache_marks(message, index)
    out["content"] = _content(call, message["content"], index)
    if (
        role == "tool"
        and not quirks.get("tool_images")
        and any(part["type"] != "text" for part in parts(out["content"]))
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
    out = [_part(call, part, index) for part in as_list(content)]
    if call.route.quirks.get("string_content") and all(part["type"] == "text" for part in out):
        return joined(part["text"] for part in out)
    return out


def _part(call: Call, part: JSON, index: int) -> JSON:
    quirks = call.route.quirks
    if "cache_control" in part and not quirks.get("cache_control"):
        part = {key: value for key, value in part.items() if key != "cache_control"}
    if part["type"] == "text":
        return part
    if part["type"] == "refusal" and quirks.get("bare_messages"):
        return {"type": "text", "text": part["refusal"]}
    medium = medium_of(call, part, index, ("image", "document", "audio", "video"), "")
    if medium is None:
        return part
    made = _media_part(call, part, medium, index)
    return _chunk(made) if quirks.get("content_chunks") else made


def _media_part(call: Call, part: JSON, medium: Medium, index: int) -> JSON:
    """A medium in the form that chat completions has for it; what else the caller's part says stays."""
    quirks = call.route.quirks
    if text_document(medium) and not medium.id:
        return {**_rest(part), "type": "text", "text": as_text(call, medium, index)}
    fetches = quirks.get("media_urls", True) if medium.kind in ("image", "video") else quirks.get("files") == "any"
    if remote(medium) and not fetches:
        medium = with_data(call, medium, index)
    if medium.kind == "audio":
        audio = {"data": medium.data or medium.url, "format": audio_format(medium.type)}
        return {**_rest(part), "type": "input_audio", "input_audio": {k: v for k, v in audio.items() if v}}
    if medium.kind == "document":
        return {**_rest(part), "type": "file", "file": _file(call, medium, index)}
    field = f"{medium.kind}_url"
    given = as_dict(part.get(field))
    return {**_rest(part), "type": field, field: {**given, "url": medium.url or medium.data_url}}


def _rest(part: JSON) -> JSON:
    """What a part says beside its medium, as `cache_control` or `prompt_cache_breakpoint`."""
    return {key: value for key, value in part.items() if key not in ("type", part["type"], *_OTHERS_FIELDS)}


_OTHERS_FIELDS = ("source", "source_type", "base64", "data", "url", "mime_type", "filename", "name", "title", "id")
"""Where the parts of other libraries and vendors have their media."""


def _file(call: Call, medium: Medium, index: int) -> JSON:
    name = {"filename": medium.name} if medium.name else {}
    if medium.id:
        return {"file_id": medium.id, **name}
    if medium.data and medium.type != PDF and call.route.quirks.get("files") == "pdf":
        raise call.refusal(
            f'messages[{index}] has {worded(medium)}, and chat completions take PDFs; adapter="openai_responses" '
            "takes more types"
        )
    return {**name, "file_data": medium.url or medium.data_url}


def _chunk(part: JSON) -> JSON:
    """Audio and files as Mistral's chunks. https://docs.mistral.ai/api/#tag/chat, checked 2026-11-21."""
    audio, file = as_dict(part.get("input_audio")), as_dict(part.get("file"))
    if part["type"] == "input_audio" and audio:
        return {"type": "input_audio", "input_audio": audio["data"]}
    if part["type"] != "file" or not file:
        return part
    if file.get("file_id"):
        return {"type": "file", "file_id": file["file_id"]}
    name = {"document_name": file["filename"]} if file.get("filename") else {}
    return {"type": "document_url", "document_url": file["file_data"], **name}


def _render_answer(call: Call, message: JSON, out: JSON) -> None:
    """An earlier answer, as this host wants it back."""
    quirks = call.route.quirks
    calls = message.get("tool_calls")
    if calls:
        out["tool_calls"] = [_tool_call(tool_call) for tool_call in calls]
        if not out["content"] and quirks.get("null_content") == "empty":
            out["content"] = ""
    elif out["content"] is None:
        out["content"] = (quirks.get("bare_messages") and message.get("refusal")) or ""
    _echo_reasoning(quirks, message, out)


def _echo_reasoning(quirks: Mapping[str, Any], message: JSON, out: JSON) -> None:
    field = quirks.get("echo_reasoning", "none")
    fields = as_dict(message.get("provider_fields"))
    own = fields.get("adapter") == NAME
    kept = as_dict(fields.get("message")) if own else {}
    if field == "reasoning_details":
        details = kept.get(field) if own else message.get(field)
        if details:
            out[field] = details
        elif quirks.get("think_tags"):
            _echo_in_tags(message, out)
    elif field == "thinking_parts":
        thoughts = [part for part in as_list(kept.get("content")) if part["type"] == "thinking"]
        if thoughts:
            out["content"] = [*thoughts, *parts(out["content"])]
    elif field == "think_tags":
        _echo_in_tags(message, out)
    elif field != "none" and message.get("reasoning_content"):
        out[field] = message["reasoning_content"]


def _echo_in_tags(message: JSON, out: JSON) -> None:
    """Put earlier reasoning in front of the text of its answer, as it came."""
    thought, content = message.get("reasoning_content"), out["content"]
    if thought and isinstance(content, list):
        out["content"] = [{"type": "text", "text": tagged(thought, "")}, *content]
    elif thought:
        out["content"] = tagged(thought, content or "")


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


def _without_empty_answers(call: Call, messages: list[JSON]) -> list[JSON]:
    out: list[JSON] = []
    for index, message in enumerate(messages):
        if message["role"] == "assistant" and not message["content"] and not message.get("tool_calls"):
            call.warnings.append(f"messages[{index}] is empty and was left out")
        else:
            out.append(message)
    return out


_NINE = re.compile(r"[a-zA-Z0-9]{9}")


def _shorten_ids(messages: list[JSON]) -> None:
    """Give calls and results ids of nine letters and digits: by their hash, so that one history has one rendering."""
    fitted: dict[str, str] = {}

    def fit(id: str) -> str:
        salt = 0
        while id not in fitted:
            salted = f"{id}{salt or ''}".encode(errors="backslashreplace")
            short = id if not salt and _NINE.fullmatch(id) else sha256(salted).hexdigest()[:9]
            salt += 1
            if short not in fitted.values():
                fitted[id] = short
        return fitted[id]

    for message in messages:
        if "tool_calls" in message:
            message["tool_calls"] = [{**call, "id": fit(call["id"])} for call in message["tool_calls"]]
        if "tool_call_id" in message:
            message["tool_call_id"] = fit(message["tool_call_id"])


def keep_parts(kept: list[JSON], content: Any) -> list[JSON]:
    """Add to those kept what no text can say of an answer's content: thoughts and references, as Mistral has them.

    The pieces of a thought become one part, whether they come in a stream or in one answer.
    """
    for part in as_list(content):
        kind = as_dict(part).get("type")
        if kind == "reference":
            kept.append(part)
        elif kind == "thinking" and isinstance(part.get("thinking"), list):
            last: JSON = kept.pop() if kept and kept[-1]["type"] == "thinking" else {"thinking": []}
            kept.append({**last, **part, "thinking": _joined([*last["thinking"], *part["thinking"]])})
    return kept


def _joined(pieces: list[Any]) -> list[Any]:
    """Neighbours that are text alone, as one."""
    out: list[Any] = []
    for piece in pieces:
        if out and out[-1].keys() == piece.keys() == {"type", "text"}:
            out[-1] = {"type": "text", "text": out[-1]["text"] + piece["text"]}
        else:
            out.append(piece)
    return out
