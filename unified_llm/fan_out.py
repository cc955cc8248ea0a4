"""`n` answers where the API gives one to a call: as many calls at once, whose answers become one with `n` choices."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, cast

from unified_llm.errors import BadRequestError, shown
from unified_llm.flow import Begun, Effect, Flow, Gather
from unified_llm.response import Completion
from unified_llm.types import JSON, Chunk

MOST = 128
"""As many as OpenAI gives: https://platform.openai.com/docs/api-reference/chat/create."""


def several(count: int, call: Callable[[], Flow]) -> Generator[Effect, Any, Completion | list[Begun]]:
    """Make a call that often, at once.

    Raises:
        BadRequestError: that often is too often.
    """
    if count > MOST:
        raise BadRequestError(f"n is {shown(count)}, but at most {MOST} calls are made at once")
    made: list[Any] = yield Gather([call() for _ in range(count)])
    return made if isinstance(made[0], Begun) else merged(made)


def merged(completions: list[Completion]) -> Completion:
    """One response with all choices, and with the usage and the cost of all calls."""
    if len(completions) == 1:
        return completions[0]
    choices = [choice for completion in completions for choice in completion["choices"]]
    for index, choice in enumerate(choices):
        choice["index"] = index
    usages = [completion["usage"] for completion in completions]
    whole = Completion.of_several(completions)
    whole["choices"] = choices
    whole["usage"] = summed(usages) if all(usages) else None
    return whole


def summed(usages: list[Any]) -> Any:
    """The sum of usages, field by field."""
    total: JSON = {}
    for usage in usages:
        for name, value in cast("JSON", usage).items():
            if isinstance(value, dict):
                total[name] = summed([total.get(name, {}), value])
            elif isinstance(value, int | float) and not isinstance(value, bool):
                total[name] = total.get(name, 0) + value
            else:
                total[name] = value
    return total


class Interleaving:
    """Makes the chunks of several streams those of one: own indexes, one id, and the usage with the very last."""

    def __init__(self, count: int) -> None:
        self._going = count
        self._head: JSON = {}
        self._usages: list[Any] = []

    def chunk(self, chunk: Chunk, index: int) -> Chunk:
        """This chunk of the stream that gives the choice of this index."""
        fields = cast("JSON", chunk)
        self._head = self._head or {key: fields[key] for key in ("id", "created", "model")}
        fields |= self._head
        choice = fields["choices"][0]
        choice["index"] = index
        if choice["finish_reason"] is not None or "usage" in fields:
            self._going -= 1
            self._usages.append(fields.pop("usage", None))
            if not self._going and all(self._usages):
                fields["usage"] = summed(self._usages)
        return chunk
