"""Usage and errors of chat completions: every place and shape in which hosts give them."""

from __future__ import annotations

import pytest
from support import decode, folded, parse, quirky, sse

from unified_llm.adapters.openai_chat import explain
from unified_llm.errors import (
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    OverloadedError,
    RateLimitError,
    class_for,
)

USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


def event(text=None, finish=None, **fields):
    choices = [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}]
    return {"id": "x", "created": 3, "model": "m", "choices": choices, **fields}


def body(usage, **fields):
    choices = [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}]
    return {"id": "x", "created": 3, "model": "m", "choices": choices, "usage": usage, **fields}


def counted(native):
    """The usage, the same whole and streamed."""
    whole = parse(quirky({}), body(native))["usage"]
    assert folded(quirky({}), sse(event("a"), event(finish="stop", usage=native)))["usage"] == whole
    return whole


VARIANTS = {
    "OpenAI": (
        {
            **USAGE,
            "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 3},
        },
        (5, 7, 12, 2, 1, 3),
    ),
    "DeepSeek": ({**USAGE, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 1}, (5, 7, 12, 4, None, None)),
    "Moonshot": ({**USAGE, "cached_tokens": 4}, (5, 7, 12, 4, None, None)),
    "Mistral": ({**USAGE, "num_cached_tokens": 4}, (5, 7, 12, 4, None, None)),
    "Qwen": ({**USAGE, "prompt_tokens_details": {"cache_creation_input_tokens": 3}}, (5, 7, 12, None, 3, None)),
    "Perplexity": ({**USAGE, "reasoning_tokens": 2}, (5, 7, 12, None, None, 2)),
    "xAI": (
        {
            "prompt_tokens": 32,
            "completion_tokens": 9,
            "total_tokens": 135,
            "completion_tokens_details": {"reasoning_tokens": 94},
        },
        (32, 103, 135, None, None, 94),
    ),
    "no total": ({"prompt_tokens": 5, "completion_tokens": 7}, (5, 7, 12, None, None, None)),
    "no completion": ({"prompt_tokens": 5, "total_tokens": 5}, (5, 0, 5, None, None, None)),
    "a total of its own": (
        {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 20},
        (5, 7, 20, None, None, None),
    ),
    "nulls": (
        {**USAGE, "prompt_tokens_details": None, "completion_tokens_details": {"reasoning_tokens": None}},
        (5, 7, 12, None, None, None),
    ),
    "zeros": ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, (0, 0, 0, None, None, None)),
}


@pytest.mark.parametrize(("native", "expected"), VARIANTS.values(), ids=VARIANTS)
def test_counts_are_found_under_every_name(native, expected):
    usage = counted(native)
    prompt, completion = usage.get("prompt_tokens_details", {}), usage.get("completion_tokens_details", {})
    assert (
        usage["prompt_tokens"],
        usage["completion_tokens"],
        usage["total_tokens"],
        prompt.get("cached_tokens"),
        prompt.get("cache_write_tokens"),
        completion.get("reasoning_tokens"),
    ) == expected


@pytest.mark.parametrize("native", [None, {}, {"total_tokens": 12}, {"prompt_tokens": None}], ids=str)
def test_usage_that_is_not_given_is_none_and_never_guessed(native):
    assert counted(native) is None


def test_other_counts_of_the_provider_stay_beside_them():
    assert counted({**USAGE, "cost": 0.1, "queue_time": 2})["cost"] == 0.1


TEXT, END = event("a"), event(finish="stop")
NO_CHOICES = {"id": "x", "created": 3, "model": "m", "choices": [], "usage": USAGE}
CHOICE_USAGE = {**END, "choices": [{**END["choices"][0], "usage": USAGE}]}
PLACES = {
    "with the finish reason": [TEXT, {**END, "usage": USAGE}],
    "after it, without choices": [TEXT, END, NO_CHOICES],
    "after it, choices null": [TEXT, END, {**NO_CHOICES, "choices": None}],
    "before it": [TEXT, NO_CHOICES, END],
    "on every chunk": [{**TEXT, "usage": {"prompt_tokens": 5, "completion_tokens": 1}}, {**END, "usage": USAGE}],
    "null elsewhere": [{**TEXT, "usage": None}, {**END, "usage": USAGE}, {**NO_CHOICES, "usage": None}],
    "in the choice": [TEXT, CHOICE_USAGE],
    "in x_groq": [TEXT, {**END, "x_groq": {"id": "r", "usage": USAGE}}],
    "after the finish reason came twice": [TEXT, END, END, NO_CHOICES],
}


@pytest.mark.parametrize("mark", [[], ["[DONE]"], ["[DONE]", "more"]], ids=["no mark", "mark", "more after the mark"])
@pytest.mark.parametrize("events", PLACES.values(), ids=PLACES)
def test_usage_comes_with_the_last_chunk_wherever_it_stood(events, mark):
    chunks = decode(quirky({}), sse(*events, *mark))
    assert [chunk["usage"] for chunk in chunks if "usage" in chunk] == [chunks[-1]["usage"]]
    assert {key: chunks[-1]["usage"][key] for key in USAGE} == USAGE
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]


ODD_STARTS = {
    "no choices": {"id": "x", "created": 3, "model": "m", "choices": []},
    "null choices": {"id": "x", "created": 3, "model": "m", "choices": None},
    "null delta": {"id": "x", "choices": [{"index": 0, "delta": None, "finish_reason": None}]},
    "an empty delta": {"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": None}]},
    "the role alone": {"id": "x", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    "a null index": {"id": "x", "choices": [{"index": None, "delta": {"role": "assistant", "content": ""}}]},
}


