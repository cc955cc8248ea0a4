"""A call as a flow: one generator that says what is to be done, and is told what came of it.

It yields effects and touches no socket and no clock. `drivers.py` performs them, blocking or awaiting, so that every
rule (retries, errors, what a stream may still do) is written once. The pattern is that of `httpx.Auth.auth_flow`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import length_hint
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from unified_llm import json_codec
from unified_llm.adapters import Adapter
from unified_llm.adapters.contract import FIRST_BYTES, UNREADABLE, Call, CallDecoder
from unified_llm.auth import Token
from unified_llm.catalog import nearest_models
from unified_llm.chunks import fold, unfold
from unified_llm.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    IncompleteStreamError,
    NotFoundError,
    class_for,
)
from unified_llm.formats import Format
from unified_llm.response import Completion
from unified_llm.retries import Retries, seconds_to_wait, worth_another
from unified_llm.secrecy import KEY, SHORTEST, redacted, secrets_of, without_secrets
from unified_llm.types import JSON, Chunk

FIRST_FAILURE = 300
"""The lowest HTTP status that is no answer. A redirect is none: prompt and key go only where the caller sent them."""


class HTTPRequest(NamedTuple):
    """A request ready to be sent. `payload` is the body as a dict, for clients that write their own bytes."""

    url: str
    headers: dict[str, str]
    content: bytes
    payload: JSON
    timeout: Any


class Reply(Protocol):
    """An answer as a driver gives it: `content` is the whole body, None while a stream is to be read."""

    status: int
    headers: Mapping[str, str]
    content: bytes | None
    response: Any


class Send(NamedTuple):
    """Effect: send the request. Result: a `Reply`, with its body read unless it is a successful stream."""

    request: HTTPRequest
    stream: bool


class Read(NamedTuple):
    """Effect: wait for more of the body. Result: bytes, or None when it has ended."""

    reply: Any


class Close(NamedTuple):
    """Effect: let go of an answer that is not read to its end. Result: None."""

    reply: Any


class Sleep(NamedTuple):
    """Effect: wait. Result: None."""

    seconds: float


class Obtain(NamedTuple):
    """Effect: call a function that may block, or that gives an awaitable. Result: what comes of it."""

    make: Callable[[], Any]


class Gather(NamedTuple):
    """Effect: run flows at once. Result: the list of theirs; the first error, where one fails."""

    flows: Sequence[Flow]


Effect: TypeAlias = Send | Read | Close | Sleep | Obtain | Gather


@dataclass(slots=True)
class Begun:
    """A stream that has delivered something.

    Attributes:
        exchange: the call that it answers.
        reply: to be read on; None where nothing is left to read.
        decoder: reads it; None where the answer came in one piece after all.
        chunks: the first chunks.
        seen: the bytes that gave them.
    """

    exchange: Exchange
    reply: Any
    decoder: CallDecoder | None
    chunks: list[Chunk]
    seen: list[bytes]


Flow: TypeAlias = Generator["Effect", Any, "Completion | Begun | list[Begun]"]
"""A call in the making; several streams stand for one answer with several choices."""


@dataclass(slots=True)
class Exchange:
    """All that a flow needs to know of a call."""

    call: Call
    adapter: Adapter
    request: HTTPRequest
    max_retries: int
    key: str | None = None
    sign: Callable[[str, Mapping[str, str], bytes], dict[str, str]] | None = None
    """Makes the headers of an attempt from the URL, the headers and the body; None where nothing is signed."""
    token: Token | None = None
    """Asked before each attempt, in place of a key; None where the key holds for ever."""
    format: Format | None = None
    """What the answer is read as; None for text."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those of the latest answer."""

    def authorized(self) -> Generator[Obtain, Any, HTTPRequest]:
        """The request of an attempt; tokens and signatures hold only minutes, so each attempt has its own."""
        request = self.request
        if self.token is not None:
            token = self.token.current() or (yield Obtain(self.token.obtain))
            request = request._replace(headers={**self.token.headers(token), **request.headers})
            self.key = token
        if self.sign is not None:
            request = request._replace(headers=self.sign(request.url, request.headers, request.content))
        return request

    def completion(self, fields: JSON) -> Completion:
        """The response with these fields; an empty one where there are none yet."""
        call = self.call
        fields = fields or _empty(call)
        fields["warnings"] = call.warnings
        return Completion(fields, prices=call.route.facts.get("price"), format=self.format)

    def complete(self, error: APIError) -> None:
        """Add to an error whom it concerns, and take out what is secret, which some providers repeat in their words."""
        route = self.call.route
        error.provider, error.model = error.provider or route.provider, error.model or route.model
        if isinstance(error, APIStatusError) and error.request_id is None:
            error.request_id = next((id for name in _REQUEST_ID if (id := self.headers.get(name))), None)
        if isinstance(error, IncompleteStreamError) and error.completion is None:
            error.completion = self.completion({})
        secrets = secrets_of(self.request.url, self.request.headers)
        if self.key and len(self.key) >= SHORTEST:
            secrets[self.key] = KEY
        for name in ("message", "code", "body"):
            if hasattr(error, name):
                setattr(error, name, redacted(getattr(error, name), secrets))
        error.args = (error.message,)


