"""Whether a value is of a JSON schema: the keywords that say what is valid, of https://json-schema.org/draft/2020-12.

Not checked are `format`, which is an annotation there, `contains`, what depends on other keys or on what other
keywords saw (`dependent...`, `unevaluated...`), and references that lead out of the schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, cast

from unified_llm.json_codec import as_dict, as_list, dumps

Found = Iterator[tuple[str, str]]
"""A place, and what is wrong there."""


def problems(schema: Any, value: Any) -> list[str]:
    """What in a value is not of a schema, each with its place; nothing where all is.

    Example:
        >>> problems({"properties": {"age": {"type": "integer"}}, "required": ["name"]}, {"age": "old"})
        ['age: is not of type integer', 'name: is missing']
    """
    return [f"{place}: {what}" if place else what for place, what in _found(schema, value, "", schema)]


def _found(schema: Any, value: Any, place: str, root: Any) -> Found:
    if schema is False:
        yield place, "is not allowed"
    for keyword, given in as_dict(schema).items():
        if keyword in _LIMITS:
            limit, measured, kinds = _LIMITS[keyword]
            if _is(value, kinds) and _is(given, ("number",)) and not limit(measured(value), given):
                yield place, f"is not valid: {keyword} is {given}"
        elif keyword in _SIMPLE:
            if what := _SIMPLE[keyword](given, value):
                yield place, what
        elif keyword in _NESTED:
            yield from _NESTED[keyword](as_dict(schema), value, place, root)


def _is(value: Any, kinds: tuple[str, ...]) -> bool:
    return any(_OF_TYPE[kind](value) for kind in kinds if kind in _OF_TYPE)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_OF_TYPE: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value == value // 1,
}


def _itself(value: Any) -> Any:
    return value


_LIMITS: dict[str, tuple[Callable[[Any, Any], bool], Callable[[Any], Any], tuple[str, ...]]] = {
    "minimum": (lambda it, limit: it >= limit, _itself, ("number",)),
    "maximum": (lambda it, limit: it <= limit, _itself, ("number",)),
    "exclusiveMinimum": (lambda it, limit: it > limit, _itself, ("number",)),
    "exclusiveMaximum": (lambda it, limit: it < limit, _itself, ("number",)),
    "multipleOf": (
        lambda it, unit: not unit or abs(it / unit - round(it / unit)) < 1e-9,
        lambda value: value,
        ("number",),
    ),
    "minLength": (lambda it, limit: it >= limit, len, ("string",)),
    "maxLength": (lambda it, limit: it <= limit, len, ("string",)),
    "minItems": (lambda it, limit: it >= limit, len, ("array",)),
    "maxItems": (lambda it, limit: it <= limit, len, ("array",)),
    "minProperties": (lambda it, limit: it >= limit, len, ("object",)),
    "maxProperties": (lambda it, limit: it <= limit, len, ("object",)),
}
"""For each limit what it allows, what it measures, and of which types."""

# --- keywords that know no others -----------------------------------------------------------------------------------


def _type(given: Any, value: Any) -> str | None:
    kinds = (given,) if isinstance(given, str) else tuple(as_list(given))
    return None if _is(value, kinds) else f"is not of type {' or '.join(map(str, kinds))}"


def _enum(given: Any, value: Any) -> str | None:
    known = [dumps(one) for one in as_list(given)]
    return None if _same(value, known) else f"is none of {', '.join(known)}"


def _const(given: Any, value: Any) -> str | None:
    return None if _same(value, [dumps(given)]) else f"is not {dumps(given)}"


def _same(value: Any, known: list[str]) -> bool:
    """Whether a value is one of these JSON texts; a number may be written in two ways, and is no boolean."""
    whole = int(value) if isinstance(value, float) and value == value // 1 else value
    return dumps(value) in known or dumps(whole) in known or (_is_number(value) and dumps(float(value)) in known)


def _pattern(given: Any, value: Any) -> str | None:
    if not isinstance(value, str) or _matches(given, value):
        return None
    return f"does not match the pattern {given}"


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True  # JavaScript's expressions have some words that Python's lack


def _unique(given: Any, value: Any) -> str | None:
    items = [dumps(item) for item in as_list(value)]
    return "has items twice" if given and len(set(items)) < len(items) else None


_SIMPLE: dict[str, Callable[[Any, Any], str | None]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "uniqueItems": _unique,
}

# --- keywords that hold schemas -------------------------------------------------------------------------------------


def _at(place: str, key: Any) -> str:
    return f"{place}.{key}" if place else str(key)


def _properties(schema: Any, value: Any, place: str, root: Any) -> Found:
    for key, inner in schema["properties"].items():
        if key in as_dict(value):
            yield from _found(inner, value[key], _at(place, key), root)


def _required(schema: Any, value: Any, place: str, root: Any) -> Found:
    for key in as_list(schema["required"]) if isinstance(value, dict) else ():
        if key not in value:
            yield _at(place, key), "is missing"


def _rest(schema: Any, value: Any, place: str, root: Any) -> Found:
    """What no other keyword names: `additionalProperties`, and `patternProperties` on the way."""
    patterns, known = as_dict(schema.get("patternProperties")), as_dict(schema.get("properties"))
    for key, item in as_dict(value).items():
        named = [inner for pattern, inner in patterns.items() if _matches(pattern, key)]
        if not named and key not in known:
            named = [schema.get("additionalProperties", True)]
        for inner in named:
            yield from _found(inner, item, _at(place, key), root)


def _patterns(schema: Any, value: Any, place: str, root: Any) -> Found:
    if "additionalProperties" not in schema:
        yield from _rest(schema, value, place, root)


def _names(schema: Any, value: Any, place: str, root: Any) -> Found:
    for key in as_dict(value):
        yield from _found(schema["propertyNames"], key, _at(place, key), root)


def _items(schema: Any, value: Any, place: str, root: Any) -> Found:
    begin = len(as_list(schema.get("prefixItems")))
    for index, item in list(enumerate(as_list(value)))[begin:]:
        yield from _found(schema["items"], item, _at(place, index), root)


def _prefix(schema: Any, value: Any, place: str, root: Any) -> Found:
    for index, (inner, item) in enumerate(zip(schema["prefixItems"], as_list(value), strict=False)):
        yield from _found(inner, item, _at(place, index), root)


def _all(schema: Any, value: Any, place: str, root: Any) -> Found:
    for inner in schema["allOf"]:
        yield from _found(inner, value, place, root)


def _branches(schemas: list[Any], value: Any, place: str, root: Any) -> list[list[tuple[str, str]]]:
    return [list(_found(inner, value, place, root)) for inner in schemas] or [[]]


def _any(schema: Any, value: Any, place: str, root: Any) -> Found:
    """Of several choices the problems of the nearest one."""
    yield from min(_branches(schema["anyOf"], value, place, root), key=len)


def _one(schema: Any, value: Any, place: str, root: Any) -> Found:
    found = _branches(schema["oneOf"], value, place, root)
    if found.count([]) > 1:
        yield place, "is more than one of what it may be one of"
    yield from min(found, key=len)


def _not(schema: Any, value: Any, place: str, root: Any) -> Found:
    if not list(_found(schema["not"], value, place, root)):
        yield place, f"must not be {dumps(schema['not'])}"


def _if(schema: Any, value: Any, place: str, root: Any) -> Found:
    branch = "else" if list(_found(schema["if"], value, place, root)) else "then"
    yield from _found(schema.get(branch, True), value, place, root)


def _reference(schema: Any, value: Any, place: str, root: Any) -> Found:
    target = root
    for part in cast("str", schema["$ref"]).removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        target = as_dict(target).get(key, True)
    if schema["$ref"].startswith("#"):
        yield from _found(target, value, place, root)


_NESTED: dict[str, Callable[[Any, Any, str, Any], Found]] = {
    "properties": _properties,
    "required": _required,
    "additionalProperties": _rest,
    "patternProperties": _patterns,
    "propertyNames": _names,
    "items": _items,
    "prefixItems": _prefix,
    "allOf": _all,
    "anyOf": _any,
    "oneOf": _one,
    "not": _not,
    "if": _if,
    "$ref": _reference,
}
