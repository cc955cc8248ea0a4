"""Cohere's chat: `POST /v2/chat`.

https://docs.cohere.com/v2/reference/chat, API v2, checked 2026-11-21. What only Cohere knows (`documents`,
`citation_options`, `safety_mode`, `priority`) goes into `extra_body`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypedDict

from unified_llm import json_codec
from unified_llm.adapters.cohere_messages import NAME, conversation, text_in
from unified_llm.adapters.contract import Call, NoSchemaError, Request, finish_of
from unified_llm.adapters.contract import Decoder as BaseDecoder
from unified_llm.adapters.json_schema import is_checked
from unified_llm.adapters.server_tools import foreign
from unified_llm.errors import CONTENT_POLICY, CONTEXT_WINDOW
from unified_llm.framing.sse import ServerSentEvents
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON, Chunk, FinishReason

FRAMING = ServerSentEvents


class Quirks(TypedDict, total=False):
    """What a host of Cohere's format may do differently."""


# --- request -------------------------------------------------------------------------------------------------------

# our name, Cohere's name, lowest, highest
_RANGES = (
    ("temperature", "temperature", 0, 1),
    ("top_p", "p", 0.01, 0.99),
    ("top_k", "k", 0, 500),
    ("frequency_penalty", "frequency_penalty", 0, 1),
    ("presence_penalty", "presence_penalty", 0, 1),
)
_MOST_STOP_SEQUENCES = 5
_ABSENT = (
    "top_logprobs logit_bias verbosity prediction service_tier user safety_identifier metadata store prompt_cache_key"
).split()


def render(call: Call) -> Request:
    """The request of a call."""
    params = call.params
    body: JSON = {"model": call.route.model, "messages": conversation(call)}
    limit = params.get("max_completion_tokens", params.get("max_tokens"))
    if limit is not None:
        body["max_tokens"] = limit
    for name, wire_name, lowest, highest in _RANGES:
        if name in params:
            body[wire_name] = _within(call, name, lowest, highest)
    for name in ("seed", "logprobs"):
        if name in params:
            body[name] = params[name]
    if stop := params.get("stop"):
        body["stop_sequences"] = _stop_sequences(call, [stop] if isinstance(stop, str) else list(stop))
    _render_tools(call, body)
    _render_format(call, body)
    _render_thinking(call, body)
    _refuse_or_report(call)
    if call.stream:
        body["stream"] = True
    return Request("/v2/chat", body)


def _within(call: Call, name: str, lowest: float, highest: float) -> float:
    given = call.params[name]
    fitting = min(max(given, lowest), highest)
    if fitting != given:
        call.adjust(f"{name} {given} became {fitting}: this API takes {lowest} to {highest}")
    return fitting


def _stop_sequences(call: Call, stop: list[str]) -> list[str]:
    if len(stop) > _MOST_STOP_SEQUENCES:
        call.adjust(f"only the first {_MOST_STOP_SEQUENCES} stop sequences were sent, which is what this API takes")
    return stop[:_MOST_STOP_SEQUENCES]


def _render_tools(call: Call, body: JSON) -> None:
    tools, choice = _chosen(call)
    if not tools:
        return
    body["tools"] = [_tool(call, tool) for tool in tools]
    strict = [bool(tool["function"].get("strict")) for tool in tools]
    if any(strict):
        body["strict_tools"] = True
        if not all(strict):
            call.adjust("strict holds for every tool: this API knows it for all of them or for none")
    if choice != "auto":
        _render_choice(call, body, choice)
    if call.params.get("parallel_tool_calls") is False:
        call.leave_out("parallel_tool_calls", "this API has no such parameter")


def _render_choice(call: Call, body: JSON, choice: str) -> None:
    """`tool_choice`, of which models before Command R7B know nothing."""
    if call.route.rules.get("forced_tools") != "none":
        body["tool_choice"] = choice.upper()
    elif choice == "required":
        raise call.refusal("this model cannot be forced to call a tool; tool_choice 'auto' and 'none' work")
    else:
        for name in ("tools", "strict_tools"):
            body.pop(name, None)
        call.warnings.append(f"tools were left out with tool_choice none, which {call.route.model} does not take")


