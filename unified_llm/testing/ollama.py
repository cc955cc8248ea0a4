"""Scripted answers as Ollama's own chat, streamed as a JSON object a line.

https://docs.ollama.com/api/chat, checked 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from unified_llm import json_codec
from unified_llm.testing.script import Answer, Turn, arguments_object, last_user_text
from unified_llm.types import JSON


class OllamaChat:
    """`POST */api/chat`, which streams unless it is told not to."""

    PATHS: ClassVar[tuple[str, ...]] = ("/api/chat",)
    REQUEST_ID: ClassVar[str] = "x-request-id"
    STREAM_TYPE: ClassVar[str] = "application/x-ndjson"

    def streams(self, turn: Turn) -> bool:
        """Whether the request asks for a streamed answer."""
        return turn.request.get("stream") is not False

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        return last_user_text(request.get("messages", []))

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error."""
        return {"error": message}

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        answer = turn.answer
        message: JSON = {"role": "assistant", "content": answer.text}
        if answer.reasoning:
            message["thinking"] = answer.reasoning
        return self._line(turn, {**message, **self._calls(answer)}, ended=True)

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as lines."""
        answer = turn.answer
        said: JSON = {"role": "assistant", "content": ""}
        deltas = [{**said, "thinking": piece} for piece in answer.pieces(answer.reasoning)]
        deltas += [{**said, "content": piece} for piece in answer.pieces(answer.text)]
        if calls := self._calls(answer):
            deltas.append({**said, **calls})
        for delta in deltas:
            yield _encoded(self._line(turn, delta))
        if answer.stream_error:
            yield _encoded(self.error(turn.id, 200, answer.error or answer.stream_error))
            return
        yield _encoded(self._line(turn, said, ended=True))

    def _calls(self, answer: Answer) -> JSON:
        calls = [
            {"function": {"name": name, "arguments": arguments_object(given)}} for name, given in answer.tool_calls
        ]
        return {"tool_calls": calls} if calls else {}

    def _line(self, turn: Turn, message: JSON, *, ended: bool = False) -> JSON:
        line: JSON = {"model": turn.model, "created_at": "2026-11-20T10:00:00Z", "message": message, "done": ended}
        if ended:
            line["done_reason"] = "length" if turn.answer.finish == "length" else "stop"
            line["total_duration"] = 1_000_000
        if ended and turn.answer.usage:
            line["prompt_eval_count"], line["eval_count"] = turn.answer.usage
        return line


def _encoded(line: JSON) -> bytes:
    return json_codec.dumps(line).encode() + b"\n"
