"""The models of the facts, in the catalog's shape."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping

from model_tables import COMPLETIONS, CROWDED, FREE, LABS, MODEL_CHANGES, NO_CHAT, NO_MODELS, POINTERS
from price_tables import FACTORS, FEES, STACKING, THOUGHTS_ALONE
from provider_tables import QUIRKS
from row import DATE, Row

_WORDS = {
    "tools": "tools",
    "vision": "vision",
    "pdf": "pdf",
    "audio_in": "audio",
    "video_in": "video",
    "reasoning": "reasoning",
    "structured": "schema",
    "prompt_cache": "cache",
    "web_search": "search",
    "computer_use": "computer",
}
_RATES = {
    "in": "input",
    "out": "output",
    "cr": "cache_read",
    "cw": "cache_write",
    "cw1h": "cache_write_1h",
    "audio_in": "audio_input",
    "audio_out": "audio_output",
    "reason": "reasoning",
}
_SERVICES = ("batch", "flex", "priority")


def rates(facts: Mapping[str, float], free: bool) -> Row | None:
    """Prices in the catalog's words; a zero is a price only where the whole model is free."""
    if not facts.get("in") and not free:
        return None
    row = {word: facts[key] for key, word in _RATES.items() if facts.get(key) is not None and (facts[key] or free)}
    return row if "input" in row and "output" in row else None


def prices(facts: Row) -> Row | None:
    """A model's prices with its tiers."""
    price: Row = facts.get("price") or {}
    zero: bool = price.get("in") == 0 and price.get("out") == 0
    free = zero and re.search(FREE, f"{facts['provider']}/{facts['id']}") is not None
    row = rates(price, free)
    if row is None:
        return None
    if "reasoning" in row and not re.search(THOUGHTS_ALONE, facts["id"]):
        row["thinking_output"] = row.pop("reasoning")
    tiers = [{"above": tier["above"], **found} for tier in facts.get("tiers", ()) if (found := rates(tier, free))]
    more: Row = {
        "tiers": tiers,
        "services": services(facts, row),
        "off_peak": off_peak(facts.get("off_peak", {})),
        "fees": of_model(FEES, facts),
        "factors": of_model(FACTORS, facts),
    }
    return row | {key: value for key, value in more.items() if value}


def services(facts: Row, plain: Row) -> Row:
    """The rates of other service tiers, by their names; a kept cache is discounted in batches as all the rest is."""
    found: Row = {name: row for name in _SERVICES if (row := rates(facts.get(name, {}), free=False))}
    batch: Row = found.get("batch", {})
    hour = plain.get("cache_write_1h")
    if hour and facts["provider"] in STACKING and 2 * batch.get("input", 0) == plain["input"]:
        batch["cache_write_1h"] = hour / 2
    return found


def off_peak(facts: Row) -> Row | None:
    """The rates of the quiet hours, and when those are."""
    row = rates(facts, free=False)
    windows = [
        {"days": window["weekdays"], "hours": [hours(span) for span in listed(window["hours_utc"])]}
        for window in facts.get("windows", ())
    ]
    return row and {**row, "windows": windows}


def listed(value: str | list[str]) -> list[str]:
    """A list, where the facts have one value alone."""
    return [value] if isinstance(value, str) else value


def hours(span: str) -> list[str]:
    """Beginning and end of `04:00-06:00`; the facts end the day at 00:00."""
    begin, _, end = span.partition("-")
    return [begin, "24:00" if end == "00:00" else end]


def of_model(table: Mapping[str, Mapping[str, Row]], facts: Row) -> Row | None:
    """What a table of patterns has for a model; the first that fits counts."""
    patterns = table.get(facts["provider"], {})
    return next((found for pattern, found in patterns.items() if re.search(pattern, facts["id"])), None)


def status(facts: Row) -> str | None:
    """The model's status; the facts call some retired whose last day is still to come."""
    known = facts["status"]
    if known == "retired" and facts.get("deprecated", "") > DATE:
        return "deprecated"
    return known if known in {"deprecated", "retired"} else None


def capabilities(facts: Row) -> Row:
    """The capabilities that the facts know; some tables count a schema that is only sent as a forced tool."""
    caps: Row = facts.get("caps", {})
    by_tool = facts.get("shape", {}).get("native_structured") is False
    if caps.get("structured") and (by_tool or QUIRKS.get(facts["provider"], {}).get("schema") == "json_object"):
        return {**caps, "structured": False}
    return caps