def _chosen(call: Call) -> tuple[list[JSON], str]:
    """The tools that may be called, and auto, none or required: a named tool is the only one that is sent."""
    tools, choice = call.chosen_tools()
    given = as_dict(choice)
    if not given:
        return tools, choice or "auto"
    name = given["function"]["name"]
    named = [tool for tool in tools if as_dict(tool.get("function")).get("name") == name]
    if not named:
        raise call.refusal(f"tool_choice names {name!r}, which is not in tools")
    return named, "required"


def _tool(call: Call, tool: JSON) -> JSON:
    if "function" not in tool or tool.get("type", "function") != "function":
        raise foreign(call, tool, NAME)
    call.report_tool_fields(tool)
    given: JSON = tool["function"]
    function: JSON = {"name": given["name"]}
    if given.get("description") is not None:
        function["description"] = given["description"]
    function["parameters"] = given.get("parameters") or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _render_format(call: Call, body: JSON) -> None:
    format = call.params.get("response_format")
    if not format:
        return
    if "tools" in body and format["type"] != "text" and call.route.rules.get("schema_with_tools") is False:
        raise call.refusal("this model takes no response_format together with tools", NoSchemaError)
    if format["type"] != "json_schema":
        body["response_format"] = {"type": format["type"]}
        return
    if call.route.rules.get("schema") is False:
        raise call.refusal("this model cannot be held to a JSON schema", NoSchemaError)
    schema = as_dict(format["json_schema"].get("schema")) or {"type": "object"}
    if is_checked(format) and not schema.get("required"):
        schema = {**schema, "required": list(as_dict(schema.get("properties")))}  # at least one is wanted
    body["response_format"] = {"type": "json_object", "json_schema": schema}


def _render_thinking(call: Call, body: JSON) -> None:
    thinking, effort = as_dict(call.params.get("thinking")), call.params.get("reasoning_effort")
    if thinking:
        budget = thinking.get("token_budget", thinking.get("budget_tokens"))
        kind = "disabled" if thinking.get("type") == "disabled" else "enabled"
        body["thinking"] = {"type": kind, **({"token_budget": budget} if budget else {})}
    if effort is None:
        return
    if effort != "none" and call.route.rules.get("reasoning") == "none":
        call.leave_out("reasoning_effort")
        return
    body.setdefault("thinking", {"type": "disabled" if effort == "none" else "enabled"})
    if effort not in ("none", "medium") and not thinking:
        call.adjust(f"reasoning_effort {effort!r} became thinking as such: this API has no levels, but a token_budget")


def _refuse_or_report(call: Call) -> None:
    params = call.params
    call.refuse_several_answers()
    call.refuse_audio()
    if params.get("web_search_options") is not None:
        raise call.refusal("web_search_options is OpenAI's; give the model a function that searches")
    call.leave_out_all(_ABSENT)


# --- response ------------------------------------------------------------------------------------------------------

FINISH: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "TOOL_CALL": "tool_calls",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
    "ERROR_TOXIC": "content_filter",
}
_BROKEN = {"ERROR": 500, "TIMEOUT": 504}
"""Finish reasons of an answer that the server could not finish, and the HTTP status that each stands for."""

_TOP_KEYS = {"id", "finish_reason", "message", "usage"}


