"""The catalog: which providers and models there are, and how a name finds its way to one.

The data is `model_catalog.json`, one row a line. A *provider* row says where and how to ask; a *model* row has facts of
one model at one provider; a *family* has the request rules of every model whose name begins so, at any host and listed
or not. Rows of `register()` and of the file that UNIFIED_LLM_CATALOG names are laid over it key by key. Nothing is ever
fetched, and nothing is read before the first name is resolved.
"""

from __future__ import annotations

import copy
import difflib
import os
import re
import threading
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NotRequired, TypedDict, cast
from urllib.parse import urlsplit

from unified_llm import json_codec
from unified_llm.errors import BadRequestError, NotFoundError
from unified_llm.pricing import Prices
from unified_llm.secrecy import without_secrets

OVERLAY_VARIABLE = "UNIFIED_LLM_CATALOG"
_FILE_NAME = "model_catalog.json"
_ANY_SERVER = "custom"


class Rules(TypedDict, total=False):
    """What the models of a family take; an absent key is not known, and not known is sent as the caller gave it."""

    thinking: list[Literal["adaptive", "enabled", "disabled", "between_tools"]]
    """The native thinking modes that are accepted; empty: no thinking at all."""
    reasoning: Literal["none", "opt_in", "default", "always"]
    """Whether the model reasons: never, when asked, unless told not to, or always."""
    efforts: list[str]
    """The accepted levels of reasoning effort, weakest first."""
    thinking_budget: list[int]
    """The fewest and the most tokens of thinking, where that is asked for in tokens and not in levels; unless
    `reasoning` is `always`, 0 is taken too."""
    sampling: Literal["any", "temperature_or_top_p", "without_reasoning", "none"]
    """Which of temperature, top_p, top_k and the penalties are accepted."""
    stop: bool
    """Whether stop sequences are accepted."""
    prefill: bool
    """Whether a final assistant message is taken as the beginning of the answer."""
    forced_tools: Literal["any", "without_thinking", "none"]
    """When a tool call can be forced."""
    tools: bool
    """Whether tools are accepted."""
    mid_system: bool
    """Whether a system message may stand in the middle of a conversation."""
    schema: bool
    """Whether the answer can be held to a JSON schema."""
    schema_with_tools: bool
    """Whether the answer can be held to a schema where there are tools as well."""
    system: bool
    """Whether system messages are taken; else their text belongs before that of the first user message."""
    max_output: int
    """The most tokens an answer of an unlisted model of this family may have."""


class Model(TypedDict, total=False):
    """Facts of one model at one provider; an absent key is not known."""

    alias: str
    """The id that is sent in place of this name; such a row has no other key."""
    like: str
    """The id whose facts this name shares, where the provider knows both; such a row has no other key."""
    name: str
    context: int
    """Tokens that prompt and answer may have together."""
    max_output: int
    """Tokens that an answer may have."""
    price: Prices
    """USD per million tokens."""
    has: list[str]
    """Capabilities: tools, vision, pdf, audio, video, reasoning, schema, cache, search, computer."""
    lacks: list[str]
    """Capabilities of the same list that the model is known not to have."""
    status: Literal["deprecated", "retired"]
    ends: str
    """The day of retirement, YYYY-MM-DD."""
    rules: Rules
    """Where this model departs from its family."""


class Format(TypedDict, total=False):
    """What is different where a provider is asked in one of its wire formats."""

    path: str
    """What stands between the provider's address and the path of the format; `{model}` is the model's name."""
    auth: str
    """As the provider's."""
    quirks: dict[str, Any]
    """Beside the provider's."""


