"""Requests that other libraries got wrong: one test for each reported way, named for what must hold instead.

The numbers are those of issues of the libraries that had the bug: L is github.com/BerriAI/litellm.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pydantic import BaseModel
from support import body_of, call, frozen, parse, render

from unified_llm import BadRequestError, completion, run_tools
from unified_llm.testing import Answer, LoopbackProvider

SONNET, OPUS, GEMINI, BEDROCK = (
    "claude-sonnet-4-5",
    "claude-opus-4-6",
    "gemini/gemini-2.5-flash",
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
)
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": True},
    },
}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
JPEG = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8U"


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def called(arguments: str = "{}", id: str = "c1") -> dict[str, Any]:
    function = {"name": "weather", "arguments": arguments}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": id, "type": "function", "function": function}]}


def result(content: Any = "sunny", id: str = "c1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content}


THINKING = [
    {"type": "thinking", "thinking": "", "signature": "sg"},
    {"type": "redacted_thinking", "data": "x9"},
    {"type": "thinking", "thinking": "Weather.", "signature": "sh"},
    {"type": "text", "text": "Let me look."},
    {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo"}},
]


def answered(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """The message of an answer of Claude with these blocks."""
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": SONNET, "content": blocks}
    made = {**body, "stop_reason": "tool_use", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    return parse(call(SONNET), made)["choices"][0]["message"]


# --- texts ---------------------------------------------------------------------------------------------------------


def test_an_empty_text_part_is_not_sent() -> None:
    """L!23835: "text content blocks must be non-empty"."""
    assert body_of(SONNET, [user([text(""), text("Hi")])])["messages"] == [user("Hi")]


def test_a_message_with_nothing_but_empty_text_is_refused_with_its_index() -> None:
    """L!23835."""
    with pytest.raises(BadRequestError, match=r"messages\[2\] is empty"):
        body_of(SONNET, [user("Hi"), {"role": "assistant", "content": "Yes?"}, user([text("")])])


def test_white_space_is_cut_from_the_end_of_the_last_assistant_message_only() -> None:
    """crewAI#4413, langchain#35071, langchain-google!1733."""
    turns = [user("a"), {"role": "assistant", "content": "b "}, user("c"), {"role": "assistant", "content": "Say: "}]
    messages = body_of(SONNET, turns)["messages"]
    assert [message["content"] for message in messages] == ["a", "b ", "c", "Say:"]


def test_a_model_that_takes_no_prefill_is_not_sent_one() -> None:
    """nanobot!3297."""
    with pytest.raises(BadRequestError, match="prefill"):
        body_of(OPUS, [user("a"), {"role": "assistant", "content": "{"}])


def test_a_late_system_message_keeps_its_words_and_its_place() -> None:
    """LiteLLM 1.106 writes "Operator note (not from the user)" before it."""
    turns = [user("a"), {"role": "assistant", "content": "b"}, {"role": "system", "content": "Be brief."}, user("c")]
    made = call(SONNET, turns)
    body = render(made).body
    assert "system" not in body
    words = [block["text"] for block in body["messages"][-1]["content"]]
    assert words == ["Be brief.", "c"]
    assert any("messages[2] is a system message" in warning for warning in made.warnings)


# --- thinking ------------------------------------------------------------------------------------------------------


def test_thinking_goes_back_byte_for_byte_also_where_it_is_empty_or_redacted() -> None:
    """L#15601, L#9020, openai-agents-python#1704, langchain#39685."""
    history = [user("Weather?"), answered(THINKING), result()]
    history = json.loads(json.dumps(history))
    body = body_of(SONNET, history, tools=[WEATHER], reasoning_effort="low", max_tokens=9000)
    assert body["messages"][1]["content"] == THINKING


def test_temperature_with_top_p_is_not_sent_to_models_that_take_one_of_them() -> None:
    """L#15097, L#15070."""
    made = call(SONNET, temperature=0.5, top_p=0.9)
    assert len({"temperature", "top_p"} & render(made).body.keys()) == 1
    assert any("top_p" in warning for warning in made.warnings)
    with pytest.raises(BadRequestError, match="top_p"):
        render(call(SONNET, strict=True, temperature=0.5, top_p=0.9))


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
@pytest.mark.parametrize("most", [1025, 2000, 5000])
def test_the_thinking_budget_stays_below_max_tokens(effort: Any, most: int) -> None:
    """L!27051, L!38836."""
    body = body_of(SONNET, reasoning_effort=effort, max_tokens=most)
    assert 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"]


