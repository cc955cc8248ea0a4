"""Scripted answers as OpenAI Responses.

https://platform.openai.com/docs/api-reference/responses, checked 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import ClassVar

from unified_llm.testing.chat_completions import ChatCompletions
from unified_llm.testing.script import EVENT_STREAM, Turn, arguments_text, last_user_text, server_sent_event
from unified_llm.types import JSON


class Responses:
    """`POST */responses`."""

    PATHS: ClassVar[tuple[str, ...]] = ("/responses",)
    REQUEST_ID: ClassVar[str] = "x-request-id"
    STREAM_TYPE: ClassVar[str] = EVENT_STREAM

    def streams(self, turn: Turn) -> bool:
        """Whether the request asks for a streamed answer."""
        return bool(turn.request.get("stream"))

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        given = request.get("input") or ""
        return given if isinstance(given, str) else last_user_text(given)

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error, which is that of chat completions."""
        return ChatCompletions().error(id, status, message, kind)

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        return {**self._ended(turn), "output": self._items(turn)}

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as server-sent events."""
        numbers = count()
        for data in self._events(turn):
            yield server_sent_event({**data, "sequence_number": next(numbers)}, data["type"])

    def _events(self, turn: Turn) -> Iterator[JSON]:
        answer = turn.answer
        yield {"type": "response.created", "response": {**self._response(turn), "status": "in_progress"}}
        for at, item in enumerate(self._items(turn)):
            empty: JSON = {"summary": [], "content": [], "arguments": ""}
            begun = {key: empty.get(key, value) for key, value in item.items()}
            yield {"type": "response.output_item.added", "output_index": at, "item": begun}
            for data in self._deltas(turn, item):
                yield {"item_id": item["id"], "output_index": at, **data}
            yield {"type": "response.output_item.done", "output_index": at, "item": item}
        if answer.stream_error:
            failure = {"code": answer.stream_error, "message": answer.error or answer.stream_error}
            yield {"type": "error", **failure, "param": None}
            return
        ended = self._ended(turn)
        yield {"type": f"response.{ended['status']}", "response": {**ended, "output": self._items(turn)}}

    def _deltas(self, turn: Turn, item: JSON) -> Iterator[JSON]:
        pieces = turn.answer.pieces
        if item["type"] == "reasoning":
            part = {"type": "summary_text", "text": ""}
            yield {"type": "response.reasoning_summary_part.added", "summary_index": 0, "part": part}
            for piece in pieces(turn.answer.reasoning):
                yield {"type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": piece}
        elif item["type"] == "message":
            part: JSON = {"type": "output_text", "annotations": [], "text": ""}
            yield {"type": "response.content_part.added", "content_index": 0, "part": part}
            for piece in pieces(turn.answer.text):
                yield {"type": "response.output_text.delta", "content_index": 0, "delta": piece}
        else:
            for piece in pieces(item["arguments"]):
                yield {"type": "response.function_call_arguments.delta", "delta": piece}

    def _response(self, turn: Turn) -> JSON:
        head = {"id": f"resp_{turn.number}", "object": "response", "created_at": turn.created, "model": turn.model}
        return {**head, "output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}

    def _ended(self, turn: Turn) -> JSON:
        reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
        reason = reasons.get(turn.answer.finish)
        ending: JSON = {"status": "incomplete" if reason else "completed"}
        ending["incomplete_details"] = {"reason": reason} if reason else None
        if turn.answer.usage:
            prompt, completion = turn.answer.usage
            tokens = {"input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion}
            ending["usage"] = {**tokens, "input_tokens_details": {"cached_tokens": 0}}
        return {**self._response(turn), **ending}

    def _items(self, turn: Turn) -> list[JSON]:
        answer, items = turn.answer, list[JSON]()
        if answer.reasoning:
            summary = [{"type": "summary_text", "text": answer.reasoning}]
            items.append({"id": f"rs_{turn.number}", "type": "reasoning", "summary": summary})
        if answer.text:
            content: list[JSON] = [{"type": "output_text", "annotations": [], "text": answer.text}]
            items.append({"id": f"msg_{turn.number}", "type": "message", "role": "assistant", "content": content})
        for position, (name, given) in enumerate(answer.tool_calls):
            ids = {"id": f"fc_{turn.number}_{position}", "call_id": f"call_{turn.number}_{position}"}
            items.append({**ids, "type": "function_call", "name": name, "arguments": arguments_text(given)})
        return items
