"""The caller's keyword arguments, checked before anything is rendered."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, NamedTuple, cast

from unified_llm.errors import BadRequestError, shown
from unified_llm.formats import format_of
from unified_llm.json_codec import plain
from unified_llm.types import EFFORTS, JSON, CompletionOptions

OWN = frozenset(
    "api_key base_url adapter timeout max_retries extra_headers extra_body client strict structured_mode "
    "max_validation_retries fetch_media".split()
)
"""Parameters that steer the call and are no part of the request."""

STRUCTURED_MODES = (None, "native", "tool", "json_object", "prompt")
"""How the form of the answer may be asked for."""

KNOWN = frozenset(CompletionOptions.__annotations__)


def check(options: Mapping[str, Any]) -> JSON:
    """The parameters of the request: those given, under OpenAI's names.

    Raises:
        TypeError: a name that does not exist, with the nearest that does.
        BadRequestError: a value that no provider could take.
    """
    unknown = options.keys() - KNOWN
    if unknown:
        raise _unknown(min(unknown))
    if not options.keys().isdisjoint(_CHECKED_OWN):
        _check_own(options)
    params = {name: value for name, value in options.items() if value is not None and name not in OWN}
    for name, value in params.items():
        if (kind := _KINDS.get(name)) and value.__class__ not in kind.classes:
            _check_kind(name, value, kind)
    for name, checked in _CHECKS.items():
        if name in params:
            checked(params, params[name])
    return params


class _Kind(NamedTuple):
    """What a parameter may be: its classes, what else they may be derived from, and the words for it."""

    classes: tuple[type, ...]
    words: str


_KINDS: dict[str, _Kind] = {
    **dict.fromkeys(
        "temperature top_p top_k seed frequency_penalty presence_penalty top_logprobs".split(),
        _Kind((int, float), "a number"),
    ),
    **dict.fromkeys("parallel_tool_calls store".split(), _Kind((bool,), "True or False")),
    **dict.fromkeys(
        "verbosity service_tier user safety_identifier prompt_cache_key".split(), _Kind((str,), "a string")
    ),
    **dict.fromkeys(
        "thinking logit_bias metadata audio prediction web_search_options stream_options".split(),
        _Kind((dict, Mapping), "a dict"),
    ),
    "logprobs": _Kind((bool, int), "True or False"),
    "modalities": _Kind((list, tuple), "a list of strings"),
}


def _check_kind(name: str, value: Any, kind: _Kind) -> None:
    """Refuse what is no number, no string, no dict where such a one is wanted, whatever it is derived from."""
    wrong = isinstance(value, bool) if bool not in kind.classes else False
    if wrong or not isinstance(value, kind.classes):
        raise BadRequestError(f"{name} is {shown(value)}; give {kind.words}")


_CHECKED_OWN = frozenset(
    ("max_retries", "max_validation_retries", "structured_mode", "timeout", "extra_headers", "extra_body")
)


def _check_own(options: Mapping[str, Any]) -> None:
    for name in ("max_retries", "max_validation_retries"):
        most = options.get(name)
        if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 0):
            raise BadRequestError(f"{name} is {shown(most)}; give a whole number, 0 for none")
    if (mode := options.get("structured_mode")) not in STRUCTURED_MODES:
        raise BadRequestError(f"structured_mode is {shown(mode)}; it must be native, tool, json_object or prompt")
    timeout = options.get("timeout")
    if isinstance(timeout, (int, float)) and not 0 < timeout <= _LONGEST_TIMEOUT:
        raise BadRequestError(f"timeout is {shown(timeout)}; give seconds, or httpx.Timeout(None) to wait for ever")
    if not isinstance(timeout, (int, float, NoneType)) and not hasattr(timeout, "as_dict"):
        raise BadRequestError(f"timeout is {shown(timeout)}; give seconds or an httpx.Timeout")
    for name in ("extra_headers", "extra_body"):
        if not isinstance(options.get(name), (Mapping, NoneType)):
            raise BadRequestError(f"{name} is {type(options[name]).__name__}; give a dict")
    if headers := options.get("extra_headers"):
        _check_headers(headers)


_LONGEST_TIMEOUT = 1e9
"""Seconds; sockets know no longer ones, nor infinity."""


def _check_headers(headers: Mapping[Any, Any]) -> None:
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER.fullmatch(name):
            raise BadRequestError(f"extra_headers has the name {name!r}, which is none for a header")
        if not isinstance(value, str):
            raise BadRequestError(f"the header {name!r} is {type(value).__name__}; give a string")
        if value != value.strip() or not value.isascii() or not value.replace("\t", " ").isprintable():
            # its value may be a secret
            raise BadRequestError(f"the header {name!r} has a character that no header can carry, or space around it")


_HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
"""A token, as RFC 9110 has it (5.6.2)."""


def _unknown(name: str) -> TypeError:
    near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return TypeError(f"completion() has no parameter {name!r}{hint} What only one provider knows goes into extra_body.")


def _stop(params: JSON, stop: Any) -> None:
    """An empty stop is no stop: providers refuse it."""
    sequences: Any = [stop] if isinstance(stop, str) else stop
    if not isinstance(sequences, (list, tuple)) or not all(isinstance(s, str) for s in cast("list[Any]", sequences)):
        raise BadRequestError(f"stop is {shown(stop)}; give a string or a list of strings")
    params["stop"] = stop if isinstance(stop, str) else [sequence for sequence in stop if sequence]
    if not params["stop"]:
        del params["stop"]


def _stop_sequences(params: JSON, stop: Any) -> None:
    del params["stop_sequences"]
    if "stop" in params:
        raise BadRequestError("stop and stop_sequences are two names of one parameter; give one of them")
    _stop(params, stop)


def _tools(params: JSON, tools: Any) -> None:
    if not isinstance(tools, Sequence) or isinstance(tools, str):
        raise BadRequestError(f"tools is {type(tools).__name__}; give a list of tool dicts, functions or classes")
    params["tools"] = [_tool(tool, index) for index, tool in enumerate(cast("Sequence[Any]", tools))]


def _tool(tool: Any, index: int) -> JSON:
    """A tool dict: the given one, that of a function or a class, or OpenAI's form of Anthropic's."""
    if not isinstance(tool, Mapping):
        if not callable(tool):
            raise BadRequestError(f"tools[{index}] is {type(tool).__name__}; give a tool dict, a function or a class")
        from unified_llm.tool_schema import tool_of  # noqa: PLC0415 - loads pydantic

        return tool_of(tool)
    given = cast("JSON", tool if isinstance(tool, dict) else plain(tool))
    function: Any = given.get("function")
    if function is None and "name" in given and "input_schema" in given:
        given = _function(given)
        function = given["function"]
    if function is not None:
        _check_function(function, f"the function of tools[{index}]")
    return given


def _check_function(function: Any, place: str) -> None:
    named = cast("Mapping[str, Any]", function if isinstance(function, Mapping) else {})
    if not isinstance(named.get("name"), str):
        raise BadRequestError(f"{place} has no name")
    for key, kind in (("parameters", Mapping), ("description", str)):
        if not isinstance(named.get(key), (kind, NoneType)):
            raise BadRequestError(f"{place} has {key} of type {type(named[key]).__name__}")


_NATIVE_FUNCTION = {"name": "name", "description": "description", "input_schema": "parameters", "strict": "strict"}


def _function(given: JSON) -> JSON:
    """OpenAI's form of a client tool in Anthropic's; what only Claude knows of it stays beside the function."""
    function = {new: given[old] for old, new in _NATIVE_FUNCTION.items() if old in given}
    rest = {key: value for key, value in given.items() if key not in _NATIVE_FUNCTION and key != "type"}
    return {"type": "function", "function": function, **rest}


_NATIVE_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def _tool_choice(params: JSON, choice: Any) -> None:
    """OpenAI's form of a choice: of Anthropic's (`{"type": "tool", "name": ...}`), the Responses API's, or a tool."""
    if callable(choice):
        from unified_llm.tool_schema import name_of  # noqa: PLC0415 - loads pydantic

        params["tool_choice"] = {"type": "function", "function": {"name": name_of(choice)}}
    elif isinstance(choice, Mapping):
        given = cast("JSON", choice)
        params["tool_choice"] = _dict_choice(given)
        if given.get("disable_parallel_tool_use"):
            params["parallel_tool_calls"] = False
    elif choice not in ("auto", "none", "required"):
        raise BadRequestError(
            f"tool_choice is {shown(choice)}; it must be auto, none, required, or a dict that names a tool"
        )


