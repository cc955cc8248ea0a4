"""Anthropic Messages: `POST /v1/messages`.

https://docs.anthropic.com/en/api/messages, anthropic-version 2023-06-01, checked 2026-11-21. The version 2026-10-21
refuses sampling parameters on every model (SDK 2.x migration notes), so it is the caller's to ask for, by
`extra_headers`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypedDict, cast

from unified_llm import json_codec
from unified_llm.adapters.anthropic_blocks import NAME, conversation
from unified_llm.adapters.anthropic_errors import explain, status_in
from unified_llm.adapters.anthropic_settings import render_reasoning, render_sampling
from unified_llm.adapters.cache_marks import mark_prefixes
from unified_llm.adapters.contract import Call, NoSchemaError, Request, finish_of
from unified_llm.adapters.contract import Decoder as BaseDecoder
from unified_llm.adapters.json_schema import anthropic_schema
from unified_llm.adapters.server_tools import passed
from unified_llm.framing.sse import ServerSentEvents
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON, Chunk, FinishReason, Usage

FRAMING = ServerSentEvents
VERSION = "2023-06-01"

DEFAULT_MAX_TOKENS = 4096
"""`max_tokens` is required; this stands where neither the caller nor the catalog says one."""


class Quirks(TypedDict, total=False):
    """What a host of Messages may do differently."""

    raw_predict: str
    """The `anthropic_version` of a host that has it in the body, and the model in the address. Default: none. https://docs.anthropic.com/en/api/claude-on-vertex-ai"""
    media_urls: bool
    """Whether the host fetches http(s) URLs of images and PDFs, and has uploads. Default: True. https://docs.anthropic.com/en/docs/build-with-claude/vision"""


FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "stop",
}

# --- request -------------------------------------------------------------------------------------------------------


def render(call: Call) -> Request:
    """The request of a call."""
    body: JSON = {"model": call.route.model, "max_tokens": _max_tokens(call)}
    mark_prefixes(call)
    system, messages = conversation(call)
    if system:
        body["system"] = system
    body["messages"] = messages
    render_sampling(call, body)
    render_reasoning(call, body)
    _render_tools(call, body)
    _render_format(call, body)
    _render_rest(call, body)
    if call.stream:
        body["stream"] = True
    if version := call.route.quirks.get("raw_predict"):
        return _raw_predict(call, body, version)
    return Request("/v1/messages", body, {"anthropic-version": VERSION})


def _raw_predict(call: Call, body: JSON, version: str) -> Request:
    """The same request as Vertex AI has it, where a model in the body is refused ("Extra inputs are not permitted")."""
    model: str = body.pop("model")
    if any(sign in model for sign in "/?#%; \\"):
        raise call.refusal(f"{model!r} is no name of a model: it has signs that mean something in an address")
    method = "streamRawPredict" if call.stream else "rawPredict"
    return Request(f"/publishers/anthropic/models/{model}:{method}", {"anthropic_version": version, **body})


def _max_tokens(call: Call) -> int:
    given = call.params.get("max_tokens", call.params.get("max_completion_tokens"))
    if given is not None:
        return given
    known = call.route.max_output
    if known is None:
        call.warnings.append(
            f"max_tokens was set to {DEFAULT_MAX_TOKENS}: the most that {call.route.model} takes is not in the catalog"
        )
    return known or DEFAULT_MAX_TOKENS


def _render_tools(call: Call, body: JSON) -> None:
    tools, chosen = call.chosen_tools()
    if not tools:
        return
    body["tools"] = [_tool(call, tool) for tool in tools]
    choice = None if chosen is None else _tool_choice(call, body, chosen)
    if call.params.get("parallel_tool_calls") is False and (choice or {}).get("type") != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice:
        body["tool_choice"] = choice


def _tool(call: Call, tool: JSON) -> JSON:
    if tool.get("type") == "custom" and "custom" in tool:
        raise call.refusal("custom (grammar) tools exist only at OpenAI; use a function tool")
    if tool.get("type") != "function" or "function" not in tool:
        return passed(call, tool, NAME)
    function = tool["function"]
    schema = as_dict(function.get("parameters"))
    out: JSON = {"name": function["name"], "input_schema": {"type": "object", "properties": {}, **schema}}
    for name in ("description", "strict"):
        if function.get(name) is not None:
            out[name] = function[name]
    return out | {name: tool[name] for name in _TOOL_FIELDS if name in tool}


