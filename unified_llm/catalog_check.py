"""Whether a catalog file can be right, and what two of them differ in.

`findings` holds a file against the types of `catalog.py`, the quirks of the adapters, and what no provider can mean. It
is for whoever changes the catalog or writes an overlay; nothing here runs in a call.
"""

from __future__ import annotations

import json
import math
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NotRequired, cast

from unified_llm import adapters
from unified_llm.adapters import token_counts
from unified_llm.catalog import Catalog, Format, Model, Provider, Rules, folded, laid_over, nearest
from unified_llm.errors import BadRequestError
from unified_llm.pricing import Rates

JUMP = 2.5
"""A price that moves by more than this factor is most often a slip of the decimal point."""
MOST_FOR_A_CACHE_WRITE = 2.5
"""Writing to a cache costs at most this many times the plain tokens: an hour is 2 at Anthropic."""
CHEAPER = ("services.batch", "services.flex", "off_peak")
"""What nobody would use if it cost more than the plain service."""
CAPABILITIES = ("tools", "vision", "pdf", "audio", "video", "reasoning", "schema", "cache", "search", "computer")
_POINTERS = ("alias", "like")
_OPENAI_CHAT = "openai_chat"


class Change(NamedTuple):
    """One difference between two catalogs."""

    sign: typing.Literal["+", "-", "~"]
    """A row that was added, removed, or changed in this key."""
    row: str
    """Where it stands: `models.openai.gpt-4.1`."""
    key: str = ""
    """The key inside the row, `price.input`; empty for a whole row."""
    old: Any = None
    """The value before; None where the key was absent."""
    new: Any = None
    """The value now; None where the key is gone."""
    jump: bool = False
    """Whether a price moved by more than `JUMP`, or to or from zero."""


# --- reading ---------------------------------------------------------------------------------------------------------


