"""Google's errors, in a status or inside a 200. https://ai.google.dev/gemini-api/docs/troubleshooting, 2026-11-21."""

from __future__ import annotations

from typing import Any

from unified_llm.errors import CONTEXT_WINDOW, OVERLOADED
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON

_TOO_LONG = ("input token count", "exceeds the maximum number of tokens")
SPENT = "insufficient_quota"
"""OpenAI's word for a quota that no short wait renews; the retries know it."""


def error_in(body: Any) -> JSON:
    """The error object of a body, which a streaming endpoint wraps in an array; empty where there is none."""
    outer = as_list(body)[0] if as_list(body) else body
    return as_dict(as_dict(outer).get("error"))


def explain(status: int, body: Any) -> tuple[str | None, str]:
    """The code and the message of an error body: the most telling of detail reason, quota and status."""
    error = error_in(body)
    if not error:
        outer = as_dict(body)
        return None, str(outer.get("error") or outer.get("message") or body or "no error message")
    message = str(error.get("message") or error)
    details = [as_dict(detail) for detail in as_list(error.get("details"))]
    code = next((str(detail["reason"]) for detail in details if detail.get("reason")), None) or error.get("status")
    if status == 400 and any(phrase in message for phrase in _TOO_LONG):
        code = CONTEXT_WINDOW
    elif status == 429 and any("PerDay" in str(detail.get("violations")) for detail in details):
        code = SPENT
    elif status == 503 and "overloaded" in message:
        code = OVERLOADED
    return code, message


_STATUS = {
    **dict.fromkeys(("INVALID_ARGUMENT", "FAILED_PRECONDITION"), 400),
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


def status_in(error: JSON) -> int:
    """The HTTP status that an error inside a 200 stands for; 200 where it does not say."""
    code = error.get("code")
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return _STATUS.get(str(error.get("status")), 200)
