"""OpenAI chat completions: `POST /chat/completions`, as OpenAI and most other hosts speak it.

https://platform.openai.com/docs/api-reference/chat, checked 2026-11-21. Hosts depart from it in what they accept, which
`Quirks` says, and in what they send, which is read tolerantly whoever sends it.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from unified_llm import json_codec
from unified_llm.adapters.cache_marks import mark_prefixes
from unified_llm.adapters.contract import Call, NoSchemaError, Request, finish_of
from unified_llm.adapters.contract import Decoder as BaseDecoder
from unified_llm.adapters.json_schema import openai_format
from unified_llm.adapters.openai_errors import explain as explain
from unified_llm.adapters.openai_errors import raise_broken, raise_error
from unified_llm.adapters.openai_messages import NAME, conversation, keep_parts
from unified_llm.adapters.openai_texts import texts, untagged
from unified_llm.adapters.server_tools import passed
from unified_llm.adapters.think_tags import ThinkTags
from unified_llm.framing.sse import ServerSentEvents
from unified_llm.json_codec import as_dict, as_list, whole
from unified_llm.types import JSON, Chunk, FinishReason

FRAMING = ServerSentEvents


class Quirks(TypedDict, total=False):
    """What a host accepts otherwise than OpenAI's reference says."""

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"]
    """The name of the limit. Default: max_tokens, which most servers know. https://platform.openai.com/docs/api-reference/chat/create"""
    developer_role: bool
    """Whether the role `developer` is known; else it is sent as `system`. Default: False. https://model-spec.openai.com"""
    stream_usage: Literal["include_usage", "always"]
    """Whether usage must be asked for in a stream. Default: include_usage. https://docs.perplexity.ai/api-reference/chat-completions-post"""
    seed_field: Literal["seed", "random_seed"]
    """The name of `seed`. Default: seed. https://docs.mistral.ai/api/#tag/chat"""
    reasoning_param: Literal[
        "reasoning_effort", "thinking_type", "enable_thinking", "reasoning_object", "chat_template_kwargs", "none"
    ]
    """The form of `reasoning_effort`. Default: reasoning_effort. https://api-docs.deepseek.com/guides/thinking_mode"""
    think_tags: bool
    """Whether reasoning comes in the text of an answer, between `<think>` and `</think>`, where it has no field of its
    own. Default: False. https://docs.perplexity.ai/docs/sonar/models/sonar-reasoning-pro"""
    echo_reasoning: Literal[
        "none", "reasoning_content", "reasoning", "reasoning_details", "thinking_parts", "think_tags"
    ]
    """How earlier reasoning must come back: in a field, as parts of content, or in text between tags. Default: none.
    https://openrouter.ai/docs/use-cases/reasoning-tokens"""
    forced_tools: Literal["required", "any", "refused"]
    """The word that forces a tool call. Default: required. https://docs.fireworks.ai/guides/function-calling"""
    allowed_tools: bool
    """Whether tool_choice may be `allowed_tools`; else only those are sent. Default: False. https://platform.openai.com/docs/guides/function-calling"""
    strict_tools: bool
    """Whether functions may have `strict`. Default: False. https://platform.openai.com/docs/guides/structured-outputs"""
    parameters_required: bool
    """Whether a function without `parameters` is refused. Default: False. https://docs.mistral.ai/capabilities/function_calling"""
    tool_call_ids: Literal["any", "nine_alphanumerics"]
    """Which ids tool calls may have; others are replaced. Default: any. https://docs.mistral.ai/capabilities/function_calling"""
    schema: Literal["json_schema", "json_object", "none"]
    """The strongest response_format. Default: json_schema. https://api-docs.deepseek.com/guides/json_mode"""
    schema_keywords: Literal["strict", "all"]
    """Which words a schema made of a type may have: those of OpenAI's strict mode, or all. Default: strict.
    https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md"""
    string_content: bool
    """Whether content of text alone must be a string. Default: False. https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html"""
    null_content: Literal["null", "empty"]
    """What stands for no content beside tool calls. Default: null. https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference"""
    split_tool_calls: bool
    """Whether each tool call needs an assistant message of its own. Default: False. https://docs.databricks.com/aws/en/machine-learning/model-serving/function-calling"""
    bare_messages: bool
    """Whether messages with `name`, `refusal` or `audio` are refused. Default: False. https://docs.mistral.ai/api/#tag/chat"""
    empty_answers: bool
    """Whether assistant messages with neither content nor calls are taken. Default: True. https://docs.mistral.ai/api/#tag/chat"""
    content_chunks: bool
    """Whether audio is a bare string or URL and a file a `document_url`. Default: False. https://docs.mistral.ai/capabilities/document_ai/document_qna"""
    files: Literal["pdf", "any"]
    """Which files are taken: PDFs as data, or whatever the host reads and fetches itself, for every model. Text is sent
    as text anyway. Default: not known; all are sent as data. https://developers.openai.com/api/docs/guides/file-inputs"""
    media_urls: bool
    """Whether the host fetches http(s) URLs of images and films. Default: True. https://platform.moonshot.ai/docs/guide/use-kimi-vision-model"""
    cache_control: bool
    """Whether parts may have Anthropic's `cache_control`. Default: False. https://openrouter.ai/docs/features/prompt-caching"""
    tool_images: bool
    """Whether results of tools may have images. Default: False. https://openrouter.ai/docs/features/images-and-pdfs"""
    refused: list[str]
    """Parameters that are refused or ignored. Default: none. https://console.groq.com/docs/openai"""
    temperature_max: float
    """The highest temperature. Default: 2. https://platform.moonshot.ai/docs/api/chat"""
    standard_tier: str
    """The word for the tier `default`; besides it only `auto` is known then. Default: not known, all tiers are sent. https://docs.mistral.ai/api/#tag/chat"""
    user_field: Literal["user", "user_id", "safety_identifier"]
    """The name of `user`. Default: user. https://platform.openai.com/docs/guides/safety-best-practices"""
    prefill: Literal["native", "refused", "prefix", "partial"]
    """How a final assistant message is taken: as it is, not at all, or with this flag. Default: native. https://api-docs.deepseek.com/guides/chat_prefix_completion"""


