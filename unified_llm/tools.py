"""Runs of tools: ask a model, make the calls of its answer, tell it what came of them, until it calls no more.

The loop is a generator that yields effects and knows no socket, thread or event loop; `agent.py` performs them.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from pydantic_core import to_json

from unified_llm.content import part_of
from unified_llm.errors import AnswerError, BadRequestError, RefusedAnswerError, TruncatedAnswerError, TurnLimitError
from unified_llm.fan_out import summed
from unified_llm.json_codec import as_dict
from unified_llm.messages import normalize
from unified_llm.params import check
from unified_llm.response import Completion, T
from unified_llm.tool_schema import Tool, names_of, tool_of, words_of
from unified_llm.types import JSON, Chunk, Messages, ToolCall

OnError: TypeAlias = Literal["result", "raise"]


class Ask(NamedTuple):
    """Effect: ask the model. Result: its `Completion`."""

    messages: list[JSON]
    options: JSON


class Execute(NamedTuple):
    """Effect: make these calls. Result: what each gave, in their order; a `Failed` for one that raised.

    `at_once` says whether they may run side by side.
    """

    calls: list[partial[Any]]
    at_once: bool


class Tell(NamedTuple):
    """Effect: hand out the messages with the results, where somebody watches. Result: None."""

    results: list[JSON]


class Failed(NamedTuple):
    """What a call gave that raised."""

    error: Exception


Steps: TypeAlias = "Generator[Ask | Execute | Tell, Any, ToolRun]"


class ToolRun(Completion[T]):
    """What `run_tools()` gives: the last answer as a `Completion`, and the way to it.

    `usage`, `cost` and `warnings` are those of all turns together.

    Attributes:
        messages: the whole conversation, with every answer and every result; append to it to go on.

    Example:
        >>> run = run_tools("claude-sonnet-4-5", "Which is hotter, LA or NY?", [get_weather])  # doctest: +SKIP
        >>> run.text, len(run.turns), run.cost  # doctest: +SKIP
        ('LA is hotter.', 2, 0.0031)
    """

    __slots__ = ("messages",)

    def __init__(self, turns: Sequence[Completion], messages: list[JSON]) -> None:
        usages = [turn["usage"] for turn in turns]
        warnings = list(dict.fromkeys(warning for turn in turns for warning in turn["warnings"]))
        usage = summed(usages) if all(usages) else None
        super().__init__({**turns[-1], "usage": usage, "warnings": warnings}, parts=tuple(turns))
        self.messages = messages

    @property
    def turns(self) -> list[Completion[T]]:
        """The answers, one for each time that the model was asked."""
        return list(self._parts)

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls that are left to the caller: of tools that have no Python function."""
        answered: set[str] = set()
        for message in reversed(self.messages):
            if message["role"] != "tool":
                break
            answered.add(message["tool_call_id"])
        return [call for call in super().tool_calls if call["id"] not in answered]

    @property
    def parsed(self) -> T:
        """As of the last turn."""
        return self._parts[-1].parsed

    def __reduce__(self) -> tuple[Any, ...]:
        return ToolRun, (self.turns, self.messages)


class Run:
    """A run of tools: what has happened, and the rules for what comes next.

    Attributes:
        messages: the conversation so far.
        turns: the answers so far.
        tools: by name.
    """

    def __init__(
        self, messages: Messages, tools: Sequence[Any], options: Mapping[str, Any], max_turns: int, on_error: OnError
    ) -> None:
        if not isinstance(max_turns, int) or isinstance(max_turns, bool) or max_turns < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BadRequestError(f"max_turns is {max_turns!r}; give a whole number, at least 1")
        if on_error not in ("result", "raise"):
            raise BadRequestError(f"on_error is {on_error!r}; it must be result or raise")
        params = check({**options, "tools": tools})
        if params.get("n", 1) != 1:
            raise BadRequestError(f"n is {params['n']}, but a run of tools goes on with one answer")
        self.messages = normalize(messages)
        self.turns: list[Completion] = []
        self.tools = _by_name(params.get("tools", []))
        checked = ("tools", "tool_choice", "parallel_tool_calls")
        self._options: JSON = {**options, **{name: params[name] for name in checked if name in params}}
        self._max_turns = max_turns
        self._raises = on_error == "raise"

    def so_far(self, answer: Completion | None = None) -> ToolRun:
        """The run as it is now, with an answer that is still coming."""
        return ToolRun([*self.turns, *([answer] if answer else [])], list(self.messages))

    def steps(self) -> Steps:
        """The loop. An exception that ends it after the first answer has the run so far as its `tool_run`."""
        try:
            for _ in range(self._max_turns):
                completion: Completion = yield Ask(list(self.messages), self._options)
                calls = self._calls_of(completion)
                left = bool(calls) and (yield from self._answered(calls))
                if left or not (calls or _paused(completion)):
                    return self.so_far()
                self._options = {**self._options, "tool_choice": _unforced(self._options.get("tool_choice"))}
            raise TurnLimitError(
                f"the model still calls tools after {self._max_turns} turns; give more max_turns, or go on with "
                "error.completion.messages",
                self.so_far(),
            )
        except Exception as error:
            if self.turns:
                vars(error)["tool_run"] = self.so_far()
            raise

    def _calls_of(self, completion: Completion) -> list[Any]:
        """The calls of an answer, which is now part of the conversation; those of one that was cut off are not made."""
        self.turns.append(completion)
        calls: list[Any] = completion.tool_calls
        finish = completion["choices"][0]["finish_reason"]
        if calls and finish in _CUT:
            kind, what = _CUT[finish]
            names = ", ".join(_called(call)[0] for call in calls)
            raise kind(f"{what}, which calls tools ({names}); none of the calls was made", self.so_far())
        self.messages.append(cast("JSON", completion.message))
        return calls

    def _answered(self, calls: list[JSON]) -> Generator[Execute | Tell, Any, bool]:
        """Make the calls and tell what came of them; whether some are left to the caller."""
        begun = [self._begun(*_called(call)) for call in calls]
        due = [one for one in begun if isinstance(one, partial)]
        at_once = self._options.get("parallel_tool_calls") is not False
        outcomes = iter((yield Execute(due, at_once)) if due else ())
        results: list[JSON] = []
        raised: Exception | None = None
        for call, one in zip(calls, begun, strict=True):
            if one is None:
                continue
            content = content_of(next(outcomes) if isinstance(one, partial) else one)
            if self._raises and isinstance(one, partial) and isinstance(content, Failed):
                # not add_note(): some exceptions cannot be changed
                vars(content.error).setdefault("__notes__", []).append(f"in the tool {_called(call)[0]!r}")
                raised = raised or content.error
            else:
                results.append(_message(call["id"], content))
        self.messages += results
        yield Tell(results)
        if raised is not None:
            raise raised
        return None in begun

    def _begun(self, name: str, arguments: str) -> partial[Any] | Failed | None:
        """A call that can be made, why it cannot, or None for one that is left to the caller."""
        tool = self.tools.get(name)
        if tool is None:
            return Failed(LookupError(f"no tool is called {name!r}; there are: {', '.join(self.tools) or 'none'}"))
        if tool.function is None:
            return None
        try:
            return partial(tool.function, **tool.parse(arguments))
        except Exception as error:  # noqa: BLE001 - validators may raise anything; the model is told
            return Failed(error)


