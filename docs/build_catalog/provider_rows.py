"""The providers of the facts, in the catalog's shape."""

from __future__ import annotations

from collections.abc import Iterable

from provider_tables import (
    ADAPTERS,
    DOCS,
    EXTRA_PROVIDERS,
    NOT_SHIPPED,
    ORGANISATIONS,
    PROVIDER_CHANGES,
    QUIRKS,
    TOKEN_COUNTS,
    URL_VARS,
)
from row import Row


def provider_row(facts: Row) -> Row:
    """One provider of the facts, in the catalog's shape."""
    changes = PROVIDER_CHANGES.get(facts["id"], {})
    row: Row = {
        "name": facts["name"],
        "url": facts["base_url"].replace("127.0.0.1", "localhost"),
        "url_vars": URL_VARS.get(facts["id"]),
        "url_env": facts.get("base_url_env"),
        "key_env": facts.get("env"),
        "keyless": facts.get("key_optional"),
        "auth": None if facts["auth"] == "bearer" else facts["auth"],
        "adapter": ADAPTERS[facts["dialect"]],
        **changes,
        "quirks": dict(sorted(QUIRKS.get(facts["id"], {}).items())),
        "token_counts": TOKEN_COUNTS.get(facts["id"]),
        "also": other_names(facts),
        "docs": DOCS.get(facts["id"], facts.get("docs")),
    }
    return {key: value for key, value in row.items() if value or (key in changes and value is not None)}


def other_names(facts: Row) -> list[str]:
    """The other names of a provider, without those that differ only in case, `_` and `-`."""
    folded = {facts["id"]: ""}
    for name in facts.get("aliases", []):
        if name in ORGANISATIONS:
            continue
        folded.setdefault(name.lower().replace("_", "-"), name)
    return [name for name in folded.values() if name]


def is_shipped(facts: Row) -> bool:
    """Whether the catalog has a row for a provider: a fixed address and a wire format that there is an adapter for."""
    if facts["dialect"] not in ADAPTERS or facts["id"] in NOT_SHIPPED:
        return False
    return "{" not in facts["base_url"] or facts["id"] in URL_VARS


def providers(facts: Iterable[Row]) -> dict[str, Row]:
    """Every provider row, by id."""
    rows = {row["id"]: provider_row(row) for row in facts if is_shipped(row)}
    for name, row in EXTRA_PROVIDERS.items():
        rows[name] = {**row, "quirks": QUIRKS[name]} if name in QUIRKS else row
    return dict(sorted(rows.items()))
