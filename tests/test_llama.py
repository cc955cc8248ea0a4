"""The library against a real llama.cpp server (see support_processes.py), in every format that it speaks.

Its tiny model writes nonsense that ends by itself, thinks where the prompt says so, and calls a tool when it has one.
"""

import json
from typing import Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter
from support_processes import need
from support_runs import EVERY_WAY
from support_ways import every_stream, every_way, streamed, whole

from unified_llm import ContextWindowExceededError, completion

need("llama")

FORMATS = {
    "any server": ("tiny", "/v1", {}),
    "its own row": ("llamacpp/tiny", "/v1", {}),
    "Responses": ("llamacpp/tiny", "/v1", {"adapter": "openai_responses"}),
    "Claude's format": ("anthropic/tiny", "", {"api_key": "any"}),
}
CHAT = ("any server", "its own row")
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"unit": {"enum": ["c", "f"]}}, "required": ["unit"]},
    },
}
"""A tool whose arguments are few: the model knows no better than to write until it may not."""
NAMED = {"type": "function", "function": {"name": "get_weather"}}
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 10, "maximum": 99},
        "married": {"type": "boolean"},
    },
    "required": ["name", "age", "married"],
    "additionalProperties": False,
}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": PERSON}}
TALK = [
    {"role": "system", "content": "Be terse."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hello!"},
    {"role": "user", "content": "How are you?"},
]


def options_of(url, format):
    model, path, more = FORMATS[format]
    return {"model": model, "base_url": url + path, "max_tokens": 400, **more}


@pytest.fixture(params=FORMATS)
def options(request, llama):
    return options_of(llama, request.param)


@pytest.fixture(params=CHAT)
def chat(request, llama):
    return options_of(llama, request.param)


@every_way
def test_it_answers(options, ask):
    response = ask(messages="Hello there", **options)
    assert response.text
    assert response["usage"]["completion_tokens"] > 0
    assert response["choices"][0]["finish_reason"] in ("stop", "length")


def test_it_answers_in_chunks_that_make_the_whole(options):
    stream = completion(messages="Hello there", stream=True, **options)
    text = "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in stream)
    assert text == stream.completion().text
    assert stream.completion()["usage"]["completion_tokens"] > 0


def test_the_surest_words_are_the_same_whole_and_streamed(options):
    surely = {**options, "temperature": 0, "max_tokens": 24}
    first, second = (ask(messages=TALK, **surely) for ask in (whole, streamed))
    assert first.text == second.text
    assert first["usage"]["completion_tokens"] == second["usage"]["completion_tokens"]


@every_way
def test_it_reasons_apart_from_the_text(options, ask):
    assert ask(messages="please think about it", **options).reasoning


@every_way
def test_what_it_thought_and_said_goes_back(options, ask):
    messages = [{"role": "user", "content": "please think"}]
    response = ask(messages=messages, **options)
    assert ask(messages=[*messages, response.message, *messages], **options)["usage"]["prompt_tokens"] > 0


@every_way
def test_it_calls_a_tool_and_goes_on_with_the_result(options, ask):
    messages = [{"role": "user", "content": "Weather in Paris?"}]
    response = ask(messages=messages, tools=[TOOL], **options)
    assert [call["function"]["name"] for call in response.tool_calls] == ["get_weather"]
    assert json.loads(response.tool_calls[0]["function"]["arguments"])["unit"] in ("c", "f")
    assert response["choices"][0]["finish_reason"] == "tool_calls"
    result = {"role": "tool", "tool_call_id": response.tool_calls[0]["id"], "content": "18C"}
    last = ask(messages=[*messages, response.message, result], tools=[TOOL], tool_choice="none", **options)
    assert not last.tool_calls


@EVERY_WAY
def test_a_run_of_tools_makes_its_calls_and_ends_with_an_answer(options, way):
    asked: list[str] = []

    def get_weather(unit: Literal["c", "f"]) -> int:
        asked.append(unit)
        return 18

    run = way(messages="Weather in Paris?", tools=[get_weather], tool_choice="required", **options)
    assert asked[0] in ("c", "f")
    assert [message["role"] for message in run.messages][-3:] == ["assistant", "tool", "assistant"]
    assert run.text


@pytest.mark.parametrize("choice", ["required", NAMED], ids=["required", "named"])
@every_way
def test_it_can_be_made_to_call_a_tool(options, ask, choice):
    response = ask(messages="Hello", tools=[TOOL], tool_choice=choice, **options)
    assert [call["function"]["name"] for call in response.tool_calls] == ["get_weather"]


def test_arguments_are_streamed_in_pieces_that_make_json(options):
    arguments, pieces = "", 0
    for chunk in completion(messages="Weather?", tools=[TOOL], stream=True, **options):
        for call in chunk["choices"][0]["delta"].get("tool_calls", ()):
            assert call["index"] == 0
            arguments += call["function"].get("arguments", "")
            pieces += bool(call["function"].get("arguments"))
    assert json.loads(arguments)["unit"] in ("c", "f")
    assert pieces > 1


@every_way
def test_an_answer_is_held_to_a_schema(chat, ask):
    person = ask(messages="Who is it?", response_format=SCHEMA, **chat).parsed
    assert set(person) == {"name", "age", "married"}
    assert len(person["name"]) <= 8
    assert 10 <= person["age"] <= 99
    assert isinstance(person["married"], bool)


class Size(BaseModel):
    letter: Literal["s", "m", "l"]
    number: int = Field(ge=10, le=99)
    fits: bool | None


@pytest.mark.parametrize("kind", [Size, list[Literal["a", "b"]], bool], ids=str)
@every_way
def test_an_answer_is_read_into_a_type(chat, ask, kind):
    parsed = ask(messages="Which one?", response_format=kind, **chat).parsed
    assert TypeAdapter(kind).validate_python(parsed) == parsed


@every_way
def test_an_answer_by_a_tool_is_read_into_a_type(options, ask):
    response = ask(messages="Which one?", response_format=Size, structured_mode="tool", **options)
    assert isinstance(response.parsed, Size)
    assert response["choices"][0]["finish_reason"] == "stop"


def test_an_answer_grows(chat):
    with completion(messages="Which one?", response_format=Size, stream=True, **chat) as stream:
        grown = list(stream.partial())
    assert len(grown) > 1
    assert Size(**grown[-1]) == stream.completion().parsed


@every_way
def test_it_gives_several_answers(options, ask):
    response = ask(messages="Hello", n=2, **options)
    assert [choice["index"] for choice in response["choices"]] == [0, 1]
    assert all(choice["message"]["content"] for choice in response["choices"])


@every_way
def test_it_says_how_probable_its_words_were(chat, ask):
    response = ask(messages="Hello", logprobs=True, top_logprobs=2, **{**chat, "max_tokens": 4})
    told = response["choices"][0]["logprobs"]["content"]
    assert 0 < len(told) <= 4
    assert all(token["logprob"] <= 0 and len(token["top_logprobs"]) == 2 for token in told)


@every_way
def test_it_stops_where_it_is_told_to(options, ask):
    if "adapter" in options:
        pytest.skip("Responses has no stop, and this server says that an answer that was cut is complete")
    cut = ask(messages=TALK, temperature=0, **{**options, "max_tokens": 3})
    assert (cut["choices"][0]["finish_reason"], cut["usage"]["completion_tokens"]) == ("length", 3)
    stopped = ask(messages=TALK, temperature=0, stop=["e"], **options)
    assert stopped.text
    assert "e" not in stopped.text
    assert stopped["choices"][0]["finish_reason"] == "stop"


@every_stream
def test_a_conversation_goes_on(options, ask):
    short = ask(messages=TALK[1:2], **options)["usage"]["prompt_tokens"]
    assert ask(messages=TALK, **options)["usage"]["prompt_tokens"] > short


@every_way
def test_too_long_a_prompt_is_a_context_window_error(options, ask):
    with pytest.raises(ContextWindowExceededError) as caught:
        ask(messages="x " * 9000, **options)
    assert caught.value.status_code == 400
