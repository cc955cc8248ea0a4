"""Whether a value is of a JSON schema."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unified_llm.schema_check import problems

POINT = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "additionalProperties": False}
CASES: dict[str, tuple[object, list[object], dict[str, object]]] = {
    # schema, values that are of it, what is said of others by what they are
    "anything": ({}, [None, 1, {"a": []}], {}),
    "all": (True, [1], {}),
    "nothing": (False, [], {"1": "is not allowed"}),
    "a type": ({"type": "integer"}, [1, 2.0, -3], {"1.5": "is not of type integer", "true": "is not of type integer"}),
    "a number": ({"type": "number"}, [1, 1.5], {"true": "is not of type number", '"1"': "is not of type number"}),
    "two types": ({"type": ["string", "null"]}, ["a", None], {"1": "is not of type string or null"}),
    "an enum": ({"enum": [1, "a", None]}, [1, 1.0, "a", None], {"true": 'is none of 1, "a", null'}),
    "a constant": ({"const": 1.0}, [1, 1.0], {"2": "is not 1.0"}),
    "bounds": (
        {"minimum": 1, "exclusiveMaximum": 3},
        [1, 2.9, "a"],
        {"0": "is not valid: minimum is 1", "3": "is not valid: exclusiveMaximum is 3"},
    ),
    "more bounds": ({"exclusiveMinimum": 1, "maximum": 3}, [3], {"1": "is not valid: exclusiveMinimum is 1"}),
    "multiples": ({"multipleOf": 0.1}, [0.3, 2], {"0.35": "is not valid: multipleOf is 0.1"}),
    "a length": (
        {"minLength": 1, "maxLength": 2},
        ["a", 7],
        {'""': "is not valid: minLength is 1", '"abc"': "is not valid: maxLength is 2"},
    ),
    "a pattern": ({"pattern": "^a"}, ["ab", 1], {'"b"': "does not match the pattern ^a"}),
    "a pattern of JavaScript": ({"pattern": r"\p{Lu}"}, ["a"], {}),
    "how many": (
        {"minItems": 1, "maxItems": 2},
        [[1], "a"],
        {"[]": "is not valid: minItems is 1", "[1, 2, 3]": "is not valid: maxItems is 2"},
    ),
    "once each": ({"uniqueItems": True}, [[1, "1"]], {"[{}, {}]": "has items twice"}),
    "how many keys": ({"minProperties": 1, "maxProperties": 1}, [{"a": 1}], {"{}": "is not valid: minProperties is 1"}),
    "an object": (
        POINT,
        [{"x": 1}],
        {"{}": "x: is missing", '{"x": "a"}': "x: is not of type integer", '{"x": 1, "y": 2}': "y: is not allowed"},
    ),
    "other keys": (
        {"additionalProperties": {"type": "null"}, "properties": {"a": {}}},
        [{"a": 1, "b": None}],
        {'{"b": 1}': "b: is not of type null"},
    ),
    "keys of a pattern": (
        {"patternProperties": {"^n_": {"type": "number"}}},
        [{"n_a": 1, "b": "c"}],
        {'{"n_a": "b"}': "n_a: is not of type number"},
    ),
    "keys of a pattern alone": (
        {"patternProperties": {"^n_": {}}, "additionalProperties": False},
        [{"n_a": 1}],
        {'{"a": 1}': "a: is not allowed"},
    ),
    "names": ({"propertyNames": {"maxLength": 1}}, [{"a": 1}], {'{"ab": 1}': "ab: is not valid: maxLength is 1"}),
    "items": ({"items": POINT}, [[], [{"x": 1}]], {"[{}]": "0.x: is missing"}),
    "a tuple": (
        {"prefixItems": [{"type": "string"}], "items": {"type": "null"}},
        [["a", None], []],
        {"[1]": "0: is not of type string", '["a", 1]': "1: is not of type null"},
    ),
    "both": ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, [1], {"3": "is not valid: maximum is 2"}),
    "either": ({"anyOf": [POINT, {"type": "null"}]}, [None, {"x": 1}], {'{"x": "a"}': "x: is not of type integer"}),
    "one": (
        {"oneOf": [{"type": "integer"}, {"minimum": 3}]},
        [1, 3.5],
        {"3": "is more than one of what it may be one of", "1.5": "is not of type integer"},
    ),
    "not": ({"not": {"type": "null"}}, [1], {"null": 'must not be {"type":"null"}'}),
    "if": (
        {"if": {"type": "string"}, "then": {"minLength": 1}, "else": {"minimum": 1}},
        ["a", 1],
        {'""': "is not valid: minLength is 1", "0": "is not valid: minimum is 1"},
    ),
    "a reference": (
        {"$defs": {"a/b": {"type": "null"}}, "properties": {"a": {"$ref": "#/$defs/a~1b"}, "b": {"$ref": "#"}}},
        [{"a": None, "b": {"a": None}}],
        {'{"b": {"a": 1}}': "b.a: is not of type null"},
    ),
    "a reference to elsewhere": ({"$ref": "https://example.com/schema"}, [1], {}),
    "what it does not know": ({"format": "email", "title": "x"}, ["a"], {}),
}


@pytest.mark.parametrize(("schema", "valid", "invalid"), CASES.values(), ids=CASES)
def test_a_value_is_of_a_schema_or_it_is_told_why_not(schema, valid, invalid):
    assert [problems(schema, value) for value in valid] == [[]] * len(valid)
    assert {text: problems(schema, json.loads(text)) for text in invalid} == {
        text: [words] for text, words in invalid.items()
    }


def test_every_problem_is_told():
    assert len(problems(POINT, {"y": 1, "z": 2})) == 3


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(VALUES, VALUES)
def test_a_value_is_of_the_schema_of_itself_and_not_of_what_is_not_itself(value, other):
    assert problems({"const": value}, value) == []
    assert problems({"not": {"const": value}}, value) != []
    assert (problems({"enum": [value]}, other) == []) == (problems({"const": other}, value) == [])