def parse(call: Call, body: JSON) -> JSON:
    """The fields of the completion that a body holds."""
    _raise_broken(call, body)
    if not isinstance(body.get("message"), dict):
        raise call.invalid("the answer has no message", json_codec.dumps(body).encode())
    wire: JSON = body["message"]
    items = _items(wire.get("content"))
    message: JSON = {"role": "assistant", "content": text_in(items) or None}
    if thoughts := "".join(item.get("thinking") or "" for item in items):
        message["reasoning_content"] = thoughts
    calls: list[JSON] = []
    for native in as_list(wire.get("tool_calls")):
        calls.append(_tool_call(call, native, [other["id"] for other in calls]))
    if calls:
        message["tool_calls"] = calls
    message |= _kept(items, wire.get("tool_plan") or "", as_list(wire.get("citations")))
    choice = {"index": 0, "message": message, **_ending(body.get("finish_reason"), bool(calls))}
    extras = {key: value for key, value in body.items() if value and key not in _TOP_KEYS}
    return {
        "id": body.get("id") or call.id,
        "object": "chat.completion",
        "created": call.created,
        "model": call.route.model,
        "choices": [choice],
        "usage": _usage(as_dict(body.get("usage"))),
        **({"provider_fields": extras} if extras else {}),
    }


def _items(content: Any) -> list[JSON]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else as_list(content)


def _tool_call(call: Call, native: JSON, others: list[str]) -> JSON:
    arguments = _arguments(native["function"])
    function = {"name": native["function"]["name"], "arguments": "{}" if arguments in _NO_ARGUMENTS else arguments}
    return {"id": _tool_id(call, native, others), "type": "function", "function": function}


def _tool_id(call: Call, native: JSON, others: list[str]) -> str:
    """The id of a tool call, or one that is the same each time the same bytes are read."""
    id = native.get("id")
    return id if id and id not in others else f"call_{call.id.rpartition('-')[2]}_{len(others)}"


_NULL = "null"
_NO_ARGUMENTS = ("", _NULL)


def _arguments(function: JSON) -> str:
    given = function.get("arguments")
    if given is None:
        return ""
    return given if isinstance(given, str) else json_codec.dumps(given)


def _kept(items: list[JSON], plan: str, citations: list[JSON]) -> JSON:
    """Annotations, and what text and tool calls alone would not give back.

    A tool plan is what the model thinks before it calls ("a chain-of-thought style reflection and plan", the cohere
    SDK), and so no text of the answer.
    """
    kept: JSON = {}
    if citations or len(items) > 1 or any(item["type"] != "text" for item in items):
        kept["content"] = items
    if plan:
        kept["tool_plan"] = plan
    if citations:
        kept["citations"] = citations
    annotations = _annotations(items, citations)
    return {
        **({"annotations": annotations} if annotations else {}),
        **({"provider_fields": {"adapter": NAME, "message": kept}} if kept else {}),
    }


def _annotations(items: list[JSON], citations: list[JSON]) -> list[JSON]:
    """Citations of sources with an address as OpenAI's url_citation, with offsets into the joined text."""
    starts: dict[int, int] = {}
    length = 0
    for at, item in enumerate(items):
        if item["type"] == "text":
            starts[at] = length
            length += len(item.get("text") or "")
    out: list[JSON] = []
    for cited in citations:
        at = cited.get("content_index")
        start = starts.get(next(iter(starts), 0) if at is None else at)
        if start is None or cited.get("type") in ("PLAN", "THINKING_CONTENT"):
            continue
        for source in as_list(cited.get("sources")):
            data = as_dict(source.get("document") or source.get("tool_output"))
            if data.get("url"):
                out.append(_annotation(cited, start, data))
    return out


def _annotation(cited: JSON, start: int, data: JSON) -> JSON:
    place = {"start_index": start + (cited.get("start") or 0), "end_index": start + (cited.get("end") or 0)}
    return {"type": "url_citation", "url_citation": {"url": data["url"], "title": data.get("title") or "", **place}}


def _ending(native: str | None, called: bool) -> JSON:
    return {"finish_reason": finish_of(native or None, FINISH, called), "native_finish_reason": native}


