"""What nobody expects to be raised reaches the caller as it is, and leaves no connection open behind it."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import Any

import pytest
from support_server import HOLD, MODEL, STREAM_HEAD, Server, event, pieces

from unified_llm import acompletion, completion, transport
from unified_llm.adapters import openai_chat

STALLED = [STREAM_HEAD, *pieces(event("Hel")), 0.1, *pieces(event("lo")), HOLD]


class OfNobody(BaseException):
    """What no program has ever raised."""


def ask(server: Server, stream: bool) -> None:
    made: Any = completion(MODEL, "Hi", stream, base_url=server.url, max_retries=0)
    list(made if stream else ())


async def await_it(server: Server, stream: bool) -> None:
    made: Any = await acompletion(MODEL, "Hi", stream, base_url=server.url, max_retries=0)
    if stream:
        async for _ in made:
            pass


@pytest.fixture(params=["blocking", "httpx", "aiohttp"])
def call(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A call in each of the three ways, to its end."""
    if request.param == "blocking":
        return ask
    if request.param == "aiohttp":
        pytest.importorskip("httpx_aiohttp")
    monkeypatch.setattr(transport, "_has_aiohttp", lambda: request.param == "aiohttp")
    return lambda server, stream: asyncio.run(await_it(server, stream))


@pytest.mark.parametrize("kind", [ZeroDivisionError, MemoryError, KeyboardInterrupt, SystemExit, OfNobody])
@pytest.mark.parametrize("event_number", [1, 2], ids=["before it has begun", "later"])
def test_a_fault_of_a_decoder_is_raised_and_closes_the_connection(
    kind: type[BaseException], event_number: int, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, seen = openai_chat.Decoder.feed, list[bytes]()

    def faulty(self: Any, data: bytes) -> Any:
        seen.append(data)
        if len(seen) == event_number:
            raise kind("a fault")
        return feed(self, data)

    monkeypatch.setattr(openai_chat.Decoder, "feed", faulty)
    with Server(STALLED) as server:
        with pytest.raises(kind, match="a fault") as caught:
            call(server, True)
        assert caught.value.__cause__ is not caught.value
        assert server.left_alone(2)


@pytest.mark.parametrize("kind", [ZeroDivisionError, MemoryError])
def test_a_fault_of_a_parser_is_raised_as_it_is(
    kind: type[Exception], call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: Any) -> Any:
        raise kind("a fault")

    monkeypatch.setattr(openai_chat, "parse", faulty)
    with Server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}") as server, pytest.raises(kind, match="a fault"):
        call(server, False)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("answer", [[HOLD], STALLED], ids=["before the answer", "in the answer"])
def test_ctrl_c_ends_a_blocking_call_at_once_and_closes_its_connection(answer: Any, stream: bool) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    assert threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with Server(answer) as server:
            signal.setitimer(signal.ITIMER_REAL, 0.4)
            with pytest.raises(KeyboardInterrupt):
                ask(server, stream)
            assert server.left_alone(2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
