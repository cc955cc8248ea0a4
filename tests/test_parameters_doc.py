"""docs/parameters.md, each cell held against what the adapter does."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from support import call, render

from unified_llm.adapters import NAMES
from unified_llm.adapters.contract import NoSchemaError, OneAnswerOnlyError, Request
from unified_llm.errors import BadRequestError
from unified_llm.params import KNOWN, OWN

PAGE = Path(__file__).parents[1] / "docs" / "parameters.md"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in "fg"]
SAMPLES: dict[str, Any] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "frequency_penalty": 0.5,
    "logit_bias": {"1": 1},
    "logprobs": True,
    "max_completion_tokens": 9999,
    "max_tokens": 9999,
    "metadata": {"a": "b"},
    "modalities": ["text", "audio"],
    "prediction": {"type": "content", "content": "x"},
    "presence_penalty": 0.5,
    "prompt_cache_key": "k",
    "reasoning_effort": "medium",
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
    "safety_identifier": "u",
    "seed": 7,
    "service_tier": "default",
    "stop": "END",
    "stop_sequences": ["END"],
    "store": True,
    "stream_options": {"include_usage": True},
    "temperature": 0.5,
    "thinking": {"type": "enabled", "budget_tokens": 2048},
    "tools": TOOLS,
    "top_k": 5,
    "top_logprobs": 2,
    "top_p": 0.5,
    "user": "u",
    "verbosity": "low",
    "web_search_options": {},
}
BESIDE: dict[str, dict[str, Any]] = {
    "tool_choice": {"tools": TOOLS},
    "parallel_tool_calls": {"tools": TOOLS},
    "top_logprobs": {"logprobs": True},
    "stream_options": {"stream": True},
}
"""What a parameter must stand beside."""

CLAUDE = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
MODELS = {
    "anthropic_messages": "claude-sonnet-4-5",
    "anthropic_complete": "claude-2.1",
    "gemini": "gemini/gemini-3-flash-preview",
    "bedrock_converse": CLAUDE,
    "bedrock_invoke": CLAUDE,
    "cohere_chat": "cohere/command-a-reasoning-08-2025",
}
"""A model for each wire format that has rules of its own."""


def tables() -> list[list[list[str]]]:
    """The tables that have a wire format to each column, as rows of cells."""
    found: list[list[list[str]]] = [[]]
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split(" | ")])
        elif found[-1]:
            found.append([])
    return [rows for rows in found if rows and rows[0][-1].strip("`") in NAMES]


def cells() -> list[Any]:
    """(wire format, parameter, its value, what the page says), for each parameter of each row."""
    return [
        pytest.param(
            column.strip("`"), name, value, cell.partition(";")[0], id=f"{column.strip('`')}-{name}={value}"[:70]
        )
        for head, _, *rows in tables()
        for label, *row in rows
        for name, value in parameters(label)
        for column, cell in zip(head[1:], row, strict=True)
    ]


def parameters(label: str) -> list[tuple[str, Any]]:
    """The parameters that a row is about; `name=value` has its own value."""
    found: list[tuple[str, Any]] = []
    for code in re.findall(r"`([^`]+)`", label):
        name, given, value = code.partition("=")
        found.append((name, ast.literal_eval(value) if given else SAMPLES[name]))
    return found


def sent(adapter: str, **params: Any) -> tuple[Request, list[str]]:
    one = call(MODELS.get(adapter, "custom/m"), adapter=adapter, **params)
    return render(one), one.warnings


ABSENT = object()


def at(body: Any, path: str) -> Any:
    """What stands in a body at a path of keys."""
    for key in path.split("."):
        body = body.get(key, ABSENT) if isinstance(body, dict) else ABSENT
    return body


@pytest.mark.parametrize(("adapter", "name", "value", "says"), cells())
def test_the_page_says_what_becomes_of(adapter: str, name: str, value: Any, says: str) -> None:
    beside = BESIDE.get(name, {})
    refusals = {"refused": BadRequestError, "asked n times": OneAnswerOnlyError, "by a tool": NoSchemaError}
    if says in refusals:
        with pytest.raises(BadRequestError) as caught:
            sent(adapter, **beside, **{name: value})
        assert type(caught.value) is refusals[says]
        return
    (without, _), (request, warnings) = sent(adapter, **beside), sent(adapter, **beside, **{name: value})
    told = name.removesuffix("_sequences")  # the other name of stop
    named = [warning for warning in warnings if re.search(rf"\b{told}\b", warning)]
    if says in ("left out", "not needed"):
        assert (request.body, request.headers) == (without.body, without.headers)
        assert bool(named) is (says == "left out")
    elif says == "tools left out":
        assert "tools" in str(without.body)
        assert not {"tools", "toolConfig"} & request.body.keys()
        assert named
    elif says == "in a header":
        assert (request.body, dict(request.headers) != dict(without.headers)) == (without.body, True)
    else:
        path = name if says == "sent" else says.strip("`")
        assert at(request.body, path) not in (ABSENT, at(without.body, path))
    if says == "left out":
        with pytest.raises(BadRequestError, match="strict=True"):
            sent(adapter, **beside, **{name: value}, strict=True)


def test_every_parameter_and_every_wire_format_has_its_cells() -> None:
    for rows in tables():
        assert {name for label, *_ in rows[2:] for name, _ in parameters(label)} == KNOWN - OWN
    assert sorted(column.strip("`") for rows in tables() for column in rows[0][1:]) == sorted(NAMES)


def test_every_parameter_of_the_librarys_own_has_a_row() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert listed >= OWN
