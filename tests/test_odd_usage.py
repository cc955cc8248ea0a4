"""Whatever a provider counts and in whatever form, a cost is right or None, and reading it never fails."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import call, folded, parse, sse

from unified_llm import BadRequestError, completion_cost, cost_breakdown, estimate_cost
from unified_llm.pricing import Prices, usage_cost
from unified_llm.response import Completion

PRICES: Prices = {
    "input": 1.0,
    "output": 10.0,
    "cache_read": 0.1,
    "tiers": [{"above": 1000, "input": 2.0, "output": 20.0, "cache_read": 0.2}],
    "services": {"flex": {"input": 0.5, "output": 5.0}},
    "off_peak": {"input": 0.1, "output": 1.0, "windows": [{"days": [1], "hours": [["04:00", "06:00"]]}]},
    "fees": {"web_search_requests": 10.0},
    "factors": {"us": 1.1},
}
SOUND = {"prompt_tokens": 100, "completion_tokens": 10}
COST = 0.0002

SAME = {
    "floats": {"prompt_tokens": 100.0, "completion_tokens": 10.0},
    "strings": {"prompt_tokens": "100", "completion_tokens": "10.0"},
    "details of nothing": {**SOUND, "prompt_tokens_details": None, "completion_tokens_details": {"audio_tokens": None}},
    "steps of nothing": {**SOUND, "iterations": None},
    "no place": {**SOUND, "inference_geo": None, "speed": ""},
    "a negative statement": {**SOUND, "cost": -1},
    "a statement in words": {**SOUND, "cost": "free"},
    "a statement of nothing": {**SOUND, "cost": {"total_cost": None}},
    "a tool that was not used": {**SOUND, "server_tool_use": {"web_search_requests": None}},
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_count_is_the_same_however_it_is_written(name: str) -> None:
    assert usage_cost(SAME[name], PRICES) == pytest.approx(COST)


UNKNOWN: dict[str, Any] = {
    "no prompt": {"completion_tokens": 10},
    "no answer": {"prompt_tokens": 100},
    "below zero": {"prompt_tokens": -100, "completion_tokens": 10},
    "words": {"prompt_tokens": "many", "completion_tokens": 10},
    "no number": {"prompt_tokens": math.nan, "completion_tokens": 10},
    "without end": {"prompt_tokens": 100, "completion_tokens": math.inf},
    "beyond all prompts": {**SOUND, "prompt_tokens_details": {"cached_tokens": 10**400, "cached_audio_tokens": []}},
    "a flag": {"prompt_tokens": True, "completion_tokens": 10},
    "a dict": {"prompt_tokens": {"text": 100}, "completion_tokens": 10},
    "more from the cache than there was": {**SOUND, "prompt_tokens_details": {"cached_tokens": 200}},
    "a cache in words": {**SOUND, "prompt_tokens_details": {"cached_tokens": "some"}},
    "an unknown place": {**SOUND, "inference_geo": ["eu"]},
    "a step in words": {**SOUND, "iterations": ["x"]},
    "fewer searches than none": {**SOUND, "server_tool_use": {"web_search_requests": -1}},
    "a tool without a fee": {**SOUND, "server_tool_use": {"code_runs": 1}},
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_counts_that_are_none_make_the_cost_unknown_and_never_zero(name: str) -> None:
    assert usage_cost(UNKNOWN[name], PRICES) is None


@pytest.mark.parametrize("tier", ["economy", {"x": 1}, ["flex"], 7])
def test_a_service_that_is_not_known_makes_the_cost_unknown(tier: Any) -> None:
    assert usage_cost(SOUND, PRICES, tier) is None


@pytest.mark.parametrize("at", ["x", {}, -1, 1e300, math.nan, math.inf, True, "1700000000"])
def test_a_moment_that_is_none_is_no_quiet_hour(at: Any) -> None:
    assert usage_cost(SOUND, PRICES, None, at) == pytest.approx(COST)


def test_the_fee_of_a_use_that_is_counted_in_floats_is_not_lost() -> None:
    usage = {**SOUND, "server_tool_use": {"web_search_requests": 2.0}}
    assert usage_cost(usage, PRICES) == pytest.approx(COST + 0.02)


@pytest.mark.parametrize(("length", "rate"), [(999, 1), (1000, 1), (1001, 2), (1000.0, 1), ("1001", 2)])
def test_a_tier_begins_behind_its_boundary(length: Any, rate: int) -> None:
    usage = {"prompt_tokens": length, "completion_tokens": 0}
    assert usage_cost(usage, PRICES) == pytest.approx(rate * int(length) / 1e6)


def test_a_charge_too_large_for_any_bill_is_still_a_number() -> None:
    assert usage_cost({**SOUND, "cost": 10**400}, None) == math.inf


LEAVES: Any = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.sampled_from(["", "x", "12", 10**400, -0.0])
)
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "type"]), inner),
    max_leaves=4,
)
NAMES = (
    "prompt_tokens completion_tokens total_tokens cost estimated_cost cost_in_usd_ticks cost_details is_byok "
    "iterations service_tier inference_geo speed search_context_size num_search_queries".split()
)
NESTED = (
    "prompt_tokens_details completion_tokens_details server_tool_use server_side_tool_usage_details billed_units "
    "cost_details".split()
)
KEYS = "cached_tokens audio_tokens cached_audio_tokens reasoning_tokens input_tokens output_tokens x".split()
USAGES = st.builds(
    lambda flat, nested: {**flat, **nested},
    st.dictionaries(st.sampled_from(NAMES), JUNK),
    st.dictionaries(st.sampled_from(NESTED), st.one_of(JUNK, st.dictionaries(st.sampled_from(KEYS), JUNK))),
)


@given(USAGES, JUNK, JUNK)
def test_no_usage_makes_its_cost_fail(usage: Any, tier: Any, created: Any) -> None:
    answer = {"usage": usage, "service_tier": tier, "created": created}
    cost = Completion(answer, prices=PRICES).cost
    assert cost is None or cost >= 0
    completion_cost(answer, "gpt-4.1")
    cost_breakdown(answer, "gpt-4.1")


@pytest.mark.parametrize("given", ["x", 7, [], None])
def test_what_is_no_answer_has_no_cost_and_says_so(given: Any) -> None:
    with pytest.raises(BadRequestError, match="the response is"):
        completion_cost(given, "gpt-4.1")


@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens", "max_tokens"])
@pytest.mark.parametrize("value", ["x", -1, 1.5, True, {}, math.nan])
def test_an_estimate_of_what_is_no_length_is_refused_by_its_name(name: str, value: Any) -> None:
    options: Any = {"prompt_tokens": 5, name: value}
    with pytest.raises(BadRequestError, match=f"{name} is|limit of tokens is"):
        estimate_cost("gpt-4.1", **options)


def test_an_estimate_refuses_a_parameter_that_does_not_exist() -> None:
    options: Any = {"max_token": 5}
    with pytest.raises(TypeError, match="max_tokens"):
        estimate_cost("gpt-4.1", prompt_tokens=5, **options)


# --- in answers ------------------------------------------------------------------------------------------------------

ANSWER: dict[str, Any] = {
    "id": "c",
    "created": 1_700_000_000,
    "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
}


@pytest.mark.parametrize("created", ["1700000000", 1_700_000_000.25, "2026-11-21T00:00:00Z", {}, [], math.inf, -0.0])
def test_an_answer_with_an_odd_date_is_read(created: Any) -> None:
    body = json.loads(json.dumps({**ANSWER, "created": created}))
    assert type(parse(call("gpt-4.1"), body)["created"]) is int
    event = {
        **ANSWER,
        "created": created,
        "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}],
    }
    assert type(folded(call("gpt-4.1"), sse(event, "[DONE]"))["created"]) is int


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"prompt_tokens": "3", "completion_tokens": "5"}, (3, 5, 8)),
        ({"prompt_tokens": 3.0, "completion_tokens": 5.0, "total_tokens": 8.0}, (3, 5, 8)),
        ({"prompt_tokens": 3, "completion_tokens": {"text": 5}, "total_tokens": "x"}, (3, 0, 3)),
    ],
)
def test_counts_of_an_answer_are_whole_numbers_however_they_come(counts: Any, expected: Any) -> None:
    usage = parse(call("gpt-4.1"), {**ANSWER, "usage": counts})["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == expected


@pytest.mark.parametrize("count", ["many", {}, [], math.nan])
def test_counts_of_nothing_are_no_usage(count: Any) -> None:
    assert parse(call("gpt-4.1"), {**ANSWER, "usage": {"prompt_tokens": count}})["usage"] is None
