"""`run_tools()` and `arun_tools()`: four drivers of the loop in `tools.py`, blocking or awaiting, whole or streamed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Literal, Unpack, cast, overload

from unified_llm.api import acompletion, completion
from unified_llm.drivers import AsyncStream, Stream
from unified_llm.errors import BadRequestError, UnifiedLLMError
from unified_llm.response import T
from unified_llm.structured import Growing
from unified_llm.tools import Ask, Execute, Failed, OnError, Run, Steps, Tell, ToolRun, chunk_of
from unified_llm.types import AnswerType, CallOptions, CallSettings, Chunk, Messages, ToolLike

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST_THREADS = 32


@overload
def run_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    response_format: AnswerType[T],
    max_turns: int = 10,
    stream: Literal[False] = False,
    on_error: OnError = "result",
    **options: Unpack[CallSettings],
) -> ToolRun[T]: ...
@overload
def run_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    response_format: AnswerType[T],
    max_turns: int = 10,
    stream: Literal[True],
    on_error: OnError = "result",
    **options: Unpack[CallSettings],
) -> ToolStream[T]: ...
@overload
def run_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    max_turns: int = 10,
    stream: Literal[False] = False,
    on_error: OnError = "result",
    **options: Unpack[CallOptions],
) -> ToolRun: ...
@overload
def run_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    max_turns: int = 10,
    stream: Literal[True],
    on_error: OnError = "result",
    **options: Unpack[CallOptions],
) -> ToolStream: ...
@overload
def run_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    max_turns: int = 10,
    stream: bool = False,
    on_error: OnError = "result",
    **options: Unpack[CallOptions],
) -> ToolRun | ToolStream: ...
def run_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    max_turns: int = 10,
    stream: bool = False,
    on_error: OnError = "result",
    **options: Unpack[CallOptions],
) -> ToolRun | ToolStream:
    """Ask a model, make the calls of its answer, tell it the results, and so on until it answers without calls.

    Several calls of one answer run at once, each in a thread and with a copy of the context variables; one after the
    other with `parallel_tool_calls=False`; a single one in the caller's thread. A text that a function gives is told as
    it is, images and content parts as parts, anything else as JSON. Arguments that are not of the function's types, and
    names that no tool has, are told to the model, for it to do better.

    Args:
        model: as for `completion()`.
        messages: as for `completion()`; they are not changed.
        tools: functions, which are called; classes and dicts, whose calls end the run and are left to the caller in
            `tool_calls`; and tools that the provider runs itself, in its own form.
        max_turns: how often the model is asked at most.
        stream: whether to give the answers in chunks, as they come.
        on_error: what becomes of an exception of a function: its type and its words are told to the model as the
            `result`, or it is `raise`d once the other calls have ended.
        **options: as for `completion()`. A `tool_choice` that forces a call holds for the first turn.

    Returns:
        A `ToolRun`: the last answer, with the whole conversation; with `stream=True` a `ToolStream`.

    Raises:
        TurnLimitError: there were calls in the last turn too. They have been made: `error.completion.messages` is the
            conversation to go on with.
        TruncatedAnswerError: an answer with calls was cut off by the limit of tokens. None of them was made.
        RefusedAnswerError: an answer with calls was stopped by a filter. None of them was made.
        APIError: as for `completion()`. Any exception after the first answer has the run so far as its `tool_run`.

    Example:
        >>> def get_weather(city: str) -> str:
        ...     '''The weather in a city.'''
        ...     return "25 C"
        >>> run_tools("claude-sonnet-4-5", "Is it warm in LA?", [get_weather]).text  # doctest: +SKIP
        'Yes, it is 25 degrees.'
    """
    run = Run(messages, tools, options, max_turns, on_error)
    _refuse_async(run)

    def answer(ask: Ask) -> Any:
        return completion(model, ask.messages, stream, **cast("Any", ask.options))

    if not stream:
        return _driven(run.steps(), answer)
    watched = _Watched(run)
    watched.stream = answer(watched.first())
    return ToolStream(watched, answer)


@overload
async def arun_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    response_format: AnswerType[T],
    max_turns: int = 10,
    stream: Literal[False] = False,
    on_error: OnError = "result",
    **options: Unpack[CallSettings],
) -> ToolRun[T]: ...
@overload
async def arun_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    response_format: AnswerType[T],
    max_turns: int = 10,
    stream: Literal[True],
    on_error: OnError = "result",
    **options: Unpack[CallSettings],
) -> AsyncToolStream[T]: ...
@overload
async def arun_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    max_turns: int = 10,
    stream: Literal[False] = False,
    on_error: OnError = "result",
    **options: Unpack[CallOptions],
) -> ToolRun: ...
@overload
async def arun_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    max_turns: int = 10,
    stream: Literal[True],
    on_error: OnError = "result",
    **options: Unpack[CallOptions],
) -> AsyncToolStream: ...
@overload
async def arun_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    max_turns: int = 10,
    stream: bool = False,
    on_error: OnError = "result",
    **options: Unpack[CallOptions],
) -> ToolRun | AsyncToolStream: ...
async def arun_tools(
    model: str,
    messages: Messages,
    tools: Sequence[ToolLike],
    *,
    max_turns: int = 10,
    stream: bool = False,
    on_error: OnError = "result",
    **options: Unpack[CallOptions],
) -> ToolRun | AsyncToolStream:
    """Run tools without blocking: as `run_tools()`, awaited.

    Functions may be async; others run in threads.

    Args:
        model: as for `run_tools()`, like the rest.
        messages: likewise.
        tools: likewise.
        max_turns: likewise.
        stream: likewise; the chunks are for `async for`.
        on_error: likewise.
        **options: as for `acompletion()`.

    Returns:
        A `ToolRun`; with `stream=True` an `AsyncToolStream`.

    Raises:
        UnifiedLLMError: as for `run_tools()`.
    """
    run = Run(messages, tools, options, max_turns, on_error)

    async def answer(ask: Ask) -> Any:
        return await acompletion(model, ask.messages, stream, **cast("Any", ask.options))

    if not stream:
        return await _adriven(run.steps(), answer)
    watched = _Watched(run)
    watched.stream = await answer(watched.first())
    return AsyncToolStream(watched, answer)


def _driven(steps: Steps, ask: Callable[[Ask], Any]) -> Any:
    """What the loop gives."""
    try:
        effect = next(steps)
        while True:
            try:
                result = ask(effect) if isinstance(effect, Ask) else _performed(effect)
            except UnifiedLLMError as error:
                effect = steps.throw(error)
            else:
                effect = steps.send(result)
    except StopIteration as end:
        return end.value


async def _adriven(steps: Steps, ask: Callable[[Ask], Awaitable[Any]]) -> Any:
    try:
        effect = next(steps)
        while True:
            try:
                result = await ask(effect) if isinstance(effect, Ask) else await _aperformed(effect)
            except UnifiedLLMError as error:
                effect = steps.throw(error)
            else:
                effect = steps.send(result)
    except StopIteration as end:
        return end.value


# --- calls ---------------------------------------------------------------------------------------------------------


def _refuse_async(run: Run) -> None:
    for name, tool in run.tools.items():
        if tool.function is not None and _is_async(tool.function):
            raise BadRequestError(f"the tool {name!r} is async; arun_tools() takes it")


def _is_async(function: Callable[..., Any]) -> bool:
    return iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__)


def _performed(effect: Execute | Tell) -> Any:
    """What each call gave, in their order; None for what only a stream tells."""
    if isinstance(effect, Tell):
        return None
    if len(effect.calls) == 1 or not effect.at_once:
        outcomes = [copy_context().run(_outcome, call) for call in effect.calls]
    else:
        with _threads(len(effect.calls)) as pool:
            runs = [pool.submit(copy_context().run, _outcome, call) for call in effect.calls]
            outcomes = [run.result() for run in runs]
    for call, outcome in zip(effect.calls, outcomes, strict=True):
        if isinstance(outcome, Awaitable):
            if isinstance(outcome, Coroutine):
                outcome.close()
            raise TypeError(f"{call.func!r} gives an awaitable, which only arun_tools() can wait for")
    return outcomes


def _outcome(call: partial[Any]) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - the loop tells it to the model, or raises it again
        return Failed(error)


async def _aperformed(effect: Execute | Tell) -> Any:
    import asyncio  # noqa: PLC0415 - where only blocking calls are made, 10 MB less

    if isinstance(effect, Tell):
        return None
    with _threads(len(effect.calls)) as pool:
        if not effect.at_once:
            return [await asyncio.create_task(_aoutcome(call, pool)) for call in effect.calls]
        tasks = [asyncio.create_task(_aoutcome(call, pool)) for call in effect.calls]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()


async def _aoutcome(call: partial[Any], pool: Executor) -> Any:
    import asyncio  # noqa: PLC0415 - as above

    if _is_async(call.func):
        made = _outcome(call)
    else:
        context, loop = copy_context(), asyncio.get_running_loop()
        made = await loop.run_in_executor(pool, lambda: context.run(_outcome, call))
    try:
        return await cast("Awaitable[Any]", made) if isinstance(made, Awaitable) else made
    except Exception as error:  # noqa: BLE001 - as above
        return Failed(error)


@contextmanager
def _threads(count: int) -> Generator[Executor]:
    """Threads for these calls; whoever leaves early does not wait for them."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - few runs need threads

    pool = ThreadPoolExecutor(min(count, MOST_THREADS), "tool")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


