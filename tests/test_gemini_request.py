"""Conversations, tools and settings as Gemini requests."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import body_of, call, frozen, render

from unified_llm.adapters.contract import MediaNeeded
from unified_llm.api import prepare
from unified_llm.errors import BadRequestError

OLD, MODEL, PRO, NEW = (
    f"gemini/{name}" for name in ("gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3.6-flash")
)
FOUR = "gemini/gemini-4-argon"
PNG, JPEG = "iVBORw0KGgoAAA", "/9j/4AAQ"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Weather", "parameters": SCHEMA}}
SEARCH = {"googleSearch": {}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}


def user(*parts):
    return [{"role": "user", "content": list(parts)}]


def said(text, role="user"):
    return {"role": role, "parts": [{"text": text}]}


def calling(*ids, arguments='{"city":"Rome"}', text=None, **fields):
    calls = [{"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}} for id in ids]
    return {"role": "assistant", "content": text, "tool_calls": calls, **fields}


def result(id, content="18C", **fields):
    return {"role": "tool", "tool_call_id": id, "content": content, **fields}


def contents(messages, model=MODEL, **params):
    return body_of(model, messages, **params)["contents"]


def config(model=MODEL, **params):
    return body_of(model, **params).get("generationConfig", {})


def ruled(rules, messages="Hi", **params):
    """A call of a model with these rules and no others."""
    made = call("gemini/some-model", messages, **params)
    made.route = replace(made.route, rules=rules)
    return made


# --- address and turns ----------------------------------------------------------------------------------------------


def test_the_smallest_request_has_one_content():
    request = render(call(MODEL, "Hi"))
    assert request.path == "/models/gemini-2.5-flash:generateContent"
    assert request.body == {"contents": [said("Hi")]}


def test_a_stream_has_an_address_of_its_own_and_the_same_body():
    request = render(call(MODEL, "Hi", stream=True))
    assert request.path == "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert request.headers == {"accept": "text/event-stream"}
    assert request.body == {"contents": [said("Hi")]}


def test_the_key_travels_in_a_header_and_never_in_the_address():
    request = prepare(MODEL, "Hi", True, {"api_key": "k" * 20}).request
    base = "https://generativelanguage.googleapis.com/v1beta"
    assert request.url == f"{base}/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert request.headers["x-goog-api-key"] == "k" * 20
    assert "authorization" not in request.headers


@pytest.mark.parametrize("name", ["models/gemini-2.5-flash", "tunedModels/mine-1"])
def test_a_full_resource_name_is_taken_as_it_is(name):
    assert render(call(f"gemini/{name}")).path == f"/{name}:generateContent"


@pytest.mark.parametrize("name", ["a?b", "a#b", "a b", "../files", "a%2f"])
def test_a_name_that_would_change_the_address_is_refused(name):
    with pytest.raises(BadRequestError, match="no name of a model"):
        render(call(f"gemini/{name}"))


def test_leading_instructions_become_the_system_instruction():
    system, developer = {"role": "system", "content": "Be terse."}, {"role": "developer", "content": "Be kind."}
    body = body_of(MODEL, [system, developer, *user("Hi")])
    assert body["systemInstruction"] == {"parts": [{"text": "Be terse."}, {"text": "Be kind."}]}
    assert body["contents"] == [said("Hi")]


def test_a_late_system_message_is_sent_as_the_users_and_reported():
    made = call(MODEL, [*user("Hi"), {"role": "system", "content": "In French."}])
    assert render(made).body["contents"] == [{"role": "user", "parts": [{"text": "Hi"}, {"text": "In French."}]}]
    assert "messages[1]" in made.warnings[0]


def test_a_model_without_system_messages_gets_their_text_before_the_first_of_the_user():
    made = ruled({"system": False}, [{"role": "system", "content": "Be terse."}, *user("Hi")])
    body = render(made).body
    assert "systemInstruction" not in body
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Be terse."}, {"text": "Hi"}]}]
    assert made.warnings


def test_neighbours_of_one_role_are_one_content():
    got = contents([*user("a"), *user("b"), ("ai", "c"), ("ai", "d"), *user("e")])
    assert got == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
        said("e"),
    ]


def test_an_empty_answer_is_left_out_and_reported():
    made = call(MODEL, [*user("a"), ("ai", ""), *user("b")])
    assert render(made).body["contents"] == [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]
    assert "messages[1] is empty" in made.warnings[0]


def test_a_late_system_message_without_content_is_left_out_as_others_are():
    made = call(MODEL, [("user", "Hi"), ("system", ""), ("user", "Go on")])
    assert render(made).body["contents"] == [{"role": "user", "parts": [{"text": "Hi"}, {"text": "Go on"}]}]
    assert made.warnings == ["messages[1] is empty and was left out"]


@pytest.mark.parametrize("messages", [[{"role": "system", "content": "Only."}], [*user("a"), *user("")]])
def test_a_request_without_words_is_refused(messages):
    with pytest.raises(BadRequestError):
        render(call(MODEL, messages))


def test_a_prefill_is_sent_where_the_model_takes_it_and_refused_elsewhere():
    assert contents([*user("Hi"), ("ai", "{")])[-1] == said("{", "model")
    with pytest.raises(BadRequestError, match="prefill"):
        render(call(FOUR, [*user("Hi"), ("ai", "{")]))


def test_the_callers_objects_are_never_changed():
    messages = frozen([*user("Hi"), calling("a", "b"), result("b"), result("a"), *user("And?")])
    render(call(NEW, messages, tools=frozen([TOOL, SEARCH]), response_format=frozen(FORMAT)))


# --- parts ----------------------------------------------------------------------------------------------------------

URL = "https://files.example/a.png?size=2"
UPLOADED = "https://generativelanguage.googleapis.com/v1beta/files/abc"
PARTS = {
    "data URL": (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
    ),
    "a label that does not fit": (
        {"type": "image_url", "image_url": f"data:image/png;base64,{JPEG}"},
        {"inlineData": {"mimeType": "image/jpeg", "data": JPEG}},
    ),
    "address": ({"type": "image_url", "image_url": URL}, {"fileData": {"mimeType": "image/png", "fileUri": URL}}),
    "address of no known type": (
        {"type": "video_url", "video_url": {"url": "https://youtu.be/x"}},
        {"fileData": {"fileUri": "https://youtu.be/x"}},
    ),
    "address and type": (
        {"type": "image_url", "image_url": {"url": "gs://b/a", "format": "image/webp"}},
        {"fileData": {"mimeType": "image/webp", "fileUri": "gs://b/a"}},
    ),
    "PDF": (
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
    ),
    "uploaded file": ({"type": "file", "file": {"file_id": UPLOADED}}, {"fileData": {"fileUri": UPLOADED}}),
    "audio": (
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
    ),
}


@pytest.mark.parametrize(("part", "expected"), PARTS.values(), ids=PARTS)
def test_a_part_becomes(part, expected):
    assert contents(user("Look:", part))[0]["parts"] == [{"text": "Look:"}, expected]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": "data:image/png,plain"},
        {"type": "image_url", "image_url": "a.png"},
        {"type": "image_url", "image_url": "data:;base64,AAAA"},
        {"type": "file", "file": {}},
        {"type": "thinking", "thinking": "Hm."},
    ],
    ids=["not base64", "a path", "no type", "no file", "another API's"],
)
def test_a_part_that_cannot_be_sent_is_refused_with_its_index(part):
    with pytest.raises(BadRequestError, match=r"messages\[0\]"):
        render(call(MODEL, user("Look:", part)))


def test_media_that_the_model_is_known_not_to_take_are_refused():
    with pytest.raises(BadRequestError, match="does not take"):
        render(call("gemini/gemini-2.5-flash-image", user(PARTS["audio"][0])))


def test_a_host_that_fetches_no_addresses_takes_uploaded_files_alone():
    made = call(MODEL, user(PARTS["address"][0]))
    made.route = replace(made.route, quirks={"media_urls": False})
    with pytest.raises(MediaNeeded, match=r"files\.example"):
        render(made)
    made.messages[0]["content"] = [PARTS["uploaded file"][0]]
    assert render(made).body["contents"][0]["parts"] == [PARTS["uploaded file"][1]]


def test_the_detail_of_an_image_is_left_out_and_reported():
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "high"}}
    made = call(MODEL, user(image))
    assert render(made).body["contents"][0]["parts"] == [PARTS["data URL"][1]]
    assert "detail" in made.warnings[0]


def test_an_image_in_a_system_message_is_refused():
    with pytest.raises(BadRequestError, match="only text"):
        render(call(MODEL, [{"role": "system", "content": [PARTS["data URL"][0]]}, *user("Hi")]))


def test_cache_control_is_left_out_and_reported():
    made = call(MODEL, user({"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}))
    assert render(made).body["contents"] == [said("Hi")]
    assert "cache_control" in made.warnings[0]


# --- tool calls and results -----------------------------------------------------------------------------------------


def asked(id, **args):
    return {"functionCall": {"id": id, "name": "weather", "args": args}}


def answered(id, **response):
    return {"functionResponse": {"id": id, "name": "weather", "response": response}}


def test_results_follow_their_calls_in_the_order_of_the_calls_apart_from_the_users_words():
    got = contents([*user("Hi"), calling("a", "b"), result("b", "22C"), result("a"), *user("And?")])
    assert got[1:] == [
        {"role": "model", "parts": [asked("a", city="Rome"), asked("b", city="Rome")]},
        {"role": "user", "parts": [answered("a", output="18C"), answered("b", output="22C")]},
        said("And?"),
    ]


@pytest.mark.parametrize(
    ("content", "fields", "response"),
    [
        ('{"$ref": "#/x"}', {}, {"output": '{"$ref": "#/x"}'}),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], {}, {"output": "ab"}),
        ("", {}, {"output": ""}),
        ("no such city", {"is_error": True}, {"error": "no such city"}),
    ],
    ids=["JSON stays text", "parts", "empty", "error"],
)
def test_a_result_is_one_object(content, fields, response):
    got = contents([*user("Hi"), calling("a"), result("a", content, **fields)])
    assert got[-1]["parts"] == [answered("a", **response)]


def test_an_image_of_a_result_is_in_it_or_behind_the_results_of_older_models():
    given, made = PARTS["data URL"]
    messages = [*user("Hi"), calling("a", "b"), result("a", [given]), result("b")]
    new, old = contents(messages, NEW)[-1]["parts"], contents(messages, MODEL)[-1]["parts"]
    assert new[0]["functionResponse"]["parts"] == [made]
    assert [next(iter(part)) for part in old] == ["functionResponse", "functionResponse", "inlineData"]


@pytest.mark.parametrize(
    ("arguments", "args"), [("", {}), ("{}", {}), ("[1]", {"arguments": [1]}), ("{bad", {"arguments": "{bad"})]
)
def test_arguments_are_an_object(arguments, args):
    got = contents([*user("Hi"), calling("a", arguments=arguments), result("a")])
    assert got[1]["parts"] == [asked("a", **args)]


def test_a_call_without_its_result_is_refused():
    with pytest.raises(BadRequestError, match=r"weather \(b\)"):
        render(call(MODEL, [*user("Hi"), calling("a", "b"), result("a"), *user("And?")]))


def test_the_first_call_of_a_step_is_marked_where_signatures_are_checked_and_there_is_none():
    messages = [*user("Hi"), calling("a", "b"), result("a"), result("b"), calling("c"), result("c")]
    marks = [
        [part.get("thoughtSignature") for part in c["parts"]] for c in contents(messages, NEW) if c["role"] == "model"
    ]
    assert marks == [["skip_thought_signature_validator", None], ["skip_thought_signature_validator"]]
    assert "thoughtSignature" not in str(contents(messages, MODEL))


def test_a_signature_of_googles_chat_completions_is_sent_back():
    message = calling("a")
    message["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": "Sig="}}
    assert contents([*user("Hi"), message, result("a")], NEW)[1]["parts"][0]["thoughtSignature"] == "Sig="


# --- tools ----------------------------------------------------------------------------------------------------------


def test_functions_are_one_tool_and_keep_their_json_schema():
    other = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
    assert body_of(MODEL, tools=[TOOL, other])["tools"] == [
        {
            "functionDeclarations": [
                {"name": "weather", "description": "Weather", "parametersJsonSchema": SCHEMA},
                {"name": "now"},
            ]
        }
    ]


def test_the_apis_own_tools_pass_as_they_are():
    assert body_of(MODEL, tools=[SEARCH])["tools"] == [SEARCH]
    assert body_of(NEW, tools=[TOOL, SEARCH])["tools"][1] == SEARCH
    with pytest.raises(BadRequestError, match="own tools"):
        render(call(MODEL, tools=[TOOL, SEARCH]))


@pytest.mark.parametrize("tool", [{"type": "custom", "custom": {"name": "g"}}, {"type": "web_search"}])
def test_tools_of_other_apis_are_refused(tool):
    with pytest.raises(BadRequestError, match=tool["type"]):
        render(call(MODEL, tools=[tool]))


NAMED = {"type": "function", "function": {"name": "weather"}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        (NAMED, {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED]}}, {"mode": "ANY"}),
    ],
    ids=["auto", "none", "required", "named", "allowed"],
)
def test_a_tool_choice_is_a_mode(choice, expected):
    body = body_of(MODEL, tools=[TOOL], tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": expected}


def test_a_strict_function_is_held_to_its_schema():
    strict = {"type": "function", "function": {**TOOL["function"], "strict": True}}
    assert body_of(MODEL, tools=[strict])["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}


def test_parallel_calls_cannot_be_switched_off():
    made = call(MODEL, tools=[TOOL], parallel_tool_calls=False)
    assert "parallel" not in str(render(made).body)
    assert "parallel_tool_calls" in made.warnings[0]


# --- settings -------------------------------------------------------------------------------------------------------


def test_settings_have_geminis_names():
    given = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
    }
    got = config(**given, max_tokens=9, stop="END", n=2, logprobs=True, top_logprobs=3, modalities=["text", "image"])
    assert got == {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "maxOutputTokens": 9,
        "stopSequences": ["END"],
        "candidateCount": 2,
        "responseLogprobs": True,
        "logprobs": 3,
        "responseModalities": ["TEXT", "IMAGE"],
    }


def test_sampling_is_left_out_where_the_model_fixes_it():
    made = call(FOUR, temperature=0.5, top_p=0.9, frequency_penalty=1)
    assert "generationConfig" not in render(made).body
    assert len(made.warnings) == 3


ABSENT = {"logit_bias": {}, "prediction": {}, "metadata": {}, "verbosity": "x", "prompt_cache_key": "x", "user": "x"}


@pytest.mark.parametrize("name", ABSENT)
def test_what_the_api_lacks_is_left_out_and_reported(name):
    made = call(MODEL, **{name: ABSENT[name]})
    assert render(made).body == {"contents": [said("Hi")]}
    assert name in made.warnings[0]


@pytest.mark.parametrize("params", [{"stop": list("abcdef")}, {"web_search_options": {}}, {"n": 2}])
def test_what_cannot_be_done_is_refused(params):
    with pytest.raises(BadRequestError):
        render(call(FOUR, **params))


@pytest.mark.parametrize(
    ("tier", "native"), [("default", "standard"), ("flex", "flex"), ("auto", None), ("scale", None)]
)
def test_a_tier_is_sent_where_there_is_such(tier, native):
    made = call(MODEL, service_tier=tier)
    assert render(made).body.get("serviceTier") == native
    assert bool(made.warnings) == (tier == "scale")


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        (MODEL, "none", {"thinkingBudget": 0}),
        (MODEL, "low", {"thinkingBudget": 1024, "includeThoughts": True}),
        (MODEL, "max", {"thinkingBudget": 24576, "includeThoughts": True}),
        (PRO, "none", {"thinkingBudget": 128}),
        (PRO, "max", {"thinkingBudget": 32768, "includeThoughts": True}),
        (NEW, "minimal", {"thinkingLevel": "MINIMAL", "includeThoughts": True}),
        (NEW, "none", {"thinkingLevel": "MINIMAL"}),
        (NEW, "xhigh", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (FOUR, "minimal", {"thinkingLevel": "LOW", "includeThoughts": True}),
        (OLD, "none", None),
        (OLD, "high", None),
    ],
)
def test_an_effort_is_a_level_or_a_budget_of_the_family(model, effort, expected):
    assert config(model, reasoning_effort=effort).get("thinkingConfig") == expected


@pytest.mark.parametrize(
    ("model", "thinking", "expected"),
    [
        (NEW, {"thinkingLevel": "LOW"}, {"thinkingLevel": "LOW"}),
        (MODEL, {"type": "enabled", "budget_tokens": 99}, {"thinkingBudget": 99, "includeThoughts": True}),
        (MODEL, {"type": "disabled"}, {"thinkingBudget": 0}),
        (NEW, {"type": "enabled", "budget_tokens": 99}, None),
    ],
)
def test_thinking_is_taken_in_geminis_words_and_in_anthropics(model, thinking, expected):
    made = call(model, thinking=thinking)
    assert render(made).body.get("generationConfig", {}).get("thinkingConfig") == expected
    assert bool(made.warnings) == (expected is None)


def test_a_voice_is_a_speech_config():
    made = call(MODEL, modalities=["audio"], audio={"voice": "Kore", "format": "wav"})
    assert render(made).body["generationConfig"] == {
        "responseModalities": ["AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
    }
    assert "audio.format" in made.warnings[0]


def test_a_format_is_a_type_and_a_schema():
    assert config(response_format={"type": "json_object"}) == {"responseMimeType": "application/json"}
    assert config(response_format={"type": "text"}) == {}
    assert config(response_format=FORMAT) == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}


def test_a_format_beside_tools_is_refused_before_gemini_3():
    assert config(NEW, response_format=FORMAT, tools=[TOOL])["responseJsonSchema"] == SCHEMA
    with pytest.raises(BadRequestError, match="together with tools"):
        render(call(MODEL, response_format=FORMAT, tools=[TOOL]))


@given(st.sampled_from([OLD, MODEL, PRO, NEW, FOUR]), st.sampled_from("none minimal low medium high xhigh max".split()))
def test_every_effort_can_be_sent_to_every_model(model, effort):
    thinking = config(model, reasoning_effort=effort).get("thinkingConfig", {})
    assert not {"thinkingLevel", "thinkingBudget"} <= thinking.keys()
