"""Make `model_catalog.json` from a directory of facts.

    python docs/build_catalog.py FACTS_DIR > model_catalog.json

Reads, in FACTS_DIR:
    providers.json: where each provider is, its key and address variables, its other names.
    families.json: how a request to a model must look, whoever hosts it.
    models.json.gz: price, limits, capabilities and dates of each (provider, model).

Writes the catalog to stdout: one row a line and sorted, so that a refresh can be read as a diff. What breaks a rule of
`lint` is left out, and named on stderr.

The facts are merged from other projects' tables. What they cannot say stands below in declared tables: which providers
are shipped, their quirks, which prefix is whose, which family stands for which names, and corrections, each with its
reason.

A monthly refresh: collect the facts anew, set `DATE`, run, `git diff model_catalog.json`, and review. Look at each
price that moved, each row that vanished (a retired model stays, with its status) and each line on stderr; where the
facts are wrong add a correction here, never edit the catalog by hand.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Row = dict[str, Any]

VERSION = 1
DATE = "2026-11-21"

# ---------------------------------------------------------------------------------------------------------- prefixes

PREFIXES: dict[str, str] = {
    "MiniMax-": "minimax",
    "chatgpt-": "openai",
    "claude-": "anthropic",
    "codestral-": "mistral",
    "codex-mini": "openai",
    "command-": "cohere",
    "computer-use-": "openai",
    "deepseek-": "deepseek",
    "ft:gpt-": "openai",
    "ft:o4-mini": "openai",
    "gemini-": "gemini",
    "glm-": "zai",
    "gpt-": "openai",
    "gpt-oss": "",  # open weights that many serve: no owner
    "grok-": "xai",
    "kimi-": "moonshot",
    "magistral-": "mistral",
    "minimax-": "minimax",
    "ministral-": "mistral",
    "mistral-": "mistral",
    "moonshot-": "moonshot",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "qwen-flash": "dashscope",
    "qwen-max": "dashscope",
    "qwen-plus": "dashscope",
    "qwen-turbo": "dashscope",
    "sonar": "perplexity",
}
"""Whose a bare name is that begins so; the longest prefix wins, an empty owner means that the caller must say."""

# --------------------------------------------------------------------------------------------------------- providers

NOT_SHIPPED = {
    "gigachat",  # key exchange
    "github",  # retired
    "github-copilot",  # key exchange, editor headers
    "opencode",  # several wire formats under different addresses
    "opencode-go",
    "vertex",  # a token of its own, and a project in the address
}
"""Providers of the facts that the catalog has no row for, beside those whose address needs an account or a region."""

LEGACY_CLAUDE = ("claude-1", "claude-2", "claude-instant", "claude-v1", "claude-v2")
"""What the names of the Claude models begin with that only the Text Completions endpoint takes."""

ADAPTERS = {
    "anthropic.messages": "anthropic_messages",
    "bedrock.converse": "bedrock_converse",
    "cohere.v2": "cohere_chat",
    "gemini.generate": "gemini",
    "mistral.chat": None,
    "ollama.chat": "ollama_chat",
    "openai.chat": None,
}
"""The wire formats of the facts and the adapters for them; None is the default, openai_chat."""

PROVIDER_CHANGES: dict[str, Row] = {
    "anthropic": {
        "routes": dict.fromkeys(LEGACY_CLAUDE, "anthropic_complete"),
        "headers": {},  # the adapter sends the version
    },
    "bedrock": {
        "key_env": ["AWS_BEARER_TOKEN_BEDROCK"],
        "keyless": True,  # without that key a request is signed with those of AWS
        "auth": "sigv4",
        "routes": dict.fromkeys((f"anthropic.{name}" for name in LEGACY_CLAUDE), "bedrock_invoke"),
    },
    # the adapter adds /v2; only this variable is that of the vendor's SDK, which does so too
    "cohere": {"url": "https://api.cohere.com", "url_env": ["CO_API_URL"]},
    "groq": {"url_env": ["GROQ_API_BASE"]},  # GROQ_BASE_URL is that of the vendor's SDK, without /openai/v1
}
"""Keys that replace those of the facts."""

DOCS = {
    "ovhcloud": "https://www.ovhcloud.com/en/public-cloud/ai-endpoints/catalog/",
    "vercel": "https://vercel.com/docs/ai-gateway",
}
"""Addresses of documentation that are spelled oddly in the facts."""

ORGANISATIONS = {"bytedance"}
"""Names that Hugging Face has as an organisation, and so are no provider in `organisation/model`."""

EXTRA_PROVIDERS: dict[str, Row] = {
    "custom": {
        "name": "Any OpenAI-compatible server",
        "url": "",
        "keyless": True,
        "also": ["custom_openai", "openai_like", "openai_compatible"],
    },
    "sglang": {
        "name": "SGLang (self-hosted)",
        "url": "http://localhost:30000/v1",
        "url_env": ["SGLANG_BASE_URL"],
        "key_env": ["SGLANG_API_KEY"],
        "keyless": True,
    },
}
"""Providers that the facts do not have."""

_DEEPSEEK_DROPS = [
    "frequency_penalty",
    "logit_bias",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "seed",
    "service_tier",
]
_SAMBANOVA_DROPS = ["frequency_penalty", "logit_bias", "logprobs", "n", "presence_penalty", "seed", "top_logprobs"]

_VOLCENGINE: Row = {"reasoning_param": "thinking_type"}
_DASHSCOPE: Row = {
    "reasoning_param": "enable_thinking",
    "refused": ["frequency_penalty"],
    "prefill": "partial",
    "cache_control": True,
}
_MINIMAX: Row = {
    "reasoning_param": "none",
    "echo_reasoning": "reasoning_details",
    "refused": ["frequency_penalty", "logit_bias", "n", "presence_penalty"],
    "temperature_max": 1.0,
}
_MOONSHOT: Row = {
    "reasoning_param": "thinking_type",
    "echo_reasoning": "reasoning_content",
    "forced_tools": "refused",
    "string_content": True,
    "refused": ["seed", "top_k"],
    "temperature_max": 1.0,
    "prefill": "partial",
}
_ZAI: Row = {
    "reasoning_param": "thinking_type",
    "echo_reasoning": "reasoning_content",
    "forced_tools": "refused",
    "schema": "json_object",
    "string_content": True,
    "temperature_max": 1.0,
}

_STRICT: Row = {"strict_tools": True}

QUIRKS: dict[str, Row] = {
    "ant-ling": {**_STRICT, "reasoning_param": "reasoning_object"},
    "baseten": _STRICT,
    "byteplus": _VOLCENGINE,
    "cerebras": {"max_tokens_field": "max_completion_tokens", "echo_reasoning": "reasoning", "refused": ["logit_bias"]},
    "dashscope": _DASHSCOPE,
    "dashscope-cn": _DASHSCOPE,
    "deepinfra": {"forced_tools": "refused"},
    "deepseek": {
        "reasoning_param": "thinking_type",
        "echo_reasoning": "reasoning_content",
        "schema": "json_object",
        "refused": _DEEPSEEK_DROPS,
        "user_field": "user_id",
        "prefill": "prefix",
    },
    "featherless": {"forced_tools": "refused"},
    "fireworks": {"forced_tools": "any"},
    "groq": {
        "max_tokens_field": "max_completion_tokens",
        "echo_reasoning": "reasoning",
        "refused": ["logit_bias", "logprobs", "n", "top_logprobs"],
        "strict_tools": True,
    },
    "heroku": {"string_content": True},
    "huggingface": _STRICT,
    "kimi-coding": {"echo_reasoning": "reasoning_content"},
    "llama": {"max_tokens_field": "max_completion_tokens"},
    "llamacpp": {"reasoning_param": "chat_template_kwargs"},
    "meta": {"forced_tools": "refused"},
    "minimax": _MINIMAX,
    "minimax-cn": _MINIMAX,
    "mistral": {
        "stream_usage": "always",
        "forced_tools": "any",
        "refused": [
            "audio", "logit_bias", "modalities", "safety_identifier", "seed", "store", "user", "verbosity",
            "web_search_options",
        ],
        "temperature_max": 1.5,
        "prefill": "prefix",
    },
    "moonshot": _MOONSHOT,
    "moonshot-cn": _MOONSHOT,
    "nvidia": {"reasoning_param": "chat_template_kwargs"},
    "openai": {
        "max_tokens_field": "max_completion_tokens",
        "developer_role": True,
        "strict_tools": True,
        "refused": ["top_k"],
        "prefill": "refused",
    },
    "openrouter": {
        "reasoning_param": "reasoning_object",
        "echo_reasoning": "reasoning_details",
        "strict_tools": True,
        "cache_control": True,
        "tool_images": True,
    },
    "perplexity": {
        "stream_usage": "always",
        "string_content": True,
        "refused": ["logit_bias", "n", "seed", "stop", "top_k"],
        "prefill": "refused",
    },
    "publicai": {"string_content": True},
    "sambanova": {"string_content": True, "refused": _SAMBANOVA_DROPS},
    "sglang": {"reasoning_param": "chat_template_kwargs"},
    "streamlake": {"max_tokens_field": "max_completion_tokens"},
    "vercel": {"reasoning_param": "reasoning_object", "echo_reasoning": "reasoning_details"},
    "vllm": {"reasoning_param": "chat_template_kwargs", "echo_reasoning": "reasoning"},
    "volcengine": _VOLCENGINE,
    "xai": {"refused": ["frequency_penalty", "presence_penalty"]},
    "xiaomi": {**_STRICT, "reasoning_param": "thinking_type", "echo_reasoning": "reasoning_content"},
    "zai": _ZAI,
    "zai-coding": {**_ZAI, **_STRICT},
    "zhipu": _ZAI,
    "zhipu-coding": {**_ZAI, **_STRICT},
}
"""What a provider takes otherwise than the defaults of the OpenAI chat format: keys of that adapter's `Quirks`."""