# --- request -------------------------------------------------------------------------------------------------------

_PASSED = (
    "temperature top_p top_k stop n frequency_penalty presence_penalty logit_bias logprobs top_logprobs verbosity "
    "modalities audio prediction web_search_options service_tier safety_identifier metadata store prompt_cache_key"
).split()
_SAMPLING = "temperature top_p top_k frequency_penalty presence_penalty logit_bias logprobs top_logprobs".split()


def render(call: Call) -> Request:
    """The request of a call."""
    quirks = call.route.quirks
    if quirks.get("cache_control"):
        mark_prefixes(call)
    body: JSON = {"model": call.route.model, "messages": conversation(call)}
    limit = call.params.get("max_completion_tokens", call.params.get("max_tokens"))
    if limit is not None:
        body[quirks.get("max_tokens_field", "max_tokens")] = limit
    for name in _PASSED:
        if name in call.params:
            body[name] = call.params[name]
    for name, field in (("seed", "seed_field"), ("user", "user_field")):
        if name in call.params:
            body[quirks.get(field, name)] = call.params[name]
    _render_reasoning(call, body)
    _render_tools(call, body)
    _render_format(call, body)
    _leave_out_refused(call, body)
    _render_tier(call, body)
    if call.stream:
        body["stream"] = True
        options = dict(call.params.get("stream_options") or {})
        if quirks.get("stream_usage") == "always":
            options.pop("include_usage", None)
        else:
            options = {"include_usage": True, **options}
        if options:
            body["stream_options"] = options
    return Request("/chat/completions", body)


