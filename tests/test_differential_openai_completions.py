"""OpenAI's SDK and this library read the same in the same bytes of text completions."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from support import parse, sse
from support_sdks import Format, Reading, Usage, compared, finished
from test_openai_completions import LEGACY, asked


@contextmanager
def openai_client(url):
    openai = pytest.importorskip("openai")
    with openai.OpenAI(api_key="any", base_url=f"{url}/v1", max_retries=0) as client:
        yield client


WORDS = {word: word for word in ("stop", "length", "content_filter")}


def read(client, stream):
    """What the SDK's `Completion` says; it has no joined one of a stream, whose events are of the same type."""
    given = {"model": "babbage-002", "prompt": "Hi"}
    if stream:
        events = list(client.completions.create(**given, stream=True, stream_options={"include_usage": True}))
    else:
        events = [client.completions.create(**given)]
    choices = [choice for event in events for choice in event.choices if not choice.index]
    finish = next((choice.finish_reason for choice in choices if choice.finish_reason), None)
    usage = next((event.usage for event in reversed(events) if event.usage), None)
    details = usage and usage.prompt_tokens_details
    return Reading(
        "".join(choice.text or "" for choice in choices),
        finished(finish, WORDS, ()),
        usage and Usage(usage.prompt_tokens, usage.completion_tokens, (details and details.cached_tokens) or 0),
    )


OPENAI_COMPLETIONS = Format("babbage-002", openai_client, read, "/v1")


@pytest.fixture(scope="module")
def compare():
    with compared(OPENAI_COMPLETIONS) as compare:
        yield compare


# --- answers -------------------------------------------------------------------------------------------------------

BASE = {"id": "cmpl-1", "object": "text_completion", "created": 1763474589, "model": "babbage:2023-07-21-v2"}
COUNTS = {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}
COUNTED = Usage(19, 10)
CACHED = {**COUNTS, "prompt_tokens_details": {"cached_tokens": 16}}


def event(text="", finish=None, usage=None, **fields):
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish, **fields}
    return {**BASE, "choices": [choice], "usage": usage}


def end(usage=COUNTS):
    return {**BASE, "usage": usage, "choices": []}


ANSWERS = {
    "text": (
        event("\n\nGrüße,\u2028😀!", "stop", COUNTS),
        sse(event("\n\n"), event("Grü"), event("ße,\u2028"), event("😀!"), event("", "stop"), end(), "[DONE]"),
        Reading("\n\nGrüße,\u2028😀!", "stop", COUNTED),
    ),
    "nothing": (event("", "stop", COUNTS), sse(event("", "stop"), end(), "[DONE]"), Reading("", "stop", COUNTED)),
    "cut short": (
        event(" Once", "length", COUNTS),
        sse(event(" Once", "length"), end(), "[DONE]"),
        Reading(" Once", "length", COUNTED),
    ),
    "filtered": (
        event("How to", "content_filter", COUNTS),
        sse(event("How to"), event("", "content_filter"), end(), "[DONE]"),
        Reading("How to", "content_filter", COUNTED),
    ),
    "cached": (
        event("4", "stop", CACHED),
        sse(event("4"), event("", "stop"), end(CACHED), "[DONE]"),
        Reading("4", "stop", Usage(19, 10, 16)),
    ),
    "without usage": (event("Hi", "stop"), sse(event("Hi"), event("", "stop"), "[DONE]"), Reading("Hi", "stop", None)),
    "as vLLM has it": (
        event("Hi", "stop", COUNTS, stop_reason="END", prompt_logprobs=None),
        sse(event("Hi", stop_reason=None), event("", "stop", stop_reason="END"), end(), "[DONE]"),
        Reading("Hi", "stop", COUNTED),
    ),
    "as Together has it": (
        {**event("Hi", "stop", COUNTS), "object": "text.completion", "prompt": []},
        sse(event("Hi", delta={"token_id": 5, "content": "Hi"}), event("", "stop", COUNTS, seed=7), "[DONE]"),
        Reading("Hi", "stop", COUNTED),
    ),
    "with usage on the last event, as llama.cpp has it": (
        event("Hi", "stop", COUNTS),
        sse(event("Hi"), {**event("", "stop", COUNTS), "timings": {"cache_n": 0}}, "[DONE]"),
        Reading("Hi", "stop", COUNTED),
    ),
}


@pytest.mark.parametrize(("body", "events", "said"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_openais_sdk_reads_the_same(compare, body, events, said, streamed):
    assert compare(events if streamed else body, streamed) == (said, said)


def test_openais_type_has_the_same_log_probabilities():
    openai = pytest.importorskip("openai")
    body = event("\n\nFoo", "stop", COUNTS, logprobs=LEGACY)
    theirs = openai.types.Completion.model_validate(body).choices[0].logprobs
    ours = parse(asked(logprobs=True, top_logprobs=5), body)["choices"][0]["logprobs"]["content"]
    assert [one["token"] for one in ours] == theirs.tokens
    assert [one["logprob"] for one in ours] == theirs.token_logprobs
    beside = [{near["token"]: near["logprob"] for near in one["top_logprobs"]} for one in ours]
    assert beside == theirs.top_logprobs
