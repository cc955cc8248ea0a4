"""Every exception the library raises.

The names are OpenAI's and Anthropic's::

    UnifiedLLMError
    ├── APIError
    │   ├── APIConnectionError
    │   │   ├── APITimeoutError
    │   │   └── IncompleteStreamError
    │   ├── APIResponseValidationError
    │   └── APIStatusError
    │       ├── BadRequestError                  400, or refused here before anything was sent
    │       │   ├── ContextWindowExceededError
    │       │   └── ContentPolicyViolationError
    │       ├── AuthenticationError              401
    │       ├── PermissionDeniedError            403
    │       ├── NotFoundError                    404
    │       ├── ConflictError                    409
    │       ├── RequestTooLargeError             413
    │       ├── UnprocessableEntityError         422
    │       ├── RateLimitError                   429
    │       └── InternalServerError              500 and above
    │           └── OverloadedError              529, and 503 that says overloaded
    └── AnswerError                              the call went well, but not so that its answer can be used
        ├── TruncatedAnswerError                 the limit of tokens cut it off
        ├── RefusedAnswerError                   the model refused, or a filter stopped it
        ├── InvalidAnswerError                   it is not of the form that was asked for
        └── TurnLimitError                       it still calls tools in the last turn
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from unified_llm.response import Completion
    from unified_llm.tools import ToolRun


class UnifiedLLMError(Exception):
    """The root of every error of this library.

    Attributes:
        tool_run: what a run of tools had come to when the error ended it; None where there was none.
    """

    tool_run: ToolRun | None = None


class APIError(UnifiedLLMError):
    """Something went wrong between the caller and the model.

    Attributes:
        message: what happened, in one sentence.
        provider: the catalog id of the provider, None where no provider was chosen yet.
        model: the model name as the provider knows it.
        completion: what had arrived when a stream broke, None otherwise.
    """

    def __init__(self, message: str, *, provider: str | None = None, model: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.model = model
        self.completion: Completion | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.__dict__.copy())


class APIConnectionError(APIError):
    """No complete answer came: DNS, refused, reset, TLS, proxy. `__cause__` is the transport's own error."""


class APITimeoutError(APIConnectionError):
    """Connecting, sending or waiting for the next bytes took longer than `timeout`."""


class IncompleteStreamError(APIConnectionError):
    """A stream ended without the provider's end marker; `completion` holds what had arrived."""


class APIResponseValidationError(APIError):
    """A successful status with a body that is not of the wire format: HTML, empty, not JSON.

    Attributes:
        status_code: the HTTP status, usually 200.
        body: the body as text, at most its first 2,000 characters.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int = 200,
        body: str = "",
        provider: str | None = None,
        model: str | None = None,
    ) -> None:
        super().__init__(message, provider=provider, model=model)
        self.status_code = status_code
        self.body = body


class APIStatusError(APIError):
    """The provider answered with an error, in its HTTP status or inside a 200.

    Attributes:
        status_code: the HTTP status, or the one that an error inside a 200 stands for;
            None when the request was refused here and nothing was sent.
        code: the provider's word for the error (`rate_limit_error`, `context_length_exceeded`, ...).
        body: the provider's body: parsed JSON where it is JSON, else text.
        response: the `httpx.Response`, None for local refusals and errors inside a stream.
        request_id: the provider's id of the request, for its support.
        retry_after: seconds the provider asked to wait, in a header or in the body, None when it did not say.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | None = None,
        body: Any = None,
        response: Any = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        provider: str | None = None,
        model: str | None = None,
    ) -> None:
        super().__init__(message, provider=provider, model=model)
        self.status_code = status_code
        self.code = code
        self.body = body
        self.response = response
        self.request_id = request_id
        self.retry_after = wait_in(body) if retry_after is None else retry_after


class BadRequestError(APIStatusError):
    """The request is not acceptable, to the provider (400) or to this library (`status_code` None)."""


class ContextWindowExceededError(BadRequestError):
    """The prompt, or prompt and answer together, do not fit the model's context window."""


class ContentPolicyViolationError(BadRequestError):
    """The provider refused the prompt for its content."""


class AuthenticationError(APIStatusError):
    """No key, or one that the provider does not accept."""


class PermissionDeniedError(APIStatusError):
    """The key is not allowed to do this."""


