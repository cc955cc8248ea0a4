"""What an answer cost: the one rule behind `response.cost`, `completion_cost()` and `estimate_cost()`.

Every token is in one bucket and paid for once: cache reads and writes and audio are taken out of the prompt, audio,
pictures and (where they have a rate of their own) thoughts out of the completion. A part whose rate is not known makes
the sum unknown: None, never 0. Sums are made of decimals.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from math import nan
from typing import Any, NotRequired, TypedDict

from unified_llm.json_codec import as_dict, as_list, whole

_MILLION, _THOUSAND = Decimal(1_000_000), Decimal(1_000)


class Rates(TypedDict):
    """USD per million tokens; a rate that is absent is not known."""

    input: float
    output: float
    cache_read: NotRequired[float]
    cache_write: NotRequired[float]
    """For what is kept 5 minutes, or as long as the provider keeps it by itself."""
    cache_write_1h: NotRequired[float]
    audio_input: NotRequired[float]
    audio_output: NotRequired[float]
    cache_read_audio: NotRequired[float]
    image_output: NotRequired[float]
    reasoning: NotRequired[float]
    """For thoughts, where they do not cost what other output costs."""
    thinking_output: NotRequired[float]
    """For all output of an answer with thoughts, where it does not cost what other answers cost."""


class Tier(Rates):
    """Rates of a call whose whole prompt has more than `above` tokens."""

    above: int


class ServiceRates(Rates):
    """Rates of a service tier; a prompt that reaches a tier of the model needs one here too."""

    tiers: NotRequired[list[Tier]]


class Window(TypedDict):
    """A part of the week, in UTC."""

    days: list[int]
    """Monday is 1."""
    hours: list[list[str]]
    """Beginnings and ends, `["04:00", "06:00"]`; the day ends at 24:00."""


class OffPeak(Rates):
    """Rates of the quiet hours."""

    windows: list[Window]


class Prices(ServiceRates):
    """What a model's answers cost, and how that depends on the call."""

    services: NotRequired[dict[str, ServiceRates]]
    """Rates of other service tiers, under the provider's word: batch, flex, priority."""
    off_peak: NotRequired[OffPeak]
    fees: NotRequired[dict[str, float]]
    """USD per thousand of what is counted beside the tokens, as `web_search_requests`; `request` is each call."""
    factors: NotRequired[dict[str, float]]
    """What all rates are multiplied by, under the word of the usage's `inference_geo` or `speed`."""


Parts = dict[str, "Decimal | None"]
"""USD by the name of the rate, count or fee; None for a part whose price is not known."""

_STANDARD = ("", "auto", "default", "standard", "on_demand")
"""Words for the tier that the plain rates are for."""


def answer_parts(answer: Mapping[str, Any], prices: Prices | None) -> Parts | None:
    """What each part of a response costs; None where there is no usage, or there are no prices at all.

    Args:
        answer: of the chat-completions shape; its `usage`, `service_tier` and `created` count.
        prices: the model's, None where they are not known.
    """
    usage = as_dict(answer.get("usage"))
    if not usage:
        return None
    tier = answer.get("service_tier") or as_dict(answer.get("provider_fields")).get("service_tier")
    return cost_parts(usage, prices, tier or usage.get("service_tier"), answer.get("created"))


def usage_cost(
    usage: Mapping[str, Any], prices: Prices | None, service_tier: str | None = None, at: float | None = None
) -> float | None:
    """The price of one usage in USD, None where it is not known; as `cost_parts()`, which says what is what."""
    total = sum_of(cost_parts(usage, prices, service_tier, at))
    return None if total is None else float(total)


def sum_of(parts: Parts | None) -> Decimal | None:
    """The sum of the parts, None where one of them is not known."""
    if parts is None:
        return None
    known = [part for part in parts.values() if part is not None]
    return sum(known, Decimal(0)) if len(known) == len(parts) else None


