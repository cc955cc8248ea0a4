"""Conversations and tools as Anthropic Messages requests."""

from __future__ import annotations

import json

import pytest
from support import body_of, call, frozen, render

from unified_llm.errors import BadRequestError

MODEL = "claude-sonnet-4-5"
USER = {"role": "user", "content": "Hi"}
JPEG, PNG, GIF, WEBP, PDF = "/9j/4AAQ", "iVBORw0KGgoAAA", "R0lGODlh", "UklGRiQAAABXRUJQ", "JVBERi0xLjQ="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Weather", "parameters": SCHEMA}}


def calling(*ids, arguments='{"city":"Rome"}', text=None):
    calls = [{"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}} for id in ids]
    return {"role": "assistant", "content": text, "tool_calls": calls}


def result(id, content="18C", **fields):
    return {"role": "tool", "tool_call_id": id, "content": content, **fields}


def used(id, **input):
    return {"type": "tool_use", "id": id, "name": "weather", "input": input}


def user(*parts):
    return [{"role": "user", "content": list(parts)}]


def turns(messages, model=MODEL, **params):
    return body_of(model, messages, **params)["messages"]


def first_block(part, model=MODEL):
    return turns(user("Look:", part), model)[0]["content"][1]


# --- turns ----------------------------------------------------------------------------------------------------------


def test_the_smallest_request_has_model_limit_and_message():
    request = render(call(MODEL, "Hi"))
    assert request.path == "/v1/messages"
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert request.body == {"model": MODEL, "max_tokens": 64000, "messages": [USER]}


def test_stream_is_sent_only_when_asked_for():
    assert body_of(MODEL, stream=True)["stream"] is True
    assert "stream" not in body_of(MODEL)


SYSTEM, DEVELOPER = {"role": "system", "content": "Be terse."}, {"role": "developer", "content": "Be kind."}
CACHED = {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}


@pytest.mark.parametrize(
    ("leading", "system"),
    [
        ([SYSTEM], "Be terse."),
        ([DEVELOPER], "Be kind."),
        ([SYSTEM, DEVELOPER], "Be terse.\n\nBe kind."),
        ([{"role": "system", "content": [CACHED]}], [CACHED]),
        ([SYSTEM, {"role": "system", "content": [CACHED]}], [{"type": "text", "text": "Be terse."}, CACHED]),
    ],
    ids=["system", "developer", "both", "cached", "text and cached"],
)
def test_leading_instructions_become_the_system_prompt(leading, system):
    body = body_of(MODEL, [*leading, USER])
    assert (body["system"], body["messages"]) == (system, [USER])


def test_an_empty_system_prompt_is_not_sent():
    assert "system" not in body_of(MODEL, [{"role": "system", "content": ""}, USER])


def test_a_late_system_message_stays_in_its_place_where_the_model_takes_it():
    later = [USER, {"role": "system", "content": "Now in French."}]
    assert turns(later, "claude-opus-4-8") == later


def test_a_late_system_message_is_sent_in_its_own_words_as_the_users_elsewhere_and_reported():
    made = call(MODEL, [USER, {"role": "system", "content": "Now in French."}])
    (message,) = render(made).body["messages"]
    assert [block["text"] for block in message["content"]] == ["Hi", "Now in French."]
    assert "messages[1]" in made.warnings[0]


def test_neighbouring_late_system_messages_are_one():
    french, terse = {"role": "system", "content": "French."}, {"role": "system", "content": "Terse."}
    _, late = turns([USER, french, terse], "claude-opus-4-8")
    assert late["role"] == "system"
    assert [block["text"] for block in late["content"]] == ["French.", "Terse."]


@pytest.mark.parametrize("following", [[], [("ai", "a"), USER]], ids=["at the end", "before an answer"])
def test_a_late_system_message_stands_after_a_user_turn_where_the_api_takes_it(following):
    got = turns([USER, {"role": "system", "content": "French."}, *following], "claude-opus-4-8")
    assert [m["role"] for m in got][:2] == ["user", "system"]


@pytest.mark.parametrize(
    "around", [([USER], [USER]), ([USER, ("ai", "a")], [USER])], ids=["between users", "after an answer"]
)
def test_a_late_system_message_elsewhere_is_sent_as_the_users_and_reported(around):
    before, after = around
    made = call("claude-opus-4-8", [*before, {"role": "system", "content": "French."}, *after])
    assert "system" not in [m["role"] for m in render(made).body["messages"]]
    assert made.warnings


def test_neighbours_of_one_role_are_one_turn():
    got = turns([USER, {"role": "user", "content": "There"}, ("ai", "a"), ("ai", "b"), USER])
    assert [m["role"] for m in got] == ["user", "assistant", "user"]
    assert [block["text"] for block in got[0]["content"]] == ["Hi", "There"]
    assert [block["text"] for block in got[1]["content"]] == ["a", "b"]


@pytest.mark.parametrize(
    "empty", ["", " ", "\n", [], [{"type": "text", "text": ""}], [{"type": "text", "text": " "}]], ids=repr
)
def test_an_empty_user_message_is_refused_with_its_index(empty):
    with pytest.raises(BadRequestError, match=r"messages\[2\] is empty"):
        body_of(MODEL, [USER, ("ai", "a"), {"role": "user", "content": empty}])


def test_an_empty_part_beside_others_is_left_out():
    (message,) = turns(
        user({"type": "text", "text": ""}, {"type": "text", "text": "Hi"}, {"type": "text", "text": " "})
    )
    assert message["content"] in ("Hi", [{"type": "text", "text": "Hi"}])


@pytest.mark.parametrize("empty", [None, "", []], ids=repr)
def test_an_empty_answer_is_left_out_and_reported(empty):
    made = call(MODEL, [USER, {"role": "assistant", "content": empty}, USER])
    assert [m["role"] for m in render(made).body["messages"]] == ["user"]
    assert made.warnings


@pytest.mark.parametrize("alone", [[SYSTEM], [{"role": "system", "content": ""}]], ids=["system", "empty"])
def test_a_conversation_of_instructions_alone_is_refused(alone):
    with pytest.raises(BadRequestError, match="user message"):
        body_of(MODEL, alone)


def test_a_conversation_that_begins_with_the_assistant_is_refused_with_its_index():
    with pytest.raises(BadRequestError, match=r"messages\[1\]"):
        body_of(MODEL, [SYSTEM, ("ai", "a"), USER])


# --- prefill --------------------------------------------------------------------------------------------------------

PREFILL = [USER, {"role": "assistant", "content": '{"a":'}]


@pytest.mark.parametrize(
    "model", ["claude-3-5-sonnet-20240620", "claude-opus-4-1", MODEL, "claude-haiku-4-5", "claude-opus-4-5"]
)
def test_a_prefill_is_sent_to_models_that_take_it(model):
    assert turns(PREFILL, model) == PREFILL


@pytest.mark.parametrize(
    "model",
    [
        "claude-opus-4-6",
        "claude-sonnet-4-6",
        "claude-opus-4-7",
        "claude-opus-4-8",
        "claude-opus-5",
        "claude-sonnet-5-5",
    ],
)
def test_a_prefill_is_refused_for_models_that_refuse_it(model):
    with pytest.raises(BadRequestError, match="prefill"):
        body_of(model, PREFILL)


def test_a_prefill_cannot_be_combined_with_the_callers_thinking():
    with pytest.raises(BadRequestError, match="prefill"):
        body_of(MODEL, PREFILL, thinking={"type": "enabled", "budget_tokens": 2000})


def test_a_prefill_wins_over_an_effort():
    made = call(MODEL, PREFILL, reasoning_effort="high")
    assert render(made).body.get("thinking", {}).get("type") != "enabled"
    assert "reasoning_effort" in made.warnings[0]


def test_white_space_at_the_end_of_a_prefill_is_left_out_and_only_there():
    made = call(MODEL, [USER, ("ai", "a \n"), USER, ("ai", "Say: \n")])
    assert [m["content"] for m in render(made).body["messages"]] == ["Hi", "a \n", "Hi", "Say:"]
    assert any("white space" in warning for warning in made.warnings)


SEARCHING = [
    {"type": "thinking", "thinking": "I search.", "signature": "sig"},
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "rome"}},
]
PAUSED = {
    "role": "assistant",
    "content": None,
    "provider_fields": {"adapter": "anthropic_messages", "content": SEARCHING},
}