@pytest.mark.parametrize("start", ODD_STARTS.values(), ids=ODD_STARTS)
def test_a_start_without_content_says_nothing(start):
    got = folded(quirky({}), b": PROCESSING\n\n" + sse(start, TEXT, END))
    assert got["choices"][0]["message"] == {"role": "assistant", "content": "a"}


def test_a_message_in_place_of_a_delta_is_read_and_beside_one_is_not():
    said = {"role": "assistant", "content": "ab"}
    instead = {"id": "x", "choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}
    beside = {**event("b", "stop"), "choices": [{**event("b", "stop")["choices"][0], "message": said}]}
    for events in ([instead], [event("a"), beside]):
        assert folded(quirky({}), sse(*events))["choices"][0]["message"]["content"] == "ab"


# --- errors by status: body, code, message --------------------------------------------------------------------------

ERRORS = {
    "OpenAI": (
        401,
        {"error": {"message": "m", "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}},
        "invalid_api_key",
        "m",
    ),
    "no code": (
        400,
        {"error": {"message": "m", "type": "invalid_request_error", "code": None}},
        "invalid_request_error",
        "m",
    ),
    "a number": (400, {"error": {"message": "m", "code": 400}}, "400", "m"),
    "a string": (404, {"error": "model not found"}, None, "model not found"),
    "a string and a code": (404, {"code": "invalid-argument", "error": "no model"}, "invalid-argument", "no model"),
    "a string and a type": (422, {"error": "m", "error_type": "validation"}, None, "m"),
    "flat": (
        400,
        {"object": "error", "message": "m", "type": "BadRequestError", "param": None, "code": 400},
        "400",
        "m",
    ),
    "Cerebras": (400, {"message": "m", "type": "invalid_request_error", "param": "x", "code": "wrong"}, "wrong", "m"),
    "Databricks": (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "m"}, "INVALID_PARAMETER_VALUE", "m"),
    "FastAPI": (
        422,
        {"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]},
        None,
        "field required",
    ),
    "a detail": (404, {"detail": "m"}, None, "m"),
    "a detail with an error": (400, {"detail": {"error": "m"}}, None, "m"),
    "NVIDIA": (404, {"status": 404, "title": "Not Found", "detail": "m"}, "404", "m"),
    "a title": (500, {"title": "m", "status": 500}, "500", "m"),
    "errors": (400, {"errors": [{"message": "m", "code": 1}]}, None, "m"),
    "a message of details": (400, {"message": {"detail": [{"loc": ["body"], "msg": "m"}]}}, None, "m"),
    "MiniMax": (
        200,
        {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        None,
        "insufficient balance",
    ),
    "Google": (400, [{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}], "400", "m"),
    "text": (502, "Bad gateway", None, "Bad gateway"),
    "nothing": (500, "", None, "no error message"),
    "Z.AI": (400, {"error": {"code": "1211", "message": "m"}}, "1211", "m"),
}


@pytest.mark.parametrize(("status", "error", "code", "message"), ERRORS.values(), ids=ERRORS)
def test_an_error_body_of_any_shape_gives_its_code_and_message(status, error, code, message):
    got_code, got_message = explain(status, error)
    assert got_message == message
    if code is not None:
        assert got_code == code


KINDS = {
    "a code": (400, {"error": {"message": "m", "code": "context_length_exceeded"}}, ContextWindowExceededError),
    "a maximum": (
        400,
        {"error": {"message": "This model's maximum context length is 9 tokens"}},
        ContextWindowExceededError,
    ),
    "llama.cpp": (
        400,
        {"error": {"code": 400, "message": "m", "type": "exceed_context_size_error"}},
        ContextWindowExceededError,
    ),
    "vLLM": (
        400,
        {"object": "error", "message": "Please reduce the length of the messages", "code": 400},
        ContextWindowExceededError,
    ),
    "Qwen": (
        400,
        {"error": {"message": "Range of input length should be [1, 9]", "code": "invalid"}},
        ContextWindowExceededError,
    ),
    "Anthropic": (400, {"error": {"message": "prompt is too long: 9 > 8"}}, ContextWindowExceededError),
    "input length": (400, {"error": {"message": "input length exceeds the limit"}}, ContextWindowExceededError),
    "a filter": (400, {"error": {"message": "m", "code": "content_filter"}}, ContentPolicyViolationError),
    "a policy": (400, {"error": {"message": "m", "code": "content_policy_violation"}}, ContentPolicyViolationError),
    "an inspection": (400, {"error": {"message": "m", "code": "data_inspection_failed"}}, ContentPolicyViolationError),
    "Z.AI's filter": (400, {"error": {"message": "m", "code": "1301"}}, ContentPolicyViolationError),
    "a plain one": (400, {"error": {"message": "m", "code": "wrong"}}, BadRequestError),
    "a quota": (429, {"error": {"message": "m", "code": "insufficient_quota"}}, RateLimitError),
    "too much for a minute": (
        429,
        {"error": {"message": "too many tokens per minute", "code": "rate"}},
        RateLimitError,
    ),
    "overloaded": (503, {"error": {"message": "m", "type": "overloaded_error"}}, OverloadedError),
}


@pytest.mark.parametrize(("status", "error", "kind"), KINDS.values(), ids=KINDS)
def test_an_error_has_the_class_of_what_it_means(status, error, kind):
    assert class_for(status, explain(status, error)[0]) is kind
