"""Declared tables of the providers: which are shipped, whose a bare name is, and how they differ from their facts."""

from __future__ import annotations

from row import Row

PREFIXES: dict[str, str] = {
    "MiniMax-": "minimax",
    "amazon.": "bedrock",
    "anthropic.": "bedrock",
    "apac.": "bedrock",
    "au.": "bedrock",
    "babbage-": "openai",
    "chat-latest": "openai",
    "chatgpt-": "openai",
    "claude-": "anthropic",
    "codestral-": "mistral",
    "codex-mini": "openai",
    "command-": "cohere",
    "computer-use-": "openai",
    "davinci-": "openai",
    "deepseek-": "deepseek",
    "devstral-": "mistral",
    "eu.": "bedrock",
    "ft:babbage-": "openai",
    "ft:davinci-": "openai",
    "ft:gpt-": "openai",
    "ft:o4-mini": "openai",
    "gemini-": "gemini",
    "glm-": "zai",
    "global.": "bedrock",
    "google.": "bedrock",
    "gpt-": "openai",
    "gpt-oss": "",  # open weights that many serve: no owner
    "grok-": "xai",
    "jamba-": "ai21",
    "jp.": "bedrock",
    "kimi-": "moonshot",
    "meta.llama": "bedrock",
    "magistral-": "mistral",
    "minimax-": "minimax",
    "ministral-": "mistral",
    "mistral-": "mistral",
    "moonshot-": "moonshot",
    "moonshotai.": "bedrock",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "open-mistral-": "mistral",
    "open-mixtral-": "mistral",
    "openai.": "bedrock",
    "pixtral-": "mistral",
    "qwen.": "bedrock",
    "qwen-flash": "dashscope",
    "qwen-max": "dashscope",
    "qwen-plus": "dashscope",
    "qwen-turbo": "dashscope",
    "sonar": "perplexity",
    "us-gov.": "bedrock",
    "us.": "bedrock",
    "voxtral-": "mistral",
    "xai.": "bedrock",
}
"""Whose a bare name is that begins so; the longest prefix wins, an empty owner means that the caller must say."""

# --------------------------------------------------------------------------------------------------------- providers

NOT_SHIPPED = {
    "gigachat",  # key exchange
    "github",  # retired
    "github-copilot",  # key exchange, editor headers
    "opencode",  # several wire formats under different addresses
    "opencode-go",
    "sap-ai-core",  # key exchange
}
"""Providers of the facts that the catalog has no row for, beside those whose wire format no adapter speaks."""

LEGACY_CLAUDE = ("claude-1", "claude-2", "claude-instant", "claude-v1", "claude-v2")
"""What the names of the Claude models begin with that only the Text Completions endpoint takes."""

RESPONSES_ONLY = dict.fromkeys(
    [
        "codex-mini",
        "computer-use",
        "daybreak-",
        "gpt-5-codex",
        "gpt-5-pro",
        "gpt-5.1-codex",
        "gpt-5.2-codex",
        "gpt-5.2-pro",
        "gpt-5.3-codex",
        "gpt-5.4-pro",
        "gpt-5.5-pro",
        "gpt-daybreak-",
        "o1-pro",
        "o3-deep-research",
        "o3-pro",
        "o4-mini-deep-research",
    ],
    "openai_responses",
)
"""What the names of the OpenAI models begin with that Chat Completions does not take."""

COMPLETIONS_ONLY = dict.fromkeys(
    [
        "babbage-",
        "davinci-",
        "ft:babbage-",
        "ft:davinci-",
        "gpt-3.5-turbo-instruct",
        "gpt-35-turbo-instruct",  # at Azure
        "text-",
    ],
    "openai_completions",
)
"""What the names of the OpenAI models begin with that are older than chat."""

RESPONSES_WITH_TOOLS = dict.fromkeys(["gpt-5.4", "gpt-5.5", "gpt-5.6", "gpt-6"], "openai_responses")
"""What the names of the OpenAI models begin with that take no function on Chat Completions while they reason."""

VERTEX_PUBLISHERS = (
    "deepseek-ai/",
    "google/",
    "meta/",
    "minimaxai/",
    "mistralai/",
    "moonshotai/",
    "openai/",
    "qwen/",
    "xai/",
    "zai-org/",
)
"""Whose models Vertex AI has on its endpoint for chat completions; there, a name is `publisher/model`.

https://cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis
"""

