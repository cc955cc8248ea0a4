"""The request of a call, to be looked at and not sent."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Unpack

from unified_llm import json_codec
from unified_llm.adapters.contract import MediaNeeded, OneAnswerOnlyError
from unified_llm.api import prepare
from unified_llm.auth import basic
from unified_llm.catalog import Route, resolve
from unified_llm.config import variable
from unified_llm.errors import BadRequestError
from unified_llm.flow import Exchange
from unified_llm.secrecy import HIDDEN, KEY, public_url, secret, without_secrets
from unified_llm.sigv4 import ALGORITHM, region, service_of
from unified_llm.types import JSON, CompletionOptions, Messages

SIGNED = f"{ALGORITHM} {HIDDEN}"
"""Stands where the signature would."""


@dataclass(frozen=True, slots=True)
class RenderedRequest:
    """What a call would send.

    Attributes:
        provider: who is asked; its id in the catalog.
        model: the model's id, as the provider has it.
        adapter: the wire format.
        method: always POST.
        url: the address; secrets in it are hidden.
        headers: with lower-case names; `[key]` stands for the key, `[hidden]` for other secrets.
        body: the JSON body.
        content: the same as the bytes that are sent.
        warnings: what was left out of the request or adjusted, as `response["warnings"]` would say.
        key_variable: the environment variable that would hold the key; None where none is sent.
        signed_for: region and service (`us-east-1:bedrock`), where the call would be signed with the keys of AWS.
    """

    provider: str
    model: str
    adapter: str
    url: str
    headers: Mapping[str, str]
    body: JSON
    content: bytes
    warnings: tuple[str, ...] = ()
    method: str = "POST"
    key_variable: str | None = None
    signed_for: str | None = None

    def curl(self) -> str:
        """The request as a command for a shell, which takes the key from the environment.

        A signed one has curl sign it (7.75 or later), with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and
        AWS_SESSION_TOKEN where there is one.
        """
        lines = [f"curl --no-buffer --globoff {shlex.quote(self.url)}"]
        if self.signed_for:
            signature = shlex.quote(f"aws:amz:{self.signed_for}")
            lines.append(f'--aws-sigv4 {signature} --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"')
            lines.append('-H "x-amz-security-token: $AWS_SESSION_TOKEN"')
        lines += [f"-H {self._quoted(f'{name}: {value}')}" for name, value in self.headers.items() if value != SIGNED]
        lines.append(f"--data-binary @- <<'JSON'\n{self.content.decode()}\nJSON\n")
        return " \\\n  ".join(lines)

    def _quoted(self, header: str) -> str:
        """A header as a word of the shell, with the variable for the key."""
        before, key, _ = header.partition(KEY)
        return f'{shlex.quote(before)}"${self.key_variable}"' if key else shlex.quote(header)


def render_request(
    model: str, messages: Messages, stream: bool | None = False, **options: Unpack[CompletionOptions]
) -> RenderedRequest:
    """What `completion()` with these arguments would send, without sending anything.

    No key is needed, and none is shown. What must be known for the address is needed as for the call, such as a region.

    Args:
        model: as for `completion()`.
        messages: likewise.
        stream: likewise.
        **options: likewise; `client`, `timeout` and `max_retries` change nothing.

    Raises:
        TypeError: a parameter that does not exist.
        BadRequestError: a request that the model cannot take, or one for which media would have to be fetched first.

    Example:
        >>> request = render_request("claude-sonnet-4-5", "Hi", max_tokens=5)
        >>> request.url
        'https://api.anthropic.com/v1/messages'
        >>> request.headers["x-api-key"]
        '[key]'
        >>> request.body
        {'model': 'claude-sonnet-4-5', 'messages': [{'role': 'user', 'content': 'Hi'}], 'max_tokens': 5}
    """
    own: CompletionOptions = {**options, "api_key": _stand_in(model, options), "client": None}
    try:
        exchange = prepare(model, messages, bool(stream), own)
    except OneAnswerOnlyError:
        exchange = prepare(model, messages, bool(stream), {**own, "n": 1})
        exchange.call.warnings.append(f"n is {options.get('n')}: the request is sent that often")
    except MediaNeeded as needed:
        raise BadRequestError(
            f"{without_secrets(needed.url)!r} would be fetched before the call, and this sends nothing; give its "
            "data instead, or let the provider fetch it where it does"
        ) from None
    return _shown(exchange, options)


def _stand_in(model: str, options: CompletionOptions) -> Any:
    """What stands for the key: a function where a token would, which may travel in another header."""
    given = options.get("api_key")
    route = resolve(model, options.get("adapter"), options.get("base_url"))
    by_token = callable(given) or (not (given or variable(route.key_env)) and variable(route.token_env))
    return (lambda: KEY) if by_token else KEY


def _shown(exchange: Exchange, options: CompletionOptions) -> RenderedRequest:
    call, request = exchange.call, exchange.request
    route = call.route
    headers = {name: _public(name, value) for name, value in request.headers.items()}
    keyed, signed_for = _has_key(route, options), None
    if exchange.token is not None:
        headers |= exchange.token.headers(KEY)
    elif not keyed:
        headers = {name: value for name, value in headers.items() if KEY not in value}
        headers |= dict.fromkeys(basic(request.url), HIDDEN)
        if service := service_of(route.auth):
            headers["authorization"] = SIGNED
            signed_for = f"{region(request.url) or KEY}:{service}"
    return RenderedRequest(
        provider=route.provider,
        model=route.model,
        adapter=route.adapter,
        url=public_url(request.url),
        headers=MappingProxyType(headers),
        body=json_codec.loads(request.content),
        content=request.content,
        warnings=tuple(call.warnings),
        key_variable=_variable(route) if keyed else None,
        signed_for=signed_for,
    )


def _has_key(route: Route, options: CompletionOptions) -> bool:
    """Whether the call would carry a key or a token, or fail for want of one."""
    if options.get("api_key") or variable((*route.key_env, *route.token_env)):
        return True
    return not service_of(route.auth) and (":" in route.auth or not route.keyless)


def _variable(route: Route) -> str:
    """The variable that holds the key, or would."""
    names = (*route.key_env, *route.token_env)
    return next((name for name in names if variable((name,))), (*names, "API_KEY")[0])


def _public(name: str, value: str) -> str:
    return HIDDEN if KEY not in value and secret(name, value) else value
