"""What the library promises as a whole, outside of one answer: installs, attempts, connections, secrets, imports."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.metadata
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support_server import CUT, HOLD, MODEL, Server, event, http, stalled
from support_ways import awaited, awaited_stream, streamed, whole
from test_errors import KEY, PROMPT
from test_retries import reply, waits
from test_testing_formats import ALL, asked
from test_transport import ROOT, Ask, ask, certificate, fresh, tls, tunnel_to

from unified_llm import APIError, acompletion, completion
from unified_llm.testing import Answer, LoopbackProvider
from unified_llm.types import CompletionOptions

__all__ = ["ask", "certificate", "fresh"]  # fixtures
WAYS = (whole, streamed, awaited, awaited_stream)


def ran(*command: str, **environment: str) -> tuple[int, str, str]:
    """The exit code of Python with these arguments, and what it printed."""
    done = subprocess.run(
        [sys.executable, *command],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


# --- 1: nothing but the four dependencies ----------------------------------------------------------------------------

BARE = """
import importlib.util, json, pathlib, sys
from pydantic import BaseModel
from unified_llm import completion, cost_breakdown, count_tokens, render_request, run_tools
from unified_llm.testing import LoopbackProvider
class City(BaseModel):
    name: str
def weather(city: str) -> str:
    "The weather in a city."
    return "cold"
values = json.loads(sys.argv[1])
tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
values |= {"tools": [tool, weather], "response_format": City, "api_key": lambda: "token"}
given = {"api_key": "any", "max_retries": 0}
with LoopbackProvider(*['{"name": "Oslo"}'] * 900) as provider:
    given["base_url"] = provider.url
    for model in sys.argv[3:]:
        for name, value in values.items():
            for stream in (False, True):
                try:
                    made = completion(model, "Hi", stream, **{**given, name: value})
                    list(made) if stream else json.dumps(made)
                except Exception as error:  # a model that lacks something says so
                    if type(error).__name__ != "BadRequestError" or error.status_code is not None:
                        raise
    cost_breakdown(run_tools("gpt-4.1", "Hi", [weather], **given))
    image = pathlib.Path(sys.argv[2])
    image.write_bytes(b"\\x89PNG\\r\\n\\x1a\\n" + bytes(20))
    render_request("gpt-4.1", [("user", [image])])
    count_tokens("claude-sonnet-4-5", "Hi", **given)
