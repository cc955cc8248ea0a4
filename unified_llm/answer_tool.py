"""A tool that stands for a form of answers, where the API has no word for the form: its arguments are the answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from unified_llm.adapters import Adapter
from unified_llm.adapters.contract import Call, CallDecoder
from unified_llm.formats import Format
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON, Chunk


def with_answer_tool(params: JSON, format: Format) -> tuple[JSON, str]:
    """The parameters that ask for the answer by a tool, and the name of the tool.

    Beside tools of the caller, one of them all must be called. Where the caller forces one of theirs there is no answer
    yet, and no tool for it: the name is then "".

    Args:
        params: checked parameters; they are not changed.
        format: the form, whose schema describes the tool.
    """
    rest = {name: value for name, value in params.items() if name != "response_format"}
    tools: list[JSON] = [*as_list(rest.get("tools"))]
    choice = rest.get("tool_choice", "auto")
    allowed = as_dict(as_dict(choice).get("allowed_tools"))
    mode = allowed.get("mode", choice)
    if tools and mode not in ("auto", "none"):
        return rest, ""
    name = format.name
    while any(name in (tool.get("name"), as_dict(tool.get("function")).get("name")) for tool in tools):
        name += "_"
    schema = {key: value for key, value in format.schema.items() if key != "description"}
    told = {"description": format.schema["description"]} if format.schema.get("description") else {}
    rest["tools"] = [*tools, {"type": "function", "function": {"name": name, **told, "parameters": schema}}]
    named = {"type": "function", "function": {"name": name}}
    if allowed:
        rest["tool_choice"] = {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [*allowed["tools"], named]},
        }
    else:
        rest["tool_choice"] = "required" if tools and mode == "auto" else named
    return rest, name


class AnswerTool:
    """An adapter whose answers come as the arguments of a tool.

    The arguments become the content, and what the model says beside them becomes reasoning. Calls of other tools stay
    what they are; an answer without a call of the tool stays as it is.
    """

    def __init__(self, adapter: Adapter, name: str) -> None:
        self._adapter = adapter
        self._name = name
        self.FRAMING = adapter.FRAMING
        self.Quirks = adapter.Quirks
        self.Decoder = cast("type[CallDecoder]", partial(_Decoder, adapter, name))
        self.render, self.explain = adapter.render, adapter.explain

    def parse(self, call: Call, body: JSON) -> JSON:
        """The fields of the completion that a body holds."""
        fields = self._adapter.parse(call, body)
        for choice in fields["choices"]:
            _unwrap(choice, self._name)
        return fields


def _unwrap(choice: JSON, name: str) -> None:
    message: JSON = choice["message"]
    calls = as_list(message.get("tool_calls"))
    answers = [call for call in calls if _called(call) == name]
    if not answers:
        return
    if said := message["content"]:
        message["reasoning_content"] = message.get("reasoning_content", "") + said
    message["content"] = answers[0]["function"]["arguments"]
    message["tool_calls"] = [call for call in calls if _called(call) != name]
    if not message["tool_calls"]:
        del message["tool_calls"]
        choice["finish_reason"] = _finish(choice["finish_reason"])


def _called(call: Mapping[str, Any]) -> str | None:
    return as_dict(call.get("function")).get("name")


def _finish(reason: str | None) -> str | None:
    return "stop" if reason == "tool_calls" else reason


class _Decoder:
    """A streamed answer of this kind: deltas of the tool's arguments become deltas of content."""

    def __init__(self, adapter: Adapter, name: str, call: Call) -> None:
        self._inner = adapter.Decoder(call)
        self._name = name
        self._choices: dict[int, _Choice] = {}

    def feed(self, data: bytes) -> list[Chunk]:
        """The chunks that these bytes complete."""
        return self._changed(self._inner.feed(data))

    def close(self) -> list[Chunk]:
        """The last chunks, now that the body has ended."""
        return self._changed(self._inner.close())

    def _changed(self, chunks: list[Chunk]) -> list[Chunk]:
        return [chunk for chunk in chunks if self._says_something(cast("JSON", chunk))]

    def _says_something(self, chunk: JSON) -> bool:
        says = "usage" in chunk
        for choice in chunk["choices"]:
            known = self._choices.setdefault(choice["index"], _Choice(self._name))
            known.change(choice)
            delta = choice["delta"]
            says = says or choice["finish_reason"] is not None or len(delta) > 1 or bool(delta["content"])
            if says and not known.begun:
                known.begun = True
                choice["delta"] = {"role": "assistant", **delta}
        return says


class _Choice:
    """One answer, as it comes."""

    def __init__(self, name: str) -> None:
        self.begun = False
        self._name = name
        self._answers: list[int] = []
        """Where the calls of the tool stand among all calls; the first is the answer."""
        self._others: list[int] = []
        self._said: list[str] = []
        """What comes as content; only the end shows whether it is the answer, or stands beside it."""

    def change(self, choice: JSON) -> None:
        """Make the delta one of the answer."""
        delta: JSON = choice["delta"]
        delta.pop("role", None)
        if delta["content"]:
            self._said.append(delta["content"])
        delta["content"] = None
        pieces = [piece for piece in as_list(delta.pop("tool_calls", None)) if not self._is_answer(piece, delta)]
        if pieces:
            delta["tool_calls"] = pieces
        if choice["finish_reason"] is not None:
            self._end(choice)

    def _is_answer(self, piece: JSON, delta: JSON) -> bool:
        at: int = piece["index"]
        if at not in self._answers and at not in self._others:
            (self._answers if _called(piece) == self._name else self._others).append(at)
        if at in self._others:
            piece["index"] = self._others.index(at)
            return False
        if at == self._answers[0] and (arguments := as_dict(piece.get("function")).get("arguments")):
            delta["content"] = (delta["content"] or "") + arguments
        return True

    def _end(self, choice: JSON) -> None:
        delta, said = choice["delta"], "".join(self._said)
        if not self._answers:
            delta["content"] = said or None
            return
        if said:
            delta["reasoning_content"] = delta.get("reasoning_content", "") + said
        if not self._others:
            choice["finish_reason"] = _finish(choice["finish_reason"])