class NotFoundError(APIStatusError):
    """The model or the address does not exist."""


class ConflictError(APIStatusError):
    """The request conflicts with another one."""


class RequestTooLargeError(APIStatusError):
    """The body has more bytes than the provider takes."""


class UnprocessableEntityError(APIStatusError):
    """The request is well formed but its values are not accepted."""


class RateLimitError(APIStatusError):
    """Too many requests or tokens, or the quota is used up."""


class InternalServerError(APIStatusError):
    """The provider failed."""


class OverloadedError(InternalServerError):
    """The provider has no capacity just now."""


class AnswerError(UnifiedLLMError):
    """A complete answer came, and it was paid for, but it cannot be used as the caller asked.

    Attributes:
        message: what is wrong with it, in one sentence.
        completion: the answer.
    """

    def __init__(self, message: str, completion: Completion) -> None:
        super().__init__(message)
        self.message = message
        self.completion = completion

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.completion), self.__dict__.copy()


class TruncatedAnswerError(AnswerError):
    """The limit of tokens cut off JSON or the arguments of tools (`finish_reason` is `length`): they have no end."""


class RefusedAnswerError(AnswerError):
    """The model refused to answer, or a filter stopped the answer (`finish_reason` is `content_filter`)."""


class InvalidAnswerError(AnswerError):
    """The answer is not of the form that was asked for. `__cause__` is what its reader says."""


class TurnLimitError(AnswerError):
    """The model still calls tools in the last of `max_turns` turns; `completion.messages` is the way to go on."""

    completion: ToolRun


STATUS_CLASSES: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    529: OverloadedError,
}

CONTEXT_WINDOW = "context_length_exceeded"
CONTENT_POLICY = "content_policy_violation"
OVERLOADED = "overloaded"

CODE_CLASSES: dict[str, type[APIStatusError]] = {
    CONTEXT_WINDOW: ContextWindowExceededError,
    CONTENT_POLICY: ContentPolicyViolationError,
}


def class_for(status: int, code: str | None) -> type[APIStatusError]:
    """The class that a status stands for, made narrower by the code that an adapter's `explain` gave."""
    if status == 400 and code in CODE_CLASSES:
        return CODE_CLASSES[code]
    if status == 503 and code == OVERLOADED:
        return OverloadedError
    if status >= 500:
        return STATUS_CLASSES.get(status, InternalServerError)
    return STATUS_CLASSES.get(status, APIStatusError)


def shown(value: Any) -> str:
    """A value as errors show it: its beginning, and of what has none its type."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, or lists a thousand deep
        return f"a {type(value).__name__} that is too long to be shown"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


_MOST_SHOWN = 200

_WAITS = {"retryDelay": 1, "retry_after_seconds": 1, "retry_after": 1, "retry_after_ms": 1000}
"""Fields of error bodies that say how long to wait, and how many of their units a second has."""


def wait_in(body: Any) -> float | None:
    """The seconds that an error body asks to wait, None where it does not, or in words that are no wait.

    It stands in the `RetryInfo` among the details of an error (`{"retryDelay": "34.4s"}`, https://google.aip.dev/193),
    in its metadata (`retry_after_seconds`, or the headers of the server behind a gateway,
    https://openrouter.ai/docs/api/reference/errors-and-debugging), or in a field of its own.
    """
    outer = next(iter(_list(body)), body)
    error = _field(outer, "error")
    metadata = _field(error, "metadata")
    for place in (*_list(_field(error, "details")), metadata, error, outer):
        for name, unit in _WAITS.items():
            if (seconds := _seconds(_field(place, name), unit)) is not None:
                return seconds
    headers = _field(metadata, "headers")
    return next((wait for name in ("Retry-After", "retry-after") if (wait := _seconds(_field(headers, name), 1))), None)


def _field(value: Any, name: str) -> Any:
    return cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _seconds(value: Any, unit: int) -> float | None:
    """A number, or its digits with or without the `s` that ends a duration of protocol buffers."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value.removesuffix("s") if isinstance(value, str) else value) / unit
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _rebuild(kind: type[APIError], message: str, attributes: dict[str, Any]) -> APIError:
    error = kind(message)
    error.__dict__.update(attributes)
    return error
