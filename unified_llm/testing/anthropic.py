"""Scripted answers as Anthropic Messages and as Text Completions (of 2023-06-01).

https://docs.anthropic.com/en/api/messages and https://docs.anthropic.com/en/api/complete, checked 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from unified_llm.testing.script import (
    EVENT_STREAM,
    Turn,
    arguments_object,
    arguments_text,
    last_user_text,
    server_sent_event,
)
from unified_llm.types import JSON, FinishReason

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Messages:
    """`POST */v1/messages`."""

    PATHS: ClassVar[tuple[str, ...]] = ("/v1/messages",)
    REQUEST_ID: ClassVar[str] = "request-id"
    STREAM_TYPE: ClassVar[str] = EVENT_STREAM
    STOP_REASONS: ClassVar[dict[FinishReason, str]] = {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "content_filter": "refusal",
    }

    def streams(self, turn: Turn) -> bool:
        """Whether the request asks for a streamed answer."""
        return bool(turn.request.get("stream"))

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        return last_user_text(request.get("messages", []))

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error."""
        kind = kind or _KINDS.get(status) or ("api_error" if status >= 500 else "invalid_request_error")
        return {"type": "error", "error": {"details": None, "type": kind, "message": message}, "request_id": id}

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        content = [block for block, _ in self._blocks(turn)]
        return {**self._message(turn), "content": content, **self._stop(turn), **self._usage(turn)}

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as server-sent events."""
        for data in self._events(turn):
            yield server_sent_event(data, data["type"])

    def _events(self, turn: Turn) -> Iterator[JSON]:
        answer = turn.answer
        yield {"type": "message_start", "message": {**self._message(turn), **self._usage(turn, 1)}}
        yield {"type": "ping"}
        for index, (block, text) in enumerate(self._blocks(turn)):
            empty = {key: _EMPTY.get(key, value) for key, value in block.items()}
            yield {"type": "content_block_start", "index": index, "content_block": empty}
            for delta in self._deltas(block, answer.pieces(text)):
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        if answer.stream_error:
            yield self.error(turn.id, 200, answer.error or answer.stream_error, answer.stream_error)
            return
        yield {"type": "message_delta", "delta": self._stop(turn), **self._usage(turn)}
        yield {"type": "message_stop"}

    def _deltas(self, block: JSON, pieces: list[str]) -> Iterator[JSON]:
        if block["type"] == "text":
            yield from ({"type": "text_delta", "text": piece} for piece in pieces)
        elif block["type"] == "thinking":
            yield from ({"type": "thinking_delta", "thinking": piece} for piece in pieces)
            yield {"type": "signature_delta", "signature": block["signature"]}
        else:
            yield from ({"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces))

    def _message(self, turn: Turn) -> JSON:
        return {
            "id": f"msg_{turn.number}",
            "type": "message",
            "role": "assistant",
            "model": turn.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _blocks(self, turn: Turn) -> list[tuple[JSON, str]]:
        """The content, each block with the text that its deltas carry."""
        answer = turn.answer
        blocks: list[tuple[JSON, str]] = []
        if answer.reasoning:
            thinking = {"type": "thinking", "thinking": answer.reasoning, "signature": f"sig_{turn.number}"}
            blocks.append((thinking, answer.reasoning))
        if answer.text:
            blocks.append(({"type": "text", "text": answer.text}, answer.text))
        for position, (name, given) in enumerate(answer.tool_calls):
            id = f"toolu_{turn.number}_{position}"
            block = {"type": "tool_use", "id": id, "name": name, "input": arguments_object(given)}
            blocks.append((block, arguments_text(given) if given else ""))
        return blocks

    def _stop(self, turn: Turn) -> JSON:
        return {"stop_reason": self.STOP_REASONS[turn.answer.finish], "stop_sequence": None, "stop_details": None}

    def _usage(self, turn: Turn, output_tokens: int | None = None) -> JSON:
        if turn.answer.usage is None:
            return {}
        prompt, completion = turn.answer.usage
        return {
            "usage": {
                "input_tokens": prompt,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": completion if output_tokens is None else output_tokens,
            }
        }


_EMPTY: JSON = {"thinking": "", "signature": "", "text": "", "input": {}}


class CountTokens(Messages):
    """`POST */v1/messages/count_tokens`: the prompt tokens of the answer's usage."""

    PATHS: ClassVar[tuple[str, ...]] = ("/v1/messages/count_tokens",)

    def body(self, turn: Turn) -> JSON:
        """The count."""
        return {"input_tokens": turn.answer.usage[0]} if turn.answer.usage else {}


class TextCompletions:
    """`POST */v1/complete`, as of 2023-06-01."""

    PATHS: ClassVar[tuple[str, ...]] = ("/v1/complete",)
    REQUEST_ID: ClassVar[str] = "request-id"
    STREAM_TYPE: ClassVar[str] = EVENT_STREAM
    HUMAN: ClassVar[str] = "\n\nHuman:"
    ASSISTANT: ClassVar[str] = "\n\nAssistant:"

    def streams(self, turn: Turn) -> bool:
        """Whether the request asks for a streamed answer."""
        return bool(turn.request.get("stream"))

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        return str(request.get("prompt", "")).rpartition(self.HUMAN)[2].partition(self.ASSISTANT)[0].strip()

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error."""
        return Messages().error(id, status, message, kind)

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        return self._completion(turn, self._text(turn), ended=True)

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as server-sent events."""
        answer = turn.answer
        for position, piece in enumerate(answer.pieces(self._text(turn))):
            yield server_sent_event(self._completion(turn, piece), "completion")
            if position == 0:
                yield server_sent_event({"type": "ping"}, "ping")
        if answer.stream_error:
            error = {"type": answer.stream_error, "message": answer.error or answer.stream_error}
            yield server_sent_event({"error": error}, "error")
            return
        yield server_sent_event(self._completion(turn, "", ended=True), "completion")

    def _text(self, turn: Turn) -> str:
        prefilled = not str(turn.request.get("prompt", "")).endswith(self.ASSISTANT)
        return turn.answer.text if prefilled or not turn.answer.text else f" {turn.answer.text}"

    def _completion(self, turn: Turn, text: str, ended: bool = False) -> JSON:
        reason = "max_tokens" if turn.answer.finish == "length" else "stop_sequence"
        return {
            "type": "completion",
            "id": f"compl_{turn.number}",
            "completion": text,
            "stop_reason": reason if ended else None,
            "stop": self.HUMAN if ended and reason == "stop_sequence" else None,
            "model": turn.model,
            "log_id": f"compl_{turn.number}",
        }
