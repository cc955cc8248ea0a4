"""JSON schemas brought into the dialects that providers take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from unified_llm.types import JSON

# https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs, "JSON schema limitations"
_REFUSED = (
    "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern maxItems uniqueItems "
    "prefixItems patternProperties propertyNames not if then else minProperties maxProperties contains "
    "unevaluatedProperties"
).split()
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}


def anthropic_schema(schema: JSON, report: Callable[[str], None]) -> JSON:
    """A schema that Claude's structured output takes: closed objects, and no keyword that it refuses.

    Args:
        schema: any JSON schema; it is not changed.
        report: told of the keywords that were left out, once each.
    """
    dropped: list[str] = []
    out = _close(schema, dropped)
    if dropped:
        report(f"the JSON schema was sent without {', '.join(sorted(set(dropped)))}, which Claude does not enforce")
    return out


def _close(schema: JSON, dropped: list[str]) -> JSON:
    out: JSON = {}
    for key, value in schema.items():
        if _left_out(key, value):
            dropped.append(key)
        elif key in ("properties", "$defs", "definitions"):
            out[key] = {name: _inner(inner, dropped) for name, inner in cast("JSON", value).items()}
        elif key == "oneOf":
            out["anyOf"] = _inner(value, dropped)
        elif key in ("items", "anyOf", "allOf"):
            out[key] = _inner(value, dropped)
        else:
            out[key] = value
    if out.get("type") == "object" or "properties" in out:
        out.setdefault("type", "object")
        out["additionalProperties"] = False
    return out


def _left_out(key: str, value: Any) -> bool:
    return key in _REFUSED or (key == "format" and value not in _FORMATS) or (key == "minItems" and value not in (0, 1))


def _inner(value: Any, dropped: list[str]) -> Any:
    if isinstance(value, list):
        return [_inner(item, dropped) for item in cast("list[Any]", value)]
    return _close(cast("JSON", value), dropped) if isinstance(value, dict) else value
