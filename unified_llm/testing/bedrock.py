"""Scripted answers as Bedrock's Converse, streamed in Amazon's binary event stream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, checked 2026-11-21.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import ClassVar
from zlib import crc32

from unified_llm import json_codec
from unified_llm.testing.script import Turn, arguments_object, arguments_text, last_user_text
from unified_llm.types import JSON, FinishReason


class Converse:
    """`POST */converse` and `POST */converse-stream`."""

    PATHS: ClassVar[tuple[str, ...]] = ("/converse", "/converse-stream")
    REQUEST_ID: ClassVar[str] = "x-amzn-requestid"
    STREAM_TYPE: ClassVar[str] = "application/vnd.amazon.eventstream"
    STOP_REASONS: ClassVar[dict[FinishReason, str]] = {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "content_filter": "content_filtered",
    }

    def streams(self, turn: Turn) -> bool:
        """Whether the request asks for a streamed answer."""
        return turn.path.endswith("-stream")

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        return last_user_text(request.get("messages") or ())

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error."""
        return {"message": message, **({"__type": kind} if kind else {})}

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        output = {"message": {"role": "assistant", "content": [block for block, _ in self._blocks(turn)]}}
        return {"output": output, "stopReason": self.STOP_REASONS[turn.answer.finish], **self._usage(turn)}

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as messages of the event stream."""
        yield _message("messageStart", {"role": "assistant"})
        for index, (block, text) in enumerate(self._blocks(turn)):
            place = {"contentBlockIndex": index}
            if use := block.get("toolUse"):
                start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
                yield _message("contentBlockStart", {**place, "start": start})
            for piece in turn.answer.pieces(text):
                yield _message("contentBlockDelta", {**place, "delta": _delta(block, piece)})
            if thought := block.get("reasoningContent"):
                signature = thought["reasoningText"]["signature"]
                yield _message("contentBlockDelta", {**place, "delta": {"reasoningContent": {"signature": signature}}})
            yield _message("contentBlockStop", place)
        if kind := turn.answer.stream_error:
            yield _message(kind, {"message": turn.answer.error or kind}, "exception")
            return
        yield _message("messageStop", {"stopReason": self.STOP_REASONS[turn.answer.finish]})
        yield _message("metadata", self._usage(turn))

    def _blocks(self, turn: Turn) -> list[tuple[JSON, str]]:
        """The content, each block with the text that its deltas carry."""
        answer = turn.answer
        blocks: list[tuple[JSON, str]] = []
        if answer.reasoning:
            thought = {"text": answer.reasoning, "signature": f"sig_{turn.number}"}
            blocks.append(({"reasoningContent": {"reasoningText": thought}}, answer.reasoning))
        if answer.text:
            blocks.append(({"text": answer.text}, answer.text))
        for position, (name, given) in enumerate(answer.tool_calls):
            id = f"tooluse_{turn.number}_{position}"
            use = {"toolUseId": id, "name": name, "input": arguments_object(given)}
            blocks.append(({"toolUse": use}, arguments_text(given) if given else ""))
        return blocks

    def _usage(self, turn: Turn) -> JSON:
        counted: JSON = {"metrics": {"latencyMs": 1}}
        if turn.answer.usage:
            prompt, completion = turn.answer.usage
            counted["usage"] = {"inputTokens": prompt, "outputTokens": completion, "totalTokens": prompt + completion}
        return counted


def _delta(block: JSON, piece: str) -> JSON:
    if "toolUse" in block:
        return {"toolUse": {"input": piece}}
    return {"text": piece} if "text" in block else {"reasoningContent": {"text": piece}}


def _message(kind: str, body: JSON, what: str = "event") -> bytes:
    """One message: lengths, headers and payload, each part with its checksum."""
    named = {f":{what}-type": kind, ":content-type": "application/json", ":message-type": what}
    headers = b"".join(_header(name, value) for name, value in named.items())
    payload = json_codec.dumps(body).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return whole + struct.pack(">I", crc32(whole))


def _header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
