"""Ollama's native chat: `POST /api/chat`.

https://docs.ollama.com/api/chat, unversioned, checked 2026-11-21. It streams newline-delimited JSON, and does so unless
told not to. The server cuts a prompt that is longer than `num_ctx` without a word; `num_ctx` and what else only Ollama
knows go into `extra_body`, or for every call into the quirks `options` and `keep_alive`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypedDict

from unified_llm import json_codec
from unified_llm.adapters.contract import Call, NoSchemaError, Request, finish_of
from unified_llm.adapters.contract import Decoder as BaseDecoder
from unified_llm.adapters.ollama_messages import NAME, conversation
from unified_llm.adapters.server_tools import foreign
from unified_llm.errors import CONTEXT_WINDOW, OVERLOADED
from unified_llm.framing.ndjson import NewlineDelimitedJSON
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON, Chunk, FinishReason, Usage

FRAMING = NewlineDelimitedJSON


class Quirks(TypedDict, total=False):
    """What a server of Ollama's API is to be told besides."""

    options: JSON
    """Options of the model that are sent with every call, as `{"num_ctx": 32768}`. Default: none. https://docs.ollama.com/modelfile#parameter"""
    keep_alive: str | int
    """How long the model stays loaded after a call. Default: the server's. https://docs.ollama.com/faq"""


# --- request -------------------------------------------------------------------------------------------------------

_OPTIONS = "temperature top_p top_k seed frequency_penalty presence_penalty".split()
_ABSENT = (
    "logit_bias verbosity prediction service_tier user safety_identifier metadata store prompt_cache_key"
).split()


def render(call: Call) -> Request:
    """The request of a call."""
    body: JSON = {"model": call.route.model, "messages": conversation(call), "stream": call.stream}
    quirks = call.route.quirks
    options = {**quirks.get("options", {}), **_options(call)}
    if options:
        body["options"] = options
    if "keep_alive" in quirks:
        body["keep_alive"] = quirks["keep_alive"]
    _render_tools(call, body)
    _render_format(call, body)
    _render_thinking(call, body)
    for name in ("logprobs", "top_logprobs"):
        if name in call.params:
            body[name] = call.params[name]
    _refuse_or_report(call)
    return Request("/api/chat", body, {"accept": "application/x-ndjson"} if call.stream else {})


def _options(call: Call) -> JSON:
    params = call.params
    options: JSON = {name: params[name] for name in _OPTIONS if name in params}
    limit = params.get("max_completion_tokens", params.get("max_tokens"))
    if limit is not None:
        options["num_predict"] = limit
    if stop := params.get("stop"):
        options["stop"] = [stop] if isinstance(stop, str) else list(stop)
    return options


def _render_tools(call: Call, body: JSON) -> None:
    tools, choice = call.chosen_tools()
    if not tools:
        return
    if choice not in ("auto", "none", None):
        raise call.refusal("Ollama cannot force a tool call; tool_choice 'auto' and 'none' work")
    if call.params.get("parallel_tool_calls") is False:
        call.leave_out("parallel_tool_calls", "this API has no such parameter")
    rendered = [_tool(call, tool) for tool in tools]
    if choice == "none":
        call.warnings.append("tools were left out with tool_choice none, which Ollama cannot say")
    else:
        body["tools"] = rendered


def _tool(call: Call, tool: JSON) -> JSON:
    if "function" not in tool or tool.get("type", "function") != "function":
        raise foreign(call, tool, NAME)
    call.report_tool_fields(tool)
    given: JSON = tool["function"]
    if given.get("strict"):
        call.adjust(f"strict of tool {given['name']!r} was left out: this server does not know it")
    keys = ("name", "description", "parameters")
    return {"type": "function", "function": {key: given[key] for key in keys if given.get(key) is not None}}


def _render_format(call: Call, body: JSON) -> None:
    format = call.params.get("response_format")
    if not format or format["type"] == "text":
        return
    if format["type"] == "json_object":
        body["format"] = "json"
        return
    if call.route.rules.get("schema") is False:
        raise call.refusal("this model cannot be held to a JSON schema", NoSchemaError)
    body["format"] = format["json_schema"].get("schema") or {"type": "object"}


_LEVELS = ("low", "medium", "high", "max")


