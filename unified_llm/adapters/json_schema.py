"""JSON schemas brought into the dialects that providers take."""

from __future__ import annotations

import re
from typing import Any, cast

from unified_llm import json_codec
from unified_llm.adapters.contract import Call, NoSchemaError
from unified_llm.formats import Format
from unified_llm.json_codec import as_dict
from unified_llm.types import JSON


class DialectError(ValueError):
    """A schema says what the dialect has no words for."""


def is_checked(format: JSON) -> bool:
    """Whether the answer is checked against its schema here, so that what no provider enforces is not lost."""
    return isinstance(format, Format) and format.kind is not None


# --- Claude ---------------------------------------------------------------------------------------------------------

# https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs, "JSON schema limitations"
_REFUSED = (
    "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern maxItems uniqueItems "
    "prefixItems patternProperties propertyNames not if then else minProperties maxProperties contains "
    "unevaluatedProperties"
).split()
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}


def anthropic_schema(call: Call, format: JSON) -> JSON:
    """The schema of a `response_format` as Claude's structured output takes it: closed objects, no keyword it refuses.

    What Claude does not enforce goes into the description, as Anthropic's SDK does it (`transform_schema`).

    Args:
        call: told of the keywords that nothing enforces; there are none where the answer is checked here.
        format: OpenAI's dict, with any JSON schema; it is not changed.

    Raises:
        NoSchemaError: an object may have any keys, or a part leads back to itself.
    """
    schema = as_dict(format["json_schema"].get("schema")) or {"type": "object"}
    dropped: list[str] = []
    try:
        out = _close(schema, dropped)
        if circle := _circle(schema):
            raise DialectError(f"{circle} leads back to itself")
    except DialectError as error:
        raise call.refusal(f"this API cannot hold an answer to this JSON schema: {error}", NoSchemaError) from error
    if is_checked(format):
        dropped = [key for key in dropped if key == "additionalProperties"]
    if dropped:
        names = ", ".join(sorted(set(dropped)))
        call.adjust(f"the JSON schema was sent without {names}, which Claude does not enforce")
    return out


def _close(schema: JSON, dropped: list[str]) -> JSON:
    out: JSON = {}
    lost: JSON = {}
    for key, value in schema.items():
        if _left_out(key, value):
            lost[key] = value
        elif key in ("properties", "$defs", "definitions"):
            out[key] = {name: _inner(inner, dropped) for name, inner in cast("JSON", value).items()}
        elif key == "oneOf":
            out["anyOf"] = _inner(value, dropped)
        elif key in ("items", "anyOf", "allOf"):
            out[key] = _inner(value, dropped)
        else:
            out[key] = value
    dropped += lost
    if out.get("type") == "object" or "properties" in out:
        _close_object(out, dropped)
    _tell(out, lost)
    return out


def _tell(out: JSON, lost: JSON) -> None:
    """Put keywords that nothing enforces into the description, for the model to heed them."""
    if lost:
        told = ", ".join(f"{key}: {json_codec.dumps(value)}" for key, value in lost.items())
        out["description"] = "\n\n".join(filter(None, (out.get("description"), f"{{{told}}}")))


def _close_object(out: JSON, dropped: list[str]) -> None:
    free = out.get("additionalProperties")
    if isinstance(free, dict) or (not out.get("properties") and (free or "properties" not in out)):
        raise DialectError("an object may have any keys")
    if free:
        dropped.append("additionalProperties")
    out.setdefault("type", "object")
    out["additionalProperties"] = False


def _left_out(key: str, value: Any) -> bool:
    return key in _REFUSED or (key == "format" and value not in _FORMATS) or (key == "minItems" and value not in (0, 1))


def _inner(value: Any, dropped: list[str]) -> Any:
    if isinstance(value, list):
        return [_inner(item, dropped) for item in cast("list[Any]", value)]
    return _close(cast("JSON", value), dropped) if isinstance(value, dict) else value


_SHARED = ("$defs", "definitions")
_REFERENCE = re.compile(r'"\$ref":"([^"]*)"')


def _circle(schema: JSON) -> str | None:
    """A reference that leads back to itself, None where there is none."""
    places = {f"#/{place}/{name}": inner for place in _SHARED for name, inner in as_dict(schema.get(place)).items()}
    places["#"] = {key: inner for key, inner in schema.items() if key not in _SHARED}
    leads = {place: set(_REFERENCE.findall(json_codec.dumps(inner))) for place, inner in places.items()}
    while ends := {place for place, targets in leads.items() if not targets & leads.keys()}:
        leads = {place: targets for place, targets in leads.items() if place not in ends}
    return next(iter(leads), None)


# --- OpenAI ---------------------------------------------------------------------------------------------------------

# https://platform.openai.com/docs/guides/structured-outputs, "Supported schemas"
_SAID = (
    "type description title enum anyOf $ref $defs definitions properties required additionalProperties items pattern "
    "format multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems const"
).split()
_UNSAID = {"allOf", "oneOf", "not", "if", "then", "else", "prefixItems", "patternProperties", "dependentSchemas"}
_UNENFORCED = {"minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties", "propertyNames", "contains"}
_SAYING = {"type", "anyOf", "$ref", "enum", "const"}


def openai_format(format: JSON) -> JSON:
    """`response_format` for OpenAI and its like: the caller's own dict as it is, one made here with `strict`.

    With `strict` the model cannot depart from the schema, but every object must be closed and every property required,
    so the model says what a property with a default is. A schema that this changes stays the caller's where it is
    theirs, and any schema that `strict` has no words for goes without. Bounds that it lacks go into the descriptions.
    """
    if not isinstance(format, Format) or not format.made:
        return format
    try:
        strict = _strict(format.schema)
    except DialectError:
        return format
    if format.kind is None and strict != format.schema:
        return format
    return {"type": "json_schema", "json_schema": {"name": format.name, "schema": strict, "strict": True}}


def _is_unknown(key: str, value: Any) -> bool:
    """Whether a constraint is one that OpenAI's grammar lacks; the answer is checked against it here."""
    if key in ("format", "pattern"):
        return value not in _FORMATS - {"uri"} if key == "format" else "(?" in value
    return key in _UNENFORCED


def _strict(schema: JSON) -> JSON:
    if unsaid := _UNSAID & schema.keys():
        raise DialectError(f"{min(unsaid)} is not known with strict")
    if not _SAYING & schema.keys() or (schema.get("type") == "array" and "items" not in schema):
        raise DialectError("a value may be anything")
    lost = {key: value for key, value in schema.items() if _is_unknown(key, value)}
    out = {key: value for key, value in schema.items() if key in _SAID and key not in lost}
    for key in ("properties", *_SHARED):
        if key in out:
            out[key] = {name: _strict(inner) for name, inner in out[key].items()}
    if "items" in out:
        out["items"] = _strict(out["items"])
    if "anyOf" in out:
        out["anyOf"] = [_strict(inner) for inner in out["anyOf"]]
    if out.get("type") == "object":
        if out.get("additionalProperties") or "properties" not in out:
            raise DialectError("an object may have any keys")
        out |= {"additionalProperties": False, "required": list(out["properties"])}
    _tell(out, lost)
    return out
