"""What `response_format` takes, and how an answer of that form is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic_core import ValidationError

from unified_llm import json_codec
from unified_llm.errors import (
    BadRequestError,
    InvalidAnswerError,
    RefusedAnswerError,
    TruncatedAnswerError,
    UnifiedLLMError,
    shown,
)
from unified_llm.json_codec import as_dict
from unified_llm.schema_check import problems
from unified_llm.types import JSON

if TYPE_CHECKING:
    from unified_llm.response import Completion

KEY = "value"
"""Where the answer stands in its object, if it is none itself; providers want an object."""

NAME = "answer"
"""The name of a schema that has none."""


class Format(dict[str, Any]):
    """OpenAI's `response_format`, and how to read an answer of this form.

    Attributes:
        kind: the type that the answer is read into; None where that is JSON.
        key: where the answer stands in its object; "" where it is the object.
        made: whether the schema was made here, and may be brought into a provider's dialect as it needs.
        prefix: what the answer goes on with, from a prefill.
        fenced: whether a fence of Markdown around the answer is taken for what it is.
    """

    __slots__ = ("fenced", "key", "kind", "made", "prefix")

    def __init__(self, fields: Mapping[str, Any], *, kind: Any = None, key: str = "", made: bool = False) -> None:
        super().__init__(fields)
        self.kind = kind
        self.key = key
        self.made = made
        self.prefix = ""
        self.fenced = False

    def of_prompt(self, prefix: str) -> Self:
        """The same form, where nothing but the prompt asks for it: the answer stands in no object of ours.

        Args:
            prefix: what the answer goes on with, from a prefill.
        """
        twin = type(self)(self, kind=self.kind, made=self.made)
        if self.key:
            inner = {**self.schema["properties"][self.key], **_shared(self.schema)}
            twin["json_schema"] = {"name": self.name, "schema": inner}
        twin.prefix, twin.fenced = prefix, True
        return twin

    @property
    def schema(self) -> JSON:
        """The JSON schema of the answer's object."""
        return as_dict(as_dict(self.get("json_schema")).get("schema")) or {"type": "object"}

    @property
    def name(self) -> str:
        """What the schema is called."""
        return as_dict(self.get("json_schema")).get("name") or NAME

    def parsed(self, completion: Completion) -> Any:
        """What the first choice says, read and checked.

        Raises:
            RefusedAnswerError: the model or a filter refused to answer.
            TruncatedAnswerError: the limit of tokens cut the answer off.
            InvalidAnswerError: the answer is not JSON, not of the form, or tools are called first.
        """
        choice = completion["choices"][0]
        message, finish = choice["message"], choice["finish_reason"]
        refusal = message.get("refusal")
        if refusal or finish == "content_filter":
            raise RefusedAnswerError(f"{completion['model']} refused to answer: {refusal or finish}", completion)
        if message.get("tool_calls"):
            raise InvalidAnswerError(f"{completion['model']} calls tools; the answer comes after that", completion)
        try:
            return self.value_of(message["content"] or "")
        except UnifiedLLMError:
            raise  # of a model that a validator asks
        except Exception as error:  # validators may raise anything where the answer is not what they thought
            if finish == "length":
                raise TruncatedAnswerError(f"{completion['model']} was cut off by max_tokens", completion) from error
            raise InvalidAnswerError(
                f"{completion['model']} gave an answer that is not valid: {words_of(error)}", completion
            ) from error

    def value_of(self, text: str) -> Any:
        """What a text says.

        Raises:
            ValueError: it is not JSON, not of the schema, or (`pydantic.ValidationError`) not of the type.
        """
        text = self._bare(text)
        if self.kind is None:
            value = json_codec.loads(text)
            if self["type"] == "json_schema" and (found := problems(self.schema, value)):
                raise ValueError("\n".join(found))
            return self._within(value) if self.key else value
        from unified_llm.answer_types import reader_of  # noqa: PLC0415 - loads pydantic

        if self.key:
            text = json_codec.dumps(self._within(json_codec.loads(text)))
        return reader_of(self.kind).validate_json(text)

    def grown(self, text: str) -> Any:
        """What the beginning of a text says so far.

        Raises:
            ValueError: nothing yet.
        """
        value = json_codec.begun(self._bare(text))
        return self._within(value) if self.key else value

    def _bare(self, text: str) -> str:
        """The text without its fence, and with what it goes on with."""
        text = self.prefix + text
        if not self.fenced or not (fence := _FENCE.match(text)):
            return text
        return text[fence.end() :].rstrip().removesuffix("```")

    def _within(self, value: Any) -> Any:
        inner = as_dict(value)
        if self.key not in inner:
            raise ValueError(f"the answer has no {self.key!r}")
        return inner[self.key]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), dict(self), self.kind, self.key, self.made, self.prefix, self.fenced)


def _rebuild(kind: type[Format], fields: JSON, of: Any, key: str, made: bool, prefix: str, fenced: bool) -> Format:
    format = kind(fields, kind=of, key=key, made=made)
    format.prefix, format.fenced = prefix, fenced
    return format


_FENCE = re.compile(r"\s*```\w*[^\S\n]*\n?")


def words_of(error: BaseException | None) -> str:
    """What a validator says of an answer, with the places but without the answer itself."""
    if not isinstance(error, ValidationError):
        return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    told = error.errors(include_url=False, include_context=False, include_input=False)
    return "\n".join(": ".join(filter(None, (".".join(map(str, one["loc"])), one["msg"]))) for one in told)


