"""What answers cost, and what a call is going to cost, in USD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Unpack

from unified_llm.catalog import Route, resolve
from unified_llm.errors import BadRequestError, shown
from unified_llm.params import check
from unified_llm.pricing import Parts, answer_parts, sum_of, usage_cost
from unified_llm.response import Completion
from unified_llm.token_count import TokenCount, acount_tokens, count_tokens
from unified_llm.types import JSON, CompletionOptions, Messages


def completion_cost(
    completion_response: Mapping[str, Any], model: str | None = None, *, service_tier: str | None = None
) -> float | None:
    """What an answer cost in USD, None where that is not known: never 0 for want of a price.

    Args:
        completion_response: a `Completion`, a dict of one (as from a log), its last chunk, or a `usage` alone.
        model: as for `completion()`, `groq/llama-3.3-70b-versatile`. Not needed for a `Completion`, which knows its
            prices; where it is missing, the name in a dict counts.
        service_tier: the provider's word for how it was served, `batch` for its batch API; else what the answer says.

    Raises:
        BadRequestError: a usage without a model, or a name that several providers have.
        NotFoundError: a name that no provider has.

    Example:
        >>> completion_cost({"prompt_tokens": 1000, "completion_tokens": 500}, "gpt-4.1")
        0.006
    """
    total = sum_of(_parts(completion_response, model, service_tier))
    return None if total is None else float(total)


def cost_breakdown(
    completion_response: Mapping[str, Any], model: str | None = None, *, service_tier: str | None = None
) -> dict[str, float | None] | None:
    """What each part of an answer cost in USD, and their `total`; None where no price is known at all.

    Args:
        completion_response: as for `completion_cost()`, like the rest.
        model: likewise.
        service_tier: likewise.

    Returns:
        USD by the name of the rate (`input`, `cache_read`, `output`, ...), of a tool's use (`web_search_requests`), or
        `stated` where the provider says itself what it charged. A part is None where its price is not known, and so is
        then the total.

    Example:
        >>> cost_breakdown({"prompt_tokens": 1000, "completion_tokens": 500}, "gpt-4.1")
        {'input': 0.002, 'output': 0.004, 'total': 0.006}
    """
    parts = _parts(completion_response, model, service_tier)
    if parts is None:
        return None
    return {name: None if part is None else float(part) for name, part in {**parts, "total": sum_of(parts)}.items()}


def _parts(answer: Mapping[str, Any], model: str | None, service_tier: str | None) -> Parts | None:
    if not isinstance(answer, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BadRequestError(
            f"the response is {type(answer).__name__}; give a Completion, a dict of one, or its usage"
        )
    if isinstance(answer, Completion) and model is None:
        return answer.cost_parts(service_tier)
    fields: JSON = {"usage": answer} if "prompt_tokens" in answer else {**answer}
    if service_tier is not None:
        fields["service_tier"] = service_tier
    if name := model or fields.get("model"):
        return answer_parts(fields, resolve(name).facts.get("price"))
    raise BadRequestError("whose prices count? give model= beside a usage or an answer that names none")


class CostEstimate(NamedTuple):
    """What a call is going to cost."""

    cost: float | None
    """USD; None where a price is not known."""
    prompt_tokens: int
    completion_tokens: int
    counted_by: str
    """Who counted the prompt: `provider`, `tiktoken:` and its encoding, or `caller`."""


def estimate_cost(
    model: str,
    messages: Messages | None = None,
    *,
    prompt_tokens: int | None = None,
    completion_tokens: int | None = None,
    **options: Unpack[CompletionOptions],
) -> CostEstimate:
    """What a call is going to cost, before it is made.

    Prices are those of the moment, of the `service_tier` if there is one, and without what a cache may save.

    Args:
        model: as for `completion()`.
        messages: the prompt, which is counted as by `count_tokens()`; or give `prompt_tokens`, and nothing is sent.
        prompt_tokens: the length of the prompt.
        completion_tokens: how long the answer is thought to become. Else `max_tokens`, which gives the most that the
            call may cost; without either the answer counts as empty, and the cost is that of the prompt alone.
        **options: those of the call.

    Raises:
        BadRequestError: neither or both of messages and prompt_tokens.
        APIError: as for `count_tokens()`.

    Example:
        >>> estimate_cost("gpt-4.1", prompt_tokens=1000, max_tokens=500)
        CostEstimate(cost=0.006, prompt_tokens=1000, completion_tokens=500, counted_by='caller')
    """
    given = _given(messages, prompt_tokens)
    counted = given or count_tokens(model, messages or (), **options)
    return _estimate(model, counted, completion_tokens, options)


async def aestimate_cost(
    model: str,
    messages: Messages | None = None,
    *,
    prompt_tokens: int | None = None,
    completion_tokens: int | None = None,
    **options: Unpack[CompletionOptions],
) -> CostEstimate:
    """What a call is going to cost, without blocking: as `estimate_cost()`, awaited."""
    given = _given(messages, prompt_tokens)
    counted = given or await acount_tokens(model, messages or (), **options)
    return _estimate(model, counted, completion_tokens, options)


def _given(messages: Messages | None, prompt_tokens: int | None) -> TokenCount | None:
    """The length of the prompt, where the caller says it."""
    if (messages is None) == (prompt_tokens is None):
        raise BadRequestError("give either messages, to be counted, or prompt_tokens")
    _check_number("prompt_tokens", prompt_tokens)
    return None if prompt_tokens is None else TokenCount(prompt_tokens, "caller")


def _estimate(
    model: str, counted: TokenCount, completion_tokens: int | None, options: CompletionOptions
) -> CostEstimate:
    check(options)
    _check_number("completion_tokens", completion_tokens)
    most = options.get("max_completion_tokens") or options.get("max_tokens")
    answer = (most or 0) if completion_tokens is None else completion_tokens
    route = resolve(model, options.get("adapter"), options.get("base_url"))
    usage = {"prompt_tokens": counted.tokens, "completion_tokens": answer, **_searches(route, options)}
    cost = usage_cost(usage, route.facts.get("price"), options.get("service_tier"))
    return CostEstimate(cost, counted.tokens, answer, counted.source)


def _check_number(name: str, number: Any) -> None:
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 0):
        raise BadRequestError(f"{name} is {shown(number)}; give a whole number")


def _searches(route: Route, options: CompletionOptions) -> JSON:
    """How much a model looks up that does so in every call, and has its price by that."""
    price = route.facts.get("price") or {}
    if "low_context_search" not in price.get("fees", {}):
        return {}
    return {"search_context_size": (options.get("web_search_options") or {}).get("search_context_size") or "low"}