def _render_reasoning(call: Call, body: JSON) -> None:
    effort, form = call.params.get("reasoning_effort"), call.route.quirks.get("reasoning_param", "reasoning_effort")
    if "thinking" in call.params:
        if form == "thinking_type":
            body["thinking"] = call.params["thinking"]
        else:
            call.leave_out("thinking", "this API knows reasoning_effort instead")
    if effort is None:
        return
    rules = call.route.rules
    if form == "none" or rules.get("reasoning") == "none":
        call.leave_out("reasoning_effort")
    elif form == "thinking_type":
        body.setdefault("thinking", {"type": "disabled" if effort == "none" else "enabled"})
        if effort != "none" and rules.get("efforts"):
            body["reasoning_effort"] = call.nearest_effort(effort)
    elif form == "enable_thinking":
        body["enable_thinking"] = effort != "none"
    elif form == "chat_template_kwargs":
        body["chat_template_kwargs"] = {"enable_thinking": effort != "none"}
    elif form == "reasoning_object":
        body["reasoning"] = {"effort": call.nearest_effort(effort)}
    else:
        body["reasoning_effort"] = call.nearest_effort(effort)


def _render_tools(call: Call, body: JSON) -> None:
    quirks, params, tools = call.route.quirks, call.params, call.tools()
    if not tools:
        return
    choice = params.get("tool_choice")
    if as_dict(choice).get("type") == "allowed_tools" and not quirks.get("allowed_tools"):
        tools, choice = call.chosen_tools()
    body["tools"] = [_tool(call, tool) for tool in tools]
    if "parallel_tool_calls" in params:
        body["parallel_tool_calls"] = params["parallel_tool_calls"]
    if choice is None:
        return
    forced = quirks.get("forced_tools", "required")
    if choice not in ("auto", "none"):
        _refuse_force(call, forced)
    body["tool_choice"] = forced if choice == "required" else choice


def _refuse_force(call: Call, forced: str) -> None:
    rule, effort = call.route.rules.get("forced_tools"), call.params.get("reasoning_effort")
    if forced == "refused" or rule == "none":
        raise call.refusal("this model cannot be forced to call a tool; tool_choice 'auto' and 'none' work")
    reasons = effort != "none" if effort else call.route.rules.get("reasoning") in ("default", "always")
    if rule == "without_thinking" and reasons and as_dict(call.params.get("thinking")).get("type") != "disabled":
        raise call.refusal(
            "this model cannot be forced to call a tool while it reasons, as it does without reasoning_effort='none'"
        )


def _render_tier(call: Call, body: JSON) -> None:
    standard, tier = call.route.quirks.get("standard_tier"), body.get("service_tier")
    if standard is None or tier in (None, "auto", standard):
        return
    if tier == "default":
        body["service_tier"] = standard
    else:
        del body["service_tier"]
        call.leave_out("service_tier", f"{tier!r} is none of auto, default, {standard}")


_FEATURES = ("modalities", "audio", "web_search_options")
"""Parameters without which the answer would be another thing than was asked for."""

_FUNCTION_KEYS = ("name", "description", "parameters", "strict")


def _tool(call: Call, tool: JSON) -> JSON:
    if "function" not in tool or tool.get("type", "function") != "function":
        return passed(call, tool, NAME, "openai_responses")  # some hosts run tools of these names, too
    given: JSON = tool["function"]
    function = {key: given[key] for key in _FUNCTION_KEYS if given.get(key) is not None}
    if "strict" in function and not call.route.quirks.get("strict_tools"):
        call.adjust(f"strict of tool {given['name']!r} was left out: this server does not know it")
        del function["strict"]
    if call.route.quirks.get("parameters_required"):
        function.setdefault("parameters", {"type": "object", "properties": {}})
    out: JSON = {"type": "function", "function": function}
    if "cache_control" in tool and call.route.quirks.get("cache_control"):
        out["cache_control"] = tool["cache_control"]
    for key in tool.keys() - out.keys() - {"name"}:
        call.warnings.append(f"{key} of tool {given['name']!r} was left out: this API has no such field")
    return out


def _render_format(call: Call, body: JSON) -> None:
    format = call.params.get("response_format")
    if not format:
        return
    strongest = call.route.quirks.get("schema", "json_schema")
    if format["type"] == "json_schema" and (strongest != "json_schema" or call.route.rules.get("schema") is False):
        raise call.refusal("this model cannot be held to a JSON schema", NoSchemaError)
    if format["type"] == "json_object" and strongest == "none":
        raise call.refusal("this server has no response_format", NoSchemaError)
    body["response_format"] = format if call.route.quirks.get("schema_keywords") == "all" else openai_format(format)


