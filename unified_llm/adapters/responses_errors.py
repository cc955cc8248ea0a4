"""Errors of Responses, in a status or inside a 200: failed responses and error events.

https://platform.openai.com/docs/api-reference/responses/object#responses-object-error, checked 2026-11-21.
"""

from __future__ import annotations

from typing import Any

from unified_llm.adapters import openai_errors
from unified_llm.adapters.contract import Call
from unified_llm.errors import CONTENT_POLICY, APIStatusError
from unified_llm.json_codec import as_dict
from unified_llm.types import JSON

_BAD_REQUESTS = (
    "invalid_request_error invalid_prompt invalid_image invalid_image_format invalid_base64_image invalid_image_url "
    "invalid_image_mode image_too_large image_too_small image_parse_error image_file_too_large empty_image_file "
    "image_file_not_found unsupported_image_media_type failed_to_download_image data_residency_mismatch "
    "context_length_exceeded"
).split()
_POLICIES = (
    "bio_policy misalignment_policy_violation image_content_policy_violation content_policy_violation content_filter"
).split()
_STATUS = {
    **dict.fromkeys((*_BAD_REQUESTS, *_POLICIES), 400),
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    **dict.fromkeys(("rate_limit_exceeded", "rate_limit_error", "insufficient_quota", "tokens", "requests"), 429),
    **dict.fromkeys(("server_error", "internal_server_error", "api_error"), 500),
    "vector_store_timeout": 504,
    "overloaded_error": 529,
}


def explain(status: int, body: Any) -> tuple[str | None, str]:
    """The code and the message of an error body."""
    code, message = openai_errors.explain(status, body)
    return CONTENT_POLICY if code in _POLICIES else code, message


def raise_failed(call: Call, response: JSON) -> None:
    """Raise what a response says went wrong; one that was cancelled has no error of its own."""
    error, status = response.get("error"), response.get("status")
    if error or status in ("failed", "cancelled"):
        raise failure(call, error or {"message": f"the response was {status}", "code": status})


def failure(call: Call, error: Any) -> APIStatusError:
    """The error that an error object inside a 200 stands for."""
    fields = as_dict(error)
    word = next((word for key in ("code", "type") if (word := fields.get(key)) in _STATUS), None)
    status = _STATUS[word] if word else 500 if not fields.get("code") else 200
    return call.error(status, {"error": error}, explain)


def of_event(event: JSON) -> JSON:
    """The error object of an `error` event, which the API nests and its reference shows flat."""
    nested: JSON | None = event.get("error")
    return nested or {key: value for key, value in event.items() if key not in ("type", "sequence_number")}
