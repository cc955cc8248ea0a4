"""What makes a catalog wrong, each fault as a file that has only this one; and what two catalogs differ in."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unified_llm import BadRequestError, catalog
from unified_llm.catalog_check import Change, differences, findings, is_jump, read

GOOD: dict[str, Any] = {
    "version": 1,
    "prefixes": {"acme-": "acme", "open-": ""},
    "providers": {
        "acme": {
            "url": "https://{region}.llm.example/v1",
            "url_vars": {"region": ["ACME_REGION"]},
            "key_env": ["ACME_API_KEY"],
            "quirks": {"max_tokens_field": "max_completion_tokens", "temperature_max": 1},
            "also": ["acme-ai"],
        },
        "here": {"url": "", "keyless": True, "adapter": "anthropic_messages", "routes": {"old-": "anthropic_complete"}},
    },
    "families": {"acme-": {"efforts": ["low"], "thinking_budget": [0, 9]}, "acme-2": {"reasoning": "none"}},
    "models": {
        "acme": {
            "fast": {"alias": "large"},
            "large": {
                "context": 1000,
                "max_output": 1000,
                "price": {
                    "input": 1,
                    "output": 4.5,
                    "cache_read": 1,
                    "cache_write": 2.5,
                    "services": {"batch": {"input": 0.5, "output": 2}, "priority": {"input": 2, "output": 9}},
                    "off_peak": {
                        "input": 0.5,
                        "output": 4,
                        "windows": [{"days": [6, 7], "hours": [["00:00", "24:00"]]}],
                    },
                    "fees": {"web_search_requests": 10},
                    "factors": {"us": 1.1},
                    "tiers": [{"above": 10, "input": 2, "output": 9}, {"above": 20, "input": 3, "output": 9}],
                },
                "has": ["tools"],
                "lacks": ["pdf"],
                "status": "deprecated",
                "ends": "2027-01-31",
                "rules": {"stop": False},
            },
            "latest": {"like": "large"},
        }
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good catalog with another value at a path; `...` takes the key away."""
    rows = copy.deepcopy(GOOD)
    *way, last = path.split("/")
    at: Any = rows
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
    if value is ...:
        del at[last]
    else:
        at[int(last) if isinstance(at, list) else last] = value
    return rows


def test_the_catalog_that_is_shipped_has_no_fault() -> None:
    rows, twice = read(catalog.file())
    assert findings(rows) == twice == []


def test_a_good_catalog_has_no_fault() -> None:
    assert findings(GOOD) == []


