"""What a usage costs: the tier, the hour, the tools, and what the provider says; sums are worked out here by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unified_llm.pricing import added, answer_parts, cost_parts, sum_of, usage_cost

PRICES: Any = {
    "input": 2,
    "output": 8,
    "cache_read": 0.5,
    "cache_write": 2.5,
    "cache_write_1h": 4,
    "audio_input": 40,
    "audio_output": 80,
    "tiers": [{"above": 200_000, "input": 4, "output": 12, "cache_read": 1}],
    "services": {
        "batch": {"input": 1, "output": 4},
        "flex": {"input": 1, "output": 4, "tiers": [{"above": 200_000, "input": 2, "output": 6}]},
        "priority": {"input": 3.5, "output": 14, "cache_read": 0.875},
    },
    "fees": {"web_search_requests": 10, "web_fetch_requests": 0, "low_context_search": 5},
    "factors": {"us": 1.1, "fast": 2},
}


def usage(prompt: int, completion: int, *, of_completion: Any = None, beside: Any = None, **of_prompt: int) -> Any:
    counted = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    details = {"prompt_tokens_details": of_prompt, "completion_tokens_details": of_completion or {}}
    return {**counted, **details, **(beside or {})}


# --- tokens --------------------------------------------------------------------------------------------------------

TOKENS = {
    "a cache that is kept 5 minutes": (usage(1000, 0, cache_write_tokens=600), 400 * 2 + 600 * 2.5),
    "a cache that is kept an hour": (
        usage(1000, 0, cache_write_tokens=600, cache_write_1h_tokens=500),
        400 * 2 + 100 * 2.5 + 500 * 4,
    ),
    "speech that is heard": (usage(1000, 0, audio_tokens=300), 700 * 2 + 300 * 40),
    "speech that is spoken": (usage(0, 1000, of_completion={"audio_tokens": 300}), 700 * 8 + 300 * 80),
    "speech beside a cache without speech": (
        usage(1000, 0, audio_tokens=300, cached_tokens=200, cached_audio_tokens=0),
        500 * 2 + 300 * 40 + 200 * 0.5,
    ),
    "thoughts": (usage(0, 1000, of_completion={"reasoning_tokens": 900}), 1000 * 8),
    "what a search found": (usage(1000, 0, search_result_tokens=400), 600 * 2),
    "what is billed, where less is billed than counted": (
        usage(1400, 54, cached_tokens=1300, beside={"billed_units": {"input_tokens": 8.0, "output_tokens": 50}}),
        8 * 2 + 50 * 8,
    ),
    "details that are null": (
        {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": None}},
        2 + 8,
    ),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_is_paid_for_at_the_rate_of_its_kind(name: str) -> None:
    counted, millionths = TOKENS[name]
    assert usage_cost(counted, PRICES) == pytest.approx(millionths / 1e6, rel=1e-12)


UNKNOWN = {
    "speech from the cache, or beside it": usage(1000, 0, audio_tokens=300, cached_tokens=200),
    "a drawn picture": usage(0, 1290, of_completion={"image_tokens": 1290}),
    "more from the cache than there was": usage(7, 8, cached_tokens=161),
    "more speech than there was": usage(9, 1, audio_tokens=375),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_token_without_a_rate_makes_the_cost_unknown(name: str) -> None:
    assert usage_cost(UNKNOWN[name], PRICES) is None


def test_thoughts_have_a_rate_of_their_own_where_the_prices_say_so() -> None:
    counted = usage(0, 1000, of_completion={"reasoning_tokens": 900})
    assert usage_cost(counted, {"input": 2, "output": 8, "reasoning": 3}) == pytest.approx((100 * 8 + 900 * 3) / 1e6)


@pytest.mark.parametrize(("thoughts", "rate"), [(1, 4), (0, 1.2)])
def test_all_output_costs_more_where_the_answer_thinks_and_the_prices_say_so(thoughts: int, rate: float) -> None:
    counted = usage(0, 1000, of_completion={"reasoning_tokens": thoughts})
    assert usage_cost(counted, {"input": 1, "output": 1.2, "thinking_output": 4}) == pytest.approx(1000 * rate / 1e6)


def test_what_is_free_is_free_in_all_its_parts() -> None:
    counted = usage(1000, 1000, cached_tokens=10, audio_tokens=10, of_completion={"image_tokens": 3})
    assert usage_cost(counted, {"input": 0, "output": 0}) == 0.0


COUNT = st.integers(0, 10**6)


@given(COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
def test_the_parts_are_disjoint_and_whole(fresh: int, read: int, short: int, hour: int, said: int, spoken: int) -> None:
    prompt, prices = fresh + read + short + hour, {**PRICES, "tiers": []}
    details = {"cached_tokens": read, "cache_write_tokens": short + hour, "cache_write_1h_tokens": hour}
    counted = usage(prompt, said + spoken, of_completion={"audio_tokens": spoken}, **details)
    expected = fresh * 2 + read * 0.5 + short * 2.5 + hour * 4 + said * 8 + spoken * 80
    assert usage_cost(counted, prices) == pytest.approx(expected / 1e6, rel=1e-12, abs=1e-15)


# --- how it was served ---------------------------------------------------------------------------------------------

SERVED = {
    None: 1000 * 2 + 100 * 8,
    "default": 1000 * 2 + 100 * 8,
    "standard": 1000 * 2 + 100 * 8,
    "on_demand": 1000 * 2 + 100 * 8,
    "batch": 1000 * 1 + 100 * 4,
    "priority": 1000 * 3.5 + 100 * 14,
}


@pytest.mark.parametrize("tier", SERVED)
def test_a_service_tier_has_its_own_rates(tier: str | None) -> None:
    assert usage_cost(usage(1000, 100), PRICES, tier) == pytest.approx(SERVED[tier] / 1e6)


@pytest.mark.parametrize("tier", ["scale", "provisioned", "performance"])
def test_a_service_tier_without_rates_makes_the_cost_unknown(tier: str) -> None:
    assert usage_cost(usage(1000, 100), PRICES, tier) is None


def test_a_long_prompt_costs_what_the_tier_of_its_service_says() -> None:
    assert usage_cost(usage(300_000, 0), PRICES, "flex") == pytest.approx(0.6)
    assert usage_cost(usage(300_000, 0), PRICES, "batch") is None
    assert usage_cost(usage(200_000, 0), PRICES, "batch") == pytest.approx(0.2)


PLACES = {
    "the tier that OpenAI names": {"service_tier": "priority"},
    "a tier that OpenAI has no word for": {"provider_fields": {"service_tier": "priority"}},
    "a tier beside the counts": {"usage": {**usage(1000, 100), "service_tier": "priority"}},
}


@pytest.mark.parametrize("name", PLACES)
def test_the_tier_is_the_one_that_the_answer_names(name: str) -> None:
    answer = {"usage": usage(1000, 100), **PLACES[name]}
    assert sum_of(answer_parts(answer, PRICES)) == sum_of(cost_parts(usage(1000, 100), PRICES, "priority"))


WINDOWS = [
    {"days": [1, 2, 3, 4, 5], "hours": [["00:00", "01:00"], ["10:00", "24:00"]]},
    {"days": [6, 7], "hours": [["00:00", "24:00"]]},
]
QUIET: Any = {"input": 2, "output": 8, "off_peak": {"input": 1, "output": 4, "windows": WINDOWS}}
HOURS = {  # 20 November 2026 is a Friday
    "2026-11-20T00:59": 1,
    "2026-11-20T01:00": 2,
    "2026-11-20T09:59": 2,
    "2026-11-20T10:00": 1,
    "2026-11-20T23:59": 1,
    "2026-11-21T05:00": 1,
    "2026-11-23T05:00": 2,
}


@pytest.mark.parametrize("moment", HOURS)
def test_a_quiet_hour_has_its_own_rates(moment: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    assert usage_cost(usage(1_000_000, 0), QUIET, at=at) == HOURS[moment]
    assert sum_of(answer_parts({"usage": usage(1_000_000, 0), "created": int(at)}, QUIET)) == HOURS[moment]


FACTORED = {("us", None): 1.1, (None, "fast"): 2, ("us", "fast"): 2.2, ("eu", None): None, ("us", "faster"): None}


@pytest.mark.parametrize(("place", "speed"), FACTORED)
def test_place_and_speed_multiply_what_tokens_cost(place: str | None, speed: str | None) -> None:
    beside = {"inference_geo": place, "speed": speed, "server_tool_use": {"web_search_requests": 1}}
    factor = FACTORED[place, speed]
    expected = None if factor is None else pytest.approx(1000 * 2 / 1e6 * factor + 0.01)
    assert usage_cost(usage(1000, 0, beside=beside), PRICES) == expected


# --- tools ---------------------------------------------------------------------------------------------------------

USED = {
    "searches": ({"server_tool_use": {"web_search_requests": 3}}, 0.03),
    "what has no price of its own": ({"server_tool_use": {"web_fetch_requests": 3}}, 0),
    "nothing": ({"server_tool_use": {"sandbox_hours": 0}}, 0),
    "a search of some size": ({"search_context_size": "low"}, 0.005),
    "what is not priced": ({"server_tool_use": {"web_search_requests": 3, "sandbox_hours": 1}}, None),
    "a search of a size that is not priced": ({"search_context_size": "huge"}, None),
    "sources": ({"num_sources_used": 2}, None),
    "details of a gateway": ({"server_tool_use_details": {"web_search_requests": 2}}, 0.02),
    "one thing that is told twice": (
        {"server_side_tool_usage_details": {"web_search_requests": 1}, "server_tool_use": {"web_search_requests": 1}},
        0.01,
    ),
}


@pytest.mark.parametrize("name", USED)
def test_the_use_of_a_tool_is_paid_for_by_the_thousand(name: str) -> None:
    beside, fee = USED[name]
    assert usage_cost(usage(0, 0, beside=beside), PRICES) == (None if fee is None else pytest.approx(fee))


def test_each_call_costs_its_fee_where_the_prices_have_one() -> None:
    prices: Any = {"input": 2, "output": 8, "fees": {"request": 25}}
    assert usage_cost(usage(1000, 0), prices) == pytest.approx(0.002 + 0.025)


# --- steps ---------------------------------------------------------------------------------------------------------


def test_every_step_of_an_answer_is_paid_for_at_the_tier_of_its_own_prompt() -> None:
    steps = [{"type": "compaction", **usage(300_000, 100)}, {"type": "message", **usage(1000, 10)}]
    counted = usage(1000, 10, beside={"iterations": steps})
    assert usage_cost(counted, PRICES) == pytest.approx((300_000 * 4 + 100 * 12 + 1000 * 2 + 10 * 8) / 1e6)


@pytest.mark.parametrize("kind", ["advisor_message", "fallback_message"])
def test_a_step_of_another_model_makes_the_cost_unknown(kind: str) -> None:
    steps = [{"type": kind, **usage(10, 10)}, {"type": "message", **usage(10, 10)}]
    assert usage_cost(usage(10, 10, beside={"iterations": steps}), PRICES) is None


def test_the_parts_of_several_answers_add_up_under_their_names() -> None:
    one, other = cost_parts(usage(1000, 0), PRICES), cost_parts(usage(1000, 1000), PRICES)
    both = added([one, other])
    assert both is not None
    assert {name: float(part or -1) for name, part in both.items()} == {"input": 0.004, "output": 0.008}
    assert added([one, None]) is None
    assert sum_of(added([one, cost_parts(usage(1, 1, audio_tokens=3), PRICES)])) is None


# --- what the provider says ----------------------------------------------------------------------------------------

STATED = {
    "a number": ({"cost": 0.025265}, 0.025265),
    "a number in a string": ({"cost": "0.0002"}, 0.0002),
    "nothing, for what is free": ({"cost": 0}, 0.0),
    "a sum and its parts": (
        {"cost": {"input_tokens_cost": 2e-05, "request_cost": 0.005, "total_cost": 0.00502}},
        0.00502,
    ),
    "ten-thousand-millionths of a dollar": ({"cost_in_usd_ticks": 5743500}, 0.00057435),
    "an estimate of its own": ({"estimated_cost": 3.8e-07}, 3.8e-07),
    "a share, and what the owner of the key pays": (
        {"cost": 0.0001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.00417}},
        0.00427,
    ),
}


@pytest.mark.parametrize("prices", [PRICES, None], ids=["with prices", "without prices"])
@pytest.mark.parametrize("name", STATED)
def test_what_the_provider_says_that_it_charged_counts_before_any_price(name: str, prices: Any) -> None:
    beside, expected = STATED[name]
    assert usage_cost(usage(1000, 1000, beside=beside), prices) == expected


UNSTATED = {
    "null": {"cost": None},
    "a word": {"cost": "unknown"},
    "no number": {"cost": float("nan")},
    "a flag": {"cost": True},
    "an object without a sum": {"cost": {"input_tokens_cost": 1}},
    "no ticks": {"cost_in_usd_ticks": 0},
    "a share without what the owner of the key pays": {"cost": 0, "is_byok": True, "cost_details": None},
}


@pytest.mark.parametrize("name", UNSTATED)
def test_what_is_no_statement_leaves_the_sum_to_the_prices(name: str) -> None:
    counted = usage(1000, 0, beside=UNSTATED[name])
    assert usage_cost(counted, PRICES) == pytest.approx(0.002)
    assert usage_cost(counted, None) is None


def test_an_answer_without_usage_has_no_cost() -> None:
    assert answer_parts({"usage": None}, PRICES) is None
    assert answer_parts({}, PRICES) is None
