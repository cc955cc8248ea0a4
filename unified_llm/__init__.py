"""One `completion()` for every language model: OpenAI-shaped dicts in and out, any provider by name.

    from unified_llm import completion

    response = completion(model="claude-2.1", messages=[{"role": "user", "content": "Hi"}])
    print(response["choices"][0]["message"]["content"])

Names are loaded on first use (PEP 562), so that importing the package costs nothing and does nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unified_llm.agent import AsyncToolStream, ToolStream, arun_tools, run_tools
    from unified_llm.api import acompletion, completion
    from unified_llm.catalog import register, resolve
    from unified_llm.costs import CostEstimate, aestimate_cost, completion_cost, cost_breakdown, estimate_cost
    from unified_llm.drivers import AsyncStream, Stream
    from unified_llm.errors import (
        AnswerError,
        APIConnectionError,
        APIError,
        APIResponseValidationError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ConflictError,
        ContentPolicyViolationError,
        ContextWindowExceededError,
        IncompleteStreamError,
        InternalServerError,
        InvalidAnswerError,
        NotFoundError,
        OverloadedError,
        PermissionDeniedError,
        RateLimitError,
        RefusedAnswerError,
        RequestTooLargeError,
        TruncatedAnswerError,
        TurnLimitError,
        UnifiedLLMError,
        UnprocessableEntityError,
    )
    from unified_llm.preview import RenderedRequest, render_request
    from unified_llm.response import Completion
    from unified_llm.token_count import TokenCount, acount_tokens, count_tokens
    from unified_llm.tool_schema import Tool, parse_tool_call, tool_of
    from unified_llm.tools import ToolRun
    from unified_llm.types import Chunk, Message

__version__ = "0.1.0"

_HOMES = {
    "agent": ("AsyncToolStream", "ToolStream", "arun_tools", "run_tools"),
    "api": ("acompletion", "completion"),
    "catalog": ("register", "resolve"),
    "costs": ("CostEstimate", "aestimate_cost", "completion_cost", "cost_breakdown", "estimate_cost"),
    "drivers": ("AsyncStream", "Stream"),
    "errors": (
        "APIConnectionError",
        "APIError",
        "APIResponseValidationError",
        "APIStatusError",
        "APITimeoutError",
        "AnswerError",
        "AuthenticationError",
        "BadRequestError",
        "ConflictError",
        "ContentPolicyViolationError",
        "ContextWindowExceededError",
        "IncompleteStreamError",
        "InternalServerError",
        "InvalidAnswerError",
        "NotFoundError",
        "OverloadedError",
        "PermissionDeniedError",
        "RateLimitError",
        "RefusedAnswerError",
        "RequestTooLargeError",
        "TruncatedAnswerError",
        "TurnLimitError",
        "UnifiedLLMError",
        "UnprocessableEntityError",
    ),
    "preview": ("RenderedRequest", "render_request"),
    "response": ("Completion",),
    "token_count": ("TokenCount", "acount_tokens", "count_tokens"),
    "tool_schema": ("Tool", "parse_tool_call", "tool_of"),
    "tools": ("ToolRun",),
    "types": ("Chunk", "Message"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AnswerError",
    "AsyncStream",
    "AsyncToolStream",
    "AuthenticationError",
    "BadRequestError",
    "Chunk",
    "Completion",
    "ConflictError",
    "ContentPolicyViolationError",
    "ContextWindowExceededError",
    "CostEstimate",
    "IncompleteStreamError",
    "InternalServerError",
    "InvalidAnswerError",
    "Message",
    "NotFoundError",
    "OverloadedError",
    "PermissionDeniedError",
    "RateLimitError",
    "RefusedAnswerError",
    "RenderedRequest",
    "RequestTooLargeError",
    "Stream",
    "TokenCount",
    "Tool",
    "ToolRun",
    "ToolStream",
    "TruncatedAnswerError",
    "TurnLimitError",
    "UnifiedLLMError",
    "UnprocessableEntityError",
    "acompletion",
    "acount_tokens",
    "aestimate_cost",
    "arun_tools",
    "completion",
    "completion_cost",
    "cost_breakdown",
    "count_tokens",
    "estimate_cost",
    "parse_tool_call",
    "register",
    "render_request",
    "resolve",
    "run_tools",
    "tool_of",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"unified_llm.{_MODULES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