class Provider(TypedDict, total=False):
    """Where a provider is and how it is asked."""

    name: str
    url: str
    url_vars: dict[str, list[str]]
    """The parts of `url` in braces, and the environment variables that fill them, first one set wins; of a value that
    is a whole address only the host counts. `NAME.example.com` is a variable for what stands before `.example.com`."""
    url_env: list[str]
    """Environment variables that move `url`, first one set wins."""
    key_env: list[str]
    """Environment variables that hold the key, first one set wins."""
    token_env: list[str]
    """Environment variables that hold a token, which is a bearer token whatever `auth` says; for want of a key."""
    keyless: bool
    """A server that works without a key."""
    auth: str
    """`bearer`, the name of the header that carries the bare key, or what there is where there is no key:
    `sigv4:<service>` for a signature of Amazon's, `oauth:google` for a token of Google's. Default: bearer."""
    adapter: str
    """The wire format. Default: openai_chat."""
    routes: dict[str, str]
    """Wire formats of the models whose names begin so, where they differ from `adapter`; longest wins."""
    tool_routes: dict[str, str]
    """Wire formats of the models whose names begin so, for calls with functions while they reason; longest wins."""
    server_tools: str
    """The wire format of calls with tools that the provider runs itself, where it has them in that alone."""
    formats: dict[str, Format]
    """What is different in some wire formats, by their names."""
    headers: dict[str, str]
    quirks: dict[str, Any]
    """What differs from the wire format: keys of the adapter's `Quirks`."""
    also: list[str]
    """Other names of this provider."""
    token_counts: dict[str, str]
    """Wire formats of the models whose prompts the provider measures, and that in which it does."""
    docs: str


class Overlay(TypedDict, total=False):
    """Rows for `register()`: the shape of the catalog file, with only what is new or different."""

    prefixes: dict[str, str]
    providers: dict[str, Provider]
    families: dict[str, Rules]
    models: dict[str, dict[str, Model]]


class Catalog(Overlay):
    """The whole file."""

    version: NotRequired[int]
    date: NotRequired[str]


_AS_EVER: Format = {}


@dataclass(frozen=True, slots=True)
class Route:
    """A model name resolved: who is asked, where, in which wire format, and what is known of the model."""

    provider: str
    model: str
    adapter: str
    url: str
    auth: str = "bearer"
    key_env: tuple[str, ...] = ()
    url_env: tuple[str, ...] = ()
    keyless: bool = False
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    quirks: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rules: Rules = field(default_factory=Rules)
    facts: Model = field(default_factory=Model)

    url_vars: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])
    tool_adapter: str | None = None
    """The wire format in which the model takes functions while it reasons, where that is another one."""
    formats: Mapping[str, Format] = field(default_factory=dict[str, Format])
    server_adapter: str | None = None
    """The wire format of calls with tools that the provider runs itself, where that is another one."""
    token_env: tuple[str, ...] = ()

    @property
    def format(self) -> Format:
        """What is different in the wire format of this route; its quirks are among those of the route already."""
        return self.formats.get(self.adapter) or _AS_EVER

    def quirks_in(self, adapter: str) -> Mapping[str, Any]:
        """The quirks in a wire format, which may have some of its own."""
        own = self.formats[adapter].get("quirks") if adapter in self.formats else None
        return {**self.quirks, **own} if own else self.quirks

    def of_call(self, params: Mapping[str, Any]) -> Route:
        """The route of a call with these parameters.

        OpenAI's models from gpt-5.4 on refuse functions on chat completions unless reasoning is off: "To use function
        tools, use /v1/responses or set reasoning_effort to 'none'." Tools that OpenAI runs are on /v1/responses alone.
        """
        tools = params.get("tools")
        if not tools:
            return self
        if self.server_adapter and not all("function" in tool or "custom" in tool for tool in tools):
            return self._in(self.server_adapter)
        effort = params.get("reasoning_effort")
        reasons = effort != "none" if effort else self.rules.get("reasoning") in ("default", "always")
        functions = any(tool.get("type", "function") == "function" for tool in tools)
        return self._in(self.tool_adapter) if self.tool_adapter and reasons and functions else self

    def _in(self, adapter: str) -> Route:
        return replace(self, adapter=adapter, quirks=self.quirks_in(adapter))

    @property
    def max_output(self) -> int | None:
        """The most tokens an answer may have, None where that is not known."""
        return self.facts.get("max_output") or self.rules.get("max_output")


def file() -> Path:
    """The file of the catalog that is shipped."""
    here = Path(__file__).parent
    # an installed wheel has the file inside the package, a checkout has it one level up
    return next(path for path in (here / _FILE_NAME, here.parent / _FILE_NAME) if path.exists())


@cache
def load() -> Catalog:
    """The catalog with its overlays, read on first use."""
    catalog = cast("Catalog", json_codec.loads(file().read_bytes()))
    if overlay := os.environ.get(OVERLAY_VARIABLE):
        _lay_over(catalog, _read_overlay(Path(overlay)))
    return catalog


_registering = threading.Lock()


