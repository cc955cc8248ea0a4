"""Folding: chunks to the completion that they are the pieces of, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from unified_llm.types import JSON, Chunk

_JOINED = ("content", "reasoning_content", "refusal")


class Fold:
    """The completion so far, kept as chunks that are folded now and then, so that long streams stay small."""

    __slots__ = ("_choices", "_fields", "keep", "kept")

    MOST_KEPT = 4096

    def __init__(self) -> None:
        self.kept: list[Chunk] = []
        self.keep = self.kept.append
        self._fields: JSON = {}
        self._choices: dict[int, _Choice] = {}

    def settle(self) -> None:
        """Fold what is kept."""
        for chunk in self.kept:
            self._add(chunk)
        self.kept.clear()

    def fields(self) -> JSON:
        """The fields of the completion so far; `choices` is empty where nothing came."""
        self.settle()
        choices = [self._choices[index].whole(index) for index in sorted(self._choices)]
        return {**self._fields, "object": "chat.completion", "choices": choices}

    def _add(self, chunk: Chunk) -> None:
        if not self._fields:
            self._fields = {"id": chunk["id"], "object": "", "created": chunk["created"], "model": chunk["model"], "choices": [], "usage": None}
        for key in chunk:
            if key not in ("id", "object", "created", "model", "choices"):
                self._fields[key] = chunk[key]
        for choice in chunk["choices"]:
            self._choices.setdefault(choice["index"], _Choice()).add(choice)


class _Choice:
    """One answer, being put together."""

    __slots__ = ("calls", "ending", "extras", "logprobs", "pieces")

    def __init__(self) -> None:
        self.pieces: dict[str, list[str]] = {}
        self.calls: list[JSON] = []
        self.extras: JSON = {}
        self.logprobs: JSON = {}
        self.ending: JSON = {"finish_reason": None, "native_finish_reason": None}

    def add(self, choice: Any) -> None:
        delta = choice["delta"]
        for key in _JOINED:
            if delta.get(key):
                self.pieces.setdefault(key, []).append(delta[key])
        for piece in delta.get("tool_calls", ()):
            self._add_call(piece)
        if "annotations" in delta:
            self.extras["annotations"] = [*self.extras.get("annotations", []), *delta["annotations"]]
        if "provider_fields" in delta:
            self.extras["provider_fields"] = delta["provider_fields"]
        for key, value in (choice.get("logprobs") or {}).items():
            self.logprobs[key] = [*(self.logprobs.get(key) or []), *value] if isinstance(value, list) else value
        for key in self.ending:
            self.ending[key] = choice.get(key) or self.ending[key]

    def _add_call(self, piece: JSON) -> None:
        function = piece["function"]
        if piece["index"] == len(self.calls):
            self.calls.append({**{key: value for key, value in piece.items() if key != "index"}, "function": dict(function)})
        else:
            self.calls[piece["index"]]["function"]["arguments"] += function.get("arguments", "")

    def whole(self, index: int) -> JSON:
        joined = {key: "".join(pieces) for key, pieces in self.pieces.items()}
        message: JSON = {"role": "assistant", "content": joined.pop("content", None), **joined}
        if self.calls:
            message["tool_calls"] = self.calls
        message |= self.extras
        return {"index": index, "message": message, **self.ending, **({"logprobs": self.logprobs} if self.logprobs else {})}


def fold(chunks: Iterable[Chunk]) -> JSON:
    """The fields of the completion that these chunks are the pieces of."""
    whole = Fold()
    whole.kept.extend(chunks)
    return whole.fields()


def unfold(completion: JSON) -> list[Chunk]:
    """A whole completion as one chunk, for a server that answers a streamed call in one piece."""
    choices: list[JSON] = []
    for choice in completion["choices"]:
        message = dict(choice["message"])
        calls = [{"index": index, **call} for index, call in enumerate(message.get("tool_calls", ()))]
        delta = {**message, **({"tool_calls": calls} if calls else {})}
        choices.append({**{key: value for key, value in choice.items() if key != "message"}, "delta": delta})
    return [{**completion, "object": "chat.completion.chunk", "choices": choices}]  # type: ignore[typeddict-item]
