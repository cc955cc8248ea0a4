"""The two functions that everything else is for."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, TypeVar, Unpack, overload

from unified_llm import __version__, json_codec
from unified_llm.adapters import Adapter, load
from unified_llm.adapters.contract import UNREADABLE, Call, MediaNeeded, OneAnswerOnlyError, Request
from unified_llm.auth import GOOGLE, basic, headers_of, token_of
from unified_llm.catalog import Route, resolve
from unified_llm.config import address_of, filled, key_of
from unified_llm.drivers import AsyncStream, Stream, adrive, drive
from unified_llm.errors import BadRequestError
from unified_llm.fan_out import several
from unified_llm.flow import Effect, Exchange, Flow, HTTPRequest, Obtain, encode, run
from unified_llm.formats import misshapen
from unified_llm.messages import normalize
from unified_llm.params import check
from unified_llm.response import Completion
from unified_llm.sdk_client import is_sdk_client
from unified_llm.sigv4 import placed, service_of, signer
from unified_llm.structured import checked, rendered
from unified_llm.types import JSON, AnswerType, CallSettings, CompletionOptions, Messages, ToolLike

T = TypeVar("T")
Media: TypeAlias = dict[str, tuple[str, bytes]]
"""Type and bytes of what has been fetched, by URL."""

MAX_RETRIES = 2
_AGENT = f"unified_llm/{__version__}"


@overload
def completion(
    model: str,
    messages: Messages,
    stream: Literal[False] | None = False,
    *,
    response_format: AnswerType[T],
    tools: Sequence[ToolLike] | None = None,
    **options: Unpack[CallSettings],
) -> Completion[T]: ...
@overload
def completion(
    model: str,
    messages: Messages,
    stream: Literal[True],
    *,
    response_format: AnswerType[T],
    tools: Sequence[ToolLike] | None = None,
    **options: Unpack[CallSettings],
) -> Stream[T]: ...
@overload
def completion(
    model: str, messages: Messages, stream: Literal[False] | None = False, **options: Unpack[CompletionOptions]
) -> Completion: ...
@overload
def completion(
    model: str, messages: Messages, stream: Literal[True], **options: Unpack[CompletionOptions]
) -> Stream: ...
@overload
def completion(
    model: str, messages: Messages, stream: bool | None = False, **options: Unpack[CompletionOptions]
) -> Completion | Stream: ...
def completion(
    model: str, messages: Messages, stream: bool | None = False, **options: Unpack[CompletionOptions]
) -> Completion | Stream:
    """Ask any model, by its name.

    Args:
        model: a name of the catalog (`claude-sonnet-4-5`, `gpt-4.1`) or `provider/model` (`groq/qwen3-32b`).
        messages: OpenAI-format message dicts, `(role, content)` tuples, or one string. They are not changed.
        stream: whether to give the answer in chunks, as it comes.
        **options: OpenAI's parameters, and `api_key`, `base_url`, `adapter`, `timeout` (seconds or `httpx.Timeout`; 600
            when not given), `max_retries` (2 when not given), `extra_headers`, `extra_body`, `client` (an
            `httpx.Client` or an `anthropic.Anthropic`), `strict` (refuse what would be left out), `structured_mode`
            and `max_validation_retries` (see docs/structured.md). docs/parameters.md has them all.

    Returns:
        A `Completion`, a dict of OpenAI's chat-completion shape; with `stream=True` a `Stream` of chunk dicts.

    Raises:
        TypeError: a parameter that does not exist.
        BadRequestError: a request that the model cannot take; `status_code` is None when nothing was sent.
        APIError: any of its kin (see `unified_llm.errors`), after `max_retries` more attempts where that may help.
        AnswerError: with a type as `response_format`, an answer that is refused, cut off or not valid.

    Example:
        >>> completion(model="claude-2.1", messages="Hi")["choices"][0]["message"]["content"]  # doctest: +SKIP
        'Hello!'
    """
    return drive(calling(model, messages, bool(stream), options), options.get("client"))


@overload
async def acompletion(
    model: str,
    messages: Messages,
    stream: Literal[False] | None = False,
    *,
    response_format: AnswerType[T],
    tools: Sequence[ToolLike] | None = None,
    **options: Unpack[CallSettings],
) -> Completion[T]: ...
@overload
async def acompletion(
    model: str,
    messages: Messages,
    stream: Literal[True],
    *,
    response_format: AnswerType[T],
    tools: Sequence[ToolLike] | None = None,
    **options: Unpack[CallSettings],
) -> AsyncStream[T]: ...
@overload
async def acompletion(
    model: str, messages: Messages, stream: Literal[False] | None = False, **options: Unpack[CompletionOptions]
) -> Completion: ...
@overload
async def acompletion(
    model: str, messages: Messages, stream: Literal[True], **options: Unpack[CompletionOptions]
) -> AsyncStream: ...
@overload
async def acompletion(
    model: str, messages: Messages, stream: bool | None = False, **options: Unpack[CompletionOptions]
) -> Completion | AsyncStream: ...
async def acompletion(
    model: str, messages: Messages, stream: bool | None = False, **options: Unpack[CompletionOptions]
) -> Completion | AsyncStream:
    """Ask any model, by its name, without blocking: as `completion()`, awaited.

    Args:
        model: as for `completion()`.
        messages: as for `completion()`.
        stream: whether to give the answer in chunks, for `async for`.
        **options: as for `completion()`; `client` is an `httpx.AsyncClient` or an `anthropic.AsyncAnthropic`.

    Returns:
        A `Completion`; with `stream=True` an `AsyncStream` of chunk dicts.

    Raises:
        TypeError: a parameter that does not exist.
        APIError: as for `completion()`.
    """
    return await adrive(calling(model, messages, bool(stream), options), options.get("client"))


def calling(
    model: str, messages: Messages, stream: bool, options: CompletionOptions, media: Media | None = None
) -> Flow:
    """A call from its first check to its answer; `media` are those that have been fetched for it already."""
    media = {} if media is None else media
    try:
        exchange = yield from prepared(model, messages, stream, options, media)
    except OneAnswerOnlyError:
        one: CompletionOptions = {**options, "n": 1}
        return (yield from several(options.get("n") or 1, lambda: calling(model, messages, stream, one, media)))
    made = yield from run(exchange)
    if exchange.format is None or not isinstance(made, Completion):
        return made
    most = options.get("max_validation_retries")
    return (yield from checked(made, exchange, most, partial(_again, model, options, media)))


def _again(model: str, options: CompletionOptions, media: Media, messages: Messages) -> Flow:
    """The same call with other messages."""
    exchange = yield from prepared(model, messages, False, options, media)
    return (yield from run(exchange))


def prepared(
    model: str, messages: Messages, stream: bool, options: CompletionOptions, media: Media
) -> Generator[Effect, Any, Exchange]:
    """What `prepare()` makes, once the media that the provider does not fetch are all in `media`, which is added to."""
    while True:
        try:
            return prepare(model, messages, stream, options, media)
        except MediaNeeded as needed:
            url = needed.url
        from unified_llm.media_fetch import fetcher, medium_at  # noqa: PLC0415 - few calls fetch anything

        media[url] = medium_at(url, (yield Obtain(partial(fetcher(url, options.get("fetch_media")), url))))


def prepare(
    model: str,
    messages: Messages,
    stream: bool,
    options: CompletionOptions,
    media: Mapping[str, tuple[str, bytes]] = MappingProxyType({}),
) -> Exchange:
    """Everything of a call that happens before the first byte is sent, and without waiting for anything.

    Args:
        model: as for `completion()`, like the rest.
        messages: likewise.
        stream: likewise.
        options: likewise.
        media: type and bytes of what has been fetched, by URL.

    Raises:
        MediaNeeded: something else must be fetched first.
    """
    params, format = check(options), None
    render = partial(_rendered, model, messages, stream, options, media)
    if "response_format" in params:
        (call, adapter, request), format = rendered(render, params, options.get("structured_mode"))
    else:
        call, adapter, request = render(params)
    route, body = call.route, request.body
    if extra := options.get("extra_body"):
        body = {**body, **extra}
    # before the address: where `.env` has the key, it may have the address too
    signs_itself = is_sdk_client(options.get("client"))
    given = options.get("api_key")
    key = None if signs_itself else key_of(route, given)
    token = None if signs_itself or key else token_of(route, given)
    address = _address(route)
    carried = headers_of(route, key)
    if "@" in address and not (key or token):
        carried = basic(address)
    sign = signer(route, address) if service_of(route.auth) and not (signs_itself or key or token) else None
    return Exchange(
        call=call,
        adapter=adapter,
        request=HTTPRequest(
            url=_joined(address, request.path),
            headers=_headers(route, request, carried, options),
            content=encode(body, call),
            payload=body,
            timeout=options.get("timeout"),
        ),
        max_retries=MAX_RETRIES if (most := options.get("max_retries")) is None else most,
        key=key or (sign.secret if sign else None),
        sign=sign,
        token=token,
        format=format,
    )


def _rendered(
    model: str,
    messages: Messages,
    stream: bool,
    options: CompletionOptions,
    media: Mapping[str, tuple[str, bytes]],
    params: JSON,
) -> tuple[Call, Adapter, Request]:
    route = resolve(model, options.get("adapter"), options.get("base_url")).of_call(params)
    adapter = load(route.adapter)
    call = Call(
        route=route,
        messages=normalize(messages),
        params=params,
        stream=stream,
        strict=bool(options.get("strict")),
        id=f"chatcmpl-{os.urandom(12).hex()}",
        created=int(time.time()),
        media=media,
    )
    try:
        return call, adapter, adapter.render(call)
    except UNREADABLE as error:
        raise _unreadable(call, error) from error


def _unreadable(call: Call, error: Exception) -> BadRequestError:
    """The error for what no check found and no adapter could read."""
    given: JSON = {"messages": call.messages, **call.params}
    misfit = next((found for name, value in given.items() if (found := json_codec.misfit(value, name))), None)
    if misfit is None and "response_format" in given:
        misfit = misshapen(given["response_format"].schema, "the schema of response_format")
    return call.refusal(misfit or f"something in {', '.join(given)} is not of the form that it should have ({error!r})")


def _address(route: Route) -> str:
    """The address up to the path of the wire format, and its query if it has one."""
    address = address_of(route)
    if service_of(route.auth):
        address = placed(route, address)  # a region may also stand in a profile
    elif route.auth == GOOGLE:
        from unified_llm import google_auth  # noqa: PLC0415 - for the few providers that are there

        address = google_auth.placed(route, address)
    address = filled(route, address)
    if not address:
        raise BadRequestError(
            f"{route.provider} has no address of its own; give base_url=", provider=route.provider, model=route.model
        )
    if route.formats and (between := filled(route, route.format.get("path", ""))):
        ends_so = address.partition("?")[0].rstrip("/").endswith(between[between.rindex("/") :])
        return address if ends_so else _joined(address, between)
    return address


_BEGINNINGS = ("/v1", "/v2", "/openai")


def _joined(address: str, path: str) -> str:
    """Address and path; some callers end the one with what begins the other, and some addresses have a query."""
    if "?" in address:
        base, _, query = address.partition("?")
        return f"{_joined(base.rstrip('/'), path)}{'&' if '?' in path else '?'}{query}"
    first = path[: path.find("/", 1)]
    return address + (path[len(first) :] if first in _BEGINNINGS and address.endswith(first) else path)


def _headers(route: Route, request: Request, carried: dict[str, str], options: CompletionOptions) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream" if request.body.get("stream") else "application/json",
        "accept-encoding": "identity",
        "user-agent": _AGENT,
        **request.headers,
        **carried,
    }
    for more in (route.headers, options.get("extra_headers") or {}):
        headers |= {name.lower(): value for name, value in more.items()}
    return headers
