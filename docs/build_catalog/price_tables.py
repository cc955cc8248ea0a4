"""Declared tables of prices that the facts have no place for: fees of the providers' own tools, and factors."""

from __future__ import annotations

from row import Row

_GOOGLE_SEARCH = {
    # by the answer up to 2.5, by each search from 3 on: https://ai.google.dev/gemini-api/docs/pricing
    r"^gemini-2": {"grounded_prompts": 35, "web_search_requests": 0},
    r"^gemini-(?:[3-9]|robotics-er-2)": {"grounded_prompts": 0, "web_search_requests": 14},
}
_CLAUDE_SEARCH = {"web_search_requests": 10, "web_fetch_requests": 0}
_OPENAI_SEARCH = {"file_search_requests": 2.5, "web_search_requests": 10}

FEES: dict[str, dict[str, Row]] = {
    "anthropic": {r"^claude-(?!1|2|v1|instant)": _CLAUDE_SEARCH},
    "azure": {r"^(?:gpt-(?:[5-9]|chat)|o\d|chat-latest)": {"web_search_requests": 10}},
    "gemini": _GOOGLE_SEARCH,
    "meta": {r"^muse-": {"web_search_requests": 2.5}},
    "openai": {
        # these models search in every call
        r"^gpt-4o.*-search-preview": {"request": 25},
        r"^gpt-5-search-api": {"request": 10},
        # 4o and 4.1 have two search tools of different price, which their answers do not tell apart
        r"^gpt-4": {"file_search_requests": 2.5},
        r"^(?:gpt-(?:[5-9]|daybreak)|o\d|chat-latest|daybreak)": _OPENAI_SEARCH,
    },
    "perplexity": {
        r"^sonar$": {"low_context_search": 5, "medium_context_search": 8, "high_context_search": 12},
        r"^sonar-reasoning$": {"low_context_search": 5, "medium_context_search": 8, "high_context_search": 14},
        r"^sonar-(?:reasoning-)?pro$": {
            "low_context_search": 6,
            "medium_context_search": 10,
            "high_context_search": 14,
        },
    },
    "vertex": {**_GOOGLE_SEARCH, r"^claude-": _CLAUDE_SEARCH},
    "xai": {r"^grok-": {"web_search_calls": 5, "x_search_calls": 5}},
}
"""USD per thousand, by provider and pattern of the model's id. LiteLLM 1.106.2 (`search_context_cost_per_query`,
OPENAI_FILE_SEARCH_COST_PER_1K_CALLS) has all but xAI's, which are what its answers say that it charged."""

FACTORS: dict[str, dict[str, Row]] = {
    "anthropic": {
        r"^claude-opus-(?:4-8|5)": {"us": 1.1, "fast": 2},
        r"^claude-(?:opus-4-[67]|sonnet-4-6|(?:haiku|sonnet|fable|mythos)-5|mythos-preview)": {"us": 1.1},
    }
}
"""What all rates are multiplied by, under the word of `inference_geo` or `speed`: LiteLLM 1.106.2
(`provider_specific_entry`)."""

STACKING = {"anthropic"}
"""Where the rates of the cache are multiples that the discount of a batch is taken of as well:
https://platform.claude.com/docs/en/about-claude/pricing#batch-processing."""

THOUGHTS_ALONE = r"sonar"
"""Whose price of thoughts is for the thoughts alone; else it is for all output of an answer that thinks, "思维链+输出":
https://help.aliyun.com/zh/model-studio/models."""
