"""Connections: pooled, timed, proxied, certified, and closed as soon as nobody wants them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from support_server import (
    COMPLETION,
    CUT,
    EVENTS,
    HOLD,
    MODEL,
    RESET,
    STREAM_HEAD,
    Server,
    event,
    head,
    http,
    pieces,
    stalled,
    streamed,
)

from unified_llm import APIConnectionError, APITimeoutError, IncompleteStreamError, acompletion, completion, transport
from unified_llm.flow import HTTPRequest

ROOT = Path(__file__).parent.parent
PROXY_VARIABLES = [
    name for word in ("http", "https", "all", "no") for name in (f"{word}_proxy", f"{word}_PROXY".upper())
]
LINUX = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc/self/fd")

Ask = Callable[..., Any]
"""Makes a call to its end: the text of a whole one, the texts of the chunks of a streamed one."""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A pool of the test's own, which knows nothing of earlier environments."""
    for name in [*PROXY_VARIABLES, "SSL_CERT_FILE", "SSL_CERT_DIR"]:
        monkeypatch.delenv(name, raising=False)
    pool = transport.Pool()
    monkeypatch.setattr(transport, "_pool", pool)
    caches = (transport._way, transport._proxy, transport._ssl_context, transport._url)
    for cached in caches:
        cached.cache_clear()
    yield
    pool.close()
    for cached in caches:
        cached.cache_clear()


def sync_ask(url: str, *, stream: bool = False, **options: Any) -> Any:
    made = completion(MODEL, "Hi", stream, base_url=url, max_retries=0, **options)
    return [chunk["choices"][0]["delta"]["content"] for chunk in made] if stream else made.text


async def async_ask(url: str, *, stream: bool = False, **options: Any) -> Any:
    made = await acompletion(MODEL, "Hi", stream, base_url=url, max_retries=0, **options)
    return [chunk["choices"][0]["delta"]["content"] async for chunk in made] if stream else made.text


@pytest.fixture(params=["httpx", "aiohttp"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What carries asynchronous calls: httpx alone, or httpx-aiohttp where that is installed."""
    if request.param == "aiohttp":
        pytest.importorskip("httpx_aiohttp")
    monkeypatch.setattr(transport, "_has_aiohttp", lambda: request.param == "aiohttp")
    return request.param


@pytest.fixture(params=["sync", "httpx", "aiohttp"])
def ask(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A call in each of the three ways."""
    if request.param == "sync":
        return sync_ask
    if request.param == "aiohttp":
        pytest.importorskip("httpx_aiohttp")
    monkeypatch.setattr(transport, "_has_aiohttp", lambda: request.param == "aiohttp")
    return lambda *given, **options: asyncio.run(async_ask(*given, **options))


STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

# --- the pool ------------------------------------------------------------------------------------------------------


def test_blocking_calls_use_one_connection_again_and_again() -> None:
    with Server(http(), streamed(), http(), streamed(), http()) as server:
        for stream in (False, True, False, True, False):
            sync_ask(server.url, stream=stream)
        assert (server.connections, len(server.requests)) == (1, 5)


@pytest.mark.usefixtures("backend")
def test_calls_of_one_loop_use_one_connection_again_and_again() -> None:
    async def main() -> None:
        for stream in (False, True, False, True, False):
            await async_ask(server.url, stream=stream)

    with Server(http(), streamed(), http(), streamed(), http()) as server:
        asyncio.run(main())
        assert (server.connections, len(server.requests)) == (1, 5)


def test_an_error_status_leaves_the_connection_usable() -> None:
    with Server(http({"error": {"message": "no"}}, 500), http()) as server:
        with contextlib.suppress(Exception):
            sync_ask(server.url)
        assert sync_ask(server.url) == "Hello!"
        assert server.connections == 1


def test_sixteen_threads_call_at_once() -> None:
    with Server([0.02, http()]) as server, ThreadPoolExecutor(16) as threads:
        sync_ask(server.url)
        texts = list(threads.map(lambda _: sync_ask(server.url), range(64)))
        assert texts == ["Hello!"] * 64
        assert server.connections <= 16


def test_threads_that_begin_together_share_one_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[httpx.HTTPTransport] = []

    class Slow(httpx.HTTPTransport):
        def __init__(self, **settings: Any) -> None:
            made.append(self)
            time.sleep(0.02)
            super().__init__(**settings)

    monkeypatch.setattr(httpx, "HTTPTransport", Slow)
    with Server(http()) as server, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: sync_ask(server.url), range(8)))
        for transport_made in made:
            transport_made.close()
        assert len(made) == 1


