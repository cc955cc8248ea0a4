"""Errors, waits, threads and exits that other libraries get wrong: one test a report, named for what must hold.

The numbers are those of issues of the libraries that had the bug: L is github.com/BerriAI/litellm. How long is waited
between attempts (L#4387, L#20722, L#7669, anthropic 2.11) is held in test_retries.py, and that a caller's own SDK
client does not retry as well in test_sdk_client.py; what errors never show (L#6963, L#5762) and that no words make a
class of them (L!27915) in test_errors.py; connections, proxies and certificates (L#11389, L#12237, L#14540) in
test_transport.py; what importing does (L#2677, L#926) in test_architecture.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from support_server import HOLD, MODEL, STREAM_HEAD, Server, http, pieces, streamed
from test_errors import KEY, STATUSES, answer, raised
from test_testing_formats import ALL, asked
from test_transport import ROOT, fresh  # noqa: F401 - a pool of its own for each test here, too

from unified_llm import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    NotFoundError,
    RateLimitError,
    UnifiedLLMError,
    acompletion,
    acount_tokens,
    catalog,
    completion,
    register,
    resolve,
    transport,
)
from unified_llm.testing import Answer, LoopbackProvider

every_format = pytest.mark.parametrize("format", ALL)
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
SOON = {"retry-after-ms": "1"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program of a user's, with every warning shown."""
    return subprocess.run(
        [sys.executable, "-W", "always", "-c", program, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# --- requests and their errors -------------------------------------------------------------------------------------


@every_format
@pytest.mark.parametrize("most", [0, 2])
def test_there_are_max_retries_more_requests_whoever_is_asked(format: str, most: int) -> None:
    """L!7130, L#7262, L#850, livekit!5335: layers of retries that multiply, or a limit that is ignored."""
    with LoopbackProvider(*[Answer(status=500, headers=SOON)] * 9) as provider:
        with pytest.raises(APIStatusError):
            completion(**asked(provider, format, max_retries=most))
        assert len(provider.requests) == most + 1


@every_format
def test_a_status_has_one_class_whoever_answers_it(format: str) -> None:
    """L!9779, L#16189, L!30417, L#775, any-llm 1.40: another class for each provider, or the class of its SDK."""
    with LoopbackProvider(*(Answer(status=status, error="no") for status in STATUSES)) as provider:
        for status, kind in STATUSES.items():
            with pytest.raises(UnifiedLLMError) as caught:
                completion(**asked(provider, format))
            assert (type(caught.value), getattr(caught.value, "status_code", 0)) == (kind, status)


@every_format
def test_a_rate_limit_says_all_that_is_needed_to_come_back(format: str) -> None:
    """LiteLLM 1.106: no headers, no body, and the address of another provider."""
    limit = Answer(status=429, error="Slow down.", headers={"retry-after": "7", "x-ratelimit-remaining": "0"})
    with LoopbackProvider(limit) as provider, pytest.raises(RateLimitError, match="Slow down") as caught:
        completion(**asked(provider, format))
    error = caught.value
    assert (error.status_code, error.retry_after) == (429, 7)
    assert error.response.headers["x-ratelimit-remaining"] == "0"
    assert "Slow down" in json.dumps(error.body)
    assert str(error.response.request.url).startswith(provider.url)
    if "request-id" in str(error.response.headers):
        assert error.request_id == "req_1"


def test_a_spent_budget_in_a_400_keeps_its_words_and_is_not_asked_again() -> None:
    """L#37599, L!37706."""
    words = "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
    seen: list[Any] = []
    error = raised("claude-sonnet-4-5", lambda request: seen.append(1) or answer(400, body)(request), max_retries=3)
    assert type(error) is BadRequestError
    assert words in error.message
    assert (error.code, error.body, len(seen)) == ("invalid_request_error", body, 1)


def test_a_server_that_is_not_there_has_no_status() -> None:
    """L#33969: InternalServerError, 500."""
    with pytest.raises(APIConnectionError) as caught:
        completion(MODEL, "Hi", base_url="http://127.0.0.1:9", max_retries=0)
    assert not hasattr(caught.value, "status_code")


def test_a_key_is_in_no_address() -> None:
    """L#6963, L#8075, L#15799, L#24902: `?key=...` in errors and logs for 16 months."""
    with LoopbackProvider(Answer(status=404)) as provider:
        with pytest.raises(NotFoundError) as caught:
            completion(**asked(provider, "gemini", api_key=KEY))
        assert KEY not in provider.requests[0].path
        assert KEY not in f"{caught.value} {caught.value.response.request.url}"


@every_format
def test_nothing_is_printed_whatever_goes_wrong(format: str, capfd: pytest.CaptureFixture[str]) -> None:
    """L#12525, L#5942: "Give Feedback / Get Help" on stdout for each error, and a list of providers for each typo."""
    wrong = [*(Answer(status=status) for status in (400, 401, 404, 429, 500, 529)), Answer(raw=b"<html>")]
    with LoopbackProvider(*wrong, Answer("a b c", cut_after=2)) as provider:
        for _ in wrong:
            with pytest.raises(APIError):
                completion(**asked(provider, format))
        with pytest.raises(APIError):
            list(completion(**asked(provider, format, stream=True)))
        with pytest.raises(NotFoundError):
            completion(**asked(provider, format, model="nosuch", base_url=None))
    assert capfd.readouterr() == ("", "")


def test_a_name_that_nothing_is_known_of_is_refused_and_one_that_only_its_provider_lacks_is_told_the_nearest() -> None:
    """LiteLLM 1.106: a list on stdout. A new model of a known provider is asked for: it needs no new version."""
    with LoopbackProvider(Answer(status=404)) as provider:
        with pytest.raises(NotFoundError, match="claude-sonnet-4-5"):
            completion("cluade-sonnet-4-5", "Hi", api_key="any")
        assert provider.requests == []
        with pytest.raises(NotFoundError, match=r"nearest in the catalog: claude-sonnet"):
            completion("claude-sonet-4-5", "Hi", api_key="any", base_url=provider.url)


def test_an_attempt_that_fails_and_a_call_that_works_are_one_line_of_information(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """LiteLLM 1.106: four tracebacks at ERROR for a call that succeeded."""
    caplog.set_level(logging.DEBUG, "unified_llm")
    with LoopbackProvider(Answer(status=529, headers=SOON), "Done.") as provider:
        completion(**asked(provider, "anthropic_messages", max_retries=1))
    [line] = [record for record in caplog.records if record.name.startswith("unified_llm")]
    assert (line.levelno, line.exc_info) == (logging.INFO, None)


# --- time ----------------------------------------------------------------------------------------------------------


@STREAM
@every_format
def test_a_timeout_holds_for_every_format_whole_and_streamed(format: str, stream: bool) -> None:
    """L#26939, L#8333, L#8652, L#23375, L#21947: 6000 seconds for some; a stalled stream was a 500."""
    with Server([HOLD]) as server:
        options = {**ALL[format], "base_url": server.url, "api_key": "any", "max_retries": 0, "timeout": 0.05}
        begun = time.monotonic()
        with pytest.raises(APITimeoutError):
            list(completion(messages="Hi", stream=stream, **options))
    assert time.monotonic() - begun < 2


def test_a_timeout_is_for_each_wait_and_not_for_the_whole_answer() -> None:
    """L#19184, L#7001: its meaning changed from version to version."""
    with LoopbackProvider(Answer("one two three four five six seven", chunk_delay=0.05)) as provider:
        stream = completion(**asked(provider, "openai_chat", stream=True, timeout=0.2))
        begun = time.monotonic()
        assert len(list(stream)) > 1
    assert time.monotonic() - begun > 0.2
    assert stream.completion().text.endswith("seven")


# --- loops, threads and processes ----------------------------------------------------------------------------------

LOOPS = """
import asyncio, gc, sys
from unified_llm import acompletion, completion
async def ask(stream=False):
    return await acompletion("custom/m", "Hi", stream, base_url=sys.argv[1])
async def leave():
    async for _ in await ask(True):
        break
async def cancel():
    task = asyncio.ensure_future(ask())
    await asyncio.sleep(0)
    task.cancel()
for _ in range(5):
    asyncio.run(ask())
    asyncio.run(leave())
    asyncio.run(cancel())
    assert completion("custom/m", "Hi", base_url=sys.argv[1]).text
gc.collect()
print("done")
"""


def test_loops_and_left_calls_warn_of_nothing() -> None:
    """L#7288, L#9133, L#8831, pydantic-ai#135: a closed loop, pending tasks, unclosed sockets."""
    answers = [http(), streamed(), http(), http()]
    with Server(*answers * 5) as server:
        ran = run(LOOPS, server.url)
    assert (ran.stdout, ran.stderr) == ("done\n", "")


def test_loops_are_forgotten_when_they_are_closed() -> None:
    """L#10126, L#13251: clients by the id of a loop, for ever."""
    transport._async_pools.clear()

    def ask(url: str) -> str:
        async def main() -> str:
            return (await acompletion(MODEL, "Hi", base_url=url)).text

        return asyncio.run(main())

    with Server(http()) as server:
        for _ in range(5):
            with ThreadPoolExecutor(4) as threads:
                assert set(threads.map(ask, [server.url] * 4)) == {"Hello!"}
        assert server.left_alone()
        assert len(transport._async_pools) <= 4
        ask(server.url)
    assert len(transport._async_pools) == 1


def test_a_loop_of_its_own_reads_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM 1.106: a client for each loop, with all that belongs to it: 50 ms and 3 MB."""

    def read(*_: Any, **__: Any) -> None:
        raise AssertionError("certificates were read")

    async def one() -> str:
        return (await acompletion(MODEL, "Hi", base_url=server.url)).text

    for name in ("load_verify_locations", "load_default_certs"):
        monkeypatch.setattr(ssl.SSLContext, name, read)
    with Server(http()) as server:
        assert asyncio.run(one()) == "Hello!"


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_loop_that_is_closed_without_its_generators_keeps_no_sockets() -> None:
    """L#14384, L#13251: as above, where the program closes its loops by itself."""

    async def ask() -> str:
        return (await acompletion(MODEL, "Hi", base_url=server.url)).text

    with Server(http()) as server:
        for _ in range(3):
            with contextlib.closing(asyncio.new_event_loop()) as loop:
                loop.run_until_complete(ask())
        asyncio.run(ask())
        gc.collect()
        assert server.left_alone()


def test_rows_may_be_registered_while_other_threads_look_names_up() -> None:
    """L#2245, L#2468: "dictionary changed size during iteration"."""
    wrong: list[Exception] = []
    over = threading.Event()

    def look_up() -> None:
        while not over.is_set():
            try:
                with pytest.raises(NotFoundError):
                    resolve(f"nosuch/{time.monotonic_ns()}")
                catalog.search("zz")
            except RuntimeError as error:
                wrong.append(error)

    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    reader = threading.Thread(target=look_up)
    reader.start()
    try:
        until = time.monotonic() + 0.7
        while time.monotonic() < until:
            name = f"p{time.monotonic_ns()}"
            register({"providers": {name: {"url": "http://x.invalid"}}, "models": {name: {"m": {}}}})
            assert resolve(f"{name}/m").provider == name
    finally:
        over.set()
        reader.join()
        sys.setswitchinterval(switching)
        for cached in (catalog.load, catalog._resolved, catalog._start, catalog._owners, catalog._provider_names):
            cached.cache_clear()
    assert wrong == []


def test_what_one_call_asks_for_holds_for_that_call_alone() -> None:
    """OpenHands/software-agent-sdk#3137: settings that all threads of a process share."""

    def ask(strict: bool) -> bool:
        try:
            return bool(completion(**asked(provider, "anthropic_messages", seed=1, strict=strict))["warnings"])
        except BadRequestError:
            return False

    wishes = [bool(at % 2) for at in range(40)]
    with LoopbackProvider() as provider, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, wishes)) == [not strict for strict in wishes]


async def longest_pause(*work: Any) -> float:
    """The longest time in which the loop did nothing else while it did this."""
    pauses, last, over = [0.0], time.monotonic(), False

    async def tick() -> None:
        nonlocal last
        while not over:
            await asyncio.sleep(0.005)
            pauses.append(time.monotonic() - last)
            last = time.monotonic()

    ticking = asyncio.ensure_future(tick())
    await asyncio.gather(*work)
    over = True
    await ticking
    return max(pauses)


def test_counting_and_fetching_do_not_block_the_loop() -> None:
    """L#16716: 3 to 10 s for each count; llm#1143: while an attachment is downloaded."""

    def fetched(url: str) -> bytes:
        time.sleep(0.4)
        return PNG

    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]}]
    with LoopbackProvider() as provider:
        given = asked(provider, "bedrock_converse", messages=image, fetch_media=fetched)
        with Server([0.4, http({"input_tokens": 7})]) as server:
            count = acount_tokens("claude-sonnet-4-5", "Hi", base_url=server.url, api_key="any")
            assert asyncio.run(longest_pause(acompletion(**given), count)) < 0.3
        assert len(provider.requests) == 1


