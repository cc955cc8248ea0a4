"""Declared tables of the models: whose are listed, which are none, and corrections."""

from __future__ import annotations

from row import Row

LABS = {
    "ai21", "ant-ling", "anthropic", "bedrock", "cognition", "cohere", "dashscope", "deepseek", "gemini", "inception",
    "llama", "meta", "minimax", "mistral", "moonshot", "nova", "openai", "perplexity", "poolside", "reka", "sakana",
    "sarvam", "stepfun", "tencent", "upstage", "volcengine", "xai", "xiaomi", "zai", "zhipu",
}  # fmt: skip
"""Those who serve their own models: retired ones stay, because old logs must still be priced."""

COMPLETIONS = {"anthropic.complete", "openai.completions"}
"""The wire formats of the facts for models that are older than chat."""

NO_MODELS = {
    "302ai", "aihubmix", "cloudflare-gateway", "cortecs", "dashscope-cn", "digitalocean", "helicone", "huggingface",
    "hyperbolic", "kilo", "lambda", "llmgateway", "minimax-cn", "moonshot-cn", "nano-gpt", "nearai", "novita",
    "orcarouter", "poe", "qiniu", "requesty", "siliconflow", "siliconflow-cn", "venice", "zenmux",
}  # fmt: skip
"""Providers whose rows are stale, unchecked or another provider's; any of their models can be called all the same."""

CROWDED = {"fireworks", "nvidia", "openrouter", "vercel"}
"""Hosts of hundreds of models: only those that a generated table or two tables have are listed."""

NO_CHAT: dict[str, str] = {
    "": r"embed|rerank|whisper|moderation|transcri|voice|-tts|-stt|bge-",  # of any provider
    "azure": r"/|model-router",
    # OpenAI's own are at the provider for them; what is named for a host or a size is listed there
    "azure-ai": r"^(gpt-(?!oss)|o[1-9]|codex)|model.router|^jais|^meta-llama-3-",
    "bedrock": r"^claude|@|twelvelabs|sonic|:mm$|:\d+k$|/",
    "bedrock-mantle": r"/",
    "dashscope": r"asr|ocr|-mt-|livetranslate|realtime|tts",
    # other interfaces, and names of other catalogs
    "gemini": r"tts|live|native-audio|lyria|deep-research|omni|streaming|nano-banana|-maas$"
    r"|^gemini-((pro|flash)-1\.5|gemma|(pro|flash)-experimental|embedding)",
    "mistral": r"ocr|embed|-fim-|^mistral-7b$",
    "openai": r"^azure/|:extended$|\.ft-$|turbo-$|^container$|^gpt-3\.5-0301$|^(codex-mini|computer-use)$"
    r"|image|realtime|transcribe|tts|whisper|moderation|^(davinci|babbage|curie|ada)(?!-002)",
    # other labs' models are of another API; the oldest are long gone
    "perplexity": r"/|^(?!sonar|llama-3\.1-sonar)|^sonar-(small|medium)",
    # other interfaces, and models whose wire format no adapter speaks there
    "vertex": r"tts|live|native-audio|omni|deep-research|^(codestral|gemma|jamba|medlm|mistral)|image-generation"
    r"|^mistralai/|experimental$",
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
    },
    "dashscope": {"qwen-plus-latest": "qwen-plus-2025-09-11", "qwen-turbo-latest": "qwen-turbo-2025-04-28"},
    "gemini": {
        "gemini-flash-latest": "gemini-3.6-flash",
        "gemini-flash-lite-latest": "gemini-3.5-flash-lite",
        "gemini-pro-latest": "gemini-3.1-pro-preview",
    },
    "mistral": {
        "codestral-latest": "codestral-2508",
        "devstral-latest": "devstral-2512",
        "devstral-medium-latest": "devstral-2512",
        "ministral-14b-latest": "ministral-14b-2512",
        "ministral-3b-latest": "ministral-3b-2512",
        "ministral-8b-latest": "ministral-8b-2512",
        "mistral-large-latest": "mistral-large-2512",
        "mistral-medium-latest": "mistral-medium-2604",
        "mistral-small-latest": "mistral-small-2603",
        "pixtral-large-latest": "pixtral-large-2411",
        "voxtral-small-latest": "voxtral-small-2507",
        "zai-glm-latest": "zai-glm-5-3",
    },
    "xai": {
        "grok-2-latest": "grok-2-1212",
        "grok-2-vision-latest": "grok-2-vision-1212",
        "grok-3-latest": "grok-3",
        "grok-3-mini-fast-latest": "grok-3-mini-fast",
        "grok-3-mini-latest": "grok-3-mini",
        "grok-4-1-fast-non-reasoning-latest": "grok-4-1-fast-non-reasoning",
        "grok-4-1-fast-reasoning-latest": "grok-4-1-fast-reasoning",
        "grok-4-latest": "grok-4",
        "grok-4.20-beta-latest": "grok-4.20-beta",
        "grok-4.20-multi-agent-latest": "grok-4.20-multi-agent",
        "grok-4.20-non-reasoning-latest": "grok-4.20-non-reasoning",
        "grok-4.20-reasoning-latest": "grok-4.20-reasoning",
        "grok-4.3-latest": "grok-4.3",
        "grok-4.5-latest": "grok-4.5",
    },
}
"""Names that stand for another model, whose facts they share; the provider knows both, and may move a `-latest`."""

MODEL_CHANGES: dict[tuple[str, str], Row] = {
    # as its -latest name, whose date is long past
    ("anthropic", "claude-3-5-sonnet-20240620"): {"status": "retired"},
    ("anthropic", "claude-3-5-sonnet-20241022"): {"status": "retired"},
    # of one answer; the facts have what a conversation may add up to
    ("gemini", "gemini-4-argon"): {"max_output": 65536},
    # the facts call them active only because they stand in a table of names
    ("gemini", "gemini-1.0-pro-vision-001"): {"status": "retired"},
    ("gemini", "gemini-exp-1114"): {"status": "retired"},
    ("gemini", "gemini-exp-1206"): {"status": "retired"},
    ("gemini", "learnlm-1.5-pro-experimental"): {"status": "retired"},
    # https://developers.openai.com/api/docs/models/gpt-3.5-turbo-instruct; the dated one went with it
    ("openai", "gpt-3.5-turbo-instruct"): {"context": 4096},
    ("openai", "gpt-3.5-turbo-instruct-0914"): {
        "context": 4096,
        "max_output": 4096,
        "status": "retired",
        "ends": "2026-09-28",
    },
    # the vendor's SDK lists it; the facts call it retired only because no price table has it
    ("anthropic", "claude-mythos-5-2"): {"status": None},
}
"""Corrections of single rows; None takes a key away."""