def _usage(native: JSON) -> JSON | None:
    """Tokens as they were counted, with the preamble; what of them is charged stands beside as `billed_units`."""
    billed = as_dict(native.get("billed_units"))
    tokens = as_dict(native.get("tokens")) or billed
    if tokens.get("input_tokens") is None:
        return None
    prompt, completion = int(tokens["input_tokens"]), int(tokens.get("output_tokens") or 0)
    usage: JSON = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    if native.get("cached_tokens") is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": int(native["cached_tokens"])}
    if tokens.get("reasoning_tokens") is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": int(tokens["reasoning_tokens"])}
    return {**usage, "billed_units": billed} if billed else usage


# --- stream --------------------------------------------------------------------------------------------------------


class _Item:
    """An item of content as it grows."""

    __slots__ = ("kind", "pieces")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.pieces: list[str] = []


class _ToolCall:
    """A tool call as it grows; what may become the word `null` is held back, since no piece can be taken back."""

    __slots__ = ("held", "index", "told")

    def __init__(self, index: int) -> None:
        self.index = index
        self.held = ""
        self.told = False

    def add(self, piece: str) -> str:
        """What is to be told now."""
        if self.told:
            return piece
        self.held += piece
        self.told = not _NULL.startswith(self.held)
        return self.held if self.told else ""

    def close(self) -> str:
        """What is still to be told at the end."""
        if self.told:
            return ""
        self.told = True
        return "{}" if self.held in _NO_ARGUMENTS else self.held


class Decoder(BaseDecoder):
    """A streamed answer: events named by their `type`, whose deltas hold objects where the answer has lists."""

    def __init__(self, call: Call) -> None:
        super().__init__(call, FRAMING())
        self._items: dict[int, _Item] = {}
        self._calls: dict[int, _ToolCall] = {}
        self._ids: list[str] = []
        self._plan: list[str] = []
        self._citations: list[JSON] = []
        self._logprobs: list[JSON] = []
        self._last: JSON = {}

    def _read(self, event: Any, chunks: list[Any]) -> None:
        kind = event.get("type")
        if kind == "content-delta":
            content = event["delta"]["message"]["content"]
            item = self._items.get(event["index"])
            if item is not None and item.kind == "text" and len(event) == 3 and (text := content.get("text")):
                item.pieces.append(text)
                choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
                chunks.append({**self.head, "choices": [choice]})
            else:
                self._add_content(event, content, chunks)
        elif kind in self._EVENTS:
            delta = as_dict(event.get("delta"))
            self._EVENTS[kind](self, event, delta, as_dict(delta.get("message")), chunks)
        else:
            _raise_broken(self.call, event)

    def _start(self, event: JSON, delta: JSON, message: JSON, chunks: list[Chunk]) -> None:
        self.head["id"] = event.get("id") or self.head["id"]

    def _start_content(self, event: JSON, delta: JSON, message: JSON, chunks: list[Chunk]) -> None:
        self._add_content(event, as_dict(message.get("content")), chunks)

    def _add_content(self, event: JSON, content: JSON, chunks: list[Chunk]) -> None:
        kind = content.get("type") or ("thinking" if "thinking" in content else "text")
        item = self._items.setdefault(event["index"], _Item(kind))
        self._logprobs += [event["logprobs"]] if event.get("logprobs") else []
        if piece := content.get(item.kind):
            item.pieces.append(piece)
            self._emit(chunks, **{"reasoning_content" if item.kind == "thinking" else "content": piece})

    def _add_plan(self, event: JSON, delta: JSON, message: JSON, chunks: list[Chunk]) -> None:
        self._plan.append(message.get("tool_plan") or "")

    def _add_citation(self, event: JSON, delta: JSON, message: JSON, chunks: list[Chunk]) -> None:
        self._citations.append(message["citations"])

    def _start_call(self, event: JSON, delta: JSON, message: JSON, chunks: list[Chunk]) -> None:
        native: JSON = message["tool_calls"]
        tool = self._calls[event["index"]] = _ToolCall(len(self._calls))
        id = _tool_id(self.call, native, self._ids)
        self._ids.append(id)
        function = {"name": native["function"]["name"], "arguments": tool.add(_arguments(native["function"]))}
        self._emit(chunks, tool_calls=[{"index": tool.index, "id": id, "type": "function", "function": function}])

    def _add_arguments(self, event: JSON, delta: JSON, message: JSON, chunks: list[Chunk]) -> None:
        tool = self._calls[event["index"]]
        self._tell(tool, tool.add(_arguments(message["tool_calls"]["function"])), chunks)

    def _end_call(self, event: JSON, delta: JSON, message: JSON, chunks: list[Chunk]) -> None:
        tool = self._calls[event["index"]]
        self._tell(tool, tool.close(), chunks)

    def _end_message(self, event: JSON, delta: JSON, message: JSON, chunks: list[Chunk]) -> None:
        _raise_broken(self.call, delta)
        self._last = delta
        self._end(chunks, marked=True)

    _EVENTS: ClassVar[dict[str, Callable[[Decoder, JSON, JSON, JSON, list[Chunk]], None]]] = {
        "message-start": _start,
        "content-start": _start_content,
        "tool-plan-delta": _add_plan,
        "citation-start": _add_citation,
        "tool-call-start": _start_call,
        "tool-call-delta": _add_arguments,
        "tool-call-end": _end_call,
        "message-end": _end_message,
    }

    def _end(self, chunks: list[Chunk], *, marked: bool = False) -> None:
        if not (marked and (self._last or self._items or self._calls or self._plan)):
            raise self.call.incomplete("the stream ended before the answer did")
        for tool in self._calls.values():
            self._tell(tool, tool.close(), chunks)
        self.done = True
        items = [{"type": i.kind, i.kind: "".join(i.pieces)} for _, i in sorted(self._items.items())]
        delta: JSON = {"content": None, **_kept(items, "".join(self._plan), self._citations)}
        choice = {"index": 0, "delta": delta, **_ending(self._last.get("finish_reason"), bool(self._calls))}
        extras = {"provider_fields": {"logprobs": self._logprobs}} if self._logprobs else {}
        chunks.append(self._chunk([choice], usage=_usage(as_dict(self._last.get("usage"))), **extras))

    def _tell(self, tool: _ToolCall, piece: str, chunks: list[Chunk]) -> None:
        if piece:
            self._emit(chunks, tool_calls=[{"index": tool.index, "function": {"arguments": piece}}])

    def _emit(self, chunks: list[Chunk], **fields: Any) -> None:
        delta = {"content": None, **fields}
        chunks.append(self._chunk([{"index": 0, "delta": delta, "finish_reason": None}]))