# --- forms ----------------------------------------------------------------------------------------------------------

_KINDS = ("text", "json_object", "json_schema")
_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_KEYWORDS = set("$schema $ref $defs definitions properties items enum const anyOf oneOf allOf".split())
_INNER = ("schema", "response_schema", "function", "parameters")
"""Where other libraries put a schema: distilabel and Outlines, LiteLLM, and those that take a function for one."""


_NO_TYPES = (str, bytes, int, float, list, tuple, set, FunctionType, MethodType)
"""What pydantic would read as something else than it is, or not at all."""


def format_of(given: Any) -> Format:
    """The form that a `response_format` stands for.

    Args:
        given: OpenAI's dict; a JSON schema; or what pydantic reads: a model, a dataclass, a TypedDict, an Enum, a
            `Literal`, a list or a union of such, a `TypeAdapter`.

    Raises:
        BadRequestError: it is none of these, or of a type that JSON has no place for.
    """
    if isinstance(given, Format):
        return given
    if isinstance(given, Mapping):
        return _of_dict(cast("JSON", given), given)
    if given is None or isinstance(given, _NO_TYPES):
        raise _refusal(given)
    from unified_llm.answer_types import described  # noqa: PLC0415 - loads pydantic

    name, schema = described(given)
    return _of_schema(schema, name, kind=given)


def _of_dict(given: JSON, whole: Any, name: str = "") -> Format:
    kind, name = given.get("type"), given.get("name") or name
    if kind == "json_schema":
        return _of_openai(given)
    inner = next((given[place] for place in _INNER if place in given), None)
    if isinstance(inner, Mapping):
        told = {"description": given["description"]} if given.get("description") else {}
        return _of_dict({**told, **inner}, whole, name)
    if inner is not None:
        return format_of(inner)
    if kind in _KINDS:
        return Format(given)
    if kind in _TYPES or isinstance(kind, list) or given.keys() & _KEYWORDS:
        return _of_schema(given, name or given.get("title", ""))
    raise _refusal(whole)


def _of_openai(given: JSON) -> Format:
    """The caller's own `json_schema`, as it is; it may also be in the form of the Responses API or of Claude."""
    if isinstance(given.get("json_schema"), Mapping):
        return Format(given)
    if not isinstance(given.get("schema"), Mapping):
        raise BadRequestError("response_format of type json_schema needs 'json_schema': {'name': ..., 'schema': ...}")
    flat = {key: value for key, value in given.items() if key != "type"}
    return Format({"type": "json_schema", "json_schema": {"name": NAME, **flat}})


def _of_schema(schema: JSON, name: Any, kind: Any = None) -> Format:
    if not isinstance(name, str):
        raise BadRequestError(f"the name of response_format is {type(name).__name__}; give a string")
    if kind is None:
        schema = _opened(schema)
    key = "" if schema.get("type") == "object" or "properties" in schema else KEY
    if key:
        schema = _wrapped(schema)
    word = re.sub(r"^(?=[^a-zA-Z_])", "_", re.sub(r"[^a-zA-Z0-9_-]", "_", name)) if name else NAME
    named = {"name": word[:64], "schema": schema}
    return Format({"type": "json_schema", "json_schema": named}, kind=kind, key=key, made=True)


def _opened(schema: JSON) -> JSON:
    """A schema that only refers to one of its definitions, as that of a type with itself in it, written out."""
    for place in ("$defs", "definitions"):
        target = as_dict(schema.get(place)).get(str(schema.get("$ref")).removeprefix(f"#/{place}/"))
        if isinstance(target, dict):
            return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _wrapped(schema: JSON) -> JSON:
    """The schema of an object with the value of this schema."""
    shared = _shared(schema)
    inner = {key: value for key, value in schema.items() if key not in shared and key != "$schema"}
    fields = {"properties": {KEY: inner}, "required": [KEY], "additionalProperties": False}
    return {"type": "object", **fields, **shared}


def _shared(schema: JSON) -> JSON:
    return {place: schema[place] for place in ("$defs", "definitions") if place in schema}


_OF_SCHEMAS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")


def misshapen(schema: Any, place: str) -> str | None:
    """What in a JSON schema is no schema where one should be, in words and with where it stands; None where all is."""
    if isinstance(schema, bool):
        return None
    if not isinstance(schema, Mapping):
        return f"{place} is {type(schema).__name__}, and no JSON schema"
    given = cast("JSON", schema)
    inner: dict[str, Any] = {f"{place}.{key}": given[key] for key in ("items", "additionalProperties") if key in given}
    for key in _OF_SCHEMAS:
        if key in given and not isinstance(given[key], Mapping):
            return f"{place}.{key} is {type(given[key]).__name__}, and no dict"
        inner |= {f"{place}.{key}.{name}": one for name, one in given.get(key, {}).items()}
    for key in _LISTS:
        if key in given and not isinstance(given[key], list):
            return f"{place}.{key} is {type(given[key]).__name__}, and no list"
        inner |= {f"{place}.{key}[{at}]": one for at, one in enumerate(given.get(key, ()))}
    return next((found for at, one in inner.items() if (found := misshapen(one, at))), None)


def _refusal(given: Any) -> BadRequestError:
    return BadRequestError(
        f"response_format is {shown(given)}; give a pydantic model or another type, a JSON schema, or a dict such "
        "as {'type': 'json_schema', 'json_schema': ...}"
    )