def _empty(call: Call) -> JSON:
    choice = {"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": None}
    own = {"id": call.id, "object": "chat.completion", "created": call.created, "model": call.route.model}
    return {**own, "choices": [choice], "usage": None}


def run(exchange: Exchange) -> Generator[Effect, Any, Completion | Begun]:
    """The whole call: attempts, and waits between them, until one holds or no more are allowed.

    Exactly `max_retries + 1` requests are sent at most. A stream counts as held when its first chunk is there; what
    goes wrong after that is the caller's to see, since pieces of the answer are delivered by then.
    """
    retries = None
    while True:
        try:
            return (yield from _attempt(exchange))
        except APIError as error:
            exchange.complete(error)
            if exchange.max_retries < 1 or not worth_another(error):
                raise
            retries = retries or Retries(exchange.max_retries)
            seconds = retries.wait_after(error)  # raises the error itself when no attempt is left
        yield Sleep(seconds)


def _attempt(exchange: Exchange) -> Generator[Effect, Any, Completion | Begun]:
    bare = exchange.sign is None and exchange.token is None
    request = exchange.request if bare else (yield from exchange.authorized())
    reply: Reply = yield Send(request, exchange.call.stream)
    exchange.headers = reply.headers
    if reply.status >= FIRST_FAILURE:
        if reply.status == 401 and exchange.token is not None:
            exchange.token.forget(exchange.key)
        raise error_of(exchange, reply)
    if reply.content is not None:
        return exchange.completion(_whole(exchange, reply.content))
    return (yield from _begin(exchange, reply))


def _begin(exchange: Exchange, reply: Reply) -> Generator[Effect, Any, Begun]:
    """Read a stream up to its first chunk."""
    decoder = exchange.adapter.Decoder(exchange.call)
    seen: list[bytes] = []
    try:
        while True:
            data: bytes | None = yield Read(reply)
            if data is None:
                yield Close(reply)
                return _ended(exchange, decoder, seen)
            seen.append(data)
            if chunks := decoder.feed(data):
                return Begun(exchange, reply, decoder, chunks, seen)
    except APIError as error:
        body = b"".join(seen)
        if isinstance(error, APIResponseValidationError) and body.lstrip().startswith(b"{"):
            return (yield from _in_one_piece(exchange, reply, seen))
        yield Close(reply)
        if _lost(error):
            raise exchange.call.incomplete("the connection was lost before the answer began") from error
        _show(error, body)
        raise
    except GeneratorExit:
        raise
    except BaseException:  # a fault of a decoder, or Ctrl-C in it
        yield Close(reply)
        raise


def _lost(error: BaseException) -> bool:
    """Whether a connection broke off: no time ran out, and the stream was not told to be over."""
    return isinstance(error, APIConnectionError) and not isinstance(error, (APITimeoutError, IncompleteStreamError))


def _ended(exchange: Exchange, decoder: CallDecoder, seen: list[bytes]) -> Begun:
    """A body that ended before it gave a chunk: perhaps it is no stream, but an error, or the answer in one piece."""
    body = b"".join(seen)
    if exchange.adapter.FRAMING.begins(body) or not body.strip():
        return Begun(exchange, None, decoder, decoder.close(), seen)
    return Begun(exchange, None, None, unfold(_whole(exchange, body)), seen)


def _show(error: APIError, body: bytes) -> None:
    """Add to the error of a stream in which there was no answer what there was: it may be of another format."""
    if isinstance(error, IncompleteStreamError) and body.strip():
        error.message += f": {body[:FIRST_BYTES].decode('utf-8', 'replace')!r}"
        error.args = (error.message,)


def _in_one_piece(exchange: Exchange, reply: Reply, seen: list[bytes]) -> Generator[Effect, Any, Begun]:
    """Read on a JSON object of which no stream could be read: it may be the answer in one piece, on several lines."""
    with suppress(APIError):
        while (data := (yield Read(reply))) is not None:
            seen.append(data)
    yield Close(reply)
    return Begun(exchange, None, None, unfold(_whole(exchange, b"".join(seen))), seen)


