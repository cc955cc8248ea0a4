"""The loop that asks a model, has its calls made and tells it the results, until it answers."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from support import frozen
from support_runs import (
    CLAUDE,
    EVERY_FORMAT,
    EVERY_WAY,
    GPT,
    LA,
    PARIS,
    QUESTION,
    ROME,
    WAYS,
    at,
    calls,
    fail,
    get_weather,
    ran,
    results,
)

from unified_llm import (
    BadRequestError,
    Completion,
    InternalServerError,
    RefusedAnswerError,
    ToolRun,
    TruncatedAnswerError,
    TurnLimitError,
    arun_tools,
    parse_tool_call,
    run_tools,
)
from unified_llm.agent import _driven
from unified_llm.messages import normalize
from unified_llm.testing import Answer, LoopbackProvider
from unified_llm.tools import Run

# --- the loop ------------------------------------------------------------------------------------------------------


@EVERY_FORMAT
@EVERY_WAY
def test_calls_are_made_and_their_results_told_until_the_model_answers(way, model):
    script = calls(LA, PARIS, text="Let me look."), calls(ROME), "Paris."
    done = ran([get_weather], *script, way=way, model=model)
    assert done.text == "Paris."
    assert [turn.text for turn in done.turns] == ["Let me look.", "", "Paris."]
    assert [message["role"] for message in done.messages] == "user assistant tool tool assistant tool assistant".split()
    assert [json.loads(result)["celsius"] for result in results(done)] == [2, 5, 4]
    assert done.messages[1] == done.turns[0].message


@EVERY_WAY
def test_a_run_is_the_last_answer_with_usage_and_cost_of_all(way):
    done = ran([get_weather], Answer(tool_calls=[LA], usage=(100, 20)), Answer("Hot.", usage=(130, 5)), way=way)
    assert isinstance(done, Completion)
    assert done["choices"][0]["message"]["content"] == "Hot."
    counts = [done["usage"][key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")]
    assert counts == [230, 25, 255]
    assert done.cost == pytest.approx(sum(turn.cost for turn in done.turns))
    assert json.loads(json.dumps(done))["usage"] == done["usage"]


def test_usage_is_not_known_where_one_turn_tells_none():
    assert ran([fail], calls("fail", usage=None), "Done.")["usage"] is None


@EVERY_WAY
def test_an_answer_without_calls_is_the_whole_run(way):
    done = ran([get_weather], "Hello.", way=way)
    assert (done.text, len(done.turns), done.tool_calls) == ("Hello.", 1, [])
    assert done.messages == [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Hello."}]


@EVERY_FORMAT
def test_the_messages_of_a_run_go_on_and_the_callers_are_not_changed(model):
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]
    done = ran([get_weather], calls(LA), "Hot.", model=model, messages=frozen(asked))
    assert done.messages[:2] == asked
    again = [*done.messages, {"role": "user", "content": "And then?"}]
    assert ran([get_weather], "Rain.", model=model, messages=frozen(again)).messages[:-1] == again


def test_a_run_can_be_pickled_with_its_way():
    done = ran([get_weather], calls(LA), "Hot.")
    again = pickle.loads(pickle.dumps(done))
    assert (again, again.messages, again.cost, again.turns) == (done, done.messages, done.cost, done.turns)


def test_parameters_and_tools_go_with_every_turn():
    with LoopbackProvider(calls("fail"), "Done.") as provider:
        run_tools(GPT, QUESTION, [fail], temperature=0.5, **at(provider))
    sent = [request.json for request in provider.requests]
    assert [one["temperature"] for one in sent] == [0.5, 0.5]
    assert sent[0]["tools"] == sent[1]["tools"]


def test_warnings_of_all_turns_are_told_once_and_those_of_the_loop_itself_are_none():
    assert len(ran([fail], calls("fail"), "Done.", model=CLAUDE, seed=7)["warnings"]) == 1
    assert ran([fail], calls("fail"), "Done.", model=GPT)["warnings"] == []


def test_a_structured_answer_is_that_of_the_last_turn():
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    asked = {"type": "json_schema", "json_schema": {"name": "c", "schema": schema}}
    assert ran([get_weather], calls(LA), '{"city": "LA"}', response_format=asked).parsed == {"city": "LA"}


# --- which calls are made ------------------------------------------------------------------------------------------

DICT = {"type": "function", "function": {"name": "ask_a_human", "parameters": {"type": "object", "properties": {}}}}


class Report(BaseModel):
    """The answer."""

    city: str


@pytest.mark.parametrize(
    ("tool", "call"), [(DICT, ("ask_a_human", {})), (Report, ("Report", {"city": "LA"}))], ids=["dict", "class"]
)
@EVERY_WAY
def test_calls_of_tools_without_a_function_end_the_run_and_are_left_to_the_caller(way, tool, call):
    done = ran([get_weather, tool], calls(LA, call), way=way)
    assert [one["function"]["name"] for one in done.tool_calls] == [call[0]]
    assert [message["role"] for message in done.messages] == ["user", "assistant", "tool"]
    answered = [*done.messages, {"role": "tool", "tool_call_id": done.tool_calls[0]["id"], "content": "42"}]
    assert ran([get_weather, tool], "Done.", messages=answered, way=way).text == "Done."


def test_a_call_of_a_class_is_read_as_an_instance():
    done = ran([get_weather, Report], calls(LA), calls(("Report", {"city": "LA"})))
    assert parse_tool_call(done.tool_calls[0], [Report]) == Report(city="LA")


@EVERY_FORMAT
def test_a_call_of_no_tool_is_told_with_the_names_of_those_that_there_are(model):
    done = ran([get_weather, DICT], calls("get_time"), "Sorry.", model=model)
    assert results(done) == ["LookupError: no tool is called 'get_time'; there are: get_weather, ask_a_human"]


INVALID = {
    "a missing one": ({}, "ValidationError: city: Missing required argument"),
    "one of another type": ({"city": 3}, "ValidationError: city: Input should be a valid string"),
    "one too many": ({"city": "LA", "day": 1}, "ValidationError: day: Unexpected keyword argument"),
    "no JSON": ('{"city": ', "ValidationError: Invalid JSON: EOF while parsing a value at line 1 column 9"),
    "no object": ('["LA"]', "ValueError: the arguments are a list, not a JSON object"),
}


@pytest.mark.parametrize(("arguments", "words"), INVALID.values(), ids=INVALID)
@pytest.mark.parametrize("on_error", ["result", "raise"])
def test_arguments_that_do_not_fit_are_told_to_the_model(arguments, words, on_error):
    done = ran([get_weather], calls(("get_weather", arguments), LA), "Sorry.", on_error=on_error)
    assert results(done)[0].splitlines()[0] == words
    assert json.loads(results(done)[1])["city"] == "LA"
    assert done.messages[2]["is_error"] is True


CUTS = [("length", TruncatedAnswerError, "limit of tokens"), ("content_filter", RefusedAnswerError, "filter")]


@pytest.mark.parametrize(("finish", "kind", "words"), CUTS)
@EVERY_FORMAT
@EVERY_WAY
def test_the_calls_of_an_answer_that_was_cut_off_are_never_made(way, model, finish, kind, words):
    made: list[str] = []

    def pay(amount: int = 1) -> None:
        made.append("paid")

    cut = Answer("I pay.", tool_calls=[("pay", '{"amount": 1}'), ("pay", '{"amount": 1')], finish_reason=finish)
    with pytest.raises(kind, match=rf"{words}.*\(pay, pay\); none") as caught:
        ran([pay, get_weather], calls(LA), cut, way=way, model=model)
    done = caught.value.completion
    assert (made, isinstance(done, ToolRun), done.text) == ([], True, "I pay.")
    assert [message["role"] for message in done.messages] == ["user", "assistant", "tool"]
    assert caught.value.tool_run.messages == done.messages


def test_a_text_that_was_cut_off_is_an_answer():
    done = ran([get_weather], calls(LA), Answer("LA is", finish_reason="length"))
    assert (done.text, done["choices"][0]["finish_reason"]) == ("LA is", "length")


CALL = st.tuples(
    st.sampled_from(["get_weather", "fail", "no_such_tool"]),
    st.sampled_from(['{"city": "LA"}', "{}", '{"city": 3}', '{"city', "", "[]"]),
)


@given(st.lists(st.lists(CALL, min_size=1, max_size=4), max_size=4), st.integers(1, 4))
def test_whatever_a_model_calls_every_call_has_one_result_in_order(turns, most):
    def answer(number: int, called: Any) -> Completion:
        asked = [
            {"id": f"{number}-{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for at, (name, arguments) in enumerate(called)
        ]
        message = {"role": "assistant", "content": None, **({"tool_calls": asked} if asked else {})}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if asked else "stop"}
        head = {"id": "a", "object": "chat.completion", "created": 1, "model": "m"}
        return Completion({**head, "choices": [choice], "usage": None, "warnings": []})

    run = Run(QUESTION, [get_weather, fail], {}, most, "result")
    answers = iter([answer(number, called) for number, called in enumerate([*turns, []])])
    try:
        done = _driven(run.steps(), lambda ask: next(answers))
    except TurnLimitError as error:
        done = error.completion
    assert len(done.turns) == min(most, len(turns) + 1)
    assert normalize(done.messages) == done.messages
    asked = [call["id"] for turn in done.turns for call in turn.message.get("tool_calls", [])]
    assert [message["tool_call_id"] for message in done.messages if message["role"] == "tool"] == asked
    assert done.tool_calls == []


# --- turns ---------------------------------------------------------------------------------------------------------


@EVERY_FORMAT
@EVERY_WAY
def test_a_run_that_does_not_end_raises_with_a_conversation_to_go_on_with(way, model):
    with pytest.raises(TurnLimitError, match="after 3 turns") as caught:
        ran([get_weather], *[calls(LA)] * 3, way=way, model=model, max_turns=3)
    done = caught.value.completion
    assert (len(done.turns), len(results(done)), done["usage"]["total_tokens"]) == (3, 3, 45)
    assert ran([get_weather], "Hot.", way=way, model=model, messages=done.messages).text == "Hot."


def test_the_last_turn_may_answer():
    assert ran([get_weather], calls(LA), "Hot.", max_turns=2).text == "Hot."


CHOICES: dict[str, tuple[Any, Any]] = {
    "required": ("required", None),
    "named": ({"type": "function", "function": {"name": "get_weather"}}, None),
    "the function": (get_weather, None),
    "Anthropic's any": ({"type": "any"}, None),
    "auto": ("auto", "auto"),
    "none": ("none", "none"),
}


@pytest.mark.parametrize(("choice", "later"), CHOICES.values(), ids=CHOICES)
def test_a_choice_that_forces_a_call_holds_for_the_first_turn(choice, later):
    with LoopbackProvider(calls(LA), calls(LA), "Hot.") as provider:
        run_tools(GPT, QUESTION, [get_weather], tool_choice=choice, **at(provider))
    chosen = [request.json.get("tool_choice") for request in provider.requests]
    assert chosen[0] is not None
    assert chosen[1:] == [later, later]


def test_a_choice_among_some_tools_stays_among_them():
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "get_weather"}}]}
    with LoopbackProvider(calls(LA), "Hot.") as provider:
        choice = {"type": "allowed_tools", "allowed_tools": allowed}
        run_tools(GPT, QUESTION, [get_weather, fail], tool_choice=choice, **at(provider))
    modes = [request.json["tool_choice"]["allowed_tools"]["mode"] for request in provider.requests]
    assert modes == ["required", "auto"]


# --- streams -------------------------------------------------------------------------------------------------------


@EVERY_FORMAT
def test_a_streamed_run_hands_out_every_answer_and_the_results_between_them(model):
    with LoopbackProvider(calls(LA, text="Let me look."), "It is hot.") as provider:
        stream = run_tools(model, QUESTION, [get_weather], stream=True, **at(provider, model))
        chunks = list(stream)
    done = stream.completion()
    assert "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in chunks) == "Let me look.It is hot."
    assert [chunk["tool_results"] for chunk in chunks if "tool_results" in chunk] == [[done.messages[2]]]
    ends = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert [end for end in ends if end] == ["tool_calls", "stop"]


@EVERY_FORMAT
def test_every_way_gives_the_same_run(model):
    def fields(done: Any) -> Any:
        text = json.dumps([done, done.messages, done.turns])
        return json.loads(text, object_hook=lambda one: {key: one[key] for key in one if key != "created"})

    script = calls(LA, PARIS, text="Let me look."), "It is hot."
    first, *others = [fields(ran([get_weather], *script, model=model, way=way)) for way in WAYS]
    assert others == [first] * 3


def test_a_stream_knows_the_run_as_far_as_it_was_delivered():
    with LoopbackProvider(calls("fail"), "One two three.") as provider:
        stream = run_tools(GPT, QUESTION, [fail], stream=True, **at(provider))
        assert (len(stream.completion().turns), stream.completion().text) == (1, "")
        for chunk in stream:
            if chunk["choices"][0]["delta"]["content"] == " two":
                break
        done = stream.completion()
        stream.close()
    assert (done.text, len(done.turns)) == ("One two", 2)
    assert [message["role"] for message in done.messages] == ["user", "assistant", "tool"]


SLOW = Answer("One two three four five six.", chunk_delay=0.05)


@EVERY_FORMAT
def test_leaving_a_streamed_run_closes_its_connection(model):
    with LoopbackProvider(calls("fail"), SLOW) as provider:
        with run_tools(model, QUESTION, [fail], stream=True, **at(provider, model)) as stream:
            next(chunk for chunk in stream if chunk["choices"][0]["delta"]["content"])
        assert provider.wait_for_abort()
        assert list(stream) == []


@EVERY_FORMAT
def test_leaving_a_streamed_run_that_is_awaited_closes_its_connection(model):
    async def leave(provider: LoopbackProvider) -> None:
        async with await arun_tools(model, QUESTION, [fail], stream=True, **at(provider, model)) as stream:
            async for chunk in stream:
                if chunk["choices"][0]["delta"]["content"]:
                    break

    with LoopbackProvider(calls("fail"), SLOW) as provider:
        asyncio.run(leave(provider))
        assert provider.wait_for_abort()


def test_a_stream_that_is_closed_before_it_is_read_makes_no_calls():
    made: list[str] = []

    def pay() -> None:
        made.append("paid")

    with LoopbackProvider(calls("pay", chunk_delay=0.05)) as provider:
        stream = run_tools(GPT, QUESTION, [pay], stream=True, **at(provider))
        stream.close()
        assert (list(stream), made, len(provider.requests)) == ([], [], 1)


# --- errors --------------------------------------------------------------------------------------------------------


@EVERY_FORMAT
@EVERY_WAY
def test_an_error_of_a_later_turn_has_the_run_so_far(way, model):
    with pytest.raises(InternalServerError) as caught:
        ran([get_weather], calls(LA), Answer(status=500), way=way, model=model)
    done = caught.value.tool_run
    assert [message["role"] for message in done.messages] == ["user", "assistant", "tool"]
    assert done["usage"]["total_tokens"] == 15


@EVERY_WAY
def test_an_error_of_the_first_turn_has_no_run(way):
    with pytest.raises(InternalServerError) as caught:
        ran([get_weather], Answer(status=500), way=way)
    assert caught.value.tool_run is None


REFUSED: dict[str, tuple[Any, str]] = {
    "no turns": ({"max_turns": 0}, "max_turns is 0"),
    "half a turn": ({"max_turns": 1.5}, "max_turns is 1.5"),
    "turns that are true": ({"max_turns": True}, "max_turns is True"),
    "a third thing on errors": ({"on_error": "ignore"}, "on_error is 'ignore'"),
    "two answers": ({"n": 2}, "n is 2"),
    "one name twice": ({"tools": [get_weather, get_weather]}, "two tools are called 'get_weather'"),
    "no tool": ({"tools": [3]}, r"tools\[0\] is int"),
    "no message": ({"messages": []}, "messages is empty"),
}


@pytest.mark.parametrize(("options", "words"), REFUSED.values(), ids=REFUSED)
@EVERY_WAY
def test_what_no_run_can_take_is_refused_before_anything_is_sent(way, options, words):
    options = {"tools": [get_weather], "messages": QUESTION, **options}
    with LoopbackProvider() as provider:
        with pytest.raises(BadRequestError, match=words):
            way(GPT, options.pop("messages"), options.pop("tools"), **at(provider), **options)
        assert provider.requests == []


def test_a_parameter_that_does_not_exist_is_refused_by_name():
    with pytest.raises(TypeError, match="'temprature'"):
        ran([get_weather], temprature=1)
