"""A scripted answer in three wire formats: Anthropic Messages, its Text Completions, and OpenAI chat completions.

https://docs.anthropic.com/en/api/messages, https://docs.anthropic.com/en/api/complete (2023-06-01) and
https://platform.openai.com/docs/api-reference/chat, checked 2026-11-21. Rendered from the documents and not with the
adapters' code, so that the two hold each other.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from unified_llm import json_codec
from unified_llm.types import JSON, FinishReason


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider is to answer, in whatever wire format it is asked.

    Attributes:
        text: the text; Text Completions send it behind a space, as they do, unless the prompt has a prefill.
        reasoning: readable thoughts before the text. Text Completions have no place for these and for tool calls.
        tool_calls: (name, arguments) pairs; the arguments a dict, or a string that is sent as it is.
        finish_reason: sent in the format's own word; a `stop` with tool calls is sent as `tool_calls`.
        usage: (prompt tokens, completion tokens), None to send none. Text Completions never do.
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
    """An answer, the request that it answers, and the request's number, from which all ids are made."""

    answer: Answer
    request: JSON
    number: int

    @property
    def id(self) -> str:
        """The id of the request."""
        return f"req_{self.number}"

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return str(self.request.get("model"))


class Format(Protocol):
    """A wire format.

    Attributes:
        PATH: how the path of its requests ends.
        REQUEST_ID: the response header that carries the request's id.
    """

    PATH: ClassVar[str]
    REQUEST_ID: ClassVar[str]

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
        """The answer as server-sent events."""
        ...


def _arguments(arguments: Mapping[str, Any] | str) -> str:
    return arguments if isinstance(arguments, str) else json_codec.dumps(dict(arguments))


def _last_user_text(messages: Sequence[JSON]) -> str:
    for message in reversed(messages):
        content = message.get("content")
        if message.get("role") != "user" or not content:
            continue
        if isinstance(content, str):
            return content
        texts = [part["text"] for part in content if part.get("type") == "text"]
        if texts:
            return "".join(texts)
    return ""


def _event(data: JSON, name: str | None = None) -> bytes:
    line = f"data: {json_codec.dumps(data)}\n\n"
    return (f"event: {name}\n{line}" if name else line).encode()


