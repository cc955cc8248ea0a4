"""OpenAI Responses: `POST /responses`, stateless: nothing is stored, and reasoning goes back and forth encrypted.

https://platform.openai.com/docs/api-reference/responses, checked 2026-11-21. `store=True`, `previous_response_id` and
what else only this API knows are the caller's to ask for, the latter by `extra_body`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, ClassVar, TypedDict

from unified_llm import json_codec
from unified_llm.adapters.contract import FIXED, Call, NoSchemaError, Request
from unified_llm.adapters.contract import Decoder as BaseDecoder
from unified_llm.adapters.json_schema import openai_format
from unified_llm.adapters.responses_errors import explain as explain
from unified_llm.adapters.responses_errors import failure, of_event, raise_failed
from unified_llm.adapters.responses_items import (
    CUSTOM,
    NAME,
    call_id,
    conversation,
    is_call,
    kept,
    logprobs_in,
    message_of,
    refusal_in,
    text_in,
    thoughts_in,
    tool_call,
    written,
)
from unified_llm.adapters.server_tools import FLAT, passed
from unified_llm.framing.sse import ServerSentEvents
from unified_llm.json_codec import as_dict, as_list, whole
from unified_llm.types import JSON, Chunk, FinishReason

FRAMING = ServerSentEvents

LEAST_TOKENS = 16
"""The smallest `max_output_tokens`: "integer below minimum value. Expected a value >= 16"."""


class Quirks(TypedDict, total=False):
    """What a host of Responses does otherwise than OpenAI's reference says."""

    encrypted_reasoning: bool
    """Whether reasoning can be asked for encrypted. Default: True. https://docs.x.ai/docs/guides/reasoning"""
    refused: list[str]
    """Parameters that are refused or ignored. Default: none. https://docs.x.ai/docs/api-reference#create-new-response"""


# --- request -------------------------------------------------------------------------------------------------------

_PASSED = ("temperature top_p top_logprobs service_tier metadata user safety_identifier prompt_cache_key").split()
_ABSENT = "top_k stop seed frequency_penalty presence_penalty logit_bias prediction".split()


def render(call: Call) -> Request:
    """The request of a call."""
    params = call.params
    call.refuse_several_answers()
    if "audio" in (params.get("modalities") or ()) or params.get("audio"):
        raise call.refusal("this API gives no audio; chat completions does (adapter='openai_chat')")
    body: JSON = {"model": call.route.model, "input": conversation(call), "store": params.get("store", False)}
    limit = params.get("max_completion_tokens", params.get("max_tokens"))
    if limit is not None:
        body["max_output_tokens"] = max(limit, LEAST_TOKENS)
        if limit < LEAST_TOKENS:
            call.adjust(f"max_tokens {limit} was raised to {LEAST_TOKENS}, the least that this API takes")
    _render_tools(call, body)
    body |= {name: params[name] for name in _PASSED if name in params}
    _render_text(call, body)
    _render_reasoning(call, body)
    _render_include(call, body)
    _leave_out_refused(call, body)
    if call.stream:
        body["stream"] = True
        options = as_dict(params.get("stream_options"))
        if "include_obfuscation" in options:
            body["stream_options"] = {"include_obfuscation": options["include_obfuscation"]}
    return Request("/responses", body)


def _render_tools(call: Call, body: JSON) -> None:
    tools = [_tool(call, tool) for tool in call.tools()]
    search = call.params.get("web_search_options")
    if search is not None:
        place: JSON = search.get("user_location") or {}
        located = {"user_location": {"type": "approximate", **as_dict(place.get("approximate"))}} if place else {}
        tools.append({"type": "web_search", **search, **located})
    if tools:
        body["tools"] = tools
    choice = call.params.get("tool_choice")
    if not call.params.get("tools"):
        return
    if "parallel_tool_calls" in call.params:
        body["parallel_tool_calls"] = call.params["parallel_tool_calls"]
    if choice is None:
        return
    if choice not in ("auto", "none") and call.route.rules.get("forced_tools") == "none":
        raise call.refusal("this model cannot be forced to call a tool; tool_choice 'auto' and 'none' work")
    body["tool_choice"] = choice if isinstance(choice, str) else _choice(choice)