def model_row(facts: Row) -> Row:
    """One model of the facts, in the catalog's shape."""
    caps = capabilities(facts)
    found: Row = {
        "context": facts.get("context"),
        "max_output": facts.get("max_out"),
        "price": prices(facts),
        "has": [word for key, word in _WORDS.items() if caps.get(key) is True],
        "lacks": [word for key, word in _WORDS.items() if caps.get(key) is False],
        "status": status(facts),
        "ends": facts.get("deprecated"),
        **MODEL_CHANGES.get((facts["provider"], facts["id"]), {}),
    }
    return {key: value for key, value in found.items() if value}


def best_spellings(facts: Iterable[Row]) -> set[tuple[str, str]]:
    """Each model once, where the facts have it in capitals and in small letters: as most sources write it."""
    best: dict[tuple[str, str], tuple[int, str]] = {}
    for row in facts:
        name = row["id"]
        key, rank = (row["provider"], name.lower()), (len(row["sources"]), name)
        if key not in best or (rank[0], name != name.lower()) > (best[key][0], best[key][1] != name.lower()):
            best[key] = rank
    return {(provider, name) for (provider, _), (_, name) in best.items()}


def is_listed(facts: Row) -> bool:
    """Whether a model of the facts is worth a row."""
    provider, name = facts["provider"], facts["id"]
    if facts["mode"] == "completion" and facts["dialect"] not in COMPLETIONS:
        return False
    if any(re.search(NO_CHAT[key], name, re.IGNORECASE) for key in ("", provider) if key in NO_CHAT):
        return False
    if provider in LABS:
        return facts["status"] != "unlisted"
    if facts["status"] not in {"active", "preview", "deprecated"}:
        return False
    sources = set(facts["sources"])
    return provider not in CROWDED or "pi" in sources or len(sources & {"genai", "litellm"}) == 2


def lint(row: Row) -> Iterable[str]:
    """What is impossible in a row; the part that it names is taken out."""
    context, most = row.get("context"), row.get("max_output")
    if context and most and most > context:
        yield "max_output"
    price = row.get("price")
    if price and price["input"] and price.get("cache_read", 0) > price["input"]:
        yield "price.cache_read"
    if price and price["input"] and price.get("cache_write", 0) > 2.5 * price["input"]:
        yield "price.cache_write"


def without(row: Row, faults: Iterable[str]) -> Row:
    """The row without the faulty parts."""
    for fault in faults:
        part, _, key = fault.partition(".")
        row = {**row, part: {k: v for k, v in row[part].items() if k != key}} if key else {**row}
        if not key:
            del row[part]
    return row


def report_difference(name: str, row: Row, target: Row) -> None:
    """Name on stderr a pointer whose own facts are not those of its target: it may have moved."""
    keys = [key for key in ("context", "max_output") if row.get(key, target.get(key)) != target.get(key)]
    if row.get("price", target.get("price", {}))["input"] != target["price"]["input"]:
        keys.append("price")
    if keys:
        sys.stderr.write(f"{name}: the facts differ from its target's in {', '.join(keys)}\n")


def models(facts: list[Row], shipped: Iterable[str]) -> dict[str, dict[str, Row]]:
    """Every model row, by provider and id."""
    wanted = set(shipped) - NO_MODELS
    spelled = best_spellings(facts)
    rows: dict[str, dict[str, Row]] = {}
    for fact in facts:
        provider, name = fact["provider"], fact["id"]
        if provider not in wanted or (provider, name) not in spelled or not is_listed(fact):
            continue
        row = model_row(fact)
        if faults := list(lint(row)):
            sys.stderr.write(f"{provider}/{name}: left out {', '.join(faults)}\n")
            row = without(row, faults)
        if row.keys() & {"price", "context", "max_output"}:
            rows.setdefault(provider, {})[name] = row
    for provider, names in POINTERS.items():
        for name, target in names.items():
            report_difference(f"{provider}/{name}", rows[provider].get(name, {}), rows[provider][target])
            rows[provider][name] = {"like": target}
    return {provider: dict(sorted(rows[provider].items())) for provider in sorted(rows)}