# --- Anthropic Messages ----------------------------------------------------------------------------------------------

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Messages:
    """`POST */v1/messages`."""

    PATH: ClassVar[str] = "/v1/messages"
    REQUEST_ID: ClassVar[str] = "request-id"
    STOP_REASONS: ClassVar[dict[FinishReason, str]] = {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "content_filter": "refusal",
    }

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        return _last_user_text(request.get("messages", []))

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error."""
        kind = kind or _KINDS.get(status) or ("api_error" if status >= 500 else "invalid_request_error")
        return {"type": "error", "error": {"details": None, "type": kind, "message": message}, "request_id": id}

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        content = [block for block, _ in self._blocks(turn)]
        return {**self._message(turn), "content": content, **self._stop(turn), **self._usage(turn)}

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as server-sent events."""
        for data in self._events(turn):
            yield _event(data, data["type"])

    def _events(self, turn: Turn) -> Iterator[JSON]:
        answer = turn.answer
        yield {"type": "message_start", "message": {**self._message(turn), **self._usage(turn, 1)}}
        yield {"type": "ping"}
        for index, (block, text) in enumerate(self._blocks(turn)):
            empty = {key: _EMPTY.get(key, value) for key, value in block.items()}
            yield {"type": "content_block_start", "index": index, "content_block": empty}
            for delta in self._deltas(block, answer.pieces(text)):
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        if answer.stream_error:
            yield self.error(turn.id, 200, answer.error or answer.stream_error, answer.stream_error)
            return
        yield {"type": "message_delta", "delta": self._stop(turn), **self._usage(turn)}
        yield {"type": "message_stop"}

    def _deltas(self, block: JSON, pieces: list[str]) -> Iterator[JSON]:
        if block["type"] == "text":
            yield from ({"type": "text_delta", "text": piece} for piece in pieces)
        elif block["type"] == "thinking":
            yield from ({"type": "thinking_delta", "thinking": piece} for piece in pieces)
            yield {"type": "signature_delta", "signature": block["signature"]}
        else:
            yield from ({"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces))

    def _message(self, turn: Turn) -> JSON:
        return {
            "id": f"msg_{turn.number}",
            "type": "message",
            "role": "assistant",
            "model": turn.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _blocks(self, turn: Turn) -> list[tuple[JSON, str]]:
        """The content, each block with the text that its deltas carry."""
        answer = turn.answer
        blocks: list[tuple[JSON, str]] = []
        if answer.reasoning:
            thinking = {"type": "thinking", "thinking": answer.reasoning, "signature": f"sig_{turn.number}"}
            blocks.append((thinking, answer.reasoning))
        if answer.text:
            blocks.append(({"type": "text", "text": answer.text}, answer.text))
        for position, (name, given) in enumerate(answer.tool_calls):
            id = f"toolu_{turn.number}_{position}"
            block = {"type": "tool_use", "id": id, "name": name, "input": _object(given)}
            blocks.append((block, _arguments(given) if given else ""))
        return blocks

    def _stop(self, turn: Turn) -> JSON:
        return {"stop_reason": self.STOP_REASONS[turn.answer.finish], "stop_sequence": None, "stop_details": None}

    def _usage(self, turn: Turn, output_tokens: int | None = None) -> JSON:
        if turn.answer.usage is None:
            return {}
        prompt, completion = turn.answer.usage
        return {
            "usage": {
                "input_tokens": prompt,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": completion if output_tokens is None else output_tokens,
            }
        }


_EMPTY: JSON = {"thinking": "", "signature": "", "text": "", "input": {}}


def _object(arguments: Mapping[str, Any] | str) -> Any:
    """Arguments as the format has them, an object; a string that is not JSON is sent as it is."""
    if not isinstance(arguments, str):
        return dict(arguments)
    try:
        return json_codec.loads(arguments)
    except ValueError:
        return arguments


# --- Anthropic Text Completions --------------------------------------------------------------------------------------


class TextCompletions:
    """`POST */v1/complete`, as of 2023-06-01."""

    PATH: ClassVar[str] = "/v1/complete"
    REQUEST_ID: ClassVar[str] = "request-id"
    HUMAN: ClassVar[str] = "\n\nHuman:"
    ASSISTANT: ClassVar[str] = "\n\nAssistant:"

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        return str(request.get("prompt", "")).rpartition(self.HUMAN)[2].partition(self.ASSISTANT)[0].strip()

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error."""
        return Messages().error(id, status, message, kind)

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        return self._completion(turn, self._text(turn), ended=True)

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as server-sent events."""
        answer = turn.answer
        for position, piece in enumerate(answer.pieces(self._text(turn))):
            yield _event(self._completion(turn, piece), "completion")
            if position == 0:
                yield _event({"type": "ping"}, "ping")
        if answer.stream_error:
            error = {"type": answer.stream_error, "message": answer.error or answer.stream_error}
            yield _event({"error": error}, "error")
            return
        yield _event(self._completion(turn, "", ended=True), "completion")

    def _text(self, turn: Turn) -> str:
        prefilled = not str(turn.request.get("prompt", "")).endswith(self.ASSISTANT)
        return turn.answer.text if prefilled or not turn.answer.text else f" {turn.answer.text}"

    def _completion(self, turn: Turn, text: str, ended: bool = False) -> JSON:
        reason = "max_tokens" if turn.answer.finish == "length" else "stop_sequence"
        return {
            "type": "completion",
            "id": f"compl_{turn.number}",
            "completion": text,
            "stop_reason": reason if ended else None,
            "stop": self.HUMAN if ended and reason == "stop_sequence" else None,
            "model": turn.model,
            "log_id": f"compl_{turn.number}",
        }


# --- OpenAI chat completions -----------------------------------------------------------------------------------------

_KINDS_AND_CODES = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


class ChatCompletions:
    """`POST */chat/completions`."""

    PATH: ClassVar[str] = "/chat/completions"
    REQUEST_ID: ClassVar[str] = "x-request-id"

    def user_text(self, request: JSON) -> str:
        """What the user said last."""
        return _last_user_text(request.get("messages", []))

    def error(self, id: str, status: int, message: str, kind: str | None = None) -> JSON:
        """The body of an error."""
        usual = ("server_error", None) if status >= 500 else ("invalid_request_error", None)
        kind, code = (kind, None) if kind else _KINDS_AND_CODES.get(status, usual)
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def body(self, turn: Turn) -> JSON:
        """The answer in one piece."""
        answer = turn.answer
        message: JSON = {"role": "assistant", "content": answer.text or None, "refusal": None, "annotations": []}
        if answer.reasoning:
            message["reasoning_content"] = answer.reasoning
        if answer.tool_calls:
            message["tool_calls"] = [
                self._tool_call(turn, position, _arguments(given))
                for position, (_, given) in enumerate(answer.tool_calls)
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}
        usage = {"usage": self._usage(answer)} if answer.usage else {}
        return {**self._head(turn, "chat.completion"), "choices": [choice], **usage}

    def events(self, turn: Turn) -> Iterator[bytes]:
        """The answer as server-sent events."""
        answer = turn.answer
        counted = bool(json_codec.as_dict(turn.request.get("stream_options")).get("include_usage"))
        head = self._head(turn, "chat.completion.chunk")
        rest: JSON = {"usage": None} if counted else {}
        for delta in self._deltas(turn):
            yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **rest})
        if answer.stream_error:
            yield _event(self.error(turn.id, 200, answer.error or answer.stream_error, answer.stream_error))
            return
        yield _event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": answer.finish}], **rest})
        if counted and answer.usage:
            yield _event({**head, "choices": [], "usage": self._usage(answer)})
        yield b"data: [DONE]\n\n"

    def _deltas(self, turn: Turn) -> Iterator[JSON]:
        answer = turn.answer
        yield {"role": "assistant", "content": "", "refusal": None}
        for piece in answer.pieces(answer.reasoning):
            yield {"reasoning_content": piece}
        for piece in answer.pieces(answer.text):
            yield {"content": piece}
        for position, (_, arguments) in enumerate(answer.tool_calls):
            yield {"tool_calls": [{"index": position, **self._tool_call(turn, position, "")}]}
            for piece in answer.pieces(_arguments(arguments)):
                yield {"tool_calls": [{"index": position, "function": {"arguments": piece}}]}

    def _head(self, turn: Turn, kind: str) -> JSON:
        return {"id": f"chatcmpl-{turn.number}", "object": kind, "created": int(time.time()), "model": turn.model}

    def _tool_call(self, turn: Turn, position: int, arguments: str) -> JSON:
        function = {"name": turn.answer.tool_calls[position][0], "arguments": arguments}
        return {"id": f"call_{turn.number}_{position}", "type": "function", "function": function}

    def _usage(self, answer: Answer) -> JSON:
        prompt, completion = answer.usage or (0, 0)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


FORMATS: tuple[Format, ...] = (Messages(), TextCompletions(), ChatCompletions())


def format_of(path: str) -> Format | None:
    """The format that requests to a path are in, None for a path of none."""
    path = path.partition("?")[0]
    return next((format for format in FORMATS if path.endswith(format.PATH)), None)
