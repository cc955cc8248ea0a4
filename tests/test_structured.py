"""What `response_format` takes, and what `parsed` gives."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter, create_model
from support import frozen
from support_structured import (
    ADA,
    GPT,
    SAID,
    Cat,
    City,
    Color,
    Dog,
    Node,
    Point,
    User,
    asked,
    at_host,
    awaited,
    keys_in,
)

from unified_llm import BadRequestError, Completion, completion
from unified_llm.formats import format_of

# --- types ---------------------------------------------------------------------------------------------------------

Pet = Annotated[Cat | Dog, Field(discriminator="kind")]
TYPES: dict[str, tuple[Any, Any, Any]] = {
    "a model": (User, ADA, User(name="Ada", age=36)),
    "a dataclass": (Point, {"x": 1, "y": 2.5}, Point(1, 2.5)),
    "a TypedDict": (City, {"name": "LA", "country": "US"}, {"name": "LA", "country": "US"}),
    "a model of models": (
        Node,
        {"label": "a", "children": [{"label": "b"}]},
        Node(label="a", children=[Node(label="b")]),
    ),
    "free keys": (dict[str, int], {"a": 1}, {"a": 1}),
    "an adapter": (TypeAdapter(User), ADA, User(name="Ada", age=36)),
    "a list": (list[User], {"value": [ADA]}, [User(name="Ada", age=36)]),
    "an adapter of a list": (TypeAdapter(list[date]), {"value": ["2026-11-21"]}, [date(2026, 11, 21)]),
    "a root model": (RootModel[list[int]], {"value": [1]}, RootModel[list[int]]([1])),
    "an enum": (Color, {"value": "red"}, Color.RED),
    "a literal": (Literal["yes", "no"], {"value": "no"}, "no"),
    "a union": (User | Point, {"value": {"x": 1, "y": 2}}, Point(1, 2.0)),
    "a union told apart": (Pet, {"value": {"kind": "dog", "tricks": ["sit"]}}, Dog(kind="dog", tricks=["sit"])),
    "perhaps nothing": (User | None, {"value": None}, None),
    "a number": (int, {"value": 3}, 3),
    "a tuple": (tuple[int, str], {"value": [1, "a"]}, (1, "a")),
    "no hash": (Annotated[int, Field(json_schema_extra={"examples": [1]}), ["a list"]], {"value": 3}, 3),
}


@pytest.mark.parametrize(("kind", "answer", "expected"), TYPES.values(), ids=TYPES)
def test_the_answer_is_read_into_the_type(kind, answer, expected):
    response, _ = asked(json.dumps(answer), response_format=kind)
    assert response.parsed == expected
    assert type(response.parsed) is type(expected)
    assert response.parsed is response.parsed


@pytest.mark.parametrize("kind", [kind for kind, *_ in TYPES.values()], ids=TYPES)
def test_the_schema_of_a_type_is_one_of_an_object_in_plain_words(kind):
    schema = format_of(kind).schema
    assert schema["type"] == "object"
    assert {"$ref", "anyOf"}.isdisjoint(schema)
    assert {"const", "oneOf", "discriminator"}.isdisjoint(keys_in(schema))


def test_a_schema_is_named_after_its_type_and_described_by_its_docstring():
    assert (format_of(User).name, format_of(User).schema["description"]) == ("User", "Somebody.")
    assert format_of(list[User]).name == "answer"
    assert format_of(RootModel[list[int]]).name == "RootModel_list_int__"


def test_an_awaited_answer_is_read_too():
    assert awaited(SAID, response_format=User).parsed == User(name="Ada", age=36)


def test_an_answer_whose_text_is_changed_is_read_anew():
    response, _ = asked(SAID, response_format=User)
    assert response.parsed.name == "Ada"
    response.message["content"] = '{"name": "Bob"}'
    assert response.parsed == User(name="Bob", age=3)


def test_without_a_form_nothing_is_parsed():
    assert asked(SAID)[0].parsed is None
    assert asked(SAID, response_format=None)[0].parsed is None
    assert asked(SAID, response_format={"type": "text"})[0].parsed is None


@pytest.mark.parametrize("again", [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("kind", [User, list[User], TypeAdapter(User | None)], ids=str)
def test_a_copied_response_still_knows_its_form(again, kind):
    response, _ = asked(
        SAID if kind is User else json.dumps({"value": [ADA] if kind == list[User] else ADA}), response_format=kind
    )
    twin = again(response)
    assert type(twin) is Completion
    assert (twin, twin.parsed) == (response, response.parsed)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    day: date


def test_json_is_read_as_json_by_types_that_are_strict():
    assert asked('{"day": "2026-11-21"}', response_format=Strict)[0].parsed.day == date(2026, 11, 21)


# --- dicts ---------------------------------------------------------------------------------------------------------

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
CLOSED = {**SCHEMA, "additionalProperties": False}


def sent(name: str = "answer", schema: Any = SCHEMA, **more: Any) -> Any:
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, **more}}


WRAPPED = {
    "type": "object",
    "properties": {"value": {"type": "array", "items": {"$ref": "#/$defs/A"}}},
    "required": ["value"],
    "additionalProperties": False,
}
DICTS: dict[str, tuple[Any, Any]] = {
    "OpenAI's": (sent("n", strict=False, description="d"), sent("n", strict=False, description="d")),
    "JSON of any form": ({"type": "json_object"}, {"type": "json_object"}),
    "text": ({"type": "text"}, {"type": "text"}),
    "that of Responses": ({"type": "json_schema", "name": "n", "schema": SCHEMA}, sent("n")),
    "Claude's": ({"type": "json_schema", "schema": SCHEMA}, sent()),
    "a schema": (SCHEMA, sent()),
    "a schema with a title": ({**SCHEMA, "title": "a person"}, sent("a_person", {**SCHEMA, "title": "a person"})),
    "a title that begins with a digit": ({**SCHEMA, "title": "2D"}, sent("_2D", {**SCHEMA, "title": "2D"})),
    "a closed schema": (CLOSED, sent(schema=CLOSED, strict=True)),
    "a schema without a type": (
        {"properties": {"a": {"type": "null"}}},
        sent(schema={"properties": {"a": {"type": "null"}}}),
    ),
    "LiteLLM's": ({"type": "json_object", "response_schema": SCHEMA}, sent()),
    "distilabel's": ({"format": "json", "schema": SCHEMA}, sent()),
    "a function": ({"name": "f", "description": "d", "parameters": SCHEMA}, sent("f", {"description": "d", **SCHEMA})),
    "a tool": ({"type": "function", "function": {"name": "f", "parameters": SCHEMA}}, sent("f")),
    "a list": (
        {"type": "array", "items": {"$ref": "#/$defs/A"}, "$defs": {"A": CLOSED}},
        sent(
            schema={**WRAPPED, "required": ["value"], "additionalProperties": False, "$defs": {"A": CLOSED}},
            strict=True,
        ),
    ),
}


@pytest.mark.parametrize(("form", "expected"), DICTS.values(), ids=DICTS)
def test_a_dict_is_sent_in_openais_form(form, expected):
    _, (body,) = asked(SAID if "list" not in str(form) else '{"value": []}', response_format=frozen(form))
    assert body["response_format"] == expected


def test_a_form_is_the_form_of_itself():
    form = format_of(User)
    assert format_of(form) is form


def test_a_type_may_stand_in_a_dict():
    assert asked(SAID, response_format={"schema": User})[0].parsed == User(name="Ada", age=36)


def test_the_answer_to_a_dict_is_parsed_json():
    assert asked(SAID, response_format=SCHEMA)[0].parsed == ADA
    assert asked('{"value": [1]}', response_format={"type": "array"})[0].parsed == [1]
    assert asked("[1]", response_format={"type": "json_object"})[0].parsed == [1]


def unknown() -> Any:
    class Unknown:
        pass

    return Unknown


REFUSED = {
    "a word": "json",
    "a number": 3,
    "an instance": User(name="Ada"),
    "a list of types": [User],
    "a dict of nothing": {},
    "a kind that does not exist": {"type": "json"},
    "no schema": {"type": "json_schema"},
    "a schema that is none": {"type": "json_schema", "json_schema": 1},
    "a class with no fields that are known": unknown(),
    "a function": lambda x: x,
}


@pytest.mark.parametrize("form", REFUSED.values(), ids=REFUSED)
def test_what_is_no_form_is_refused_before_anything_is_sent(form):
    with pytest.raises(BadRequestError, match="response_format") as refused:
        completion(GPT, "Hi", response_format=form, base_url="http://127.0.0.1:9", api_key="any")
    assert refused.value.status_code is None


@pytest.mark.parametrize(
    ("name", "value"), [("structured_mode", "magic"), ("max_validation_retries", -1), ("max_validation_retries", "1")]
)
def test_an_option_that_makes_no_sense_is_refused(name, value):
    with pytest.raises(BadRequestError, match=name):
        completion(GPT, "Hi", response_format=User, base_url="http://127.0.0.1:9", api_key="any", **{name: value})


# --- whatever the type ---------------------------------------------------------------------------------------------


def model_of(fields: dict[str, Any]) -> Any:
    return create_model("Made", **{name: (kind, ...) for name, kind in fields.items()})


LEAVES: list[Any] = [int, str, bool, float, date, Literal["a", "b"], Color, int | None, User, Point]
KINDS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        inner.map(lambda kind: list[kind]),
        inner.map(lambda kind: dict[str, kind]),
        inner.map(lambda kind: kind | None),
        st.dictionaries(st.sampled_from(["a", "b", "c_d"]), inner, max_size=3).map(model_of),
    ),
    max_leaves=4,
)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_instance_of_any_type_survives_the_way(data):
    kind = data.draw(KINDS)
    value = data.draw(instances(kind))
    plain = TypeAdapter(kind).dump_python(value, mode="json")
    form = format_of(kind)
    host = data.draw(st.sampled_from(["openai_chat", "anthropic_messages", "ollama_chat", "gemini"]))
    answer = json.dumps({"value": plain} if form.key else plain)
    response, _ = at_host(host, answer, response_format=kind, max_validation_retries=0)
    assert response.parsed == value
    assert holds(form.schema, json.loads(response.text), form.schema)


def instances(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type that JSON can say."""
    text = st.text(st.characters(codec="utf-8"), max_size=8)
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
    plain = {str: text, float: numbers, int: st.integers(-(2**53), 2**53)}
    if kind in plain:
        return plain[kind]
    if kind is User:
        return st.builds(User, name=text, age=st.integers(0, 200))
    if kind is Point:
        return st.builds(Point, x=plain[int], y=numbers)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return st.builds(kind, **{name: instances(field.annotation) for name, field in kind.model_fields.items()})
    origin, arguments = getattr(kind, "__origin__", None), getattr(kind, "__args__", ())
    if origin is list:
        return st.lists(instances(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(text, instances(arguments[1]), max_size=3)
    if type(None) in arguments:
        return st.none() | st.one_of([instances(one) for one in arguments if one is not type(None)])
    return st.sampled_from(list(kind)) if isinstance(kind, type) and issubclass(kind, Enum) else st.from_type(kind)


def holds(schema: Any, value: Any, root: Any) -> bool:
    """Whether a value is of a schema, as far as the keywords go that these schemas have."""
    if "$ref" in schema:
        return holds(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root)
    if "anyOf" in schema:
        return any(holds(one, value, root) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": int | float, "boolean": bool}
    if not isinstance(value, kinds.get(schema.get("type"), object)):
        return False
    if schema.get("type") == "array":
        return all(holds(schema["items"], item, root) for item in value)
    if schema.get("type") != "object":
        return True
    known, free = schema.get("properties", {}), schema.get("additionalProperties", True)
    rest = [value[key] for key in value.keys() - known.keys()]
    return (
        set(schema.get("required", ())) <= value.keys()
        and all(holds(known[key], value[key], root) for key in known.keys() & value.keys())
        and (free is True or not rest or (free is not False and all(holds(free, one, root) for one in rest)))
    )


def test_pydantic_is_loaded_for_types_alone():
    program = """
import sys
from unified_llm import completion
from unified_llm.testing import LoopbackProvider
with LoopbackProvider('{"name": "Ada"}') as provider:
    form = {"type": "object", "properties": {"name": {"type": "string"}}}
    options = {"base_url": provider.url + "/v1", "api_key": "any"}
    assert completion("gpt-4.1", "Who?", response_format=form, **options).parsed == {"name": "Ada"}
sys.exit("pydantic" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
