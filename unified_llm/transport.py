"""The network: the only module that knows httpx.

By default requests go straight to an httpx transport, which costs half of what `httpx.Client.post` does and keeps its
pool; asynchronous ones go to httpx-aiohttp's where that is installed. Proxies and certificate authorities come from the
environment, as httpx has it. A caller's own `httpx.Client` or `httpx.AsyncClient` is used as it is.

asyncio is imported where it is used: a program that only blocks saves 10 MB and 50 ms.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import ssl
import sys
import threading
import urllib.request
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import suppress
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx

from unified_llm import sdk_client
from unified_llm.errors import APIConnectionError, APITimeoutError, BadRequestError
from unified_llm.flow import FIRST_FAILURE, HTTPRequest
from unified_llm.secrecy import shareable

if TYPE_CHECKING:
    import asyncio

DEFAULT_TIMEOUT = httpx.Timeout(600.0, connect=5.0)
"""Seconds, as OpenAI's and Anthropic's SDKs have them."""

_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=30.0)


# --- what both ways share ------------------------------------------------------------------------------------------


def translated(error: BaseException) -> BaseException:
    """The error of this library that a transport's error stands for; any other error as it is."""
    if not isinstance(error, (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL)) and not _unnamed(error):
        return error
    if isinstance(error, httpx.HTTPStatusError):
        return error  # of a hook of the caller's
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
        return BadRequestError(f"nothing can be sent to this address: {error}")
    # httpx-aiohttp calls every lost connection a ConnectTimeout; the cause knows better
    cause = error.__cause__
    timed_out = isinstance(error, httpx.TimeoutException) and (cause is None or "Timeout" in type(cause).__name__)
    kind = APITimeoutError if timed_out else APIConnectionError
    words = str(error) or type(error).__name__
    told = kind(f"no complete answer came: {words}")
    told.__cause__ = error
    return told


def _unnamed(error: Any) -> bool:
    """Whether it is an error of aiohttp's that httpx-aiohttp has no name for, such as one for bytes that are no HTTP.

    The headers of its request, with the key in them, are taken out: its repr shows them.
    """
    aiohttp: Any = sys.modules.get("aiohttp")
    if aiohttp is None or not isinstance(error, aiohttp.ClientError):
        return False
    if isinstance(error, aiohttp.ClientResponseError):
        asked: Any = error.request_info
        error.request_info = type(asked)(asked.url, asked.method, {}, asked.real_url)
        error.args = (error.request_info, error.history)
    return True


@lru_cache(maxsize=256)
def _url(url: str) -> httpx.URL:
    return httpx.URL(url)


_DEFAULT_EXTENSIONS = {"timeout": DEFAULT_TIMEOUT.as_dict()}


def _rendered(request: HTTPRequest) -> httpx.Request:
    timeout = request.timeout
    extensions = _DEFAULT_EXTENSIONS if timeout is None else {"timeout": httpx.Timeout(timeout).as_dict()}
    url, headers, content = _url(request.url), request.headers, request.content
    return httpx.Request("POST", url, headers=headers, content=content, extensions=extensions)


def _built(client: httpx.Client | httpx.AsyncClient, request: HTTPRequest) -> httpx.Request:
    timeout = {} if request.timeout is None else {"timeout": request.timeout}
    return client.build_request("POST", request.url, headers=request.headers, content=request.content, **timeout)


@cache
def _ssl_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # SSL_CERT_FILE and SSL_CERT_DIR, else certifi


@lru_cache(maxsize=256)
def _proxy(origin: str) -> str | None:
    """The proxy that HTTP(S)_PROXY, ALL_PROXY and NO_PROXY, or the system's settings, have for an origin."""
    parts = urlsplit(origin)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    names = (parts.hostname or "", parts.netloc)  # NO_PROXY may name a host with its port
    if not proxy or any(map(urllib.request.proxy_bypass, names)):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


@lru_cache(maxsize=256)
def _way(url: str) -> tuple[bool, str | None]:
    """What tells pools apart: whether certificates are needed, and the proxy."""
    parts = urlsplit(url)
    proxy = _proxy(f"{parts.scheme}://{parts.netloc}")
    return parts.scheme == "https" or proxy is not None, proxy


# --- blocking ------------------------------------------------------------------------------------------------------


