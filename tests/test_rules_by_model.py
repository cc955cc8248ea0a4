"""Whatever is asked for together, no model is sent a pair that it refuses: it is fitted, or refused here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_features import TOOL, prepared

from unified_llm.errors import BadRequestError
from unified_llm.types import EFFORTS

CLAUDE = (
    "claude-opus-5",
    "claude-sonnet-5-5",
    "claude-opus-4-6",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
    "claude-3-7-sonnet-20250219",
    "claude-3-5-haiku-20241022",
)
BEDROCK = (
    "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "bedrock/us.anthropic.claude-3-7-sonnet-20250219-v1:0",
)
OPENAI = ("gpt-4.1", "gpt-5", "gpt-5.5", "o3", "o4-mini", "azure/gpt-5", "openrouter/openai/gpt-5")
GEMINI = ("gemini/gemini-2.5-flash", "gemini/gemini-2.5-pro", "gemini/gemini-3-pro-preview", "gemini/gemini-3.8-flash")

SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "reasoning_effort": st.sampled_from(EFFORTS),
    "max_tokens": st.sampled_from([1, 1024, 1025, 2000, 9000]),
    "temperature": st.sampled_from([0.0, 0.5, 1.0]),
    "top_p": st.sampled_from([0.5, 0.95, 1.0]),
    "top_k": st.just(5),
    "logprobs": st.just(True),
    "tools": st.just([TOOL]),
    "tool_choice": st.sampled_from(["auto", "none", "required", {"type": "function", "function": {"name": "weather"}}]),
    "messages": st.sampled_from(["Hi", [("user", "Hi"), ("assistant", "{")]]),
    "stop": st.just(["END"]),
}
asked = st.fixed_dictionaries({}, optional=SETTINGS)


def sent(model: str, options: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """The body and the rules of the model; the body is empty where the call is refused."""
    try:
        made = prepared(model, **options)
    except BadRequestError:
        return {}, {}
    return made.request.payload, made.call.route.rules


def check_claude(body: dict[str, Any], rules: Any, last_role: str) -> None:
    """https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking, "feature compatibility"."""
    thinking, choice = body.get("thinking", {}), body.get("tool_choice", {}).get("type", "auto")
    if thinking.get("type") == "enabled":
        assert 1024 <= thinking["budget_tokens"] < body["max_tokens"]
        assert body.get("temperature", 1) == 1
        assert body.get("top_p", 1) >= 0.95
        assert "top_k" not in body
        assert choice in ("auto", "none")
        assert last_role == "user"
    if thinking:
        assert thinking["type"] in rules["thinking"]
    sampling = {"temperature", "top_p", "top_k"} & body.keys()
    if rules.get("sampling") == "none":
        assert sampling == set()
    if rules.get("sampling") == "temperature_or_top_p":
        assert not {"temperature", "top_p"} <= sampling
    if rules.get("prefill") is False:
        assert last_role == "user"
    if "effort" in body.get("output_config", {}):
        assert body["output_config"]["effort"] in rules["efforts"]


@pytest.mark.parametrize("model", CLAUDE)
@given(asked)
def test_claude_is_sent_no_pair_that_it_refuses(model: str, options: dict[str, Any]) -> None:
    body, rules = sent(model, options)
    if body:
        check_claude(body, rules, body["messages"][-1]["role"])


@pytest.mark.parametrize("model", BEDROCK)
@given(asked)
def test_claude_on_bedrock_is_sent_no_pair_that_it_refuses(model: str, options: dict[str, Any]) -> None:
    body, rules = sent(model, options)
    if not body:
        return
    inference, own = body.get("inferenceConfig", {}), body.get("additionalModelRequestFields", {})
    names = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p"}
    told = {names[name]: value for name, value in inference.items() if name in names}
    kinds = {"any": "any", "tool": "tool", "auto": "auto"}
    choice = next(iter(body.get("toolConfig", {}).get("toolChoice", {"auto": {}})))
    check_claude({**told, **own, "tool_choice": {"type": kinds[choice]}}, rules, body["messages"][-1]["role"])


@pytest.mark.parametrize("model", OPENAI)
@given(asked)
def test_openais_models_are_sent_no_pair_that_they_refuse(model: str, options: dict[str, Any]) -> None:
    body, rules = sent(model, options)
    effort = body.get("reasoning_effort") or body.get("reasoning", {}).get("effort")
    reasons = effort not in (None, "none") if effort else rules.get("reasoning") in ("default", "always")
    if effort:
        assert effort in rules["efforts"]
    if rules.get("sampling") == "without_reasoning" and reasons:
        assert {"temperature", "top_p", "top_k", "logprobs", "top_logprobs"} & body.keys() == set()
    assert not {"max_tokens", "max_completion_tokens"} <= body.keys()
    if "tools" not in body:
        assert "tool_choice" not in body


@pytest.mark.parametrize("model", GEMINI)
@given(asked)
def test_gemini_is_sent_no_pair_that_it_refuses(model: str, options: dict[str, Any]) -> None:
    body, rules = sent(model, options)
    thinking = body.get("generationConfig", {}).get("thinkingConfig", {})
    assert not {"thinkingBudget", "thinkingLevel"} <= thinking.keys()
    if "thinkingLevel" in thinking:
        assert thinking["thinkingLevel"].lower() in rules["efforts"]
    if budget := thinking.get("thinkingBudget"):
        least, most = rules["thinking_budget"]
        assert budget == -1 or least <= budget <= most
    if thinking.get("thinkingBudget") == 0:
        assert rules.get("reasoning") != "always"
    if thinking and "thinkingBudget" not in thinking and "thinkingLevel" not in thinking:
        assert thinking == {"includeThoughts": True}