# --- errors --------------------------------------------------------------------------------------------------------

_TOO_LONG = ("too many tokens", "context length")
_BLOCKED = 498
"""The HTTP status of input or output that was blocked."""


def explain(status: int, body: Any) -> tuple[str | None, str]:
    """The code and the message of an error body: `{"message": "..."}`, or the end of a broken answer."""
    fields = as_dict(body)
    given = fields.get("message") or fields.get("error")
    inner = as_dict(given)  # gateways give OpenAI's form
    message = str(inner.get("message") or given or body or "no error message")
    code: str | None = fields.get("error_type") or fields.get("code") or inner.get("code") or inner.get("type")
    if status == 400 and any(phrase in message for phrase in _TOO_LONG):
        code = CONTEXT_WINDOW
    elif status == _BLOCKED:
        code = CONTENT_POLICY
    return code, message


def _raise_broken(call: Call, body: JSON) -> None:
    """Raise what a 200 says went wrong: a message that is words, or a finish reason that is none."""
    finish = body.get("finish_reason")
    if finish in _BROKEN or body.get("error"):
        words = body.get("error") or f"the server broke the answer off ({finish})"
        raise call.error(_BROKEN.get(finish or "", 500), {**body, "message": words}, explain)
    if isinstance(body.get("message"), str):
        raise call.error(200, body, explain)