# ---------------------------------------------------------------------------------------------------------- families

_CHAT: Row = {"prefill": False, "schema": True}
_OLD_CHAT: Row = {"prefill": False, "schema": False}
_O_SERIES: Row = {"prefill": False, "schema": True, "stop": False}
_GPT_6_2: Row = {"efforts": ["low", "medium", "high", "xhigh"], "prefill": False, "schema": True}
_GPT_5_6: Row = {"efforts": ["none", "low", "medium", "high", "xhigh"], "prefill": False, "schema": True}
_CLAUDE_4_6: Row = {"forced_tools": "without_thinking"}
_MID_SYSTEM: Row = {"mid_system": True}

FAMILIES: dict[str, tuple[str, Row]] = {
    # Claude: the name's prefix, the family of the facts that it stands for, and what is changed
    "claude-": ("claude-opus-5-5", {}),  # newer than this table: the newest shape
    "claude-1": ("claude-1", {"max_output": 4096}),
    "claude-2": ("claude-2", {"max_output": 4096}),
    "claude-instant": ("claude-instant-1", {"max_output": 4096}),
    "claude-v1": ("claude-v1", {"max_output": 4096}),
    "claude-v2": ("claude-v2", {"max_output": 4096}),
    "claude-3": ("claude-3-opus", {"max_output": 4096}),
    "claude-haiku-3": ("claude-haiku-3", {"max_output": 4096}),
    "claude-opus-3": ("claude-3-opus", {"max_output": 4096}),
    "claude-sonnet-3": ("claude-3-sonnet", {"max_output": 4096}),
    "claude-3-5": ("claude-3-5-sonnet", {"max_output": 8192}),
    "claude-haiku-3-5": ("claude-haiku-3-5", {"max_output": 8192}),
    "claude-sonnet-3-5": ("claude-sonnet-3-5", {"max_output": 8192}),
    "claude-3-7": ("claude-3-7-sonnet", {"max_output": 64000}),
    "claude-sonnet-3-7": ("claude-sonnet-3-7", {"max_output": 64000}),
    "claude-4-opus": ("claude-opus-4", {"max_output": 32000}),
    "claude-opus-4": ("claude-opus-4", {"max_output": 32000}),
    "claude-4-sonnet": ("claude-sonnet-4", {"max_output": 64000}),
    "claude-sonnet-4": ("claude-sonnet-4", {"max_output": 64000}),
    "claude-4-1-opus": ("claude-opus-4-1", {"max_output": 32000}),
    "claude-opus-4-1": ("claude-opus-4-1", {"max_output": 32000}),
    "claude-4-5-haiku": ("claude-haiku-4-5", {}),
    "claude-haiku-4-5": ("claude-haiku-4-5", {}),
    "claude-4-5-opus": ("claude-opus-4-5", {}),
    "claude-opus-4-5": ("claude-opus-4-5", {}),
    "claude-4-5-sonnet": ("claude-sonnet-4-5", {}),
    "claude-sonnet-4-5": ("claude-sonnet-4-5", {}),
    "claude-4-6-opus": ("claude-opus-4-6", _CLAUDE_4_6),
    "claude-opus-4-6": ("claude-opus-4-6", _CLAUDE_4_6),
    "claude-4-6-sonnet": ("claude-sonnet-4-6", _CLAUDE_4_6),
    "claude-sonnet-4-6": ("claude-sonnet-4-6", _CLAUDE_4_6),
    "claude-4-7-opus": ("claude-opus-4-7", {}),
    "claude-opus-4-7": ("claude-opus-4-7", {}),
    "claude-4-8-opus": ("claude-opus-4-8", {}),
    "claude-opus-4-8": ("claude-opus-4-8", {}),
    "claude-opus-5": ("claude-opus-5", {}),
    "claude-sonnet-5": ("claude-sonnet-5", _MID_SYSTEM),
    "claude-haiku-5-5": ("claude-haiku-5-5", _MID_SYSTEM),
    "claude-opus-5-5": ("claude-opus-5-5", {}),
    "claude-sonnet-5-5": ("claude-sonnet-5-5", _MID_SYSTEM),
    "claude-fable": ("claude-fable-5-2", {}),
    "claude-fable-5": ("claude-fable-5", {"forced_tools": "none"}),
    "claude-fable-5-1": ("claude-fable-5-1", {}),
    "claude-fable-5-2": ("claude-fable-5-2", {}),
    "claude-mythos": ("claude-mythos-5-2", {}),
    "claude-mythos-5": ("claude-mythos-5", {"forced_tools": "none"}),
    "claude-mythos-5-1": ("claude-mythos-5-1", {}),
    "claude-mythos-5-2": ("claude-mythos-5-2", {}),
    "claude-mythos-preview": ("claude-mythos-preview", {"max_output": 128000}),
    # OpenAI
    "chatgpt-4o": ("chatgpt-4o", {"prefill": False}),
    "codex-mini": ("o4-mini", _O_SERIES),
    "computer-use-preview": ("", {"prefill": False}),
    "ft:gpt-3-5": ("gpt-3.5-turbo", _OLD_CHAT),
    "ft:gpt-4": ("gpt-4", _OLD_CHAT),
    "ft:gpt-4-1": ("gpt-4.1", _CHAT),
    "ft:gpt-4o": ("gpt-4o", _CHAT),
    "ft:o4-mini": ("o4-mini", _O_SERIES),
    "gpt-": ("gpt-6-astra", _GPT_6_2),  # newer than this table: the newest shape
    "gpt-3-5": ("gpt-3.5-turbo", _OLD_CHAT),
    "gpt-35": ("gpt-35-turbo", _OLD_CHAT),
    "gpt-4": ("gpt-4", _OLD_CHAT),
    "gpt-4-1": ("gpt-4.1", _CHAT),
    "gpt-4-1106": ("gpt-4-1106-preview", _OLD_CHAT),  # not a 4.1
    "gpt-4-5": ("gpt-4.5-preview", _CHAT),
    "gpt-4o": ("gpt-4o", _CHAT),
    "gpt-4o-2024-05-13": ("gpt-4o", _OLD_CHAT),
    "gpt-4o-audio": ("gpt-4o-audio-preview", _OLD_CHAT),
    "gpt-4o-mini-audio": ("gpt-4o-mini-audio-preview", _OLD_CHAT),
    "gpt-4o-mini-search": ("gpt-4o-mini-search-preview", _CHAT),
    "gpt-4o-search": ("gpt-4o-search-preview", _CHAT),
    "gpt-audio": ("gpt-audio", _OLD_CHAT),
    "gpt-5": ("gpt-5", _O_SERIES),
    "gpt-5-2025": ("gpt-5", _O_SERIES),  # a dated gpt-5, not a 5.2
    "gpt-5-chat": ("gpt-5-chat", _CHAT),
    "gpt-5-codex": ("gpt-5-codex", _O_SERIES),
    "gpt-5-pro": ("gpt-5-pro", _O_SERIES),
    "gpt-5-1": ("gpt-5.1", _O_SERIES),
    "gpt-5-1-chat": ("gpt-5.1-chat", _CHAT),
    "gpt-5-1-codex": ("gpt-5.1-codex", {**_O_SERIES, "efforts": ["low", "medium", "high"]}),
    "gpt-5-1-codex-max": ("gpt-5.1-codex-max", {**_O_SERIES, "efforts": ["low", "medium", "high", "xhigh"]}),
    "gpt-5-2": ("gpt-5.2", _O_SERIES),
    "gpt-5-2-chat": ("gpt-5.2-chat", _CHAT),
    "gpt-5-2-codex": ("gpt-5.2-codex", _O_SERIES),
    "gpt-5-2-pro": ("gpt-5.2-pro", _CHAT),
    "gpt-5-3": ("gpt-5.3", _O_SERIES),
    "gpt-5-3-chat": ("gpt-5.3-chat", _CHAT),
    "gpt-5-3-codex": ("gpt-5.3-codex", _O_SERIES),
    "gpt-5-4": ("gpt-5.4", _O_SERIES),
    "gpt-5-4-pro": ("gpt-5.4-pro", _CHAT),
    "gpt-5-5": ("gpt-5.5", _CHAT),
    "gpt-5-5-pro": ("gpt-5.5-pro", _CHAT),
    "gpt-5-6": ("gpt-5.6", _GPT_5_6),
    "gpt-6": ("gpt-6-astra", _CHAT),
    "gpt-6-astra": ("gpt-6-astra", _CHAT),
    "gpt-6-luna": ("gpt-6-luna", _CHAT),
    "gpt-6-sol": ("gpt-6-sol", _CHAT),
    "gpt-6-1-sol": ("gpt-6.1-sol", _CHAT),
    "gpt-6-1-terra": ("gpt-6.1-terra", _CHAT),
    "gpt-6-2": ("gpt-6-astra", _GPT_6_2),
    "gpt-oss": ("", {"reasoning": "always", "efforts": ["low", "medium", "high"]}),
    "o1": ("o1", _CHAT),
    "o1-mini": ("o1-mini", _OLD_CHAT),
    "o1-preview": ("o1-preview", _OLD_CHAT),
    "o1-pro": ("o1-pro", _CHAT),
    "o3": ("o3", _O_SERIES),
    "o4-mini": ("o4-mini", _O_SERIES),
    # DeepSeek; sampling is taken and ignored while thinking
    "deepseek-flash": ("deepseek-flash", {}),
    "deepseek-r1": ("deepseek-r1", {}),
    "deepseek-reasoner": ("deepseek-reasoner", {}),
    "deepseek-v4": ("deepseek-v4-pro", {}),
    # xAI
    "grok-": ("grok-4.7", {}),  # newer than this table: the newest shape
    "grok-2": ("", {"reasoning": "none", "efforts": []}),
    "grok-3": ("grok-3", {}),
    "grok-3-mini": ("grok-3-mini", {}),
    "grok-4": ("", {"stop": False}),
    "grok-4-0709": ("grok-4-0709", {}),
    "grok-4-1-fast": ("grok-4-1-fast-reasoning", {}),
    "grok-4-3": ("grok-4.3", {}),
    "grok-4-5": ("grok-4.5", {}),
    "grok-4-6": ("grok-4.6", {}),
    "grok-4-7": ("grok-4.7", {}),
    "grok-4-fast": ("grok-4-fast-reasoning", {}),
    "grok-beta": ("", {"reasoning": "none", "efforts": []}),
    "grok-build": ("grok-build", {}),
    "grok-code": ("", {"stop": False}),
    "grok-vision": ("", {"reasoning": "none", "efforts": []}),
    # Z.AI; some hosts write the dot of a version as p
    "glm-4-5": ("glm-4.5", {}),
    "glm-4-6": ("glm-4.6", {}),
    "glm-4-7": ("glm-4.7", {}),
    "glm-5": ("glm-5", {}),
    "glm-5-1": ("glm-5.1", {}),
    "glm-5-2": ("glm-5.2", {}),
    "glm-5-3": ("glm-5.3", {}),
    "glm-5p2": ("glm-5.2", {}),
    "glm-5p3": ("glm-5.3", {}),
    "zai-glm-4": ("glm-4.7", {}),
    # Moonshot
    "kimi-k2-5": ("kimi-k2.5", {}),
    "kimi-k2-6": ("kimi-k2.6", {}),
    "kimi-k2-7-code": ("kimi-k2.7-code", {"efforts": ["low", "medium", "high"]}),
    "kimi-k2-thinking": ("kimi-k2-thinking", {}),
    "kimi-k2p5": ("kimi-k2.5", {}),
    "kimi-k2p6": ("kimi-k2.6", {}),
    "kimi-k2p7-code": ("kimi-k2.7-code", {"efforts": ["low", "medium", "high"]}),
    "kimi-k3": ("kimi-k3", {"efforts": ["low", "high", "max"]}),
    "kimi-thinking-preview": ("kimi-thinking-preview", {}),
    # Meta
    "muse-spark": ("muse-spark-1.3", {}),
    "muse-wonder": ("muse-wonder-1.0", {}),
    # Alibaba
    "qwen3-coder": ("qwen3-coder", {}),
}
"""Name prefix -> (the family of the facts that it stands for, or none; what is changed or added)."""

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
    "sampling",
    "stop",
    "prefill",
    "forced_tools",
    "tools",
    "mid_system",
    "schema",
    "max_output",
)

