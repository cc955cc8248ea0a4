"""How a name finds its provider, and what the file that says so may hold."""

from __future__ import annotations

import copy
import json
import time
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unified_llm import BadRequestError, NotFoundError, adapters, catalog
from unified_llm.adapters import load as load_adapter
from unified_llm.catalog import Model, Provider, Rules, register, resolve
from unified_llm.pricing import Prices, Rates

FILE = Path(__file__).parent.parent / "model_catalog.json"
DATA: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
PROVIDERS, MODELS = DATA["providers"], DATA["models"]
CACHES = (
    catalog.load,
    catalog._resolved,
    catalog._start,
    catalog._families,
    catalog._prefixes,
    catalog._owners,
    catalog._provider_names,
)


def forget() -> None:
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture(autouse=True)
def own_catalog(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The catalog of the file alone, whatever the environment and other tests have laid over it."""
    monkeypatch.delenv(catalog.OVERLAY_VARIABLE, raising=False)
    forget()
    yield
    forget()


# --- resolving -----------------------------------------------------------------------------------------------------

NAMES = {
    # listed, with and without the provider
    "claude-2.1": ("anthropic", "claude-2.1"),
    "anthropic/claude-haiku-4-5": ("anthropic", "claude-haiku-4-5"),
    # a provider, and whatever it may serve
    "groq/some-new-model": ("groq", "some-new-model"),
    "openrouter/anthropic/claude-2.1": ("openrouter", "anthropic/claude-2.1"),
    # other names of a provider, and other spellings of them
    "together_ai/m": ("together", "m"),
    "Together-AI/m": ("together", "m"),
    "OPENAI/gpt-4.1": ("openai", "gpt-4.1"),
    "x-ai/grok-9": ("xai", "grok-9"),
    "z.ai/glm-9": ("zai", "glm-9"),
    # the longest prefix
    "gpt-99-turbo": ("openai", "gpt-99-turbo"),
    "claude-99": ("anthropic", "claude-99"),
    "ft:gpt-4.1:acme::1": ("openai", "ft:gpt-4.1:acme::1"),
    "qwen-max-2099": ("dashscope", "qwen-max-2099"),
    "gemini-99-pro": ("gemini", "gemini-99-pro"),
    "us.anthropic.claude-99-v1:0": ("bedrock", "us.anthropic.claude-99-v1:0"),
    # a name with slashes of its own
    "cloudflare/@cf/meta/llama-9": ("cloudflare", "@cf/meta/llama-9"),
    "bedrock/arn:aws:bedrock:us-east-1:1:x/us.anthropic.claude-2": (
        "bedrock",
        "arn:aws:bedrock:us-east-1:1:x/us.anthropic.claude-2",
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_finds_its_provider_and_its_model(name: str) -> None:
    route = resolve(name)
    assert (route.provider, route.model) == NAMES[name]


def test_an_alias_is_sent_as_the_id_that_it_stands_for() -> None:
    register({"models": {"openai": {"house-model": {"alias": "gpt-4.1"}}}})
    for name in ("openai/house-model", "house-model"):
        assert resolve(name) == resolve("gpt-4.1")


def test_a_name_that_the_provider_knows_too_is_sent_as_it_is_and_shares_the_facts() -> None:
    short, dated = resolve("claude-haiku-4-5"), resolve("claude-haiku-4-5-20251001")
    assert (short.model, dated.model) == ("claude-haiku-4-5", "claude-haiku-4-5-20251001")
    assert short.facts == dated.facts != {}


@pytest.mark.parametrize("name", ["groq/some-new-model", "claude-99", "custom/m"])
def test_of_a_model_that_is_not_listed_neither_price_nor_context_is_known(name: str) -> None:
    route = resolve(name, base_url="http://localhost:1")
    assert "price" not in route.facts
    assert "context" not in route.facts


def test_a_provider_and_an_unknown_model_of_no_family_have_no_limit() -> None:
    assert resolve("groq/some-new-model").max_output is None


LEGACY = ["claude-2", "claude-2.1", "claude-instant-1", "claude-instant-1.2"]


@pytest.mark.parametrize("model", LEGACY)
def test_the_legacy_models_speak_text_completions(model: str) -> None:
    assert resolve(model).adapter == "anthropic_complete"
    assert resolve(f"anthropic/{model}").adapter == "anthropic_complete"


def test_a_later_model_of_the_same_provider_speaks_messages() -> None:
    assert resolve("claude-sonnet-4-5").adapter == "anthropic_messages"


FORMATS = {
    "gpt-5-pro-2025-10-06": "openai_responses",
    "gpt-5-mini": "openai_chat",
    "azure/gpt-5.1-codex": "openai_responses",
    "bedrock/anthropic.claude-v2:1": "bedrock_invoke",
    "bedrock/anthropic.claude-sonnet-4-6": "bedrock_converse",
    "gemini-2.5-pro": "gemini",
    "command-a-03-2025": "cohere_chat",
    "ollama/qwen3:8b": "ollama_chat",
    "mistral-large-latest": "openai_chat",
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_longest_beginning_of_a_models_name_has_the_say_over_its_wire_format(name: str) -> None:
    assert resolve(name).adapter == FORMATS[name]


def test_the_callers_adapter_and_base_url_stand_above_the_catalog() -> None:
    route = resolve("gpt-4.1", "anthropic_messages", "http://localhost:1/v1/")
    assert (route.adapter, route.url, route.url_env) == ("anthropic_messages", "http://localhost:1/v1", ())
    assert "price" in route.facts


@pytest.mark.parametrize("name", ["m", "my/model", "hf.co/a/b:Q4"])
def test_any_name_goes_through_where_a_base_url_is_given(name: str) -> None:
    route = resolve(name, base_url="https://llm.example/v1")
    assert (route.model, route.url, route.keyless) == (name, "https://llm.example/v1", True)


@pytest.mark.parametrize("base_url", ["", "localhost:8000", "ftp://a", "//a", "http://", "http://[::1"])
def test_a_base_url_that_is_no_http_address_is_refused(base_url: str) -> None:
    with pytest.raises(BadRequestError, match=r"base_url.*http://") as caught:
        resolve("gpt-4.1", base_url=base_url)
    assert caught.value.status_code is None


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(BadRequestError, match="model"):
        resolve("")


def served_by_two() -> str:
    owners: dict[str, int] = {}
    for rows in MODELS.values():
        for name in rows:
            owners[name] = owners.get(name, 0) + 1
    prefixes = tuple(DATA["prefixes"])
    return next(
        name for name, count in owners.items() if count > 1 and "/" not in name and not name.startswith(prefixes)
    )


def test_a_bare_name_that_two_providers_serve_is_refused_and_both_are_named() -> None:
    name = served_by_two()
    with pytest.raises(BadRequestError) as caught:
        resolve(name)
    assert all(f"{owner}/{name}" in str(caught.value) for owner, rows in MODELS.items() if name in rows)


NEAR = {"cluade-sonnet-4-5": "claude-sonnet-4-5", "antropic/claude-2.1": "anthropic/claude-2.1", "ollamma": None}


@pytest.mark.parametrize("name", NEAR)
def test_an_unknown_name_is_answered_with_the_nearest(name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        resolve(name)
    assert repr(name) in str(caught.value)
    assert NEAR[name] is None or repr(NEAR[name]) in str(caught.value)
    assert (caught.value.status_code, caught.value.code) == (None, "model_not_found")


@given(st.text())
def test_whatever_is_asked_for_either_resolves_or_is_refused(name: str) -> None:
    try:
        route = resolve(name)
    except (BadRequestError, NotFoundError):
        return
    assert route.provider in PROVIDERS
    assert route.model


@pytest.mark.parametrize(
    "name",
    [
        "claude-sonnet-4.5",
        "openrouter/anthropic/claude-sonnet-4-5",
        "vercel/Claude-Sonnet-4.5",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "bedrock/us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "bedrock/arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ],
)
def test_the_rules_of_a_family_hold_at_any_host_and_in_any_spelling(name: str) -> None:
    assert resolve(name).rules == resolve("claude-sonnet-4-5-20250929").rules != {}


def test_a_dot_of_a_version_is_not_taken_for_the_end_of_a_vendors_name() -> None:
    assert resolve("groq/gpt-5.1").rules == resolve("gpt-5.1").rules != resolve("gpt-5").rules


LETTERS = st.text(st.sampled_from("ab"), max_size=6)


@given(st.sets(LETTERS), LETTERS)
def test_the_longest_prefix_is_found_as_if_each_were_tried(prefixes: set[str], name: str) -> None:
    tried = [prefix for prefix in prefixes if name.startswith(prefix)]
    assert catalog._Prefixes(prefixes).longest(name) == (max(tried, key=len) if tried else None)


# --- registering ---------------------------------------------------------------------------------------------------


def test_a_registered_provider_is_found() -> None:
    register({"providers": {"acme": {"url": "https://llm.acme.example/v1", "key_env": ["ACME_API_KEY"]}}})
    route = resolve("acme/large")
    assert (route.url, route.key_env) == ("https://llm.acme.example/v1", ("ACME_API_KEY",))


def test_a_new_price_leaves_the_limits_as_they_are() -> None:
    before = resolve("gpt-4.1").facts
    register({"models": {"openai": {"gpt-4.1": {"price": {"input": 99, "output": 999}}}}})
    after = resolve("gpt-4.1").facts
    assert (after["price"]["input"], after["price"]["output"]) == (99, 999)
    assert {**after, "price": 0} == {**before, "price": 0}


def test_a_registered_quirk_leaves_the_other_quirks_as_they_are() -> None:
    before = resolve("deepseek/m").quirks
    register({"providers": {"deepseek": {"quirks": {"strict_tools": True}}}})
    assert resolve("deepseek/m").quirks == {**before, "strict_tools": True}


UNKNOWN = [
    ({"provider": {}}, "providers"),
    ({"providers": {"acme": {"uri": "https://a"}}}, "url"),
    ({"models": {"openai": {"gpt-4.1": {"prices": {}}}}}, "price"),
    ({"families": {"gpt-": {"effort": []}}}, "efforts"),
    ({"providers": {"acme": {"zzz": 1}}}, "adapter"),
]


@pytest.mark.parametrize(("overlay", "near"), UNKNOWN)
def test_an_unknown_key_is_refused_with_the_nearest_and_changes_nothing(overlay: Any, near: str) -> None:
    before = copy.deepcopy(catalog.load())
    with pytest.raises(BadRequestError, match=near):
        register(overlay)
    assert catalog.load() == before


@pytest.mark.parametrize(
    "overlay", [None, [], "x", {"providers": []}, {"providers": {"acme": 1}}, {"models": {"openai": 1}}]
)
def test_an_overlay_of_another_shape_is_refused_in_words(overlay: Any) -> None:
    with pytest.raises(BadRequestError):
        register(overlay)


def test_a_registered_row_takes_the_place_of_what_was_resolved_before() -> None:
    assert resolve("groq/gpt-9").rules == resolve("gpt-9").rules
    assert (resolve("groq/gpt-9").adapter, resolve("gpt-9").provider) == ("openai_chat", "openai")
    register(
        {
            "providers": {"groq": {"adapter": "anthropic_messages", "url": "https://a/"}},
            "families": {"gpt-9": {"stop": False}},
            "prefixes": {"gpt-9": "groq"},
            "models": {"groq": {"house": {"context": 9}}},
        }
    )
    route = resolve("gpt-9")
    assert (route.provider, route.adapter, route.url, route.rules) == (
        "groq",
        "anthropic_messages",
        "https://a",
        {"stop": False},
    )
    assert resolve("house").provider == "groq"


def test_the_rules_of_a_row_stand_above_those_of_its_family() -> None:
    family = resolve("gpt-4.1").rules
    register({"models": {"openai": {"gpt-4.1": {"rules": {"tools": False}}}}})
    assert resolve("gpt-4.1").rules == {**family, "tools": False}
    assert resolve("gpt-4.1-mini").rules == family


def test_the_callers_dict_is_not_kept() -> None:
    overlay: Any = {"providers": {"acme": {"url": "https://a.example", "headers": {"x": "1"}}}}
    kept = copy.deepcopy(overlay)
    register(overlay)
    overlay["providers"]["acme"]["headers"]["x"] = "2"
    assert resolve("acme/m").headers == {"x": "1"}
    register({"providers": {"acme": {"headers": {"y": "3"}}}})
    assert kept["providers"]["acme"]["headers"] == {"x": "1"}
    assert overlay["providers"]["acme"]["headers"] == {"x": "2"}


# --- the overlay file ----------------------------------------------------------------------------------------------


def overlaid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(catalog.OVERLAY_VARIABLE, str(path))
    forget()


def test_the_file_that_the_environment_names_is_laid_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"providers": {"acme": {"url": "https://a"}}, "models": {"openai": {"gpt-4.1": {"context": 7}}}}')
    overlaid(path, monkeypatch)
    assert resolve("acme/m").url == "https://a"
    assert resolve("gpt-4.1").facts["context"] == 7
    assert "price" in resolve("gpt-4.1").facts


@pytest.mark.parametrize("text", [None, "{", '{"providers": {"acme": {"uri": ""}}}', "[]"])
def test_a_file_that_cannot_be_laid_over_is_refused(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.json"
    if text is not None:
        path.write_text(text)
    overlaid(path, monkeypatch)
    with pytest.raises(BadRequestError):
        resolve("gpt-4.1")


# --- the data ------------------------------------------------------------------------------------------------------

ROWS = [(provider, name, row) for provider, rows in MODELS.items() for name, row in rows.items()]
POINTERS = [(provider, name, row) for provider, name, row in ROWS if {"alias", "like"} & row.keys()]
FACTS = [(f"{provider}/{name}", row) for provider, name, row in ROWS if not {"alias", "like"} & row.keys()]


def test_every_row_of_the_file_stands_on_one_line_and_in_order() -> None:
    assert all(list(rows) == sorted(rows) for rows in [PROVIDERS, MODELS, DATA["families"], *MODELS.values()])
    lines = FILE.read_text(encoding="utf-8").splitlines()
    written = [line.strip().rstrip(",") for line in lines]
    for rows in [PROVIDERS, DATA["families"], *MODELS.values()]:
        for name, row in rows.items():
            assert f"{json.dumps(name)}: {json.dumps(row, ensure_ascii=False, separators=(',', ':'))}" in written


def test_the_file_has_only_known_keys() -> None:
    catalog._check(DATA)
    assert {key for _, row in FACTS for key in row.get("rules", {})} <= Rules.__annotations__.keys()
    rates = set(Rates.__annotations__)
    assert {key for _, row in FACTS for key in row.get("price", {})} <= set(Prices.__annotations__)
    assert {key for _, row in FACTS for tier in row.get("price", {}).get("tiers", []) for key in tier} <= rates | {
        "above"
    }


def fits(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of a type that a TypedDict of the catalog or of quirks may name."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if origin is typing.Literal:
        return value in inner
    if origin in (list, dict):
        values = value.values() if isinstance(value, dict) else value
        return isinstance(value, origin) and all(fits(item, inner[-1]) for item in values)
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind)
        return isinstance(value, dict) and all(key in hints and fits(value[key], hints[key]) for key in value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


TYPED = {
    "providers": (PROVIDERS.items(), Provider),
    "families": (DATA["families"].items(), Rules),
    "models": (FACTS, Model),
}


@pytest.mark.parametrize("part", TYPED)
def test_every_value_of_the_file_is_of_its_declared_type(part: str) -> None:
    rows, kind = TYPED[part]
    hints = typing.get_type_hints(kind)
    assert [(name, key, row[key]) for name, row in rows for key in row if not fits(row[key], hints[key])] == []


def test_every_adapter_that_the_file_names_exists() -> None:
    named = {row.get("adapter", "openai_chat") for row in PROVIDERS.values()}
    named |= {
        adapter
        for row in PROVIDERS.values()
        for key in ("routes", "tool_routes")
        for adapter in row.get(key, {}).values()
    }
    named |= {row["server_tools"] for row in PROVIDERS.values() if "server_tools" in row}
    assert named <= set(adapters.NAMES)


QUIRKY = [(id, key, value) for id, row in PROVIDERS.items() for key, value in row.get("quirks", {}).items()]


@pytest.mark.parametrize(("provider", "key", "value"), QUIRKY, ids=lambda value: str(value)[:30])
def test_a_quirk_is_one_that_the_adapter_knows(provider: str, key: str, value: Any) -> None:
    kinds = typing.get_type_hints(load_adapter(PROVIDERS[provider].get("adapter", "openai_chat")).Quirks)
    assert key in kinds
    assert fits(value, kinds[key])


def test_every_pointer_has_no_other_key_and_leads_to_a_row_with_facts() -> None:
    assert POINTERS
    for provider, name, row in POINTERS:
        assert len(row) == 1, name
        (target,) = row.values()
        assert not {"alias", "like"} & MODELS[provider][target].keys(), name


def test_models_and_prefixes_belong_to_providers() -> None:
    assert MODELS.keys() <= PROVIDERS.keys()
    assert set(DATA["prefixes"].values()) - {""} <= PROVIDERS.keys()


def test_no_two_providers_have_one_name() -> None:
    names = [catalog.folded(name) for id, row in PROVIDERS.items() for name in {id, *row.get("also", [])}]
    assert sorted(names) == sorted(set(names))


def test_every_provider_has_an_address_and_a_way_to_its_key() -> None:
    bare = {id for id, row in PROVIDERS.items() if not row.get("url")}
    assert {id for id in bare if not PROVIDERS[id].get("keyless")} == set()
    assert {id for id, row in PROVIDERS.items() if not row.get("key_env") and not row.get("keyless")} == set()
    assert {row["url"] for row in PROVIDERS.values() if row["url"].endswith("/")} == set()


def test_no_answer_may_be_longer_than_the_context() -> None:
    assert [name for name, row in FACTS if row.get("max_output", 0) > row.get("context", 10**9)] == []


def test_no_read_from_a_cache_costs_more_than_the_tokens_themselves() -> None:
    rates = [
        (name, rate)
        for name, row in FACTS
        if (price := row.get("price"))
        for rate in [price, *price.get("tiers", []), *price.get("services", {}).values()]
    ]
    assert [name for name, rate in rates if rate.get("cache_read", 0) > rate["input"]] == []
    assert [name for name, rate in rates if min(rate.get(key, 0) for key in Rates.__annotations__) < 0] == []


def test_no_model_both_has_and_lacks_something() -> None:
    known = set("tools vision pdf audio video reasoning schema cache search computer".split())
    assert [name for name, row in FACTS if set(row.get("has", [])) & set(row.get("lacks", []))] == []
    assert {word for _, row in FACTS for word in [*row.get("has", []), *row.get("lacks", [])]} <= known


# --- budgets -------------------------------------------------------------------------------------------------------


def best(work: typing.Callable[[], object], times: int) -> float:
    """The seconds of the quickest of several runs."""
    seconds: list[float] = []
    for _ in range(times):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def test_reading_the_catalog_takes_well_under_a_tenth_of_a_second() -> None:
    def read() -> None:
        catalog.load.cache_clear()
        catalog.load()

    assert best(read, 5) < 0.1


def test_resolving_a_name_for_the_first_time_takes_no_pass_over_the_catalog() -> None:
    names = [f"{provider}/{name}" for provider, rows in MODELS.items() for name in rows][::10]

    def all_of_them() -> None:
        catalog._resolved.cache_clear()
        for name in names:
            resolve(name)

    assert best(all_of_them, 5) / len(names) < 100e-6  # three of them, but for coverage and a busy machine


def test_resolving_a_name_again_is_a_lookup() -> None:
    def thousand() -> None:
        for _ in range(1000):
            resolve("openrouter/anthropic/claude-sonnet-4.5")

    assert best(thousand, 5) / 1000 < 100e-6