def test_a_forced_tool_and_thinking_are_never_sent_together() -> None:
    """L#8901, L!9594, vercel/ai#7220, pydantic-ai#2425."""
    asked: Any = {"tools": [WEATHER], "tool_choice": "required", "max_tokens": 9000}
    made = call(SONNET, reasoning_effort="high", **asked)
    assert "thinking" not in render(made).body
    assert any("reasoning_effort was left out" in warning for warning in made.warnings)
    with pytest.raises(BadRequestError, match="forced tool"):
        body_of(SONNET, thinking={"type": "enabled", "budget_tokens": 2000}, **asked)


def test_a_temperature_is_not_sent_where_the_model_thinks() -> None:
    """LiteLLM 1.106 sends both, which is a 400."""
    made = call(SONNET, reasoning_effort="high", temperature=0.2, max_tokens=9000)
    assert "temperature" not in render(made).body
    assert any("temperature" in warning for warning in made.warnings)


# --- limits and settings --------------------------------------------------------------------------------------------


def test_max_tokens_is_the_models_own_most_where_the_caller_gave_none() -> None:
    """L#2854: 256 tokens, and answers cut off in silence."""
    assert body_of(SONNET)["max_tokens"] == call(SONNET).route.max_output == 64_000


def test_a_guess_at_max_tokens_is_said() -> None:
    """LiteLLM 1.106 sends 4096 in silence."""
    made = call("anthropic/some-other-model")
    assert render(made).body["max_tokens"] == 4096
    assert any("max_tokens was set to 4096" in warning for warning in made.warnings)


def test_converse_is_always_told_max_tokens() -> None:
    """L#41529: without it Converse stops at 4096."""
    assert body_of(BEDROCK)["inferenceConfig"]["maxTokens"] == call(BEDROCK).route.max_output


@pytest.mark.parametrize(
    ("model", "setting"), [("o3-mini", {"temperature": 0.5}), ("xai/grok-4", {"frequency_penalty": 0.5})]
)
def test_a_setting_that_a_reasoning_model_refuses_is_left_out_and_said(model: str, setting: Any) -> None:
    """L#8192, L#8242, L#14056."""
    made = call(model, **setting)
    assert not setting.keys() & render(made).body.keys()
    assert any(name in warning for name in setting for warning in made.warnings)


def test_a_parameter_of_an_unknown_name_is_refused() -> None:
    """L#10791: "temprature" went to the provider."""
    with pytest.raises(TypeError, match="'temprature'; did you mean 'temperature'"):
        body_of(SONNET, temprature=0.1)


@pytest.mark.parametrize("stop", ["", [], [""]])
def test_an_empty_stop_is_no_stop(stop: Any) -> None:
    """LiteLLM 1.106 sends it, which is a 400."""
    assert "stop_sequences" not in body_of(SONNET, stop=stop)


def test_a_stop_of_white_space_is_refused_where_the_provider_refuses_it() -> None:
    """LiteLLM 1.106 sends it, which is a 400."""
    with pytest.raises(BadRequestError, match="white"):
        body_of(SONNET, stop=["\n", "END"])


def test_a_user_that_is_an_address_is_sent() -> None:
    """LiteLLM 1.106 drops it in silence."""
    assert body_of(SONNET, user="a@b.c")["metadata"] == {"user_id": "a@b.c"}


# --- media ---------------------------------------------------------------------------------------------------------


def test_bytes_are_labelled_as_what_they_are() -> None:
    """L#24900: JPEG bytes labelled image/png are a 400."""
    body = body_of(SONNET, [user([image(f"data:image/png;base64,{JPEG}")])])
    assert body["messages"][0]["content"][0]["source"]["media_type"] == "image/jpeg"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_url_that_the_provider_fetches_is_not_fetched_here(scheme: str) -> None:
    """L#12899; "http://" is still fetched by LiteLLM 1.106."""
    url = f"{scheme}://pictures.example/cat.png"
    assert body_of(SONNET, [user([image(url)])])["messages"][0]["content"][0]["source"] == {"type": "url", "url": url}


