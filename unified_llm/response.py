"""The response: a dict of the chat-completions shape with a few read-only properties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, cast, overload

from unified_llm.pricing import Parts, Prices, added, answer_parts, sum_of

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from unified_llm.formats import Format
    from unified_llm.types import JSON, AssistantMessage, Choice, ToolCall, Usage

    T = TypeVar("T", default=Any)
else:
    from typing import TypeVar

    T = TypeVar("T")


class Completion(dict[str, Any], Generic[T]):
    """A chat completion: a plain dict (`json.dumps` works), plus shortcuts to what is read most.

    Keys: `id`, `object`, `created` (seconds), `model`, `choices`, `usage` (None when the provider gave none),
    `warnings` (a list of what was left out of the request or adjusted), and the provider's `service_tier` and
    `system_fingerprint` where there are any.

    Example:
        >>> response = completion(model="claude-sonnet-4-5", messages="Hi")  # doctest: +SKIP
        >>> response["choices"][0]["message"]["content"] == response.text  # doctest: +SKIP
        True
    """

    __slots__ = ("_format", "_parsed", "_parts", "_prices")

    def __init__(
        self,
        fields: JSON,
        *,
        prices: Prices | None = None,
        format: Format | None = None,
        parts: tuple[Completion, ...] = (),
    ) -> None:
        super().__init__(fields)
        self._prices = prices
        self._format = format
        self._parts = parts
        self._parsed: tuple[str, Any] | None = None

    @classmethod
    def of_several(cls, parts: Sequence[Completion[T]]) -> Completion[T]:
        """A response that stands for several calls: the first one's fields, and the cost of all."""
        first = parts[0]
        return cls(first, prices=first._prices, format=first._format, parts=tuple(parts))

    @property
    def message(self) -> AssistantMessage:
        """The first choice's message; append it to `messages` to go on."""
        return self["choices"][0]["message"]

    @property
    def text(self) -> str:
        """The first choice's text, "" when it has none."""
        return self.message["content"] or ""

    @property
    def reasoning(self) -> str:
        """The first choice's readable reasoning, "" when it has none."""
        return self.message.get("reasoning_content", "")

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The first choice's calls of client tools."""
        return self.message.get("tool_calls", [])

    @property
    def parsed(self) -> T:
        """What the first choice says, in the form that `response_format` asked for: an instance of the type, or JSON.

        None where no form was asked for. It is read once; another text is read anew.

        Raises:
            RefusedAnswerError: the model or a filter refused to answer.
            TruncatedAnswerError: the limit of tokens cut the answer off.
            InvalidAnswerError: the answer is not JSON, not of the form, or tools are called first.
        """
        if self._format is None:
            return cast("T", None)
        if self._parsed is None or self._parsed[0] != self.text:
            self._parsed = self.text, self._format.parsed(self)
        return self._parsed[1]

    @property
    def cost(self) -> float | None:
        """What the answer cost in USD: what the provider says, else by the catalog's prices; None when not known."""
        total = sum_of(self.cost_parts())
        return None if total is None else float(total)

    def cost_parts(self, service_tier: str | None = None) -> Parts | None:
        """What each part of the answer costs in USD, None for one without a known price; `cost` is their sum.

        Args:
            service_tier: how it was served, where the answer does not say that.
        """
        if self._parts:
            return added(part.cost_parts(service_tier) for part in self._parts)
        return answer_parts({**self, "service_tier": service_tier} if service_tier else self, self._prices)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (dict(self), self._prices, self._format, self._parts)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, key: Literal["choices"], /) -> list[Choice]: ...
        @overload
        def __getitem__(self, key: Literal["usage"], /) -> Usage | None: ...
        @overload
        def __getitem__(self, key: Literal["id", "object", "model"], /) -> str: ...
        @overload
        def __getitem__(self, key: Literal["created"], /) -> int: ...
        @overload
        def __getitem__(self, key: Literal["warnings"], /) -> list[str]: ...
        @overload
        def __getitem__(self, key: str, /) -> Any: ...
        def __getitem__(self, key: str, /) -> Any: ...


def _rebuild(fields: JSON, prices: Prices | None, format: Format | None, parts: tuple[Completion, ...]) -> Completion:
    return Completion(fields, prices=prices, format=format, parts=parts)
