"""Secrets of a request: where they stand in it, and how what is shown goes without them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote, unquote, unquote_plus, urlsplit

KEY = "[key]"
"""Stands where the key would."""
HIDDEN = "[hidden]"
"""Stands where another secret would."""
SHORTEST = 8
"""What is shorter is no secret but a placeholder, and may be a part of any word."""

_NAME = re.compile(
    r"auth|(?<!idempotency-)key|secret|token|cookie|password|signature|credential|^sig$|^code$", re.IGNORECASE
)
_OF_A_KEY = re.compile(r"authorization|api-key", re.IGNORECASE)
_SCHEME = re.compile(r"(?:bearer|basic) \S", re.IGNORECASE)


def secret(name: str, value: str) -> bool:
    """Whether the value of a header or of a part of a query is nobody's business."""
    return bool(_NAME.search(name) or _SCHEME.match(value))


def secrets_of(url: str, headers: Mapping[str, str]) -> dict[str, str]:
    """What is secret in the address and the headers of a request, each with what stands for it."""
    written = [urlsplit(url).password or "", *(value for name, value in _query(url) if secret(name, value))]
    found = {form: HIDDEN for value in written for form in _forms(value)}
    for name, value in headers.items():
        if secret(name, value):
            found |= dict.fromkeys(_values(value), KEY if _OF_A_KEY.search(name) else HIDDEN)
    return {one: stand_in for one, stand_in in found.items() if len(one) >= SHORTEST}


def _forms(value: str) -> list[str]:
    """A part of a URL as it may be written, and as it may be read."""
    return [value, unquote(value), unquote_plus(value), quote(unquote(value), safe="")]


def _values(header: str) -> list[str]:
    """What is secret in a header: what comes behind its scheme, the values of cookies, or of AWS the signature."""
    if "Signature=" in header:
        return [header.rpartition("=")[2]]
    return [header, header.partition(" ")[2], *(pair.partition("=")[2] for pair in header.split("; "))]


def redacted(value: Any, secrets: Mapping[str, str]) -> Any:
    """A text or a parsed body without these secrets.

    Args:
        value: of any depth; it is not changed.
        secrets: what stands for each of them.
    """
    if isinstance(value, str):
        for one in sorted(secrets, key=len, reverse=True):  # one may be a part of another
            value = value.replace(one, secrets[one])
        return value
    if isinstance(value, dict):
        return {redacted(name, secrets): redacted(inner, secrets) for name, inner in cast("Any", value).items()}
    return [redacted(inner, secrets) for inner in cast("list[Any]", value)] if isinstance(value, list) else value


def shareable(response: Any, asked: Any) -> Any:
    """An `httpx.Response` for an error to carry: without what is secret in its request, also where it repeats that.

    Args:
        response: read to its end.
        asked: what it answers, as it went out.
    """
    url = str(asked.url)
    response.request = type(asked)("POST", public_url(url))
    secrets = secrets_of(url, asked.headers)
    if not any(one in response.text for one in secrets):
        return response
    headers = [pair for pair in response.headers.multi_items() if pair[0] not in _OF_THE_BODY]
    content = redacted(response.text, secrets).encode(response.encoding or "utf-8", "replace")
    return type(response)(response.status_code, headers=headers, content=content, request=response.request)


_OF_THE_BODY = ("content-length", "content-encoding", "transfer-encoding")


def public_url(url: str) -> str:
    """A URL with `[hidden]` in place of the secrets of its query, and of who asks."""
    parts = urlsplit(url)
    shown = parts
    _, at, host = parts.netloc.rpartition("@")
    if at:
        shown = shown._replace(netloc=f"{HIDDEN}@{host}")
    pairs = [f"{name}={HIDDEN}" if secret(name, value) else f"{name}={value}" for name, value in _query(url)]
    if HIDDEN in "".join(pairs):
        shown = shown._replace(query="&".join(pairs))
    return url if shown == parts else shown.geturl()


def without_secrets(url: str) -> str:
    """A URL as errors show it: its query may be a signature, and a user's name may have a password behind it."""
    return re.sub(r"(^|//)[^/@]*@", r"\1", re.split(r"[?#]", url)[0])[:200]


def _query(url: str) -> list[tuple[str, str]]:
    """Names and values of a query, as they are written."""
    pairs = [pair.partition("=") for pair in urlsplit(url).query.split("&") if pair]
    return [(name, value) for name, _, value in pairs]