@pytest.mark.parametrize("model", [SONNET, GEMINI, BEDROCK])
def test_an_image_in_a_tool_result_is_rendered_as_in_a_user_message(model: str) -> None:
    """L#19891."""
    parts = [text("a map"), image(f"data:image/png;base64,{PNG}")]
    body = body_of(model, [user("Show me."), called(), result(parts)], tools=[WEATHER])
    assert PNG in json.dumps(body)
    assert "image_url" not in json.dumps(body)


def test_an_image_in_anthropics_form_stays_as_it_is() -> None:
    """L#6893, L!16202: its dict became a string."""
    part = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    assert body_of(SONNET, [user([part, text("What?")])])["messages"][0]["content"][0] == part


def test_audio_for_a_model_that_takes_none_is_refused() -> None:
    """LiteLLM 1.106 drops it in silence."""
    audio = {"type": "input_audio", "input_audio": {"data": "UklGRiQAAABXQVZF", "format": "wav"}}
    with pytest.raises(BadRequestError, match="audio"):
        body_of(SONNET, [user([text("What?"), audio])])


# --- tools ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [{"tool_choice": "none"}, {"parallel_tool_calls": False}])
def test_a_choice_between_no_tools_is_not_sent(choice: Any) -> None:
    """LiteLLM 1.106 sends it, which is a 400."""
    assert "tool_choice" not in body_of(SONNET, **choice)


def test_a_history_with_tool_calls_gets_no_tool_that_nobody_made() -> None:
    """LiteLLM 1.106 sends a "dummy_tool"."""
    body = body_of(SONNET, [user("Weather?"), called(), result(), user("Sum up.")])
    assert "tools" not in body
    assert "dummy" not in json.dumps(body)


def test_a_strict_tool_stays_strict() -> None:
    """LiteLLM 1.106 drops it in silence."""
    strict = {"type": "function", "function": {**WEATHER["function"], "strict": True}}  # type: ignore[dict-item]
    assert body_of(SONNET, tools=[strict])["tools"][0]["strict"] is True


def test_arguments_that_are_no_json_are_wrapped_and_no_message_stands_in_any_error() -> None:
    """L#5063: refused, with the whole history in the words of the error."""
    made = call(SONNET, [user("a secret"), called('{"city": "Os'), result()], tools=[WEATHER])
    block = render(made).body["messages"][1]["content"][0]
    assert block["input"] == {"arguments": '{"city": "Os'}
    assert not any("secret" in warning for warning in made.warnings)


def test_results_of_parallel_calls_are_one_user_turn() -> None:
    """any-llm!673, ruby_llm#236."""
    both = {**called(), "tool_calls": [called(id=id)["tool_calls"][0] for id in ("c1", "c2")]}
    messages = body_of(SONNET, [user("?"), both, result("1"), result("2", "c2")], tools=[WEATHER])["messages"]
    assert [block["tool_use_id"] for block in messages[-1]["content"]] == ["c1", "c2"]


def test_gemini_is_sent_no_schema_words_that_it_refuses() -> None:
    """L#14330, any-llm#1094."""
    nested = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": {**nested, "additionalProperties": True}}}
    declared = json.dumps(body_of(GEMINI, tools=[tool, WEATHER])["tools"])
    assert "city" in declared
    for word in ("additionalProperties", "$defs"):
        assert word not in declared or "parametersJsonSchema" in declared


def test_a_schema_in_a_tool_result_is_only_text_to_gemini() -> None:
    """L#38223, vercel/ai#14369: a `$ref` in a result is a 400."""
    told = json.dumps({"schema": {"$ref": "#/$defs/A"}})
    body = body_of(GEMINI, [user("?"), called(), result(told)], tools=[WEATHER])
    part = body["contents"][-1]["parts"][0]["functionResponse"]
    assert "$ref" not in json.dumps(part["response"]) or isinstance(next(iter(part["response"].values())), str)


# --- caches and callers ---------------------------------------------------------------------------------------------