# ------------------------------------------------------------------------------------------------------------ models

LABS = {
    "ai21", "ant-ling", "anthropic", "cognition", "dashscope", "deepseek", "inception", "llama", "meta", "minimax",
    "moonshot", "nova", "openai", "perplexity", "poolside", "reka", "sakana", "sarvam", "stepfun", "tencent",
    "upstage", "volcengine", "xai", "xiaomi", "zai", "zhipu",
}  # fmt: skip
"""Those who serve their own models: retired ones stay, because old logs must still be priced."""

NO_MODELS = {
    "302ai", "aihubmix", "cortecs", "dashscope-cn", "digitalocean", "helicone", "huggingface", "hyperbolic", "kilo",
    "lambda", "llmgateway", "minimax-cn", "moonshot-cn", "nano-gpt", "nearai", "novita", "orcarouter", "poe", "qiniu",
    "requesty", "siliconflow", "siliconflow-cn", "venice", "zenmux",
}  # fmt: skip
"""Providers whose rows are stale, unchecked or another provider's; any of their models can be called all the same."""

CROWDED = {"fireworks", "nvidia", "openrouter", "vercel"}
"""Hosts of hundreds of models: only those that a generated table or two tables have are listed."""

NO_CHAT: dict[str, str] = {
    "": r"embed|rerank|whisper|moderation|transcri|voice|-tts|-stt|bge-",  # of any provider
    "dashscope": r"asr|ocr|-mt-|livetranslate|realtime|tts",
    "openai": r"^azure/|:extended$|\.ft-$|turbo-$|^container$|^gpt-3\.5-0301$|^(codex-mini|computer-use)$"
    r"|image|realtime|transcribe|tts|whisper|moderation|^(text-)?(davinci|babbage|curie|ada)",
    # other labs' models are of another API; the oldest are long gone
    "perplexity": r"/|^(?!sonar|llama-3\.1-sonar)|^sonar-(small|medium)",
    "xai": r"-stt|image|video",
    "zai": r"OCR",
}
"""Rows of the facts that are no chat models, or no model ids at all."""

