"""Items of Responses: messages as input items, output items as a message.

https://platform.openai.com/docs/api-reference/responses/create, checked 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from unified_llm import json_codec
from unified_llm.adapters.contract import Call
from unified_llm.adapters.media import medium_of
from unified_llm.content import Medium
from unified_llm.json_codec import as_dict, as_list
from unified_llm.media_types import ending
from unified_llm.messages import parts, text_of
from unified_llm.types import JSON

NAME = "openai_responses"
"""Marks the `provider_fields` of an answer whose items can be sent back as they are."""

CUSTOM = "custom"
"""The type of tools whose input is free text, and of their calls."""

# --- input ---------------------------------------------------------------------------------------------------------


def conversation(call: Call) -> list[JSON]:
    """The messages as input items; each tool call and each result is an item of its own."""
    last = call.messages[-1]
    if last["role"] == "assistant" and not last.get("tool_calls"):
        raise call.refusal("this API takes no prefill (a final assistant message); end with a user message")
    out: list[JSON] = []
    custom: set[str] = set()
    for index, message in enumerate(call.messages):
        call.report_unknown_fields(message, index, ("role", "content", "tool_calls", "tool_call_id"))
        call.report_cache_marks(message, index)
        role = message["role"]
        if role == "assistant":
            custom |= {one["id"] for one in as_list(message.get("tool_calls")) if "function" not in one}
            verbatim = _verbatim(call, message)
            out += _answer(call, message, index) if verbatim is None else verbatim
        elif role == "tool":
            out.append(_result(call, message, index, custom))
        else:
            out.append({"role": role, "content": _content(call, message["content"], index)})
    return out


def _content(call: Call, content: Any, index: int) -> Any:
    if not isinstance(content, list):
        return content
    return [_part(call, part, index) for part in as_list(content)]


def _part(call: Call, part: JSON, index: int) -> JSON:
    kind = part["type"]
    if kind == "text":
        return {"type": "input_text", "text": part["text"]}
    if kind in ("input_text", "input_image", "input_file"):
        return part  # this API's own form
    medium = medium_of(call, part, index, ("image", "document"), _TAKES)
    if medium is None:
        raise call.refusal(f"messages[{index}] has a part of type {kind!r}; {_TAKES}")
    return _image(part, medium) if medium.kind == "image" else _file(medium)


_TAKES = "this API takes text, images and files"


def _image(part: JSON, medium: Medium) -> JSON:
    given = {"file_id": medium.id} if medium.id else {"image_url": medium.url or medium.data_url}
    return {"type": "input_image", **given, "detail": as_dict(part.get("image_url")).get("detail") or "auto"}


def _file(medium: Medium) -> JSON:
    name = {"filename": medium.name} if medium.name else {}
    if medium.id:
        return {"type": "input_file", "file_id": medium.id, **name}
    if medium.url:
        return {"type": "input_file", "file_url": medium.url}
    # what is no PDF is told by its name: https://developers.openai.com/api/docs/guides/file-inputs
    return {"type": "input_file", "file_data": medium.data_url, **(name or {"filename": f"file.{ending(medium.type)}"})}


def _result(call: Call, message: JSON, index: int, custom: set[str]) -> JSON:
    id, output = message["tool_call_id"], _content(call, message["content"], index)
    if isinstance(output, list) and all(part["type"] == "input_text" for part in as_list(output)):
        output = "".join(part["text"] for part in as_list(output))
    kind = "custom_tool_call_output" if id in custom else "function_call_output"
    return {"type": kind, "call_id": id, "output": output}


def _answer(call: Call, message: JSON, index: int) -> list[JSON]:
    """An earlier answer of whatever origin: its text, then its calls."""
    given = parts(message["content"])
    if any(part["type"] not in ("text", "output_text", "refusal") for part in given):
        raise call.refusal(f"messages[{index}] is the assistant's and may have only text")
    text = "".join(part.get("text") or part.get("refusal") or "" for part in given) or message.get("refusal") or ""
    calls = as_list(message.get("tool_calls"))
    # "Cannot determine type of 'item'": llama.cpp takes no answer without a type
    out: list[JSON] = [{"type": "message", "role": "assistant", "content": text}] if text or not calls else []
    for one in calls:
        if "function" in one:
            function: JSON = one["function"]
            given_call = {"name": function["name"], "arguments": function.get("arguments") or "{}"}
            out.append({"type": "function_call", "call_id": one["id"], **given_call})
        elif CUSTOM not in one:
            raise call.refusal(f"messages[{index}] has a tool call that is neither a function's nor a custom tool's")
        else:
            given_call = {"name": one[CUSTOM]["name"], "input": one[CUSTOM].get("input") or ""}
            out.append({"type": "custom_tool_call", "call_id": one["id"], **given_call})
    return out


def _verbatim(call: Call, message: JSON) -> list[JSON] | None:
    """The items of an answer of this same format, where the caller has not changed the message since."""
    fields = as_dict(message.get("provider_fields"))
    items = as_list(fields.get("output")) if fields.get("adapter") == NAME else []
    calls = [_told(tool_call(item, item.get("call_id"))) for item in items if is_call(item)]
    same = text_in(items) == text_of(message["content"]) and calls == [
        _told(c) for c in message.get("tool_calls") or ()
    ]
    if not items or not same:
        return None
    stored = call.params.get("store") is True
    out = [item if stored else _without_id(item) for item in items if stored or not _is_bare(item)]
    while out and out[-1]["type"] == "reasoning":
        out.pop()  # "Item of type 'reasoning' was provided without its required following item."
    return out


def _told(call: JSON) -> tuple[str, str, str]:
    """What a tool call says: id, name and what it is called with."""
    given = as_dict(call.get("function") or call.get(CUSTOM))
    return call["id"], given.get("name", ""), given.get("arguments") or given.get("input") or ""


def _is_bare(item: JSON) -> bool:
    """Whether an item is reasoning of which nothing but the id goes back, which says nothing without storage."""
    return item["type"] == "reasoning" and not item.get("encrypted_content") and not item.get("content")


_OWN_ITEMS = ("message", "reasoning", "function_call", "custom_tool_call")
"""Items that are sent back without their ids, under which a stateless server would look them up in vain."""


def _without_id(item: JSON) -> JSON:
    if item["type"] not in _OWN_ITEMS:
        return item
    out = {key: value for key, value in item.items() if key not in ("id", "status") and value is not None}
    if item["type"] == "message":
        out["content"] = [{key: value for key, value in p.items() if key != "logprobs"} for p in item["content"]]
    return out


# --- output --------------------------------------------------------------------------------------------------------


def message_of(call: Call, items: list[JSON]) -> JSON:
    """The message that output items make."""
    message: JSON = {"role": "assistant", "content": text_in(items) or None}
    thoughts = "\n\n".join(text for item in items for text in thoughts_in(item))
    if thoughts:
        message["reasoning_content"] = thoughts
    refusal = "".join(refusal_in(item) for item in items)
    if refusal:
        message["refusal"] = refusal
    ids: list[str] = []
    calls = [item for item in items if is_call(item)]
    for item in calls:
        ids.append(call_id(call, item, ids))
    if calls:
        message["tool_calls"] = [tool_call(item, id) for item, id in zip(calls, ids, strict=True)]
    return {**message, **kept(items)}


def kept(items: list[JSON]) -> JSON:
    """Annotations, and the items themselves where text and tool calls alone would not give them back."""
    out: JSON = {}
    if annotations := _annotations(items):
        out["annotations"] = annotations
    if not _is_plain(items):
        out["provider_fields"] = {"adapter": NAME, "output": items}
    return out


def _text_parts(items: list[JSON]) -> list[JSON]:
    return [part for item in items if item["type"] == "message" for part in item.get("content") or ()]


def text_in(items: list[JSON]) -> str:
    """The text of all messages."""
    return "".join(part.get("text") or "" for part in _text_parts(items) if part["type"] == "output_text")


def refusal_in(item: JSON) -> str:
    """The refusal in a message, "" where there is none."""
    return "".join(part.get("refusal") or "" for part in _text_parts([item]) if part["type"] == "refusal")


def logprobs_in(item: JSON) -> list[JSON]:
    """The log probabilities of the tokens of a message."""
    return [one for part in _text_parts([item]) for one in part.get("logprobs") or ()]


def thoughts_in(item: JSON) -> list[str]:
    """The readable paragraphs of a reasoning item: its summary, or the reasoning itself of models that show it."""
    if item["type"] != "reasoning":
        return []
    return [part["text"] for part in item.get("summary") or item.get("content") or () if part.get("text")]


def is_call(item: JSON) -> bool:
    """Whether an item is the call of a tool of the caller's that chat completions knows."""
    return item["type"] in ("function_call", "custom_tool_call")


