"""Invoices of Google, Amazon, and others."""

from __future__ import annotations

from support_invoices import Invoice, chat, cohere, converse, gemini, responses, seconds

SERVER_TOOLS = "server_side_tool_usage_details"

HOSTS = {
    # --- Google ---
    "Gemini: a cache that is read, and thoughts": Invoice(
        "gemini-2.5-flash",
        gemini(
            {
                "promptTokenCount": 9622,
                "cachedContentTokenCount": 9609,
                "candidatesTokenCount": 35,
                "thoughtsTokenCount": 136,
                "totalTokenCount": 9793,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9622}],
                "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 9609}],
                "serviceTier": "standard",
            }
        ),
        [(13, "0.3", "input"), (9609, "0.03", "cache_read"), (171, "2.5", "output")],
        "55799e2cb5c0400f",
        total="0.00071967",
    ),
    "Gemini: speech": Invoice(
        "gemini-2.5-flash",
        gemini(
            {
                "promptTokenCount": 229,
                "candidatesTokenCount": 17,
                "totalTokenCount": 246,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 85},
                    {"modality": "AUDIO", "tokenCount": 144},
                ],
            }
        ),
        [(85, "0.3", "input"), (144, "1", "audio_input"), (17, "2.5", "output")],
        "842be0a334ed0b6c",
        total="0.000212",
    ),
    "Gemini: a long prompt": Invoice(
        "gemini-2.5-pro",
        gemini({"promptTokenCount": 200001, "candidatesTokenCount": 100, "thoughtsTokenCount": 900}),
        [(200001, "2.5", "tiers.0.input"), (1000, "15", "tiers.0.output")],
        total="0.5150025",
    ),
    "Gemini: a prompt that is just not long": Invoice(
        "gemini-2.5-pro",
        gemini({"promptTokenCount": 200000, "candidatesTokenCount": 100, "thoughtsTokenCount": 900}),
        [(200000, "1.25", "input"), (1000, "10", "output")],
        total="0.26",
    ),
    "Gemini 2.5: an answer with two searches, whose finds are free": Invoice(
        "gemini-2.5-flash",
        gemini(
            {
                "promptTokenCount": 11,
                "toolUsePromptTokenCount": 90,
                "candidatesTokenCount": 105,
                "thoughtsTokenCount": 131,
                "totalTokenCount": 337,
                "serviceTier": "standard",
            },
            groundingMetadata={"webSearchQueries": ["time in San Francisco", "weather in San Francisco"]},
        ),
        [(11, "0.3", "input"), (236, "2.5", "output"), (1, "35", "fees.grounded_prompts")],
        "e9aee2bb4aae390d",
        total="0.0355933",
    ),
    "Gemini 3: two searches, of three that are told": Invoice(
        "gemini-3-flash-preview",
        gemini(
            {"promptTokenCount": 100, "candidatesTokenCount": 50, "thoughtsTokenCount": 70},
            groundingMetadata={"webSearchQueries": ["", "a", "b", "a"]},
        ),
        [(100, "0.5", "input"), (120, "3", "output"), (2, "14", "fees.web_search_requests")],
        total="0.02841",
    ),
    "Gemini 3: code that is run in the prompt": Invoice(
        "gemini-3-flash-preview",
        gemini(
            {
                "promptTokenCount": 427,
                "toolUsePromptTokenCount": 771,
                "candidatesTokenCount": 122,
                "thoughtsTokenCount": 447,
                "totalTokenCount": 1767,
                "serviceTier": "standard",
            }
        ),
        [(1198, "0.5", "input"), (569, "3", "output")],
        "c658f5eda3ca35d6",
        total="0.002306",
    ),
    "Vertex AI: the flex tier": Invoice(
        "vertex/gemini-2.5-flash",
        gemini(
            {
                "promptTokenCount": 1000,
                "candidatesTokenCount": 10,
                "thoughtsTokenCount": 90,
                "trafficType": "ON_DEMAND_FLEX",
            }
        ),
        [(1000, "0.15", "services.flex.input"), (100, "1.25", "services.flex.output")],
        total="0.000275",
    ),
    # --- Amazon Bedrock ---
    "Bedrock: a cache that is read and written": Invoice(
        "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        converse(
            {
                "inputTokens": 3,
                "outputTokens": 121,
                "totalTokens": 2072,
                "cacheReadInputTokens": 1712,
                "cacheWriteInputTokens": 236,
                "cacheDetails": [{"inputTokens": 236, "ttl": "5m"}],
            }
        ),
        [(3, "3.3", "input"), (1712, "0.33", "cache_read"), (236, "4.125", "cache_write"), (121, "16.5", "output")],
        "4f6608d52ccfe045",
        total="0.00354486",
    ),
    "Bedrock: a cache that is kept an hour": Invoice(
        "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        converse(
            {
                "inputTokens": 10,
                "outputTokens": 20,
                "cacheWriteInputTokens": 1000,
                "cacheDetails": [{"inputTokens": 400, "ttl": "5m"}, {"inputTokens": 600, "ttl": "1h"}],
            }
        ),
        [(10, "3.3", "input"), (400, "4.125", "cache_write"), (600, "6.6", "cache_write_1h"), (20, "16.5", "output")],
        total="0.005973",
    ),
    "Bedrock: a cache of Nova, which costs no more to write": Invoice(
        "bedrock/us.amazon.nova-lite-v1:0",
        converse({"inputTokens": 22, "outputTokens": 13, "totalTokens": 2527, "cacheWriteInputTokens": 2492}),
        [(22, "0.06", "input"), (2492, "0.06", "cache_write"), (13, "0.24", "output")],
        "ac5d6a41ebfff414",
        total="0.00015396",
    ),
    "Bedrock: the priority tier": Invoice(
        "bedrock/amazon.nova-pro-v1:0",
        converse({"inputTokens": 1000, "outputTokens": 100}, serviceTier={"type": "priority"}),
        [(1000, "1.4", "services.priority.input"), (100, "5.6", "services.priority.output")],
        total="0.00196",
    ),
    # --- others ---
    "Mistral: a cache that is read": Invoice(
        "mistral-small-latest",
        chat(
            {
                "prompt_tokens": 352,
                "total_tokens": 394,
                "completion_tokens": 42,
                "prompt_tokens_details": {"cached_tokens": 128},
                "service_tier": "standard",
            }
        ),
        [(224, "0.15", "input"), (128, "0.015", "cache_read"), (42, "0.6", "output")],
        "4c621a206dc0dd72",
        total="0.00006072",
    ),
    "Cohere: what is billed, which is less than what is counted": Invoice(
        "command-a-reasoning-08-2025",
        cohere(
            {
                "billed_units": {"input_tokens": 431, "output_tokens": 661},
                "tokens": {"input_tokens": 2190, "output_tokens": 1257},
            }
        ),
        [(431, "2.5", "input"), (661, "10", "output")],
        "fcb8af6088ca84ca",
        total="0.0076875",
    ),
    "Groq: a cache that is read": Invoice(
        "groq/openai/gpt-oss-20b",
        chat(
            {
                "prompt_tokens": 1795,
                "completion_tokens": 16,
                "total_tokens": 1811,
                "prompt_tokens_details": {"cached_tokens": 1792},
                "completion_tokens_details": {"reasoning_tokens": 14},
            },
            service_tier="on_demand",
        ),
        [(3, "0.075", "input"), (1792, "0.0375", "cache_read"), (16, "0.3", "output")],
        "cac716958fab4c6f",
        total="0.000072225",
    ),
    "xAI: searches, by the prices": Invoice(
        "grok-4.3",
        responses(
            {
                "input_tokens": 5913,
                "input_tokens_details": {"cached_tokens": 2048},
                "output_tokens": 364,
                "output_tokens_details": {"reasoning_tokens": 263},
                SERVER_TOOLS: {"web_search_calls": 2, "x_search_calls": 0, "mcp_calls": 0},
            }
        ),
        [
            (3865, "1.25", "input"),
            (2048, "0.2", "cache_read"),
            (364, "2.5", "output"),
            (2, "5", "fees.web_search_calls"),
        ],
        total="0.01615085",
    ),
    "xAI: the same, by what it says": Invoice(
        "grok-4.3",
        responses(
            {
                "input_tokens": 5913,
                "input_tokens_details": {"cached_tokens": 2048},
                "output_tokens": 364,
                "output_tokens_details": {"reasoning_tokens": 263},
                "total_tokens": 6277,
                "cost_in_usd_ticks": 161508500,
            }
        ),
        [],
        "52f4bcafb1ffdb57",
        total="0.01615085",
    ),
    "DeepSeek: cache hits": Invoice(
        "deepseek-chat",
        chat(
            {
                "prompt_tokens": 416,
                "completion_tokens": 48,
                "total_tokens": 464,
                "prompt_cache_hit_tokens": 256,
                "prompt_cache_miss_tokens": 160,
            }
        ),
        [(160, "0.14", "input"), (256, "0.0028", "cache_read"), (48, "0.28", "output")],
        "a64b1b1b94a6e88a",
        total="0.0000365568",
    ),
    "DeepSeek: on a Friday in the morning of Beijing": Invoice(
        "deepseek/deepseek-v4-pro",
        chat({"prompt_tokens": 1000, "completion_tokens": 100}, created=seconds("2026-11-20T02:00")),
        [(1000, "1.32", "input"), (100, "3.96", "output")],
        total="0.001716",
    ),
    "DeepSeek: on a Saturday": Invoice(
        "deepseek/deepseek-v4-pro",
        chat(
            {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_cache_hit_tokens": 500},
            created=seconds("2026-11-21T02:00"),
        ),
        [(500, "0.66", "off_peak.input"), (500, "0.022", "off_peak.cache_read"), (100, "1.98", "off_peak.output")],
        total="0.000539",
    ),
    "Perplexity: a search, by the prices": Invoice(
        "sonar",
        chat({"prompt_tokens": 25, "completion_tokens": 259, "total_tokens": 284, "search_context_size": "low"}),
        [(25, "1", "input"), (259, "1", "output"), (1, "5", "fees.low_context_search")],
        total="0.005284",
    ),
    "Perplexity: the same, by what it says, which is rounded": Invoice(
        "sonar",
        chat(
            {
                "prompt_tokens": 25,
                "completion_tokens": 259,
                "total_tokens": 284,
                "search_context_size": "low",
                "cost": {"input_tokens_cost": 2e-05, "output_tokens_cost": 0.00026, "total_cost": 0.00528},
            }
        ),
        [],
        "aa956c3123df0f5b",
        total="0.00528",
    ),
    "OpenRouter: what it says": Invoice(
        "openrouter/openai/gpt-5.6-sol",
        responses({"input_tokens": 4020, "output_tokens": 5, "total_tokens": 4025, "cost": 0.025265, "is_byok": False}),
        [],
        "1e43f8edc5997b0e",
        total="0.025265",
    ),
    "OpenRouter: a key of one's own": Invoice(
        "openrouter/anthropic/claude-opus-5",
        chat(
            {
                "prompt_tokens": 14,
                "completion_tokens": 164,
                "total_tokens": 178,
                "cost": 0,
                "is_byok": True,
                "cost_details": {"upstream_inference_cost": 0.00417},
            }
        ),
        [],
        "26b198baee0f1524",
        total="0.00417",
    ),
    "Alibaba: an answer that thinks": Invoice(
        "dashscope/qwen-plus",
        chat(
            {
                "prompt_tokens": 24,
                "completion_tokens": 1355,
                "completion_tokens_details": {"reasoning_tokens": 1084},
                "prompt_tokens_details": {"cached_tokens": 0},
            }
        ),
        [(24, "0.4", "input"), (1355, "4", "thinking_output")],
        total="0.0054296",
    ),
}
