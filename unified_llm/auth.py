"""How keys and tokens travel, and who gives them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from unified_llm.catalog import Route
from unified_llm.config import checked_key, variable

GOOGLE = "oauth:google"
"""The `auth` of a provider that takes Google's tokens."""


class Token(Protocol):
    """A key that does not hold for ever; asked before each attempt."""

    def current(self) -> str | None:
        """The token, None where it must be obtained first."""
        ...

    @property
    def obtain(self) -> Callable[[], Any]:
        """Gives a token, or an awaitable of one; this may take a while."""
        ...

    def headers(self, token: str) -> dict[str, str]:
        """The headers that carry it."""
        ...

    def forget(self, token: str | None) -> None:
        """Give this one no more: it was refused."""
        ...


class CallersToken:
    """What the caller's function gives, such as `azure.identity.get_bearer_token_provider`: it knows when a token ends.

    Args:
        function: blocking or not; it is called before each attempt.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self.obtain = function

    def current(self) -> str | None:
        """Nothing: only the function knows."""
        return None

    def headers(self, token: Any) -> dict[str, str]:
        """The headers that carry it: always as a bearer token.

        Raises:
            AuthenticationError: the function gave no token.
        """
        return bearer(checked_key(token, "the token that the function of api_key= gave"))

    def forget(self, token: str | None) -> None:
        """Nothing is kept here."""


class HeldToken:
    """The token of a variable: a bearer token, where a key would have a header of its own."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        """The token."""
        return self._token

    obtain = current

    def headers(self, token: str) -> dict[str, str]:
        """The header that carries it."""
        return bearer(token)

    def forget(self, token: str | None) -> None:
        """There is no other."""


def token_of(route: Route, given: Any) -> Token | None:
    """What gives the tokens of a call, None where a key or a signature does instead.

    Args:
        route: whose.
        given: the `api_key` of the call.
    """
    if callable(given):
        return CallersToken(given)
    if held := variable(route.token_env):
        return HeldToken(checked_key(held, f"the token for {route.provider}", route))
    if route.auth == GOOGLE:
        from unified_llm import google_auth  # noqa: PLC0415 - for the few providers that take such tokens

        return google_auth.token()
    return None


def bearer(token: str) -> dict[str, str]:
    """The header of a bearer token."""
    return {"authorization": f"Bearer {token}"}


def basic(address: str) -> dict[str, str]:
    """The header for the user's name and the password in an address, empty where there are none (RFC 7617)."""
    parts = urlsplit(address)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def headers_of(route: Route, key: str | None) -> dict[str, str]:
    """The headers that carry a key: a bearer token, or the bare key in the header that the provider's row names.

    Where calls are signed (`sigv4:<service>`) or take a token (`oauth:google`), a key is an alternative to that, and
    a bearer token.
    """
    if key is None:
        return {}
    auth = route.format.get("auth", route.auth) if route.formats else route.auth
    return bearer(key) if auth == "bearer" or ":" in auth else {auth: key}
