"""A call in each of its four ways: whole and streamed, blocking and awaiting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from unified_llm import Completion, acompletion, completion


def whole(model: str, messages: Any, **options: Any) -> Completion:
    return completion(model, messages, **options)


def streamed(model: str, messages: Any, **options: Any) -> Completion:
    """What the chunks of a stream make, of which there must be several."""
    stream = completion(model, messages, stream=True, **options)
    assert len(list(stream)) > 1
    return stream.completion()


def awaited(model: str, messages: Any, **options: Any) -> Completion:
    return asyncio.run(acompletion(model, messages, **options))


def awaited_stream(model: str, messages: Any, **options: Any) -> Completion:
    """As `streamed`, awaited."""

    async def folded() -> Completion:
        stream = await acompletion(model, messages, stream=True, **options)
        assert len([chunk async for chunk in stream]) > 1
        return stream.completion()

    return asyncio.run(folded())


every_way = pytest.mark.parametrize("ask", [whole, streamed, awaited, awaited_stream])
every_stream = pytest.mark.parametrize("ask", [streamed, awaited_stream])