def _render_thinking(call: Call, body: JSON) -> None:
    """`think` is a switch, and a level where the model is known to have levels."""
    thinking, effort = as_dict(call.params.get("thinking")), call.params.get("reasoning_effort")
    if thinking:
        body["think"] = thinking.get("type") != "disabled"
    if effort is None:
        return
    rules = call.route.rules
    levels = [level for level in rules.get("efforts", ()) if level in _LEVELS]
    if rules.get("reasoning") == "none":
        if effort != "none":
            call.leave_out("reasoning_effort")
    elif effort == "none" and rules.get("reasoning") != "always":
        body["think"] = False
    elif levels:
        level = call.nearest_effort(effort)
        body["think"] = level if level in levels else level != "none"
    else:
        body["think"] = effort != "none"
        if effort not in ("none", "medium"):
            call.adjust(f"reasoning_effort {effort!r} became think=true, which has no levels for {call.route.model}")


def _refuse_or_report(call: Call) -> None:
    params = call.params
    call.refuse_several_answers()
    call.refuse_audio()
    if params.get("web_search_options") is not None:
        raise call.refusal("web_search_options is OpenAI's; give the model a function that searches")
    call.leave_out_all(_ABSENT)


# --- response ------------------------------------------------------------------------------------------------------

FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "load": "stop", "unload": "stop"}
_TOP_KEYS = {"model", "created_at", "message", "done", "done_reason", "prompt_eval_count", "eval_count", "logprobs"}
_MESSAGE_KEYS = {"role", "content", "thinking", "tool_calls"}


def parse(call: Call, body: JSON) -> JSON:
    """The fields of the completion that a body holds."""
    _raise_error(call, body)
    if not isinstance(body.get("message"), dict):
        raise call.invalid("the answer has no message", json_codec.dumps(body).encode())
    wire: JSON = body["message"]
    if not isinstance(wire.get("content"), str | None):
        raise call.invalid("the content of the answer is no text", json_codec.dumps(body).encode())
    message: JSON = {"role": "assistant", "content": wire.get("content") or None}
    if wire.get("thinking"):
        message["reasoning_content"] = wire["thinking"]
    calls = _Calls(call)
    tool_calls = [calls.parsed(native) for native in as_list(wire.get("tool_calls"))]
    if tool_calls:
        message["tool_calls"] = tool_calls
    if kept := _extras(wire, _MESSAGE_KEYS):
        message["provider_fields"] = {"adapter": NAME, "message": kept}
    choice: JSON = {"index": 0, "message": message, **_ending(body, bool(tool_calls))}
    if body.get("logprobs"):
        choice["logprobs"] = _logprobs(body["logprobs"])
    return {
        "id": call.id,
        "object": "chat.completion",
        "created": _created(call, body),
        "model": body.get("model") or call.route.model,
        "choices": [choice],
        **_top_fields(body),
    }


class _Calls:
    """The tool calls of one answer, which have ids of their own only at newer servers."""

    def __init__(self, call: Call) -> None:
        self._prefix = f"call_{call.id.rpartition('-')[2]}"
        self._ids: list[str] = []

    def __len__(self) -> int:
        return len(self._ids)

    def parsed(self, native: JSON) -> JSON:
        """A call in OpenAI's form, with an id that no other has."""
        function = native["function"]
        id = native.get("id")
        if not id or id in self._ids:
            id = f"{self._prefix}_{len(self._ids)}"
        self._ids.append(id)
        given = function.get("arguments") or "{}"
        text = given if isinstance(given, str) else json_codec.dumps(given)
        return {"id": id, "type": "function", "function": {"name": function["name"], "arguments": text}}


def _created(call: Call, body: JSON) -> int:
    """Seconds of a time as Go writes it: RFC 3339 with up to nine digits of fraction."""
    try:
        moment = datetime.fromisoformat(body.get("created_at") or "")
    except ValueError:
        return call.created
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def _ending(body: JSON, called: bool) -> JSON:
    reason = body.get("done_reason") or None
    return {"finish_reason": finish_of(reason, FINISH, called), "native_finish_reason": reason}


def _logprobs(native: list[JSON]) -> JSON:
    """Log probabilities in OpenAI's form."""
    return {
        "content": [
            {**_token(token), "top_logprobs": [_token(other) for other in token.get("top_logprobs") or ()]}
            for token in native
        ]
    }


