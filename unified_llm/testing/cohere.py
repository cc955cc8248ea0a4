"""Scripted answers as Cohere's chat, version 2.

https://docs.cohere.com/reference/chat, checked 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from unified_llm.testing.script import EVENT_STREAM, Turn, arguments_text, last_user_text, server_sent_event
from unified_llm.types import JSON, FinishReason


class CohereChat:
    """`POST */v2/chat`."""

    PATHS: ClassVar[tuple[str, ...]] = ("/v2/chat",)
    REQUEST_ID: ClassVar[str] = "x-request-id"
    STREAM_TYPE: ClassVar[str] = EVENT_STREAM
    FINISH: ClassVar[dict[FinishReason, str]] = {
        "stop": "COMPLETE",
        "length": "MAX_TOKENS",
        "tool_calls": "TOOL_CALL",
        "content_filter": "ERROR_TOXIC",
    }

    def streams(self, turn: Turn) -> bool:
        """Whether the request asks for a streamed answer."""
        return bool(turn.request.get("stream"))

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        return last_user_text(request.get("messages", []))

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error."""
        return {"id": id, "message": message, **({"error_type": kind} if kind else {})}

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        message: JSON = {"role": "assistant"}
        if content := self._items(turn):
            message["content"] = content
        if calls := self._calls(turn):
            message["tool_calls"] = calls
        return {"id": f"chat-{turn.number}", "message": message, **self._ending(turn)}

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as server-sent events."""
        for data in self._events(turn):
            yield server_sent_event(data, data["type"])

    def _events(self, turn: Turn) -> Iterator[JSON]:
        answer = turn.answer
        begun: JSON = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        yield {"id": f"chat-{turn.number}", "type": "message-start", "delta": {"message": begun}}
        for index, item in enumerate(self._items(turn)):
            kind = item["type"]
            yield {"type": "content-start", "index": index, "delta": {"message": {"content": {**item, kind: ""}}}}
            for piece in answer.pieces(item[kind]):
                yield {"type": "content-delta", "index": index, "delta": {"message": {"content": {kind: piece}}}}
            yield {"type": "content-end", "index": index}
        for index, call in enumerate(self._calls(turn)):
            begun = {**call, "function": {**call["function"], "arguments": ""}}
            yield {"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": begun}}}
            for piece in answer.pieces(call["function"]["arguments"]):
                told = {"tool_calls": {"function": {"arguments": piece}}}
                yield {"type": "tool-call-delta", "index": index, "delta": {"message": told}}
            yield {"type": "tool-call-end", "index": index}
        ending = self._ending(turn)
        if answer.stream_error:
            ending = {"finish_reason": "ERROR", "error": answer.error or answer.stream_error}
        yield {"id": f"chat-{turn.number}", "type": "message-end", "delta": ending}

    def _items(self, turn: Turn) -> list[JSON]:
        kinds = {"thinking": turn.answer.reasoning, "text": turn.answer.text}
        return [{"type": kind, kind: words} for kind, words in kinds.items() if words]

    def _calls(self, turn: Turn) -> list[JSON]:
        return [
            {
                "id": f"call_{turn.number}_{position}",
                "type": "function",
                "function": {"name": name, "arguments": arguments_text(given)},
            }
            for position, (name, given) in enumerate(turn.answer.tool_calls)
        ]

    def _ending(self, turn: Turn) -> JSON:
        ending: JSON = {"finish_reason": self.FINISH[turn.answer.finish]}
        if turn.answer.usage:
            prompt, completion = turn.answer.usage
            tokens = {"input_tokens": prompt, "output_tokens": completion}
            ending["usage"] = {"billed_units": tokens, "tokens": tokens}
        return ending
