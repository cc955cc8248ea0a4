"""Settings and tools, as Converse takes them.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, checked 2026-11-21. What only some
models have goes into `additionalModelRequestFields`, under the names of the model's vendor.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import cast

from unified_llm import json_codec
from unified_llm.adapters.anthropic_blocks import NAME as CLAUDES
from unified_llm.adapters.anthropic_settings import render_reasoning, render_sampling
from unified_llm.adapters.bedrock_blocks import NAME, cache_point, client_tool
from unified_llm.adapters.bedrock_runtime import TIERS
from unified_llm.adapters.contract import Call, NoSchemaError
from unified_llm.adapters.json_schema import anthropic_schema
from unified_llm.adapters.server_tools import foreign, form_of
from unified_llm.catalog import Rules
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON

DEFAULT_MAX_TOKENS = 4096
"""Claude's limit where neither the caller nor the catalog says one: its thinking budget must be held against it."""

_INFERENCE = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}


def render_inference(call: Call, body: JSON) -> None:
    """Put limits, sampling and reasoning into `inferenceConfig` and `additionalModelRequestFields`."""
    settings = _claude_settings(call) if "claude" in call.route.model else _other_settings(call)
    inference = {_INFERENCE[name]: settings.pop(name) for name in _INFERENCE if name in settings}
    if inference:
        body["inferenceConfig"] = inference
    if settings:
        body["additionalModelRequestFields"] = settings


def _limit(call: Call) -> int | None:
    return call.params.get("max_tokens", call.params.get("max_completion_tokens")) or call.route.max_output


def _claude_settings(call: Call) -> JSON:
    """The settings under Anthropic's names: Claude's rules hold whoever hosts it."""
    limit = _limit(call)
    if limit is None:
        call.warnings.append(
            f"max_tokens was set to {DEFAULT_MAX_TOKENS}: the most that {call.route.model} takes is not in the catalog"
        )
    settings: JSON = {"max_tokens": limit or DEFAULT_MAX_TOKENS}
    shown = replace(call, messages=[_with_thought(message) for message in call.messages])
    render_sampling(shown, settings)
    render_reasoning(shown, settings)
    return settings


def _with_thought(message: JSON) -> JSON:
    """An answer of this format that begins with its thoughts, in the form in which Claude's rules look for them."""
    fields = as_dict(message.get("provider_fields"))
    blocks = as_list(fields.get("content")) if fields.get("adapter") == NAME else []
    thought = bool(blocks) and "reasoningContent" in blocks[0]
    return {**message, "content": [{"type": "thinking"}]} if thought else message


def _other_settings(call: Call) -> JSON:
    limit = _limit(call)
    settings: JSON = {} if limit is None else {"max_tokens": limit}
    render_sampling(call, settings)
    if "top_k" in settings:
        most = settings.pop("top_k")
        if "amazon.nova" in call.route.model:
            settings["inferenceConfig"] = {"topK": most}
        else:
            call.leave_out("top_k", "Converse has no such field")
    if call.params.get("thinking") is not None:
        call.leave_out("thinking", "only Claude takes it")
    if call.params.get("reasoning_effort") is not None:
        _render_effort(call, settings, call.params["reasoning_effort"])
    return settings


_THREE = ["low", "medium", "high"]


def _render_effort(call: Call, settings: JSON, effort: str) -> None:
    model = call.route.model
    if "nova-2" in model:
        if effort == "none":
            settings["reasoningConfig"] = {"type": "disabled"}
            return
        level = _nearest(call, effort)
        settings["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": level}
        for name in ("temperature", "top_p", "max_tokens"):
            if level == "high" and settings.pop(name, None) is not None and name in call.params:
                call.leave_out(name, f"{model} does not take it with high reasoning effort")
    elif "gpt-oss" in model:
        settings["reasoning_effort"] = _nearest(call, effort)
    elif "openai.gpt-" in model:
        settings["reasoning"] = {"effort": call.nearest_effort(effort)}
    elif effort != "none":
        call.leave_out("reasoning_effort")


def _nearest(call: Call, effort: str) -> str:
    """The nearest of three levels, or of those that the catalog has for the model."""
    levels = call.route.rules.get("efforts") or _THREE
    rules = cast("Rules", {**call.route.rules, "efforts": levels})
    return replace(call, route=replace(call.route, rules=rules)).nearest_effort(effort)


# --- tools ----------------------------------------------------------------------------------------------------------


def render_tools(call: Call, body: JSON) -> None:
    """Put the tools and the choice between them into `toolConfig`."""
    chosen, choice = call.chosen_tools()
    tools = [spec for tool in chosen for spec in _specs(call, tool)]
    used = _used_tools(body["messages"])
    if choice == "none":
        if used:
            call.adjust(
                "tool_choice none was left out: Converse has no such choice, and wants the tools of the history"
            )
        else:
            call.warnings.append("tools were left out with tool_choice none, which Converse cannot say")
            tools = []
        choice = None
    if used and not tools:
        # "The toolConfig field must be defined when using toolUse and toolResult content blocks"
        call.adjust("the tools that the history has calls of were sent by their names, since Converse wants them")
        tools = [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}} for name in used]
    if tools:
        body["toolConfig"] = {"tools": tools, **_tool_choice(call, body, choice)}
        if call.params.get("parallel_tool_calls") is False and call.params.get("tools"):
            call.leave_out("parallel_tool_calls", "Converse has no such field")


