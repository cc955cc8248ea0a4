"""JSON between wire bytes and dicts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import from_json

if TYPE_CHECKING:
    from unified_llm.types import JSON

_from_json = cast("Callable[[bytes | str], Any]", from_json)


def loads(data: bytes | str) -> Any:
    """Parse JSON; ValueError where it is not JSON.

    pydantic_core is twice as fast as the standard library, but refuses the lone surrogates that providers send when
    they cut an emoji in two; those texts go the slow way.
    """
    try:
        return _from_json(data)
    except ValueError:
        return json.loads(data)


_NUMBER_AT_END = re.compile(r"(?<=[\s:,\[])-?\d[\d.eE+-]*$")
_LONGEST_NUMBER = 64


def begun(text: str) -> Any:
    """The value that a text begins to say: strings as far as they go, numbers and words once they are complete.

    Raises:
        ValueError: nothing yet, or no JSON.
    """
    if number := _NUMBER_AT_END.search(text, max(0, len(text) - _LONGEST_NUMBER)):
        text = text[: number.start()]
    return from_json(text, allow_partial="trailing-strings")


def dumps(value: Any) -> str:
    """Compact JSON; ValueError for NaN and infinities, TypeError for what JSON has no word for."""
    return _encoded(value)


_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def plain(value: Any) -> Any:
    """The same value in dicts and lists, where a caller has other mappings and tuples."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in cast("Mapping[Any, Any]", value).items()}
    return [plain(inner) for inner in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def as_dict(value: Any) -> JSON:
    """A value of parsed JSON that should be an object: itself, or an empty one for null and for anything else."""
    return cast("JSON", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A value of parsed JSON that should be an array: itself, or an empty one for null and for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []
