"""What a call did cost and is going to cost, as users ask for it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from support_server import Server

from unified_llm import (
    BadRequestError,
    CostEstimate,
    NotFoundError,
    aestimate_cost,
    completion,
    completion_cost,
    cost_breakdown,
    estimate_cost,
    resolve,
)
from unified_llm.response import Completion

# the literal prices below are those of the catalog, or the tests fail
GPT = resolve("gpt-4.1").facts["price"]
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
CACHED = {**USAGE, "prompt_tokens_details": {"cached_tokens": 400}}
COST = 1000 * 2e-6 + 500 * 8e-6


def answer(model: str = "gpt-4.1", **fields: Any) -> dict[str, Any]:
    return {"id": "x", "object": "chat.completion", "created": 1, "model": model, "usage": USAGE, **fields}


def test_the_catalog_has_the_prices_that_these_tests_count_with() -> None:
    assert (GPT["input"], GPT["output"], GPT.get("cache_read")) == (2, 8, 0.5)
    assert GPT.get("services", {})["batch"] == {"input": 1, "output": 4}


# --- what it did cost ----------------------------------------------------------------------------------------------

WAYS: dict[str, tuple[Any, str | None]] = {
    "a completion": (Completion(answer("some-name"), prices=GPT), None),
    "a completion, at the prices of another model": (Completion(answer("some-name")), "gpt-4.1"),
    "a dict of one": (answer(), None),
    "a dict of one whose name is the provider's own": (answer("gpt-4.1-2025-04-14"), None),
    "a dict of one, with a name that counts before its own": (answer("some-name"), "openai/gpt-4.1"),
    "the last chunk": ({**answer(), "object": "chat.completion.chunk"}, None),
    "a usage and a model": (USAGE, "gpt-4.1"),
    "what came back from JSON": (json.loads(json.dumps(answer())), None),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_cost_is_that_of_the_usage_at_the_prices_of_the_model(name: str) -> None:
    given, model = WAYS[name]
    assert completion_cost(given, model) == pytest.approx(COST)
    assert completion_cost(completion_response=given, model=model) == pytest.approx(COST)


def test_a_completion_and_its_cost_are_one_rule() -> None:
    reply = {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": CACHED}
    body = json.dumps(reply).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with Server(head + body) as server:
        made = completion("gpt-4.1", "Hi", base_url=server.url, api_key="any")
    assert made.cost == completion_cost(made) == completion_cost(dict(made))
    assert made.cost == pytest.approx(600 * 2e-6 + 400 * 0.5e-6 + 500 * 8e-6)


def test_the_parts_of_a_cost_have_names_and_a_sum() -> None:
    assert cost_breakdown(CACHED, "gpt-4.1") == {
        "cache_read": pytest.approx(0.0002),
        "input": pytest.approx(0.0012),
        "output": pytest.approx(0.004),
        "total": pytest.approx(0.0054),
    }


def test_a_part_without_a_price_is_named_and_leaves_the_sum_open() -> None:
    counted = {**USAGE, "server_tool_use": {"web_search_requests": 1}}
    parts = cost_breakdown(counted, "gpt-4.1")
    assert parts is not None
    assert (parts["web_search_requests"], parts["total"]) == (None, None)
    assert parts["input"] == pytest.approx(0.002)
    assert completion_cost(counted, "gpt-4.1") is None


def test_what_the_provider_states_is_the_only_part() -> None:
    assert cost_breakdown({**USAGE, "cost": 0.5}, "gpt-4.1") == {"stated": 0.5, "total": 0.5}


@pytest.mark.parametrize(
    "given", [USAGE, answer(), Completion(answer(), prices=GPT)], ids=["usage", "dict", "completion"]
)
def test_a_batch_is_priced_as_one_where_the_caller_says_so(given: Any) -> None:
    model = None if "model" in given else "gpt-4.1"
    assert completion_cost(given, model, service_tier="batch") == pytest.approx(COST / 2)


UNKNOWN = {
    "no usage": (answer(usage=None), None),
    "no prices": (Completion(answer()), None),
    "a model that is not listed": (USAGE, "openai/some-new-model"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_cost_is_none(name: str) -> None:
    given, model = UNKNOWN[name]
    assert completion_cost(given, model) is None
    assert cost_breakdown(given, model) is None


def test_prices_of_nobody_are_refused() -> None:
    with pytest.raises(BadRequestError, match="model="):
        completion_cost(USAGE)
    with pytest.raises(BadRequestError, match="say which"):
        completion_cost(USAGE, "Llama-3.3-70B-Instruct")
    with pytest.raises(NotFoundError, match="gpt-4"):
        completion_cost(answer("gtp-4.1"))


# --- what it is going to cost --------------------------------------------------------------------------------------

ESTIMATES: dict[str, tuple[dict[str, Any], int, float]] = {
    "the prompt alone": ({}, 0, 1000 * 2e-6),
    "at most": ({"max_tokens": 500}, 500, COST),
    "at most, in the newer word": ({"max_completion_tokens": 500}, 500, COST),
    "as long as is thought": ({"max_tokens": 9000, "completion_tokens": 500}, 500, COST),
    "an answer of no length": ({"max_tokens": 9000, "completion_tokens": 0}, 0, 1000 * 2e-6),
    "another service": ({"max_tokens": 500, "service_tier": "priority"}, 500, 1000 * 3.5e-6 + 500 * 14e-6),
}


@pytest.mark.parametrize("name", ESTIMATES)
def test_an_estimate_is_of_the_prompt_and_of_as_long_an_answer(name: str) -> None:
    options, length, cost = ESTIMATES[name]
    made = estimate_cost("gpt-4.1", prompt_tokens=1000, **options)
    assert made == CostEstimate(pytest.approx(cost), 1000, length, "caller")  # type: ignore[arg-type]


def test_a_prompt_is_counted_by_whoever_counts_it() -> None:
    body = b'{"object": "response.input_tokens", "input_tokens": 1000}'
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with Server(head + body) as server:
        options: Any = {"max_tokens": 500, "base_url": server.url, "api_key": "any"}
        made = estimate_cost("gpt-4.1", "Hi", **options)
        assert made == asyncio.run(aestimate_cost("gpt-4.1", "Hi", **options))
        assert len(server.requests) == 2
    assert made == CostEstimate(pytest.approx(COST), 1000, 500, "provider")  # type: ignore[arg-type]


def test_a_model_that_searches_in_every_call_costs_its_search() -> None:
    prices: Any = resolve("perplexity/sonar").facts["price"]
    assert (prices["input"], prices["fees"]["low_context_search"], prices["fees"]["high_context_search"]) == (1, 5, 12)
    assert estimate_cost("perplexity/sonar", prompt_tokens=100).cost == pytest.approx(0.0051)
    high = {"search_context_size": "high"}
    assert estimate_cost("perplexity/sonar", prompt_tokens=100, web_search_options=high).cost == pytest.approx(0.0121)


def test_an_estimate_without_a_price_is_none_and_still_counts() -> None:
    assert estimate_cost("groq/some-new-model", prompt_tokens=7) == CostEstimate(None, 7, 0, "caller")
    assert estimate_cost("gpt-4.1", prompt_tokens=7, service_tier="scale").cost is None


@pytest.mark.parametrize("given", [{}, {"messages": "Hi", "prompt_tokens": 1}], ids=["neither", "both"])
def test_an_estimate_needs_a_prompt_or_its_length(given: Any) -> None:
    with pytest.raises(BadRequestError, match="either messages"):
        estimate_cost("gpt-4.1", **given)
    with pytest.raises(BadRequestError, match="either messages"):
        asyncio.run(aestimate_cost("gpt-4.1", **given))
