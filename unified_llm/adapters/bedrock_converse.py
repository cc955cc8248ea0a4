"""Amazon Bedrock Converse: `POST /model/{modelId}/converse` and `/converse-stream`.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, service model 2023-09-30, checked
2026-11-21. One format for the models of every vendor that Bedrock hosts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypedDict, cast

from unified_llm import json_codec
from unified_llm.adapters.bedrock_blocks import NAME, answer_text, client_tool, conversation
from unified_llm.adapters.bedrock_runtime import explain as explain
from unified_llm.adapters.bedrock_runtime import failed_whole, failure, model_path
from unified_llm.adapters.bedrock_settings import render_format, render_inference, render_rest, render_tools
from unified_llm.adapters.cache_marks import mark_prefixes
from unified_llm.adapters.contract import Call, Request, finish_of
from unified_llm.adapters.contract import Decoder as BaseDecoder
from unified_llm.framing.aws_events import EventStream
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON, Chunk, FinishReason, PromptTokensDetails, Usage

FRAMING = EventStream


class Quirks(TypedDict, total=False):
    """What a host of Converse may do differently."""


FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_MALFORMED = ("malformed_model_output", "malformed_tool_use")

# --- request -------------------------------------------------------------------------------------------------------


def render(call: Call) -> Request:
    """The request of a call."""
    if "cache" in call.route.facts.get("has", ()):
        mark_prefixes(call)
    elif "cache" in call.params:
        call.leave_out("cache", f"{call.route.model} is not known to cache prompts here")
    system, messages = conversation(call)
    body: JSON = {"messages": messages}
    if system:
        body["system"] = system
    render_inference(call, body)
    render_tools(call, body)
    render_format(call, body)
    render_rest(call, body)
    if not call.stream:
        return Request(model_path(call, "converse"), body)
    accepted = {"accept": "application/vnd.amazon.eventstream"}
    return Request(model_path(call, "converse-stream"), body, accepted)


# --- response ------------------------------------------------------------------------------------------------------


def parse(call: Call, body: JSON) -> JSON:
    """The fields of the completion that a body holds."""
    answer = as_dict(as_dict(body.get("output")).get("message"))
    if not isinstance(answer.get("content"), list):
        raise failed_whole(call, body)
    blocks: list[JSON] = answer["content"]
    stop: str | None = body.get("stopReason")
    _check_stop(call, stop)
    message: JSON = {"role": "assistant", "content": "".join(map(answer_text, blocks)) or None}
    if thoughts := "".join(map(_thought, blocks)):
        message["reasoning_content"] = thoughts
    if calls := [_tool_call(use) for block in blocks if (use := client_tool(block))]:
        message["tool_calls"] = calls
    choice: JSON = {
        "index": 0,
        "message": {**message, **_kept(blocks)},
        "finish_reason": finish_of(stop, FINISH, bool(calls)),
        "native_finish_reason": stop,
    }
    return {
        "id": call.id,
        "object": "chat.completion",
        "created": call.created,
        "model": call.route.model,
        "choices": [choice],
        "usage": _usage(as_dict(body.get("usage"))),
        **_rest(body),
    }


def _thought(block: JSON) -> str:
    reasoning = as_dict(as_dict(block.get("reasoningContent")).get("reasoningText"))
    return reasoning.get("text") or ""


def _tool_call(use: JSON) -> JSON:
    value: Any = use.get("input") or {}
    arguments = value if isinstance(value, str) else json_codec.dumps(value)
    return {"id": use["toolUseId"], "type": "function", "function": {"name": use["name"], "arguments": arguments}}


def _kept(blocks: list[JSON]) -> JSON:
    """Annotations, and the blocks themselves where text and tool calls alone would not give them back."""
    out: JSON = {}
    if annotations := _annotations(blocks):
        out["annotations"] = annotations
    kinds = ["text" if "text" in block else "toolUse" if client_tool(block) else "" for block in blocks]
    if "" in kinds or kinds.count("text") > 1 or kinds != sorted(kinds):
        out["provider_fields"] = {"adapter": NAME, "content": blocks}
    return out


def _annotations(blocks: list[JSON]) -> list[JSON]:
    """Web citations as OpenAI's url_citation, with offsets into the joined text."""
    out: list[JSON] = []
    start = 0
    for block in blocks:
        end = start + len(answer_text(block))
        for cited in as_list(as_dict(block.get("citationsContent")).get("citations")):
            if url := as_dict(as_dict(cited.get("location")).get("web")).get("url"):
                place = {"url": url, "title": cited.get("title") or "", "start_index": start, "end_index": end}
                out.append({"type": "url_citation", "url_citation": place})
        start = end
    return out