_CUT: dict[str | None, tuple[type[AnswerError], str]] = {
    "length": (TruncatedAnswerError, "the limit of tokens cut the answer off"),
    "content_filter": (RefusedAnswerError, "a filter stopped the answer"),
}
"""Ends of answers whose calls may be incomplete."""


def _by_name(tools: Sequence[Any]) -> dict[str, Tool]:
    named: dict[str, Tool] = {}
    for tool in map(tool_of, tools):
        for name in names_of(tool):
            if name in named:
                raise BadRequestError(f"two tools are called {name!r}; tool_of(..., name=...) names one otherwise")
            named[name] = tool
    return named


def _called(call: JSON) -> tuple[str, str]:
    """The name and the arguments of a call."""
    function = as_dict(call.get("function") or call.get("custom"))
    return function.get("name", ""), function.get("arguments", "")


def _paused(completion: Completion) -> bool:
    """Whether the provider interrupted its own tools, and goes on when it is sent what it said (Anthropic)."""
    return completion["choices"][0].get("native_finish_reason") == "pause_turn"


def _unforced(choice: Any) -> Any:
    """The choice of tools after the first turn: a model that always must call one never answers."""
    if as_dict(choice).get("type") == "allowed_tools":
        return {**choice, "allowed_tools": {**choice["allowed_tools"], "mode": "auto"}}
    return choice if choice in ("auto", "none") else None


# --- results -------------------------------------------------------------------------------------------------------

_PARTS = {
    "text": "text",
    "image_url": "image_url",
    "file": "file",
    "input_audio": "input_audio",
    "image": "source",
    "document": "source",
    "search_result": "source",
}
"""Types of content parts, each with the key that it must have: a list of other dicts is data."""


def content_of(result: Any) -> str | list[JSON] | Failed:
    """What a tool gave as the content of its message.

    Text stays as it is; content parts, and the bytes and PIL images that stand for them, become parts, alone or in a
    list with text; anything else becomes JSON, as pydantic writes it.
    """
    if isinstance(result, Failed):
        return result
    try:
        if isinstance(result, bytes):
            result = _decoded(result)
        if isinstance(result, str):
            return _sendable(result)
        given = cast("Sequence[Any]", result if isinstance(result, list | tuple) else [result])
        return _parts(given) or to_json(result, inf_nan_mode="strings").decode()
    except (ValueError, BadRequestError) as error:
        return Failed(error)


def _sendable(text: str) -> str:
    """The text; ValueError for one with half of a surrogate pair, which no request can carry."""
    text.encode()
    return text


def _decoded(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _parts(items: Sequence[Any]) -> list[JSON]:
    """The parts that these items are; none where one of them is none, or all are strings, which are data."""
    parts: list[JSON] = []
    for item in items:
        part = _part(item)
        if part is None:
            return []
        parts.append(part)
    return [] if all(isinstance(item, str) for item in items) else parts


def _part(item: Any) -> JSON | None:
    if isinstance(item, bytes):
        item = _decoded(item)
    if isinstance(item, str):
        return {"type": "text", "text": _sendable(item)}
    if isinstance(item, Mapping):
        part = cast("JSON", item)
        return part if _PARTS.get(str(part.get("type"))) in part else None
    # a path is data too: what a tool has read it gives as bytes
    return None if isinstance(item, os.PathLike) else part_of(item, "the result of a tool")


def _message(id: str, content: str | list[JSON] | Failed) -> JSON:
    message: JSON = {"role": "tool", "tool_call_id": id}
    if isinstance(content, Failed):
        return {**message, "content": words_of(content.error), "is_error": True}
    return {**message, "content": content}


def chunk_of(completion: Completion, results: list[JSON]) -> Chunk:
    """The chunk that tells of results between two answers; to whoever prints the text it is empty."""
    choice = {"index": 0, "delta": {"content": None}, "finish_reason": None}
    head = {key: completion[key] for key in ("id", "created", "model")}
    chunk: JSON = {**head, "object": "chat.completion.chunk", "choices": [choice], "tool_results": results}
    return cast("Chunk", chunk)