def test_how_long_a_prefix_is_cached_is_never_lost() -> None:
    """L#38790."""
    hour = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = body_of(SONNET, [{"role": "system", "content": [text("Long.") | hour]}, user("Hi")])
    assert body["system"][0]["cache_control"] == hour["cache_control"]
    body = body_of(BEDROCK, [{"role": "system", "content": [text("Long.") | hour]}, user("Hi")])
    assert body["system"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}


@pytest.mark.parametrize("model", ["gpt-4.1", GEMINI, "groq/llama-3.3-70b-versatile", "mistral/mistral-large-latest"])
def test_a_cache_mark_that_the_provider_does_not_take_is_said(model: str) -> None:
    """L!32511."""
    made = call(model, [user([text("Hi") | {"cache_control": {"type": "ephemeral"}}])])
    assert "cache_control" not in json.dumps(render(made).body)
    assert any("cache_control" in warning for warning in made.warnings)


@pytest.mark.parametrize("model", [SONNET, OPUS, "claude-2.1", "gpt-4.1", "gpt-5.5", GEMINI, BEDROCK])
def test_the_callers_messages_and_tools_are_never_changed(model: str) -> None:
    """L!35602, L!41776: markers were cut out of the caller's own list."""
    marked = text("Hi") | {"cache_control": {"type": "ephemeral"}}
    messages, tools = frozen([{"role": "system", "content": "S"}, user([marked])]), frozen([WEATHER])
    before = json.dumps([messages, tools])
    body_of(model, messages, **({} if model == "claude-2.1" else {"tools": tools}))
    assert json.dumps([messages, tools]) == before


def test_a_list_that_is_changed_after_the_call_began_changes_nothing() -> None:
    """L#7316."""
    messages = [user("first")]
    made = call(SONNET, messages)
    messages.append({"role": "assistant", "content": "later"})
    messages[0]["content"] = "changed"
    assert render(made).body["messages"] == [user("first")]


# --- histories -----------------------------------------------------------------------------------------------------

EVERY_MODEL = [SONNET, "gpt-4.1", "openai/o1-pro", GEMINI, BEDROCK, "cohere/command-a-03-2025", "ollama/qwen3"]


@pytest.mark.parametrize("model", EVERY_MODEL)
def test_a_history_of_functions_is_sent_as_one_of_tools(model: str) -> None:
    """LiteLLM 1.106: two ids by chance, one for the call and one for its result."""
    function = {"name": "weather", "arguments": '{"city":"Oslo"}'}
    old = [
        user("?"),
        {"role": "assistant", "content": None, "function_call": function, "tool_calls": None},
        {"role": "function", "name": "weather", "content": "cold"},
    ]
    new = [user("?"), called('{"city":"Oslo"}', id="call_1"), result("cold", id="call_1")]
    made = call(model, frozen(old), tools=[WEATHER])
    assert render(made).body == body_of(model, new, tools=[WEATHER])
    assert made.warnings == []


@pytest.mark.parametrize("model", [*EVERY_MODEL, "claude-2.1"])
def test_a_message_that_openais_sdk_dumps_is_that_message(model: str) -> None:
    """llm!1170: fields of None that one asks for and another refuses."""
    absent = dict.fromkeys(["refusal", "annotations", "audio", "function_call", "tool_calls", "name"])
    made = call(model, [user("a"), {"role": "assistant", "content": "b", **absent}, user("c")], strict=True)
    assert render(made).body == body_of(model, [user("a"), {"role": "assistant", "content": "b"}, user("c")])
    assert made.warnings == []


@pytest.mark.parametrize("model", EVERY_MODEL)
def test_results_are_sent_whatever_their_order(model: str) -> None:
    """ruby_llm#236: simultaneous calls were misordered."""
    both = {**called(), "tool_calls": [called(id=id)["tool_calls"][0] for id in ("c1", "c2")]}
    told = json.dumps(body_of(model, [user("?"), both, result("two", "c2"), result("one", "c1")], tools=[WEATHER]))
    assert told.count('"one"') == told.count('"two"') == 1


