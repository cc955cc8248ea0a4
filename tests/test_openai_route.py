"""Which of OpenAI's two wire formats a call goes to, without the caller knowing."""

import pytest

from unified_llm.api import prepare

FUNCTION = {"type": "function", "function": {"name": "f"}}
CUSTOM = {"type": "custom", "custom": {"name": "f"}}
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
    "another host": ("openrouter/openai/gpt-5.6-terra", {"tools": [FUNCTION]}, CHAT),
}


@pytest.mark.parametrize(("model", "params", "path"), CALLS.values(), ids=CALLS)
def test_a_call_goes_to_the_wire_format_that_can_answer_it(model, params, path):
    exchange = prepare(model, "Hi", False, {"api_key": "k", **params})
    assert exchange.request.url.endswith(path)
