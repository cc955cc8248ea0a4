"""The vendors' SDKs read what `unified_llm.testing` answers in their vendor's stead, and agree with this library."""

from __future__ import annotations

import pytest
from support_sdks import blurred, ours
from test_differential_anthropic import ANTHROPIC_MESSAGES
from test_differential_bedrock import CONVERSE
from test_differential_cohere import COHERE
from test_differential_gemini import GEMINI
from test_differential_ollama import OLLAMA
from test_differential_openai_chat import OPENAI_CHAT
from test_differential_openai_responses import OPENAI_RESPONSES

from unified_llm.testing import Answer, LoopbackProvider

ANSWERS = {
    "text": Answer(text="Hello, wörld! 😀", usage=(12, 5)),
    "a call": Answer(tool_calls=(("look", {"city": "LA"}),), usage=(7, 9)),
    "text and two calls": Answer(text="Both.", tool_calls=(("look", {"city": "LA"}), ("look", {"city": "NY"}))),
    "a call without arguments": Answer(tool_calls=(("now", {}),)),
    "cut short": Answer(text="Once upon", finish_reason="length"),
    "nothing": Answer(text=""),
}
FORMATS = {
    "anthropic_messages": ANTHROPIC_MESSAGES,
    "bedrock_converse": CONVERSE,
    "cohere_chat": COHERE,
    "gemini": GEMINI,
    "ollama_chat": OLLAMA,
    "openai_chat": OPENAI_CHAT,
    "openai_responses": OPENAI_RESPONSES,
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_vendors_sdk_reads_the_same_from_the_loopback_provider(answer, format, stream):
    with LoopbackProvider(answer, answer) as provider, format.client(provider.url) as client:
        theirs, mine = format.read(client, stream), ours(format, provider.url, stream)
    assert (theirs.text, [call[1:] for call in theirs.calls]) == (answer.text, list(answer.tool_calls))
    assert without_ids(blurred(mine, theirs)) == without_ids(theirs)


def without_ids(reading):
    """The provider makes ids anew for each request; whether each call has one is what can be compared."""
    return reading._replace(calls=tuple((bool(id), *call) for id, *call in reading.calls))
