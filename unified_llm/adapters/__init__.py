"""Adapters: one module for each wire format, loaded when first used."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from unified_llm.errors import BadRequestError

if TYPE_CHECKING:
    from unified_llm.adapters import contract
    from unified_llm.types import JSON

NAMES = (
    "anthropic_complete",
    "anthropic_messages",
    "bedrock_converse",
    "bedrock_invoke",
    "cohere_chat",
    "gemini",
    "ollama_chat",
    "openai_chat",
    "openai_completions",
    "openai_responses",
)


class Adapter(Protocol):
    """What every adapter module has."""

    FRAMING: type[contract.Framing]
    Decoder: type[contract.CallDecoder]
    Quirks: Any

    def render(self, call: contract.Call) -> contract.Request:
        """The request of a call."""
        ...

    def parse(self, call: contract.Call, body: JSON) -> JSON:
        """The fields of the completion that a body holds."""
        ...

    def explain(self, status: int, body: Any) -> tuple[str | None, str]:
        """The code and the message of an error body."""
        ...


@cache
def load(name: str) -> Adapter:
    """The adapter of a wire format.

    Raises:
        BadRequestError: there is no such wire format.
    """
    if name not in NAMES:
        raise BadRequestError(f"adapter {name!r} does not exist; there are {', '.join(NAMES)}")
    return cast("Adapter", import_module(f"unified_llm.adapters.{name}"))
