"""How a key travels."""

from __future__ import annotations

from unified_llm.catalog import Route


def headers_of(route: Route, key: str | None) -> dict[str, str]:
    """The headers that carry a key: a bearer token, or the bare key in the header that the provider's row names."""
    if key is None:
        return {}
    return {"authorization": f"Bearer {key}"} if route.auth == "bearer" else {route.auth: key}