@pytest.mark.parametrize("model", EVERY_MODEL)
def test_several_system_messages_are_the_systems_in_every_format(model: str) -> None:
    """aisuite 0.2: the second one went as a role that Claude does not have."""
    systems = [{"role": "system", "content": words} for words in ("Be brief.", "Be kind.")]
    body = json.dumps(body_of(model, [*systems, user("Hi")]))
    assert "Be brief." in body
    assert "Be kind." in body
    if model in (SONNET, GEMINI, BEDROCK):
        assert '"role": "system"' not in body


def test_a_mark_on_a_users_part_is_kept_and_a_seed_is_said_to_be_left_out() -> None:
    """aisuite 0.2: dropped in silence, TypeError; any-llm 1.40: TypeError."""
    marked = text("Hi") | {"cache_control": {"type": "ephemeral"}}
    made = call(SONNET, [user([marked])], seed=1)
    body = render(made).body
    assert body["messages"][0]["content"] == [marked]
    assert "seed" not in body
    assert any("seed" in warning for warning in made.warnings)


def test_an_empty_text_in_an_answer_does_not_go_back() -> None:
    """anthropic-sdk-python#461: what the API gives, the API refuses."""
    answer = answered([{"type": "text", "text": ""}, *THINKING[2:]])
    body = body_of(SONNET, [user("?"), answer, result()], tools=[WEATHER])
    assert [block["type"] for block in body["messages"][1]["content"]] == ["thinking", "text", "tool_use"]


@pytest.mark.parametrize("thought", [{"thinking": "", "signature": "s"}, {"thinking": "", "signature": ""}])
def test_an_answer_of_nothing_but_an_empty_thought_goes_on(thought: Any) -> None:
    """pydantic-ai#2862: a crash; langchain#39687: it was dropped, and the replay refused."""
    answer = answered([{"type": "thinking", **thought}])
    body = body_of(SONNET, [user("?"), answer, user("Well?")])
    assert body["messages"][1]["content"] == [{"type": "thinking", **thought}]
    for model in EVERY_MODEL[1:]:
        assert "Well?" in json.dumps(body_of(model, [user("?"), answer, user("Well?")]))


def test_thoughts_go_back_in_every_turn_of_a_run_of_tools() -> None:
    """vercel/ai#11602, pydantic-ai#2040, #3757: lost in the second step."""
    call_of = Answer("I look.", reasoning="Weather.", tool_calls=[("weather", {"city": "Oslo"})])
    with LoopbackProvider(call_of, call_of, "Cold.") as provider:
        run_tools(SONNET, "?", [weather], base_url=provider.url, api_key="any", reasoning_effort="low")
    *_, last = provider.requests
    kinds = [[block["type"] for block in one["content"]] for one in last.json["messages"] if one["role"] == "assistant"]
    assert kinds == [["thinking", "text", "tool_use"]] * 2


def weather(city: str) -> str:
    """The weather in a city."""
    return "cold"


def test_asking_again_for_a_form_sends_a_history_that_can_be_sent() -> None:
    """instructor#1938: a call without its result; instructor#2277: `"caller": null`, 100,000 calls a week."""
    wrong, right = ('{"size": "big"}', '{"size": 1}')
    with LoopbackProvider(Answer(tool_calls=[("Size", wrong)]), Answer(tool_calls=[("Size", right)])) as provider:
        options: Any = {"response_format": Size, "structured_mode": "tool", "base_url": provider.url, "api_key": "any"}
        made = completion(SONNET, "?", **options)
    assert made.parsed.size == 1
    again = provider.requests[1].json
    assert [message["role"] for message in again["messages"]] == ["user", "assistant", "user"]
    assert "null" not in json.dumps(again)
    assert "tool_use" not in json.dumps(again["messages"])


class Size(BaseModel):
    size: int


def test_a_picture_for_a_model_that_reads_no_addresses_is_sent_along() -> None:
    """vercel/ai#2838."""
    with LoopbackProvider() as provider:
        options: Any = {"base_url": provider.url, "fetch_media": lambda url: base64.b64decode(PNG)}
        completion("ollama/qwen3-vl", [user([text("What?"), image("https://a.example/b.png")])], **options)
    assert provider.requests[0].json["messages"][0]["images"] == [PNG]