# --- streams -------------------------------------------------------------------------------------------------------


class _Watched:
    """A run whose answers are handed out as they come."""

    __slots__ = ("_steps", "run", "stream")

    def __init__(self, run: Run) -> None:
        self.run = run
        self._steps = run.steps()
        self.stream: Any = None
        """The answer that is coming; None between two."""

    def first(self) -> Ask:
        """The first effect."""
        return cast("Ask", next(self._steps))

    def after(self, result: Any) -> Ask | Execute | Tell | None:
        """The next effect; None where the run is at its end."""
        try:
            return self._steps.send(result)
        except StopIteration:
            return None

    def after_answer(self) -> Ask | Execute | Tell | None:
        """The next effect, when the answer that was coming is complete."""
        stream, self.stream = self.stream, None
        return self.after(stream.completion())

    def fail(self, error: Exception) -> None:
        """Raise the error as the loop raises it."""
        self._steps.throw(error)

    def so_far(self) -> ToolRun:
        """The run as far as it was delivered."""
        return self.run.so_far(self.stream.completion() if self.stream else None)

    def told(self, effect: Tell) -> Chunk:
        """The chunk that hands out results."""
        return chunk_of(self.run.turns[-1], effect.results)


class ToolStream(Stream[T]):
    """The answers of a run of tools in chunks: iterate it, once; else as `Stream`.

    Between two answers comes a chunk whose `tool_results` has the messages of the tools; its text is None.

    Example:
        >>> with run_tools("gpt-4.1", "Is it warm in LA?", [get_weather], stream=True) as stream:  # doctest: +SKIP
        ...     for chunk in stream:
        ...         print(chunk["choices"][0]["delta"]["content"] or "", end="")
        >>> stream.completion().messages  # doctest: +SKIP
    """

    def __init__(self, watched: _Watched, ask: Callable[[Ask], Any]) -> None:
        self.warnings = watched.stream.warnings
        self._watched = watched
        self._chunks = _pump(watched, ask)

    def completion(self) -> ToolRun[T]:
        """The run as far as it has been delivered; after the last chunk, what the whole run would have given."""
        return self._watched.so_far()

    def _growing(self) -> Growing:
        return self._watched.stream._growing()

    def close(self) -> None:
        """Stop, and close the connection; more calls do nothing."""
        self._chunks.close()
        if self._watched.stream is not None:
            self._watched.stream.close()


