"""A caller's own Anthropic SDK client: the adapter renders and parses, the client signs and sends.

`anthropic.Anthropic`, its Bedrock, Vertex and other kin, and their async forms. The client's own retries are switched
off for the call, so that `max_retries` means the same with every client. A stream's typed events are written back as
the server-sent events that they came from, since Bedrock's have another framing on the wire.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from unified_llm.errors import APIConnectionError, APITimeoutError, BadRequestError
from unified_llm.flow import HTTPRequest
from unified_llm.json_codec import as_dict
from unified_llm.secrecy import shareable

_NAMED = ("model", "max_tokens", "messages", "stream")
_OURS = ("content-type", "accept", "accept-encoding", "user-agent")


def is_sdk_client(client: Any) -> bool:
    """Whether this is a client of the `anthropic` package; the package is not imported to find out."""
    return any(kind.__module__.partition(".")[0] == "anthropic" for kind in type(client).__mro__)


def is_async(client: Any) -> bool:
    """Whether an SDK client is one of the async kind."""
    return any(kind.__name__ == "AsyncAPIClient" for kind in type(client).__mro__)


def _arguments(request: HTTPRequest, client: Any) -> dict[str, Any]:
    """The arguments of `messages.create`: the SDK's types lack what it does not know, which goes into extra_body."""
    if not request.url.endswith("/v1/messages"):
        raise BadRequestError("an anthropic client speaks only the Messages API; leave client= out for this model")
    body = request.payload
    arguments = {name: body[name] for name in _NAMED if name in body}
    arguments["extra_body"] = {name: value for name, value in body.items() if name not in _NAMED}
    arguments["extra_headers"] = {name: value for name, value in request.headers.items() if name not in _OURS}
    # said outright, since the SDK refuses a long answer that is not streamed unless a timeout is given with it
    timeout = client.timeout if request.timeout is None else request.timeout
    arguments["timeout"] = tuple(timeout.as_dict().values()) if hasattr(timeout, "as_dict") else timeout
    return arguments


def _translated(error: Exception) -> Exception:
    """The error of this library for one of the SDK's that came without an answer."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "APITimeoutError" in names:
        return APITimeoutError(f"no complete answer came: {error}")
    return APIConnectionError(f"no complete answer came: {error}") if "APIConnectionError" in names else error


class _Answer:
    """What a flow reads of an SDK's answer."""

    def __init__(self, response: Any, content: bytes | None) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.content = content
        self.response = response


def _refusal(error: Exception) -> _Answer | None:
    """The answer in an SDK's status error, None for any other error."""
    response = getattr(error, "response", None)
    if response is None:
        return None
    response = shareable(response, response.request)
    return _Answer(response, response.content)


def _frame(event: Any) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def _error_event(error: Exception) -> Any:
    """The error event that an SDK raised out of a stream, None for any other error."""
    return as_dict(getattr(error, "body", None)) or None


class SDKReply(_Answer):
    """A streamed answer over a blocking SDK client."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream.response, None)
        self._stream = stream
        self.parts: Iterator[bytes] = self._frames()

    def _frames(self) -> Iterator[bytes]:
        try:
            for event in self._stream:
                yield _frame(event.to_dict())
        except Exception as error:
            if (event := _error_event(error)) is None:
                raise _translated(error) from error
            yield _frame(event)

    def read(self) -> bytes | None:
        """More of the body, None at its end."""
        return next(self.parts, None)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    abandon = close


class SDKClient:
    """Sends over a blocking SDK client."""

    def __init__(self, client: Any) -> None:
        self._client = client.with_options(max_retries=0)

    def send(self, request: HTTPRequest, stream: bool) -> Any:
        """Send a request and wait for its answer."""
        arguments = _arguments(request, self._client)
        try:
            if stream:
                return SDKReply(self._client.messages.create(**arguments))
            raw = self._client.messages.with_raw_response.create(**arguments)
            return _Answer(raw.http_response, raw.http_response.content)
        except Exception as error:
            if (answer := _refusal(error)) is None:
                raise _translated(error) from error
            return answer


class AsyncSDKReply(_Answer):
    """A streamed answer over an async SDK client."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream.response, None)
        self._stream = stream
        self.parts: AsyncIterator[bytes] = self._frames()

    async def _frames(self) -> AsyncIterator[bytes]:
        try:
            async for event in self._stream:
                yield _frame(event.to_dict())
        except Exception as error:
            if (event := _error_event(error)) is None:
                raise _translated(error) from error
            yield _frame(event)

    async def read(self) -> bytes | None:
        """More of the body, None at its end."""
        return await anext(self.parts, None)

    async def close(self) -> None:
        """Close the connection."""
        await self._stream.close()


class AsyncSDKClient:
    """Sends over an async SDK client."""

    def __init__(self, client: Any) -> None:
        self._client = client.with_options(max_retries=0)

    async def send(self, request: HTTPRequest, stream: bool) -> Any:
        """Send a request and await its answer."""
        arguments = _arguments(request, self._client)
        try:
            if stream:
                return AsyncSDKReply(await self._client.messages.create(**arguments))
            raw = await self._client.messages.with_raw_response.create(**arguments)
            return _Answer(raw.http_response, raw.http_response.content)
        except Exception as error:
            if (answer := _refusal(error)) is None:
                raise _translated(error) from error
            return answer