FREE = r"[:/-]free$|^(zai|zhipu)/glm-4\.[5-7]v?-flash$"
"""Whose zero prices mean free of charge; elsewhere zero stands for a subscription, a router or a price not known."""

POINTERS: dict[str, dict[str, str]] = {
    "anthropic": {
        "claude-3-5-haiku-latest": "claude-3-5-haiku-20241022",
        "claude-3-5-sonnet": "claude-3-5-sonnet-20241022",
        "claude-3-5-sonnet-latest": "claude-3-5-sonnet-20241022",
        "claude-3-7-sonnet-latest": "claude-3-7-sonnet-20250219",
        "claude-3-haiku": "claude-3-haiku-20240307",
        "claude-3-opus-latest": "claude-3-opus-20240229",
        "claude-3-sonnet": "claude-3-sonnet-20240229",
        "claude-4-opus-20250514": "claude-opus-4-20250514",
        "claude-4-sonnet-20250514": "claude-sonnet-4-20250514",
        "claude-haiku-4-5": "claude-haiku-4-5-20251001",
        "claude-opus-4-0": "claude-opus-4-20250514",
        "claude-opus-4-1": "claude-opus-4-1-20250805",
        "claude-opus-4-5": "claude-opus-4-5-20251101",
        "claude-sonnet-4-0": "claude-sonnet-4-20250514",
        "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
    }
}
"""Names that stand for a dated model and will not move: the request carries the dated id."""