def _leave_out_refused(call: Call, body: JSON) -> None:
    rules, quirks = call.route.rules, call.route.quirks
    call.leave_out_fixed(body, _SAMPLING)
    one_of_both = rules.get("sampling") == "temperature_or_top_p"
    if one_of_both and "temperature" in body and body.pop("top_p", None) is not None:
        call.leave_out("top_p", f"{call.route.model} does not take it together with temperature")
    if rules.get("stop") is False and body.pop("stop", None):
        call.leave_out("stop")
    for name in quirks.get("refused", ()):
        if (value := body.pop(name, None)) is not None:
            if name in _FEATURES and value != ["text"]:
                raise call.refusal(f"this API has no {name}")
            call.leave_out(name)
    highest = quirks.get("temperature_max", 2)
    if body.get("temperature", 0) > highest:
        call.adjust(
            f"temperature {body['temperature']} was lowered to {highest}, the highest that {call.route.model} takes"
        )
        body["temperature"] = highest


# --- response ------------------------------------------------------------------------------------------------------

FINISH: dict[str, FinishReason] = {
    **dict.fromkeys(("stop", "eos", "eos_token", "stop_sequence", "end_turn", "STOP", "COMPLETE", ""), "stop"),
    **dict.fromkeys(("length", "max_tokens", "model_length", "model_context_window_exceeded", "MAX_TOKENS"), "length"),
    **dict.fromkeys(("tool_calls", "tool_call", "tool_use", "function_call"), "tool_calls"),
    **dict.fromkeys(("content_filter", "sensitive", "safety", "violation"), "content_filter"),
}
_TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
_TOP_KEYS = {
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "service_tier",
    "system_fingerprint",
    "obfuscation",
}
_MESSAGE_KEYS = {
    "role",
    "content",
    "tool_calls",
    "refusal",
    "annotations",
    "reasoning_content",
    "reasoning",
    "function_call",
}


def parse(call: Call, body: JSON) -> JSON:
    """The fields of the completion that a body holds."""
    raise_error(call, body)
    natives = body.get("choices")
    if not natives:
        raise call.invalid("the answer has no choices", json_codec.dumps(body).encode())
    return {
        "id": body.get("id") or call.id,
        "object": "chat.completion",
        "created": whole(body.get("created")) or call.created,
        "model": body.get("model") or call.route.model,
        "choices": [_choice(call, native, at if len(natives) > 1 else 0) for at, native in enumerate(natives)],
        "usage": _usage(_native_usage(body)),
        **_top_fields(body),
    }


def _choice(call: Call, native: JSON, position: int) -> JSON:
    raise_broken(call, native)
    wire: JSON = native["message"]
    text, reasoning = texts(wire, tagged=call.route.quirks.get("think_tags", False))
    message: JSON = {"role": "assistant", "content": text or None}
    if reasoning:
        message["reasoning_content"] = reasoning
    calls: list[JSON] = []
    for at, wire_call in enumerate(_wire_calls(wire)):
        parsed = _parsed_call(call, wire_call, at)
        if any(parsed["id"] == other["id"] for other in calls):
            parsed["id"] = _generated_id(call, at)
        calls.append(parsed)
    if calls:
        message["tool_calls"] = calls
    for key in ("refusal", "annotations"):
        if wire.get(key):
            message[key] = wire[key]
    extras = _extras(wire, _MESSAGE_KEYS)
    if kept := keep_parts([], wire.get("content")):
        extras["content"] = kept
    if extras:
        message["provider_fields"] = {"adapter": NAME, "message": extras}
    finish = native.get("finish_reason")
    out: JSON = {
        "index": position,
        "message": message,
        "finish_reason": finish_of(finish, FINISH, bool(calls)),
        "native_finish_reason": native.get("native_finish_reason") or finish,
    }
    if native.get("logprobs"):
        out["logprobs"] = native["logprobs"]
    return out


def _wire_calls(wire: JSON) -> list[JSON]:
    """The tool calls, with the deprecated function_call as one of them."""
    calls = as_list(wire.get("tool_calls"))
    function = as_dict(wire.get("function_call"))
    return [{"function": function}] if function.get("name") and not calls else calls


