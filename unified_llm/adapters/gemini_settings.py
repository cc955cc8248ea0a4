"""Settings as Gemini has them: generationConfig, thinking, tools, structured output.

https://ai.google.dev/api/generate-content#generationconfig, checked 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unified_llm.adapters.contract import Call, NoSchemaError
from unified_llm.adapters.gemini_contents import NAME, before_3
from unified_llm.adapters.gemini_schema import openapi_schema
from unified_llm.adapters.json_schema import is_checked
from unified_llm.adapters.server_tools import passed
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON

MOST_STOPS = 5
_NAMES = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "seed": "seed",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
_SAMPLING = ("temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty")
_ABSENT = ("logit_bias verbosity prediction store metadata prompt_cache_key user safety_identifier").split()


def generation_config(call: Call) -> JSON:
    """Everything that is a setting of the answer itself."""
    params = call.params
    config: JSON = {}
    limit = params.get("max_completion_tokens", params.get("max_tokens"))
    if limit is not None:
        config["maxOutputTokens"] = limit
    fixed = call.route.rules.get("sampling") == "none"
    for name, native in _NAMES.items():
        value = params.get(name)
        if value is None or value is False:
            continue
        if fixed and name in _SAMPLING:
            call.leave_out(name)
        else:
            config[native] = value
    stop = params.get("stop")
    if stop and call.route.rules.get("stop") is False:
        call.leave_out("stop")
    elif stop:
        config["stopSequences"] = _stop(call, [stop] if isinstance(stop, str) else list(stop))
    if params.get("n", 1) != 1:
        if fixed:  # Gemini 4, whose guide refuses candidateCount above 1 as well
            raise call.refusal(f"n is {params['n']}, but this model gives one answer to a call; call it that often")
        config["candidateCount"] = params["n"]
    _add_modalities(call, config)
    _add_format(call, config)
    _add_thinking(call, config)
    return config


def _stop(call: Call, stop: list[str]) -> list[str]:
    if len(stop) > MOST_STOPS:
        raise call.refusal(f"stop has {len(stop)} sequences; this API takes {MOST_STOPS}")
    return stop


def _add_modalities(call: Call, config: JSON) -> None:
    wanted = [str(kind).upper() for kind in as_list(call.params.get("modalities"))]
    if wanted and wanted != ["TEXT"]:
        config["responseModalities"] = wanted
    if voice := as_dict(call.params.get("audio")).get("voice"):
        config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
    if as_dict(call.params.get("audio")).get("format"):
        call.leave_out("audio.format", "this API has no such parameter")


def _schema(call: Call, schema: JSON, report: Callable[[str], None]) -> JSON:
    try:
        return openapi_schema(schema, report)
    except RecursionError as error:
        raise call.refusal(f"the JSON schema has {error}; write it otherwise") from error


def _takes_json_schema(call: Call) -> bool:
    """Models before 2.5, the first that could be told how many tokens to think, know the OpenAPI subset alone."""
    return not before_3(call) or "thinking_budget" in call.route.rules


def _add_format(call: Call, config: JSON) -> None:
    format = call.params.get("response_format")
    if not format or format["type"] == "text":
        return
    if before_3(call) and call.params.get("tools"):
        raise call.refusal("this model takes no response_format together with tools", NoSchemaError)
    config["responseMimeType"] = "application/json"
    if format["type"] == "json_object":
        return
    if call.route.rules.get("schema") is False:
        raise call.refusal("this model cannot be held to a JSON schema", NoSchemaError)
    schema = format["json_schema"].get("schema") or {"type": "object"}
    if _takes_json_schema(call):
        config["responseJsonSchema"] = schema
    else:
        checked = is_checked(format)  # what the model does not know is then checked here
        config["responseSchema"] = _schema(call, schema, (lambda _: None) if checked else call.adjust)


# --- thinking ------------------------------------------------------------------------------------------------------

_BUDGETS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24576}
"""Tokens of thinking that stand for an effort; what is above them all is the most that the model takes."""


def _add_thinking(call: Call, config: JSON) -> None:
    """`reasoning_effort` as a level or as a budget, whichever the family has; thoughts are then asked for, too."""
    effort, given = call.params.get("reasoning_effort"), call.params.get("thinking")
    if given is not None and (thinking := _given_thinking(call, as_dict(given))):
        config["thinkingConfig"] = thinking
    elif effort is not None and (thinking := _effort(call, effort)):
        config["thinkingConfig"] = thinking if effort == "none" else {**thinking, "includeThoughts": True}


def _effort(call: Call, effort: str) -> JSON:
    """An effort in the model's own form, empty where it has none."""
    rules = call.route.rules
    if "thinking_budget" in rules:
        return {"thinkingBudget": _budget(call, effort)}
    if rules.get("reasoning") == "none":
        if effort != "none":
            call.leave_out("reasoning_effort")
        return {}
    if effort == "none" and not rules.get("efforts"):
        call.leave_out("reasoning_effort", "this API has no level below the lowest")
        return {}
    return {"thinkingLevel": call.nearest_effort(effort).upper()}


