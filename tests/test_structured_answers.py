"""Answers that are refused, cut off or not valid, and those that are asked for again."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError, field_validator
from support import frozen
from support_structured import ADA, CLAUDE, GPT, SAID, Node, User, asked, awaited, options_of

from unified_llm import (
    AnswerError,
    BadRequestError,
    Completion,
    InternalServerError,
    InvalidAnswerError,
    RefusedAnswerError,
    TruncatedAnswerError,
    completion,
)
from unified_llm.testing import Answer, LoopbackProvider

BAD = json.dumps({"name": "Ada", "age": "old"})
WHY = "age: Input should be a valid integer, unable to parse string as an integer"
OPENAI_REFUSAL = {
    "id": "c-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4.1",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": None, "refusal": "I cannot."}, "finish_reason": "stop"}
    ],
}
REFUSED = Answer(raw=json.dumps(OPENAI_REFUSAL).encode())

# --- three errors --------------------------------------------------------------------------------------------------

ENDS: dict[str, tuple[Any, type[AnswerError], str]] = {
    "a refusal": (REFUSED, RefusedAnswerError, "I cannot."),
    "a filter": (Answer(text='{"name": "A', finish_reason="content_filter"), RefusedAnswerError, "content_filter"),
    "a limit": (Answer(text='{"name": "A', finish_reason="length"), TruncatedAnswerError, "max_tokens"),
    "no JSON": ("Hello!", InvalidAnswerError, "Invalid JSON"),
    "no text": ("", InvalidAnswerError, "Invalid JSON"),
    "prose before JSON": (f"Here it is: {SAID}", InvalidAnswerError, "Invalid JSON"),
    "a fence": (f"```json\n{SAID}\n```", InvalidAnswerError, "Invalid JSON"),
    "another form": (BAD, InvalidAnswerError, "age"),
}


@pytest.mark.parametrize(("script", "kind", "words"), ENDS.values(), ids=ENDS)
def test_an_answer_that_is_not_one_raises_and_is_on_the_error(script, kind, words):
    with pytest.raises(AnswerError, match=words) as raised:
        asked(script, response_format=User, max_validation_retries=0)
    assert type(raised.value) is kind
    assert isinstance(raised.value.completion, Completion)
    with pytest.raises(kind):
        _ = raised.value.completion.parsed
    twin = pickle.loads(pickle.dumps(raised.value))
    assert (type(twin), str(twin), twin.completion) == (kind, str(raised.value), raised.value.completion)


@pytest.mark.parametrize(("script", "kind", "words"), ENDS.values(), ids=ENDS)
def test_an_answer_to_a_dict_raises_where_it_is_read(script, kind, words):
    response, _ = asked(script, response_format={"type": "json_object"})
    if words == "age":
        assert response.parsed["age"] == "old"
        return
    with pytest.raises(kind) as raised:
        _ = response.parsed
    assert raised.value.completion is response


@pytest.mark.parametrize(("script", "kind", "words"), ENDS.values(), ids=ENDS)
def test_a_stream_raises_where_it_is_read(script, kind, words):
    with LoopbackProvider(script) as provider:
        stream = completion(GPT, "Hi", response_format=User, stream=True, **options_of(provider, GPT))
        list(stream)
    with pytest.raises(kind, match=words):
        _ = stream.completion().parsed


def test_what_the_validator_says_is_the_cause_and_the_answer_is_not_in_the_message():
    with pytest.raises(InvalidAnswerError) as raised:
        asked('{"name": "secret", "age": "hidden"}', response_format=User, max_validation_retries=0)
    assert isinstance(raised.value.__cause__, ValidationError)
    assert "secret" not in str(raised.value)
    assert "hidden" not in str(raised.value)


def test_an_answer_that_is_whole_at_the_limit_is_one():
    assert asked(Answer(text=SAID, finish_reason="length"), response_format=User)[0].parsed == User(**ADA)


# --- asking again --------------------------------------------------------------------------------------------------


def test_an_answer_that_is_not_valid_is_asked_for_again_with_the_words_of_the_validator():
    messages = frozen([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}])
    response, (first, second) = asked(BAD, SAID, messages=messages, response_format=User)
    assert response.parsed == User(name="Ada", age=36)
    assert first["messages"] == messages
    assert second["messages"] == [*messages, {"role": "assistant", "content": BAD}, {"role": "user", "content": WHY}]
    assert second["response_format"] == first["response_format"]


def test_the_usage_and_the_cost_of_all_answers_count():
    response, _ = asked(
        Answer(text=BAD, usage=(1000, 100)), Answer(text=SAID, usage=(2000, 200)), model=CLAUDE, response_format=User
    )
    assert (response["usage"]["prompt_tokens"], response["usage"]["completion_tokens"]) == (3000, 300)
    assert response.cost == pytest.approx((3000 * 3 + 300 * 15) / 1e6)
    assert response["warnings"] == [f"the answer was asked for again: {WHY}"]
    assert pickle.loads(pickle.dumps(response)).cost == response.cost


def test_a_usage_that_is_not_known_once_is_not_known():
    assert asked(Answer(text=BAD, usage=None), SAID, response_format=User)[0]["usage"] is None


@pytest.mark.parametrize(("most", "requests"), [(None, 2), (0, 1), (1, 2), (3, 4)])
def test_it_is_asked_for_again_so_often_and_no_more(most, requests):
    with LoopbackProvider(*[BAD] * 9) as provider, pytest.raises(InvalidAnswerError, match="age") as raised:
        completion(GPT, "Hi", response_format=User, max_validation_retries=most, **options_of(provider, GPT))
    assert len(provider.requests) == requests
    assert raised.value.completion["usage"]["prompt_tokens"] == 10 * requests
    roles = [message["role"] for message in provider.requests[-1].json["messages"]]
    assert roles == ["user", *["assistant", "user"] * (requests - 1)]


@pytest.mark.parametrize("script", [REFUSED, Answer(text="{", finish_reason="length")], ids=["refused", "cut off"])
def test_an_answer_that_would_be_no_other_is_not_asked_for_again(script):
    with LoopbackProvider(script, SAID) as provider, pytest.raises((RefusedAnswerError, TruncatedAnswerError)):
        completion(GPT, "Hi", response_format=User, **options_of(provider, GPT))
    assert len(provider.requests) == 1


def test_the_second_answer_may_be_cut_off():
    with pytest.raises(TruncatedAnswerError) as raised:
        asked(BAD, Answer(text="{", finish_reason="length"), response_format=User)
    assert raised.value.completion["usage"]["prompt_tokens"] == 20


def test_an_error_of_the_second_call_is_raised_as_it_is():
    with pytest.raises(InternalServerError):
        asked(BAD, Answer(status=500), response_format=User)


def test_an_empty_answer_is_no_turn_of_the_conversation():
    response, (_, second) = asked("", SAID, response_format=User)
    assert [message["role"] for message in second["messages"]] == ["user", "user"]
    assert response.parsed.name == "Ada"


def test_an_awaited_answer_is_asked_for_again_too():
    assert awaited(BAD, SAID, response_format=User).parsed.age == 36


def test_a_dict_is_asked_for_again_only_where_the_caller_wants_that():
    with pytest.raises(InvalidAnswerError):
        _ = asked("Hello!", SAID, response_format={"type": "json_object"})[0].parsed
    assert asked("Hello!", SAID, response_format={"type": "json_object"}, max_validation_retries=1)[0].parsed == ADA


def test_a_stream_is_not_asked_for_again():
    with LoopbackProvider(BAD, SAID) as provider:
        stream = completion(GPT, "Hi", response_format=User, stream=True, **options_of(provider, GPT))
        list(stream)
    assert len(provider.requests) == 1


def test_each_of_several_calls_is_checked_for_itself():
    with LoopbackProvider(SAID, SAID, BAD, SAID) as provider:
        response = completion(CLAUDE, "Hi", response_format=User, n=3, **options_of(provider, CLAUDE))
    assert len(response["choices"]) == 3
    assert len(provider.requests) == 4
    assert response["usage"]["prompt_tokens"] == 40
    assert response.parsed == User(**ADA)


class Even(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def is_even(cls, number: int) -> int:
        if number % 2:
            raise ValueError("take an even one")
        return number


def test_a_validator_of_the_caller_speaks_to_the_model():
    response, (_, second) = asked('{"number": 3}', '{"number": 4}', response_format=Even)
    assert second["messages"][-1]["content"] == "number: Value error, take an even one"
    assert response.parsed.number == 4


class Careless(BaseModel):
    name: str

    @field_validator("name", mode="before")
    @classmethod
    def shorten(cls, name: str) -> str:
        return name.strip()


def test_a_validator_that_fails_on_an_answer_of_another_form_is_one_that_refuses_it():
    response, (_, second) = asked('{"name": 3}', '{"name": " Ada "}', response_format=Careless)
    assert second["messages"][-1]["content"] == "AttributeError: 'int' object has no attribute 'strip'"
    assert response.parsed.name == "Ada"


@pytest.mark.parametrize("kind", [KeyError, TypeError, ZeroDivisionError, RecursionError])
def test_an_answer_is_not_lost_whatever_a_validator_raises(kind):
    class Broken(BaseModel):
        name: str

        @field_validator("name")
        @classmethod
        def fail(cls, name: str) -> str:
            raise kind("broken")

    with pytest.raises(InvalidAnswerError, match=kind.__name__) as caught:
        asked(SAID, SAID, response_format=Broken)
    assert type(caught.value.__cause__) is kind
    assert caught.value.completion.text == SAID
    assert caught.value.completion["usage"]["total_tokens"] == 30


@pytest.mark.parametrize("kind", [KeyboardInterrupt, BadRequestError])
def test_what_is_no_judgement_of_a_validator_goes_through(kind):
    class Asking(BaseModel):
        name: str

        @field_validator("name")
        @classmethod
        def ask(cls, name: str) -> str:
            raise kind("no")

    with pytest.raises(kind, match="no"):
        asked(SAID, SAID, response_format=Asking)


def test_the_schema_of_a_type_that_refers_to_itself_is_an_object_as_it_is():
    said = json.dumps({"label": "a", "children": [{"label": "b", "children": []}]})
    response, (request,) = asked(said, response_format=Node.model_json_schema())
    assert "label" in request["response_format"]["json_schema"]["schema"]["properties"]
    assert response.parsed["children"][0]["label"] == "b"


# --- tools of the caller -------------------------------------------------------------------------------------------

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def test_an_answer_that_calls_tools_is_returned_and_has_nothing_to_read_yet():
    response, _ = asked(Answer(tool_calls=(("weather", {}),)), response_format=User, tools=[TOOL])
    assert response.tool_calls[0]["function"]["name"] == "weather"
    with pytest.raises(InvalidAnswerError, match="calls tools"):
        _ = response.parsed


# --- JSON schemas --------------------------------------------------------------------------------------------------

NAMED = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}


@pytest.mark.parametrize("form", [NAMED, {"type": "json_schema", "json_schema": {"name": "n", "schema": NAMED}}])
def test_an_answer_to_a_schema_is_checked_against_it(form):
    assert asked(SAID, response_format=form)[0].parsed == ADA
    with pytest.raises(InvalidAnswerError, match="age: is not of type integer"):
        _ = asked(BAD, response_format=form)[0].parsed
    response, (_, second) = asked('{"age": -1}', SAID, response_format=form, max_validation_retries=1)
    assert second["messages"][-1]["content"] == "age: is not valid: minimum is 0"
    assert response.parsed == ADA