def _dict_choice(given: JSON) -> str | JSON:
    """OpenAI's form of a choice; one of a kind that is not known here is of a tool that the provider runs itself."""
    kind, name = given.get("type"), given.get("name")
    if isinstance(kind, str) and kind in _NATIVE_CHOICES:
        return _NATIVE_CHOICES[kind]
    if kind == "allowed_tools":
        return _allowed(given)
    if kind in ("tool", "function", "custom", None):
        nested = "function" if kind in ("tool", None) else kind
        if nested in given:
            return {"type": nested, nested: given[nested]}
        if name and kind:
            return {"type": nested, nested: {"name": name}}
    elif isinstance(kind, str):
        return given
    raise BadRequestError(
        f"tool_choice is {shown(given)}; to name a tool give {{'type': 'function', 'function': {{'name': ...}}}}"
    )


def _allowed(given: JSON) -> JSON:
    """The tools that may be called, as chat completions has them: a level lower than Responses."""
    nested = given.get("allowed_tools", given)
    inner = cast("JSON", nested) if isinstance(nested, Mapping) else {}
    mode, tools = inner.get("mode"), inner.get("tools")
    listed: list[Any] = cast("list[Any]", tools) if isinstance(tools, list | tuple) else [tools]
    if mode not in ("auto", "required") or not all(isinstance(one, Mapping) for one in listed):
        raise BadRequestError(
            f"tool_choice is {shown(given)}; allowed_tools needs 'mode': 'auto' or 'required', and 'tools': a list of "
            "dicts"
        )
    named = [_dict_choice(one) if one.get("type") in ("function", "custom") else one for one in listed]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}}