def _parsed_call(call: Call, wire: JSON, position: int) -> JSON:
    id = _id(wire) or _generated_id(call, position)
    if "function" not in wire:
        return {**wire, "id": id}  # a custom (grammar) tool's call: OpenAI's own shape already
    arguments = _arguments(wire["function"].get("arguments"))
    function = {"name": wire["function"]["name"], "arguments": arguments or "{}"}
    return {"id": id, "type": "function", "function": function, **_kept_of_call(wire)}


def _kept_of_call(wire: JSON) -> JSON:
    """What a call carries besides: Gemini's thought signature, at hosts that pass it through."""
    return {"extra_content": wire["extra_content"]} if wire.get("extra_content") else {}


def _id(wire: JSON) -> str | None:
    """The id of a tool call, None where there is none, or the word "null" (mistralai SDK, `ToolCall.id`)."""
    id = wire.get("id")
    return None if id == "null" else id or None


def _generated_id(call: Call, position: int) -> str:
    """The id of a tool call to which the provider gave none: the same each time the same bytes are read."""
    return f"call_{call.id.rpartition('-')[2]}_{position}"


def _arguments(native: Any) -> str:
    if native is None:
        return ""
    return native if isinstance(native, str) else json_codec.dumps(native)


def _extras(wire: JSON, known: set[str]) -> JSON:
    return {key: value for key, value in wire.items() if value and key not in known}


def _top_fields(body: JSON) -> JSON:
    out: JSON = {"system_fingerprint": body["system_fingerprint"]} if body.get("system_fingerprint") else {}
    extras = _extras(body, _TOP_KEYS)
    tier = body.get("service_tier")
    if tier:
        (out if tier in _TIERS else extras)["service_tier"] = tier
    if extras:
        out["provider_fields"] = extras
    return out


def _native_usage(body: JSON) -> JSON | None:
    if body.get("usage"):
        return body["usage"]
    choices = as_list(body.get("choices"))
    return as_dict(body.get("x_groq")).get("usage") or (choices[0].get("usage") if choices else None)


_CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")
"""What those who count cache reads beside the details call them: DeepSeek, Moonshot, Mistral."""


def _usage(native: JSON | None) -> JSON | None:
    """The provider's counts under OpenAI's names; what else it counts stays beside them."""
    prompt = whole(native.get("prompt_tokens")) if native else None
    if not native or prompt is None:
        return None
    completion, total = whole(native.get("completion_tokens")) or 0, whole(native.get("total_tokens"))
    prompt_details = _counts(native.get("prompt_tokens_details"))
    completion_details = _counts(native.get("completion_tokens_details"))
    cached = next((count for name in _CACHED if (count := native.get(name)) is not None), None)
    if cached is not None:
        prompt_details.setdefault("cached_tokens", cached)
    if "cache_creation_input_tokens" in prompt_details:
        prompt_details.setdefault("cache_write_tokens", prompt_details["cache_creation_input_tokens"])
    if native.get("reasoning_tokens") is not None:
        completion_details.setdefault("reasoning_tokens", native["reasoning_tokens"])
    reasoning = whole(completion_details.get("reasoning_tokens")) or 0
    if reasoning and total == prompt + completion + reasoning:
        completion += reasoning  # some count reasoning beside the completion; the total tells
    usage: JSON = {key: value for key, value in native.items() if value is not None}
    usage |= {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total or prompt + completion}
    usage |= {"prompt_tokens_details": prompt_details} if prompt_details else {}
    usage |= {"completion_tokens_details": completion_details} if completion_details else {}
    return usage


def _counts(details: JSON | None) -> JSON:
    return {key: value for key, value in (details or {}).items() if value is not None}


# --- stream --------------------------------------------------------------------------------------------------------


class _ToolCall:
    """A tool call as it grows; it is told only when its name is known, since the first piece must have it."""

    __slots__ = ("arguments", "id", "index", "kind", "name", "told")

    def __init__(self, id: str | None) -> None:
        self.id = id
        self.kind = "function"
        self.name = ""
        self.index = -1
        self.arguments = ""
        self.told = False