assert importlib.util.find_spec("anthropic") is None is importlib.util.find_spec("aiohttp")
print(len(provider.requests) > 400)
"""
VALUES: dict[str, Any] = {
    **dict.fromkeys(["max_tokens", "max_completion_tokens"], 2000),
    **dict.fromkeys(["temperature", "top_p", "frequency_penalty", "presence_penalty"], 0.5),
    **dict.fromkeys(["top_k", "n", "seed", "top_logprobs", "max_retries", "max_validation_retries"], 1),
    **dict.fromkeys(["parallel_tool_calls", "logprobs", "store", "fetch_media"], False),
    **dict.fromkeys(["stop", "stop_sequences", "user", "safety_identifier", "prompt_cache_key"], "END"),
    **dict.fromkeys(["tool_choice", "service_tier", "cache"], "auto"),
    **dict.fromkeys(["reasoning_effort", "verbosity"], "low"),
    **{name: {} for name in ("audio", "web_search_options")},
    **{name: {"a": "1"} for name in ("logit_bias", "metadata", "extra_body", "extra_headers")},
    "thinking": {"type": "disabled"},
    "modalities": ["text"],
    "prediction": {"type": "content", "content": "x"},
    "stream_options": {"include_usage": True},
    "strict": True,
    "structured_mode": "native",
    "timeout": 30,
    **dict.fromkeys(["tools", "response_format", "api_key", "client", "base_url", "adapter"]),
}


def bare_site(folder: Path) -> Path:
    """A folder with what an install of the package alone brings."""
    folder.mkdir()
    wanted = ["httpx", "pydantic", "tenacity", "python-dotenv"]
    for name in wanted:
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            with contextlib.suppress(FileExistsError):
                (folder / top).symlink_to(str(distribution.locate_file(top)))
        for needed in distribution.requires or ():
            requirement, _, condition = needed.partition(";")
            found = re.match(r"[\w.-]+", requirement)
            if found and "extra" not in condition and "python_version" not in condition:
                wanted.append(found[0])
    return folder


def test_a_bare_install_takes_every_parameter(tmp_path: Path) -> None:
    assert VALUES.keys() == CompletionOptions.__annotations__.keys()
    given = json.dumps({name: value for name, value in VALUES.items() if value is not None})
    paths = f"{bare_site(tmp_path / 'site')}{os.pathsep}{ROOT}"
    models = [options["model"] for options in ALL.values()]
    assert ran("-S", "-c", BARE, given, str(tmp_path / "a.png"), *models, PYTHONPATH=paths) == (0, "True\n", "")


# --- 2 and 3: attempts -----------------------------------------------------------------------------------------------

FAILURES: dict[str, Any] = {
    **{str(status): http({"error": {"message": "no"}}, status) for status in (429, 500, 529)},
    "lost": [CUT],
    "timeout": [HOLD],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("failure", FAILURES)
def test_there_are_never_more_requests_than_max_retries_and_one(
    failure: str, way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unified_llm.retries.FIRST_WAIT", 0.001)
    with Server(FAILURES[failure]) as server:
        with pytest.raises(APIError):
            way(MODEL, "Hi", base_url=server.url, max_retries=2, timeout=0.05)
        assert len(server.requests) == 3


def test_a_wait_that_is_asked_for_is_kept_up_to_a_minute() -> None:
    asked_for = {"retry-after-ms": "250"}, {"retry-after": "60"}
    assert waits(*(reply(429, headers) for headers in asked_for), reply(429)) == [0.25, 60]
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 20))
    assert 17 < waits(reply(503, {"retry-after": date}), reply(503))[0] <= 20
    assert waits(reply(429, {"retry-after": "4290000"}), reply(429))[0] <= 0.5


# --- 7 and 8: connections, loops, threads, processes -----------------------------------------------------------------


def held() -> tuple[int, int, int]:
    """Descriptors, threads, and the objects of those who carry a call; coverage keeps some for each thread."""
    gc.collect()
    carriers = ("unified_llm", "httpx", "httpcore", "h11", "httpx_aiohttp", "aiohttp", "asyncio", "ssl", "socket")
    kept = sum(str(type(thing).__module__).partition(".")[0] in carriers for thing in gc.get_objects())
    return len(os.listdir("/proc/self/fd")), threading.active_count(), kept


def leave(stream: Any, how: int) -> None:
    if how == 0:
        next(stream)
        stream.close()
    elif how == 1:
        with stream:
            next(stream)
    else:
        for _ in stream:
            break


async def cancel(url: str) -> None:
    stream = await acompletion(MODEL, "Hi", True, base_url=url, max_retries=0)
    await anext(stream)
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait([reading])


def leave_many(server: Server, times: int) -> tuple[int, int, int]:
    async def cancel_many() -> None:
        for _ in range(times // 4):
            await cancel(server.url)

    for at in range(times * 3 // 4):
        leave(completion(MODEL, "Hi", True, base_url=server.url, max_retries=0), at % 3)
    asyncio.run(cancel_many())
    assert server.left_alone(0.5)
    server.requests.clear()
    del server._threads[1:]
    return held()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc/self/fd")
def test_leaving_a_thousand_streams_closes_each_at_once_and_leaves_nothing() -> None:
    with Server(stalled(event("Hel"))) as server:
        leave_many(server, 20)
        before = leave_many(server, 20)
        after = leave_many(server, 1000)
    assert after[:2] <= before[:2]
    assert after[2] - before[2] < 50


FORK = f"""
import asyncio, os, sys
from unified_llm import acompletion, completion
def ask():
    return completion({MODEL!r}, "Hi", base_url=sys.argv[1]).text