_TOOL_FIELDS = ("cache_control", "defer_loading", "allowed_callers", "input_examples", "eager_input_streaming")
"""What only Claude knows of a tool; it stands beside the function."""


def _tool_choice(call: Call, body: JSON, choice: Any) -> JSON:
    if choice in ("auto", "none"):
        return {"type": choice}
    forced = call.route.rules.get("forced_tools", "any")
    thinks = body.get("thinking", {}).get("type") == "enabled"
    if forced == "none" or (forced == "without_thinking" and thinks):
        raise call.refusal(f"this model cannot be forced to call a tool{' while it thinks' if thinks else ''}")
    return {"type": "any"} if choice == "required" else {"type": "tool", "name": choice["function"]["name"]}


def _render_format(call: Call, body: JSON) -> None:
    format = call.params.get("response_format")
    if not format or format["type"] == "text":
        return
    if format["type"] != "json_schema":
        raise call.refusal("response_format json_object does not exist here", NoSchemaError)
    if call.route.rules.get("schema") is False:
        raise call.refusal("this model cannot be held to a JSON schema", NoSchemaError)
    schema = anthropic_schema(call, format)
    body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": schema}


_ABSENT = (
    "seed frequency_penalty presence_penalty logit_bias logprobs top_logprobs verbosity prediction store metadata "
    "prompt_cache_key"
).split()


def _render_rest(call: Call, body: JSON) -> None:
    params = call.params
    call.refuse_several_answers()
    call.refuse_audio()
    if params.get("web_search_options") is not None:
        raise call.refusal(
            "web_search_options is OpenAI's; give the tool {'type': 'web_search_20250305', 'name': 'web_search'}"
        )
    call.leave_out_all(_ABSENT)
    user = params.get("user", params.get("safety_identifier"))
    if user is not None:
        body["metadata"] = {"user_id": user}
    tier = params.get("service_tier")
    if tier is not None and call.route.quirks.get("raw_predict"):
        call.leave_out("service_tier", "Vertex AI has no such field for Claude")
    elif tier in ("auto", "standard_only"):
        body["service_tier"] = tier
    elif tier == "default":
        body["service_tier"] = "standard_only"
    elif tier is not None:
        call.leave_out("service_tier", f"{tier!r} is none of auto, default, standard_only")


# --- response ------------------------------------------------------------------------------------------------------


def parse(call: Call, body: JSON) -> JSON:
    """The fields of the completion that a body holds."""
    if body.get("type") == "error" or body.get("error"):
        raise call.error(status_in(body), body, explain)
    if not isinstance(body.get("content"), list):
        raise call.invalid("the answer has no content", json_codec.dumps(body).encode())
    message = _message(body["content"])
    if details := body.get("stop_details"):
        _add_refusal(message, body.get("stop_reason"), details)
    return {
        "id": body.get("id") or call.id,
        "object": "chat.completion",
        "created": call.created,
        "model": body.get("model") or call.route.model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": finish_of(body.get("stop_reason"), FINISH, "tool_calls" in message),
                "native_finish_reason": body.get("stop_reason"),
            }
        ],
        "usage": _usage(as_dict(body.get("usage"))),
        **_tier(as_dict(body.get("usage"))),
    }


def _message(blocks: list[JSON]) -> JSON:
    texts = [block["text"] or "" for block in blocks if block["type"] == "text"]
    message: JSON = {"role": "assistant", "content": "".join(texts) or None}
    thoughts = "".join(block["thinking"] or "" for block in blocks if block["type"] == "thinking")
    if thoughts:
        message["reasoning_content"] = thoughts
    calls = [_tool_call(block) for block in blocks if block["type"] == "tool_use"]
    if calls:
        message["tool_calls"] = calls
    return {**message, **_kept(blocks)}


def _tool_call(block: JSON) -> JSON:
    function = {"name": block["name"], "arguments": _arguments(block)}
    return {"id": block["id"], "type": "function", "function": function}


def _arguments(block: JSON) -> str:
    value: Any = block.get("input") or {}  # some servers have "" or null where there are none
    return value if isinstance(value, str) else json_codec.dumps(value)


