"""The two drivers: they perform a flow's effects, one blocking, one awaiting, and hand out what it made.

Every pair of functions here differs in nothing but `await`; the rules are in `flow.py`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Sequence
from contextvars import copy_context
from inspect import iscoroutinefunction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, cast

from unified_llm.errors import APIError
from unified_llm.fan_out import Interleaving, merged
from unified_llm.flow import Begun, Close, Effect, Flow, Gather, Obtain, Send, Sleep, Streaming
from unified_llm.response import Completion, T
from unified_llm.structured import Growing, growing
from unified_llm.transport import async_sender, sender, translated
from unified_llm.types import Chunk

if TYPE_CHECKING:
    import asyncio


def drive(flow: Flow, client: Any) -> Completion | Stream:
    """Make a call, blocking."""
    return _handed_out(_driven(flow, sender(client)), Stream)


def _driven(flow: Flow, wire: Any) -> Any:
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
        return end.value


def _perform(effect: Effect, wire: Any) -> Any:
    if isinstance(effect, Send):
        return wire.send(effect.request, effect.stream)
    if isinstance(effect, Sleep):
        return time.sleep(effect.seconds)
    if isinstance(effect, Close):
        return effect.reply.close()
    if isinstance(effect, Obtain):
        return _obtained(effect.make)
    if isinstance(effect, Gather):
        return _gathered(effect.flows, wire)
    try:
        return effect.reply.read()
    except BaseException as error:
        effect.reply.close()
        if (told := translated(error)) is error:
            raise
        raise told from error


def _obtained(make: Callable[[], Any]) -> Any:
    made = make()
    if isinstance(made, Awaitable):
        if isinstance(made, Coroutine):
            made.close()
        raise TypeError(f"{make!r} gives an awaitable, which only acompletion() can wait for")
    return made


def _gathered(flows: Sequence[Flow], wire: Any) -> list[Any]:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - few calls need threads

    with ThreadPoolExecutor(len(flows)) as pool:
        runs = [pool.submit(copy_context().run, _driven, flow, wire) for flow in flows]
    failed = next((error for run in runs if (error := run.exception())), None)
    made = [run.result() for run in runs if run.exception() is None]
    if failed is None:
        return made
    for begun in made:
        if isinstance(begun, Begun) and begun.reply is not None:
            begun.reply.close()
    raise failed


async def adrive(flow: Flow, client: Any) -> Completion | AsyncStream:
    """Make a call, awaiting."""
    return _handed_out(await _adriven(flow, await async_sender(client)), AsyncStream)


async def _adriven(flow: Flow, wire: Any) -> Any:
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
        return end.value


async def _aperform(effect: Effect, wire: Any) -> Any:
    if isinstance(effect, Send):
        return await wire.send(effect.request, effect.stream)
    if isinstance(effect, Sleep):
        import asyncio  # noqa: PLC0415 - where only blocking calls are made, 10 MB less

        return await asyncio.sleep(effect.seconds)
    if isinstance(effect, Close):
        return await effect.reply.close()
    if isinstance(effect, Obtain):
        return await _aobtained(effect.make)
    if isinstance(effect, Gather):
        return await _agathered(effect.flows, wire)
    try:
        return await effect.reply.read()
    except BaseException as error:
        await effect.reply.close()
        if (told := translated(error)) is error:
            raise
        raise told from error


async def _aobtained(make: Callable[[], Any]) -> Any:
    import asyncio  # noqa: PLC0415 - as above

    # what is known to be awaited needs no thread; anything else may block
    made: Any = make() if iscoroutinefunction(make) else await asyncio.to_thread(make)
    return await cast("Awaitable[Any]", made) if isinstance(made, Awaitable) else made


async def _agathered(flows: Sequence[Flow], wire: Any) -> list[Any]:
    import asyncio  # noqa: PLC0415 - as above

    tasks = [asyncio.ensure_future(_adriven(flow, wire)) for flow in flows]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        await _break_off(tasks)
        raise


async def _break_off(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """End calls of which one failed, or which nobody waits for any more, and close the connections of all."""
    import asyncio  # noqa: PLC0415 - as above

    for task in tasks:
        task.cancel()
    for begun in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(begun, Begun) and begun.reply is not None:
            await begun.reply.close()


def _handed_out(made: Any, kind: type[Any]) -> Any:
    return kind(cast("Any", made)) if isinstance(made, (Begun, list)) else made


class Stream(Generic[T]):
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

    def __init__(self, begun: Begun | list[Begun]) -> None:
        self._streamings = [Streaming(one) for one in (begun if isinstance(begun, list) else [begun])]
        self.warnings = self._streamings[0].exchange.call.warnings
        # the generator does not know this object: together they would be a cycle, which only the collector ends
        pumps = [_pump(streaming) for streaming in self._streamings]
        self._chunks = pumps[0] if len(pumps) == 1 else _interleaved(pumps)

    def __iter__(self) -> Generator[Chunk]:
        return self._chunks

    def __next__(self) -> Chunk:
        return next(self._chunks)

    def completion(self) -> Completion[T]:
        """The answer as far as it has been delivered; after the last chunk, what the whole call would have given."""
        return merged([streaming.completion() for streaming in self._streamings])

    def partial(self) -> Generator[Any]:
        """What the answer says so far, each time that is more: JSON of the `response_format`, not yet checked.

        Strings grow; numbers, true, false and null come when they are complete. It takes the chunks out of the stream;
        `completion().parsed` is the checked answer after the last of them.

        Raises:
            BadRequestError: there is no `response_format`.
        """
        return _grown(self._chunks, self._growing())

    def _growing(self) -> Growing:
        return growing(self._streamings[0].exchange)

    def close(self) -> None:
        """Stop, and close the connection; more calls do nothing."""
        self._chunks.close()
        for streaming in self._streamings:
            if streaming.begun.reply is not None:
                streaming.begun.reply.close()

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


def _interleaved(pumps: list[Generator[Chunk]]) -> Generator[Chunk]:
    """The chunks of several streams, one of each in turn."""
    rules = Interleaving(len(pumps))
    try:
        going = dict(enumerate(pumps))
        while going:
            for index, pump in list(going.items()):
                if (chunk := next(pump, None)) is None:
                    del going[index]
                else:
                    yield rules.chunk(chunk, index)
    finally:
        for pump in pumps:
            pump.close()


def _grown(chunks: Generator[Chunk], answer: Growing) -> Generator[Any]:
    for chunk in chunks:
        yield from answer.values(chunk)


class AsyncStream(Generic[T]):
    """A streamed answer of `acompletion()`: iterate it with `async for`, once; else as `Stream`."""

    def __init__(self, begun: Begun | list[Begun]) -> None:
        self._streamings = [Streaming(one) for one in (begun if isinstance(begun, list) else [begun])]
        self.warnings = self._streamings[0].exchange.call.warnings
        pumps = [_apump(streaming) for streaming in self._streamings]
        self._chunks = pumps[0] if len(pumps) == 1 else _ainterleaved(pumps)

    def __aiter__(self) -> AsyncGenerator[Chunk]:
        return self._chunks

    async def __anext__(self) -> Chunk:
        return await anext(self._chunks)

    def completion(self) -> Completion[T]:
        """The answer as far as it has been delivered; after the last chunk, what the whole call would have given."""
        return merged([streaming.completion() for streaming in self._streamings])

    def partial(self) -> AsyncGenerator[Any]:
        """What the answer says so far, for `async for`; as of `Stream`."""
        return _agrown(self._chunks, self._growing())

    def _growing(self) -> Growing:
        return growing(self._streamings[0].exchange)

    async def close(self) -> None:
        """Stop, and close the connection; more calls do nothing."""
        await self._chunks.aclose()
        for streaming in self._streamings:
            if streaming.begun.reply is not None:
                await streaming.begun.reply.close()

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


async def _agrown(chunks: AsyncGenerator[Chunk], answer: Growing) -> AsyncGenerator[Any]:
    async for chunk in chunks:
        for value in answer.values(chunk):
            yield value


async def _ainterleaved(pumps: list[AsyncGenerator[Chunk]]) -> AsyncGenerator[Chunk]:
    rules = Interleaving(len(pumps))
    try:
        going = dict(enumerate(pumps))
        while going:
            for index, pump in list(going.items()):
                if (chunk := await anext(pump, None)) is None:
                    del going[index]
                else:
                    yield rules.chunk(chunk, index)
    finally:
        for pump in pumps:
            await pump.aclose()