def _token(native: JSON) -> JSON:
    return {"token": native["token"], "logprob": native["logprob"], "bytes": native.get("bytes")}


def _top_fields(body: JSON) -> JSON:
    """Usage, and durations in nanoseconds and what else stands beside the message."""
    extras = _extras(body, _TOP_KEYS)
    return {"usage": _usage(body), **({"provider_fields": extras} if extras else {})}


def _usage(body: JSON) -> Usage | None:
    """A count that is missing beside the other is 0: a prompt that was cached is not evaluated."""
    prompt, completion = body.get("prompt_eval_count"), body.get("eval_count")
    if prompt is None and completion is None:
        return None
    prompt, completion = prompt or 0, completion or 0
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _extras(wire: JSON, known: set[str]) -> JSON:
    return {key: value for key, value in wire.items() if value and key not in known}


# --- stream --------------------------------------------------------------------------------------------------------


class Decoder(BaseDecoder):
    """A streamed answer: pieces of text and thought, whole tool calls, and a line that says `done`."""

    def __init__(self, call: Call) -> None:
        super().__init__(call, FRAMING())
        self._calls = _Calls(call)
        self._kept: JSON = {}

    def _read(self, event: Any, chunks: list[Any]) -> None:
        if self._begun and (text := _plain_text(event)):
            choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
            chunks.append({**self.head, "choices": [choice]})
            return
        self._read_any(event, chunks)

    def _read_any(self, event: JSON, chunks: list[Chunk]) -> None:
        _raise_error(self.call, event)
        if not self._begun and not chunks:
            self.head |= {"model": event.get("model") or self.head["model"], "created": _created(self.call, event)}
        wire = as_dict(event.get("message"))
        delta: JSON = {"content": wire.get("content") or None}
        if wire.get("thinking"):
            delta["reasoning_content"] = wire["thinking"]
        if wire.get("tool_calls"):
            delta["tool_calls"] = [{"index": len(self._calls), **self._calls.parsed(n)} for n in wire["tool_calls"]]
        self._kept |= _extras(wire, _MESSAGE_KEYS)
        logprobs = {"logprobs": _logprobs(event["logprobs"])} if event.get("logprobs") else {}
        if event.get("done"):
            self._finish(event, delta, logprobs, chunks)
        elif len(delta) > 1 or delta["content"] or logprobs:
            chunks.append(self._chunk([{"index": 0, "delta": delta, "finish_reason": None, **logprobs}]))

    def _finish(self, event: JSON, delta: JSON, logprobs: JSON, chunks: list[Chunk]) -> None:
        self.done = True
        if self._kept:
            delta["provider_fields"] = {"adapter": NAME, "message": self._kept}
        choice = {"index": 0, "delta": delta, **_ending(event, len(self._calls) > 0), **logprobs}
        chunks.append(self._chunk([choice], **_top_fields(event)))

    def _end(self, chunks: list[Chunk], *, marked: bool = False) -> None:
        raise self.call.incomplete("the stream ended before the answer did")


def _plain_text(event: JSON) -> str | None:
    """The text of an event that has nothing else, as nearly all of a stream; None where it may have more."""
    try:
        message = event["message"]
        text = message["content"]
    except (KeyError, TypeError):
        return None
    if len(message) > 2 or event.get("done") or event.get("logprobs") or event.get("error"):
        return None
    return text


# --- errors --------------------------------------------------------------------------------------------------------

_TOO_LONG = ("context length", "context window", "exceeds the available context")


def explain(status: int, body: Any) -> tuple[str | None, str]:
    """The code and the message of an error body: `{"error": "..."}`."""
    given = as_dict(body).get("error")
    error = as_dict(given)
    message = str(error.get("message") or given or body or "no error message")
    code: str | None = error.get("code") or error.get("type")
    if status == 400 and any(phrase in message for phrase in _TOO_LONG):
        code = CONTEXT_WINDOW
    elif status == 503 and "server busy" in message:
        code = OVERLOADED
    return code, message


def _raise_error(call: Call, body: JSON) -> None:
    """Raise an error inside a 200, which says no status: what breaks once the model runs is the server's fault."""
    if body.get("error"):
        raise call.error(500, body, explain)