def _whole(exchange: Exchange, content: bytes) -> JSON:
    call, begins = exchange.call, exchange.adapter.FRAMING.begins
    try:
        body = json_codec.loads(content)
    except ValueError as error:
        if not begins(content):
            what = "is not JSON" if content.strip() else "is empty"
            raise call.invalid(f"the answer {what}", content) from error
        body = None
    if not isinstance(body, dict):
        if not begins(content):
            raise call.invalid("the answer is not a JSON object", content)
        decoder = exchange.adapter.Decoder(call)  # a server that streams whatever was asked for
        try:
            return fold([*decoder.feed(content), *decoder.close()])
        except APIError as error:
            _show(error, content)
            raise
    try:
        return exchange.adapter.parse(call, cast("JSON", body))
    except UNREADABLE as error:
        raise call.invalid(f"the answer is not of this format ({error!r})", content) from error


def error_of(exchange: Exchange, reply: Reply) -> APIStatusError:
    """The error that an HTTP status and its body stand for."""
    route, content = exchange.call.route, reply.content or b""
    body: Any
    try:
        body = json_codec.loads(content)
    except ValueError:
        body = content.decode("utf-8", "replace")[:2000]
    code, message = exchange.adapter.explain(reply.status, body)
    code = code or reply.headers.get("x-amzn-errortype", "").partition(":")[0] or None  # only there, at Amazon
    kind = class_for(reply.status, code)
    if kind is NotFoundError:
        message += _suggestion(exchange)
    elif reply.status < 400:
        there = without_secrets(reply.headers.get("location", ""))
        message = f"the address leads on to {there!r}; give base_url= to ask there"
    return kind(
        f"{route.provider}/{route.model}: HTTP {reply.status}: {message}",
        status_code=reply.status,
        code=code,
        body=body,
        response=reply.response,
        retry_after=seconds_to_wait(reply.headers),
        provider=route.provider,
        model=route.model,
    )


_REQUEST_ID = ("request-id", "x-request-id", "x-amzn-requestid", "apim-request-id")


def _suggestion(exchange: Exchange) -> str:
    near = nearest_models(exchange.call.route)
    return f" (nearest in the catalog: {', '.join(near)})" if near else ""


def encode(body: JSON, call: Call) -> bytes:
    """The bytes of a body.

    Raises:
        BadRequestError: something in it has no place in JSON.
    """
    try:
        return json_codec.dumps(body).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise call.refusal(f"the request is not JSON: {json_codec.misfit(body, 'its body') or error}") from error


class Streaming:
    """A stream that is being delivered, and the rules for its end; the two drivers' pumps share it.

    What was delivered is kept as the bytes that gave it: a few hundred bytes a chunk less than the chunks themselves,
    and nothing for the garbage collector to walk. `completion()` decodes them again.
    """

    __slots__ = ("begun", "ended", "exchange", "handing", "seen")

    def __init__(self, begun: Begun) -> None:
        self.exchange = begun.exchange
        self.begun = begun
        self.seen = begun.seen
        self.handing = iter(begun.chunks)
        """The chunks of the last read that are being handed out."""
        self.ended = begun.reply is None

    def completion(self) -> Completion:
        """The response as far as it has been delivered."""
        chunks = self._decoded()
        delivered = chunks[: len(chunks) - length_hint(self.handing)]
        return self.exchange.completion(fold(delivered))

    def _decoded(self) -> list[Chunk]:
        if self.begun.decoder is None:
            return self.begun.chunks
        decoder = self.exchange.adapter.Decoder(self.exchange.call)
        chunks: list[Chunk] = []
        try:
            for data in self.seen:
                chunks += decoder.feed(data)
            if self.ended:
                chunks += decoder.close()
        except APIError:
            pass  # the caller was told of it when it was met; what came before it is the answer so far
        return chunks

    def broken(self, error: BaseException) -> list[Chunk]:
        """What is still to be delivered when reading failed with this error.

        Raises:
            APIError: the error, as the caller is to see it, with the partial completion on it. A connection that was
                lost after the provider had said all is no error.
        """
        decoder = self.begun.decoder
        try:
            if not _lost(error) or decoder is None:
                raise error
            self.ended = True
            return decoder.close()
        except APIError as told:
            told.completion = self.completion()
            self.exchange.complete(told)
            raise told from (error if told is not error else error.__cause__)