@pytest.mark.parametrize("model", [MODEL, "claude-opus-4-6"])
def test_an_answer_that_the_provider_paused_is_no_prefill(model):
    thinking = {"type": "enabled", "budget_tokens": 2000}
    body = body_of(model, [USER, PAUSED], thinking=thinking)
    assert (body["messages"][-1]["content"], body["thinking"]) == (SEARCHING, thinking)


# --- tools in the history -------------------------------------------------------------------------------------------


def test_a_call_and_its_result_become_tool_use_and_tool_result():
    assert turns([USER, calling("toolu_1"), result("toolu_1")], tools=[TOOL]) == [
        USER,
        {"role": "assistant", "content": [used("toolu_1", city="Rome")]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "18C"}]},
    ]


def test_all_results_stand_first_in_one_user_turn():
    history = [
        USER,
        calling("a", "b", text="Checking."),
        result("a"),
        result("b"),
        {"role": "user", "content": "Briefly."},
    ]
    _, answer, results = turns(history, tools=[TOOL])
    assert [block["type"] for block in answer["content"]] == ["text", "tool_use", "tool_use"]
    assert [block.get("tool_use_id", block.get("text")) for block in results["content"]] == ["a", "b", "Briefly."]


def test_a_call_without_its_result_is_refused_by_name():
    with pytest.raises(BadRequestError, match=r"weather \(b\)"):
        body_of(MODEL, [USER, calling("a", "b"), result("a"), USER], tools=[TOOL])


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        ("", None),
        ([{"type": "text", "text": "18C"}], "18C"),
        (
            [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            ],
            [
                {"type": "text", "text": "See"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            ],
        ),
    ],
    ids=["empty", "one text", "text and image"],
)
def test_the_content_of_a_result_is_rendered_as_that_of_a_user(content, wire):
    block = turns([USER, calling("a"), result("a", content)], tools=[TOOL])[2]["content"][0]
    assert block.get("content") == wire


