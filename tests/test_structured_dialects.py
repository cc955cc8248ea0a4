"""How each wire format is asked for a form of answers: in its own dialect, or by a tool."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field
from support import frozen
from support_oracles import ACCEPTS
from support_structured import (
    ADA,
    CLAUDE,
    EVERY_HOST,
    FORCING,
    HOSTS,
    OPUS,
    SAID,
    Cat,
    Color,
    Dog,
    Node,
    User,
    asked,
    at_host,
    options_of,
)

from unified_llm import BadRequestError, completion
from unified_llm.testing import Answer, LoopbackProvider

USER = {
    "type": "object",
    "description": "Somebody.",
    "properties": {"name": {"type": "string"}, "age": {"default": 3, "minimum": 0, "type": "integer"}},
    "required": ["name"],
}
STRICT_USER = {
    **USER,
    "properties": {"name": {"type": "string"}, "age": {"minimum": 0, "type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
CLAUDE_USER = {
    **USER,
    "properties": {"name": {"type": "string"}, "age": {"default": 3, "type": "integer", "description": "{minimum: 0}"}},
    "additionalProperties": False,
}
OLD_GEMINI_USER = {
    "type": "OBJECT",
    "description": "Somebody.",
    "properties": {"name": {"type": "STRING"}, "age": {"default": 3, "minimum": 0, "type": "INTEGER"}},
    "required": ["name"],
}

NAMED = {"name": "User", "schema": STRICT_USER, "strict": True}
NATIVE: dict[str, tuple[Any, Any]] = {
    "openai_chat": (lambda body: body["response_format"], {"type": "json_schema", "json_schema": NAMED}),
    "openai_responses": (lambda body: body["text"]["format"], {"type": "json_schema", **NAMED}),
    "anthropic_messages": (
        lambda body: body["output_config"]["format"],
        {"type": "json_schema", "schema": CLAUDE_USER},
    ),
    "bedrock_converse": (
        lambda body: json.loads(body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]),
        CLAUDE_USER,
    ),
    "gemini": (lambda body: body["generationConfig"]["responseJsonSchema"], USER),
    "cohere_chat": (lambda body: body["response_format"], {"type": "json_object", "json_schema": USER}),
    "ollama_chat": (lambda body: body["format"], USER),
}


@EVERY_HOST
def test_each_format_is_asked_in_its_own_dialect_and_nothing_is_lost(host):
    response, (body,) = at_host(host, SAID, response_format=User)
    place, expected = NATIVE[host]
    assert place(body) == expected
    assert response.parsed == User(**ADA)
    assert response["warnings"] == []


def test_a_model_before_gemini_25_has_the_schema_as_openapi():
    _, (body,) = asked(SAID, model="gemini/gemini-2.0-flash", response_format=User)
    assert body["generationConfig"]["responseSchema"] == OLD_GEMINI_USER


# --- OpenAI's strict -----------------------------------------------------------------------------------------------


class Rich(BaseModel):
    color: Color = Field(description="the color")
    pet: Cat | Dog = Field(discriminator="kind")
    state: Literal["on"]
    nick: str | None = None
    word: str = Field(min_length=2, max_length=5)
    code: str = Field(json_schema_extra={"pattern": "^(?!x)"})
    mail: str = Field(pattern="^.+@.+$", json_schema_extra={"format": "idn-email"})
    day: str = Field(json_schema_extra={"format": "date"})


def test_strict_has_only_what_openai_knows():
    _, (body,) = asked("{}", response_format=Rich, structured_mode="native", stream=True)
    made = body["response_format"]["json_schema"]
    assert made["strict"] is True
    assert made["schema"]["required"] == ["color", "pet", "state", "nick", "word", "code", "mail", "day"]
    assert made["schema"]["properties"] == {
        "color": {"anyOf": [{"$ref": "#/$defs/Color"}], "description": "the color"},
        "pet": {"anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]},
        "state": {"enum": ["on"], "type": "string"},
        "nick": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "word": {"type": "string", "description": "{maxLength: 5, minLength: 2}"},
        "code": {"type": "string", "description": '{pattern: "^(?!x)"}'},
        "mail": {"type": "string", "pattern": "^.+@.+$", "description": '{format: "idn-email"}'},
        "day": {"type": "string", "format": "date"},
    }
    assert made["schema"]["$defs"]["Cat"]["additionalProperties"] is False


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Anything(BaseModel):
    value: Any


@pytest.mark.parametrize(
    ("kind", "answer"),
    [(dict[str, int], {"a": 1}), (Open, {"name": "x", "more": 1}), (Anything, {"value": 1}), (tuple[int, str], None)],
    ids=["free keys", "more keys", "anything", "a tuple"],
)
def test_what_strict_cannot_say_is_sent_without_it(kind, answer):
    response, (body,) = asked(json.dumps(answer or {"value": [1, "a"]}), response_format=kind)
    assert "strict" not in body["response_format"]["json_schema"]
    assert response.parsed


def test_a_type_that_leads_back_to_itself_is_closed_too():
    _, (body,) = asked('{"label": "a", "children": []}', response_format=Node)
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["children"] == {"items": {"$ref": "#/$defs/Node"}, "type": "array"}
    assert schema["$defs"]["Node"]["additionalProperties"] is False


# --- Claude --------------------------------------------------------------------------------------------------------

PLAIN = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}


def test_what_claude_does_not_enforce_is_reported_where_nothing_here_does():
    assert "minimum" in asked(SAID, model=CLAUDE, response_format=PLAIN)[0]["warnings"][0]
    with pytest.raises(BadRequestError, match="minimum"):
        asked(SAID, model=CLAUDE, response_format=PLAIN, strict=True)
    assert asked(SAID, model=CLAUDE, response_format=User, strict=True)[0].parsed == User(**ADA)


@pytest.mark.parametrize(
    "form",
    [
        dict[str, int],
        Node,
        {"type": "object"},
        {"type": "json_schema", "json_schema": {"name": "n"}},
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}}}},
    ],
    ids=["free keys", "itself", "any object", "no schema", "the root", "free keys inside"],
)
def test_what_claude_cannot_be_held_to_becomes_a_tool(form):
    name, answer = ("Node", {"label": "a"}) if form is Node else ("answer", {"a": 1})
    given = frozen(form) if isinstance(form, dict) else form
    response, (body,) = asked(Answer(tool_calls=((name, answer),)), model=CLAUDE, response_format=given)
    assert "output_config" not in body
    assert body["tool_choice"]["type"] == "tool"
    assert "tool" in response["warnings"][0]


def test_a_claude_that_can_be_forced_to_no_tool_refuses_such_a_form():
    with pytest.raises(BadRequestError, match=r"forced.*any keys.*structured_mode='prompt'"):
        asked(SAID, model=OPUS, response_format=dict[str, int])


def test_more_keys_than_are_named_are_reported_as_lost():
    response, (body,) = asked('{"name": "x"}', model=CLAUDE, response_format=Open)
    assert body["output_config"]["format"]["schema"]["additionalProperties"] is False
    assert "additionalProperties" in response["warnings"][0]


# --- the vendors' types --------------------------------------------------------------------------------------------


@EVERY_HOST
@pytest.mark.parametrize("kind", [User, Rich, Node, list[User], dict[str, int], tuple[int, str]], ids=str)
def test_the_types_of_the_vendor_take_what_is_sent(host, kind):
    model, path, more = HOSTS[host]
    for mode in (None, *(["tool"] if host in FORCING else [])):
        with LoopbackProvider("{}") as provider:
            options: Any = {**options_of(provider, model, path), **more, "structured_mode": mode, "stream": True}
            completion(model, "Who?", response_format=kind, **options).close()
            ACCEPTS[host](provider.requests[0].json)
