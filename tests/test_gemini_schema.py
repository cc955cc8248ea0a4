"""JSON schemas as the subset that models before Gemini 2.5 take."""

from __future__ import annotations

import copy

import pytest
from support import body_of, call, render

from unified_llm.adapters.gemini_schema import openapi_schema
from unified_llm.errors import BadRequestError

OLD = "gemini/gemini-2.0-flash"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": CITY}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY}}


def converted(schema):
    reports = []
    return openapi_schema(schema, reports.append), reports


STRING = {"type": "STRING"}
SCHEMAS = {
    "nullable": ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
    "two types": ({"type": ["string", "integer"]}, {"anyOf": [STRING, {"type": "INTEGER"}]}),
    "optional": ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "STRING", "nullable": True}),
    "one of": ({"oneOf": [{"type": "string"}, {"type": "number"}]}, {"anyOf": [STRING, {"type": "NUMBER"}]}),
    "constant": ({"const": "a"}, {"type": "STRING", "enum": ["a"]}),
    "numbers as choices": ({"type": "integer", "enum": [1, 2]}, {"type": "STRING", "enum": ["1", "2"]}),
    "closed object": (
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
        {"type": "OBJECT", "properties": {"a": STRING}},
    ),
    "reference": (
        {"$defs": {"x": {"type": "string"}}, "type": "array", "items": {"$ref": "#/$defs/x", "description": "d"}},
        {"type": "ARRAY", "items": {"type": "STRING", "description": "d"}},
    ),
    "all of": (
        {
            "$defs": {"x": {"properties": {"a": {"type": "string"}}}},
            "allOf": [{"$ref": "#/$defs/x"}, {"required": ["a"]}],
        },
        {"type": "OBJECT", "properties": {"a": STRING}, "required": ["a"]},
    ),
}


@pytest.mark.parametrize(("schema", "expected"), SCHEMAS.values(), ids=SCHEMAS)
def test_a_schema_becomes_the_openapi_subset(schema, expected):
    before = copy.deepcopy(schema)
    assert converted(schema) == (expected, [])
    assert schema == before


def test_keywords_that_the_subset_lacks_are_reported():
    assert converted({"type": "integer", "multipleOf": 2}) == (
        {"type": "INTEGER"},
        ["the JSON schema was sent without multipleOf, which this model does not know"],
    )


def test_models_before_2_5_get_the_subset():
    body = body_of(OLD, tools=[TOOL])
    assert body["tools"][0]["functionDeclarations"][0]["parameters"]["type"] == "OBJECT"
    body = body_of(OLD, response_format=FORMAT)
    assert body["generationConfig"]["responseSchema"]["properties"] == {"city": STRING}


def test_a_schema_that_leads_back_to_itself_is_refused_there():
    node = {"$defs": {"n": {"properties": {"n": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"}
    made = call(OLD, response_format={"type": "json_schema", "json_schema": {"schema": node}})
    with pytest.raises(BadRequestError, match="back to itself"):
        render(made)