_TOOL_KEYS = ("defer_loading", "allowed_callers", "output_schema", "async")


def _tool(call: Call, tool: JSON) -> JSON:
    if CUSTOM in tool:
        given: JSON = tool[CUSTOM]
        format = as_dict(given.get("format"))
        flat = {**format, **as_dict(format.get("grammar"))}
        flat.pop("grammar", None)
        return {"type": CUSTOM, **given, **({"format": flat} if flat else {})}
    if "function" not in tool or tool.get("type", "function") != "function":
        return passed(call, tool, NAME, FLAT)
    given = tool["function"]
    # the API takes a function without `strict` for strict, and chat completions one for not strict
    out: JSON = {
        "type": "function",
        "name": given["name"],
        "parameters": given.get("parameters") or {"type": "object", "properties": {}},
        "strict": bool(given.get("strict")),
    }
    if given.get("description") is not None:
        out["description"] = given["description"]
    out |= {key: tool[key] for key in _TOOL_KEYS if key in tool}
    for key in tool.keys() - out.keys() - {"function"}:
        call.warnings.append(f"{key} of tool {given['name']!r} was left out: this API has no such field")
    return out


def _choice(choice: JSON) -> JSON:
    """A choice without the level that names its kind; one of a tool that the server runs itself has none."""
    kind: str = choice["type"]
    if kind not in choice:
        return choice
    inner: JSON = choice[kind]
    if kind != "allowed_tools":
        return {"type": kind, "name": inner["name"]}
    tools = [_choice(tool) for tool in inner["tools"]]
    return {"type": kind, "mode": inner["mode"], "tools": tools}


def _render_text(call: Call, body: JSON) -> None:
    format, text = call.params.get("response_format"), {}
    if format and format["type"] == "json_object":
        text["format"] = {"type": "json_object"}
    elif format and format["type"] == "json_schema":
        if call.route.rules.get("schema") is False:
            raise call.refusal("this model cannot be held to a JSON schema", NoSchemaError)
        given = {key: value for key, value in openai_format(format)["json_schema"].items() if value is not None}
        text["format"] = {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, **given}
    if "verbosity" in call.params:
        text["verbosity"] = call.params["verbosity"]
    if text:
        body["text"] = text


def _render_reasoning(call: Call, body: JSON) -> None:
    """`reasoning_effort`, and `thinking` in this API's form: `{"summary": "auto"}`."""
    reasoning: JSON = {}
    thinking, effort = call.params.get("thinking"), call.params.get("reasoning_effort")
    if thinking is not None and "type" in thinking:
        call.leave_out("thinking", "this API knows reasoning_effort, and thinking={'summary': 'auto'} for a summary")
    elif thinking is not None:
        reasoning |= thinking
    if effort is not None:
        if call.route.rules.get("reasoning") == "none":
            call.leave_out("reasoning_effort")
        else:
            reasoning["effort"] = call.nearest_effort(effort)
    if reasoning:
        body["reasoning"] = reasoning


def _render_include(call: Call, body: JSON) -> None:
    include: list[str] = []
    route = call.route
    # "Encrypted content is not supported with this model": one that does not reason
    reasons = route.rules.get("reasoning") != "none" and "reasoning" not in route.facts.get("lacks", ())
    if reasons and route.quirks.get("encrypted_reasoning", True):
        include.append("reasoning.encrypted_content")
    if call.params.get("logprobs") and not call.fixes_sampling():
        include.append("message.output_text.logprobs")
    if include:
        body["include"] = include


def _leave_out_refused(call: Call, body: JSON) -> None:
    call.leave_out_all(name for name in _ABSENT if call.params.get(name) != FIXED.get(name))
    call.leave_out_fixed(body, ("temperature", "top_p", "logprobs", "top_logprobs"))
    for name in call.route.quirks.get("refused", ()):
        if body.pop(name, None) is not None:
            call.leave_out(name)


