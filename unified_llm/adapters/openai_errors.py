"""Errors in all the shapes that servers of chat completions give them, in a status or inside a 200."""

from __future__ import annotations

from typing import Any

from unified_llm import json_codec
from unified_llm.adapters.contract import Call
from unified_llm.errors import CONTENT_POLICY, CONTEXT_WINDOW, OVERLOADED
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON

_TYPE_STATUS = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "server_error": 500,
    "internal_server_error": 500,
    "api_error": 500,
    "overloaded_error": 529,
}
_TOO_LONG = (
    "context_length_exceeded",
    "exceed_context_size",
    "maximum context length",
    "context length",
    "prompt is too long",
    "Range of input length should be",
    "reduce the length",
    "too many tokens",
    "input length",
)
_POLICY = (
    "content_filter",
    "content_policy_violation",
    "data_inspection_failed",
    "ResponsibleAIPolicyViolation",
    "1301",
)


def explain(status: int, body: Any) -> tuple[str | None, str]:
    """The code and the message of an error body, in any of the shapes that servers give."""
    outer = as_list(body)[0] if as_list(body) else body
    if not isinstance(outer, dict):
        return None, str(outer or "no error message")
    inner = as_dict(outer)
    given = inner.get("error") or inner.get("base_resp") or inner
    error = as_dict(given) or {**inner, "message": given}
    code = next((str(error[key]) for key in ("code", "error_code", "type", "status") if error.get(key)), None)
    message = _message(error)
    if status in (400, 413, 422) and any(phrase in f"{code} {error.get('type')} {message}" for phrase in _TOO_LONG):
        code = CONTEXT_WINDOW
    elif code in _POLICY:
        code = CONTENT_POLICY
    elif status == 503 and "overloaded" in f"{code} {error.get('type')}":
        code = OVERLOADED
    return code, message


def _message(error: JSON) -> str:
    return _words(error) or json_codec.dumps(error)


def _words(value: Any) -> str:
    """The first text where errors keep theirs."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return next((words for inner in as_list(value) if (words := _words(inner))), "")
    fields = as_dict(value)
    names = ("message", "msg", "error", "detail", "errors", "title", "status_msg")
    return next((words for name in names if name in fields and (words := _words(fields[name]))), "")


_BROKEN = ("error", "network_error", "insufficient_system_resource", "abort")
"""Finish reasons of an answer that the server could not finish (OpenRouter, Z.ai, DeepSeek, vLLM)."""


def raise_broken(call: Call, native: JSON) -> None:
    """Raise what one choice of a 200 says went wrong with it."""
    error, finish = native.get("error"), native.get("finish_reason")
    if error:
        raise call.error(_status_in(as_dict(error)), native, explain)  # with what had been answered until then
    if finish in _BROKEN:
        raise call.error(500, {"code": finish, "message": f"the server broke the answer off ({finish})"}, explain)


def raise_error(call: Call, event: JSON) -> None:
    """Raise what a 200 says went wrong: a truthy `error`, an error object, a failed base_resp, an error in x_groq."""
    error = event.get("error") or as_dict(event.get("x_groq")).get("error")
    failed = as_dict(event.get("base_resp")).get("status_code") or event.get("object") == "error"
    if error or failed:
        body: JSON = {"error": error} if error else event
        raise call.error(_status_in(as_dict(error) if error else event), body, explain)


def _status_in(error: JSON) -> int:
    """The HTTP status that an error inside a 200 stands for; 200 where it does not say."""
    for key in ("code", "status", "status_code"):
        value = error.get(key)
        status = int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else 0
        if 400 <= status < 600:
            return status
    return next((_TYPE_STATUS[word] for key in ("type", "code") if (word := error.get(key)) in _TYPE_STATUS), 200)