AT_EXIT = """
import asyncio, atexit, sys, threading, time
from unified_llm import acompletion, completion
def ask():
    print(completion("custom/m", "Hi", base_url=sys.argv[1]).text)
async def main():
    return (await acompletion("custom/m", "Hi", base_url=sys.argv[1])).text
atexit.register(lambda: (ask(), print(asyncio.run(main()))))
def late():
    time.sleep(0.1)
    ask()
threading.Thread(target=late).start()
"""


def test_calls_may_be_made_while_the_program_ends() -> None:
    """L#13424, L!13436: "can't register atexit after shutdown"."""
    with Server(http()) as server:
        ran = run(AT_EXIT, server.url)
    assert (ran.stdout, ran.stderr) == ("Hello!\n" * 3, "")


# --- proxies -------------------------------------------------------------------------------------------------------


def test_no_proxy_may_name_a_host_with_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """L#11389, L#11944, L#10014: the variables of proxies, ignored or half read."""
    with Server(http()) as server, Server(http()) as other, Server(http()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", f"127.0.0.1:{server.port}")
        for asked_server in (server, other):
            assert completion(MODEL, "Hi", base_url=asked_server.url).text == "Hello!"
        assert [len(one.requests) for one in (server, other, proxy)] == [1, 0, 1]


@pytest.mark.parametrize("proxy", ["socks5", "http"])
def test_a_proxy_is_spoken_to_in_its_own_protocol_by_awaited_calls_too(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L!12066: one of two transports knew nothing of proxies. aiohttp takes a SOCKS proxy for one of HTTP."""
    pytest.importorskip("httpx_aiohttp")
    made: list[str] = []
    for name in ("_httpx_transport", "_aiohttp_transport"):
        monkeypatch.setattr(transport, name, lambda *way, name=name: made.append(name) or httpx.AsyncHTTPTransport())
    monkeypatch.setenv("HTTP_PROXY", f"{proxy}://127.0.0.1:9")
    pool = transport.AsyncPool()
    pool._transport("http://llm.invalid/v1")
    assert made == ["_httpx_transport" if proxy == "socks5" else "_aiohttp_transport"]
    asyncio.run(pool.close())


def test_the_password_of_a_proxy_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:pw-canary@127.0.0.1:9")
    with pytest.raises(APIConnectionError) as caught:
        completion(MODEL, "Hi", base_url="http://llm.invalid/v1", max_retries=0)
    error: BaseException | None = caught.value
    while error is not None:
        assert "pw-canary" not in f"{error!r} {error}"
        error = error.__cause__


def test_a_stream_that_stalls_in_its_middle_is_a_timeout_that_may_be_told_from_a_cut() -> None:
    """LiteLLM 1.106: MidStreamFallbackError, 500."""
    with Server([STREAM_HEAD, *pieces(b": ping\n\n"), HOLD]) as server, pytest.raises(APITimeoutError):
        list(completion(MODEL, "Hi", True, base_url=server.url, max_retries=0, timeout=0.05))
