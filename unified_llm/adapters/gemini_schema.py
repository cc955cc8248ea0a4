"""JSON Schema as the OpenAPI subset that Gemini had before it took JSON Schema itself (models before 2.5).

https://ai.google.dev/api/caching#Schema, checked 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON

_KEPT = set(
    "format title description nullable enum minItems maxItems required propertyOrdering minimum maximum minLength "
    "maxLength pattern default example minProperties maxProperties".split()
)
_READ = {"type", "properties", "items", "anyOf", "oneOf", "allOf", "const", "$ref", "$defs", "definitions", "$schema"}
_SILENT = {"additionalProperties", "$id", "strict", "examples"}
"""Keywords that the subset lacks and whose absence changes no answer that the model would give."""


def openapi_schema(schema: JSON, report: Callable[[str], None]) -> JSON:
    """The same schema in the subset: upper-case types, `nullable`, references written out.

    Args:
        schema: any JSON schema; it is not changed.
        report: told of the keywords that were left out, once.

    Raises:
        RecursionError: a reference leads back to itself, which the subset cannot say, or too much to write out.
    """
    definitions = {
        f"#/{place}/{name}": inner
        for place in ("$defs", "definitions")
        for name, inner in as_dict(schema.get(place)).items()
    }
    dropped: set[str] = set()
    out = _Converter(definitions, dropped).convert(schema, ())
    if dropped:
        report(f"the JSON schema was sent without {', '.join(sorted(dropped))}, which this model does not know")
    return out


_MOST_SCHEMAS = 50_000
"""Of schemas in a schema whose references are written out: each may double what it leads to."""


class _Converter:
    def __init__(self, definitions: JSON, dropped: set[str]) -> None:
        self._definitions = definitions
        self._dropped = dropped
        self._left = _MOST_SCHEMAS

    def convert(self, given: Any, within: tuple[str, ...]) -> JSON:
        self._left -= 1
        if self._left < 0:
            raise RecursionError("references that come to more than can be written out")
        schema = as_dict(given)
        if "$ref" in schema:
            schema, within = self._followed(schema, within)
        for part in map(as_dict, as_list(schema.get("allOf"))):
            told, within = self._followed(part, within) if "$ref" in part else (part, within)
            schema = _merged(schema, told)
        self._dropped |= schema.keys() - _KEPT - _READ - _SILENT
        out: JSON = {key: value for key, value in schema.items() if key in _KEPT}
        if "const" in schema:
            out["enum"] = [schema["const"]]
        self._add_type(schema, out)
        if "properties" in schema:
            properties = as_dict(schema["properties"])
            out["properties"] = {name: self.convert(inner, within) for name, inner in properties.items()}
        if "items" in schema:
            out["items"] = self.convert(schema["items"], within)
        choices = as_list(schema.get("anyOf")) or as_list(schema.get("oneOf"))
        if choices:
            self._add_choices([self.convert(choice, within) for choice in choices], out)
        return out

    def _followed(self, schema: JSON, within: tuple[str, ...]) -> tuple[JSON, tuple[str, ...]]:
        name = schema["$ref"]
        if name in within:
            raise RecursionError(f"{name}, which leads back to itself")
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        target = as_dict(self._definitions.get(name))
        if "$ref" in target:
            target, within = self._followed(target, (*within, name))
        return {**target, **rest}, (*within, name)

    @staticmethod
    def _add_type(schema: JSON, out: JSON) -> None:
        kinds = schema.get("type")
        names: list[str] = [kinds] if isinstance(kinds, str) else as_list(kinds)
        if "null" in names and len(names) > 1:
            out["nullable"] = True
            names = [name for name in names if name != "null"]
        if len(names) == 1:
            out["type"] = names[0].upper()
        elif names:
            out["anyOf"] = [{"type": name.upper()} for name in names]
        elif "properties" in schema:
            out["type"] = "OBJECT"
        if "enum" in out:
            # an enum is of strings only
            out["enum"] = [str(value) for value in out["enum"] if value is not None]
            out["type"] = "STRING"

    @staticmethod
    def _add_choices(choices: list[JSON], out: JSON) -> None:
        real = [choice for choice in choices if choice.get("type") != "NULL"]
        if len(real) < len(choices):
            out["nullable"] = True
        if len(real) == 1:
            out |= {key: value for key, value in real[0].items() if key not in out}
        elif real:
            out["anyOf"] = real


def _merged(schema: JSON, part: JSON) -> JSON:
    """Two schemas that must both hold, as one."""
    out = {**part, **{key: value for key, value in schema.items() if key != "allOf"}}
    if "allOf" in schema:
        out["allOf"] = schema["allOf"]
    for key in ("properties", "required"):
        ours, theirs = schema.get(key), part.get(key)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            out[key] = {**cast("JSON", theirs), **cast("JSON", ours)}
        elif isinstance(ours, list) and isinstance(theirs, list):
            out[key] = [*cast("list[Any]", theirs), *cast("list[Any]", ours)]
    return out