@pytest.mark.usefixtures("backend")
def test_a_hundred_tasks_call_at_once() -> None:
    async def main() -> list[str]:
        return await asyncio.gather(*(async_ask(server.url) for _ in range(100)))

    with Server([0.02, http()]) as server:
        assert asyncio.run(main()) == ["Hello!"] * 100


# --- timeouts ------------------------------------------------------------------------------------------------------


def test_a_call_waits_600_seconds_for_an_answer_and_5_for_a_connection() -> None:
    rendered = transport._rendered(HTTPRequest("http://server.invalid/", {}, b"{}", {}, None))
    assert rendered.extensions["timeout"] == {"connect": 5.0, "read": 600.0, "write": 600.0, "pool": 600.0}


@STREAM
@pytest.mark.parametrize("timeout", [0.05, httpx.Timeout(5, read=0.05)], ids=["number", "httpx.Timeout"])
def test_an_answer_that_does_not_come_in_time_raises_a_timeout(timeout: Any, stream: bool, ask: Ask) -> None:
    with Server([HOLD]) as server:
        with pytest.raises(APITimeoutError) as caught:
            ask(server.url, stream=stream, timeout=timeout)
        assert caught.value.__cause__ is not None
        assert server.left_alone()


def test_a_stream_that_stalls_raises_a_timeout_with_what_was_delivered(ask: Ask) -> None:
    with Server(stalled(event("Hel"))) as server:
        with pytest.raises(APITimeoutError) as caught:
            ask(server.url, stream=True, timeout=0.05)
        assert caught.value.completion is not None
        assert caught.value.completion.text == "Hel"
        assert server.left_alone()


# --- connections that fail -----------------------------------------------------------------------------------------


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@STREAM
@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"], ids=["refused", "no such name"])
def test_a_server_that_is_not_there_raises_a_connection_error(host: str, stream: bool, ask: Ask) -> None:
    with pytest.raises(APIConnectionError) as caught:
        ask(f"http://{host}:{closed_port()}", stream=stream)
    assert type(caught.value) is APIConnectionError
    assert caught.value.__cause__ is not None


LOST = {
    "reset before the answer": [RESET],
    "closed before the answer": [CUT],
    "closed inside the body": [head(content_length="100") + b'{"id"', CUT],
    "reset inside the body": [head(content_length="100") + b'{"id"', 0.02, RESET],
    "no HTTP at all": [b"220 mail.example ESMTP\r\n\r\n", CUT],
    "a chunk of no length": [STREAM_HEAD + b"zz\r\n{}\r\n", CUT],
    "a chunk of no length later": [STREAM_HEAD, 0.05, b"zz\r\n{}\r\n", CUT],
}


@pytest.mark.parametrize("how", LOST)
def test_a_connection_that_is_lost_raises_a_connection_error(how: str, ask: Ask) -> None:
    with Server(LOST[how]) as server, pytest.raises(APIConnectionError) as caught:
        ask(server.url)
    assert not isinstance(caught.value, APITimeoutError)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("how", LOST)
def test_the_causes_of_a_lost_connection_do_not_show_the_key(how: str, ask: Ask) -> None:
    with Server(LOST[how]) as server, pytest.raises(APIConnectionError) as caught:
        ask(server.url, api_key="sk-secret-0123456789")
    error: BaseException | None = caught.value
    while error is not None:
        assert "sk-secret" not in f"{error!r} {error} {error.args}"
        error = error.__cause__