class Reply:
    """An answer over a blocking connection."""

    __slots__ = ("_open", "content", "headers", "parts", "response", "status")

    def __init__(self, response: httpx.Response, asked: httpx.Request, stream: bool) -> None:
        self._open: httpx.Response | None = None
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.response = response
        self.content: bytes | None = None
        self.parts: Iterator[bytes] = iter(())
        if not stream or self.status >= FIRST_FAILURE:
            self.content = response.read()
            if self.status >= FIRST_FAILURE:
                self.response = shareable(response, asked)
                self.content = self.response.content
            return
        encoded = "content-encoding" in response.headers
        self.parts = response.iter_bytes() if encoded else iter(cast("httpx.SyncByteStream", response.stream))
        self._open = response
        _streams.open[id(response)] = response, self.parts

    def read(self) -> bytes | None:
        """More of the body, None at its end."""
        return next(self.parts, None)

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else close it."""
        response, self._open = self._open, None
        if response is not None and _streams.open.pop(id(response), None):
            response.close()

    def abandon(self) -> None:
        """Close the connection without asking its pool.

        A stream that nobody holds any more may be found by the garbage collector in the middle of the pool's own work,
        while this very thread has the pool's lock. So only the socket is closed here; the pool learns of it before the
        next request.
        """
        response, self._open = self._open, None
        if response is None:
            return
        network = response.extensions.get("network_stream")
        if network is not None and response.http_version != "HTTP/2":  # whose other streams share the socket
            network.close()
        _streams.abandoned.append(id(response))

    def __del__(self) -> None:
        self.abandon()


class _Streams:
    """The streams that are being read: held here, so that the garbage collector only ever meets a `Reply`."""

    def __init__(self) -> None:
        self.open: dict[int, tuple[httpx.Response, Iterator[bytes]]] = {}
        self.abandoned: deque[int] = deque()

    def reclaim(self) -> None:
        """Tell the pools of the streams that were abandoned."""
        while self.abandoned:
            try:
                left = self.abandoned.popleft()
            except IndexError:  # another thread was quicker
                return
            # a stream of the parent process is not known here, nor is its pool ours to tell
            if known := self.open.pop(left, None):
                known[0].close()


class Pool:
    """Keeps connections and sends requests over them, from any thread."""

    def __init__(self) -> None:
        self._transports: dict[tuple[bool, str | None], httpx.HTTPTransport] = {}
        self._lock = threading.Lock()

    def send(self, request: HTTPRequest, stream: bool) -> Reply:
        """Send a request and wait for its answer."""
        _streams.reclaim()
        try:
            asked = _rendered(request)
            return Reply(self._transport(request.url).handle_request(asked), asked, stream)
        except Exception as error:
            if (told := translated(error)) is error:
                raise
            raise told from error

    def _transport(self, url: str) -> httpx.HTTPTransport:
        way = _way(url)
        if transport := self._transports.get(way):
            return transport
        certified, proxy = way
        with self._lock:
            if way not in self._transports:
                # plain http to the server itself: reading the certificates would cost 3 MB and 20 ms
                verify = _ssl_context() if certified else False
                self._transports[way] = httpx.HTTPTransport(verify=verify, limits=_LIMITS, proxy=proxy)
            return self._transports[way]

    def close(self) -> None:
        """Close every connection."""
        _streams.reclaim()
        for transport in self._transports.values():
            transport.close()
        self._transports.clear()


class OwnClient:
    """Sends over a caller's `httpx.Client`: its headers, proxies, transport, hooks and timeout hold."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def send(self, request: HTTPRequest, stream: bool) -> Reply:
        """Send a request and wait for its answer."""
        _streams.reclaim()
        try:
            asked = _built(self._client, request)
            return Reply(self._client.send(asked, stream=True), asked, stream)
        except Exception as error:
            if (told := translated(error)) is error:
                raise
            raise told from error


# --- awaiting ------------------------------------------------------------------------------------------------------


class AsyncReply:
    """An answer over a connection of an event loop."""

    __slots__ = ("_open", "content", "headers", "parts", "response", "status")

    def __init__(self, response: httpx.Response) -> None:
        self._open: httpx.Response | None = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.response = response
        self.content: bytes | None = None
        encoded = "content-encoding" in response.headers
        self.parts: AsyncIterator[bytes] = (
            response.aiter_bytes() if encoded else aiter(cast("httpx.AsyncByteStream", response.stream))
        )

    async def settle(self, asked: httpx.Request, stream: bool) -> AsyncReply:
        """Read the body, unless it is a stream to be read on."""
        if stream and self.status < FIRST_FAILURE:
            return self
        try:
            if self.status >= FIRST_FAILURE:  # by httpx's own hand, so that `error.response.text` can be read too
                await self.response.aread()
                self.response = shareable(self.response, asked)
                self.content = self.response.content
            else:
                self.content = b"".join([part async for part in self.parts])
        finally:
            await self.close()
        return self

    async def read(self) -> bytes | None:
        """More of the body, None at its end."""
        return await anext(self.parts, None)

    async def close(self) -> None:
        """Give the connection back if the body was read to its end, else close it."""
        response, self._open = self._open, None
        if response is not None:
            await cast("httpx.AsyncByteStream", response.stream).aclose()

    def __del__(self) -> None:
        if self._open is None:
            return
        import asyncio  # noqa: PLC0415

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # the loop is gone, and its connections with it
        closing = loop.create_task(self.close())
        _closing.add(closing)
        closing.add_done_callback(_closing.discard)


_closing: set[asyncio.Task[None]] = set()