MODEL_CHANGES: dict[tuple[str, str], Row] = {
    # as its -latest name, whose date is long past
    ("anthropic", "claude-3-5-sonnet-20240620"): {"status": "retired"},
    ("anthropic", "claude-3-5-sonnet-20241022"): {"status": "retired"},
    # the vendor's SDK lists it; the facts call it retired only because no price table has it
    ("anthropic", "claude-mythos-5-2"): {"status": None},
}
"""Corrections of single rows; None takes a key away."""

_WORDS = {
    "tools": "tools",
    "vision": "vision",
    "pdf": "pdf",
    "audio_in": "audio",
    "video_in": "video",
    "reasoning": "reasoning",
    "structured": "schema",
    "prompt_cache": "cache",
    "web_search": "search",
    "computer_use": "computer",
}
_RATES = {
    "in": "input",
    "out": "output",
    "cr": "cache_read",
    "cw": "cache_write",
    "cw1h": "cache_write_1h",
    "audio_in": "audio_input",
    "audio_out": "audio_output",
}


def provider_row(facts: Row) -> Row:
    """One provider of the facts, in the catalog's shape."""
    changes = PROVIDER_CHANGES.get(facts["id"], {})
    row: Row = {
        "name": facts["name"],
        "url": facts["base_url"].replace("127.0.0.1", "localhost"),
        "url_env": facts.get("base_url_env"),
        "key_env": facts.get("env"),
        "keyless": facts.get("key_optional"),
        "auth": None if facts["auth"] == "bearer" else facts["auth"],
        "adapter": ADAPTERS[facts["dialect"]],
        **changes,
        "quirks": dict(sorted(QUIRKS.get(facts["id"], {}).items())),
        "also": other_names(facts),
        "docs": DOCS.get(facts["id"], facts.get("docs")),
    }
    return {key: value for key, value in row.items() if value or key in changes}