def _check_stop(call: Call, stop: str | None) -> None:
    if stop in _MALFORMED:
        raise call.invalid("the model wrote what is no answer", stop.encode())


def _usage(native: JSON) -> Usage | None:
    if native.get("inputTokens") is None or native.get("outputTokens") is None:
        return None
    read = native.get("cacheReadInputTokens") or 0
    written = native.get("cacheWriteInputTokens") or 0
    prompt, completion = native["inputTokens"] + read + written, native["outputTokens"]
    details: PromptTokensDetails = {"cached_tokens": read, "cache_write_tokens": written}
    if hour := sum(kept["inputTokens"] for kept in as_list(native.get("cacheDetails")) if kept.get("ttl") == "1h"):
        details["cache_write_1h_tokens"] = hour
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": details,
    }


_TIERS = ("default", "priority", "flex")
_VERBATIM = ("trace", "additionalModelResponseFields", "performanceConfig", "metrics")


def _rest(body: JSON) -> JSON:
    """The tier, and the other fields beside the message; a tier that OpenAI has no word for stays as it is."""
    tier = as_dict(body.get("serviceTier")).get("type")
    out: JSON = {"service_tier": tier} if tier in _TIERS else {}
    kept = {name: body[name] for name in _VERBATIM if body.get(name)}
    if tier and not out:
        kept["serviceTier"] = body["serviceTier"]
    return {**out, **({"provider_fields": kept} if kept else {})}


# --- stream --------------------------------------------------------------------------------------------------------


class _Block:
    """A content block as it grows."""

    __slots__ = ("citations", "pieces", "tool_index", "wire")

    def __init__(self, wire: JSON) -> None:
        self.wire = wire
        """What the start of the block said, and what came whole since."""
        self.pieces: list[str] = []
        self.citations: list[JSON] = []
        self.tool_index: int | None = None

    def whole(self) -> JSON:
        """The block as the whole answer would have it."""
        joined = "".join(self.pieces)
        if use := self.wire.get("toolUse"):
            return {"toolUse": {**use, "input": _read_input(joined)}}
        if (reasoning := self.wire.get("reasoningContent")) is not None:
            if not self.pieces and "signature" not in reasoning:
                return {"reasoningContent": reasoning}
            return {"reasoningContent": {"reasoningText": {"text": joined, **reasoning}}}
        if self.citations:
            return {"citationsContent": {"content": [{"text": joined}], "citations": self.citations}}
        return self.wire or {"text": joined}


def _read_input(joined: str) -> Any:
    try:
        return json_codec.loads(joined or "{}")
    except ValueError:
        return joined