def test_a_result_keeps_its_error_mark_and_its_cache_mark():
    mark = {"type": "ephemeral"}
    block = turns([USER, calling("a"), result("a", is_error=True, cache_control=mark)], tools=[TOOL])[2]["content"][0]
    assert (block["is_error"], block["cache_control"]) == (True, mark)


@pytest.mark.parametrize(
    ("arguments", "input"),
    [
        ('{"city":"Rome"}', {"city": "Rome"}),
        ("", {}),
        (" ", {}),
        (None, {}),
        ("{bad", {"arguments": "{bad"}),
        ("[1]", {"arguments": [1]}),
        ('"a"', {"arguments": "a"}),
    ],
    ids=repr,
)
def test_arguments_become_an_object_whatever_they_were(arguments, input):
    made = call(MODEL, [USER, calling("a", arguments=arguments), result("a")], tools=[TOOL])
    assert render(made).body["messages"][1]["content"][0]["input"] == input
    assert bool(made.warnings) == ("arguments" in input)


def test_a_report_of_bad_arguments_does_not_repeat_the_conversation():
    made = call(MODEL, [USER, calling("a", arguments="{my secret"), result("a", "my secret")], tools=[TOOL])
    render(made)
    assert "secret" not in "".join(made.warnings)


def test_foreign_call_ids_are_fitted_and_stay_apart():
    ids = ("call.1", "call:1", "call_1", "functions.weather:0")
    _, answer, results = turns([USER, calling(*ids), *map(result, ids)], tools=[TOOL])
    fitted = [block["id"] for block in answer["content"]]
    assert fitted == [block["tool_use_id"] for block in results["content"]]
    assert len(set(fitted)) == len(ids)
    assert all(id.replace("_", "").replace("-", "").isalnum() and id.isascii() for id in fitted)


@pytest.mark.parametrize("name", ["name", "mood"])
def test_a_field_of_a_message_that_does_not_exist_here_is_reported(name):
    made = call(MODEL, [{**USER, name: "good"}])
    assert render(made).body["messages"] == [USER]
    assert f"{name} of messages[0]" in made.warnings[0]


