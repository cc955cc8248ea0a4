"""Anthropic's errors, in a status or inside a 200. https://docs.anthropic.com/en/api/errors, checked 2026-11-21."""

from __future__ import annotations

from typing import Any

from unified_llm.adapters import bedrock_runtime, gemini_errors
from unified_llm.errors import CONTEXT_WINDOW
from unified_llm.json_codec import as_dict
from unified_llm.types import JSON

ERROR_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

_TOO_LONG = ("prompt is too long", "exceed context limit", "maximum context length", "context window", "context size")


def explain(status: int, body: Any) -> tuple[str | None, str]:
    """The code and the message of an error body."""
    given = as_dict(body).get("error")
    error = as_dict(given)
    if isinstance(body, list) or isinstance(error.get("status"), str):
        return gemini_errors.explain(status, body)  # the front end of Google's cloud, before Claude
    if given is None and isinstance(body, dict):
        return bedrock_runtime.explain(status, body)  # what a client of Amazon's was told, before Claude
    if not error:
        return None, str(given or body)
    code: str | None = error.get("type")
    message = error.get("message") or str(error)
    code = as_dict(error.get("details")).get("error_code") or code
    if status == 400 and any(phrase in message for phrase in _TOO_LONG):
        code = CONTEXT_WINDOW
    return code, message


def status_in(body: JSON) -> int:
    """The HTTP status that an error inside a 200 stands for; 200 where its type says none."""
    error = as_dict(body.get("error"))
    return ERROR_STATUS.get(error.get("type", "")) or gemini_errors.status_in(error)