_AZURE_HOST = ["AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE", "AZURE_RESOURCE_NAME.openai.azure.com"]

URL_VARS: dict[str, dict[str, list[str]]] = {
    "azure": {"host": _AZURE_HOST},
    "azure-ai": {
        "host": [
            "AZURE_AI_API_BASE",
            "AZURE_AI_ENDPOINT",
            "ANTHROPIC_FOUNDRY_BASE_URL",
            "ANTHROPIC_FOUNDRY_RESOURCE.services.ai.azure.com",
        ]
    },
    "bedrock": {"region": ["AWS_REGION", "AWS_DEFAULT_REGION"]},
    "bedrock-mantle": {"region": ["AWS_REGION", "AWS_DEFAULT_REGION"]},
    "cloudflare": {"account_id": ["CLOUDFLARE_ACCOUNT_ID"]},
    "cloudflare-gateway": {"account_id": ["CLOUDFLARE_ACCOUNT_ID"], "gateway_id": ["CLOUDFLARE_GATEWAY_ID"]},
    "databricks": {"host": ["DATABRICKS_HOST", "DATABRICKS_API_BASE"]},
    "snowflake": {"account": ["SNOWFLAKE_ACCOUNT", "SNOWFLAKE_ACCOUNT_ID"]},
    "vertex": {
        "location": ["GOOGLE_CLOUD_LOCATION", "CLOUD_ML_REGION", "VERTEXAI_LOCATION", "GOOGLE_VERTEX_LOCATION"],
        "project": ["GOOGLE_CLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID", "VERTEXAI_PROJECT", "GOOGLE_VERTEX_PROJECT"],
    },
}
"""The variables for the parts of an address that stand in braces; such a provider is shipped only if it is here."""

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
        "token_env": ["ANTHROPIC_AUTH_TOKEN"],
        "routes": dict.fromkeys(LEGACY_CLAUDE, "anthropic_complete"),
        "headers": {},  # the adapter sends the version
    },
    # the whole endpoint is what the vendor tells its users to set, and some have the name of the resource alone
    "azure": {
        "url": "https://{host}",
        "url_env": None,
        "token_env": ["AZURE_OPENAI_AD_TOKEN"],
        "routes": RESPONSES_ONLY | COMPLETIONS_ONLY,
        "server_tools": "openai_responses",
        "formats": {
            "openai_chat": {"path": "/openai/v1"},
            "openai_completions": {"path": "/openai/v1"},
            "openai_responses": {"path": "/openai/v1"},
        },
    },
    # its address with an api-version, /models, is the older surface
    "azure-ai": {
        "url": "https://{host}",
        "url_env": None,
        "key_env": ["AZURE_AI_API_KEY", "ANTHROPIC_FOUNDRY_API_KEY", "AZURE_API_KEY"],
        "routes": {"claude": "anthropic_messages"},
        "formats": {
            "anthropic_messages": {"path": "/anthropic", "auth": "x-api-key"},
            "openai_chat": {"path": "/openai/v1"},
            "openai_responses": {"path": "/openai/v1"},
        },
    },
    "bedrock": {
        "key_env": ["AWS_BEARER_TOKEN_BEDROCK"],
        "keyless": True,  # without that key a request is signed with those of AWS
        "auth": "sigv4:bedrock",
        "routes": dict.fromkeys((f"anthropic.{name}" for name in LEGACY_CLAUDE), "bedrock_invoke"),
    },
    "bedrock-mantle": {"keyless": True, "auth": "sigv4:bedrock-mantle"},
    # the adapter adds /v2; only this variable is that of the vendor's SDK, which does so too
    "cohere": {"url": "https://api.cohere.com", "url_env": ["CO_API_URL"]},
    "databricks": {"url_env": None},
    "groq": {"url_env": ["GROQ_API_BASE"]},  # GROQ_BASE_URL is that of the vendor's SDK, without /openai/v1
    "openai": {
        "routes": RESPONSES_ONLY | COMPLETIONS_ONLY,
        "tool_routes": RESPONSES_WITH_TOOLS,
        "server_tools": "openai_responses",
    },
    "vertex": {
        "key_env": None,
        "keyless": True,
        "auth": "oauth:google",
        "routes": {"claude": "anthropic_messages", **dict.fromkeys(VERTEX_PUBLISHERS, "openai_chat")},
        "formats": {
            "anthropic_messages": {"quirks": {"media_urls": False, "raw_predict": "vertex-2023-10-16"}},
            "gemini": {"quirks": {"publisher": "google"}},
            "openai_chat": {"path": "/endpoints/openapi"},
        },
    },
    "xai": {"routes": {"grok-4.20-multi-agent": "openai_responses"}, "server_tools": "openai_responses"},
}
"""Keys that replace those of the facts; None takes one away."""

