"""The loopback provider: a script, a journal, and a server between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self, cast

from unified_llm import json_codec
from unified_llm.testing.formats import FORMATS, format_of
from unified_llm.testing.script import Answer, Format, Turn
from unified_llm.testing.server import REASONS, ReceivedRequest, Response, Server
from unified_llm.types import JSON


class LoopbackProvider:
    r"""A provider on 127.0.0.1 that answers from a script, and by repeating the user where the script has ended.

    It speaks every wire format that the library does, each at the end of its own paths (`/v1/messages`,
    `/v1/complete`, `/chat/completions`, `/completions`, `/responses`, `:generateContent`, `/converse`, `/v2/chat`,
    `/api/chat`); one script serves all. It begins to serve when it is made, and everything may be used from any thread.

    Args:
        *answers: the script, in the order in which requests arrive; a string is `Answer(text=...)`.

    Attributes:
        url: the address for `base_url=`, `http://127.0.0.1:PORT`.
        requests: every request, in the order of arrival.

    Example:
        >>> from unified_llm import completion
        >>> with LoopbackProvider("Hello!") as provider:
        ...     completion(model="claude-2.1", messages="Hi", base_url=provider.url, api_key="any").text
        'Hello!'
        >>> provider.requests[-1].json["prompt"]
        '\n\nHuman: Hi\n\nAssistant:'
    """

    def __init__(self, *answers: Answer | str) -> None:
        self.requests: list[ReceivedRequest] = []
        self._script: deque[Answer] = deque()
        self.answers(*answers)
        self._server = Server(self._respond)
        self.url = self._server.url

    @property
    def connections(self) -> int:
        """How many TCP connections have been accepted."""
        return self._server.connections

    def answers(self, *answers: Answer | str) -> None:
        """Append to the script; a string is `Answer(text=...)`."""
        self._script.extend(Answer(text=answer) if isinstance(answer, str) else answer for answer in answers)

    def wait_for_abort(self, timeout: float = 1.0) -> bool:
        """Wait until a client has closed its connection before the answer was complete.

        Each abort is told once, also one that was there before the call.

        Args:
            timeout: seconds.

        Returns:
            Whether there was an abort; False when the time is over.
        """
        return self._server.aborts.acquire(timeout=timeout)

    def close(self) -> None:
        """Close every connection and end the thread; more calls do nothing."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _respond(self, request: ReceivedRequest) -> Response:
        self.requests.append(request)
        number = len(self.requests)
        format = format_of(request.path)
        if format is None or request.method != "POST":
            paths = ", ".join(path for known in FORMATS for path in known.PATHS)
            return _refusal(FORMATS[-1], number, 404, f"no {request.method} {request.path} here, only POST to {paths}")
        try:
            body = request.json
        except ValueError as error:
            return _refusal(format, number, 400, f"the body is not JSON: {error}")
        if not isinstance(body, dict):
            return _refusal(format, number, 400, "the body is not a JSON object")
        asked = cast("JSON", body)
        answer = self._script.popleft() if self._script else _echo(format.user_text(asked))
        return _response(format, Turn(answer, asked, number, request.path.partition("?")[0]))


def _echo(text: str) -> Answer:
    return Answer(text=f"Hello! You said: {text}")


def _response(format: Format, turn: Turn) -> Response:
    answer = turn.answer
    content = _content(format, turn)
    kind = answer.content_type if isinstance(content, bytes) else format.STREAM_TYPE
    given = {name.lower(): value for name, value in answer.headers.items()}
    return Response(
        status=answer.status,
        content=content,
        headers={"content-type": kind, format.REQUEST_ID: turn.id, **given},
        delay=answer.delay,
        part_delay=answer.chunk_delay,
        cut_after=answer.cut_after,
    )


def _content(format: Format, turn: Turn) -> bytes | Iterator[bytes]:
    answer = turn.answer
    if answer.raw is not None:
        return answer.raw
    if answer.status >= 400:
        message = answer.error or REASONS.get(answer.status, "no more is known")
        return _encoded(format.error(turn.id, answer.status, message))
    if format.streams(turn):
        return format.events(turn)
    if answer.stream_error:
        message = answer.error or answer.stream_error
        return _encoded(format.error(turn.id, answer.status, message, answer.stream_error))
    return _encoded(format.body(turn))


def _refusal(format: Format, number: int, status: int, message: str) -> Response:
    """The answer to a request that the script is not for."""
    return _response(format, Turn(Answer(status=status, error=message), {}, number))


def _encoded(body: JSON) -> bytes:
    return json_codec.dumps(body).encode()