def _response_format(params: JSON, format: Any) -> None:
    params["response_format"] = format_of(format)


def _thinking(params: JSON, thinking: Any) -> None:
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, (int, NoneType)) or isinstance(budget, bool):
        raise BadRequestError(f"the budget_tokens of thinking is {shown(budget)}; give a whole number")


def _effort(params: JSON, effort: Any) -> None:
    if effort not in EFFORTS:
        raise BadRequestError(f"reasoning_effort is {shown(effort)}; it must be one of {', '.join(EFFORTS)}")


def _limit(params: JSON, most: Any) -> None:
    if not isinstance(most, int) or isinstance(most, bool) or most < 0:
        raise BadRequestError(f"the limit of tokens is {shown(most)}; give a whole number")


def _count(params: JSON, count: Any) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise BadRequestError(f"n is {shown(count)}; give the number of answers that you want")


def _cache(params: JSON, cache: Any) -> None:
    if cache != "auto":
        raise BadRequestError(
            f"cache is {shown(cache)}; give 'auto', or put cache_control into parts, messages and tools"
        )


_CHECKS = {
    "stop": _stop,
    "stop_sequences": _stop_sequences,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "response_format": _response_format,
    "reasoning_effort": _effort,
    "thinking": _thinking,
    "n": _count,
    "cache": _cache,
    "max_tokens": _limit,
    "max_completion_tokens": _limit,
}