def _kept(blocks: list[JSON]) -> JSON:
    """Annotations, and the blocks themselves where text and tool calls alone would not give them back."""
    out: JSON = {}
    if annotations := _annotations(blocks):
        out["annotations"] = annotations
    kinds = [block["type"] for block in blocks]
    plain = kinds.count("text") <= 1 and kinds == sorted(kinds) and set(kinds) <= {"text", "tool_use"}
    if not plain or any(block.get("citations") or block.get("caller") for block in blocks):
        out["provider_fields"] = {"adapter": NAME, "content": blocks}
    return out


def _annotations(blocks: list[JSON]) -> list[JSON]:
    """Web citations as OpenAI's url_citation, with offsets into the joined text."""
    out: list[JSON] = []
    start = 0
    for block in blocks:
        if block["type"] == "text":
            end = start + len(block["text"] or "")
            out += [_annotation(cited, start, end) for cited in block.get("citations") or () if cited.get("url")]
            start = end
    return out


def _annotation(cited: JSON, start: int, end: int) -> JSON:
    citation = {"url": cited["url"], "title": cited.get("title") or "", "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": citation}


def _add_refusal(message: JSON, stop: str | None, details: JSON) -> None:
    if stop == "refusal" and details.get("explanation"):
        message["refusal"] = details["explanation"]


def _usage(native: JSON) -> Usage | None:
    if native.get("input_tokens") is None or native.get("output_tokens") is None:
        return None
    read = native.get("cache_read_input_tokens") or 0
    written = native.get("cache_creation_input_tokens") or 0
    prompt, completion = native["input_tokens"] + read + written, native["output_tokens"]
    usage: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
    }
    if hour := as_dict(native.get("cache_creation")).get("ephemeral_1h_input_tokens"):
        usage["prompt_tokens_details"] = {**usage["prompt_tokens_details"], "cache_write_1h_tokens": hour}
    thought = as_dict(native.get("output_tokens_details")).get("thinking_tokens")
    if thought is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": thought}
    return cast("Usage", {**usage, **_charged_beside(native)})


_PLAIN = (None, "global", "not_available", "standard")


def _charged_beside(native: JSON) -> JSON:
    """What else decides the price: uses of the server's tools, place and speed, and steps that the counts leave out."""
    out: JSON = {name: word for name in ("inference_geo", "speed") if (word := native.get(name)) not in _PLAIN}
    if tools := {name: count for name, count in as_dict(native.get("server_tool_use")).items() if count}:
        out["server_tool_use"] = tools
    steps = as_list(native.get("iterations"))
    if any(step["type"] != "message" for step in steps):
        out["iterations"] = [{"type": step["type"], **counted} for step in steps if (counted := _usage(step))]
    return out


def _tier(native: JSON) -> JSON:
    """The tier in OpenAI's words, which know `standard` as `default` and have none for `batch`."""
    tier = native.get("service_tier")
    if tier in ("standard", "priority"):
        return {"service_tier": "default" if tier == "standard" else tier}
    return {"provider_fields": {"service_tier": tier}} if tier else {}


# --- stream --------------------------------------------------------------------------------------------------------


class _Block:
    """A content block as it grows."""

    __slots__ = ("pieces", "tool_index", "wire")

    def __init__(self, wire: JSON, tool_index: int | None) -> None:
        self.wire = wire
        self.pieces: list[str] = []
        self.tool_index = tool_index


# the key of a delta's piece, and the key of the block that it adds to
_PIECES = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
    "signature_delta": "signature",
}


