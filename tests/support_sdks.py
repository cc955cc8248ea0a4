"""The vendors' own SDKs beside this library: both are given the same bytes, and both are asked what these say.

A `Format` knows an SDK's client and how to read what it gives. What the fields mean is said there once more, by the
pages of the vendors, and not taken from the adapters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from support_server import Server, head, http, pieces

from unified_llm import completion

MESSAGES = [{"role": "user", "content": "Hi"}]
CUT = 97
"""The bytes of a piece of a streamed body, which has nothing to do with where its events end."""


class Usage(NamedTuple):
    """Tokens: those of the prompt with the cached ones, those of the completion with the reasoning."""

    prompt: int
    completion: int
    cached: int = 0


class Reading(NamedTuple):
    """What an answer says. A call is `(id, name, arguments)`; its id is None where the provider gives none."""

    text: str = ""
    finish: str | None = "stop"
    usage: Usage | None = None
    calls: tuple[tuple[Any, ...], ...] = ()
    reasoning: str = ""
    refusal: str = ""


class Format(NamedTuple):
    """A wire format, and the SDK of its vendor.

    Attributes:
        model: the name by which this library reaches the format.
        client: gives the SDK's client of the server at an address.
        read: has the client make a call, streamed or not, and reads what it gives.
        path: what this library's `base_url` has behind the address.
        media_type: that of a streamed answer.
        options: further arguments of `completion`.
    """

    model: str
    client: Callable[[str], AbstractContextManager[Any]]
    read: Callable[[Any, bool], Reading]
    path: str = ""
    media_type: str = "text/event-stream"
    options: Mapping[str, Any] = {}


class Compared(NamedTuple):
    """How this library and how the vendor's SDK read one answer."""

    ours: Reading
    theirs: Reading


class Compare:
    """Serves a body, bytes or JSON, whole or streamed, and asks what it says."""

    def __init__(self, format: Format, server: Server, client: Any) -> None:
        self._format, self._server, self._client = format, server, client

    def __call__(self, body: Any, stream: bool = False) -> Compared:
        """What both say."""
        theirs = self.theirs(body, stream)
        return Compared(blurred(self.ours(body, stream), theirs), theirs)

    def theirs(self, body: Any, stream: bool = False) -> Reading:
        """What the vendor's SDK says."""
        self._serve(body, stream)
        return self._format.read(self._client, stream)

    def ours(self, body: Any, stream: bool = False) -> Reading:
        """What this library says."""
        self._serve(body, stream)
        return ours(self._format, self._server.url, stream)

    def _serve(self, body: Any, stream: bool) -> None:
        self._server.answers = [streamed_answer(self._format, body) if stream else [http(body)]]


@contextmanager
def compared(format: Format) -> Iterator[Compare]:
    """What compares the two on this format; the server and the SDK's client live as long as the context."""
    with Server(b"") as server, format.client(server.url) as client:
        yield Compare(format, server, client)


def streamed_answer(format: Format, body: bytes) -> list[Any]:
    start = head(content_type=format.media_type, transfer_encoding="chunked")
    return [start, *pieces(*(body[at : at + CUT] for at in range(0, len(body), CUT))), b"0\r\n\r\n"]


def ours(format: Format, url: str, stream: bool) -> Reading:
    """What this library reads in what a server answers."""
    options: dict[str, Any] = {"api_key": "any", "base_url": url + format.path, "max_retries": 0, **format.options}
    if not stream:
        return reading(completion(format.model, MESSAGES, **options))
    with completion(format.model, MESSAGES, stream=True, **options) as chunks:
        list(chunks)
        return reading(chunks.completion())


def reading(whole: Any) -> Reading:
    """What a completion of this library says."""
    usage = whole["usage"]
    details = (usage or {}).get("prompt_tokens_details") or {}
    counted = usage and Usage(usage["prompt_tokens"], usage["completion_tokens"], details.get("cached_tokens") or 0)
    calls = tuple((one["id"], *called(one)) for one in whole.tool_calls)
    assert all(id for id, *_ in calls)
    assert len({id for id, *_ in calls}) == len(calls)
    refusal = whole.message.get("refusal") or ""
    return Reading(whole.text, whole["choices"][0]["finish_reason"], counted, calls, whole.reasoning, refusal)


def called(call: Mapping[str, Any]) -> tuple[str, Any]:
    """The name and the arguments of a call in OpenAI's form."""
    if "function" in call:
        return call["function"]["name"], arguments(call["function"]["arguments"])
    return call["custom"]["name"], call["custom"]["input"]


def arguments(written: str | None) -> Any:
    """The value that a model wrote as JSON, none at all for nothing, or the text itself where it is no JSON."""
    try:
        return json.loads(written or "{}")
    except ValueError:
        return written


def blurred(mine: Reading, theirs: Reading) -> Reading:
    """Ours without the ids that were made up, as the provider gave none."""
    nameless = [at for at, (id, *_) in enumerate(theirs.calls) if id is None]
    calls = tuple((None if at in nameless else id, *call) for at, (id, *call) in enumerate(mine.calls))
    return mine._replace(calls=calls)


def finished(native: str | None, words: Mapping[str, str], calls: Any) -> str | None:
    """A vendor's reason in OpenAI's words, or itself where it is none that the vendor documents.

    A natural end with calls is `tool_calls`, whatever the vendor says.
    """
    finish = None if native is None else words.get(native, native)
    return "tool_calls" if calls and finish == "stop" else finish