def register(overlay: Overlay) -> None:
    """Add rows to the catalog, or change some of their keys, for this process.

    Args:
        overlay: `{"providers": {...}, "models": {...}, "families": {...}, "prefixes": {...}}`, each part optional. A
            row that exists is changed key by key: a new price leaves the limits as they are.

    Raises:
        BadRequestError: a part or a key that the catalog does not know, with the nearest that it does.

    Example:
        >>> register({"providers": {"acme": {"url": "https://llm.acme.example/v1", "key_env": ["ACME_API_KEY"]}}})
    """
    _check(overlay)
    with _registering:
        _lay_over(load(), copy.deepcopy(overlay))
    for cached in (_resolved, _start, _families, _prefixes, _owners, _provider_names):
        cached.cache_clear()


def resolve(model: str, adapter: str | None = None, base_url: str | None = None) -> Route:
    """Find the route of a model name.

    In this order: `provider/model`, where a model that the catalog does not list goes through with price and limits
    unknown; a name that a provider lists; the longest prefix that names a provider; and, where `base_url` is given,
    whatever OpenAI-compatible server answers there.

    Args:
        model: `gpt-4.1`, `claude-2.1`, `groq/llama-3.3-70b-versatile`, ...
        adapter: the wire format, in place of the catalog's.
        base_url: the address, in place of the catalog's.

    Raises:
        NotFoundError: nothing is known by that name; the message has the nearest names.
        BadRequestError: the name is empty or no string, or `base_url` is no http(s) address.
    """
    try:
        return _resolved(model, adapter, base_url)
    except TypeError:
        given: dict[str, Any] = {"model": model, "adapter": adapter, "base_url": base_url}
        wrong = next((name for name, value in given.items() if not isinstance(value, (str, NoneType))), None)
        if wrong is None:
            raise
        raise BadRequestError(f"{wrong} is {type(given[wrong]).__name__}; give a string") from None


@lru_cache(maxsize=4096)
def _resolved(model: Any, adapter: str | None, base_url: str | None) -> Route:
    if not model or not isinstance(model, str):
        raise BadRequestError(f"model is {model!r}; give a model name such as 'gpt-4.1' or 'claude-sonnet-4-5'")
    if base_url is not None:
        _check_address(base_url)
    owner, name = _owner(model, base_url)
    facts, name = _facts(owner, name)
    rules, own = family_rules(name), facts.get("rules")
    if own:
        rules: Rules = {**rules, **own}
    start, formats, tool_formats = _start(owner)
    tool_adapter, server_adapter = (None, None) if adapter else (tool_formats.of(name), start.server_adapter)
    adapter = adapter or formats.of(name) or start.adapter
    return Route(
        owner,
        name,
        adapter,
        base_url.rstrip("/") if base_url else start.url,
        start.auth,
        start.key_env,
        () if base_url else start.url_env,
        start.keyless,
        start.headers,
        start.quirks_in(adapter),
        rules,
        facts,
        start.url_vars,
        tool_adapter,
        start.formats,
        server_adapter,
        start.token_env,
    )


def search(word: str = "") -> list[tuple[str, str, Model]]:
    """Every (provider, model id, facts) whose `provider/model` has the word in it; a pointer has its target's facts."""
    word = word.lower()
    return [
        (provider, name, _facts(provider, name)[0])
        for provider, rows in load().get("models", {}).items()
        for name in rows
        if word in f"{provider}/{name}".lower()
    ]


def nearest(name: str, names: list[str], most: int = 3) -> list[str]:
    """The names that are spelled most like this one, best first."""
    return difflib.get_close_matches(name, names, n=most, cutoff=0.6)


def nearest_models(route: Route) -> list[str]:
    """The provider's listed models whose names are most like the one that it did not find; else who serves that."""
    own = load().get("models", {}).get(route.provider, {})
    near = nearest(route.model, [name for name in own if name != route.model])
    elsewhere = [f"{owner}/{route.model}" for owner in _owners().get(route.model, []) if owner != route.provider]
    return near or elsewhere[:_MOST_HINTS]


def family_rules(name: str) -> Rules:
    """The request rules of the longest family that the model's own name begins with."""
    families, prefixes = _families()
    family = prefixes.longest(_canonical(name))
    return {} if family is None else families[family]