def cost_parts(
    usage: Mapping[str, Any], prices: Prices | None, service_tier: str | None = None, at: float | None = None
) -> Parts | None:
    """What each part of an answer costs.

    Args:
        usage: its counts; what the provider itself says that it charged counts before any price.
        prices: the model's, None where they are not known.
        service_tier: the provider's word for how it was served, `batch` for what came through its batch API.
        at: when, in seconds since 1970; now when None. It matters where quiet hours are cheaper.

    Returns:
        USD by the name of the part, None for one whose price is not known; None where there are no prices at all.
    """
    stated = _stated(usage)
    if stated is not None:
        return {"stated": stated}
    if prices is None:
        return None
    factor = _factor(usage, prices)
    steps = (
        _token_parts(step, _rates(step, prices, service_tier, at), factor)
        for step in map(as_dict, as_list(usage.get("iterations")) or (usage,))
    )
    return added((*steps, _fee_parts(usage, prices.get("fees", {}))))


def added(several: Iterable[Parts | None]) -> Parts | None:
    """The parts of several answers, those of one name together; None where one has none."""
    sums: Parts = {}
    for parts in several:
        if parts is None:
            return None
        for name, part in parts.items():
            before = sums.get(name, Decimal(0))
            sums[name] = None if part is None or before is None else before + part
    return sums


# --- what the provider says ------------------------------------------------------------------------------------------

_TICKS = Decimal(10_000_000_000)
"""To a dollar, in xAI's `cost_in_usd_ticks`."""


