"""The response: a dict with shortcuts, and what it cost."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unified_llm import Completion, InvalidAnswerError
from unified_llm.formats import format_of
from unified_llm.pricing import usage_cost

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
RATES: Any = {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}


def response(usage: Any = None, *, prices: Any = None, structured: bool = False, **message: Any) -> Completion:
    said = {"role": "assistant", "content": "Hello!", **message}
    choices = [{"index": 0, "message": said, "finish_reason": "stop", "native_finish_reason": "end_turn"}]
    fields = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
    format = format_of({"type": "json_object"}) if structured else None
    return Completion({**fields, "usage": usage, "warnings": []}, prices=prices, format=format)


def usage(prompt: int, answer: int, **details: int) -> Any:
    counted: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    return {**counted, "prompt_tokens_details": details} if details else counted


# --- shortcuts -----------------------------------------------------------------------------------------------------


def test_the_shortcuts_say_what_the_first_choice_has() -> None:
    made = response(reasoning_content="hm", tool_calls=[CALL])
    assert (made.text, made.reasoning, made.tool_calls) == ("Hello!", "hm", [CALL])
    assert made.message is made["choices"][0]["message"]


def test_the_shortcuts_are_empty_where_there_is_nothing() -> None:
    made = response(content=None)
    assert (made.text, made.reasoning, made.tool_calls) == ("", "", [])
    assert (made.parsed, made.cost) == (None, None)


@pytest.mark.parametrize("name", ["text", "reasoning", "tool_calls", "parsed", "cost", "message"])
def test_the_shortcuts_cannot_be_set(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(response(), name, None)


@pytest.mark.parametrize("value", [{"a": [1]}, [1], "x", 1, None, True])
def test_the_text_is_parsed_where_json_was_asked_for(value: Any) -> None:
    assert response(content=json.dumps(value), structured=True).parsed == value


def test_the_text_is_not_parsed_where_no_json_was_asked_for() -> None:
    assert response(content='{"a": 1}').parsed is None


@pytest.mark.parametrize("content", ['{"a": ', "", None, "Hello!"])
def test_an_answer_that_is_not_the_json_that_was_asked_for_raises(content: str | None) -> None:
    made = response(content=content, structured=True)
    with pytest.raises(InvalidAnswerError) as raised:
        _ = made.parsed
    assert raised.value.completion is made
    assert isinstance(raised.value.__cause__, ValueError)


# --- a dict --------------------------------------------------------------------------------------------------------


def test_a_response_is_a_dict_that_json_takes() -> None:
    made = response(usage(5, 2), tool_calls=[CALL])
    assert isinstance(made, dict)
    assert json.loads(json.dumps(made)) == made == dict(made)


@pytest.mark.parametrize("again", [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy])
def test_a_response_can_be_pickled_and_copied_with_all_that_it_knows(again: Any) -> None:
    made = response(usage(1_000_000, 0), prices=RATES, structured=True, content='{"a": 1}')
    twin = again(made)
    assert type(twin) is Completion
    assert (twin, twin.cost, twin.parsed) == (made, 3.0, {"a": 1})


def test_a_deep_copy_shares_nothing() -> None:
    made = response()
    copy.deepcopy(made).message["content"] = "changed"
    assert made.text == "Hello!"


# --- costs ---------------------------------------------------------------------------------------------------------

INVOICES = {
    "input and output": (usage(1000, 500), 0.003 + 0.0075),
    "nothing": (usage(0, 0), 0.0),
    "cache reads": (usage(1000, 0, cached_tokens=800), 0.0006 + 0.00024),
    "cache writes": (usage(1000, 0, cache_write_tokens=600), 0.0012 + 0.00225),
    "both": (usage(1000, 100, cached_tokens=400, cache_write_tokens=600), 0.00012 + 0.00225 + 0.0015),
}


@pytest.mark.parametrize("name", INVOICES)
def test_every_token_is_paid_for_once_at_its_own_rate(name: str) -> None:
    counted, expected = INVOICES[name]
    assert response(counted, prices=RATES).cost == pytest.approx(expected, abs=1e-15)


def test_costs_are_not_rounded_by_the_way() -> None:
    assert response(usage(3, 0), prices={"input": 0.1, "output": 1}).cost == 3e-07


TIERED: Any = {"input": 1, "output": 10, "tiers": [{"above": 200_000, "input": 2, "output": 15}]}


@pytest.mark.parametrize(("prompt", "expected"), [(200_000, 0.2 + 0.01), (200_001, 0.400002 + 0.015)])
def test_a_long_prompt_is_paid_for_at_the_rates_of_its_tier_as_a_whole(prompt: int, expected: float) -> None:
    assert response(usage(prompt, 1000), prices=TIERED).cost == pytest.approx(expected)


def test_the_highest_tier_that_is_reached_holds_in_whatever_order_they_stand() -> None:
    tiers = [{"above": 200, "input": 3, "output": 0}, {"above": 100, "input": 2, "output": 0}]
    for order in (tiers, tiers[::-1]):
        assert usage_cost(usage(1_000_000, 0), {"input": 1, "output": 0, "tiers": order}) == 3.0  # type: ignore[typeddict-item]


def test_cached_tokens_count_for_the_tier() -> None:
    prices: Any = {**TIERED, "cache_read": 0.1}
    prices["tiers"][0]["cache_read"] = 0.2
    counted = usage(300_000, 0, cached_tokens=300_000)
    assert response(counted, prices=prices).cost == pytest.approx(0.06)


UNKNOWN = {
    "no prices": (usage(10, 10), None),
    "no usage": (None, RATES),
    "no rate of cache reads": (usage(10, 0, cached_tokens=5), {"input": 1, "output": 1}),
    "no rate of cache writes": (usage(10, 0, cache_write_tokens=5), {"input": 1, "output": 1}),
    "no rate of output": (usage(10, 1), {"input": 1}),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_cost_is_none_and_never_zero(name: str) -> None:
    counted, prices = UNKNOWN[name]
    assert response(counted, prices=prices).cost is None


def test_a_rate_that_is_not_needed_need_not_be_known() -> None:
    counted = usage(1_000_000, 0, cached_tokens=0, cache_write_tokens=0)
    assert response(counted, prices={"input": 1, "output": 1}).cost == 1.0


def test_a_model_that_is_free_costs_nothing() -> None:
    assert response(usage(10, 10), prices={"input": 0, "output": 0}).cost == 0.0


TOKENS = st.integers(0, 10**7)


@given(TOKENS, TOKENS, TOKENS, TOKENS)
def test_a_cost_is_the_sum_of_its_parts(fresh: int, read: int, written: int, answer: int) -> None:
    counted = usage(fresh + read + written, answer, cached_tokens=read, cache_write_tokens=written)
    expected = (fresh * 3 + read * 0.3 + written * 3.75 + answer * 15) / 1e6
    assert usage_cost(counted, RATES) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@given(TOKENS, TOKENS)
def test_reading_from_the_cache_never_costs_more(prompt: int, read: int) -> None:
    read = min(read, prompt)
    plain, cached = usage_cost(usage(prompt, 0), RATES), usage_cost(usage(prompt, 0, cached_tokens=read), RATES)
    assert plain is not None
    assert cached is not None
    assert 0 <= cached <= plain
