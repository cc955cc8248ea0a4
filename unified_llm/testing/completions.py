"""Scripted answers as OpenAI text completions, the API before chat.

https://platform.openai.com/docs/api-reference/completions, checked 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from unified_llm import json_codec
from unified_llm.testing.chat_completions import ChatCompletions
from unified_llm.testing.script import Answer, Turn, server_sent_event
from unified_llm.types import JSON


class Completions(ChatCompletions):
    """`POST */completions`, whose errors are those of chat completions."""

    PATHS: ClassVar[tuple[str, ...]] = ("/completions",)

    def user_text(self, request: JSON) -> str:
        """The prompt."""
        return str(request.get("prompt", ""))

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        answer = turn.answer
        usage = {"usage": self._usage(answer)} if answer.usage else {}
        return {**self._whole(turn), "choices": [_choice(answer.text, _finish(answer))], **usage}

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as server-sent events."""
        answer = turn.answer
        counted = bool(json_codec.as_dict(turn.request.get("stream_options")).get("include_usage"))
        head = self._whole(turn)
        rest: JSON = {"usage": None} if counted else {}
        for piece in answer.pieces(answer.text):
            yield server_sent_event({**head, "choices": [_choice(piece, None)], **rest})
        if answer.stream_error:
            yield server_sent_event(self.error(turn.id, 200, answer.error or answer.stream_error, answer.stream_error))
            return
        yield server_sent_event({**head, "choices": [_choice("", _finish(answer))], **rest})
        if counted and answer.usage:
            yield server_sent_event({**head, "choices": [], "usage": self._usage(answer)})
        yield b"data: [DONE]\n\n"

    def _whole(self, turn: Turn) -> JSON:
        return {"id": f"cmpl-{turn.number}", "object": "text_completion", "created": turn.created, "model": turn.model}


def _choice(text: str, finish: str | None) -> JSON:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}


def _finish(answer: Answer) -> str:
    return "stop" if answer.finish == "tool_calls" else answer.finish
