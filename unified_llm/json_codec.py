"""JSON between wire bytes and dicts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from pydantic_core import from_json

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


def dumps(value: Any) -> str:
    """Compact JSON; ValueError for NaN and infinities, TypeError for what JSON has no word for."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