@pytest.mark.parametrize("end", [CUT, RESET])
def test_a_stream_that_is_lost_raises_with_what_was_delivered(end: str, ask: Ask) -> None:
    with Server([STREAM_HEAD, *pieces(event("Hel")), 0.02, end]) as server:
        with pytest.raises(IncompleteStreamError) as caught:
            ask(server.url, stream=True)
        assert caught.value.completion is not None
        assert caught.value.completion.text == "Hel"
        assert caught.value.__cause__ is not None


def test_a_connection_that_is_lost_after_the_end_mark_is_no_error(ask: Ask) -> None:
    with Server([STREAM_HEAD, *pieces(*EVENTS), CUT]) as server:
        assert "".join(text or "" for text in ask(server.url, stream=True)) == "Hello!"


@pytest.mark.parametrize("most", [0, 2])
def test_a_server_that_hangs_up_gets_exactly_max_retries_more_requests(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unified_llm.retries.FIRST_WAIT", 0.001)
    with Server([CUT]) as server, pytest.raises(APIConnectionError):
        completion(MODEL, "Hi", base_url=server.url, max_retries=most)
    assert len(server.requests) == most + 1


# --- encodings -----------------------------------------------------------------------------------------------------


def test_a_compressed_answer_is_read(ask: Ask) -> None:
    body = gzip.compress(httpx.Response(200, json=COMPLETION).content)
    with Server(http(body, content_encoding="gzip")) as server:
        assert ask(server.url) == "Hello!"


def test_a_compressed_stream_is_read(ask: Ask) -> None:
    packed = gzip.compress(b"".join(EVENTS))
    begin = head(content_type="text/event-stream", transfer_encoding="chunked", content_encoding="gzip")
    with Server([begin, *pieces(packed[:20], packed[20:]), b"0\r\n\r\n"]) as server:
        assert "".join(text or "" for text in ask(server.url, stream=True)) == "Hello!"


# --- proxies and certificates --------------------------------------------------------------------------------------


def test_the_proxy_of_the_environment_is_used(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(http()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert ask("http://upstream.invalid/v1") == "Hello!"
        assert proxy.requests[0].target == "http://upstream.invalid/v1/chat/completions"


def test_a_host_of_no_proxy_is_asked_directly(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(http()) as proxy, Server(http()) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert ask(server.url) == "Hello!"
        assert (len(proxy.requests), len(server.requests)) == (0, 1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate for 127.0.0.1 that nobody else vouches for."""
    x509 = pytest.importorskip("cryptography.x509")
    import datetime
    import ipaddress

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(("digital_signature", "key_cert_sign", "crl_sign"), True)
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(**usage, **dict.fromkeys(unused, False), encipher_only=False, decipher_only=False),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    return path


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_the_certificates_of_ssl_cert_file_are_trusted(
    ask: Ask, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Server(http(), tls=tls(certificate)) as server:
        assert ask(server.url) == "Hello!"


def test_a_certificate_that_nobody_vouches_for_is_refused(ask: Ask, certificate: Path) -> None:
    with Server(http(), tls=tls(certificate)) as server:
        with pytest.raises(APIConnectionError, match=r"(?i)certificate"):
            ask(server.url)
        assert server.requests == []


def tunnel_to(port: int) -> Callable[[socket.socket], None]:
    """What a proxy does for CONNECT."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def relay(connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(upstream, connection), daemon=True)
            back.start()
            pump(connection, upstream)
            back.join(5)

    return relay


def test_an_https_server_is_reached_through_a_tunnel(
    ask: Ask, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Server(http(), tls=tls(certificate)) as server, Server([tunnel_to(server.port), CUT]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert ask(server.url) == "Hello!"
        assert [(request.method, request.target) for request in proxy.requests] == [
            ("CONNECT", f"127.0.0.1:{server.port}")
        ]


# --- the caller's own client ---------------------------------------------------------------------------------------


def own_call(handler: Callable[[httpx.Request], httpx.Response], kind: str, **options: Any) -> Any:
    """A call over the caller's own client, with a default header and a base timeout of 7 s."""
    settings: dict[str, Any] = {"transport": httpx.MockTransport(handler), "headers": {"x-team": "blue"}, "timeout": 7}
    if kind == "sync":
        with httpx.Client(**settings) as client:
            return sync_ask("http://server.invalid", client=client, **options)

    async def main() -> Any:
        async with httpx.AsyncClient(**settings) as client:
            return await async_ask("http://server.invalid", client=client, **options)

    return asyncio.run(main())


OWN = pytest.mark.parametrize("kind", ["sync", "async"])


@OWN
@pytest.mark.parametrize(("options", "seconds"), [({}, 7), ({"timeout": 3}, 3)], ids=["its own", "the call's"])
def test_the_callers_client_keeps_its_headers_and_its_timeout(kind: str, options: Any, seconds: float) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=COMPLETION)

    assert own_call(handler, kind, **options) == "Hello!"
    assert seen[0].headers["x-team"] == "blue"
    assert seen[0].extensions["timeout"]["read"] == seconds


@OWN
def test_the_callers_client_streams(kind: str) -> None:
    texts = own_call(lambda request: httpx.Response(200, content=b"".join(EVENTS)), kind, stream=True)
    assert "".join(text or "" for text in texts) == "Hello!"


@pytest.mark.parametrize("client", [httpx.AsyncClient(), object(), "client"], ids=["async", "object", "str"])
def test_a_blocking_call_takes_no_other_client(client: Any) -> None:
    with pytest.raises(TypeError, match=r"httpx\.Client"):
        sync_ask("http://server.invalid", client=client)


@pytest.mark.parametrize("client", [httpx.Client(), object()], ids=["sync", "object"])
def test_an_awaited_call_takes_no_other_client(client: Any) -> None:
    with pytest.raises(TypeError, match=r"httpx\.AsyncClient"):
        asyncio.run(async_ask("http://server.invalid", client=client))


# --- nobody wants it any more --------------------------------------------------------------------------------------


def begun(server: Server, **options: Any) -> Any:
    """A blocking stream whose first chunk was read."""
    stream = completion(MODEL, "Hi", True, base_url=server.url, max_retries=0, **options)
    assert next(stream)["choices"][0]["delta"]["content"] == "Hel"
    return stream


def leave_by_close(stream: Any) -> None:
    stream.close()  # a second time, below, does no harm
    stream.close()


def leave_by_with(stream: Any) -> None:
    with stream:
        pass


def leave_by_exception(stream: Any) -> None:
    with contextlib.suppress(ZeroDivisionError), stream:
        raise ZeroDivisionError


SYNC_LEAVES = {
    "close": leave_by_close,
    "with": leave_by_with,
    "exception": leave_by_exception,
    "del": lambda stream: None,
}


@pytest.mark.parametrize("own", [False, True], ids=["pool", "own client"])
@pytest.mark.parametrize("how", SYNC_LEAVES)
def test_leaving_a_stream_closes_its_connection_at_once(how: str, own: bool) -> None:
    with Server(stalled(event("Hel"))) as server, contextlib.ExitStack() as stack:
        options = {"client": stack.enter_context(httpx.Client())} if own else {}
        SYNC_LEAVES[how](begun(server, **options))
        assert server.left_alone()


def test_breaking_out_of_the_loop_over_a_call_closes_the_connection_at_once() -> None:
    with Server(stalled(event("Hel"))) as server:
        for _ in completion(MODEL, "Hi", True, base_url=server.url):
            break
        assert server.left_alone()


async def leave_by_aclose(stream: Any) -> None:
    await stream.aclose()
    await stream.close()


async def leave_by_async_with(stream: Any) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with stream:
            raise ZeroDivisionError


async def leave_by_cancel(stream: Any) -> None:
    task = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def leave_by_forgetting(stream: Any) -> None:
    pass


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("leave", [leave_by_aclose, leave_by_async_with, leave_by_cancel, leave_by_forgetting])
def test_leaving_an_awaited_stream_closes_its_connection_at_once(leave: Callable[[Any], Any]) -> None:
    async def main() -> bool:
        stream = await acompletion(MODEL, "Hi", True, base_url=server.url)
        await anext(stream)
        await leave(stream)
        del stream
        return await asyncio.to_thread(server.left_alone)

    with Server(stalled(event("Hel"))) as server:
        assert asyncio.run(main())


@STREAM
@pytest.mark.usefixtures("backend")
def test_cancelling_a_call_closes_its_connection_at_once(stream: bool) -> None:
    async def main() -> bool:
        task = asyncio.ensure_future(async_ask(server.url, stream=stream))
        await asyncio.to_thread(server.within, 2, lambda it: it.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.to_thread(server.left_alone)

    with Server([HOLD]) as server:
        assert asyncio.run(main())


@pytest.mark.parametrize("own", [False, True], ids=["pool", "own client"])
def test_the_garbage_collector_may_find_a_stream_while_the_pool_is_locked(own: bool) -> None:
    def collect() -> None:
        with pool._optional_thread_lock:
            gc.collect()
        collected.set()

    collected = threading.Event()
    client = httpx.Client() if own else None
    with Server(stalled(event("Hel"))) as server:
        cycle: list[Any] = [begun(server, client=client)]
        way = client._transport if client else transport._pool._transports[False, None]
        pool: Any = way._pool  # type: ignore[attr-defined]
        cycle.append(cycle)
        gc.disable()
        try:
            del cycle
            threading.Thread(target=collect, daemon=True).start()
            assert collected.wait(1), "the collector waits for a lock that its own thread has"
        finally:
            gc.enable()
        assert server.left_alone()


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


@LINUX
def test_calls_and_abandoned_streams_leave_no_descriptors_and_no_threads() -> None:
    with Server(http()) as server:
        sync_ask(server.url)
        before = descriptors(), threading.active_count()
        for _ in range(200):
            sync_ask(server.url)
        assert (descriptors(), threading.active_count()) == before
    with Server(stalled(event("Hel"))) as server:
        before = descriptors(), threading.active_count()
        for _ in range(50):
            begun(server)
        assert server.left_alone(1)
        transport._pool.close()
        assert descriptors() <= before[0]


@LINUX
@pytest.mark.usefixtures("backend")
@pytest.mark.filterwarnings("error")
def test_thirty_loops_one_after_the_other_leave_no_sockets() -> None:
    with Server(http()) as server:
        asyncio.run(async_ask(server.url))
        before = descriptors()
        for _ in range(30):
            assert asyncio.run(async_ask(server.url)) == "Hello!"
        assert server.left_alone()
        assert descriptors() <= before


FORK = f"""
import os, sys
from unified_llm import completion
def ask(stream=False):
    return completion({MODEL!r}, "Hi", stream, base_url=sys.argv[1])
assert ask().text == "Hello!"
stream = ask(True)
first = next(stream)
if (child := os.fork()) == 0:
    del stream
    assert ask().text == "Hello!"
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert len(list(stream)) == 2
assert ask().text == "Hello!"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_and_its_parent_both_go_on() -> None:
    slow = [STREAM_HEAD, *pieces(EVENTS[0]), 0.2, *pieces(*EVENTS[1:]), b"0\r\n\r\n"]
    with Server(http(), slow, http()) as server:
        ran = subprocess.run(
            [sys.executable, "-c", FORK, server.url], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        assert len(server.requests) == 4


AT_EXIT = f"""
import atexit, sys
# what is registered first runs last
atexit.register(lambda: print("kept:", len(sys.modules["unified_llm.transport"]._pool._transports)))
from unified_llm import completion
completion({MODEL!r}, "Hi", base_url=sys.argv[1])
"""


def test_the_end_of_a_program_closes_its_idle_connections() -> None:
    with Server(http()) as server:
        command = [sys.executable, "-c", AT_EXIT, server.url]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "kept: 0\n", "")