class Decoder(BaseDecoder):
    """A streamed answer. Text has no start of its block, and the usage comes after the reason for the end."""

    def __init__(self, call: Call) -> None:
        super().__init__(call, FRAMING())
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._ending: JSON = {}
        """The fields that the whole answer has beside its message."""

    def _read(self, event: Any, chunks: list[Any]) -> None:
        told = event.get("contentBlockDelta")
        if told is None:
            self._read_rare(event, chunks)
            return
        delta, block = told["delta"], self._blocks.get(told["contentBlockIndex"])
        if block is None:
            block = self._blocks[told["contentBlockIndex"]] = _Block({})
        text = delta.get("text")
        if text is None:
            self._read_delta(block, delta, chunks)
        elif text:
            block.pieces.append(text)
            choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
            chunks.append({**self.head, "choices": [choice]})

    def _read_rare(self, event: JSON, chunks: list[Chunk]) -> None:
        if error := failure(self.call, event):
            raise error
        for name, told in event.items():
            if name in self._EVENTS:
                self._EVENTS[name](self, told, chunks)

    def _read_delta(self, block: _Block, delta: JSON, chunks: list[Chunk]) -> None:
        if (use := delta.get("toolUse")) is not None:
            piece = use.get("input") or ""
            if piece:
                block.pieces.append(piece)
                if block.tool_index is not None:
                    self._emit(chunks, tool_calls=[{"index": block.tool_index, "function": {"arguments": piece}}])
        elif (reasoning := delta.get("reasoningContent")) is not None:
            self._read_reasoning(block, reasoning, chunks)
        elif cited := delta.get("citation"):
            block.citations.append(cited)
        elif results := delta.get("toolResult"):
            result: JSON = block.wire.setdefault("toolResult", {})
            result["content"] = [*result.get("content", ()), *results]
        elif image := delta.get("image"):
            block.wire.setdefault("image", {}).update(image)

    def _read_reasoning(self, block: _Block, reasoning: JSON, chunks: list[Chunk]) -> None:
        kept: JSON = block.wire.setdefault("reasoningContent", {})
        if text := reasoning.get("text"):
            block.pieces.append(text)
            self._emit(chunks, reasoning_content=text)
        for name in ("signature", "redactedContent"):
            if reasoning.get(name):
                kept[name] = reasoning[name]

    def _start_block(self, event: JSON, chunks: list[Chunk]) -> None:
        wire = {name: dict(begun) for name, begun in event["start"].items()}
        block = self._blocks[event["contentBlockIndex"]] = _Block(wire)
        if use := client_tool(wire):
            block.tool_index = self._calls
            self._calls += 1
            call = {"index": block.tool_index, "id": use["toolUseId"], "type": "function"}
            self._emit(chunks, tool_calls=[{**call, "function": {"name": use["name"], "arguments": ""}}])

    def _stop_block(self, event: JSON, chunks: list[Chunk]) -> None:
        if block := self._blocks.get(event["contentBlockIndex"]):
            self._fill(block, chunks)

    def _fill(self, block: _Block, chunks: list[Chunk]) -> None:
        """Give a call without arguments an empty object."""
        if block.tool_index is not None and not block.pieces:
            block.pieces.append("{}")
            self._emit(chunks, tool_calls=[{"index": block.tool_index, "function": {"arguments": "{}"}}])

    def _stop_message(self, event: JSON, chunks: list[Chunk]) -> None:
        self._ending |= event
        if "usage" in self._ending:
            self._end(chunks, marked=True)

    def _read_metadata(self, event: JSON, chunks: list[Chunk]) -> None:
        self._ending |= event
        if "stopReason" in self._ending:
            self._end(chunks, marked=True)

    _EVENTS: ClassVar[dict[str, Callable[[Decoder, JSON, list[Chunk]], None]]] = {
        "contentBlockStart": _start_block,
        "contentBlockStop": _stop_block,
        "messageStop": _stop_message,
        "metadata": _read_metadata,
    }

    def _end(self, chunks: list[Chunk], *, marked: bool = False) -> None:
        stop: str | None = self._ending.get("stopReason")
        if stop is None:
            raise self.call.incomplete("the stream ended before the answer did")
        self.done = True
        _check_stop(self.call, stop)
        for block in self._blocks.values():
            self._fill(block, chunks)
        blocks = [block.whole() for _, block in sorted(self._blocks.items())]
        choice = {
            "index": 0,
            "delta": {"content": None, **_kept(blocks)},
            "finish_reason": finish_of(stop, FINISH, self._calls > 0),
            "native_finish_reason": stop,
        }
        usage = _usage(as_dict(self._ending.get("usage")))
        chunks.append(self._chunk([choice], usage=usage, **_rest(self._ending)))

    def _emit(self, chunks: list[Chunk], **fields: Any) -> None:
        choice = {"index": 0, "delta": {"content": None, **fields}, "finish_reason": None}
        chunks.append(cast("Chunk", {**self.head, "choices": [choice]}))
