"""How the calls of a model are made: side by side, in threads or awaited, and what is told of their results."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import json
import threading
from collections.abc import Awaitable, Generator
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator
from support_runs import (
    CLAUDE,
    EVERY_FORMAT,
    EVERY_WAY,
    GPT,
    LA,
    QUESTION,
    at,
    awaited,
    awaited_stream,
    calls,
    fail,
    get_weather,
    ran,
    results,
    streamed,
    whole,
)

from unified_llm import BadRequestError, Tool, run_tools
from unified_llm.testing import Answer, LoopbackProvider
from unified_llm.tools import Failed, content_of

BLOCKING = pytest.mark.parametrize("way", [whole, streamed])
AWAITING = pytest.mark.parametrize("way", [awaited, awaited_stream])
PATIENCE = 10
"""Seconds after which what should happen at once has not."""


# --- side by side --------------------------------------------------------------------------------------------------


@EVERY_WAY
def test_the_calls_of_one_answer_are_made_at_once(way):
    together = threading.Barrier(8)

    def meet(number: int) -> int:
        together.wait(PATIENCE)
        return number

    done = ran([meet], calls(*[("meet", {"number": number}) for number in range(8)]), "Done.", way=way)
    assert results(done) == [str(number) for number in range(8)]


@AWAITING
def test_async_functions_are_awaited_at_once_and_beside_others(way):
    together = threading.Barrier(3)

    async def first() -> str:
        await asyncio.to_thread(together.wait, PATIENCE)
        return "1"

    def second() -> str:
        together.wait(PATIENCE)
        return "2"

    async def third() -> str:
        await asyncio.to_thread(together.wait, PATIENCE)
        return "3"

    done = ran([first, second, third], calls("first", "second", "third"), "Done.", way=way)
    assert results(done) == ["1", "2", "3"]


@EVERY_WAY
def test_results_come_in_the_order_of_the_calls_whichever_ends_first(way):
    last = threading.Event()

    def wait(number: int) -> int:
        if number == 2:
            last.set()
        else:
            last.wait(PATIENCE)
        return number

    done = ran([wait], calls(*[("wait", {"number": number}) for number in range(3)]), "Done.", way=way)
    ids = [message["tool_call_id"] for message in done.messages if message["role"] == "tool"]
    assert results(done) == ["0", "1", "2"]
    assert ids == [call["id"] for call in done.turns[0].tool_calls]


@EVERY_WAY
def test_without_parallel_tool_calls_they_are_made_one_after_the_other(way):
    running: list[int] = []
    most: list[int] = []

    def work(number: int) -> int:
        running.append(number)
        most.append(len(running))
        threading.Event().wait(0.01)
        running.remove(number)
        return number

    script = calls(*[("work", {"number": number}) for number in range(3)]), "Done."
    done = ran([work], *script, way=way, parallel_tool_calls=False)
    assert (most, results(done)) == ([1, 1, 1], ["0", "1", "2"])


@BLOCKING
def test_a_single_call_is_made_in_the_callers_thread(way):
    def where() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert results(ran([where], calls("where"), "Done.", way=way)) == ["true"]


@AWAITING
def test_a_function_that_blocks_does_not_block_the_loop(way):
    from_loop = threading.Event()

    def block() -> bool:
        return from_loop.wait(PATIENCE)

    async def release() -> None:
        from_loop.set()

    assert results(ran([block, release], calls("block", "release"), "Done.", way=way)) == ["true", "null"]


USER: contextvars.ContextVar[str] = contextvars.ContextVar("USER", default="nobody")


@EVERY_WAY
@pytest.mark.parametrize("count", [1, 2])
def test_functions_see_the_context_variables_and_cannot_change_them(way, count):
    def who() -> str:
        seen = USER.get()
        USER.set("thief")
        return seen

    def asked() -> Any:
        USER.set("ada")
        done = ran([who], calls(*["who"] * count), "Done.", way=way)
        return results(done), USER.get()

    assert contextvars.copy_context().run(asked) == (["ada"] * count, "ada")


# --- async functions -----------------------------------------------------------------------------------------------


async def later(city: str) -> str:
    """The weather in a city."""
    await asyncio.sleep(0)
    return city


class Later:
    """The weather."""

    async def __call__(self, city: str) -> str:
        return await later(city)


ASYNC = {"function": later, "partial": partial(later, city="LA"), "object": Later(), "method": Later().__call__}


@AWAITING
@pytest.mark.parametrize("name", ASYNC)
def test_async_functions_of_every_kind_are_awaited(way, name):
    tool = ASYNC[name]
    called = {"partial": ("later", {}), "object": ("Later", {"city": "LA"}), "method": ("__call__", {"city": "LA"})}
    done = ran([tool], calls(called.get(name, ("later", {"city": "LA"}))), "Done.", way=way)
    assert results(done) == ["LA"]


@BLOCKING
@pytest.mark.parametrize("name", ASYNC)
def test_an_async_function_is_refused_by_run_tools_before_anything_is_sent(way, name):
    with LoopbackProvider() as provider:
        with pytest.raises(BadRequestError, match=r"is async; arun_tools\(\) takes it"):
            way(GPT, QUESTION, [ASYNC[name]], **at(provider))
        assert provider.requests == []


class Waiting:
    def __await__(self) -> Generator[Any, Any, str]:
        return later("LA").__await__()


@pytest.mark.parametrize("make", [Waiting, partial(later, "LA")], ids=["awaitable", "coroutine"])
def test_what_gives_an_awaitable_is_told_from_a_result(make):
    def give() -> Awaitable[str]:
        return make()

    assert results(ran([give], calls("give"), "Done.", way=awaited)) == ["LA"]
    with pytest.raises(TypeError, match=r"give at.*only arun_tools\(\)"):
        ran([give], calls("give"), "Done.")


# --- exceptions ----------------------------------------------------------------------------------------------------


@EVERY_FORMAT
@EVERY_WAY
def test_an_exception_is_told_to_the_model_by_its_type_and_words_alone(way, model):
    with LoopbackProvider(calls("fail"), "Sorry.") as provider:
        done = way(model, QUESTION, [fail], **at(provider, model))
    assert (results(done), done.text) == (["LookupError: no such city"], "Sorry.")
    sent = provider.requests[1].json["messages"][-1]
    if model == CLAUDE:
        told = {"type": "tool_result", "content": "LookupError: no such city", "is_error": True}
        assert sent["content"] == [{**told, "tool_use_id": done.turns[0].tool_calls[0]["id"]}]
    else:
        assert sent["content"] == "LookupError: no such city"


def test_an_exception_without_words_is_told_by_its_type():
    def wait() -> None:
        raise TimeoutError

    assert results(ran([wait], calls("wait"), "Sorry.")) == ["TimeoutError"]


@EVERY_WAY
def test_an_exception_is_raised_as_asked_with_the_other_results(way):
    script = calls(LA, "fail", ("get_weather", {"city": "Rome"}), text="Let me look."), "Sorry."
    with pytest.raises(LookupError, match="no such city") as caught:
        ran([get_weather, fail], *script, way=way, on_error="raise")
    done = caught.value.tool_run
    assert [json.loads(result)["city"] for result in results(done)] == ["LA", "Rome"]
    assert (done.text, caught.value.__notes__) == ("Let me look.", ["in the tool 'fail'"])


@dataclasses.dataclass(frozen=True)
class UnchangeableError(Exception):
    code: int


def test_an_exception_that_cannot_be_changed_has_the_run_too():
    def break_down() -> None:
        raise UnchangeableError(7)

    with pytest.raises(UnchangeableError) as caught:
        ran([break_down], calls("break_down"), on_error="raise")
    assert len(caught.value.tool_run.turns) == 1


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("count", [1, 2])
@BLOCKING
def test_what_ends_the_program_goes_through(way, count, kind):
    def stop() -> None:
        raise kind

    with pytest.raises(kind):
        ran([stop], calls(*["stop"] * count), "Done.", way=way)


@AWAITING
def test_a_cancellation_in_a_function_goes_through(way):
    async def stop() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        ran([stop, get_weather], calls("stop", LA), "Done.", way=way)


@AWAITING
def test_whoever_is_cancelled_cancels_the_calls(way):
    told: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(PATIENCE)
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    async def cancel() -> None:
        asyncio.get_running_loop().call_soon(lambda: [task.cancel() for task in asyncio.all_tasks()])
        await asyncio.sleep(PATIENCE)

    with pytest.raises(asyncio.CancelledError):
        ran([wait, cancel], calls("wait", "wait", "cancel"), "Done.", way=way)
    assert told == ["cancelled", "cancelled"]


# --- results -------------------------------------------------------------------------------------------------------


class City(BaseModel):
    name: str
    founded: date


@dataclasses.dataclass
class Point:
    x: int


PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgoAAAAAAAAAAA=="}}
SOURCE = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}

CONTENTS: dict[str, tuple[Any, Any]] = {
    "text": ("25 C", "25 C"),
    "text that looks like JSON": ('{"a": 1}', '{"a": 1}'),
    "nothing": (None, "null"),
    "a number": (1.5, "1.5"),
    "no number": (float("nan"), '"NaN"'),
    "a dict": ({"a": [1, None]}, '{"a":[1,null]}'),
    "strings": (["a", "b"], '["a","b"]'),
    "no items": ([], "[]"),
    "a model": (City(name="Rome", founded=date(1, 4, 21)), '{"name":"Rome","founded":"0001-04-21"}'),
    "dataclasses": ([Point(1), Point(2)], '[{"x":1},{"x":2}]'),
    "a decimal": ({"price": Decimal("1.10")}, '{"price":"1.10"}'),
    "a set": ({"a"}, '["a"]'),
    "a path": (Path("a.png"), '"a.png"'),
    "other letters": ({"größe": "😀"}, '{"größe":"😀"}'),
    "bytes of text": ("größe".encode(), "größe"),
    "bytes of an image": (PNG, [IMAGE]),
    "a part": (IMAGE, [IMAGE]),
    "text and an image": (["Look:", PNG], [{"type": "text", "text": "Look:"}, IMAGE]),
    "Claude's own part": ([SOURCE], [SOURCE]),
    "dicts that only look like parts": ([{"type": "text", "score": 1}], '[{"type":"text","score":1}]'),
    "parts among data": ([IMAGE, {"type": "cat"}], None),
}


@pytest.mark.parametrize(("given", "expected"), CONTENTS.values(), ids=CONTENTS)
def test_what_a_function_gives_is_told_as_text_parts_or_json(given, expected):
    assert content_of(given) == (json.dumps(given, separators=(",", ":")) if expected is None else expected)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON_VALUES)
def test_json_is_told_as_it_is(value):
    content = content_of(value)
    assert isinstance(content, str)
    assert (content if isinstance(value, str) else json.loads(content)) == value


def careless(name: Annotated[str, BeforeValidator(lambda name: name.strip())]) -> str:
    return name


@EVERY_WAY
def test_a_validator_that_fails_on_arguments_is_told_to_the_model(way):
    done = ran([careless], calls(("careless", {"name": 3}), ("careless", {"name": " a "})), "ok", way=way)
    assert results(done) == ["AttributeError: 'int' object has no attribute 'strip'", "a"]


UNTELLABLE = {
    "an object": object(),
    "an object within": {"a": object()},
    "bytes of no kind": b"\xff\x00\xfe",
    "half a character": "\ud800",
    "half a character within": {"a": "\ud800"},
    "half a character beside a picture": [b"\x89PNG\r\n\x1a\n", "\ud800"],
}


@pytest.mark.parametrize("result", UNTELLABLE.values(), ids=UNTELLABLE)
def test_a_result_that_cannot_be_told_is_a_failure_of_its_function(result):
    def give() -> Any:
        return result

    assert isinstance(content_of(result), Failed)
    done = ran([give], calls("give"), "Sorry.")
    assert done.messages[2]["is_error"] is True
    with pytest.raises((ValueError, BadRequestError)) as caught:
        ran([give], calls("give"), on_error="raise")
    assert caught.value.__notes__ == ["in the tool 'give'"]


def test_an_image_that_a_function_gives_reaches_the_model():
    def draw() -> Any:
        return ["Here:", PNG]

    with LoopbackProvider(calls("draw"), "Nice.") as provider:
        run_tools(CLAUDE, QUESTION, [draw], **at(provider, CLAUDE))
    (told,) = provider.requests[1].json["messages"][-1]["content"]
    assert [part["type"] for part in told["content"]] == ["text", "image"]


def test_a_tool_made_by_hand_is_called_with_the_arguments_as_they_come():
    seen: list[Any] = []
    fields = {"type": "function", "function": {"name": "mcp", "parameters": {"type": "object"}}}
    tool = Tool(fields, lambda **arguments: seen.append(arguments))
    ran([tool], calls(("mcp", {"a": {"b": [1]}})), "Done.")
    assert seen == [{"a": {"b": [1]}}]


# --- tools of the provider -----------------------------------------------------------------------------------------

SEARCH = {"type": "web_search_20250305", "name": "web_search"}
QUERY = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "LA"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}


def claude(*blocks: Any, stop: str) -> Answer:
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": CLAUDE, "content": blocks}
    usage = {"input_tokens": 1, "output_tokens": 1}
    return Answer(raw=json.dumps({**body, "stop_reason": stop, "stop_sequence": None, "usage": usage}).encode())


@EVERY_WAY
def test_a_call_of_a_tool_that_the_provider_runs_is_none_of_ours(way):
    use = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "LA"}}
    text = {"type": "text", "text": "Hot."}
    with LoopbackProvider(claude(QUERY, FOUND, use, stop="tool_use"), claude(text, stop="end_turn")) as provider:
        done = way(CLAUDE, QUESTION, [get_weather, SEARCH], **at(provider, CLAUDE))
    assert (done.text, results(done)) == ("Hot.", ['{"city":"LA","celsius":2}'])
    sent = provider.requests[1].json
    assert sent["messages"][1]["content"] == [QUERY, FOUND, use]
    assert sent["tools"][1] == SEARCH


@EVERY_WAY
def test_an_answer_that_the_provider_paused_goes_on(way):
    script = claude(QUERY, stop="pause_turn"), claude(FOUND, {"type": "text", "text": "Hot."}, stop="end_turn")
    with LoopbackProvider(*script) as provider:
        done = way(CLAUDE, QUESTION, [SEARCH], **at(provider, CLAUDE))
    assert (done.text, len(done.turns)) == ("Hot.", 2)
    assert provider.requests[1].json["messages"][-1] == {"role": "assistant", "content": [QUERY]}