def _check_address(base_url: Any) -> None:
    if not isinstance(base_url, str):
        raise BadRequestError(f"base_url is {type(base_url).__name__}; give a string")
    try:
        parts = urlsplit(base_url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or re.search(r"[\x00-\x20\x7f]", base_url):
        shown = without_secrets(base_url)
        raise BadRequestError(f"base_url is {shown!r}; it must be an address that begins with http:// or https://")


def _owner(model: str, base_url: str | None) -> tuple[str, str]:
    """The provider that a name means, and the name without it."""
    head, slash, rest = model.partition("/")
    if slash and rest:
        names = _provider_names()
        if provider := names.get(head) or names.get(folded(head)):
            return provider, rest
    if not slash and (provider := _bare_owner(model)):
        return provider, model
    if base_url:
        return _ANY_SERVER, model
    raise _unknown(model)


def _bare_owner(name: str) -> str | None:
    prefix = _prefixes().longest(name)
    if prefix is not None and (owner := load().get("prefixes", {})[prefix]):
        return owner
    owners = _owners().get(name, [])
    if len(owners) > 1:
        choices = " or ".join(repr(f"{owner}/{name}") for owner in owners)
        raise BadRequestError(f"model {name!r} is served by {len(owners)} providers; say which: {choices}")
    return owners[0] if owners else None


def _unknown(model: str) -> NotFoundError:
    return NotFoundError(
        f"no provider is known for model {model!r}.{_meant(model)} Name one as 'provider/model' "
        f"(`python -m unified_llm models` lists them), or give base_url= for an OpenAI-compatible server.",
        code="model_not_found",
        model=model,
    )


def _meant(model: str) -> str:
    """What may be meant by a name of which nothing is known, as a sentence; "" where there is nothing like it."""
    names = _provider_names()
    if provider := names.get(folded(model)):
        return f" {model!r} is a provider; add a model of its, as in '{provider}/...'."
    listed = [f"{id}/{name}" for id, rows in load().get("models", {}).items() for name in rows]
    head, _, rest = model.partition("/")
    tail = model.rpartition("/")[2]
    near = [full for full in listed if full.endswith((f"/{model}", f"/{tail}"))][:_MOST_HINTS]
    if not near and rest:
        near = [f"{names[name]}/{rest}" for name in difflib.get_close_matches(folded(head), names, cutoff=0.75)]
    near = near or nearest(model, list(dict.fromkeys([*listed, *(full.partition("/")[2] for full in listed)])))
    return f" Did you mean {', '.join(map(repr, dict.fromkeys(near)))}?" if near else ""


_MOST_HINTS = 6


@cache
def _start(provider: str) -> tuple[Route, _Formats, _Formats]:
    """What the routes of a provider's models have in common, and the wire formats of some, plain and with tools."""
    row = load().get("providers", {})[provider]
    common = Route(
        provider=provider,
        model="",
        adapter=row.get("adapter", "openai_chat"),
        url=row.get("url", "").rstrip("/"),
        auth=row.get("auth", "bearer"),
        key_env=tuple(row.get("key_env", ())),
        url_env=tuple(row.get("url_env", ())),
        keyless=row.get("keyless", False),
        headers=row.get("headers", {}),
        quirks=row.get("quirks", {}),
        url_vars=row.get("url_vars", {}),
        formats=row.get("formats", {}),
        server_adapter=row.get("server_tools"),
        token_env=tuple(row.get("token_env", ())),
    )
    return common, _Formats(row.get("routes", {})), _Formats(row.get("tool_routes", {}))


def _facts(provider: str, name: str) -> tuple[Model, str]:
    """A model's facts and the id that is sent for it, after following a pointer."""
    rows = load().get("models", {}).get(provider, {})
    row = rows.get(name, {})
    if target := row.get("alias"):
        return rows.get(target, {}), target
    return (rows.get(twin, {}) if (twin := row.get("like")) else row), name


@cache
def _provider_names() -> dict[str, str]:
    """Every name of every provider, folded, to its id."""
    providers = load().get("providers", {})
    return {folded(name): id for id, row in providers.items() for name in (id, *row.get("also", []))}


@cache
def _families() -> tuple[dict[str, Rules], _Prefixes]:
    families = {_canonical(prefix): rules for prefix, rules in load().get("families", {}).items()}
    return families, _Prefixes(families)


@cache
def _prefixes() -> _Prefixes:
    return _Prefixes(load().get("prefixes", {}))


@cache
def _owners() -> dict[str, list[str]]:
    """The providers that list each model; for bare names that no prefix claims."""
    owners: dict[str, list[str]] = {}
    for provider, rows in load().get("models", {}).items():
        for name in rows:
            owners.setdefault(name, []).append(provider)
    return owners


class _Prefixes:
    """Finds the longest of some prefixes that a name begins with, in a bisection and not a pass over them all.

    What stands before a name in the order of strings begins with every prefix of that name which stands before it. So
    the longest is the nearest of the sorted prefixes, or one of those that it begins with itself.
    """

    def __init__(self, prefixes: Iterable[str]) -> None:
        self._sorted = sorted(prefixes)
        self._shorter: dict[str, str | None] = {}
        for at, prefix in enumerate(self._sorted):
            self._shorter[prefix] = self._up(self._sorted[at - 1] if at else None, prefix)

    def longest(self, name: str) -> str | None:
        at = bisect_right(self._sorted, name)
        return self._up(self._sorted[at - 1], name) if at else None

    def _up(self, prefix: str | None, name: str) -> str | None:
        while prefix is not None and not name.startswith(prefix):
            prefix = self._shorter[prefix]
        return prefix


class _Formats:
    """The wire formats of the models whose names begin so."""

    def __init__(self, routes: Mapping[str, str]) -> None:
        self._routes, self._prefixes = routes, _Prefixes(routes)

    def of(self, name: str) -> str | None:
        prefix = self._prefixes.longest(name) if self._routes else None
        return self._routes[prefix] if prefix else None


def folded(name: str) -> str:
    """A provider's name in the one spelling that all its spellings have in common."""
    return name.lower().replace("_", "-")


_VENDORS = re.compile(r"(?:[a-z][a-z-]*\.)+(?=[a-z])")


def _canonical(name: str) -> str:
    """A model's name without who hosts or made it, and with one spelling of its version: 4.5 and 4-5 are one."""
    name = name.rpartition("/")[2].lower()
    if "." not in name:
        return name
    vendors = _VENDORS.match(name)  # as in us.anthropic.claude-opus-5
    return (name[vendors.end() :] if vendors else name).replace(".", "-")


def _read_overlay(path: Path) -> Overlay:
    try:
        overlay = json_codec.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadRequestError(f"{OVERLAY_VARIABLE}={str(path)!r} cannot be read as JSON: {error}") from error
    _check(overlay)
    return overlay


def laid_over(catalog: Catalog, overlay: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a catalog with the rows of an overlay in it."""
    whole = copy.deepcopy(catalog)
    _lay_over(whole, cast("Overlay", copy.deepcopy(overlay)))
    return cast("dict[str, Any]", whole)


def _lay_over(catalog: Catalog, overlay: Overlay) -> None:
    """Merge dict by dict; everything else is replaced. Tables that other threads may be reading are never changed."""

    def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        out = dict(old)
        for key, value in new.items():
            inner = out.get(key)
            both = isinstance(value, dict) and isinstance(inner, dict)
            out[key] = merged(cast("dict[str, Any]", inner), cast("dict[str, Any]", value)) if both else value
        return out

    cast("dict[str, Any]", catalog).update(merged(catalog, overlay))


def _check(overlay: Any) -> None:
    """Refuse what is not of the catalog's shape, naming the place and the nearest known key."""
    known = [*Catalog.__annotations__]
    for part, rows in _dict_at("the overlay", overlay).items():
        if part not in known:
            raise BadRequestError(_unknown_key(part, "the overlay", known))
        if part == "models":
            for provider, models in _dict_at(part, rows).items():
                _check_rows(f"models.{provider}", models, Model)
        elif part in ("providers", "families"):
            _check_rows(part, rows, Provider if part == "providers" else Rules)


def _check_rows(place: str, rows: Any, kind: type) -> None:
    known = [*kind.__annotations__]
    for name, row in _dict_at(place, rows).items():
        for key in _dict_at(f"{place}.{name}", row):
            if key not in known:
                raise BadRequestError(_unknown_key(key, f"{place}.{name}", known))


def _dict_at(place: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequestError(f"{place} is {type(value).__name__}; give a dict")
    return cast("dict[str, Any]", value)


def _unknown_key(key: Any, place: str, known: list[str]) -> str:
    near = nearest(str(key), known, 1) or sorted(known)
    return f"{place} has the unknown key {key!r}; it takes {', '.join(near)}"
