"""The vendors' own SDKs read the same bytes and agree on text, calls, finish and usage."""

import json

import pytest

from unified_llm import completion
from unified_llm.testing import Answer, LoopbackProvider

ANSWERS = {
    "text": Answer(text="Hello, wörld! 😀", usage=(12, 5)),
    "a call": Answer(tool_calls=(("look", {"city": "LA"}),), usage=(7, 9)),
    "text and two calls": Answer(text="Both.", tool_calls=(("look", {"city": "LA"}), ("look", {"city": "NY"}))),
    "a call without arguments": Answer(tool_calls=(("now", {}),)),
    "cut short": Answer(text="Once upon", finish_reason="length"),
    "nothing": Answer(text=""),
}
MESSAGES = [{"role": "user", "content": "Hi"}]

each_answer = pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)


@pytest.fixture
def provider():
    with LoopbackProvider() as provider:
        yield provider


def ours(provider, model, stream):
    answer = completion(model, MESSAGES, stream, base_url=f"{provider.url}/v1", api_key="any")
    if stream:
        list(answer)
        answer = answer.completion()
    usage = answer["usage"]
    return {
        "text": answer.text,
        "calls": [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in answer.tool_calls],
        "finish": answer["choices"][0]["native_finish_reason"],
        "usage": (usage["prompt_tokens"], usage["completion_tokens"]),
    }


def of_openai(provider, stream):
    openai = pytest.importorskip("openai")
    with openai.OpenAI(api_key="any", base_url=f"{provider.url}/v1") as client:
        if stream:
            options = {"model": "gpt-4.1", "messages": MESSAGES, "stream_options": {"include_usage": True}}
            try:
                with client.chat.completions.stream(**options) as events:
                    answer = events.get_final_completion()
            except openai.LengthFinishReasonError as cut:
                answer = cut.completion
        else:
            answer = client.chat.completions.create(model="gpt-4.1", messages=MESSAGES)
    message = answer.choices[0].message
    calls = message.tool_calls or []
    return {
        "text": message.content or "",
        "calls": [(c.id, c.function.name, json.loads(c.function.arguments or "{}")) for c in calls],
        "finish": answer.choices[0].finish_reason,
        "usage": (answer.usage.prompt_tokens, answer.usage.completion_tokens),
    }


def of_anthropic(provider, stream):
    anthropic = pytest.importorskip("anthropic")
    options = {"model": "claude-sonnet-5-5", "max_tokens": 99, "messages": MESSAGES}
    with anthropic.Anthropic(api_key="any", base_url=provider.url) as client:
        if stream:
            with client.messages.stream(**options) as events:
                answer = events.get_final_message()
        else:
            answer = client.messages.create(**options)
    return {
        "text": "".join(block.text for block in answer.content if block.type == "text"),
        "calls": [(block.id, block.name, block.input) for block in answer.content if block.type == "tool_use"],
        "finish": answer.stop_reason,
        "usage": (answer.usage.input_tokens, answer.usage.output_tokens),
    }


@each_answer
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_openais_sdk_reads_the_same_from_chat_completions(provider, answer, stream):
    provider.answers(answer, answer)
    theirs = of_openai(provider, stream)
    mine = ours(provider, "gpt-4.1", stream)
    assert strip_ids(mine) == strip_ids(theirs)


@each_answer
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_anthropics_sdk_reads_the_same_from_messages(provider, answer, stream):
    provider.answers(answer, answer)
    theirs = of_anthropic(provider, stream)
    mine = ours(provider, "claude-sonnet-5-5", stream)
    assert strip_ids(mine) == strip_ids(theirs)


def strip_ids(read):
    """The provider makes ids anew for each request; that each call has one is what can be compared."""
    return {**read, "calls": [(bool(id), name, arguments) for id, name, arguments in read["calls"]]}
