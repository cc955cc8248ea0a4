"""What both Bedrock formats share: paths, errors, and the exceptions inside a stream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html, service model
2023-09-30, checked 2026-11-21.
"""

from __future__ import annotations

from typing import Any

from unified_llm import json_codec
from unified_llm.adapters.contract import Call
from unified_llm.errors import CONTEXT_WINDOW, APIError
from unified_llm.json_codec import as_dict
from unified_llm.types import JSON

ERROR_STATUS = {
    "ValidationException": 400,
    "ConflictException": 400,
    "ServiceQuotaExceededException": 400,
    "AccessDeniedException": 403,
    "UnrecognizedClientException": 403,
    "InvalidSignatureException": 403,
    "ExpiredTokenException": 403,
    "MissingAuthenticationTokenException": 403,
    "ResourceNotFoundException": 404,
    "UnknownOperationException": 404,
    "ModelTimeoutException": 408,
    "ModelErrorException": 424,
    "ModelStreamErrorException": 424,
    "ThrottlingException": 429,
    "ModelNotReadyException": 429,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
}
"""What an exception without a status of its own stands for; one that is not listed is a failure of the server."""

TIERS = ("priority", "default", "flex", "reserved")

_TOO_LONG = ("input is too long", "prompt is too long", "too many input tokens", "context window", "context length")

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:@!$&'()*+,;=")
"""What a segment of a path may have as it is (RFC 3986, pchar): encoded, yarl would decode it behind the signature."""


def model_path(call: Call, operation: str) -> str:
    """The path of an operation. An ARN's slashes are encoded, its colons stay."""
    model = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in call.route.model.encode())
    return f"/model/{model}/{operation}"


def explain(status: int, body: Any) -> tuple[str | None, str]:
    """The code and the message of an error body; the code is the type of the exception where the body has it."""
    error = as_dict(body)
    error = as_dict(error.get("Output")) or error
    kind = error.get("__type")
    code = _type_of(kind) if isinstance(kind, str) else None
    message = error.get("message") or error.get("Message") or error.get("originalMessage")
    text = str(message or code or body)
    if status == 400 and any(phrase in text.lower() for phrase in _TOO_LONG):
        code = CONTEXT_WINDOW
    return code, text


def failure(call: Call, event: JSON) -> APIError | None:
    """The error that a message of a stream stands for; None for an event that is none."""
    if told := event.get("exception"):
        kind = _type_of(told["type"])
        given = told["body"]
        body: JSON = {**(as_dict(given) or {"message": str(given)}), "__type": kind}
        return call.error(ERROR_STATUS.get(kind, 500), body, explain)
    if told := event.get("corrupt"):
        return call.invalid(told["why"], told["start"].encode())
    return None


def failed_whole(call: Call, body: JSON) -> APIError:
    """The error for a successful answer that is not what was asked for."""
    code, _ = explain(200, body)
    if code is not None or (body and set(body) <= {"message", "Message"}):
        return call.error(ERROR_STATUS.get(code or "", 500), body, explain)
    return call.invalid("the answer is not of this format", json_codec.dumps(body).encode())


def _type_of(kind: str) -> str:
    """One spelling of an exception's type: streams begin it small, bodies put a namespace before it."""
    name = kind.rpartition("#")[2].partition(":")[0]
    return name[:1].upper() + name[1:]
