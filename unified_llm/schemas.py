"""JSON schemas of Python types, as pydantic makes them, without what says nothing to a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from unified_llm.docstrings import described
from unified_llm.errors import BadRequestError
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON


class _Generator(GenerateJsonSchema):
    """Leaves out a default that JSON has no word for, instead of warning of it."""

    ignored_warning_kinds = {"non-serializable-default", "skipped-choice"}  # noqa: RUF012 - as pydantic declares it


def schema_of(adapter: TypeAdapter[Any], name: str) -> JSON:
    """The JSON schema of what an adapter reads, which is an object.

    Args:
        adapter: of a type that pydantic knows.
        name: that of the type.

    Raises:
        BadRequestError: there is no schema, or it is none of an object.
    """
    schema = any_schema_of(adapter, name)
    if schema.get("type") != "object":
        raise BadRequestError(f"{name} is no type with fields: its JSON schema begins with {str(schema)[:60]}")
    return schema


def any_schema_of(adapter: TypeAdapter[Any], name: str) -> JSON:
    """The JSON schema of whatever an adapter reads.

    Titles that only repeat a name are left out, and what the docstring of a class says of its fields goes to them.

    Args:
        adapter: of any type that pydantic knows.
        name: that of the type.

    Raises:
        BadRequestError: there is no schema.
    """
    try:
        schema = adapter.json_schema(schema_generator=_Generator)
    except PydanticUserError as error:
        raise BadRequestError(f"{name} has no JSON schema: {error.message}") from error
    reference: str = schema.pop("$ref", "")
    if reference:  # a type that refers to itself: providers want its own fields at the top
        schema = {**schema["$defs"][reference.rpartition("/")[2]], **schema}
    for known, node in nodes(schema, name):
        title = str(node.get("title")).strip()
        if title in (known, known.title().replace("_", " ").strip(), known.rpartition("__")[2]):
            node.pop("title", None)
        if node.get("type") == "object" and "description" in node:
            _describe(node)
    return schema


def closed(schema: JSON) -> JSON:
    """The schema as OpenAI takes it with `strict`: every property required, no others, nothing beside a reference.

    https://platform.openai.com/docs/guides/structured-outputs, "Supported schemas", checked 2026-11-21. A property with
    a default is required too: the model says what it is.

    Args:
        schema: as `schema_of()` makes it; it is changed.

    Raises:
        BadRequestError: an object may have any keys.
    """
    for name, node in nodes(schema, "the whole"):
        node.pop("default", None)
        node.pop("discriminator", None)
        for key in ("oneOf", "allOf"):
            if key in node and (key == "oneOf" or len(node[key]) == 1):
                node["anyOf"] = node.pop(key)
        if "$ref" in node and len(node) > 1 and "$defs" not in node:
            node["anyOf"] = [{"$ref": node.pop("$ref")}]
        if node.get("type") == "object":
            if node.get("additionalProperties"):
                raise BadRequestError(f"strict schemas have no free keys, but {name} of the schema has")
            node["additionalProperties"] = False
            node["required"] = list(node.setdefault("properties", {}))
    return schema


def _describe(node: JSON) -> None:
    text, fields = described(node.pop("description"))
    if text:
        node["description"] = text
    for name, said in fields.items():
        as_dict(as_dict(node.get("properties")).get(name)).setdefault("description", said)


def nodes(schema: JSON, name: str) -> Iterator[tuple[str, JSON]]:
    """Every schema in a schema, with the name that it has there."""
    yield name, schema
    for key in ("$defs", "properties"):
        for inner_name, inner in as_dict(schema.get(key)).items():
            yield from nodes(as_dict(inner), inner_name)
    for key in ("items", "additionalProperties"):
        if schema.get(key):
            yield from nodes(as_dict(schema[key]), name)
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for inner in as_list(schema.get(key)):
            yield from nodes(as_dict(inner), name)
