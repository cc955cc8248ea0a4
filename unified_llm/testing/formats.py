"""The wire formats that a script can be answered in.

Rendered from the providers' documents and not with the adapters' code, so that the two hold each other.
"""

from __future__ import annotations

from unified_llm.testing.anthropic import CountTokens, Messages, TextCompletions
from unified_llm.testing.bedrock import Converse
from unified_llm.testing.chat_completions import ChatCompletions
from unified_llm.testing.cohere import CohereChat
from unified_llm.testing.completions import Completions
from unified_llm.testing.gemini import GenerateContent
from unified_llm.testing.ollama import OllamaChat
from unified_llm.testing.responses import Responses
from unified_llm.testing.script import Format

FORMATS: tuple[Format, ...] = (
    Messages(),
    CountTokens(),
    TextCompletions(),
    Responses(),
    GenerateContent(),
    Converse(),
    CohereChat(),
    OllamaChat(),
    ChatCompletions(),
    Completions(),
)


def format_of(path: str) -> Format | None:
    """The format that requests to a path are in, None for a path of none."""
    path = path.partition("?")[0]
    return next((format for format in FORMATS if path.endswith(format.PATHS)), None)
