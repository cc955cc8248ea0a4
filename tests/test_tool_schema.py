"""What a model is told of a Python function or class, and how its calls are read."""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import inspect
import json
import math
import typing
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict, Unpack

from unified_llm import BadRequestError, Tool, parse_tool_call, tool_of


class Unit(enum.Enum):
    C = "celsius"
    F = "fahrenheit"


class City(BaseModel):
    """A city.

    Attributes:
        name: its name
    """

    name: str
    title: str = Field("none", title="Honorific")


class Node(BaseModel):
    kids: list[Node] = []


@dataclasses.dataclass
class Point:
    """A point on the map.

    Args:
        x: to the east
    """

    x: int
    y: float = 0.5


class Pair(TypedDict, total=False):
    """Two things."""

    first: Annotated[int, Field(ge=1)]
    second: str


def schema_of(function: Any, **options: Any) -> Any:
    return tool_of(function, **options)["function"]["parameters"]


def with_parameter(annotation: Any, default: Any = inspect.Parameter.empty) -> Any:
    """A function with one parameter, called x."""

    def f(**_: Any) -> None: ...

    parameter = inspect.Parameter("x", inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    f.__signature__ = inspect.Signature([parameter])  # type: ignore[attr-defined]
    return f


# --- parameters ----------------------------------------------------------------------------------------------------

STRING, INTEGER, NULL = {"type": "string"}, {"type": "integer"}, {"type": "null"}
CITY = {
    "type": "object",
    "description": "A city.",
    "properties": {
        "name": {"type": "string", "description": "its name"},
        "title": {"type": "string", "default": "none", "title": "Honorific"},
    },
    "required": ["name"],
}
POINT = {
    "type": "object",
    "description": "A point on the map.",
    "properties": {"x": {"type": "integer", "description": "to the east"}, "y": {"type": "number", "default": 0.5}},
    "required": ["x"],
}
ANNOTATIONS: dict[str, tuple[Any, Any]] = {
    "str": (str, STRING),
    "int": (int, INTEGER),
    "float": (float, {"type": "number"}),
    "bool": (bool, {"type": "boolean"}),
    "list": (list[int], {"type": "array", "items": INTEGER}),
    "dict": (dict[str, int], {"type": "object", "additionalProperties": INTEGER}),
    "Optional": (Optional[str], {"anyOf": [STRING, NULL]}),  # noqa: UP045
    "union": (int | str, {"anyOf": [INTEGER, STRING]}),
    "Literal": (Literal["a", "b"], {"enum": ["a", "b"], "type": "string"}),
    "date": (date, {"type": "string", "format": "date"}),
    "constraint": (Annotated[int, Field(ge=1, le=9)], {"type": "integer", "minimum": 1, "maximum": 9}),
    "any": (Any, {}),
    "none": (inspect.Parameter.empty, {}),
    "a string": ("int | None", {"anyOf": [INTEGER, NULL]}),
}


@pytest.mark.parametrize(("annotation", "expected"), ANNOTATIONS.values(), ids=ANNOTATIONS)
def test_an_annotation_becomes_the_schema_of_its_parameter(annotation, expected):
    assert schema_of(with_parameter(annotation)) == {
        "type": "object",
        "properties": {"x": expected},
        "required": ["x"],
        "additionalProperties": False,
    }


DEFINED: dict[str, tuple[Any, Any]] = {
    "enum": (Unit, {"enum": ["celsius", "fahrenheit"], "type": "string"}),
    "model": (City, CITY),
    "dataclass": (Point, POINT),
    "TypedDict": (
        Pair,
        {
            "type": "object",
            "description": "Two things.",
            "properties": {"first": {"type": "integer", "minimum": 1}, "second": STRING},
        },
    ),
}


@pytest.mark.parametrize(("kind", "expected"), DEFINED.values(), ids=DEFINED)
def test_a_type_with_a_name_is_defined_once_with_its_own_descriptions(kind, expected):
    schema = schema_of(with_parameter(list[kind] | kind))
    reference = {"$ref": f"#/$defs/{kind.__name__}"}
    assert schema["$defs"] == {kind.__name__: expected}
    assert schema["properties"]["x"] == {"anyOf": [{"type": "array", "items": reference}, reference]}


def test_a_parameter_with_a_default_is_not_required():
    schema = schema_of(with_parameter(int, 3))
    assert (schema["properties"]["x"], "required" in schema) == ({"type": "integer", "default": 3}, False)


def test_a_default_that_json_has_no_word_for_is_not_told_but_holds():
    nothing = object()
    tool = tool_of(with_parameter(Any, nothing))
    assert tool["function"]["parameters"]["properties"] == {"x": {}}
    assert tool.parse("{}") == {"x": nothing}


def test_what_a_field_says_of_a_parameter_is_told():
    def f(x: int = Field(3, ge=1, description="how many", examples=[2], json_schema_extra={"unit": "km"})) -> None: ...

    told = {"type": "integer", "default": 3, "minimum": 1, "description": "how many", "examples": [2], "unit": "km"}
    assert schema_of(f)["properties"]["x"] == told
    assert tool_of(f).parse("{}") == {"x": 3}


def test_an_alias_is_the_name_for_the_model_alone():
    def f(kind: Annotated[str, Field(alias="class", description="which")]) -> None: ...

    assert schema_of(f)["properties"] == {"class": {"type": "string", "description": "which"}}
    assert tool_of(f).parse('{"class": "a"}') == {"kind": "a"}


NAMES = ["schema", "copy", "model_config", "_hidden", "self", "json", "title", "args", "properties"]


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_may_have_any_name(name):
    namespace: dict[str, Any] = {}
    exec(f"def f({name}: int, other: int = 1): pass", namespace)
    tool = tool_of(namespace["f"])
    assert tool["function"]["parameters"]["properties"][name] == {"type": "integer"}
    assert tool.parse(json.dumps({name: 5})) == {name: 5, "other": 1}


def test_keyword_arguments_allow_other_properties_of_their_type():
    def f(x: int, **rest: int) -> None: ...

    assert schema_of(f)["additionalProperties"] == {"type": "integer"}
    assert tool_of(f).parse('{"x": 1, "y": "2"}') == {"x": 1, "y": 2}


def test_the_title_that_a_parameter_was_given_stays():
    def f(x: Annotated[int, Field(title="The X")]) -> None: ...

    assert schema_of(f)["properties"]["x"] == {"type": "integer", "title": "The X"}


# --- callables -----------------------------------------------------------------------------------------------------


class Weather:
    """The weather of a service."""

    def __call__(self, city: str) -> str:
        """Call it.

        Args:
            city: where
        """
        return city

    def of(self, city: str) -> str:
        """The weather in a city."""
        return city

    @classmethod
    def make(cls, city: str) -> str:
        """Made."""
        return city


def forecast(city: str, days: int, key: str = "k") -> str:
    """The next days."""
    return f"{city} {days} {key}"


async def later(city: str) -> str:
    """Some time."""
    return city


@functools.wraps(later)
def wrapped(*args: Any, **kwargs: Any) -> Any:
    return later(*args, **kwargs)


CALLABLES: dict[str, tuple[Any, tuple[str, str, list[str]]]] = {
    "function": (forecast, ("forecast", "The next days.", ["city", "days", "key"])),
    "async function": (later, ("later", "Some time.", ["city"])),
    "decorated function": (wrapped, ("later", "Some time.", ["city"])),
    "method": (Weather().of, ("of", "The weather in a city.", ["city"])),
    "class method": (Weather.make, ("make", "Made.", ["city"])),
    "object": (Weather(), ("Weather", "The weather of a service.", ["city"])),
    "partial": (functools.partial(forecast, key="secret"), ("forecast", "The next days.", ["city", "days"])),
    "partial by position": (functools.partial(forecast, "LA"), ("forecast", "The next days.", ["days", "key"])),
    "partial of a method": (functools.partial(Weather().of), ("of", "The weather in a city.", ["city"])),
}


@pytest.mark.parametrize(("value", "expected"), CALLABLES.values(), ids=CALLABLES)
def test_a_callable_is_told_by_its_name_its_text_and_what_is_left_to_fill(value, expected):
    tool = tool_of(value)
    function = tool["function"]
    assert (function["name"], function["description"], list(function["parameters"]["properties"])) == expected
    assert tool.function is value


def test_what_a_partial_has_bound_is_no_models_to_change():
    tool = tool_of(functools.partial(forecast, key="secret"))
    with pytest.raises(ValidationError):
        tool.parse('{"city": "LA", "days": 2, "key": "mine"}')
    assert tool.function(**tool.parse('{"city": "LA", "days": 2}')) == "LA 2 secret"


def test_the_parameters_of_an_object_are_described_where_its_method_is():
    assert schema_of(Weather())["properties"]["city"]["description"] == "where"


# --- classes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "expected"), [(City, CITY), (Point, POINT)], ids=["model", "dataclass"])
def test_a_class_is_a_tool_whose_parameters_are_its_fields(kind, expected):
    tool = tool_of(kind)
    assert tool == {
        "type": "function",
        "function": {
            "name": kind.__name__,
            "description": expected["description"],
            "parameters": {key: value for key, value in expected.items() if key != "description"},
        },
    }
    assert tool.function is None


def test_a_class_that_refers_to_itself_has_its_own_fields_at_the_top():
    schema = schema_of(Node)
    kids = {"type": "array", "default": [], "items": {"$ref": "#/$defs/Node"}}
    assert (schema["type"], schema["properties"], list(schema["$defs"])) == ("object", {"kids": kids}, ["Node"])


# --- what is refused -----------------------------------------------------------------------------------------------


def many(*cities: str) -> None: ...
def placed(city: str, /) -> None: ...
def unknown(city: Missing) -> None: ...  # noqa: F821
def strange(city: Weather) -> None: ...
def unpacked(**pair: Unpack[Pair]) -> None: ...
def unpacked_too(**pair: typing.Unpack[Pair]) -> None: ...


class Größe(BaseModel):
    x: int


class Callback(BaseModel):
    done: Callable[[], None]


REFUSED: dict[str, tuple[Any, str]] = {
    "*args": (many, r"\*cities.* of the tool many"),
    "positional only": (placed, "city.* of the tool placed"),
    "a type that is not known": (unknown, "'Missing' is not defined"),
    "a type that pydantic does not know": (strange, "tool strange.*Weather.*functools.partial"),
    "an unpacked TypedDict": (unpacked, r"unpacked.*\*\*pair"),
    "an unpacked TypedDict of typing": (unpacked_too, r"unpacked_too.*\*\*pair"),
    "a lambda": (lambda x: x, "'<lambda>' is no name.*tool_of"),
    "a name that is not ASCII": (Größe, "'Größe' is no name"),
    "a class without fields": (int, "int is no type with fields"),
    "a class with a field that is no JSON": (Callback, "Callback has no JSON schema"),
    "a generic type": (list[int], "the tool list has no signature"),
    "a builtin": (math.pow, "of the tool pow"),
    "a list": (["f"], "list; give a dict, a function"),
    "a number": (3, "int; give a dict, a function"),
}


@pytest.mark.parametrize(("value", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_described_is_refused_by_its_name(value, words):
    with pytest.raises(BadRequestError, match=words) as caught:
        tool_of(value)
    assert caught.value.status_code is None


# --- name, description, strict -------------------------------------------------------------------------------------


def test_a_name_and_a_description_may_be_given():
    function = tool_of(lambda x: x, name="echo", description="Says it.")["function"]
    assert (function["name"], function["description"]) == ("echo", "Says it.")


def test_a_dict_is_a_tool_as_it_is():
    given = {"type": "web_search_20250305", "name": "web_search"}
    tool = tool_of(given)
    assert (tool, tool.function, tool_of(tool)) == (given, None, tool)


def test_strict_closes_the_schema_and_asks_for_every_property():
    def f(city: City, unit: Unit = Unit.C, when: Annotated[date | None, "the day"] = None) -> None: ...

    tool = tool_of(f, strict=True)
    schema = tool["function"]["parameters"]
    assert tool["function"]["strict"] is True
    assert (schema["required"], schema["additionalProperties"]) == (["city", "unit", "when"], False)
    assert schema["$defs"]["City"]["required"] == ["name", "title"]
    assert schema["$defs"]["City"]["additionalProperties"] is False
    assert schema["properties"]["when"]["description"] == "the day"
    assert "default" not in json.dumps(schema)


def test_a_described_reference_has_nothing_beside_it_in_strict():
    def f(unit: Annotated[Unit, "in which"]) -> None: ...

    property = schema_of(f, strict=True)["properties"]["unit"]
    assert property == {"description": "in which", "anyOf": [{"$ref": "#/$defs/Unit"}]}


def test_strict_refuses_free_keys():
    with pytest.raises(BadRequestError, match="no free keys, but x "):
        tool_of(with_parameter(dict[str, int]), strict=True)


def test_strict_that_is_off_is_told_and_changes_nothing_else():
    off, plain = tool_of(forecast, strict=False)["function"], tool_of(forecast)["function"]
    assert off == {**plain, "strict": False}


def test_openais_own_types_take_the_tool():
    chat = pytest.importorskip("openai.types.chat")
    for value in (forecast, Weather(), City, functools.partial(forecast, "LA")):
        tool = tool_of(value, strict=True)
        assert TypeAdapter(chat.ChatCompletionFunctionToolParam).validate_python(tool) == tool


# --- calls ---------------------------------------------------------------------------------------------------------


def called(name: str, arguments: str) -> dict[str, Any]:
    return {"id": "a", "type": "function", "function": {"name": name, "arguments": arguments}}


def test_a_call_is_read_in_the_types_of_its_tool():
    plain = {"type": "function", "function": {"name": "plain"}}
    tools = [forecast, City, Point, plain]
    assert parse_tool_call(called("forecast", '{"city": "LA", "days": "2"}'), tools) == {
        "city": "LA",
        "days": 2,
        "key": "k",
    }
    assert parse_tool_call(called("City", '{"name": "LA"}'), tools) == City(name="LA")
    assert parse_tool_call(called("Point", '{"x": 1}'), tools) == Point(1)
    assert parse_tool_call(called("plain", '{"a": [1]}'), tools) == {"a": [1]}
    assert parse_tool_call(called("plain", ""), tools) == {}


def test_a_call_of_no_tool_is_told_with_those_that_there_are():
    native = {"functionDeclarations": [{"name": "there"}]}
    with pytest.raises(LookupError, match="'nowhere'; there are: forecast, there"):
        parse_tool_call(called("nowhere", "{}"), [forecast, native])
    with pytest.raises(LookupError, match="there are: none"):
        parse_tool_call(called("nowhere", "{}"), [])


@pytest.mark.parametrize("arguments", ["{", "[]", "3", '{"days": 1}', '{"city": "LA", "days": "x"}', '{"city": {}}'])
def test_arguments_of_another_type_are_no_call(arguments):
    with pytest.raises(ValidationError):
        parse_tool_call(called("forecast", arguments), [forecast])


def test_arguments_by_their_place_are_none():
    with pytest.raises(ValueError, match="are a list"):
        parse_tool_call(called("forecast", '["LA", 1]'), [forecast])


@pytest.mark.parametrize("arguments", ["{", "[]", "3"])
def test_arguments_of_a_dicts_tool_are_an_object_at_least(arguments):
    with pytest.raises(ValueError, match=r"JSON|arguments are|Unterminated|Expecting"):
        Tool({"type": "function", "function": {"name": "f"}}).parse(arguments)


def test_a_tool_made_by_hand_joins_a_description_to_a_function():
    tool = Tool({"type": "function", "function": {"name": "f"}}, lambda **arguments: arguments)
    assert tool.function(**tool.parse('{"a": 1}')) == {"a": 1}
    assert json.loads(json.dumps(tool)) == tool == copy.copy(tool)


VALUES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**53), 2**53),
    str: st.text(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    list[int]: st.lists(st.integers(-(2**53), 2**53)),
    dict[str, str]: st.dictionaries(st.text(), st.text()),
    Unit: st.sampled_from(Unit),
    date: st.dates(),
    City: st.builds(City, name=st.text(), title=st.text()),
    int | None: st.none() | st.integers(-(2**53), 2**53),
}
PARAMETERS = st.dictionaries(
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(lambda name: name not in __import__("keyword").kwlist),
    st.sampled_from(list(VALUES)).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind], st.booleans())),
    max_size=5,
)


@given(PARAMETERS)
def test_arguments_come_back_as_they_were_whatever_the_signature(parameters):
    def f(**_: Any) -> None: ...

    f.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=kind,
                default=value if optional else inspect.Parameter.empty,
            )
            for name, (kind, value, optional) in parameters.items()
        ]
    )
    tool = tool_of(f)
    values = {name: value for name, (_, value, _) in parameters.items()}
    text = TypeAdapter(dict[str, Any]).dump_json(values).decode()
    assert tool.parse(text) == values
    schema = tool["function"]["parameters"]
    assert set(schema.get("required", [])) == {name for name, (_, _, optional) in parameters.items() if not optional}
    assert json.loads(json.dumps(tool)) == tool
