"""Types as forms of answers: their JSON schemas, and what reads an answer into them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

from unified_llm.errors import BadRequestError
from unified_llm.schemas import any_schema_of, nodes
from unified_llm.types import JSON

MOST_TYPES = 256
"""Types that are remembered with what was made of them, which takes a millisecond."""


def described(kind: Any) -> tuple[str, JSON]:
    """The name and the JSON schema of a type.

    The schema is without what not every provider has a word for and another word says as well: `const`, `oneOf`,
    `discriminator`, and keywords beside `$ref`.

    Raises:
        BadRequestError: pydantic does not know the type, or JSON has no place for it.
    """
    return _described(kind) if _has_hash(kind) else _described.__wrapped__(kind)


def reader_of(kind: Any) -> TypeAdapter[Any]:
    """What reads JSON into a type."""
    if isinstance(kind, TypeAdapter):
        return cast("TypeAdapter[Any]", kind)
    return _reader(kind) if _has_hash(kind) else _reader.__wrapped__(kind)


def _has_hash(kind: Any) -> bool:
    """Whether a type can be remembered: one with a list among its annotations cannot."""
    try:
        hash(kind)
    except TypeError:
        return False
    return True


@lru_cache(MOST_TYPES)
def _reader(kind: Any) -> TypeAdapter[Any]:
    with _refusing(kind):
        return TypeAdapter(kind)


@lru_cache(MOST_TYPES)
def _described(kind: Any) -> tuple[str, JSON]:
    adapter = reader_of(kind)
    name = kind.__name__ if isinstance(kind, type) else ""
    with _refusing(kind):
        schema = any_schema_of(adapter, name or str(kind))
    for _, node in list(nodes(schema, name)):
        _make_plain(node)
    return name, schema


@contextmanager
def _refusing(kind: Any) -> Generator[None]:
    try:
        yield
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        raise BadRequestError(f"response_format is {kind!r}, which pydantic cannot read: {error.message}") from error


def _make_plain(node: JSON) -> None:
    if "const" in node:
        node["enum"] = [node.pop("const")]
    node.pop("discriminator", None)
    for key in ("oneOf", "allOf"):
        if key in node and (key == "oneOf" or len(node[key]) == 1):
            node["anyOf"] = node.pop(key)
    if "$ref" in node and len(node) > 1:
        node["anyOf"] = [{"$ref": node.pop("$ref")}]