class Decoder(BaseDecoder):
    """A streamed message."""

    def __init__(self, call: Call) -> None:
        super().__init__(call, FRAMING())
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._stop: str | None = None
        self._stop_details: JSON = {}
        self._usage: JSON = {}

    def _read(self, event: Any, chunks: list[Any]) -> None:
        kind = event.get("type")
        if kind == "content_block_delta":
            delta = event["delta"]
            if delta["type"] == "text_delta":
                text = delta["text"]
                self._blocks[event["index"]].pieces.append(text)
                choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
                chunks.append({**self.head, "choices": [choice]})
            else:
                self._read_delta(self._blocks[event["index"]], delta, chunks)
        elif kind == "error" or event.get("error"):
            raise self.call.error(status_in(event), event, explain)
        elif kind in self._EVENTS:
            self._EVENTS[kind](self, event, chunks)

    def _start(self, event: JSON, chunks: list[Chunk]) -> None:
        message = event["message"]
        self.head |= {key: message[key] for key in ("id", "model") if message.get(key)}
        self._add_usage(message.get("usage"))

    def _start_block(self, event: JSON, chunks: list[Chunk]) -> None:
        wire = dict(event["content_block"])
        block = self._blocks[event["index"]] = _Block(wire, None)
        if wire["type"] == "tool_use":
            block.tool_index = self._calls
            self._calls += 1
            self._emit(
                chunks,
                tool_calls=[
                    {
                        "index": block.tool_index,
                        "id": wire["id"],
                        "type": "function",
                        "function": {"name": wire["name"], "arguments": ""},
                    }
                ],
            )
        elif wire.get("text"):
            self._emit(chunks, content=wire["text"])
        elif wire.get("thinking"):
            self._emit(chunks, reasoning_content=wire["thinking"])

    def _read_delta(self, block: _Block, delta: JSON, chunks: list[Chunk]) -> None:
        kind = delta["type"]
        if kind == "thinking_delta":
            block.pieces.append(delta["thinking"])
            if delta["thinking"]:
                self._emit(chunks, reasoning_content=delta["thinking"])
        elif kind == "input_json_delta":
            piece = delta["partial_json"]
            block.pieces.append(piece)
            if piece and block.tool_index is not None:
                self._emit(chunks, tool_calls=[{"index": block.tool_index, "function": {"arguments": piece}}])
        elif kind == "signature_delta":
            block.wire["signature"] = delta["signature"]
        elif kind == "citations_delta":
            block.wire["citations"] = [*(block.wire.get("citations") or ()), delta["citation"]]

    def _stop_block(self, event: JSON, chunks: list[Chunk]) -> None:
        self._complete(self._blocks[event["index"]], chunks)

    def _complete(self, block: _Block, chunks: list[Chunk]) -> None:
        """Tell the arguments of a call that came without any piece of them: those that it began with."""
        if block.tool_index is not None and not any(block.pieces):
            block.pieces.append(_arguments(block.wire))
            self._emit(chunks, tool_calls=[{"index": block.tool_index, "function": {"arguments": block.pieces[-1]}}])

    def _message_delta(self, event: JSON, chunks: list[Chunk]) -> None:
        delta = event["delta"]
        self._stop = delta.get("stop_reason") or self._stop
        self._stop_details = delta.get("stop_details") or self._stop_details
        self._add_usage(event.get("usage"))

    def _message_stop(self, event: JSON, chunks: list[Chunk]) -> None:
        self._end(chunks, marked=True)

    _EVENTS: ClassVar[dict[str, Callable[[Decoder, JSON, list[Chunk]], None]]] = {
        "message_start": _start,
        "content_block_start": _start_block,
        "content_block_stop": _stop_block,
        "message_delta": _message_delta,
        "message_stop": _message_stop,
    }

    def _add_usage(self, usage: JSON | None) -> None:
        """Later counts win: those of message_delta are cumulative."""
        self._usage.update({key: value for key, value in (usage or {}).items() if value is not None})

    def _end(self, chunks: list[Chunk], *, marked: bool = False) -> None:
        if self._stop is None and not (marked and self._blocks):
            raise self.call.incomplete("the stream ended before the answer did")
        self.done = True
        for block in self._blocks.values():
            self._complete(block, chunks)
        blocks = [_finished(block) for _, block in sorted(self._blocks.items())]
        delta: JSON = {"content": None, **_kept(blocks)}
        _add_refusal(delta, self._stop, self._stop_details)
        choice = {
            "index": 0,
            "delta": delta,
            "finish_reason": finish_of(self._stop, FINISH, self._calls > 0),
            "native_finish_reason": self._stop,
        }
        chunks.append(self._chunk([choice], usage=_usage(self._usage), **_tier(self._usage)))

    def _emit(self, chunks: list[Chunk], **fields: Any) -> None:
        delta = {"content": None, **fields}
        chunks.append(self._chunk([{"index": 0, "delta": delta, "finish_reason": None}]))


def _finished(block: _Block) -> JSON:
    """The block as the whole answer would have it."""
    wire, joined = block.wire, "".join(block.pieces)
    kind = wire["type"]
    if kind in ("text", "thinking"):
        wire[kind] = (wire.get(kind) or "") + joined
    elif "input" in wire and joined:
        try:
            wire["input"] = json_codec.loads(joined)
        except ValueError:
            wire["input"] = joined
    return wire