def _specs(call: Call, tool: JSON) -> list[JSON]:
    if "function" not in tool or tool.get("type", "function") != "function":
        own = {key: tool[key] for key in ("toolSpec", "systemTool", "cachePoint") if key in tool}
        if own:
            return [own]
        if "claude" in call.route.model and form_of(tool) == CLAUDES:
            raise call.refusal(
                f"Converse has no tool of type {tool['type']!r}; InvokeModel takes Claude's own tools "
                "(adapter='bedrock_invoke')"
            )
        raise foreign(call, tool, NAME)
    function = tool["function"]
    spec: JSON = {"name": function["name"]}
    if function.get("description"):
        spec["description"] = function["description"]
    schema = as_dict(function.get("parameters"))
    spec["inputSchema"] = {"json": {"type": "object", "properties": {}, **schema}}
    if function.get("strict") is not None:
        spec["strict"] = function["strict"]
    return [{"toolSpec": spec}, *([cache_point(tool)] if "cache_control" in tool else [])]


def _used_tools(messages: list[JSON]) -> list[str]:
    """The names of the tools that the conversation has calls of, once each."""
    uses = [client_tool(block) for message in messages for block in message["content"]]
    return list(dict.fromkeys(use["name"] for use in uses if use))


def _tool_choice(call: Call, body: JSON, choice: str | JSON | None) -> JSON:
    if choice is None or choice == "auto":
        return {} if choice is None else {"toolChoice": {"auto": {}}}
    forced = call.route.rules.get("forced_tools", "any")
    thinking = as_dict(as_dict(body.get("additionalModelRequestFields")).get("thinking"))
    thinks = thinking.get("type") == "enabled"
    if forced == "none" or (forced == "without_thinking" and thinks):
        raise call.refusal(f"this model cannot be forced to call a tool{' while it thinks' if thinks else ''}")
    name = as_dict(as_dict(choice).get("function")).get("name")
    return {"toolChoice": {"tool": {"name": name}} if name else {"any": {}}}


# --- the rest -------------------------------------------------------------------------------------------------------


def render_format(call: Call, body: JSON) -> None:
    """Put a JSON schema for the answer into `outputConfig`, where it is text."""
    format = call.params.get("response_format")
    if not format or format["type"] == "text":
        return
    if format["type"] != "json_schema":
        raise call.refusal("response_format json_object does not exist here", NoSchemaError)
    if call.route.rules.get("schema") is False or "schema" in call.route.facts.get("lacks", ()):
        raise call.refusal("this model cannot be held to a JSON schema", NoSchemaError)
    given: JSON = format["json_schema"]
    schema = anthropic_schema(call, format)
    named = {key: given[key] for key in ("name", "description") if given.get(key)}
    structure = {"jsonSchema": {"schema": json_codec.dumps(schema), **named}}
    body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": structure}}


_ABSENT = (
    "seed frequency_penalty presence_penalty logit_bias logprobs top_logprobs verbosity prediction store "
    "prompt_cache_key"
).split()
_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")


def render_rest(call: Call, body: JSON) -> None:
    """Refuse what Converse cannot do, and place or report the other parameters."""
    params = call.params
    call.refuse_several_answers()
    call.refuse_audio()
    if params.get("web_search_options") is not None:
        raise call.refusal(
            "web_search_options is OpenAI's; for Nova give the tool {'systemTool': {'name': 'nova_grounding'}}"
        )
    call.leave_out_all(_ABSENT)
    _render_metadata(call, body)
    tier = params.get("service_tier")
    if tier in TIERS:
        body["serviceTier"] = {"type": tier}
    elif tier not in (None, "auto"):  # without a tier the service decides, which is what auto asks for
        call.leave_out("service_tier", f"{tier!r} is none of {', '.join(TIERS)}")


def _render_metadata(call: Call, body: JSON) -> None:
    """Bring `metadata` and the user into `requestMetadata`, whose pattern is narrow."""
    metadata = as_dict(call.params.get("metadata"))
    user = call.params.get("user", call.params.get("safety_identifier"))
    pairs = {**metadata, **({"user": user} if user is not None else {})}
    fitting = {k: v for k, v in pairs.items() if _METADATA.fullmatch(k) and _METADATA.fullmatch(str(v))}
    for name in pairs.keys() - fitting.keys():
        call.leave_out(f"metadata {name!r}", "requestMetadata has no place for such characters")
    if fitting:
        body["requestMetadata"] = {name: str(value) for name, value in fitting.items()}