def _budget(call: Call, effort: str) -> int:
    least, most = call.route.rules.get("thinking_budget", [0, 0])
    if effort != "none":
        return max(least, min(most, _BUDGETS.get(effort, most)))
    if call.route.rules.get("reasoning") != "always":
        return 0
    call.adjust(f"reasoning_effort 'none' became a budget of {least} tokens: {call.route.model} always reasons")
    return least


def _given_thinking(call: Call, given: JSON) -> JSON:
    """A `thinking` of the caller: Gemini's own thinkingConfig as it is, Anthropic's form as a budget."""
    if "type" not in given:
        return given
    rules = call.route.rules
    if "thinking_budget" in rules:
        if given["type"] == "disabled":
            return {"thinkingBudget": _budget(call, "none")}
        return {"thinkingBudget": given.get("budget_tokens", -1), "includeThoughts": True}
    if not (given["type"] == "disabled" and rules.get("reasoning") == "none"):
        call.leave_out("thinking", f"{call.route.model} knows reasoning_effort instead")
    return {}


# --- tools ---------------------------------------------------------------------------------------------------------


def render_tools(call: Call, body: JSON) -> None:
    """Put tools and what chooses between them into the body."""
    tools, choice = call.chosen_tools()
    if not tools:
        return
    functions = [tool["function"] for tool in tools if _is_function(tool)]
    native = [passed(call, tool, NAME) for tool in tools if not _is_function(tool)]
    if functions and native and before_3(call):
        raise call.refusal("this model takes no functions together with the API's own tools; give one kind")
    for tool in filter(_is_function, tools):
        call.report_tool_fields(tool)
    if call.params.get("parallel_tool_calls") is False:
        call.leave_out("parallel_tool_calls", "this API has no such parameter")
    if functions:
        _choose(call, body, functions, choice)
        body["tools"] = [{"functionDeclarations": [_declaration(call, function) for function in functions]}, *native]
    else:
        body["tools"] = native


def _declaration(call: Call, function: JSON) -> JSON:
    out: JSON = {"name": function["name"]}
    if function.get("description"):
        out["description"] = function["description"]
    schema = as_dict(function.get("parameters"))
    if not schema.get("properties") and schema.keys() <= {"type", "properties", "required", "additionalProperties"}:
        return out  # {"type": "OBJECT", "properties": {}} is refused by older models
    if _takes_json_schema(call):
        out["parametersJsonSchema"] = schema
    else:
        out["parameters"] = _schema(call, schema, call.adjust)
    return out


def _is_function(tool: JSON) -> bool:
    return "function" in tool and tool.get("type", "function") == "function"


def _choose(call: Call, body: JSON, functions: list[JSON], choice: Any) -> None:
    """Set the mode of calling.

    A schema that is to be kept strictly is kept in the mode VALIDATED, which is AUTO with that: it holds for all.
    """
    config: JSON = {}
    if choice == "none":
        config["mode"] = "NONE"
    elif choice in ("auto", None):
        if any(function.get("strict") for function in functions):
            config["mode"] = "VALIDATED"
        elif choice:
            config["mode"] = "AUTO"
    else:
        if call.route.rules.get("forced_tools") == "none":
            raise call.refusal("this model cannot be forced to call a tool; tool_choice 'auto' and 'none' work")
        config["mode"] = "ANY"
        if choice != "required":
            config["allowedFunctionNames"] = [choice["function"]["name"]]
    if config:
        body["toolConfig"] = {"functionCallingConfig": config}


_TIERS = {"default": "standard", "standard": "standard", "flex": "flex", "priority": "priority"}


def render_rest(call: Call, body: JSON) -> None:
    """Report what has no place here, and set the tier."""
    call.leave_out_all(_ABSENT)
    if call.params.get("web_search_options") is not None:
        raise call.refusal("web_search_options is OpenAI's; give the tool {'googleSearch': {}}")
    tier = call.params.get("service_tier")
    if tier in _TIERS:
        body["serviceTier"] = _TIERS[tier]
    elif tier not in (None, "auto"):
        call.leave_out("service_tier", f"{tier!r} is none of auto, default, flex, priority")
