"""A provider to test against: a real HTTP server on this machine that speaks every wire format from a script.

Example:
    >>> from unified_llm import completion
    >>> from unified_llm.testing import Answer, LoopbackProvider
    >>> with LoopbackProvider("Hello!", Answer(status=429, headers={"retry-after": "0"}), "At last.") as provider:
    ...     first = completion(model="claude-2.1", messages="Hi", base_url=provider.url, api_key="any")
    ...     second = completion(model="gpt-4.1", messages="Hi", base_url=provider.url, api_key="any")
    >>> first.text, second.text, len(provider.requests)
    ('Hello!', 'At last.', 3)
"""

from __future__ import annotations

from unified_llm.testing.provider import LoopbackProvider
from unified_llm.testing.script import Answer
from unified_llm.testing.server import ReceivedRequest

__all__ = ["Answer", "LoopbackProvider", "ReceivedRequest"]
