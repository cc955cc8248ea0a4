"""Text completions: what messages say as a prompt, and what the text behind it becomes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CREATED, ID, call, cuts_of, decode, folded, frozen, parse, render, sse
from support_oracles import accepts_openai_completions

from unified_llm import completion
from unified_llm.adapters.openai_completions import explain
from unified_llm.catalog import resolve
from unified_llm.errors import (
    APIResponseValidationError,
    BadRequestError,
    IncompleteStreamError,
    InternalServerError,
    InvalidAnswerError,
    RateLimitError,
    class_for,
)
from unified_llm.testing import Answer, LoopbackProvider

MODEL = "gpt-3.5-turbo-instruct"
TERSE = ("system", "Be terse.")
ASK = ("user", "Say Foo")


def asked(messages="Hi", *, quirks=None, **params):
    one = call("custom/m", messages, adapter="openai_completions", **params)
    one.route = replace(one.route, quirks=quirks or {})
    return one


def sent(messages="Hi", **params):
    """The body and the warnings."""
    one = asked(messages, **params)
    body = render(one).body
    accepts_openai_completions({name: value for name, value in body.items() if name != "top_k"})
    return body, one.warnings


def prompt(*messages):
    body, warnings = sent(list(messages))
    assert warnings == []
    return body["prompt"]


# --- the prompt -----------------------------------------------------------------------------------------------------

CSV = {"type": "file", "file": {"filename": "a.csv", "file_data": "data:text/csv;base64,YSxiCg=="}}

PROMPTS = {
    "user": ([ASK], "Say Foo"),
    "white space": ([("user", " \n a\n\n")], " \n a\n\n"),
    "Claude's words": ([("user", "\n\nHuman: a\n\nAssistant:")], "\n\nHuman: a\n\nAssistant:"),
    "parts": ([("user", ["a", {"type": "text", "text": "b"}])], "ab"),
    "system and user": ([TERSE, ASK], "Be terse.\n\nSay Foo"),
    "developer": ([("developer", "Be terse."), ASK], "Be terse.\n\nSay Foo"),
    "system alone": ([TERSE], "Be terse."),
    "neighbours": ([ASK, ("user", "and Bar")], "Say Foo\n\nand Bar"),
    "system in the middle": ([ASK, TERSE], "Say Foo\n\nBe terse."),
    "an empty text": ([("system", ""), ASK], "Say Foo"),
    "prefill": ([ASK, ("assistant", "\n\nFo")], "Say Foo\n\nFo"),
    "prefill in two": ([ASK, ("assistant", "F"), ("assistant", "o ")], "Say FooFo "),
    "an empty prefill": ([ASK, ("assistant", "")], "Say Foo"),
    "no content": ([ASK, {"role": "assistant", "content": None}], "Say Foo"),
    "prefill alone": ([("assistant", "Once")], "Once"),
}


@pytest.mark.parametrize(("messages", "expected"), PROMPTS.values(), ids=PROMPTS)
def test_messages_become_exactly_this_prompt(messages, expected):
    assert prompt(*messages) == expected


@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_an_answer_that_is_sent_back_goes_on_right_behind_the_prompt(text, said):
    answer = parse(asked(), whole(said))["choices"][0]["message"]
    assert prompt(("user", text)) == text
    assert prompt(("user", text), answer) == text + said


def test_the_text_of_a_file_stands_apart_and_is_reported():
    body, warnings = sent([("user", ["Read", CSV])])
    assert body["prompt"] == "Read\n\na,b\n"
    assert "a.csv" in warnings[0]


def test_what_a_message_has_besides_is_reported():
    part = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}
    _, warnings = sent([{"role": "user", "content": [part], "name": "Ada"}])
    assert [warning.split()[0] for warning in warnings] == ["name", "cache_control"]


def test_the_callers_messages_are_not_changed():
    assert sent(frozen([{"role": "user", "content": ["a", "b"]}]))[0]["prompt"] == "ab"


CALLING = {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "function": {"name": "f"}}]}
CONVERSATIONS = [
    [ASK, ("assistant", "Foo"), ("user", "Again")],
    [ASK, ("assistant", ""), ("user", "Again")],
    [("assistant", "Hi!"), ASK],
    [ASK, ("assistant", "Foo"), TERSE],
]


@pytest.mark.parametrize("messages", CONVERSATIONS, ids=str)
def test_a_conversation_is_refused_with_the_way_out(messages):
    with pytest.raises(BadRequestError, match=r"messages\[[12]\] .*one user message.*stop=.*openai_chat") as caught:
        sent(messages)
    assert caught.value.status_code is None


REFUSED = {
    "tools": {"tools": [{"type": "function", "function": {"name": "f"}}]},
    "a schema": {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}},
    "a JSON object": {"response_format": {"type": "json_object"}},
    "a type": {"response_format": int},
    "an image": {"messages": [("user", [{"type": "image_url", "image_url": "https://a.example/b.png"}])]},
    "audio": {"messages": [("user", [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}])]},
    "a call": {"messages": [ASK, CALLING]},
    "a result": {"messages": [ASK, CALLING, {"role": "tool", "tool_call_id": "a", "content": "b"}]},
    "audio out": {"modalities": ["text", "audio"]},
    "a web search": {"web_search_options": {}},
}


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED)
def test_a_feature_that_does_not_exist_here_is_refused(given):
    with pytest.raises(BadRequestError) as caught:
        sent(**given)
    assert caught.value.status_code is None


# --- parameters -----------------------------------------------------------------------------------------------------


def test_the_smallest_request_is_a_model_and_a_prompt():
    request = render(asked())
    assert (request.path, request.headers) == ("/completions", {})
    assert request.body == {"model": "m", "prompt": "Hi"}


SETTINGS = {
    "max_tokens": 9,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 5,
    "n": 2,
    "stop": ["END"],
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "logit_bias": {"1": 1},
    "seed": 7,
    "user": "u",
}


def test_settings_are_sent_under_their_own_names():
    body, warnings = sent(**SETTINGS)
    assert body == {"model": "m", "prompt": "Hi", **SETTINGS}
    assert warnings == []


def test_max_completion_tokens_is_the_limit_too():
    assert sent(max_completion_tokens=9)[0]["max_tokens"] == 9


@pytest.mark.parametrize(("options", "told"), [(None, True), ({"include_usage": False}, False)])
def test_a_stream_is_asked_for_its_usage_unless_the_caller_wants_none(options, told):
    body, _ = sent(stream=True, stream_options=options)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": told})


def test_a_setting_that_the_host_refuses_is_left_out_and_reported():
    body, warnings = sent(top_k=5, quirks={"refused": ["top_k", "seed"]})
    assert "top_k" not in body
    assert warnings == ["top_k was left out: m does not take it"]


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ({"logprobs": True}, 1),
        ({"logprobs": True, "top_logprobs": 0}, 1),
        ({"logprobs": True, "top_logprobs": 3}, 3),
        ({"top_logprobs": 3}, 3),
        ({"logprobs": 4}, 4),
        ({"logprobs": 4, "top_logprobs": 3}, 3),
        ({"logprobs": False}, None),
        ({"logprobs": False, "top_logprobs": 3}, None),
        ({}, None),
    ],
    ids=str,
)
def test_log_probabilities_are_asked_for_by_the_number_of_likely_tokens(given, number):
    assert sent(**given)[0].get("logprobs") == number


# --- answers --------------------------------------------------------------------------------------------------------

BASE = {"id": "cmpl-1", "object": "text_completion", "created": CREATED, "model": "m:2023"}
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


def choice(text, finish=None, *, index=0, **fields):
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish, **fields}


def whole(*texts, finish="stop", **fields):
    choices = [choice(text, finish, index=index) for index, text in enumerate(texts)]
    return {**BASE, "choices": choices, "usage": USAGE, **fields}


def streamed(*texts, finish="stop"):
    events = [{**BASE, "choices": [choice(text)], "usage": None} for text in texts]
    return sse(*events, {**BASE, "choices": [choice("", finish)]}, {**BASE, "choices": [], "usage": USAGE}, "[DONE]")


def test_the_text_is_the_content_with_the_white_space_at_its_beginning():
    expected = {
        "id": "cmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": "m:2023",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "\n\nFoo"},
                "finish_reason": "stop",
                "native_finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
    assert parse(asked(), whole("\n\nFoo")) == expected
    assert folded(asked(), streamed("\n\n", "Foo")) == expected


@pytest.mark.parametrize("text", ["", None])
def test_no_text_is_no_content(text):
    assert parse(asked(), whole(text))["choices"][0]["message"]["content"] is None
    assert folded(asked(), streamed(text))["choices"][0]["message"]["content"] is None


@pytest.mark.parametrize(
    ("native", "finish"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("eos_token", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("new", "stop"),
    ],
)
def test_each_finish_reason_is_one_of_chat_and_is_kept(native, finish):
    for made in (parse(asked(), whole("a", finish=native)), folded(asked(), streamed("a", finish=native))):
        (only,) = made["choices"]
        assert (only["finish_reason"], only["native_finish_reason"]) == (finish, native)


def test_several_answers_come_apart():
    both = parse(asked(n=2), whole("a b", "c"))
    data = sse(
        {**BASE, "choices": [choice("c", index=1)]},
        {**BASE, "choices": [choice("a ")]},
        {**BASE, "choices": [choice("", "stop", index=1)]},
        {**BASE, "choices": [choice("b", "stop")]},
        {**BASE, "choices": [], "usage": USAGE},
        "[DONE]",
    )
    assert [one["message"]["content"] for one in both["choices"]] == ["a b", "c"]
    assert folded(asked(n=2), data) == both


def test_what_the_provider_tells_besides_is_kept():
    made = parse(asked(), whole("a", system_fingerprint="fp", prompt_filter_results=[{"prompt_index": 0}]))
    assert made["system_fingerprint"] == "fp"
    assert made["provider_fields"] == {"prompt_filter_results": [{"prompt_index": 0}]}


def test_an_answer_with_nothing_but_its_text_is_one():
    made = parse(asked(), {"choices": [{"text": "a", "log_probs": None}]})
    assert (made["id"], made["created"], made["model"], made["usage"]) == (ID, CREATED, "m", None)
    assert made["choices"][0]["finish_reason"] is None


def test_an_answer_in_the_form_of_chat_is_one_too():
    said = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "eos_token"}
    assert parse(asked(), {**BASE, "choices": [said]})["choices"][0]["message"]["content"] == "a"
    delta = {"index": 0, "text": "a", "finish_reason": "eos", "delta": {"token_id": 5, "content": "a"}}
    made = folded(asked(), sse({**BASE, "choices": [delta]}, "[DONE]"))
    assert made["choices"][0]["message"] == {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(
    "body", [{}, {"choices": []}, {"choices": [{}]}, {"choices": [7]}, {"choices": 7}, {"completion": "a"}], ids=str
)
def test_a_body_without_a_text_is_not_an_answer(body):
    with LoopbackProvider(*[Answer(raw=repr(body).replace("'", '"').encode())] * 2) as provider:
        for stream in (False, True):
            with pytest.raises(APIResponseValidationError, match=r"choices|format"):
                completion(**to(provider), stream=stream)


# --- log probabilities ----------------------------------------------------------------------------------------------

LEGACY = {
    "tokens": ["\n\n", "Foo"],
    "token_logprobs": [-0.5, -1.5],
    "top_logprobs": [{"\n": -2.0, "\n\n": -0.5}, {"Bar": -0.25, "Baz": -0.75, "Foo": -1.5}],
    "text_offset": [7, 9],
}


def likely(token, logprob):
    return {"token": token, "bytes": None, "logprob": logprob}


def of_chat(token, logprob, *beside):
    return {**likely(token, logprob), "top_logprobs": [likely(*one) for one in beside]}


def told(made, logprobs):
    (only,) = parse(made, {**BASE, "choices": [choice("\n\nFoo", "stop", logprobs=logprobs)]})["choices"]
    return only.get("logprobs")


def test_log_probabilities_are_those_of_chat_the_likeliest_first():
    assert told(asked(logprobs=True, top_logprobs=2), LEGACY) == {
        "content": [
            of_chat("\n\n", -0.5, ("\n\n", -0.5), ("\n", -2.0)),
            of_chat("Foo", -1.5, ("Bar", -0.25), ("Baz", -0.75)),
        ]
    }


def test_only_as_many_likely_tokens_are_told_as_were_asked_for():
    tops = [
        [len(one["top_logprobs"]) for one in told(asked(**given), LEGACY)["content"]]
        for given in ({"logprobs": True}, {"logprobs": 1}, {"top_logprobs": 5}, {})
    ]
    assert tops == [[0, 0], [1, 1], [2, 3], [2, 3]]


@pytest.mark.parametrize("top", [None, [], [None, None]], ids=str)
def test_likely_tokens_may_be_missing(top):
    legacy = {"tokens": ["a", "b"], "token_logprobs": [None, -1.0], "top_logprobs": top}
    assert told(asked(logprobs=1), legacy) == {"content": [of_chat("a", None), of_chat("b", -1.0)]}


def test_log_probabilities_in_the_form_of_chat_stay_as_they_are():
    native = {"content": [{"id": 7, "token": "a", "bytes": [97], "logprob": -0.5, "top_logprobs": []}]}
    assert told(asked(logprobs=True), native) == native


@pytest.mark.parametrize("native", [None, {}, {"tokens": [], "token_logprobs": [], "top_logprobs": []}], ids=str)
def test_no_log_probabilities_are_none(native):
    assert told(asked(), native) is None


def test_streamed_log_probabilities_make_those_of_the_whole():
    pieces = [{name: values[at : at + 1] for name, values in LEGACY.items()} for at in (0, 1)]
    data = sse(
        *({**BASE, "choices": [choice(t, logprobs=p)]} for t, p in zip(LEGACY["tokens"], pieces, strict=True)),
        {**BASE, "choices": [choice("", "stop", logprobs={name: [] for name in LEGACY})]},
        "[DONE]",
    )
    made = asked(logprobs=True, top_logprobs=2)
    assert folded(made, data)["choices"][0]["logprobs"] == told(made, LEGACY)


def test_openais_types_take_an_answer_with_log_probabilities():
    chat = pytest.importorskip("openai.types.chat")
    body = {**whole(), "choices": [choice("a", "stop", logprobs=LEGACY)]}
    made = chat.ChatCompletion.model_validate(parse(asked(logprobs=True), body))
    assert made.choices[0].logprobs.content[1].token == "Foo"


# --- streams and errors ---------------------------------------------------------------------------------------------


@given(st.lists(st.text('ab \n\u2028é🙂"\\', max_size=8), max_size=5), st.data())
def test_any_cut_of_a_stream_gives_the_whole_answer(texts, data):
    body = streamed(*texts)
    made = folded(asked(), body, data.draw(cuts_of(len(body))))
    assert made == parse(asked(), whole("".join(texts)))


def test_a_stream_without_its_end_is_incomplete():
    with pytest.raises(IncompleteStreamError):
        decode(asked(), sse({**BASE, "choices": [choice("a")]}))


def test_a_stream_without_a_mark_is_whole_once_it_has_a_reason():
    assert folded(asked(), sse({**BASE, "choices": [choice("a", "length")]}))["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("kind", "error"), [("rate_limit_error", RateLimitError), ("server_error", InternalServerError)]
)
def test_an_error_in_a_200_is_what_its_type_stands_for(kind, error):
    body = {"error": {"message": "No.", "type": kind, "param": None, "code": None}}
    with pytest.raises(error, match=r"No\."):
        parse(asked(), body)
    with pytest.raises(error, match=r"No\."):
        decode(asked(), sse(body))


def test_an_error_behind_text_comes_behind_the_text():
    data = sse({**BASE, "choices": [choice("a")]}, {"error": {"message": "No.", "type": "server_error"}})
    with LoopbackProvider(Answer(raw=data, content_type="text/event-stream")) as provider:
        stream = completion(**to(provider), stream=True)
        with pytest.raises(InternalServerError) as caught:
            list(stream)
    assert caught.value.completion.text == "a"


def test_a_model_of_another_kind_is_told_of_in_the_providers_words():
    body = {"error": {"message": "You are not allowed to sample from this model", "type": "invalid_request_error"}}
    assert explain(403, body) == ("invalid_request_error", "You are not allowed to sample from this model")
    assert class_for(403, explain(403, body)[0]).__name__ == "PermissionDeniedError"


# --- the whole way --------------------------------------------------------------------------------------------------


def to(provider, **options):
    given = {"model": MODEL, "messages": "Hi", "api_key": "any", "base_url": f"{provider.url}/v1", "max_retries": 0}
    return {**given, **options}


OLDER_THAN_CHAT = [MODEL, f"{MODEL}-0914", "babbage-002", "davinci-002", "text-davinci-003", "ft:davinci-002:acme::1"]


@pytest.mark.parametrize("model", OLDER_THAN_CHAT)
def test_a_model_that_is_older_than_chat_is_asked_for_text(model):
    for name in (model, f"openai/{model}"):
        route = resolve(name)
        assert (route.provider, route.model, route.adapter) == ("openai", model, "openai_completions")


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("azure/gpt-35-turbo-instruct", "/openai/v1"),
        ("azure-deployments/gpt-35-turbo-instruct", "/deployments/{model}"),
    ],
)
def test_azure_has_them_at_its_own_addresses(model, path):
    route = resolve(model)
    assert (route.adapter, route.format["path"]) == ("openai_completions", path)


def test_a_call_goes_to_completions_and_has_its_price():
    with LoopbackProvider("\n\nFoo") as provider:
        response = completion(**to(provider))
    (request,) = provider.requests
    assert (request.path, request.json) == ("/v1/completions", {"model": MODEL, "prompt": "Hi"})
    assert response.text == "\n\nFoo"
    assert response.cost == pytest.approx((10 * 1.5 + 5 * 2) / 1e6)


def test_litellms_name_of_the_format_asks_any_server_for_text():
    with LoopbackProvider("Foo") as provider:
        completion(**to(provider, model="text-completion-openai/my/base"))
    (request,) = provider.requests
    assert (request.path, request.json["model"]) == ("/v1/completions", "my/base")


def test_what_only_this_api_has_goes_into_the_extra_body():
    with LoopbackProvider("Hi, Foo") as provider:
        response = completion(**to(provider, extra_body={"echo": True, "best_of": 3, "suffix": "."}))
    assert provider.requests[0].json == {"model": MODEL, "prompt": "Hi", "echo": True, "best_of": 3, "suffix": "."}
    assert response.text == "Hi, Foo"


def test_an_answer_may_be_checked_that_a_prompt_asked_for():
    with LoopbackProvider(" 7}", "x") as provider:
        options = to(provider, messages=[("user", "JSON: "), ("assistant", '{"value":')], structured_mode="prompt")
        assert completion(**options, response_format=dict[str, int]).parsed == {"value": 7}
        with pytest.raises(InvalidAnswerError, match=r"it cannot be asked for again: .*no turns") as caught:
            completion(**options, response_format=dict[str, int])
    assert caught.value.completion.text == "x"
    assert len(provider.requests) == 2
