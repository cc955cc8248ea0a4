"""Forms of answers in streams: partial objects, and answers that come as a tool's arguments."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import call, cuts_of, named_sse, pieces
from support_structured import ADA, CLAUDE, EVERY_HOST, FORCING, GPT, HOSTS, OLD_CLAUDE, SAID, User, options_of

from unified_llm import BadRequestError, acompletion, completion
from unified_llm.adapters import load
from unified_llm.answer_tool import AnswerTool
from unified_llm.chunks import fold
from unified_llm.json_codec import begun
from unified_llm.testing import Answer, LoopbackProvider


def partials(text: str, *, model: str = GPT, size: int = 1, **options: Any) -> tuple[list[Any], Any]:
    """The partial answers of a stream that comes in pieces of this many characters, and the whole one."""
    with LoopbackProvider(Answer(text=text, chunk_size=size)) as provider:
        stream = completion(model, "Who?", stream=True, **{**options_of(provider, model), **options})
        return list(stream.partial()), stream.completion()


# --- partial objects -----------------------------------------------------------------------------------------------


def test_an_answer_is_read_while_it_grows():
    grown, whole = partials(SAID, size=4, response_format=User)
    assert grown == [{}, {"name": "Ad"}, {"name": "Ada"}, {"name": "Ada", "age": 36}]
    assert whole.parsed == User(name="Ada", age=36)


def test_an_awaited_answer_is_read_while_it_grows():
    async def read() -> Any:
        with LoopbackProvider(Answer(text=SAID, chunk_size=4)) as provider:
            stream = await acompletion(GPT, "Who?", stream=True, response_format=User, **options_of(provider, GPT))
            return [value async for value in stream.partial()], stream.completion().parsed

    grown, whole = asyncio.run(read())
    assert grown == partials(SAID, size=4, response_format=User)[0]
    assert whole == User(name="Ada", age=36)


def test_a_value_without_an_object_is_read_without_its_object():
    grown, whole = partials('{"value": [1, 23]}', response_format=list[int])
    assert grown == [[], [1], [1, 23]]
    assert whole.parsed == [1, 23]


def test_a_fence_is_no_part_of_what_grows():
    grown, whole = partials('```json\n{"name": "A"}\n```', response_format=User, structured_mode="prompt")
    assert grown == [{}, {"name": ""}, {"name": "A"}]
    assert whole.parsed == User(name="A")


def test_what_goes_on_with_a_prefill_is_read_with_it():
    with LoopbackProvider(Answer(text='"Ada", "age": 36}', chunk_size=1)) as provider:
        messages = [("human", "Who?"), ("ai", '{"name": ')]
        options: Any = {**options_of(provider, "claude-2.1"), "structured_mode": "prompt"}
        stream = completion("claude-2.1", messages, stream=True, response_format=User, **options)
        assert list(stream.partial())[-1] == ADA
    assert stream.completion().parsed == User(**ADA)


def test_an_answer_that_is_no_json_grows_into_nothing():
    grown, _ = partials("Hello!", response_format=User)
    assert grown == []


def test_a_stream_without_a_form_has_no_partial_objects():
    with pytest.raises(BadRequestError, match="response_format"):
        partials(SAID)
    with pytest.raises(BadRequestError, match="response_format"):
        partials(SAID, response_format={"type": "text"})


@EVERY_HOST
def test_answers_of_every_format_grow(host):
    model, path, more = HOSTS[host]
    with LoopbackProvider(Answer(text=SAID, chunk_size=3)) as provider:
        options: Any = {**options_of(provider, model, path), **more}
        stream = completion(model, "Who?", stream=True, response_format=User, **options)
        grown = list(stream.partial())
    assert len(grown) > 3
    assert grown[-1] == ADA
    assert stream.completion().parsed == User(**ADA)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


OBJECTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=4)


@given(value=OBJECTS, ascii=st.booleans(), indent=st.sampled_from([None, 1]))
@settings(max_examples=200, deadline=None)
def test_every_beginning_of_an_answer_is_a_beginning_of_what_it_says(value, ascii, indent):
    text = json.dumps(value, ensure_ascii=ascii, indent=indent)
    last: Any = {}
    for end in range(1, len(text) + 1):
        now = begun(text[:end])
        assert begins(last, now)
        assert begins(now, value)
        last = now
    assert last == value


def begins(part: Any, whole: Any) -> bool:
    """Whether a value is the beginning of another one."""
    if isinstance(part, str):
        return isinstance(whole, str) and whole.startswith(part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) <= len(whole) and all(map(begins, part, whole))
    if isinstance(part, dict):
        keys = list(whole)[: len(part)] if isinstance(whole, dict) else None
        return keys == list(part) and all(begins(part[key], whole[key]) for key in part)
    return part == whole


# --- a tool --------------------------------------------------------------------------------------------------------

SCRIPTS = {
    "the tool alone": Answer(tool_calls=(("User", ADA),), chunk_size=2),
    "text beside it": Answer(text="Let me see.", tool_calls=(("User", ADA),), chunk_size=2),
    "another tool first": Answer(tool_calls=(("weather", {"city": "LA"}), ("User", ADA)), chunk_size=2),
    "another tool last": Answer(tool_calls=(("User", ADA), ("weather", {"city": "LA"}), ("time", {})), chunk_size=2),
    "twice": Answer(tool_calls=(("User", ADA), ("User", {"name": "Bob"})), chunk_size=2),
    "another tool alone": Answer(text="Hm.", tool_calls=(("weather", {}),), chunk_size=2),
    "text alone": Answer(text=SAID, chunk_size=2),
    "cut off": Answer(tool_calls=(("User", '{"name": "A'),), finish_reason="length", chunk_size=2),
}
PARAMETERS = {"type": "object", "properties": {}}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for name in ("weather", "time")]


def both(host: str, script: Answer) -> tuple[Any, list[Any], Any]:
    """The same answer whole, as chunks, and what these fold to."""
    model, path, more = HOSTS[host]
    options: Any = {**more, "response_format": User, "structured_mode": "tool", "tools": TOOLS}
    with LoopbackProvider(script) as provider:
        whole = completion(model, "Who?", max_validation_retries=0, **{**options_of(provider, model, path), **options})
    with LoopbackProvider(script) as provider:
        stream = completion(model, "Who?", stream=True, **{**options_of(provider, model, path), **options})
        return whole, list(stream), stream.completion()


@pytest.mark.parametrize("host", FORCING)
@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in ("text alone", "cut off")])
def test_a_streamed_answer_by_a_tool_is_what_the_whole_one_is(host, name):
    whole, chunks, folded = both(host, SCRIPTS[name])
    assert comparable(folded) == comparable(whole)
    assert all(chunk["choices"] for chunk in chunks)
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks] == ["assistant"] + [None] * (len(chunks) - 1)
    assert [bool(chunk["choices"][0]["finish_reason"]) for chunk in chunks][:-1] == [False] * (len(chunks) - 1)
    assert all("content" in chunk["choices"][0]["delta"] for chunk in chunks)


def comparable(response: Any) -> Any:
    """What two answers to one script have in common: neither ids made here, nor how arguments are spaced."""
    message = {key: value for key, value in response.message.items() if key != "provider_fields"}
    content = message["content"] or ""
    message["content"] = json.loads(content) if content.startswith("{") else content
    functions = [call["function"] for call in response.tool_calls]
    message["tool_calls"] = [(function["name"], json.loads(function["arguments"])) for function in functions]
    return message, response["choices"][0]["finish_reason"], response["usage"]


@pytest.mark.parametrize("model", [GPT, OLD_CLAUDE])
@pytest.mark.parametrize("name", ["text alone", "cut off"])
def test_an_answer_without_the_tool_or_without_an_end_streams_as_it_is(model, name):
    with LoopbackProvider(SCRIPTS[name]) as provider:
        options: Any = {**options_of(provider, model), "structured_mode": "tool"}
        stream = completion(model, "Who?", stream=True, response_format=User, **options)
        list(stream)
    assert stream.completion().text == (SAID if name == "text alone" else '{"name": "A')
    assert stream.completion()["choices"][0]["finish_reason"] == ("stop" if name == "text alone" else "length")


def test_the_arguments_of_the_tool_grow_as_the_answer():
    with LoopbackProvider(SCRIPTS["text beside it"]) as provider:
        stream = completion(OLD_CLAUDE, "Who?", stream=True, response_format=User, **options_of(provider, OLD_CLAUDE))
        grown = list(stream.partial())
    assert len(grown) > 3
    assert grown[-1] == ADA
    assert stream.warnings
    assert stream.completion().parsed == User(**ADA)


USAGE = {"input_tokens": 1, "output_tokens": 1}
CALLED = {"type": "tool_use", "id": "t", "name": "User", "input": {}}
EVENTS = named_sse(
    {"type": "message_start", "message": {"id": "m", "model": CLAUDE, "usage": USAGE}},
    {"type": "content_block_start", "index": 0, "content_block": CALLED},
    *(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}}
        for piece in ("", '{"name"', ': "Ada"', "}")
    ),
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
)


@given(cuts=cuts_of(len(EVENTS)))
def test_wherever_the_network_cuts_the_bytes_the_chunks_fold_to_the_same(cuts):
    made = call(CLAUDE, stream=True)
    decoder = AnswerTool(load(made.route.adapter), "User").Decoder(made)
    chunks = [chunk for piece in pieces(EVENTS, cuts) for chunk in decoder.feed(piece)]
    message = fold([*chunks, *decoder.close()])["choices"][0]["message"]
    assert message == {"role": "assistant", "content": '{"name": "Ada"}'}
