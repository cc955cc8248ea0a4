"""JSON between wire bytes and dicts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from types import NoneType
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import from_json

from unified_llm.errors import BadRequestError

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
        try:
            return json.loads(data)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error


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
    """The same value in dicts and lists, where a caller has other mappings and tuples.

    Raises:
        BadRequestError: it has itself in it.
    """
    try:
        return _plain(value)
    except RecursionError as error:
        raise BadRequestError(f"a {type(value).__name__} has itself in it, or is nested too deeply") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in cast("Mapping[Any, Any]", value).items()}
    return [_plain(inner) for inner in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def misfit(value: Any, place: str) -> str | None:
    """What of a value has no place in JSON, in words and with where it stands; None where all of it has one."""
    return next(_misfits(value, place, ()), None)


def _misfits(value: Any, place: str, within: tuple[int, ...]) -> Iterator[str]:
    itself, inner = id(value), cast("Iterable[tuple[str, Any]]", ())
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value).items()
        yield from (f"{place} has the key {key!r}" for key, _ in items if not isinstance(key, _OF_KEYS))
        inner = ((f"{place}.{key}", item) for key, item in items)
    elif isinstance(value, (list, tuple)):
        inner = ((f"{place}[{at}]", item) for at, item in enumerate(cast("list[Any]", value)))
    elif isinstance(value, float) and (value != value or value in (inf, -inf)):
        yield f"{place} is {value}"
    elif isinstance(value, str) and _SURROGATE.search(value):
        yield f"{place} has half of a surrogate pair, which is no character"
    elif not isinstance(value, _OF_KEYS):
        yield f"{place} is {type(value).__name__}"
    if itself in within:
        yield f"{place} has itself in it"
    elif len(within) > _DEEPEST:
        yield f"{_beginning(place)} is nested too deeply"
    else:
        for inner_place, item in inner:
            yield from _misfits(item, inner_place, (*within, itself))


_OF_KEYS = (str, int, float, NoneType)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_DEEPEST = 200


def _beginning(place: str) -> str:
    return f"{place[:60]}..." if len(place) > 60 else place


def whole(value: Any) -> int | None:
    """A whole number, also where it is written as a float or in a string; None for what is no number."""
    if value.__class__ is int:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return int(float(value))
    except (ValueError, OverflowError):  # of which NaN and infinity are some
        return None


def as_dict(value: Any) -> JSON:
    """A value of parsed JSON that should be an object: itself, or an empty one for null and for anything else."""
    return cast("JSON", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A value of parsed JSON that should be an array: itself, or an empty one for null and for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []
