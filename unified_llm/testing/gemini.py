"""Scripted answers as Gemini's generateContent.

https://ai.google.dev/api/generate-content, checked 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from unified_llm.testing.script import EVENT_STREAM, Answer, Turn, arguments_object, last_user_text, server_sent_event
from unified_llm.types import JSON, FinishReason

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class GenerateContent:
    """`POST *:generateContent` and `POST *:streamGenerateContent`."""

    PATHS: ClassVar[tuple[str, ...]] = (":generateContent", ":streamGenerateContent")
    REQUEST_ID: ClassVar[str] = "x-request-id"
    STREAM_TYPE: ClassVar[str] = EVENT_STREAM
    FINISH: ClassVar[dict[FinishReason, str]] = {
        "stop": "STOP",
        "length": "MAX_TOKENS",
        "tool_calls": "STOP",
        "content_filter": "SAFETY",
    }

    def streams(self, turn: Turn) -> bool:
        """Whether the request asks for a streamed answer."""
        return ":streamGenerateContent" in turn.path

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        return last_user_text(request.get("contents") or (), "parts")

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error."""
        code = 503 if status < 400 else status
        return {"error": {"code": code, "message": message, "status": kind or _STATUSES.get(code, "UNKNOWN")}}

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        answer = turn.answer
        parts = [*self._texts(answer, [answer.reasoning], [answer.text]), *self._calls(answer)]
        return self._answer(turn, parts, ended=True)

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as server-sent events."""
        answer = turn.answer
        for part in self._texts(answer, answer.pieces(answer.reasoning), answer.pieces(answer.text)):
            yield server_sent_event(self._answer(turn, [part]))
        if answer.stream_error:
            message = answer.error or answer.stream_error
            yield server_sent_event(self.error(turn.id, 200, message, answer.stream_error))
            return
        yield server_sent_event(self._answer(turn, self._calls(answer), ended=True))

    def _texts(self, answer: Answer, thoughts: list[str], texts: list[str]) -> list[JSON]:
        parts = [{"text": piece, "thought": True} for piece in thoughts if piece]
        return [*parts, *({"text": piece} for piece in texts if piece)]

    def _calls(self, answer: Answer) -> list[JSON]:
        return [{"functionCall": {"name": name, "args": arguments_object(given)}} for name, given in answer.tool_calls]

    def _answer(self, turn: Turn, parts: list[JSON], *, ended: bool = False) -> JSON:
        candidate: JSON = {"content": {"role": "model", "parts": parts}, "index": 0}
        if ended:
            candidate["finishReason"] = self.FINISH[turn.answer.finish]
        body: JSON = {"candidates": [candidate], "modelVersion": turn.model, "responseId": f"resp-{turn.number}"}
        if ended and turn.answer.usage:
            prompt, completion = turn.answer.usage
            counted = {"promptTokenCount": prompt, "candidatesTokenCount": completion}
            body["usageMetadata"] = {**counted, "totalTokenCount": prompt + completion}
        return body