def test_an_effort_is_left_out_in_a_tool_loop_that_began_without_thinking():
    made = call(MODEL, [USER, calling("a"), result("a")], tools=[TOOL], reasoning_effort="high")
    assert render(made).body.get("thinking", {}).get("type") != "enabled"
    assert "reasoning_effort" in made.warnings[0]


def test_no_tool_is_invented_for_a_history_with_calls():
    assert "tools" not in body_of(MODEL, [USER, calling("a"), result("a")])


# --- images and documents -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("form", [lambda url: url, lambda url: {"url": url, "detail": "low"}], ids=["string", "dict"])
def test_an_image_url_is_passed_on(scheme, form):
    url = f"{scheme}://a.example/b.png"
    assert first_block({"type": "image_url", "image_url": form(url)}) == {
        "type": "image",
        "source": {"type": "url", "url": url},
    }


@pytest.mark.parametrize(
    ("data", "kind"), [(JPEG, "jpeg"), (PNG, "png"), (GIF, "gif"), (WEBP, "webp")], ids=["jpeg", "png", "gif", "webp"]
)
@pytest.mark.parametrize(
    "label", ["image/png", "image/jpeg", "application/octet-stream", "image/png;charset=utf-8", ""]
)
def test_the_type_of_an_image_is_what_its_bytes_show(label, data, kind):
    block = first_block({"type": "image_url", "image_url": {"url": f"data:{label};base64,{data}"}})
    assert block["source"] == {"type": "base64", "media_type": f"image/{kind}", "data": data}


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "data:image/png,AAAA", "b.png", "ftp://a.example/b.png"])
def test_an_image_that_is_neither_link_nor_base64_is_refused(url):
    with pytest.raises(BadRequestError, match=r"messages\[0\]"):
        first_block({"type": "image_url", "image_url": {"url": url}})


def test_a_pdf_becomes_a_document():
    file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    assert first_block({"type": "file", "file": file}) == {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        "title": "a.pdf",
    }


def test_an_uploaded_file_becomes_a_document():
    source = {"type": "file", "file_id": "file_1"}
    assert first_block({"type": "file", "file": {"file_id": "file_1"}}) == {"type": "document", "source": source}


UNKNOWN_PARTS = [
    {"type": "file", "file": {"file_data": "data:application/zip;base64,AA=="}},
    {"type": "file", "file": {}},
    {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
]


@pytest.mark.parametrize("part", UNKNOWN_PARTS, ids=["zip", "nothing", "audio"])
def test_a_part_that_claude_does_not_take_is_refused(part):
    with pytest.raises(BadRequestError, match=r"messages\[0\]"):
        first_block(part)


NATIVE_PARTS = [
    {"type": "image", "source": {"type": "file", "file_id": "f"}},
    {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "a"},
        "citations": {"enabled": True},
    },
    {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "a"}]},
    {"type": "container_upload", "file_id": "f"},
]


@pytest.mark.parametrize("part", NATIVE_PARTS, ids=lambda part: part["type"])
def test_a_part_in_anthropics_own_form_is_passed_on(part):
    assert first_block(part) == part


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
        {"type": "file", "file": {"file_id": "f"}},
    ],
    ids=lambda part: part["type"],
)
def test_a_cache_mark_is_kept_on_every_part(part):
    mark = {"type": "ephemeral", "ttl": "1h"}
    assert first_block({**part, "cache_control": mark})["cache_control"] == mark


# --- the whole ------------------------------------------------------------------------------------------------------


def test_nothing_of_the_callers_is_changed():
    messages = [
        {"role": "system", "content": [CACHED]},
        {"role": "user", "content": ["Hi", {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]},
        calling("call.1", "b"),
        result("b"),
        result("call.1"),
        {"role": "user", "content": [{"type": "text", "text": "And?"}]},
        {"role": "assistant", "content": "Say: "},
    ]
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {**SCHEMA, "minLength": 3}}}
    given = frozen({"messages": messages, "tools": [TOOL], "response_format": schema, "thinking": {"type": "disabled"}})
    before = json.dumps(given)
    json.dumps(body_of(MODEL, **given))
    assert json.dumps(given) == before
