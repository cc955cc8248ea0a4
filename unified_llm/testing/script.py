"""What a script is made of: answers, and what a wire format needs to send one."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol
from urllib.parse import unquote

from unified_llm import json_codec
from unified_llm.types import JSON, FinishReason


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider is to answer, in whatever wire format it is asked.

    Attributes:
        text: the text; Claude's Text Completions send it behind a space, as they do, unless the prompt has a prefill.
        reasoning: readable thoughts before the text. Text completions, of Claude and of OpenAI, have no place for these
            and for tool calls.
        tool_calls: (name, arguments) pairs; the arguments a dict, or a string that is sent as it is.
        finish_reason: sent in the format's own word; a `stop` with tool calls is sent as `tool_calls`.
        usage: (prompt tokens, completion tokens), None to send none. Claude's Text Completions never do.
        status: the HTTP status; from 400 on the body is an error of the format.
        error: the error's message.
        headers: more response headers, such as `retry-after`.
        delay: seconds before the status line.
        chunk_delay: seconds between two events of a stream.
        chunk_size: characters of text, thoughts or arguments in an event; None for a word in each.
        cut_after: close the connection after this many events of a stream (openings and pings count); of an answer
            that is not streamed, after half its body.
        stream_error: the type of an error that takes the place of the end of a stream, after the text and inside the
            200; of the whole body where nothing is streamed.
        raw: the body, sent as it is.
        content_type: of `raw`.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[tuple[str, Mapping[str, Any] | str]] = ()
    finish_reason: FinishReason = "stop"
    usage: tuple[int, int] | None = (10, 5)
    status: int = 200
    error: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    chunk_delay: float = 0.0
    chunk_size: int | None = None
    cut_after: int | None = None
    stream_error: str | None = None
    raw: bytes | None = None
    content_type: str = "application/json"

    @property
    def finish(self) -> FinishReason:
        """Why the answer ends: a natural end with tool calls is `tool_calls`."""
        return "tool_calls" if self.tool_calls and self.finish_reason == "stop" else self.finish_reason

    def pieces(self, text: str) -> list[str]:
        """A text as the events of a stream carry it."""
        if self.chunk_size is None:
            return re.findall(r"\s*\S+|\s+", text)
        return [text[start : start + self.chunk_size] for start in range(0, len(text), self.chunk_size)]


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer, the request that it answers with its path, its number, from which all ids are made, and its second."""

    answer: Answer
    request: JSON
    number: int
    path: str = ""
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def id(self) -> str:
        """The id of the request."""
        return f"req_{self.number}"

    @property
    def model(self) -> str:
        """The model that was asked for, which some formats name in the path."""
        named = re.search(r"/models?/([^/:]+)", self.path)
        return str(self.request.get("model") or (unquote(named[1]) if named else None))


class Format(Protocol):
    """A wire format.

    Attributes:
        PATHS: how the paths of its requests end.
        REQUEST_ID: the response header that carries the request's id.
        STREAM_TYPE: the content type of a streamed answer.
    """

    PATHS: ClassVar[tuple[str, ...]]
    REQUEST_ID: ClassVar[str]
    STREAM_TYPE: ClassVar[str]

    def streams(self, turn: Turn) -> bool:
        """Whether the request asks for a streamed answer."""
        ...

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        ...

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error of the request with this id; `kind` is its type, that of the status when None."""
        ...

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        ...

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as the events of a stream, each with its framing."""
        ...


EVENT_STREAM = "text/event-stream; charset=utf-8"


def arguments_text(arguments: Mapping[str, Any] | str) -> str:
    """Arguments as a JSON string; a string is one already."""
    return arguments if isinstance(arguments, str) else json_codec.dumps(dict(arguments))


def last_user_text(messages: Sequence[JSON], field: str = "content") -> str:
    """The text of the last user message that has any; its parts stand in this field."""
    for message in reversed(messages):
        content = message.get(field)
        if message.get("role") != "user" or not content:
            continue
        if isinstance(content, str):
            return content
        texts = [part["text"] for part in content if "text" in part]
        if texts:
            return "".join(texts)
    return ""


def server_sent_event(data: JSON, name: str | None = None) -> bytes:
    """One event, with a name where the format names its events."""
    line = f"data: {json_codec.dumps(data)}\n\n"
    return (f"event: {name}\n{line}" if name else line).encode()


def arguments_object(arguments: Mapping[str, Any] | str) -> Any:
    """Arguments as the format has them, an object; a string that is not JSON is sent as it is."""
    if not isinstance(arguments, str):
        return dict(arguments)
    try:
        return json_codec.loads(arguments)
    except ValueError:
        return arguments