_GEMINI_COUNTS = {"gemini": "gemini"}
_MESSAGES_COUNTS = {"anthropic_messages": "anthropic_messages"}

TOKEN_COUNTS: dict[str, dict[str, str]] = {
    "anthropic": _MESSAGES_COUNTS,
    "bedrock": {"bedrock_converse": "bedrock_converse", "bedrock_invoke": "bedrock_invoke"},
    "gemini": _GEMINI_COUNTS,
    "openai": {"openai_chat": "openai_responses", "openai_responses": "openai_responses"},
    "vertex": {**_MESSAGES_COUNTS, **_GEMINI_COUNTS},
}
"""Who measures the prompts of which formats, and in which format."""

DOCS = {
    "ovhcloud": "https://www.ovhcloud.com/en/public-cloud/ai-endpoints/catalog/",
    "vercel": "https://vercel.com/docs/ai-gateway",
}
"""Addresses of documentation that are spelled oddly in the facts."""

ORGANISATIONS = {"bytedance"}
"""Names that Hugging Face has as an organisation, and so are no provider in `organisation/model`."""

EXTRA_PROVIDERS: dict[str, Row] = {
    "azure-deployments": {
        "name": "Azure OpenAI (addresses of deployments, with an api-version)",
        "url": "https://{host}/openai?api-version={api_version}",
        "url_vars": {"host": _AZURE_HOST, "api_version": ["OPENAI_API_VERSION", "AZURE_API_VERSION"]},
        "key_env": ["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"],
        "token_env": ["AZURE_OPENAI_AD_TOKEN"],
        "auth": "api-key",
        "routes": RESPONSES_ONLY | COMPLETIONS_ONLY,
        "formats": {
            "openai_chat": {"path": "/deployments/{model}"},
            "openai_completions": {"path": "/deployments/{model}"},
        },
        "docs": "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference",
    },
    "claude-on-google-cloud": {
        "name": "Claude on Google Cloud (run by Anthropic)",
        "url": "https://claude.googleapis.com/v1/projects/{project}/locations/{location}/workspaces/{workspace}/invoke",
        "url_vars": {
            "location": ["ANTHROPIC_GOOGLE_CLOUD_LOCATION"],
            "project": ["ANTHROPIC_GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT"],
            "workspace": ["ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID"],
        },
        "url_env": ["ANTHROPIC_GOOGLE_CLOUD_BASE_URL"],
        "keyless": True,
        "auth": "oauth:google",
        "adapter": "anthropic_messages",
    },
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
    "text-completion-openai": {
        "name": "OpenAI and compatible servers (text completions)",
        "url": "https://api.openai.com/v1",
        "url_env": ["OPENAI_BASE_URL", "OPENAI_API_BASE"],
        "key_env": ["OPENAI_API_KEY"],
        "adapter": "openai_completions",
        "docs": "https://platform.openai.com/docs/api-reference/completions",
    },
    "vertex-express": {
        "name": "Google Vertex AI (express mode, with an API key)",
        "url": "https://aiplatform.googleapis.com/v1",
        "key_env": ["GOOGLE_VERTEX_API_KEY", "GOOGLE_API_KEY"],
        "auth": "x-goog-api-key",
        "adapter": "gemini",
        "token_counts": _GEMINI_COUNTS,
        "docs": "https://cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/overview",
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
    "think_tags": True,
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
    "media_urls": False,
}
_ZAI: Row = {
    "reasoning_param": "thinking_type",
    "echo_reasoning": "reasoning_content",
    "forced_tools": "refused",
    "schema": "json_object",
    "string_content": True,
    "temperature_max": 1.0,
}

_OPENAI: Row = {
    "max_tokens_field": "max_completion_tokens",
    "developer_role": True,
    "allowed_tools": True,
    "strict_tools": True,
    "refused": ["top_k"],
    "prefill": "refused",
    "files": "pdf",
}
_STRICT: Row = {"strict_tools": True}

QUIRKS: dict[str, Row] = {
    "ant-ling": {**_STRICT, "reasoning_param": "reasoning_object"},
    "azure": _OPENAI,
    "azure-deployments": _OPENAI,
    "baseten": _STRICT,
    "byteplus": _VOLCENGINE,
    "cerebras": {"max_tokens_field": "max_completion_tokens", "echo_reasoning": "reasoning", "refused": ["logit_bias"]},
    "dashscope": _DASHSCOPE,
    "dashscope-cn": _DASHSCOPE,
    "databricks": {"null_content": "empty", "split_tool_calls": True},
    "deepinfra": {"forced_tools": "refused"},
    "deepseek": {
        "reasoning_param": "thinking_type",
        "echo_reasoning": "reasoning_content",
        "schema": "json_object",
        "refused": _DEEPSEEK_DROPS,
        "user_field": "user_id",
        "prefill": "prefix",
    },
    "custom": {"schema_keywords": "all"},
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
    "llamacpp": {"reasoning_param": "chat_template_kwargs", "schema_keywords": "all"},
    "lmstudio": {"media_urls": False, "schema_keywords": "all", "think_tags": True},
    "meta": {"forced_tools": "refused"},
    "minimax": _MINIMAX,
    "minimax-cn": _MINIMAX,
    "mistral": {
        "stream_usage": "always",
        "seed_field": "random_seed",
        "echo_reasoning": "thinking_parts",
        "forced_tools": "any",
        "strict_tools": True,
        "parameters_required": True,
        "tool_call_ids": "nine_alphanumerics",
        "bare_messages": True,
        "empty_answers": False,
        "content_chunks": True,
        "files": "any",
        # its server refuses fields that it does not know
        "refused": [
            "audio",
            "logit_bias",
            "modalities",
            "safety_identifier",
            "store",
            "user",
            "verbosity",
            "web_search_options",
        ],
        "temperature_max": 1.5,
        "standard_tier": "standard_only",
        "prefill": "prefix",
    },
    "moonshot": _MOONSHOT,
    "moonshot-cn": _MOONSHOT,
    "nvidia": {"reasoning_param": "chat_template_kwargs"},
    "ollama-cloud": {"media_urls": False},
    "openai": _OPENAI,
    "openrouter": {
        "reasoning_param": "reasoning_object",
        "echo_reasoning": "reasoning_details",
        "strict_tools": True,
        "cache_control": True,
        "tool_images": True,
        "files": "any",
    },
    "perplexity": {
        "stream_usage": "always",
        "think_tags": True,
        "string_content": True,
        "refused": ["logit_bias", "n", "seed", "stop", "top_k"],
        "prefill": "refused",
    },
    "publicai": {"string_content": True},
    "sambanova": {"think_tags": True, "string_content": True, "refused": _SAMBANOVA_DROPS},
    "sglang": {"reasoning_param": "chat_template_kwargs", "schema_keywords": "all"},
    "snowflake": {"reasoning_param": "reasoning_object"},
    "streamlake": {"max_tokens_field": "max_completion_tokens"},
    "vercel": {"reasoning_param": "reasoning_object", "echo_reasoning": "reasoning_details"},
    "vertex-express": {"publisher": "google"},
    "vllm": {"reasoning_param": "chat_template_kwargs", "echo_reasoning": "reasoning", "schema_keywords": "all"},
    "volcengine": _VOLCENGINE,
    "xai": {"refused": ["frequency_penalty", "presence_penalty"]},
    "xiaomi": {**_STRICT, "reasoning_param": "thinking_type", "echo_reasoning": "reasoning_content"},
    "zai": _ZAI,
    "zai-coding": {**_ZAI, **_STRICT},
    "zhipu": _ZAI,
    "zhipu-coding": {**_ZAI, **_STRICT},
}
"""What a provider takes otherwise than the defaults of the OpenAI chat format: keys of that adapter's `Quirks`."""
