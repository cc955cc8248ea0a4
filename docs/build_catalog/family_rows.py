"""The families of the facts, in the catalog's shape."""

from __future__ import annotations

from collections.abc import Iterable

from family_tables import FAMILIES
from row import Row

_SAMPLING = {
    "full": "any",
    "temperature_xor_top_p": "temperature_or_top_p",
    "effort_none": "without_reasoning",
    "none": "none",
    "default only": "none",
}
_REASONING = {"none": "none", "opt_in": "opt_in", "default_on": "default", "always": "always"}
_RULE_ORDER = (
    "thinking",
    "reasoning",
    "efforts",
    "thinking_budget",
    "sampling",
    "stop",
    "prefill",
    "forced_tools",
    "tools",
    "mid_system",
    "schema",
    "schema_with_tools",
    "system",
    "max_output",
)


def thinking_modes(facts: Row) -> list[str]:
    """The native thinking modes of a Claude family."""
    kinds = facts["thinking"]
    modes = [mode for word, mode in (("adaptive", "adaptive"), ("budget", "enabled")) if word in kinds]
    off = facts.get("thinking_off", "never")
    return modes if off == "never" or not modes else [*modes, off]


def claude_reasoning(facts: Row) -> str:
    """When a Claude family reasons."""
    if facts["thinking"] == "none":
        return "none"
    if facts["thinking_default"] == "off":
        return "opt_in"
    return "always" if facts["thinking_off"] == "never" else "default"


def gemini_reasoning(facts: Row) -> str | None:
    """When a Gemini family reasons; the facts name a level that is the nearest to off, which is still a thought."""
    if facts["thinking"] == "none":
        return None if facts.get("system_role") == "user" else "none"  # Gemma: said of all, and not so of the newest
    return "default" if facts.get("thinking_off", "").startswith("budget") else "always"


def when_reasoning(facts: Row) -> str | None:
    """When a family reasons, None where the facts do not say."""
    if facts.get("lab") == "anthropic":
        return claude_reasoning(facts)
    if facts.get("lab") == "gemini":
        return gemini_reasoning(facts)
    return _REASONING.get(facts.get("reasoning", ""))


def forced_tools(facts: Row) -> str | None:
    """When a tool call can be forced, None where the facts do not say."""
    if facts.get("forced_tool_choice") is False:
        return "none"
    if facts.get("forced_tool_choice_with_thinking") is False:
        return "without_thinking"
    return "any" if facts.get("forced_tool_choice") else None


def rules(facts: Row, changes: Row) -> Row:
    """The request rules of a family."""
    claude = facts.get("lab") == "anthropic"
    reasoning = when_reasoning(facts)
    has_no_effort = reasoning == "none" or (claude and "efforts" not in facts)
    budget = facts.get("budget")
    found: Row = {
        "thinking": thinking_modes(facts) if claude else None,
        "reasoning": reasoning,
        "efforts": [] if has_no_effort else facts.get("efforts", facts.get("levels")),
        "thinking_budget": [budget["min"], budget["max"]] if budget else None,
        "sampling": _SAMPLING.get(facts.get("sampling", "")),
        "stop": False if "stop" in facts.get("unsupported_params", ()) else None,
        "prefill": facts.get("prefill"),
        "forced_tools": forced_tools(facts),
        "tools": facts.get("tools"),
        "mid_system": facts.get("mid_system", False if claude else None),
        "schema": facts.get("native_structured", False if claude else None),
        "schema_with_tools": facts.get("tools_with_json_schema"),
        "system": False if facts.get("system_role") == "user" else None,
        "max_output": facts.get("max_out"),
        **changes,
    }
    return {key: found[key] for key in _RULE_ORDER if found.get(key) is not None}


def families(facts: Iterable[Row]) -> dict[str, Row]:
    """The rules of every family, by name prefix."""
    known: dict[str, Row] = {"": {}, **{row["id"]: row for row in facts}}
    return {prefix: rules(known[source], changes) for prefix, (source, changes) in sorted(FAMILIES.items())}