class AsyncPool:
    """Keeps the connections of one event loop."""

    def __init__(self) -> None:
        self._transports: dict[tuple[bool, str | None], httpx.AsyncBaseTransport] = {}

    async def send(self, request: HTTPRequest, stream: bool) -> AsyncReply:
        """Send a request and await its answer."""
        try:
            asked = _rendered(request)
            response = await self._transport(request.url).handle_async_request(asked)
            return await AsyncReply(response).settle(asked, stream)
        except Exception as error:
            if (told := translated(error)) is error:
                raise
            raise told from error

    def _transport(self, url: str) -> httpx.AsyncBaseTransport:
        way = _way(url)
        transport = self._transports.get(way)
        if transport is None:
            # aiohttp takes every proxy for one that speaks HTTP
            socks = way[1] is not None and way[1].startswith("socks")
            made = _aiohttp_transport if _has_aiohttp() and not socks else _httpx_transport
            transport = self._transports[way] = made(*way)
        return transport

    async def close(self) -> None:
        """Close every connection."""
        for transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()


@cache
def _has_aiohttp() -> bool:
    return importlib.util.find_spec("httpx_aiohttp") is not None


def _httpx_transport(certified: bool, proxy: str | None) -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(verify=_ssl_context() if certified else False, limits=_LIMITS, proxy=proxy)


def _aiohttp_transport(certified: bool, proxy: str | None) -> httpx.AsyncBaseTransport:
    import httpx_aiohttp  # noqa: PLC0415 - the extra `aiohttp`

    from unified_llm.aiohttp_session import session  # noqa: PLC0415

    verify = _ssl_context() if certified else False  # it would read the certificates anew, 50 ms for each loop
    made = partial(session, verify, _LIMITS.max_connections or 0, _LIMITS.keepalive_expiry)
    return httpx_aiohttp.AiohttpTransport(verify=verify, client=made, proxy=httpx.Proxy(proxy) if proxy else None)


class OwnAsyncClient:
    """Sends over a caller's `httpx.AsyncClient`: its headers, proxies, transport, hooks and timeout hold."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, request: HTTPRequest, stream: bool) -> AsyncReply:
        """Send a request and await its answer."""
        try:
            asked = _built(self._client, request)
            response = await self._client.send(asked, stream=True)
            return await AsyncReply(response).settle(asked, stream)
        except Exception as error:
            if (told := translated(error)) is error:
                raise
            raise told from error


# --- which one -----------------------------------------------------------------------------------------------------

_pool, _streams = Pool(), _Streams()
_async_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[AsyncPool, AsyncGenerator[None]]] = WeakKeyDictionary()


def sender(client: Any) -> Any:
    """What sends a blocking call: the caller's client, or the pool of this process."""
    if client is None:
        return _pool
    if isinstance(client, httpx.Client):
        return OwnClient(client)
    if sdk_client.is_sdk_client(client) and not sdk_client.is_async(client):
        return sdk_client.SDKClient(client)
    raise TypeError(
        f"client is {type(client).__name__}; completion() takes an httpx.Client or an anthropic.Anthropic, "
        f"acompletion() their async kin"
    )


async def async_sender(client: Any) -> Any:
    """What sends an awaited call: the caller's client, or the pool of the running loop."""
    if client is None:
        return await _async_pool()
    if isinstance(client, httpx.AsyncClient):
        return OwnAsyncClient(client)
    if sdk_client.is_sdk_client(client) and sdk_client.is_async(client):
        return sdk_client.AsyncSDKClient(client)
    raise TypeError(
        f"client is {type(client).__name__}; acompletion() takes an httpx.AsyncClient or an anthropic.AsyncAnthropic, "
        f"completion() their blocking kin"
    )


async def _async_pool() -> AsyncPool:
    import asyncio  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    if kept := _async_pools.get(loop):
        return kept[0]
    await _forget_closed()
    pool = AsyncPool()
    guard = _close_with_loop(pool)
    _async_pools[loop] = pool, guard
    await anext(guard)
    return pool


async def _close_with_loop(pool: AsyncPool) -> AsyncGenerator[None]:
    """Close the pool when its loop ends: `asyncio.run` finishes every asynchronous generator that was begun in it."""
    try:
        yield
    finally:
        await pool.close()


async def _forget_closed() -> None:
    """Let go of the pools of loops that were closed: a generator holds its loop, and nothing else would end the two."""
    for loop in [known for known in list(_async_pools) if known.is_closed()]:
        if left := _async_pools.pop(loop, None):
            with suppress(RuntimeError):  # a loop that did not finish its generators closes its sockets no more
                await left[0].close()


def _close_at_exit() -> None:
    _pool.close()


atexit.register(_close_at_exit)


def _forget_inherited() -> None:
    """In a forked child: sockets of the parent are not to be used, nor closed."""
    global _pool, _streams
    _inherited.append((_pool, _streams))
    _pool, _streams = Pool(), _Streams()
    _async_pools.clear()


_inherited: list[tuple[Pool, _Streams]] = []
os.register_at_fork(after_in_child=_forget_inherited)
