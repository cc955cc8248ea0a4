"""Sampling and reasoning, as Claude's models take them."""

from __future__ import annotations

from unified_llm.adapters.anthropic_blocks import NAME, resumes
from unified_llm.adapters.contract import Call
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON


def render_sampling(call: Call, body: JSON) -> None:
    """Put the sampling parameters and stop sequences that the model takes into the body."""
    accepted = call.route.rules.get("sampling", "any")
    for name in ("temperature", "top_p", "top_k"):
        value = call.params.get(name)
        if value is None:
            continue
        if accepted == "none":
            call.leave_out(name)
        elif name == "top_p" and accepted == "temperature_or_top_p" and "temperature" in body:
            call.leave_out(name, f"{call.route.model} does not take it together with temperature")
        else:
            body[name] = value
    if body.get("temperature", 0) > 1:
        call.adjust(f"temperature {body['temperature']} was lowered to 1, the highest that {call.route.model} takes")
        body["temperature"] = 1
    stop = call.params.get("stop")
    if stop:
        body["stop_sequences"] = _stop_sequences(call, [stop] if isinstance(stop, str) else list(stop))


def _stop_sequences(call: Call, stop: list[str]) -> list[str]:
    for sequence in stop:
        if not sequence.strip():
            raise call.refusal(f"stop sequence {sequence!r} is only white space, which this model refuses")
    return stop


_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 63999}


def render_reasoning(call: Call, body: JSON) -> None:
    """Bring `reasoning_effort` into the model's own form; `thinking` is sent as it is."""
    thinking, effort = call.params.get("thinking"), call.params.get("reasoning_effort")
    if thinking is not None:
        body["thinking"] = thinking
    if effort is not None:
        _render_effort(call, body, effort)
    if body.get("thinking", {}).get("type") == "enabled":
        _fit_budget_thinking(call, body)


def _render_effort(call: Call, body: JSON, effort: str) -> None:
    rules = call.route.rules
    modes = rules.get("thinking", ["adaptive", "disabled"])
    if effort == "none":
        off = next((mode for mode in ("disabled", "between_tools") if mode in modes), None)
        if off:
            body.setdefault("thinking", {"type": off})
        elif modes:
            call.leave_out("reasoning_effort", f"{call.route.model} always reasons")
        return
    if "adaptive" in modes:
        body.setdefault("thinking", {"type": "adaptive"})
        body["output_config"] = {"effort": call.nearest_effort(effort)}
    elif "enabled" in modes:
        body.setdefault("thinking", {"type": "enabled", "budget_tokens": _BUDGETS[effort]})
    else:
        call.leave_out("reasoning_effort")


LEAST_BUDGET = 1024


def _fit_budget_thinking(call: Call, body: JSON) -> None:
    """Budget thinking refuses small answers, forced tools and free sampling.

    https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking, "feature compatibility". What the caller
    asked for in Anthropic's own words is refused; an effort is fitted, or left out.
    """
    limit, own = body["max_tokens"], "thinking" in call.params
    budget = body["thinking"].get("budget_tokens", 0)
    if own and budget >= limit:
        raise call.refusal(f"max_tokens is {limit}; it must be above the thinking budget of {budget}")
    obstacle = _obstacle(call) or (f"max_tokens {limit}" if limit <= LEAST_BUDGET else None)
    if obstacle and own:
        raise call.refusal(f"thinking cannot be combined with {obstacle}")
    if obstacle:
        del body["thinking"]
        call.leave_out("reasoning_effort", f"{call.route.model} cannot think together with {obstacle}")
        return
    if budget >= limit:
        body["thinking"]["budget_tokens"] = max(LEAST_BUDGET, limit // 2)
        call.adjust(f"the thinking budget became {body['thinking']['budget_tokens']} of max_tokens {limit}")
    refused = {"temperature": body.get("temperature") != 1, "top_k": True, "top_p": body.get("top_p", 1) < 0.95}
    for name, is_refused in refused.items():
        if is_refused and body.pop(name, None) is not None:
            call.leave_out(name, f"{call.route.model} does not take that while it thinks")


def _obstacle(call: Call) -> str | None:
    """What of the request stands against budget thinking, in words."""
    choice, last = call.params.get("tool_choice"), call.messages[-1]
    if (
        call.params.get("tools")
        and choice not in (None, "auto", "none")
        and as_dict(choice).get("type") != "allowed_tools"
    ):
        return "a forced tool call"
    kept = as_list(as_dict(last.get("provider_fields")).get("content"))
    if last["role"] == "assistant" and not last.get("tool_calls") and not resumes(kept):
        return "a prefill (a final assistant message)"
    if last["role"] == "tool" and not _thought(next(m for m in reversed(call.messages) if m["role"] == "assistant")):
        # "Expected `thinking`, but found `tool_use`"
        return "tool calls that were made without thinking"
    return None


def _thought(message: JSON) -> bool:
    """Whether an earlier answer goes back with its thoughts at its beginning."""
    fields = as_dict(message.get("provider_fields"))
    blocks = fields.get("content") if fields.get("adapter") == NAME else message["content"]
    return as_dict(next(iter(as_list(blocks)), None)).get("type") in ("thinking", "redacted_thinking")