def _pump(watched: _Watched, ask: Callable[[Ask], Any]) -> Generator[Chunk]:
    try:
        while True:
            yield from watched.stream
            effect = watched.after_answer()
            while not isinstance(effect, Ask):
                if effect is None:
                    return
                if isinstance(effect, Tell):
                    yield watched.told(effect)
                effect = watched.after(_performed(effect))
            watched.stream = ask(effect)
    except UnifiedLLMError as error:
        watched.fail(error)


class AsyncToolStream(AsyncStream[T]):
    """A streamed run of `arun_tools()`: iterate it with `async for`, once; else as `ToolStream`."""

    def __init__(self, watched: _Watched, ask: Callable[[Ask], Awaitable[Any]]) -> None:
        self.warnings = watched.stream.warnings
        self._watched = watched
        self._chunks = _apump(watched, ask)

    def completion(self) -> ToolRun[T]:
        """The run as far as it has been delivered; after the last chunk, what the whole run would have given."""
        return self._watched.so_far()

    def _growing(self) -> Growing:
        return self._watched.stream._growing()

    async def close(self) -> None:
        """Stop, and close the connection; more calls do nothing."""
        await self._chunks.aclose()
        if self._watched.stream is not None:
            await self._watched.stream.close()

    aclose = close


async def _apump(watched: _Watched, ask: Callable[[Ask], Awaitable[Any]]) -> AsyncGenerator[Chunk]:
    try:
        while True:
            async for chunk in watched.stream:
                yield chunk
            effect = watched.after_answer()
            while not isinstance(effect, Ask):
                if effect is None:
                    return
                if isinstance(effect, Tell):
                    yield watched.told(effect)
                effect = watched.after(await _aperformed(effect))
            watched.stream = await ask(effect)
    except UnifiedLLMError as error:
        watched.fail(error)
