"""Which class an error is, what it carries, and what it never shows."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from unified_llm import acompletion, completion, errors
from unified_llm.errors import (
    AnswerError,
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTooLargeError,
    UnifiedLLMError,
    UnprocessableEntityError,
    class_for,
)
from unified_llm.response import Completion

KEY, PROMPT = "sk-canary-0123456789abcdef", "the canary sings at dawn"
OPENAI, MESSAGES, COMPLETE = "gpt-4.1", "claude-sonnet-4-5", "claude-2.1"
FORMATS = pytest.mark.parametrize("model", [OPENAI, MESSAGES, COMPLETE])


def raised(
    model: str, handler: Callable[[httpx.Request], httpx.Response], *, stream: bool = False, **options: Any
) -> APIError:
    """The error of a call that is answered so, read to its end."""
    options = {"max_retries": 0, "api_key": KEY, **options}
    with httpx.Client(transport=httpx.MockTransport(handler)) as client, pytest.raises(APIError) as caught:
        list(completion(model, PROMPT, stream, client=client, **options))
    return caught.value


def answer(status: int, body: Any = None, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    content = body if isinstance(body, bytes) else json.dumps(body or {"error": {"message": "no"}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx.Response(status, content=content, headers=named)


# --- classes -------------------------------------------------------------------------------------------------------

STATUSES = {
    400: BadRequestError,
    401: AuthenticationError,
    402: APIStatusError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: APIStatusError,
    409: ConflictError,
    413: RequestTooLargeError,
    418: APIStatusError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    500: InternalServerError,
    502: InternalServerError,
    503: InternalServerError,
    504: InternalServerError,
    520: InternalServerError,
    529: OverloadedError,
}


@FORMATS
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("status", STATUSES)
def test_a_status_has_its_class_and_keeps_its_number(status: int, stream: bool, model: str) -> None:
    error = raised(model, answer(status), stream=stream)
    assert type(error) is STATUSES[status]
    assert error.status_code == status


def test_every_status_of_the_table_is_tested() -> None:
    assert errors.STATUS_CLASSES.items() <= STATUSES.items()


NARROWER = [
    (OPENAI, 400, {"error": {"code": "context_length_exceeded", "message": "long"}}, ContextWindowExceededError),
    (OPENAI, 400, {"error": {"code": "content_policy_violation", "message": "no"}}, ContentPolicyViolationError),
    (OPENAI, 503, {"error": {"type": "overloaded_error", "message": "busy"}}, OverloadedError),
    (MESSAGES, 400, {"error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}},
     ContextWindowExceededError),
    (MESSAGES, 529, {"error": {"type": "overloaded_error", "message": "Overloaded"}}, OverloadedError),
]  # fmt: skip


@pytest.mark.parametrize(("model", "status", "body", "kind"), NARROWER)
def test_what_the_provider_says_makes_the_class_narrower(model: str, status: int, body: Any, kind: type) -> None:
    error = raised(model, answer(status, body))
    assert type(error) is kind
    assert error.status_code == status


@FORMATS
def test_the_words_of_a_bad_request_do_not_make_it_a_rate_limit(model: str) -> None:
    body = {"error": {"type": "invalid_request_error", "message": "unknown parameter rate_limit_overloaded_quota"}}
    assert type(raised(model, answer(400, body))) is BadRequestError


def test_a_code_narrows_only_the_status_that_it_belongs_to() -> None:
    assert class_for(500, errors.CONTEXT_WINDOW) is InternalServerError
    assert class_for(503, None) is InternalServerError
    assert class_for(451, None) is APIStatusError


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, UnifiedLLMError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_has_every_class_below_its_parent(kind: type) -> None:
    depths: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip(" │├└─").split(" ")[0]
        if name.isidentifier() and name in vars(errors):
            depths.append((len(line) - len(line.lstrip(" │├└─")), name))
    at = [name for _, name in depths].index(kind.__name__)
    parents = [name for depth, name in depths[:at] if depth < depths[at][0]]
    assert kind.__base__ is Exception or parents[-1] in {base.__name__ for base in kind.__mro__[1:]}


# --- what an error carries -----------------------------------------------------------------------------------------


def test_an_error_carries_what_support_and_retries_need() -> None:
    body = {"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}
    error = raised(OPENAI, answer(429, body, x_request_id="req_1", retry_after="7"))
    assert isinstance(error, RateLimitError)
    assert "Slow down" in error.message == str(error)
    assert (error.request_id, error.retry_after, error.code) == ("req_1", 7, "rate_limit_exceeded")
    assert (error.body, error.provider, error.model) == (body, "openai", OPENAI)
    assert (error.response.status_code, error.response.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize("name", ["request-id", "x-request-id", "x-amzn-requestid", "apim-request-id"])
def test_the_id_of_the_request_is_found_under(name: str) -> None:
    error = raised(MESSAGES, lambda request: httpx.Response(500, headers={name: "req_2"}))
    assert isinstance(error, APIStatusError)
    assert error.request_id == "req_2"


@FORMATS
@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad gateway</html>", b"[]", b"null", b'"no"', b"17", b'{"error": null}', b"\xff\xfe"]
)
def test_whatever_an_error_status_says_it_is_an_error_with_its_status(body: bytes, model: str) -> None:
    error = raised(model, answer(502, body))
    assert type(error) is InternalServerError
    assert str(error)


def test_a_model_that_is_not_found_is_answered_with_the_nearest() -> None:
    error = raised("openai/gpt-4.11", answer(404))
    assert "gpt-4.1" in str(error).replace("gpt-4.11", "")


def test_an_error_inside_a_200_has_the_status_that_its_type_stands_for() -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    error = raised(MESSAGES, answer(200, overloaded))
    assert type(error) is OverloadedError
    assert (error.status_code, error.provider, error.model) == (529, "anthropic", MESSAGES)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_can_be_pickled(kind: type[Any]) -> None:
    answer = [Completion({"id": "chatcmpl-1"})] if issubclass(kind, AnswerError) else []
    error = kind("what happened", *answer)
    if issubclass(kind, APIError):
        error.provider, error.model = "acme", "large"
    if issubclass(kind, APIStatusError):
        error.status_code, error.body, error.retry_after = 429, {"a": [1]}, 2.0
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.__dict__) == (str(error), error.__dict__)


def test_an_error_with_its_response_can_be_pickled() -> None:
    error = raised(OPENAI, answer(429, retry_after="7"))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.status_code, again.retry_after) == (RateLimitError, 429, 7)


def test_an_error_with_a_partial_completion_can_be_pickled() -> None:
    error = raised(OPENAI, answer(200, HEL), stream=True)
    assert isinstance(error, IncompleteStreamError)
    again = pickle.loads(pickle.dumps(error))
    assert again.completion == error.completion
    assert again.completion.text == "Hel"


# --- what an error never shows -------------------------------------------------------------------------------------

ECHO = f"Incorrect API key provided: {KEY}. Your prompt was: hidden"


HEL = b'data: {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hel"}}]}\n\n'
ERROR_EVENT = b'data: {"error": {"message": "' + ECHO.encode() + b'"}}\n\n'


def fail(kind: type[Exception]) -> Callable[[httpx.Request], httpx.Response]:
    def handler(request: httpx.Request) -> httpx.Response:
        raise kind(f"could not send to {request.url}", request=request)

    return handler


ECHOES = {
    "status": (answer(401, {"error": {"message": ECHO, "param": [KEY, {"key": KEY}]}}), False),
    "status of a stream": (answer(401, {"error": {"message": ECHO}}), True),
    "status with text": (answer(500, f"<h1>{ECHO}</h1>".encode()), False),
    "status with the key in a code": (answer(400, {"error": {"code": KEY, "message": "no"}}), False),
    "error in a 200": (answer(200, {"error": {"type": "authentication_error", "message": ECHO}}), False),
    "error event": (answer(200, ERROR_EVENT), True),
    "error event after text": (answer(200, HEL + ERROR_EVENT), True),
    "no JSON": (answer(200, ECHO.encode()), False),
    "no JSON in a stream": (answer(200, b"data: " + ECHO.encode() + b"\n\n"), True),
    "an event cut off": (answer(200, HEL + b'data: {"error": {"message": "' + ECHO.encode()), True),
    "an event that is no object": (answer(200, HEL + b'data: {"choices": [{"' + KEY.encode() + b'": 1}]}\n\n'), True),
    "another shape": (answer(200, {"id": KEY}), False),
    "no connection": (fail(httpx.ConnectError), False),
    "a timeout": (fail(httpx.ReadTimeout), True),
}  # fmt: skip


def shown(error: BaseException) -> str:
    """All that printing, logging or looking at an error may show."""
    texts = [str(error), repr(error), "".join(traceback.format_exception(error)), repr(vars(error))]
    if isinstance(error, APIStatusError) and error.response is not None:
        texts += [repr(error.response.request), repr(list(error.response.request.headers.multi_items()))]
    if isinstance(error, APIError) and error.completion is not None:
        texts.append(repr(error.completion))
    return "\n".join(texts)


@pytest.mark.parametrize("model", [OPENAI, MESSAGES])
@pytest.mark.parametrize("case", ECHOES)
def test_the_key_is_never_shown_even_where_the_provider_repeats_it(
    case: str, model: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    handler, stream = ECHOES[case]
    error = raised(model, handler, stream=stream)
    assert KEY not in shown(error)
    logging.getLogger("test").exception("it failed", exc_info=error)
    assert KEY not in caplog.text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("case", ECHOES)
def test_the_key_is_never_shown_by_an_awaited_call(case: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            made = await acompletion(OPENAI, PROMPT, stream, client=client, api_key=KEY, max_retries=0)
            if stream:
                async for _ in made:
                    pass

    caplog.set_level(logging.DEBUG)
    handler, stream = ECHOES[case]
    with pytest.raises(APIError) as caught:
        asyncio.run(main())
    assert KEY not in shown(caught.value) + caplog.text


@pytest.mark.parametrize("strange", ["\u200b", "é", "\n", "\r\nx-evil: 1"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(strange: str) -> None:
    error = raised(OPENAI, answer(200, {"id": "never asked"}), api_key=f"{KEY}{strange}x")
    assert isinstance(error, AuthenticationError)
    assert error.status_code is None
    assert KEY not in shown(error)


def test_the_key_is_not_in_the_log_of_a_retry(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    handler = answer(500, {"error": {"message": ECHO}}, retry_after_ms="1")
    assert KEY not in shown(raised(OPENAI, handler, max_retries=2))
    assert "attempt 1 failed: InternalServerError 500" in caplog.text
    assert KEY not in caplog.text
    assert PROMPT not in caplog.text


@FORMATS
@pytest.mark.parametrize("status", [400, 401, 500])
def test_our_own_words_do_not_repeat_the_prompt(status: int, model: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error = raised(model, answer(status))
    assert PROMPT not in shown(error) + caplog.text


@pytest.mark.parametrize("options", [{"tools": [{"type": "function", "function": {"name": "f"}}]}, {"n": 0}])
def test_a_refusal_before_anything_is_sent_has_no_status_and_no_prompt(options: Any) -> None:
    error = raised(COMPLETE, answer(200), **options)
    assert isinstance(error, BadRequestError)
    assert (error.status_code, error.response) == (None, None)
    assert PROMPT not in shown(error)
    assert KEY not in shown(error)


def test_connection_errors_are_not_statuses() -> None:
    for kind in (APIConnectionError, APITimeoutError, IncompleteStreamError, APIResponseValidationError):
        assert not issubclass(kind, APIStatusError)
    assert issubclass(APITimeoutError, APIConnectionError)
    assert issubclass(IncompleteStreamError, APIConnectionError)