def other_names(facts: Row) -> list[str]:
    """The other names of a provider, without those that differ only in case, `_` and `-`."""
    folded = {facts["id"]: ""}
    for name in facts.get("aliases", []):
        if name in ORGANISATIONS:
            continue
        folded.setdefault(name.lower().replace("_", "-"), name)
    return [name for name in folded.values() if name]


def is_shipped(facts: Row) -> bool:
    """Whether the catalog has a row for a provider: a fixed address and a wire format that there is an adapter for."""
    if facts["dialect"] not in ADAPTERS or facts["id"] in NOT_SHIPPED:
        return False
    return facts["dialect"] != "openai.chat" or ("{" not in facts["base_url"] and facts["auth"] == "bearer")


def providers(facts: Iterable[Row]) -> dict[str, Row]:
    """Every provider row, by id."""
    rows = {row["id"]: provider_row(row) for row in facts if is_shipped(row)}
    for name, row in EXTRA_PROVIDERS.items():
        rows[name] = {**row, "quirks": QUIRKS[name]} if name in QUIRKS else row
    return dict(sorted(rows.items()))


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


def forced_tools(facts: Row) -> str | None:
    """When a tool call can be forced, None where the facts do not say."""
    if facts.get("forced_tool_choice") is False:
        return "none"
    if facts.get("forced_tool_choice_with_thinking") is False:
        return "without_thinking"
    return "any" if facts.get("forced_tool_choice") else None


