"""How a key travels."""

from __future__ import annotations

from unified_llm.catalog import Route


def headers_of(route: Route, key: str | None) -> dict[str, str]:
    """The headers that carry a key: a bearer token, or the bare key in the header that the provider's row names.

    Where calls are signed (`sigv4:<service>`), a key is an alternative to the signature and a bearer token.
    """
    if key is None:
        return {}
    is_header = route.auth != "bearer" and ":" not in route.auth
    return {route.auth: key} if is_header else {"authorization": f"Bearer {key}"}