# --- response ------------------------------------------------------------------------------------------------------

_TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
_TOLD = frozenset(
    # told elsewhere in the completion
    "id object created_at model output output_text status error incomplete_details usage service_tier "
    "system_fingerprint completed_at "
    # what the request said
    "background frequency_penalty presence_penalty input instructions max_output_tokens max_tool_calls metadata "
    "parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention "
    "reasoning safety_identifier store temperature text tool_choice tools top_logprobs top_p truncation user".split()
)


def parse(call: Call, body: JSON) -> JSON:
    """The fields of the completion that a body holds."""
    raise_failed(call, body)
    if not isinstance(body.get("output"), list):
        raise call.invalid("the answer has no output", json_codec.dumps(body).encode())
    items: list[JSON] = body["output"]
    choice: JSON = {"index": 0, "message": message_of(call, items), **_ending(body, any(map(is_call, items)))}
    logprobs = [one for item in items for one in logprobs_in(item)]
    if logprobs:
        choice["logprobs"] = {"content": logprobs}
    return {
        "id": body.get("id") or call.id,
        "object": "chat.completion",
        "created": whole(body.get("created_at")) or call.created,
        "model": body.get("model") or call.route.model,
        "choices": [choice],
        "usage": _usage(as_dict(body.get("usage")), items),
        **_top_fields(body),
    }


def _ending(response: JSON, called: bool) -> JSON:
    """The finish reason; None for a response that is still worked on in the background."""
    status: str | None = response.get("status")
    reason: str | None = as_dict(response.get("incomplete_details")).get("reason")
    finish: FinishReason | None = "tool_calls" if called else "stop"
    if status in ("queued", "in_progress"):
        finish = None
    elif status == "incomplete":
        finish = "content_filter" if reason == "content_filter" else "length"
    return {"finish_reason": finish, "native_finish_reason": reason or status}


def _usage(native: JSON, items: list[JSON]) -> JSON | None:
    """The counts under the names of chat completions; what else a server counts stays beside them."""
    if native.get("input_tokens") is None:
        return None
    usage = {key: value for key, value in native.items() if value is not None}
    prompt, completion = usage.pop("input_tokens"), usage.pop("output_tokens", 0)
    usage |= {"prompt_tokens": prompt, "completion_tokens": completion}
    usage.setdefault("total_tokens", prompt + completion)
    for ours, theirs in (("prompt", "input"), ("completion", "output")):
        details = {k: v for k, v in as_dict(usage.pop(f"{theirs}_tokens_details", None)).items() if v is not None}
        if details:
            usage[f"{ours}_tokens_details"] = details
    used = Counter(name for item in items if (name := _CHARGED.get(item["type"])) and _is_charged(item))
    return {**usage, "server_tool_use": dict(used)} if used else usage


_CHARGED = {
    "web_search_call": "web_search_requests",
    "file_search_call": "file_search_requests",
    "code_interpreter_call": "code_interpreter_requests",
    "image_generation_call": "image_generation_requests",
}
"""What OpenAI charges for by the use, as it is counted in the usage; the counts themselves do not say it."""


def _is_charged(item: JSON) -> bool:
    """Whether a use of a tool has its price: of those of the web only searches, not pages that are opened.

    https://developers.openai.com/api/docs/guides/tools-web-search
    """
    return as_dict(item.get("action")).get("type", "search") == "search"


def _top_fields(response: JSON) -> JSON:
    extras = {key: value for key, value in response.items() if value and key not in _TOLD}
    out = {"system_fingerprint": response["system_fingerprint"]} if response.get("system_fingerprint") else {}
    if tier := response.get("service_tier"):
        (out if tier in _TIERS else extras)["service_tier"] = tier
    if extras:
        out["provider_fields"] = extras
    return out


# --- stream --------------------------------------------------------------------------------------------------------