def rules(facts: Row, changes: Row) -> Row:
    """The request rules of a family."""
    claude = "thinking" in facts
    reasoning = claude_reasoning(facts) if claude else _REASONING.get(facts.get("reasoning", ""))
    has_no_effort = reasoning == "none" or (claude and "efforts" not in facts)
    found: Row = {
        "thinking": thinking_modes(facts) if claude else None,
        "reasoning": reasoning,
        "efforts": [] if has_no_effort else facts.get("efforts"),
        "sampling": _SAMPLING.get(facts.get("sampling", "")),
        "stop": False if "stop" in facts.get("unsupported_params", ()) else None,
        "prefill": facts.get("prefill"),
        "forced_tools": forced_tools(facts),
        "tools": facts.get("tools"),
        "mid_system": facts.get("mid_system", False if claude else None),
        "schema": facts.get("native_structured", False if claude else None),
        "max_output": facts.get("max_out"),
        **changes,
    }
    return {key: found[key] for key in _RULE_ORDER if found.get(key) is not None}


def families(facts: Iterable[Row]) -> dict[str, Row]:
    """The rules of every family, by name prefix."""
    known: dict[str, Row] = {"": {}, **{row["id"]: row for row in facts}}
    return {prefix: rules(known[source], changes) for prefix, (source, changes) in sorted(FAMILIES.items())}


def rates(facts: Mapping[str, float], free: bool) -> Row | None:
    """Prices in the catalog's words; a zero is a price only where the whole model is free."""
    if not facts.get("in") and not free:
        return None
    row = {word: facts[key] for key, word in _RATES.items() if facts.get(key) is not None and (facts[key] or free)}
    return row if "input" in row and "output" in row else None


def prices(facts: Row) -> Row | None:
    """A model's prices with its tiers."""
    price: Row = facts.get("price") or {}
    zero: bool = price.get("in") == 0 and price.get("out") == 0
    free = zero and re.search(FREE, f"{facts['provider']}/{facts['id']}") is not None
    row = rates(price, free)
    tiers = [{"above": tier["above"], **found} for tier in facts.get("tiers", ()) if (found := rates(tier, free))]
    return {**row, "tiers": tiers} if row and tiers else row


def status(facts: Row) -> str | None:
    """The model's status; the facts call some retired whose last day is still to come."""
    known = facts["status"]
    if known == "retired" and facts.get("deprecated", "") > DATE:
        return "deprecated"
    return known if known in {"deprecated", "retired"} else None


def capabilities(facts: Row) -> Row:
    """The capabilities that the facts know; some tables count a schema that is only sent as a forced tool."""
    caps: Row = facts.get("caps", {})
    by_tool = facts.get("shape", {}).get("native_structured") is False
    if caps.get("structured") and (by_tool or QUIRKS.get(facts["provider"], {}).get("schema") == "json_object"):
        return {**caps, "structured": False}
    return caps


def model_row(facts: Row) -> Row:
    """One model of the facts, in the catalog's shape."""
    caps = capabilities(facts)
    found: Row = {
        "context": facts.get("context"),
        "max_output": facts.get("max_out"),
        "price": prices(facts),
        "has": [word for key, word in _WORDS.items() if caps.get(key) is True],
        "lacks": [word for key, word in _WORDS.items() if caps.get(key) is False],
        "status": status(facts),
        "ends": facts.get("deprecated"),
        **MODEL_CHANGES.get((facts["provider"], facts["id"]), {}),
    }
    return {key: value for key, value in found.items() if value}


