"""Typed answers, thoughts and counts from a real llama.cpp server (see support_processes.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from support_processes import need
from support_ways import every_way
from test_llama import CHAT, FORMATS, options_of

from unified_llm import Completion, completion, count_tokens, run_tools

need("llama")


@pytest.fixture(params=FORMATS)
def options(request: pytest.FixtureRequest, llama: str) -> dict[str, Any]:
    return options_of(llama, request.param)


@pytest.fixture(params=CHAT)
def chat(request: pytest.FixtureRequest, llama: str) -> dict[str, Any]:
    return options_of(llama, request.param)


class Person(BaseModel):
    """Somebody."""

    name: Annotated[str, Field(max_length=8)]
    age: Annotated[int, Field(ge=10, le=99)]
    married: bool


def get_weather(unit: Literal["c", "f"]) -> str:
    """The weather here."""
    return f"18 {unit}"


def test_an_agent_may_think(options: dict[str, Any]) -> None:
    done = run_tools(messages="please think: weather?", tools=[get_weather], max_turns=4, **options)
    assert any(turn.reasoning for turn in done.turns)
    assert done.messages[-1]["role"] == "assistant"


@every_way
def test_an_answer_is_an_object_of_the_class(chat: dict[str, Any], ask: Callable[..., Completion[Person]]) -> None:
    """The server makes a grammar of the schema with all its limits, so that even nonsense holds them."""
    person = ask(messages="Who is it?", response_format=Person, **chat).parsed
    assert isinstance(person, Person)
    assert 10 <= person.age <= 99


def test_the_object_grows_while_it_is_streamed(chat: dict[str, Any]) -> None:
    stream = completion(messages="Who is it?", response_format=Person, stream=True, **chat)
    grown = list(stream.partial())
    assert len(grown) > 1
    assert Person.model_validate(grown[-1]) == stream.completion().parsed


def test_a_tool_stands_for_the_class_where_the_server_ignores_schemas(llama: str) -> None:
    options: Any = options_of(llama, "Claude's format")
    person = completion(messages="Who?", response_format=Person, structured_mode="tool", **options).parsed
    assert isinstance(person, Person)


def test_tokens_are_counted_by_the_server_as_it_counts_them_when_asked(llama: str) -> None:
    options: Any = options_of(llama, "Claude's format")
    counted = count_tokens(messages="Hello there", **options)
    assert counted.source == "provider"
    assert counted.tokens == completion(messages="Hello there", **options)["usage"]["prompt_tokens"]  # type: ignore[index]