LARGE = "models/acme/large"
FAULTS = [
    ("provider", {}, "unknown key 'provider'; it takes providers"),
    ("providers/acme/uri", "x", "providers.acme: unknown key 'uri'; it takes url"),
    ("providers/acme/key_env", "ACME", "providers.acme.key_env: 'ACME' is no list"),
    ("providers/acme/keyless", 1, "providers.acme.keyless: 1 is no bool"),
    ("providers/acme", [], "providers.acme: [] is no object"),
    ("providers/acme/url_vars", {"region": "R"}, "providers.acme.url_vars.region: 'R' is no list"),
    ("providers/acme/url_vars", ..., "'region' stands in only one of url and url_vars"),
    ("providers/acme/url_vars", {"region": ["R"], "zone": ["Z"]}, "'zone' stands in only one"),
    ("providers/acme/url", "{region}.example", "does not begin with http:// or https://"),
    ("providers/acme/url", "https://{region}.example/", "ends with a slash"),
    ("providers/here/keyless", ..., "providers.here.url: '' does not begin"),
    ("providers/acme/key_env", [], "has neither key_env nor keyless"),
    ("providers/here/also", ["ACME_ai"], "providers.here: 'ACME_ai' is also a name of 'acme'"),
    ("providers/acme/adapter", "openai_chatt", "there is no adapter 'openai_chatt'"),
    ("providers/here/token_counts", {"ollama_chat": "ollama_chat"}, "token_counts: 'ollama_chat' has no way to count"),
    ("providers/here/routes/new-", "nonsense", "there is no adapter 'nonsense'"),
    ("providers/acme/formats", {"openai_chatt": {}}, "acme.formats.openai_chatt: there is no adapter 'openai_chatt'"),
    ("providers/acme/formats", {"gemini": {"paths": ""}}, "acme.formats.gemini: unknown key 'paths'; it takes path"),
    (
        "providers/acme/formats",
        {"gemini": {"path": "v1"}},
        "acme.formats.gemini.path: 'v1' does not begin with a slash",
    ),
    (
        "providers/acme/formats",
        {"gemini": {"path": "/v1/"}},
        "gemini.path: '/v1/' does not begin with a slash, or ends",
    ),
    ("providers/acme/formats", {"gemini": {"quirks": {"a": 1}}}, "acme.formats.gemini.quirks: unknown quirk 'a'"),
    ("providers/acme/quirks/max_tokens", "x", "unknown quirk 'max_tokens'; there is max_tokens_field"),
    ("providers/acme/quirks/max_tokens_field", "n", "'n' is none of 'max_tokens', 'max_completion_tokens'"),
    ("providers/acme/quirks/temperature_max", True, "quirks.temperature_max: True is no float"),
    (
        "providers/here",
        {"url": "", "keyless": True, "adapter": "ollama_chat", "quirks": {"keep_alive": []}},
        "no str | int",
    ),
    ("prefixes/open-", "nobody", "prefixes.open-: there is no provider 'nobody'"),
    ("prefixes/aa-", "acme", "prefixes.aa-: stands out of order"),
    ("models/acme/a", {}, "models.acme.a: stands out of order"),
    ("models/who", {}, "models.who: there is no such provider"),
    ("families/acme-/sampling", "some", "families.acme-.sampling: 'some' is none of"),
    ("families/acme-/thinking_budget", [9, 0], "[9, 0] is no [fewest, most]"),
    ("families/acme-/thinking_budget", [9], "[9] is no [fewest, most]"),
    ("families/acme-/reasoning", "none", "families.acme-: has efforts, and does not reason"),
    (f"{LARGE}/context", 999, "max_output 1,000 is over the context 999"),
    (f"{LARGE}/max_output", 0, "max_output: 0 is no number of tokens"),
    (f"{LARGE}/max_output", 1.5, "max_output: 1.5 is no int"),
    (f"{LARGE}/price/input", ..., "models.acme.large.price: lacks input"),
    (f"{LARGE}/price/inputs", 1, "unknown key 'inputs'; it takes input"),
    (f"{LARGE}/price/output", "4", "price.output: '4' is no float"),
    (f"{LARGE}/price/audio_input", -1, "price.audio_input: -1 is below zero"),
    (f"{LARGE}/price/cache_read", 1.1, "price.cache_read: 1.1 is over 1 x input 1"),
    (f"{LARGE}/price/cache_write", 2.6, "price.cache_write: 2.6 is over 2.5 x input 1"),
    (f"{LARGE}/price/services/batch/input", 2, "price.services.batch.input: 2 is over input 1"),
    (f"{LARGE}/price/services/batch/output", 5, "price.services.batch.output: 5 is over output 4.5"),
    (f"{LARGE}/price/services/priority/output", ..., "price.services.priority: lacks output"),
    (f"{LARGE}/price/services/priority/cache_read", 3, "services.priority.cache_read: 3 is over 1 x input 2"),
    (f"{LARGE}/price/off_peak/output", 5, "price.off_peak.output: 5 is over output 4.5"),
    (f"{LARGE}/price/off_peak/windows/0/days", ["Sunday"], "windows.0.days.0: 'Sunday' is no int"),
    (f"{LARGE}/price/fees/web_search_requests", -1, "price.fees.web_search_requests: -1 is below zero"),
    (f"{LARGE}/price/factors/us", -1, "price.factors.us: -1 is below zero"),
    (f"{LARGE}/price/tiers/1/above", 10, "price.tiers.1: above 10 is not over 10"),
    (f"{LARGE}/price/tiers/1/above", ..., "price.tiers.1: lacks above"),
    (f"{LARGE}/price/tiers/0/cache_read", 3, "price.tiers.0.cache_read: 3 is over 1 x input 2"),
    (f"{LARGE}/has", ["tool"], "'tool' is no capability; there are tools"),
    (f"{LARGE}/lacks", ["tools"], "both has and lacks tools"),
    (f"{LARGE}/status", "gone", "status: 'gone' is none of 'deprecated', 'retired'"),
    (f"{LARGE}/ends", "31.1.2027", "ends: '31.1.2027' is no day, YYYY-MM-DD"),
    (f"{LARGE}/rules/stops", True, "unknown key 'stops'; it takes stop"),
    (f"{LARGE}/rules/thinking_budget", [], "rules.thinking_budget: [] is no [fewest, most]"),
    ("models/acme/fast/context", 1, "models.acme.fast: has other keys beside alias"),
    ("models/acme/latest/like", "huge", "models.acme.latest.like: there is no model 'huge'"),
    ("models/acme/latest/like", "fast", "models.acme.latest.like: 'fast' is a pointer itself"),
]


