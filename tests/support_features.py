"""What each feature of a call becomes in the request of each kind of model.

`docs/build_features.py` writes what is found here to tests/feature_matrix.json, which is reviewed as any other change,
and to docs/features.md.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from unified_llm.adapters.contract import MediaNeeded
from unified_llm.api import prepare
from unified_llm.errors import BadRequestError
from unified_llm.flow import Exchange
from unified_llm.types import JSON

MODELS = (
    "claude-opus-5",
    "claude-sonnet-4-5",
    "claude-3-7-sonnet-20250219",
    "claude-2.1",
    "gpt-4.1",
    "gpt-5.5",
    "gemini/gemini-3.8-flash",
    "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "bedrock/amazon.nova-pro-v1:0",
    "mistral/mistral-large-latest",
    "cohere/command-a-reasoning-08-2025",
    "ollama/qwen3",
)

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
SCHEMA: JSON = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL: JSON = {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": SCHEMA}}
STRICT: JSON = {"type": "function", "function": {**TOOL["function"], "strict": True}}
NAMED: JSON = {"type": "function", "function": {"name": "weather"}}
FORMAT: JSON = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
ASKED: JSON = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}


def user(*parts: Any) -> JSON:
    return {"role": "user", "content": list(parts) if parts else "Hi"}


def text(words: str) -> JSON:
    return {"type": "text", "text": words}


def image(url: str) -> JSON:
    return {"type": "image_url", "image_url": {"url": url}}


CALLED: JSON = {"role": "assistant", "content": None, "tool_calls": [ASKED]}
PICTURE = image(f"data:image/png;base64,{PNG}")
DOCUMENT: JSON = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}
SOUND: JSON = {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}

FEATURES: dict[str, JSON] = {
    "system prompt": {"messages": [{"role": "system", "content": "Be brief."}, user()]},
    "system prompt in the middle": {
        "messages": [
            user(),
            {"role": "assistant", "content": "Yes?"},
            {"role": "system", "content": "Be brief."},
            user(),
        ]
    },
    "prefill": {"messages": [user(), {"role": "assistant", "content": "{"}]},
    "image (bytes)": {"messages": [user(text("Hi"), PICTURE)]},
    "image (URL)": {"messages": [user(text("Hi"), image("https://pictures.example/cat.png"))]},
    "PDF (bytes)": {"messages": [user(text("Hi"), DOCUMENT)]},
    "audio (bytes)": {"messages": [user(text("Hi"), SOUND)]},
    "cache mark": {"messages": [user({**text("Hi"), "cache_control": {"type": "ephemeral"}})]},
    'cache="auto"': {"cache": "auto"},
    "tools": {"tools": [TOOL]},
    "strict tool": {"tools": [STRICT]},
    'tool_choice="required"': {"tools": [TOOL], "tool_choice": "required"},
    "tool_choice of one tool": {"tools": [TOOL], "tool_choice": NAMED},
    'tool_choice="none"': {"tools": [TOOL], "tool_choice": "none"},
    "parallel_tool_calls=False": {"tools": [TOOL], "parallel_tool_calls": False},
    "tool result": {
        "messages": [user(), CALLED, {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}],
        "tools": [TOOL],
    },
    "image in a tool result": {
        "messages": [user(), CALLED, {"role": "tool", "tool_call_id": "call_1", "content": [text("A map:"), PICTURE]}],
        "tools": [TOOL],
    },
    "response_format of a schema": {"response_format": FORMAT},
    "response_format beside tools": {"response_format": FORMAT, "tools": [TOOL]},
    "response_format json_object": {"response_format": {"type": "json_object"}},
    'reasoning_effort="low"': {"reasoning_effort": "low"},
    'reasoning_effort="none"': {"reasoning_effort": "none"},
    "max_tokens": {"max_tokens": 99},
    "temperature": {"temperature": 0.5},
    "temperature and top_p": {"temperature": 0.5, "top_p": 0.9},
    "top_k": {"top_k": 5},
    "stop": {"stop": ["END"]},
    "seed": {"seed": 7},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "user": {"user": "u-1"},
    "service_tier": {"service_tier": "priority"},
}


def cell(model: str, feature: str) -> JSON:
    """What a feature adds to the plain request of a model, under `sent`; what was said of it under `warnings`.

    `fetched` where a URL is fetched here; only `refused`, with the words, where the model cannot take it.
    """
    out: JSON = {}
    try:
        made = prepared(model, **FEATURES[feature])
    except MediaNeeded as needed:
        made = prepared(model, media={needed.url: ("image/png", b64decode(PNG))}, **FEATURES[feature])
        out["fetched"] = True
    except BadRequestError as refusal:
        return {"refused": str(refusal).partition(": ")[2]}
    plain = prepared(model, adapter=made.call.route.adapter)
    out["sent"] = added(plain.request.payload, made.request.payload)
    return {**out, "warnings": made.call.warnings} if made.call.warnings else out


def prepared(model: str, messages: Any = "Hi", media: Any = None, **options: Any) -> Exchange:
    given: Any = {"api_key": "any", "base_url": "https://server.invalid", **options}
    return prepare(model, messages, False, given, media or {})


def added(before: JSON, after: JSON) -> JSON:
    """What is new or different; a dict is compared key by key, anything else as a whole; what is gone is None."""
    out: JSON = {}
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            if inner := added(old, new):  # pyright: ignore[reportUnknownArgumentType]
                out[key] = inner
        elif old != new:
            out[key] = new
    return out
