"""Scripted answers as OpenAI chat completions.

https://platform.openai.com/docs/api-reference/chat, checked 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from unified_llm import json_codec
from unified_llm.testing.script import EVENT_STREAM, Answer, Turn, arguments_text, last_user_text, server_sent_event
from unified_llm.types import JSON

_KINDS_AND_CODES = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


class ChatCompletions:
    """`POST */chat/completions`."""

    PATHS: ClassVar[tuple[str, ...]] = ("/chat/completions",)
    REQUEST_ID: ClassVar[str] = "x-request-id"
    STREAM_TYPE: ClassVar[str] = EVENT_STREAM

    def streams(self, turn: Turn) -> bool:
        """Whether the request asks for a streamed answer."""
        return bool(turn.request.get("stream"))

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        return last_user_text(request.get("messages", []))

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error."""
        usual = ("server_error", None) if status >= 500 else ("invalid_request_error", None)
        kind, code = (kind, None) if kind else _KINDS_AND_CODES.get(status, usual)
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        answer = turn.answer
        message: JSON = {"role": "assistant", "content": answer.text or None, "refusal": None, "annotations": []}
        if answer.reasoning:
            message["reasoning_content"] = answer.reasoning
        if answer.tool_calls:
            message["tool_calls"] = [
                self._tool_call(turn, position, arguments_text(given))
                for position, (_, given) in enumerate(answer.tool_calls)
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}
        usage = {"usage": self._usage(answer)} if answer.usage else {}
        return {**self._head(turn, "chat.completion"), "choices": [choice], **usage}

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as server-sent events."""
        answer = turn.answer
        counted = bool(json_codec.as_dict(turn.request.get("stream_options")).get("include_usage"))
        head = self._head(turn, "chat.completion.chunk")
        rest: JSON = {"usage": None} if counted else {}
        for delta in self._deltas(turn):
            yield server_sent_event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **rest})
        if answer.stream_error:
            yield server_sent_event(self.error(turn.id, 200, answer.error or answer.stream_error, answer.stream_error))
            return
        yield server_sent_event(
            {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": answer.finish}], **rest}
        )
        if counted and answer.usage:
            yield server_sent_event({**head, "choices": [], "usage": self._usage(answer)})
        yield b"data: [DONE]\n\n"

    def _deltas(self, turn: Turn) -> Iterator[JSON]:
        answer = turn.answer
        yield {"role": "assistant", "content": "", "refusal": None}
        for piece in answer.pieces(answer.reasoning):
            yield {"reasoning_content": piece}
        for piece in answer.pieces(answer.text):
            yield {"content": piece}
        for position, (_, arguments) in enumerate(answer.tool_calls):
            yield {"tool_calls": [{"index": position, **self._tool_call(turn, position, "")}]}
            for piece in answer.pieces(arguments_text(arguments)):
                yield {"tool_calls": [{"index": position, "function": {"arguments": piece}}]}

    def _head(self, turn: Turn, kind: str) -> JSON:
        return {"id": f"chatcmpl-{turn.number}", "object": kind, "created": turn.created, "model": turn.model}

    def _tool_call(self, turn: Turn, position: int, arguments: str) -> JSON:
        function = {"name": turn.answer.tool_calls[position][0], "arguments": arguments}
        return {"id": f"call_{turn.number}_{position}", "type": "function", "function": function}

    def _usage(self, answer: Answer) -> JSON:
        prompt, completion = answer.usage or (0, 0)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