@pytest.mark.parametrize(("path", "value", "words"), FAULTS, ids=lambda value: str(value)[:50])
def test_a_fault_is_found_and_named(path: str, value: Any, words: str) -> None:
    found = findings(changed(path, value))
    assert len(found) == 1 if path != "providers/here/keyless" else 2
    assert words in found[0]


def test_a_name_that_stands_twice_is_found(tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    path.write_text('{"providers": {"acme": {"keyless": true}, "acme": {"keyless": true}}}')
    assert read(path)[1] == ["acme stands twice in one place"]


@pytest.mark.parametrize("text", [None, "", "{", "[1]"])
def test_what_is_no_json_object_cannot_be_read(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadRequestError, match=r"none\.json"):
        read(path)


# --- overlays ------------------------------------------------------------------------------------------------------


BASE: Any = GOOD


def test_an_overlay_may_lead_to_rows_of_the_catalog_below_and_stand_in_any_order() -> None:
    overlay = {
        "models": {"here": {}, "acme": {"quick": {"like": "large"}, "large": {"context": 2000}}},
        "prefixes": {"b-": "here", "a-": "acme"},
        "providers": {"acme": {"docs": "https://llm.example/docs"}},
    }
    before = copy.deepcopy(GOOD)
    assert findings(overlay, BASE) == []
    assert before == GOOD


def test_an_overlay_is_held_against_what_it_makes_of_the_catalog() -> None:
    overlay = {"models": {"acme": {"large": {"context": 10}, "quick": {"like": "latest"}}}}
    assert findings(overlay, BASE) == [
        "models.acme.large: max_output 1,000 is over the context 10",
        "models.acme.quick.like: 'latest' is a pointer itself",
    ]


def test_faults_of_the_catalog_below_are_not_told_of_an_overlay() -> None:
    base: Any = changed(f"{LARGE}/context", 1)
    assert findings({"models": {"acme": {"other": {"context": 5}}}}, base) == []


# --- differences ---------------------------------------------------------------------------------------------------


def test_a_changed_value_is_told_with_its_path_and_both_values() -> None:
    assert differences(GOOD, changed(f"{LARGE}/price/tiers/0/input", 9)) == [
        Change("~", "models.acme.large", "price.tiers.0.input", 2, 9, jump=True)
    ]
    assert differences(GOOD, changed("providers/acme/url", "https://x")) == [
        Change("~", "providers.acme", "url", "https://{region}.llm.example/v1", "https://x")
    ]


def test_rows_that_came_and_went_are_told_without_their_keys() -> None:
    new = changed("models/acme/fast", ...)
    new["families"]["acme-3"] = {}
    assert differences(GOOD, new) == [Change("+", "families.acme-3"), Change("-", "models.acme.fast")]


def test_a_price_that_was_not_known_does_not_jump() -> None:
    (change,) = differences(GOOD, changed(f"{LARGE}/price/cache_read", ...))
    assert (change.old, change.new, change.jump) == (1, None, False)


@pytest.mark.parametrize(
    ("old", "new", "jumps"),
    [(1, 2.5, False), (1, 2.51, True), (2.51, 1, True), (0, 1, True), (1, 0, True), (0, 0, False)],
)
def test_a_price_jumps_by_more_than_two_and_a_half_times_or_to_zero(old: float, new: float, jumps: bool) -> None:
    assert is_jump(old, new) is jumps


ROWS = st.dictionaries(
    st.sampled_from("abc"),
    st.dictionaries(st.sampled_from("xy"), st.none() | st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2)),
)
PARTS = st.fixed_dictionaries({"providers": ROWS, "models": st.dictionaries(st.sampled_from("pq"), ROWS)})


@given(PARTS, PARTS)
def test_signs_turn_round_with_the_order_of_the_files(old: Any, new: Any) -> None:
    there, back = differences(old, new), differences(new, old)
    turned = {"+": "-", "-": "+", "~": "~"}
    assert [(turned[c.sign], c.row, c.key, c.new, c.old) for c in there] == [
        (c.sign, c.row, c.key, c.old, c.new) for c in back
    ]


@given(PARTS)
def test_a_catalog_does_not_differ_from_itself(rows: Any) -> None:
    assert differences(rows, json.loads(json.dumps(rows))) == []
