"""The two drivers: they perform a flow's effects, one blocking, one awaiting, and hand out what it made.

Every pair of functions here differs in nothing but `await`; the rules are in `flow.py`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator
from types import TracebackType
from typing import Any, Self

from unified_llm.errors import APIError
from unified_llm.flow import Begun, Close, Effect, Exchange, Send, Sleep, Streaming, run
from unified_llm.response import Completion
from unified_llm.transport import async_sender, sender, translated
from unified_llm.types import Chunk


def drive(exchange: Exchange, client: Any) -> Completion | Stream:
    """Make a call, blocking."""
    flow = run(exchange)
    wire = sender(client)
    try:
        effect = next(flow)
        while True:
            try:
                result = _perform(effect, wire)
            except APIError as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        return _handed_out(end.value, exchange, Stream)


def _perform(effect: Effect, wire: Any) -> Any:
    if isinstance(effect, Send):
        return wire.send(effect.request, effect.stream)
    if isinstance(effect, Sleep):
        return time.sleep(effect.seconds)
    if isinstance(effect, Close):
        return effect.reply.close()
    try:
        return effect.reply.read()
    except BaseException as error:
        effect.reply.close()
        if isinstance(error, Exception):
            raise translated(error) from error
        raise


async def adrive(exchange: Exchange, client: Any) -> Completion | AsyncStream:
    """Make a call, awaiting."""
    flow = run(exchange)
    wire = await async_sender(client)
    try:
        effect = next(flow)
        while True:
            try:
                result = await _aperform(effect, wire)
            except APIError as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        return _handed_out(end.value, exchange, AsyncStream)


async def _aperform(effect: Effect, wire: Any) -> Any:
    if isinstance(effect, Send):
        return await wire.send(effect.request, effect.stream)
    if isinstance(effect, Sleep):
        import asyncio  # noqa: PLC0415 - where only blocking calls are made, 10 MB less

        return await asyncio.sleep(effect.seconds)
    if isinstance(effect, Close):
        return await effect.reply.close()
    try:
        return await effect.reply.read()
    except BaseException as error:
        await effect.reply.close()
        if isinstance(error, Exception):
            raise translated(error) from error
        raise


def _handed_out(made: Completion | Begun, exchange: Exchange, kind: type[Any]) -> Any:
    return kind(exchange, made) if isinstance(made, Begun) else made


class Stream:
    """A streamed answer: iterate it for its chunks, once.

    Leaving the loop, `close()`, the end of a `with` block and dropping the object all close the connection at once.

    Attributes:
        warnings: what was left out of the request or adjusted.

    Example:
        >>> with completion(model="gpt-4.1", messages="Hi", stream=True) as stream:  # doctest: +SKIP
        ...     for chunk in stream:
        ...         print(chunk["choices"][0]["delta"]["content"] or "", end="")
        >>> stream.completion()["usage"]  # doctest: +SKIP
    """

    def __init__(self, exchange: Exchange, begun: Begun) -> None:
        self.warnings = exchange.call.warnings
        self._streaming = Streaming(exchange, begun)
        # the generator does not know this object: together they would be a cycle, which only the collector ends
        self._chunks = _pump(self._streaming)
        self._reply = begun.reply

    def __iter__(self) -> Generator[Chunk]:
        return self._chunks

    def __next__(self) -> Chunk:
        return next(self._chunks)

    def completion(self) -> Completion:
        """The answer as far as it has been delivered; after the last chunk, what the whole call would have given."""
        return self._streaming.completion()

    def close(self) -> None:
        """Stop, and close the connection; more calls do nothing."""
        self._chunks.close()
        if self._reply is not None:
            self._reply.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pump(streaming: Streaming) -> Generator[Chunk]:
    yield from streaming.handing
    reply, decoder = streaming.begun.reply, streaming.begun.decoder
    if reply is None or decoder is None:
        return
    feed, see = decoder.feed, streaming.seen.append
    try:
        for data in reply.parts:
            see(data)
            streaming.handing = handing = iter(feed(data))
            yield from handing
        streaming.ended = True
        rest = decoder.close()
        reply.close()
    except GeneratorExit:
        reply.abandon()
        raise
    except BaseException as error:  # noqa: BLE001 - broken() raises it again, or what it stands for
        reply.close()
        rest = streaming.broken(translated(error))
    streaming.handing = iter(rest)
    yield from streaming.handing


class AsyncStream:
    """A streamed answer of `acompletion()`: iterate it with `async for`, once; else as `Stream`."""

    def __init__(self, exchange: Exchange, begun: Begun) -> None:
        self.warnings = exchange.call.warnings
        self._streaming = Streaming(exchange, begun)
        self._chunks = _apump(self._streaming)
        self._reply = begun.reply

    def __aiter__(self) -> AsyncGenerator[Chunk]:
        return self._chunks

    async def __anext__(self) -> Chunk:
        return await anext(self._chunks)

    def completion(self) -> Completion:
        """The answer as far as it has been delivered; after the last chunk, what the whole call would have given."""
        return self._streaming.completion()

    async def close(self) -> None:
        """Stop, and close the connection; more calls do nothing."""
        await self._chunks.aclose()
        if self._reply is not None:
            await self._reply.close()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _apump(streaming: Streaming) -> AsyncGenerator[Chunk]:
    for chunk in streaming.handing:
        yield chunk
    reply, decoder = streaming.begun.reply, streaming.begun.decoder
    if reply is None or decoder is None:
        return
    feed, see = decoder.feed, streaming.seen.append
    try:
        async for data in reply.parts:
            see(data)
            streaming.handing = handing = iter(feed(data))
            for chunk in handing:
                yield chunk
        streaming.ended = True
        rest = decoder.close()
        await reply.close()
    except BaseException as error:
        await reply.close()
        if isinstance(error, GeneratorExit):
            raise
        rest = streaming.broken(translated(error))
    streaming.handing = iter(rest)
    for chunk in streaming.handing:
        yield chunk
