"""What an answer cost."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from unified_llm.types import Usage

_MILLION = Decimal(1_000_000)


class Rates(TypedDict):
    """USD per million tokens; a rate that is absent is not known."""

    input: float
    output: float
    cache_read: NotRequired[float]
    cache_write: NotRequired[float]
    cache_write_1h: NotRequired[float]
    audio_input: NotRequired[float]
    audio_output: NotRequired[float]
    batch_input: NotRequired[float]
    """For what is sent through the provider's batch API."""
    batch_output: NotRequired[float]
    """For what is answered through the provider's batch API."""


class Tier(Rates):
    """Rates of a call whose whole prompt has more than `above` tokens."""

    above: int


class Prices(Rates):
    """A model's rates, with those of long prompts."""

    tiers: NotRequired[list[Tier]]


def usage_cost(usage: Usage, prices: Prices) -> float | None:
    """The price of one answer in USD, or None where a rate that it needs is not known.

    The buckets are disjoint: cache reads and writes are taken out of `prompt_tokens` before the input rate is applied.
    A tier is chosen once, by the whole prompt.
    """
    reached = [tier for tier in prices.get("tiers", []) if usage["prompt_tokens"] > tier["above"]]
    rates: Rates = max(reached, key=lambda tier: tier["above"]) if reached else prices
    details = usage.get("prompt_tokens_details", {})
    read, written = details.get("cached_tokens", 0), details.get("cache_write_tokens", 0)
    buckets = (
        (usage["prompt_tokens"] - read - written, rates.get("input")),
        (read, rates.get("cache_read")),
        (written, rates.get("cache_write")),
        (usage["completion_tokens"], rates.get("output")),
    )
    total = Decimal(0)
    for tokens, rate in buckets:
        if not tokens:
            continue
        if rate is None:
            return None
        total += tokens * Decimal(str(rate)) / _MILLION
    return float(total)