def call_id(call: Call, item: JSON, taken: Collection[str]) -> str:
    """The id of a tool call; generated where the server gave none, or one that it had given before."""
    id = item.get("call_id") or item.get("id")
    return id if id and id not in taken else f"call_{call.id.rpartition('-')[2]}_{len(taken)}"


def written(item: JSON) -> str:
    """What a tool call is called with, as text; "" for nothing."""
    value = item.get("input" if item["type"] == "custom_tool_call" else "arguments")
    return value if isinstance(value, str) else json_codec.dumps(value) if value else ""


def tool_call(item: JSON, id: str | None) -> JSON:
    """A tool call in the shape of chat completions."""
    if item["type"] == "custom_tool_call":
        return {"id": id, "type": CUSTOM, CUSTOM: {"name": item["name"], "input": written(item)}}
    function = {"name": item["name"], "arguments": written(item) or "{}"}
    return {"id": id, "type": "function", "function": function}


def _annotations(items: list[JSON]) -> list[JSON]:
    """Citations of the web as chat completions nests them, with offsets into the joined text."""
    out: list[JSON] = []
    start = 0
    for part in _text_parts(items):
        if part["type"] == "output_text":
            cited = [one for one in part.get("annotations") or () if one.get("type") == "url_citation"]
            out += [_annotation(one, start) for one in cited if one.get("url")]
            start += len(part.get("text") or "")
    return out


def _annotation(cited: JSON, start: int) -> JSON:
    offsets = {key: start + (cited.get(key) or 0) for key in ("start_index", "end_index")}
    citation = {"url": cited["url"], "title": cited.get("title") or "", **offsets}
    return {"type": "url_citation", "url_citation": citation}


_PLAIN = {
    "message": {"id", "type", "status", "role", "content"},
    "function_call": {"id", "type", "status", "call_id", "name", "arguments"},
    "custom_tool_call": {"id", "type", "status", "call_id", "name", "input"},
}


def _is_plain(items: list[JSON]) -> bool:
    """Whether the items are one text and then calls, with nothing that only they could say."""
    kinds = [item["type"] == "message" for item in items]
    if any(kinds[1:]):
        return False
    texts = _text_parts(items)
    if len(texts) > 1 or any(part["type"] != "output_text" or part.get("annotations") for part in texts):
        return False
    return all({key for key, value in item.items() if value} <= _PLAIN.get(item["type"], set()) for item in items)