def read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """A catalog file, and the names that it has twice in one place.

    Raises:
        BadRequestError: it cannot be read as a JSON object.
    """
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(pairs)
        if len(row) < len(pairs):
            names = [name for name, _ in pairs]
            twice.extend(f"{name} stands twice in one place" for name in row if names.count(name) > 1)
        return row

    try:
        data = json.loads(path.read_bytes(), object_pairs_hook=unique)
    except (OSError, ValueError) as error:
        raise BadRequestError(f"{str(path)!r} cannot be read as JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadRequestError(f"{str(path)!r} holds no JSON object")
    return cast("dict[str, Any]", data), twice


# --- checking --------------------------------------------------------------------------------------------------------


def findings(rows: dict[str, Any], base: Catalog | None = None) -> list[str]:
    """What is wrong with a catalog, one sentence each; empty when nothing is.

    Args:
        rows: the parsed file.
        base: for an overlay, the catalog that it is laid over: names may then lead there, and the order is free.
    """
    if wrong := list(_mismatches("", rows, Catalog)):
        return wrong
    whole: dict[str, Any] = laid_over(base, rows) if base else rows
    found = [] if base else list(_disorder(rows))
    found += _wrong_prefixes(rows, whole)
    found += _wrong_providers(rows, whole)
    for place, row in _rows_of(rows, "families"):
        found += _wrong_rules(place, row)
    for provider, models in rows.get("models", {}).items():
        if provider not in whole.get("providers", {}):
            found.append(f"models.{provider}: there is no such provider")
        for name in models:
            found += _wrong_model(f"models.{provider}.{name}", whole["models"][provider], name)
    return found


def _rows_of(rows: Mapping[str, Any], part: str) -> Iterator[tuple[str, Any]]:
    for name, row in rows.get(part, {}).items():
        yield f"{part}.{name}", row


def _mismatches(place: str, value: Any, kind: Any) -> Iterator[str]:
    """Where a JSON value is not of a type."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return
    if typing.is_typeddict(kind):
        yield from _wrong_keys(place, value, kind)
    elif origin is typing.Literal:
        if value not in inner:
            yield f"{place}: {value!r} is none of {', '.join(map(repr, inner))}"
    elif origin is types.UnionType:
        if all(any(_mismatches(place, value, one)) for one in inner):
            yield f"{place}: {value!r} is no {kind}"
    elif origin in (list, dict):
        yield from _wrong_items(place, value, origin, inner[-1])
    elif not (isinstance(value, int | float) and type(value) is not bool if kind is float else type(value) is kind):
        yield f"{place}: {value!r} is no {kind.__name__}"


def _wrong_items(place: str, value: Any, origin: type, kind: Any) -> Iterator[str]:
    """What a list or a dict of one kind has that is of another."""
    if not isinstance(value, origin):
        yield f"{place}: {value!r} is no {origin.__name__}"
        return
    items = cast("dict[str, Any]", value).items() if origin is dict else enumerate(cast("list[Any]", value))
    for key, item in items:
        yield from _mismatches(_joined(place, key), item, kind)


def _wrong_keys(place: str, value: Any, kind: Any) -> Iterator[str]:
    """What a dict has or lacks against its TypedDict."""
    if not isinstance(value, dict):
        yield f"{place}: {value!r} is no object"
        return
    row = cast("dict[str, Any]", value)
    hints = typing.get_type_hints(kind, include_extras=True)
    for key, item in row.items():
        if key not in hints:
            near = nearest(key, [*hints], 1) or sorted(hints)
            yield f"{place or 'the file'}: unknown key {key!r}; it takes {', '.join(near)}"
        else:
            hint = hints[key]
            plain = typing.get_args(hint)[0] if typing.get_origin(hint) is NotRequired else hint
            yield from _mismatches(_joined(place, key), item, plain)
    needed = [key for key, hint in hints.items() if kind.__total__ and typing.get_origin(hint) is not NotRequired]
    if missing := [key for key in needed if key not in row and kind is not Catalog]:
        yield f"{place}: lacks {', '.join(missing)}"


def _joined(place: str, key: Any) -> str:
    return f"{place}.{key}" if place else str(key)


def _disorder(rows: Mapping[str, Any]) -> Iterator[str]:
    """The first row of each part that does not stand in its place."""
    parts = {part: rows.get(part, {}) for part in ("prefixes", "providers", "families", "models")}
    parts |= {f"models.{provider}": models for provider, models in rows.get("models", {}).items()}
    for part, group in parts.items():
        names = [*group]
        late = next((name for name, before in zip(names[1:], names, strict=False) if name < before), None)
        if late is not None:
            yield f"{part}.{late}: stands out of order"


def _wrong_prefixes(rows: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[str]:
    for place, owner in _rows_of(rows, "prefixes"):
        if owner and owner not in whole.get("providers", {}):
            yield f"{place}: there is no provider {owner!r}"


# --- providers -------------------------------------------------------------------------------------------------------


def _wrong_providers(rows: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[str]:
    owners: dict[str, str] = {}
    for name, row in whole.get("providers", {}).items():
        for spelling in (name, *row.get("also", [])):
            other = owners.setdefault(folded(spelling), name)
            if other != name:
                yield f"providers.{name}: {spelling!r} is also a name of {other!r}"
    for name in rows.get("providers", {}):
        yield from _wrong_provider(f"providers.{name}", whole["providers"][name])


def _wrong_provider(place: str, row: Provider) -> Iterator[str]:
    url = row.get("url", "")
    if not url.startswith(("http://", "https://")) and (url or not row.get("keyless")):
        yield f"{place}.url: {url!r} does not begin with http:// or https://"
    if url.endswith("/"):
        yield f"{place}.url: ends with a slash"
    for part in set(re.findall(r"\{(\w+)\}", url)) ^ set(row.get("url_vars", {})):
        yield f"{place}.url_vars: {part!r} stands in only one of url and url_vars"
    if not row.get("key_env") and not row.get("keyless"):
        yield f"{place}: has neither key_env nor keyless"
    formats = _formats(row)
    if missing := [name for name in dict.fromkeys(formats) if name not in adapters.NAMES]:
        yield from (f"{place}: there is no adapter {name!r}" for name in missing)
        return
    yield from _wrong_quirks(f"{place}.quirks", row.get("quirks", {}), formats)
    for name, own in row.get("formats", {}).items():
        yield from _wrong_format(f"{place}.formats.{name}", own, name)
    for name in {*row.get("token_counts", {}).values()} - token_counts.FORMATS.keys():
        yield f"{place}.token_counts: {name!r} has no way to count; {', '.join(token_counts.FORMATS)} have"


def _formats(row: Provider) -> list[str]:
    """The wire formats of a provider, that of most of its models first."""
    others = [*row.get("routes", {}).values(), *row.get("tool_routes", {}).values(), row.get("server_tools")]
    return [row.get("adapter", _OPENAI_CHAT), *filter(None, others)]


def _wrong_format(place: str, row: Format, name: str) -> Iterator[str]:
    if name not in adapters.NAMES:
        yield f"{place}: there is no adapter {name!r}"
        return
    if not re.fullmatch(r"(/[^/?]+)*", path := row.get("path", "")):
        yield f"{place}.path: {path!r} does not begin with a slash, or ends with one"
    yield from _wrong_quirks(f"{place}.quirks", row.get("quirks", {}), [name])


def _wrong_quirks(place: str, quirks: Mapping[str, Any], formats: list[str]) -> Iterator[str]:
    """Quirks that none of these wire formats knows, or that have another value than they name."""
    known: dict[str, Any] = {}
    for name in reversed(formats):
        known |= typing.get_type_hints(adapters.load(name).Quirks)
    for key, value in quirks.items():
        if key not in known:
            near = nearest(key, [*known], 1) or sorted(known)
            yield f"{place}: unknown quirk {key!r}; there is {', '.join(near) or 'none'}"
        else:
            yield from _mismatches(f"{place}.{key}", value, known[key])


# --- models ----------------------------------------------------------------------------------------------------------


def _wrong_model(place: str, models: Mapping[str, Model], name: str) -> Iterator[str]:
    row = models[name]
    if pointer := next((key for key in _POINTERS if key in row), None):
        yield from _wrong_pointer(place, models, row, pointer)
        return
    context, most = row.get("context"), row.get("max_output")
    for key, value in (("context", context), ("max_output", most)):
        if value is not None and value < 1:
            yield f"{place}.{key}: {value} is no number of tokens"
    if context and most and most > context:
        yield f"{place}: max_output {most:,} is over the context {context:,}"
    if "price" in row:
        yield from _wrong_prices(f"{place}.price", cast("Mapping[str, Any]", row["price"]))
    yield from _wrong_words(place, row)
    if "rules" in row:
        yield from _wrong_rules(f"{place}.rules", row["rules"])


def _wrong_pointer(place: str, models: Mapping[str, Model], row: Model, pointer: str) -> Iterator[str]:
    target = cast("dict[str, str]", row)[pointer]
    if len(row) > 1:
        yield f"{place}: has other keys beside {pointer}"
    if target not in models:
        yield f"{place}.{pointer}: there is no model {target!r}"
    elif any(key in models[target] for key in _POINTERS):
        yield f"{place}.{pointer}: {target!r} is a pointer itself"


def _wrong_words(place: str, row: Model) -> Iterator[str]:
    has, lacks = row.get("has", []), row.get("lacks", [])
    for word in {*has, *lacks} - {*CAPABILITIES}:
        yield f"{place}: {word!r} is no capability; there are {', '.join(CAPABILITIES)}"
    for word in {*has} & {*lacks}:
        yield f"{place}: both has and lacks {word}"
    ends = row.get("ends")
    if ends is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", ends):
        yield f"{place}.ends: {ends!r} is no day, YYYY-MM-DD"


def _wrong_prices(place: str, price: Mapping[str, Any]) -> Iterator[str]:
    yield from _wrong_tiers(place, price)
    others = {f"services.{name}": rates for name, rates in price.get("services", {}).items()}
    if "off_peak" in price:
        others["off_peak"] = price["off_peak"]
    for name, rates in others.items():
        yield from _wrong_tiers(f"{place}.{name}", rates)
        for key in Rates.__annotations__ if name in CHEAPER else ():
            if key in rates and rates[key] > price.get(key, math.inf):
                yield f"{place}.{name}.{key}: {rates[key]} is over {key} {price[key]}"
    for part in ("fees", "factors"):
        for name, value in price.get(part, {}).items():
            if value < 0:
                yield f"{place}.{part}.{name}: {value} is below zero"


def _wrong_tiers(place: str, price: Mapping[str, Any]) -> Iterator[str]:
    yield from _wrong_rates(place, price)
    last = 0
    for at, tier in enumerate(price.get("tiers", [])):
        yield from _wrong_rates(f"{place}.tiers.{at}", tier)
        if tier["above"] <= last:
            yield f"{place}.tiers.{at}: above {tier['above']} is not over {last}"
        last = tier["above"]


def _wrong_rates(place: str, rates: Mapping[str, Any]) -> Iterator[str]:
    for key in Rates.__annotations__:
        if rates.get(key, 0) < 0:
            yield f"{place}.{key}: {rates[key]} is below zero"
    most = {"cache_read": 1.0, "cache_write": MOST_FOR_A_CACHE_WRITE, "cache_write_1h": MOST_FOR_A_CACHE_WRITE}
    for key, factor in most.items():
        if rates["input"] and rates.get(key, 0) > factor * rates["input"]:
            yield f"{place}.{key}: {rates[key]} is over {factor:g} x input {rates['input']}"


def _wrong_rules(place: str, rules: Rules) -> Iterator[str]:
    budget = rules.get("thinking_budget")
    if budget is not None and (len(budget) != 2 or budget[0] > budget[1]):
        yield f"{place}.thinking_budget: {budget} is no [fewest, most]"
    if rules.get("reasoning") == "none" and rules.get("efforts"):
        yield f"{place}: has efforts, and does not reason"


# --- differences -----------------------------------------------------------------------------------------------------


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """What was added, removed and changed, in the order of the rows."""
    before, after = _by_place(old), _by_place(new)
    found: list[Change] = []
    for place in sorted(before.keys() | after.keys()):
        if place not in before:
            found.append(Change("+", place))
        elif place not in after:
            found.append(Change("-", place))
        elif before[place] != after[place]:
            found += _changes(place, before[place], after[place])
    return found


def _by_place(catalog: Mapping[str, Any]) -> dict[str, Any]:
    places = {f"{part}.{name}": row for part in catalog if part != "models" for name, row in _members(catalog[part])}
    models = catalog.get("models", {})
    return places | {f"models.{provider}.{name}": row for provider in models for name, row in models[provider].items()}


def _members(part: Any) -> Iterable[tuple[str, Any]]:
    return cast("dict[str, Any]", part).items() if isinstance(part, dict) else ()


def _changes(place: str, old: Any, new: Any) -> Iterator[Change]:
    before, after = dict(_leaves("", old)), dict(_leaves("", new))
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was != now:
            yield Change("~", place, key, was, now, key.startswith("price.") and is_jump(was, now))


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The innermost values of a row, each with its path; a list of words is one value."""
    if isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield from _leaves(_joined(place, key), item)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in cast("list[Any]", value)):
        for at, item in enumerate(cast("list[Any]", value)):
            yield from _leaves(_joined(place, at), item)
    else:
        yield place, value


def is_jump(old: float | None, new: float | None) -> bool:
    """Whether a price moved by more than `JUMP` either way, or to or from zero; an unknown one does not move."""
    if old is None or new is None or old == new:
        return False
    low, high = sorted((old, new))
    return low <= 0 or high > JUMP * low