def _stated(usage: Mapping[str, Any]) -> Decimal | None:
    """What the provider says that it charged, in USD.

    Where a gateway asks with the caller's own key, that is the gateway's share, and what the other charged stands
    beside it: https://openrouter.ai/docs/use-cases/usage-accounting.
    """
    if ticks := _number(usage.get("cost_in_usd_ticks")):  # who hosts these models elsewhere says 0
        return ticks / _TICKS
    told = usage.get("cost", usage.get("estimated_cost"))
    cost = _number(as_dict(told).get("total_cost", told))
    if cost is None or not usage.get("is_byok"):
        return cost
    upstream = _number(as_dict(usage.get("cost_details")).get("upstream_inference_cost"))
    return None if upstream is None else cost + upstream


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = Decimal(value if isinstance(value, int) else str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None


# --- rates -----------------------------------------------------------------------------------------------------------


_OTHER_MODELS = ("advisor_message", "fallback_message")
"""Steps of an answer that another model took, for its own price; `BetaIterationsUsage` of Anthropic's SDK."""


def _rates(usage: Mapping[str, Any], prices: Prices, service_tier: str | None, at: float | None) -> Mapping[str, Any]:
    """The rates of a call, by its service, the hour and the length of its whole prompt; empty where none are known."""
    if usage.get("type") in _OTHER_MODELS:
        return {}
    service: ServiceRates | None = prices
    tier = str(service_tier or "")
    if tier.lower() not in _STANDARD:
        service = prices.get("services", {}).get(tier)
    elif (quiet := prices.get("off_peak")) and _is_within(quiet["windows"], time.time() if at is None else at):
        return quiet
    if service is None:
        return {}
    reached = _tier(usage, prices)
    return service if reached is None else _tier(usage, service) or {}


def _tier(usage: Mapping[str, Any], rates: ServiceRates) -> Tier | None:
    length = _count(usage, "prompt_tokens")
    reached = [tier for tier in rates.get("tiers", ()) if length > tier["above"]]
    return max(reached, key=lambda tier: tier["above"], default=None)


def _is_within(windows: list[Window], at: Any) -> bool:
    seconds = whole(at)
    if seconds is None or not 0 <= seconds < _LAST_SECOND:
        return False
    moment = time.gmtime(seconds)
    clock = f"{moment.tm_hour:02}:{moment.tm_min:02}"
    return any(
        begin <= clock < end
        for window in windows
        if moment.tm_wday + 1 in window["days"]
        for begin, end in window["hours"]
    )


_LAST_SECOND = 1 << 40


def _factor(usage: Mapping[str, Any], prices: Prices) -> Decimal | None:
    """What the rates are multiplied by, None where the usage says something whose price is not known."""
    factor = Decimal(1)
    for word in (usage.get("inference_geo"), usage.get("speed")):
        if word:
            known = prices.get("factors", {}).get(str(word))
            if known is None:
                return None
            factor *= Decimal(str(known))
    return factor


# --- parts -----------------------------------------------------------------------------------------------------------


def _token_parts(usage: Mapping[str, Any], rates: Mapping[str, Any], factor: Decimal | None) -> Parts:
    free = rates.get("input") == 0 and rates.get("output") == 0
    parts: Parts = {}
    for name, tokens in _buckets(usage, rates).items():
        rate = rates.get(name, 0 if free else None)
        # below zero the counts contradict each other, and nan is none
        known = rate is not None and factor is not None and tokens > 0
        parts[name] = int(tokens) * Decimal(str(rate)) * factor / _MILLION if known and factor is not None else None
    return parts


def _count(usage: Mapping[str, Any], name: str, otherwise: float = nan) -> float:
    """A number of tokens; nan where it is none, or there is none that could be left out."""
    value = usage.get(name)
    if value is None:
        return otherwise
    count = whole(value)
    return nan if count is None or abs(count) > _MOST else count


_MOST = 2**53
"""The greatest number that counts exactly beside those that are nan, which are floats."""


def _buckets(usage: Mapping[str, Any], rates: Mapping[str, Any]) -> dict[str, float]:
    """Tokens by the name of their rate, none of them in two; without those that are empty.

    Cohere counts more than it charges for, which is what its `billed_units` say.
    """
    billed = as_dict(usage.get("billed_units"))
    if "input_tokens" in billed or "output_tokens" in billed:
        charged = {"input": _count(billed, "input_tokens", 0), "output": _count(billed, "output_tokens", 0)}
        return {name: tokens for name, tokens in charged.items() if tokens}
    prompt, completion = as_dict(usage.get("prompt_tokens_details")), as_dict(usage.get("completion_tokens_details"))
    read, audio = _count(prompt, "cached_tokens", 0), _count(prompt, "audio_tokens", 0)
    both = _count(prompt, "cached_audio_tokens", min(read, audio))  # where it is not said how much was both
    hour = _count(prompt, "cache_write_1h_tokens", 0)
    asked = {
        "cache_read": read - both,
        "cache_read_audio": both,
        "cache_write": _count(prompt, "cache_write_tokens", 0) - hour,
        "cache_write_1h": hour,
        "audio_input": audio - both,
    }
    thought = _count(completion, "reasoning_tokens", 0)
    answered = {
        "audio_output": _count(completion, "audio_tokens", 0),
        "image_output": _count(completion, "image_tokens", 0),
        "reasoning": thought if "reasoning" in rates else 0,
    }
    output = "thinking_output" if thought and "thinking_output" in rates else "output"
    found = _count(prompt, "search_result_tokens", 0)  # in the prompt, and not charged
    buckets = {
        "input": _count(usage, "prompt_tokens") - sum(asked.values()) - found,
        **asked,
        output: _count(usage, "completion_tokens") - sum(answered.values()),
        **answered,
    }
    return {name: tokens for name, tokens in buckets.items() if tokens}


_COUNTED = ("server_side_tool_usage_details", "server_tool_use_details", "server_tool_use")
"""Where usages count what the provider's own tools did: xAI's, OpenRouter's, and everybody's here."""
_COUNTED_BESIDE = ("num_search_queries", "citation_tokens", "num_sources_used")


def _fee_parts(usage: Mapping[str, Any], fees: Mapping[str, float]) -> Parts:
    counts: dict[str, Any] = {"request": 1} if "request" in fees else {}
    if size := usage.get("search_context_size"):
        counts[f"{size}_context_search"] = 1
    counts |= {name: usage[name] for name in _COUNTED_BESIDE if usage.get(name)}
    counts |= as_dict(next((usage[name] for name in _COUNTED if usage.get(name)), None))
    parts: Parts = {}
    for name, count in counts.items():
        if number := whole(count):
            fee = fees.get(name)
            parts[name] = None if fee is None or number < 0 else number * Decimal(str(fee)) / _THOUSAND
    return parts
