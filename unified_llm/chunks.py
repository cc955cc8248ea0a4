"""Folding: chunks to the completion that they are the pieces of, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from unified_llm.json_codec import as_dict
from unified_llm.types import JSON, Chunk

_JOINED = ("content", "reasoning_content", "refusal")
_ONCE = ("id", "object", "created", "model", "choices")


def fold(chunks: Iterable[Chunk]) -> JSON:
    """The fields of the completion that these chunks are the pieces of; none at all without a chunk."""
    fields: JSON = {}
    choices: dict[int, _Choice] = {}
    for chunk in chunks:
        if not fields:
            fields = {**{key: chunk[key] for key in _ONCE}, "object": "chat.completion", "usage": None}
        fields |= {key: value for key, value in chunk.items() if key not in _ONCE}
        for choice in chunk["choices"]:
            choices.setdefault(choice["index"], _Choice()).add(choice)
    if fields:
        fields["choices"] = [choices[index].whole(index) for index in sorted(choices)]
    return fields


class _Choice:
    """One answer, being put together."""

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
        for key, value in as_dict(choice.get("logprobs")).items():
            self.logprobs[key] = [*(self.logprobs.get(key) or []), *value] if isinstance(value, list) else value
        for key in self.ending:
            self.ending[key] = choice.get(key) or self.ending[key]

    def _add_call(self, piece: JSON) -> None:
        kind, text = ("custom", "input") if "custom" in piece else ("function", "arguments")
        rest = {key: value for key, value in piece.items() if key not in ("index", kind)}
        at: int = piece["index"]
        if at == len(self.calls):
            self.calls.append({**rest, kind: dict(piece[kind])})
            return
        self.calls[at].update(rest)
        self.calls[at][kind][text] += piece[kind].get(text, "")

    def whole(self, index: int) -> JSON:
        joined = {key: "".join(pieces) for key, pieces in self.pieces.items()}
        message: JSON = {"role": "assistant", "content": joined.pop("content", None), **joined}
        if self.calls:
            message["tool_calls"] = self.calls
        logprobs = {"logprobs": self.logprobs} if self.logprobs else {}
        return {"index": index, "message": message | self.extras, **self.ending, **logprobs}


def unfold(completion: JSON) -> list[Chunk]:
    """A whole completion as one chunk, for a server that answers a streamed call in one piece."""
    choices: list[JSON] = []
    for choice in completion["choices"]:
        delta = dict(choice["message"])
        if "tool_calls" in delta:
            delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(delta["tool_calls"])]
        choices.append({**{key: value for key, value in choice.items() if key != "message"}, "delta": delta})
    return [cast("Chunk", {**completion, "object": "chat.completion.chunk", "choices": choices})]