def best_spellings(facts: Iterable[Row]) -> set[tuple[str, str]]:
    """Each model once, where the facts have it in capitals and in small letters: as most sources write it."""
    best: dict[tuple[str, str], tuple[int, str]] = {}
    for row in facts:
        name = row["id"]
        key, rank = (row["provider"], name.lower()), (len(row["sources"]), name)
        if key not in best or (rank[0], name != name.lower()) > (best[key][0], best[key][1] != name.lower()):
            best[key] = rank
    return {(provider, name) for (provider, _), (_, name) in best.items()}


def is_listed(facts: Row) -> bool:
    """Whether a model of the facts is worth a row."""
    provider, name = facts["provider"], facts["id"]
    if facts["mode"] == "completion" and provider != "anthropic":
        return False
    if any(re.search(NO_CHAT[key], name, re.IGNORECASE) for key in ("", provider) if key in NO_CHAT):
        return False
    if provider in LABS:
        return facts["status"] != "unlisted"
    if facts["status"] not in {"active", "preview", "deprecated"}:
        return False
    sources = set(facts["sources"])
    return provider not in CROWDED or "pi" in sources or len(sources & {"genai", "litellm"}) == 2


def lint(row: Row) -> Iterable[str]:
    """What is impossible in a row; the part that it names is taken out."""
    context, most = row.get("context"), row.get("max_output")
    if context and most and most > context:
        yield "max_output"
    price = row.get("price")
    if price and price["input"] and price.get("cache_read", 0) > price["input"]:
        yield "price.cache_read"
    if price and price["input"] and price.get("cache_write", 0) > 2.5 * price["input"]:
        yield "price.cache_write"


def without(row: Row, faults: Iterable[str]) -> Row:
    """The row without the faulty parts."""
    for fault in faults:
        part, _, key = fault.partition(".")
        row = {**row, part: {k: v for k, v in row[part].items() if k != key}} if key else {**row}
        if not key:
            del row[part]
    return row


def models(facts: list[Row], shipped: Iterable[str]) -> dict[str, dict[str, Row]]:
    """Every model row, by provider and id."""
    wanted = set(shipped) - NO_MODELS
    spelled = best_spellings(facts)
    rows: dict[str, dict[str, Row]] = {}
    for fact in facts:
        provider, name = fact["provider"], fact["id"]
        if provider not in wanted or (provider, name) not in spelled or not is_listed(fact):
            continue
        row = model_row(fact)
        if faults := list(lint(row)):
            sys.stderr.write(f"{provider}/{name}: left out {', '.join(faults)}\n")
            row = without(row, faults)
        if row.keys() & {"price", "context", "max_output"}:
            rows.setdefault(provider, {})[name] = row
    for provider, names in POINTERS.items():
        rows[provider].update({name: {"like": target} for name, target in names.items()})
    return {provider: dict(sorted(rows[provider].items())) for provider in sorted(rows)}


def one_line(value: Any) -> str:
    """A value on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def section(rows: Mapping[str, Any], indent: str) -> str:
    """A section with one row a line."""
    lines = (f"{indent}{one_line(name)}: {one_line(row)}" for name, row in rows.items())
    return "{\n" + ",\n".join(lines) + "\n" + indent[:-1] + "}"


def render(catalog: Row) -> str:
    """The whole file."""
    groups = (f"  {one_line(name)}: {section(rows, '   ')}" for name, rows in catalog["models"].items())
    parts = [
        f' "version": {catalog["version"]}',
        f' "date": {one_line(catalog["date"])}',
        *(f' "{part}": {section(catalog[part], "  ")}' for part in ("prefixes", "providers", "families")),
        ' "models": {\n' + ",\n".join(groups) + "\n }",
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def build(directory: Path) -> Row:
    """The catalog made from the facts of a directory."""
    provider_rows = providers(json.loads((directory / "providers.json").read_bytes())["providers"])
    family_rows = families(json.loads((directory / "families.json").read_bytes())["families"])
    with gzip.open(directory / "models.json.gz") as file:
        model_facts: list[Row] = json.load(file)["models"]
    return {
        "version": VERSION,
        "date": DATE,
        "prefixes": dict(sorted(PREFIXES.items())),
        "providers": provider_rows,
        "families": family_rows,
        "models": models(model_facts, provider_rows),
    }


def main() -> None:
    """Write the catalog to stdout."""
    parser = argparse.ArgumentParser(description="Make model_catalog.json from a directory of facts.")
    parser.add_argument("facts", type=Path, metavar="FACTS_DIR")
    sys.stdout.write(render(build(parser.parse_args().facts)))


if __name__ == "__main__":
    main()