class _Choice:
    """One answer as it grows."""

    __slots__ = ("begun", "by_index", "calls", "details", "extras", "finish", "native_finish", "parts", "tags", "told")

    def __init__(self, tags: ThinkTags | None = None) -> None:
        self.tags = tags
        """Splits thoughts off its text; None where, or once, there are none in it."""
        self.begun = False
        self.calls: list[_ToolCall] = []
        self.told = 0
        self.by_index: dict[int, _ToolCall] = {}
        self.finish: str | None = None
        self.native_finish: str | None = None
        self.extras: JSON = {}
        self.details: list[JSON] = []
        self.parts: list[JSON] = []

    def keep(self, extras: JSON) -> None:
        """Take up what no delta has a place for."""
        for key, value in extras.items():
            if key == "reasoning_details":
                _merge_details(self.details, value)
            elif key != "padding":
                self.extras[key] = value


class Decoder(BaseDecoder):
    """A streamed chat completion.

    Finish reasons and usage come in one last chunk, whatever order the server has: some repeat the reason, some give
    usage before it, after it or on every chunk.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call, FRAMING())
        self._choices: dict[int, _Choice] = {}
        self._usage: JSON | None = None
        self._top: JSON = {}
        self._plain = False  # whether chunks of text alone may take the short way

    def _read(self, event: Any, chunks: list[Any]) -> None:
        if self._plain and (text := _plain_text(event)) is not None:
            if text:
                choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
                chunks.append({**self.head, "choices": [choice]})
            return
        self._read_any(event, chunks)

    def _read_any(self, event: JSON, chunks: list[Chunk]) -> None:
        raise_error(self.call, event)
        if not self._begun and not chunks:
            self.head |= {key: event[key] for key in ("id", "model") if event.get(key)}
            self.head["created"] = whole(event.get("created")) or self.head["created"]
        usage = _native_usage(event)
        if usage and usage.get("prompt_tokens") is not None:
            self._usage = usage
        self._top |= _top_fields(event)
        choices = [choice for native in as_list(event.get("choices")) if (choice := self._choice(native))]
        if choices:
            chunks.append(self._chunk(choices))
            self._plain = len(self._choices) == 1 and 0 in self._choices and self._choices[0].tags is None

    def _choice(self, native: JSON) -> JSON | None:
        """What one native choice adds, None where it adds nothing yet."""
        raise_broken(self.call, native)
        index = native.get("index") or 0
        choice = self._choices.get(index)
        if choice is None:
            tagged = self.call.route.quirks.get("think_tags")
            choice = self._choices[index] = _Choice(ThinkTags() if tagged else None)
        if native.get("finish_reason") is not None:
            choice.finish = native["finish_reason"] or choice.finish or ""
        choice.native_finish = native.get("native_finish_reason") or choice.native_finish
        wire = as_dict(native["delta"] if "delta" in native else native.get("message"))
        delta = self._delta(choice, wire)
        logprobs = native.get("logprobs")
        if len(delta) == 1 and delta["content"] is None and not logprobs:
            return None
        if not choice.begun:
            choice.begun = True
            delta = {"role": "assistant", **delta}
        out: JSON = {"index": index, "delta": delta, "finish_reason": None}
        if logprobs:
            out["logprobs"] = logprobs
        return out

    def _delta(self, choice: _Choice, wire: JSON) -> JSON:
        content = wire.get("content")
        text, reasoning = texts(wire)
        if content.__class__ is list:
            keep_parts(choice.parts, content)
        if choice.tags is not None:
            choice.tags, text, reasoning = untagged(choice.tags, text, reasoning)
        delta: JSON = {"content": text or None}
        if reasoning:
            delta["reasoning_content"] = reasoning
        for key in ("refusal", "annotations"):
            if wire.get(key):
                delta[key] = wire[key]
        if "tool_calls" in wire or "function_call" in wire:
            pieces = [piece for native in _wire_pieces(wire) if (piece := self._tool_piece(choice, native))]
            if pieces:
                delta["tool_calls"] = pieces
        choice.keep(_extras(wire, _MESSAGE_KEYS))
        return delta

    def _tool_piece(self, choice: _Choice, native: JSON) -> JSON | None:
        kind, text = ("custom", "input") if "custom" in native else ("function", "arguments")
        tool, function = _tool_for(choice, native), as_dict(native.get(kind))
        tool.kind = kind
        tool.id = tool.id or _id(native)
        tool.name = tool.name or function.get("name") or ""
        added = _arguments(function.get(text))
        tool.arguments += added
        extra = _kept_of_call(native)
        if tool.told:
            return {"index": tool.index, kind: {text: added}, **extra} if added or extra else None
        if not tool.name:
            return None
        tool.told = True
        tool.index, choice.told = choice.told, choice.told + 1
        if not tool.id or any(tool.id == other.id for other in choice.calls if other is not tool and other.told):
            tool.id = _generated_id(self.call, tool.index)
        named = {"name": tool.name, text: tool.arguments}
        return {"index": tool.index, "id": tool.id, "type": kind, kind: named, **extra}

    def _end(self, chunks: list[Chunk], *, marked: bool = False) -> None:
        if not self._choices or not (marked or any(choice.finish for choice in self._choices.values())):
            raise self.call.incomplete("the stream ended before the answer did")
        self.done = True
        choices = [self._last(index, choice) for index, choice in sorted(self._choices.items())]
        chunks.append(self._chunk(choices, usage=_usage(self._usage), **self._top))

    def _last(self, index: int, choice: _Choice) -> JSON:
        text, reasoning = choice.tags.close() if choice.tags else ("", "")
        delta: JSON = {} if choice.begun else {"role": "assistant"}
        delta |= {"content": text or None, **({"reasoning_content": reasoning} if reasoning else {})}
        silent = [tool for tool in choice.calls if tool.told and not tool.arguments and tool.kind == "function"]
        if silent:
            delta["tool_calls"] = [{"index": tool.index, "function": {"arguments": "{}"}} for tool in silent]
        kept = {"reasoning_details": choice.details, "content": choice.parts}
        extras = {**choice.extras, **{key: value for key, value in kept.items() if value}}
        if extras:
            delta["provider_fields"] = {"adapter": NAME, "message": extras}
        return {
            "index": index,
            "delta": delta,
            "finish_reason": finish_of(choice.finish, FINISH, choice.told > 0),
            "native_finish_reason": choice.native_finish or choice.finish or None,
        }


def _plain_text(event: JSON) -> str | None:
    """The text of an event that has nothing else, as nearly all of a stream; None where it may have more."""
    try:
        (native,) = event["choices"]
        delta = native["delta"]
        text = delta["content"]
    except (KeyError, TypeError, ValueError):
        return None
    if text.__class__ is not str or len(delta) > 1 or native.get("finish_reason") or native.get("index"):
        return None
    return None if native.get("logprobs") or native.get("error") or event.get("usage") else text


def _wire_pieces(wire: JSON) -> list[JSON]:
    function = wire.get("function_call")
    return [{"index": 0, "function": function}] if function else wire.get("tool_calls") or []


def _tool_for(choice: _Choice, native: JSON) -> _ToolCall:
    """The call that a piece belongs to: a new id begins a new call, even where the index stays the same."""
    id, at = _id(native), native.get("index")
    if at is None:
        last = choice.calls[-1] if choice.calls else None
        found = last if last and (not id or id == last.id) else None
        at = len(choice.calls)
    else:
        found = choice.by_index.get(at)
        named = as_dict(native.get("function") or native.get("custom")).get("name")
        if found and id and found.id and id != found.id and named:
            found = None
    if found is None:
        found = choice.by_index[at] = _ToolCall(id)
        choice.calls.append(found)
    return found


def _merge_details(details: list[JSON], pieces: list[JSON]) -> None:
    """Join the pieces of reasoning_details: those of one type and index are one detail."""
    for piece in pieces:
        last = details[-1] if details else {}
        if (last.get("type"), last.get("index")) != (piece.get("type"), piece.get("index")):
            details.append(dict(piece))
            continue
        for key, value in piece.items():
            if key in ("text", "summary", "data") and value:
                last[key] = (last.get(key) or "") + value
            elif value is not None:
                last[key] = value
