"""Forms of answers, and calls that ask a scripted provider for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from unified_llm import acompletion, completion
from unified_llm.testing import Answer, LoopbackProvider


class User(BaseModel):
    """Somebody."""

    name: str
    age: int = Field(3, ge=0)


@dataclass
class Point:
    x: int
    y: float


class City(TypedDict):
    name: str
    country: str


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Node(BaseModel):
    label: str
    children: list[Node] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


ADA = {"name": "Ada", "age": 36}
SAID = json.dumps(ADA)
GPT, CLAUDE, OLD_CLAUDE, OPUS = "gpt-4.1", "claude-sonnet-4-5", "claude-3-5-sonnet-20240620", "claude-opus-5-5"

HOSTS = {
    "openai_chat": (GPT, "/v1", {}),
    "openai_responses": (GPT, "/v1", {"adapter": "openai_responses"}),
    "anthropic_messages": (CLAUDE, "", {}),
    "bedrock_converse": ("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", "", {}),
    "gemini": ("gemini/gemini-2.5-flash", "", {}),
    "cohere_chat": ("cohere/command-a-03-2025", "", {}),
    "ollama_chat": ("ollama/qwen3:8b", "", {}),
}
"""For each wire format a model, the path of its address, and more options."""

EVERY_HOST = pytest.mark.parametrize("host", HOSTS)
FORCING = [host for host in HOSTS if host != "ollama_chat"]
"""Those where a tool can be forced."""


def options_of(provider: LoopbackProvider, model: str, path: str | None = None) -> dict[str, Any]:
    """What reaches the provider."""
    ending = path if path is not None else "/v1" if model == GPT else ""
    return {"base_url": provider.url + ending, "api_key": "any", "max_retries": 0}


def asked(*script: Answer | str, model: str = GPT, messages: Any = "Who?", **options: Any) -> tuple[Any, list[Any]]:
    """What a call gives against this script, and the bodies that were sent."""
    with LoopbackProvider(*script) as provider:
        response = completion(model, messages, **{**options_of(provider, model), **options})
        return response, [request.json for request in provider.requests]


def at_host(host: str, *script: Answer | str, **options: Any) -> tuple[Any, list[Any]]:
    """As `asked()`, of the model that stands for a wire format."""
    model, path, more = HOSTS[host]
    with LoopbackProvider(*script) as provider:
        response = completion(model, "Who?", **{**options_of(provider, model, path), **more, **options})
        return response, [request.json for request in provider.requests]


def awaited(*script: Answer | str, model: str = GPT, **options: Any) -> Any:
    """What an awaited call gives."""
    with LoopbackProvider(*script) as provider:
        return asyncio.run(acompletion(model, "Who?", **{**options_of(provider, model), **options}))


def keys_in(value: Any) -> Iterator[str]:
    """Every key of a JSON value, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_in(inner)
