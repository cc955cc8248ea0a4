"""A tool that stands for a form of answers, and the other ways to ask for one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from support_structured import ADA, CLAUDE, FORCING, HOSTS, OLD_CLAUDE, SAID, User, asked, at_host, options_of

from unified_llm import BadRequestError, InvalidAnswerError, arun_tools, completion, run_tools
from unified_llm.formats import format_of
from unified_llm.testing import Answer, LoopbackProvider

# --- a tool --------------------------------------------------------------------------------------------------------

TOOLS: dict[str, Any] = {
    "openai_chat": lambda body: (body["tools"][0]["function"], body["tool_choice"]["function"]["name"]),
    "openai_responses": lambda body: (body["tools"][0], body["tool_choice"]["name"]),
    "anthropic_messages": lambda body: (
        {**body["tools"][0], "parameters": body["tools"][0]["input_schema"]},
        body["tool_choice"]["name"],
    ),
    "bedrock_converse": lambda body: (
        {
            **body["toolConfig"]["tools"][0]["toolSpec"],
            "parameters": body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"],
        },
        body["toolConfig"]["toolChoice"]["tool"]["name"],
    ),
    "gemini": lambda body: (
        {
            **body["tools"][0]["functionDeclarations"][0],
            "parameters": body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"],
        },
        body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"][0],
    ),
    "cohere_chat": lambda body: (body["tools"][0]["function"], {"REQUIRED": "User"}[body["tool_choice"]]),
}


@pytest.mark.parametrize("host", FORCING)
def test_a_tool_that_must_be_called_may_stand_for_the_form(host):
    called = Answer(tool_calls=(("User", ADA),))
    response, (body,) = at_host(host, called, response_format=User, structured_mode="tool")
    tool, chosen = TOOLS[host](body)
    assert (tool["name"], tool["description"], chosen) == ("User", "Somebody.", "User")
    assert tool["parameters"] == {key: value for key, value in format_of(User).schema.items() if key != "description"}
    assert "response_format" not in body
    assert response.parsed == User(**ADA)
    assert json.loads(response.text) == ADA
    assert response.tool_calls == []
    assert response["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("host", FORCING)
def test_an_answer_by_a_tool_goes_back_as_text(host):
    called = Answer(text="Let me see.", tool_calls=(("User", ADA),))
    response, _ = at_host(host, called, response_format=User, structured_mode="tool")
    model, path, more = HOSTS[host]
    history = [{"role": "user", "content": "Who?"}, response.message, {"role": "user", "content": "Why?"}]
    with LoopbackProvider("Because.") as provider:
        completion(model, history, **{**options_of(provider, model, path), **more})
        body = json.dumps(provider.requests[0].json)
    assert "Ada" in body
    for word in ('"tool_calls"', '"tool_use"', '"toolUse"', '"functionCall"', '"function_call"', "Let me see"):
        assert word not in body


@pytest.mark.parametrize(
    ("model", "form"),
    [(OLD_CLAUDE, User), (OLD_CLAUDE, {"type": "json_object"}), (CLAUDE, {"type": "json_object"})],
    ids=["an old model", "an old model, any JSON", "any JSON"],
)
def test_a_model_without_the_form_is_given_the_tool_and_a_warning_says_so(model, form):
    name = "User" if form is User else "answer"
    response, (body,) = asked(Answer(tool_calls=((name, ADA),)), model=model, response_format=form)
    assert body["tool_choice"] == {"type": "tool", "name": name}
    assert "tool" in response["warnings"][0]
    assert response.parsed == (User(**ADA) if form is User else ADA)


def test_what_is_said_beside_the_tool_is_reasoning():
    called = Answer(text="Let me see.", tool_calls=(("User", ADA),))
    response, _ = asked(called, model=OLD_CLAUDE, response_format=User)
    assert (json.loads(response.text), response.reasoning) == (ADA, "Let me see.")


def test_a_model_that_answers_without_the_tool_is_read_as_well():
    assert asked(SAID, model=OLD_CLAUDE, response_format=User)[0].parsed == User(**ADA)


def test_of_two_calls_of_the_tool_the_first_is_the_answer():
    called = Answer(tool_calls=(("User", ADA), ("User", {"name": "Bob"})))
    response, _ = asked(called, model=OLD_CLAUDE, response_format=User)
    assert (response.parsed, response.tool_calls) == (User(**ADA), [])


def test_an_answer_by_a_tool_is_asked_for_again_as_text():
    called = Answer(tool_calls=(("User", {"name": "Ada", "age": "old"}),))
    response, (_, second) = asked(called, Answer(tool_calls=(("User", ADA),)), model=OLD_CLAUDE, response_format=User)
    assert response.parsed == User(**ADA)
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]
    assert '"age":"old"' in str(second["messages"][1]["content"])
    assert second["tool_choice"] == {"type": "tool", "name": "User"}


# --- beside tools of the caller ------------------------------------------------------------------------------------


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def old(*script: Any, **options: Any) -> Any:
    return asked(*script, model=OLD_CLAUDE, response_format=User, **options)


def test_beside_other_tools_one_of_all_must_be_called():
    response, (body,) = old(Answer(tool_calls=(("weather", {}),)), tools=[tool("weather")])
    assert [one["name"] for one in body["tools"]] == ["weather", "User"]
    assert body["tool_choice"] == {"type": "any"}
    assert [call["function"]["name"] for call in response.tool_calls] == ["weather"]
    assert response["choices"][0]["finish_reason"] == "tool_calls"


def test_a_call_of_another_tool_is_never_taken_for_the_answer():
    response, _ = old(Answer(tool_calls=(("weather", {"city": "LA"}), ("User", ADA))), tools=[tool("weather")])
    assert [call["function"]["name"] for call in response.tool_calls] == ["weather"]
    assert json.loads(response.text) == ADA


CHOICES: dict[str, tuple[Any, list[str], Any]] = {
    "none": ("none", ["weather", "time", "User"], {"type": "tool", "name": "User"}),
    "auto": ("auto", ["weather", "time", "User"], {"type": "any"}),
    "required": ("required", ["weather", "time"], {"type": "any"}),
    "named": (
        {"type": "function", "function": {"name": "time"}},
        ["weather", "time"],
        {"type": "tool", "name": "time"},
    ),
    "allowed": (
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [tool("time")]}},
        ["time", "User"],
        {"type": "any"},
    ),
    "one of those allowed": (
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [tool("time")]}},
        ["time"],
        {"type": "any"},
    ),
}


@pytest.mark.parametrize(("choice", "names", "sent"), CHOICES.values(), ids=CHOICES)
def test_the_choice_of_the_caller_holds_beside_the_answer(choice, names, sent):
    script = Answer(tool_calls=((names[-1], ADA),))
    _, (body,) = old(script, tools=[tool("weather"), tool("time")], tool_choice=choice)
    assert [one["name"] for one in body["tools"]] == names
    assert body["tool_choice"] == sent


def test_the_tool_has_a_name_of_its_own():
    response, (body,) = old(Answer(tool_calls=(("User_", ADA),)), tools=[tool("User")], tool_choice="none")
    assert [one["name"] for one in body["tools"]] == ["User", "User_"]
    assert response.parsed == User(**ADA)


def test_a_model_that_takes_no_schema_beside_tools_takes_one_more_tool():
    script = Answer(tool_calls=(("User", ADA),))
    response, (body,) = at_host("gemini", script, response_format=User, tools=[tool("weather")])
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    assert len(body["tools"][0]["functionDeclarations"]) == 2
    assert response.parsed == User(**ADA)


# --- modes ---------------------------------------------------------------------------------------------------------


def test_native_alone_refuses_where_the_model_has_no_word_for_the_form():
    with pytest.raises(BadRequestError, match=r"JSON schema.*structured_mode='native'"):
        old(SAID, structured_mode="native")


def test_json_of_any_form_may_be_asked_for_and_the_type_is_checked_here():
    response, (body,) = asked(SAID, response_format=User, structured_mode="json_object")
    assert body["response_format"] == {"type": "json_object"}
    assert response.parsed == User(**ADA)


FENCED = {"as it is": SAID, "in a fence": f"```json\n{SAID}\n```", "in a bare fence": f"\n```\n{SAID}\n```\n"}


@pytest.mark.parametrize("text", FENCED.values(), ids=FENCED)
def test_where_the_prompt_asks_for_the_form_nothing_is_sent_and_a_fence_is_taken_off(text):
    response, (body,) = asked(text, response_format=User, structured_mode="prompt")
    assert body.keys() == {"model", "messages"}
    assert (response.parsed, response.text) == (User(**ADA), text)


@pytest.mark.parametrize(
    ("form", "text", "parsed"),
    [
        (list[User], f"[{SAID}]", [User(**ADA)]),
        ({"type": "array", "items": {"$ref": "#/$defs/A"}, "$defs": {"A": {"type": "integer"}}}, "[1]", [1]),
    ],
    ids=["a type", "a schema"],
)
def test_where_the_prompt_asks_for_the_form_it_stands_in_no_object(form, text, parsed):
    assert asked(text, response_format=form, structured_mode="prompt")[0].parsed == parsed
    with pytest.raises(InvalidAnswerError):
        _ = asked('["a"]', '["a"]', response_format=form, structured_mode="prompt")[0].parsed


def test_prose_before_the_answer_is_not_taken_off():
    response, _ = asked(f"Sure: {SAID}", SAID, response_format=User, structured_mode="prompt")
    assert "asked for again" in response["warnings"][0]


def test_a_prefill_is_the_beginning_of_the_answer():
    messages = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": '{"name":'}]
    script = (' "Ada", "age": "old"}', ' "Ada", "age": 36}')
    response, (_, second) = asked(
        *script, model="claude-2.1", messages=messages, response_format=User, structured_mode="prompt"
    )
    assert response.parsed == User(**ADA)
    assert second["prompt"].count('{"name":') == 2
    assert second["prompt"].endswith('{"name":')


def test_a_model_without_any_such_way_names_the_one_that_is_left():
    with pytest.raises(BadRequestError, match="structured_mode='prompt'"):
        asked(SAID, model="claude-2.1", response_format=User)


@pytest.mark.parametrize("model", ["zai/glm-5", "deepseek/deepseek-v4-pro"])
def test_a_host_that_knows_neither_schemas_nor_forced_tools_refuses_a_type(model):
    with pytest.raises(BadRequestError, match=r"forced.*JSON schema.*structured_mode"):
        asked(SAID, model=model, response_format=User)
    assert asked(SAID, model=model, response_format=User, structured_mode="json_object")[0].parsed == User(**ADA)


def test_a_model_that_may_be_forced_while_it_does_not_reason_is():
    script = Answer(tool_calls=(("User", ADA),))
    response, _ = asked(script, model="deepseek/deepseek-v4-pro", response_format=User, reasoning_effort="none")
    assert response.parsed == User(**ADA)


# --- runs of tools -------------------------------------------------------------------------------------------------


EVERY_WAY = pytest.mark.parametrize("awaiting", [False, True], ids=["blocking", "awaiting"])


@pytest.mark.parametrize("mode", [None, "tool"])
@pytest.mark.parametrize("host", FORCING)
def test_a_run_of_tools_ends_with_the_form(host, mode):
    def weather(city: str) -> str:
        return f"25 C in {city}"

    model, path, more = HOSTS[host]
    by_tool = mode == "tool" or host == "gemini"
    last = Answer(tool_calls=(("User", ADA),)) if by_tool else SAID
    with LoopbackProvider(Answer(tool_calls=(("weather", {"city": "LA"}),)), last) as provider:
        options: Any = {**options_of(provider, model, path), **more, "structured_mode": mode}
        run = run_tools(model, "Who?", [weather], response_format=User, **options)
    assert run.parsed == User(**ADA)
    assert len(run.turns) == 2
    assert "25 C in LA" in json.dumps(run.messages)


@EVERY_WAY
def test_in_a_run_of_tools_the_last_answer_grows(awaiting):
    def weather(city: str) -> str:
        return "25 C"

    async def read(*arguments: Any, **options: Any) -> Any:
        stream = await arun_tools(*arguments, **options)
        return [value async for value in stream.partial()], stream.completion()

    first = Answer(text="[1]", tool_calls=(("weather", {"city": "LA"}),))
    with LoopbackProvider(first, Answer(text=SAID, chunk_size=3)) as provider:
        options: Any = {**options_of(provider, CLAUDE), "response_format": User, "stream": True}
        if awaiting:
            grown, run = asyncio.run(read(CLAUDE, "Who?", [weather], **options))
        else:
            stream = run_tools(CLAUDE, "Who?", [weather], **options)
            grown, run = list(stream.partial()), stream.completion()
    assert grown[0] == [1]
    assert grown[-1] == ADA
    assert run.parsed == User(**ADA)