class Decoder(BaseDecoder):
    """A streamed response.

    Items grow by deltas and come whole when they are done, and the last event has all of them again: each time only
    what has not been told yet is told. Some hosts send no deltas, some no last items.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call, FRAMING())
        self._texts: defaultdict[int, list[str]] = defaultdict(list)
        self._others: defaultdict[int, list[str]] = defaultdict(list)
        self._done: dict[int, JSON] = {}
        self._calls: dict[int, int] = {}  # the place of each call among the calls
        self._open: dict[int, JSON] = {}  # calls that are not done
        self._ids: list[str] = []
        self._places: dict[str | None, int] = {}  # of items, by their ids
        self._thought: tuple[int, str, int] | None = None

    def _read(self, event: Any, chunks: list[Any]) -> None:
        kind = event.get("type")
        if kind == "response.output_text.delta":
            text = event["delta"]
            if text:
                try:
                    texts = self._texts[event["output_index"]]
                except KeyError:
                    texts = self._texts[self._index(event)]
                texts.append(text)
                choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
                if event.get("logprobs"):
                    choice["logprobs"] = {"content": event["logprobs"]}
                chunks.append({**self.head, "choices": [choice]})
        elif kind == "error" or (event.get("error") and kind is None):
            raise failure(self.call, of_event(event))
        elif kind in self._EVENTS:
            self._EVENTS[kind](self, event, chunks)

    def _index(self, event: JSON) -> int:
        """The place of the item that an event is about, which llama.cpp tells by the item's id alone.

        https://github.com/ggml-org/llama.cpp/issues/20607
        """
        id = as_dict(event.get("item")).get("id") or event.get("item_id")
        index = event.get("output_index")
        if index is None:
            return self._places.setdefault(id, len(self._places))
        self._places[id] = index
        return index

    def _start(self, event: JSON, chunks: list[Chunk]) -> None:
        response: JSON = event["response"]
        raise_failed(self.call, response)
        if not self._begun and not chunks:
            self.head |= {key: response[key] for key in ("id", "model") if response.get(key)}
            self.head["created"] = whole(response.get("created_at")) or self.head["created"]

    def _add_item(self, event: JSON, chunks: list[Chunk]) -> None:
        item, index = event["item"], self._index(event)
        if is_call(item) and item.get("name"):
            self._begin_call(index, item, chunks)

    def _begin_call(self, index: int, item: JSON, chunks: list[Chunk]) -> None:
        self._open[index] = item
        at = self._calls[index] = len(self._ids)
        self._ids.append(call_id(self.call, item, self._ids))
        whole, begun = tool_call(item, self._ids[-1]), written(item)
        kind: str = whole["type"]
        whole[kind][_TEXT_OF_CALL[kind]] = begun
        self._others[index].append(begun)
        self._emit(chunks, tool_calls=[{"index": at, **whole}])

    def _read_arguments(self, event: JSON, chunks: list[Chunk]) -> None:
        self._add_arguments(self._index(event), event["delta"], "function", chunks)

    def _read_input(self, event: JSON, chunks: list[Chunk]) -> None:
        self._add_arguments(self._index(event), event["delta"], CUSTOM, chunks)

    def _add_arguments(self, index: int, added: str, kind: str, chunks: list[Chunk]) -> None:
        if added and index in self._calls:
            self._others[index].append(added)
            piece = {"index": self._calls[index], kind: {_TEXT_OF_CALL[kind]: added}}
            self._emit(chunks, tool_calls=[piece])

    def _read_summary(self, event: JSON, chunks: list[Chunk]) -> None:
        self._add_thought((self._index(event), "summary", event.get("summary_index") or 0), event["delta"], chunks)

    def _read_reasoning(self, event: JSON, chunks: list[Chunk]) -> None:
        self._add_thought((self._index(event), "content", event.get("content_index") or 0), event["delta"], chunks)

    def _add_thought(self, place: tuple[int, str, int], text: str, chunks: list[Chunk]) -> None:
        """Tell a piece of reasoning; paragraphs are parted by an empty line."""
        before = self._thought
        if not text or (before and before[0] == place[0] and before[1] != place[1]):
            return  # the summary of what is told already
        parted = "" if before in (None, place) else "\n\n"
        self._thought = place
        self._others[place[0]].append(text)
        self._emit(chunks, reasoning_content=parted + text)

    def _read_refusal(self, event: JSON, chunks: list[Chunk]) -> None:
        if event["delta"]:
            self._others[self._index(event)].append(event["delta"])
            self._emit(chunks, refusal=event["delta"])

    def _finish_item(self, event: JSON, chunks: list[Chunk]) -> None:
        self._complete(self._index(event), event["item"], chunks)

    def _complete(self, index: int, item: JSON, chunks: list[Chunk]) -> None:
        """Tell of a whole item what its deltas have not told."""
        self._done[index] = item
        if is_call(item):
            self._complete_call(index, item, chunks)
        elif item["type"] == "message":
            text = _rest(text_in([item]), self._texts[index])
            if text:
                whole = [] if self._texts[index] else logprobs_in(item)
                self._emit(chunks, whole, content=text)
            if refusal := _rest(refusal_in(item), self._others[index]):
                self._emit(chunks, refusal=refusal)
        elif not self._others[index]:
            for at, text in enumerate(thoughts_in(item)):
                self._add_thought((index, "whole", at), text, chunks)

    def _complete_call(self, index: int, item: JSON, chunks: list[Chunk]) -> None:
        if index not in self._calls:
            self._begin_call(index, item, chunks)
        self._open.pop(index, None)
        kind = "function" if item["type"] == "function_call" else CUSTOM
        nothing = "{}" if kind == "function" else ""
        self._add_arguments(index, _rest(written(item) or nothing, self._others[index]), kind, chunks)

    def _finish(self, event: JSON, chunks: list[Chunk]) -> None:
        """Tell the end, and what no event before it told."""
        response: JSON = event["response"]
        raise_failed(self.call, response)
        self._start(event, chunks)
        items = as_list(response.get("output"))
        for index, item in enumerate(items) if len(items) > len(self._done) else ():
            if index not in self._done:
                self._complete(index, item, chunks)
        for index, item in sorted(self._open.items()):
            self._complete_call(index, item, chunks)
        self.done = True
        whole = items or [item for _, item in sorted(self._done.items())]
        delta: JSON = {"content": None, **kept(whole)}
        status = response.get("status") or event["type"].rpartition(".")[2]
        choice = {"index": 0, "delta": delta, **_ending({**response, "status": status}, bool(self._calls))}
        usage = _usage(as_dict(response.get("usage")), whole)
        chunks.append(self._chunk([choice], usage=usage, **_top_fields(response)))

    _EVENTS: ClassVar[dict[str, Callable[[Decoder, JSON, list[Chunk]], None]]] = {
        "response.created": _start,
        "response.queued": _start,
        "response.in_progress": _start,
        "response.output_item.added": _add_item,
        "response.output_item.done": _finish_item,
        "response.refusal.delta": _read_refusal,
        "response.reasoning_summary_text.delta": _read_summary,
        "response.reasoning_text.delta": _read_reasoning,
        "response.function_call_arguments.delta": _read_arguments,
        "response.custom_tool_call_input.delta": _read_input,
        "response.completed": _finish,
        "response.incomplete": _finish,
        "response.failed": _finish,
        "response.cancelled": _finish,
    }

    def _end(self, chunks: list[Chunk], *, marked: bool = False) -> None:
        raise self.call.incomplete("the stream ended before the response did")

    def _emit(self, chunks: list[Chunk], logprobs: list[JSON] | None = None, **fields: Any) -> None:
        choice: JSON = {"index": 0, "delta": {"content": None, **fields}, "finish_reason": None}
        if logprobs:
            choice["logprobs"] = {"content": logprobs}
        chunks.append(self._chunk([choice]))


_TEXT_OF_CALL = {"function": "arguments", CUSTOM: "input"}
"""Where each kind of call has what it is called with."""


def _rest(whole: str, told: list[str]) -> str:
    """What of a text is not told yet; nothing where something else was told."""
    before = "".join(told)
    return whole[len(before) :] if whole.startswith(before) else ""
