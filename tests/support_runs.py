"""Runs of tools against a scripted provider, in each of the four ways."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from unified_llm import ToolRun, arun_tools, run_tools
from unified_llm.testing import Answer, LoopbackProvider

CLAUDE, GPT = "claude-sonnet-4-5", "gpt-4.1"
QUESTION = "Which is hotter?"


def whole(*arguments: Any, **options: Any) -> ToolRun:
    return run_tools(*arguments, **options)


def streamed(*arguments: Any, **options: Any) -> ToolRun:
    with run_tools(*arguments, stream=True, **options) as stream:
        list(stream)
    return stream.completion()


def awaited(*arguments: Any, **options: Any) -> ToolRun:
    return asyncio.run(arun_tools(*arguments, **options))


def awaited_stream(*arguments: Any, **options: Any) -> ToolRun:
    async def run() -> ToolRun:
        async with await arun_tools(*arguments, stream=True, **options) as stream:
            async for _ in stream:
                pass
        return stream.completion()

    return asyncio.run(run())


WAYS = [whole, streamed, awaited, awaited_stream]
EVERY_WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
EVERY_FORMAT = pytest.mark.parametrize("model", [CLAUDE, GPT])


def at(provider: LoopbackProvider, model: str = GPT) -> dict[str, Any]:
    """The options that reach the provider."""
    url = provider.url if model == CLAUDE else f"{provider.url}/v1"
    return {"base_url": url, "api_key": "any", "max_retries": 0}


def ran(tools: Any, *script: Any, way: Any = whole, model: str = GPT, messages: Any = QUESTION, **more: Any) -> Any:
    """What a run gives against this script."""
    with LoopbackProvider(*script) as provider:
        return way(model, messages, tools, **at(provider, model), **more)


def calls(*named: Any, **fields: Any) -> Answer:
    """An answer that calls these; a string is a name without arguments."""
    pairs = [(one, {}) if isinstance(one, str) else one for one in named]
    return Answer(tool_calls=pairs, **fields)


def results(done: Any) -> list[Any]:
    """The contents of the messages with the results."""
    return [message["content"] for message in done.messages if message["role"] == "tool"]


def get_weather(city: str) -> dict[str, Any]:
    """The weather in a city."""
    return {"city": city, "celsius": len(city)}


def fail() -> None:
    """Fail."""
    raise LookupError("no such city")


LA, PARIS, ROME = (("get_weather", {"city": city}) for city in ("LA", "Paris", "Rome"))