async def again():
    return (await acompletion({MODEL!r}, "Hi", base_url=sys.argv[1])).text
assert ask() == asyncio.run(again()) == "Hello!"
if (child := os.fork()) == 0:
    os._exit(0 if ask() == asyncio.run(again()) == "Hello!" else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert ask() == asyncio.run(again()) == "Hello!"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_loops_threads_and_forks_may_come_in_any_number() -> None:
    async def one() -> str:
        return (await acompletion(MODEL, "Hi", base_url=server.url)).text

    with Server(http()) as server:
        assert {asyncio.run(one()) for _ in range(100)} == {"Hello!"}
        with ThreadPoolExecutor(32) as threads:
            assert {*threads.map(lambda _: whole(MODEL, "Hi", base_url=server.url).text, range(128))} == {"Hello!"}
        assert ran("-W", "error", "-c", FORK, server.url) == (0, "", "")


# --- 14: secrets -----------------------------------------------------------------------------------------------------

HOW: dict[str, Answer] = {
    "well": Answer("One two."),
    "refused": Answer(status=401, error="no"),
    "busy": Answer(status=429, headers={"retry-after-ms": "1"}),
    "cut": Answer("One two three.", cut_after=2),
    "html": Answer(raw=b"<html>"),
    "broken": Answer("One two.", stream_error="overloaded_error"),
}


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    for name in ("", "httpx", "httpcore", "asyncio", "unified_llm"):
        caplog.set_level(logging.DEBUG, name)
    return caplog


@pytest.mark.parametrize("format", ALL)
def test_no_key_and_no_prompt_is_ever_shown_or_logged(
    format: str, logs: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("unified_llm.retries.FIRST_WAIT", 0.001)
    shown: list[str] = []
    with LoopbackProvider() as provider:
        for answer in HOW.values():
            for way in (whole, awaited_stream):
                provider.answers(answer, answer)
                try:
                    shown.append(repr(way(**asked(provider, format, messages=PROMPT, api_key=KEY, max_retries=1))))
                except APIError as error:
                    shown += [*traceback.format_exception(error), repr(error), repr(vars(error))]
                provider._script.clear()
        assert len(provider.requests) > len(HOW) * 2
        assert all(PROMPT in request.body.decode() for request in provider.requests)
    everything = "\n".join([*shown, logs.text, *capfd.readouterr()])
    assert "attempt 1 failed" in everything
    assert KEY not in everything
    assert PROMPT not in everything


# --- 15: importing ---------------------------------------------------------------------------------------------------

IMPORT = """
import atexit, sys, threading, time, warnings
seen = []
watched = "socket", "subprocess", "os", "urllib"
sys.addaudithook(lambda name, given: seen.append(name) if name.split(".")[0] in watched else None)
hooks, filters, modules, begun = atexit._ncallbacks(), list(warnings.filters), len(sys.modules), time.process_time()
import unified_llm
took, loaded = time.process_time() - begun, len(sys.modules) - modules
assert [name for name in seen if name not in ("os.listdir", "os.scandir")] == [], seen
assert (threading.active_count(), atexit._ncallbacks() - hooks, warnings.filters == filters) == (1, 0, True)
assert "logging" not in sys.modules
assert took < 0.05 and loaded < 150, (took, loaded)
"""


def test_importing_does_nothing_in_no_time() -> None:
    assert ran("-c", IMPORT) == (0, "", "")


# --- 19: proxies and certificates ------------------------------------------------------------------------------------


def test_a_proxy_with_an_authority_of_ones_own_and_an_exception_are_used_together(
    ask: Ask, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with (
        Server(http(), tls=tls(certificate)) as far,
        Server(http(), tls=tls(certificate)) as near,
        Server([tunnel_to(far.port), CUT]) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", f"127.0.0.1:{near.port}")
        assert [ask(server.url) for server in (far, near)] == ["Hello!"] * 2
        assert [request.target for request in proxy.requests] == [f"127.0.0.1:{far.port}"]
