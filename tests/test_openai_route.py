"""Which of OpenAI's two wire formats a call goes to, without the caller knowing."""

import pytest

from unified_llm.api import prepare

FUNCTION = {"type": "function", "function": {"name": "f"}}
CUSTOM = {"type": "custom", "custom": {"name": "f"}}
SEARCH = {"type": "web_search"}
CHAT, RESPONSES = "/chat/completions", "/responses"
CALLS = {
    "a model that only Responses has": ("gpt-5-pro", {}, RESPONSES),
    "a dated one": ("o3-pro-2025-06-10", {}, RESPONSES),
    "with the provider's name": ("openai/gpt-5.3-codex", {}, RESPONSES),
    "a model without reasoning": ("gpt-4.1", {"tools": [FUNCTION]}, CHAT),
    "a model that takes both on chat": ("gpt-5.2", {"tools": [FUNCTION], "reasoning_effort": "high"}, CHAT),
    "functions, and reasoning not asked for": ("gpt-5.4", {"tools": [FUNCTION]}, CHAT),
    "functions, and reasoning asked for": ("gpt-5.4", {"tools": [FUNCTION], "reasoning_effort": "low"}, RESPONSES),
    "functions, and reasoning as it is": ("gpt-5.6-terra", {"tools": [FUNCTION]}, RESPONSES),
    "functions, and reasoning off": ("gpt-5.6-terra", {"tools": [FUNCTION], "reasoning_effort": "none"}, CHAT),
    "a grammar": ("gpt-5.6-terra", {"tools": [CUSTOM]}, CHAT),
    "no tools": ("gpt-5.6-terra", {"reasoning_effort": "high"}, CHAT),
    "the next family": ("gpt-6.2-sol", {"tools": [FUNCTION]}, RESPONSES),
    "the caller's word": ("gpt-5.6-terra", {"tools": [FUNCTION], "adapter": "openai_chat"}, CHAT),
    "the caller's word the other way": ("gpt-4.1", {"adapter": "openai_responses"}, RESPONSES),
    "a tool that OpenAI runs": ("gpt-4.1", {"tools": [SEARCH]}, RESPONSES),
    "such a tool beside a function": ("gpt-4.1", {"tools": [FUNCTION, SEARCH]}, RESPONSES),
    "such a tool without reasoning": ("gpt-5.6-terra", {"tools": [SEARCH], "reasoning_effort": "none"}, RESPONSES),
    "such a tool by the caller's word": ("gpt-4.1", {"tools": [SEARCH], "adapter": "openai_chat"}, CHAT),
    "a function in the form of Responses": ("gpt-4.1", {"tools": [{"type": "function", "name": "f"}]}, RESPONSES),
    "a tool that another lab runs": ("xai/grok-4.7", {"tools": [{"type": "x_search"}]}, RESPONSES),
    "a tool that a host runs on chat": ("groq/openai/gpt-oss-120b", {"tools": [{"type": "browser_search"}]}, CHAT),
    "another host": ("openrouter/openai/gpt-5.6-terra", {"tools": [FUNCTION]}, CHAT),
}


@pytest.mark.parametrize(("model", "params", "path"), CALLS.values(), ids=CALLS)
def test_a_call_goes_to_the_wire_format_that_can_answer_it(model, params, path):
    exchange = prepare(model, "Hi", False, {"api_key": "k", **params})
    assert exchange.request.url.endswith(path)
