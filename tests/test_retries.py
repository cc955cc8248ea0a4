"""How often a request is sent, and how long is waited in between."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_server import COMPLETION, ERROR_EVENT, EVENTS, MODEL, event
from test_aws_events import exception

from unified_llm import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    InternalServerError,
    OverloadedError,
    RateLimitError,
    acompletion,
    completion,
    retries,
)
from unified_llm.api import prepare
from unified_llm.errors import wait_in
from unified_llm.flow import Send, Sleep, run
from unified_llm.retries import seconds_to_wait

ROOT = Path(__file__).parent.parent
URL = "http://server.invalid/v1"
EVENT_STREAM = {"content-type": "text/event-stream"}

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a millisecond, where the provider asks for none."""
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.001)


def answers(*given: httpx.Response | Exception) -> tuple[Handler, list[httpx.Request]]:
    """A handler that gives these answers, the last one again and again, and the requests that it saw."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        answer = given[min(len(seen), len(given) - 1)]
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    return handler, seen


def sync_call(handler: Handler, *, stream: bool, **options: Any) -> Any:
    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        made = completion(MODEL, "Hi", stream, base_url=URL, client=client, **options)
        return list(made) if stream else made


def async_call(handler: Handler, *, stream: bool, **options: Any) -> Any:
    async def main() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            made = await acompletion(MODEL, "Hi", stream, base_url=URL, client=client, **options)
            return [chunk async for chunk in made] if stream else made

    return asyncio.run(main())


CALLS = pytest.mark.parametrize("call", [sync_call, async_call])
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
GOOD, GOOD_STREAM = (
    httpx.Response(200, json=COMPLETION),
    httpx.Response(200, headers=EVENT_STREAM, content=b"".join(EVENTS)),
)


def failed(status: int, error: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"error": {"message": "no", **(error or {})}}, headers=named)


PASSING: dict[str, tuple[httpx.Response | Exception, type[APIError]]] = {
    "408": (failed(408), APIStatusError),
    "409": (failed(409), APIStatusError),
    "424": (failed(424), APIStatusError),
    "429": (failed(429), RateLimitError),
    "500": (failed(500), InternalServerError),
    "503": (failed(503), InternalServerError),
    "529": (failed(529), OverloadedError),
    "refused": (httpx.ConnectError("refused"), APIConnectionError),
    "timeout": (httpx.ReadTimeout("timed out"), APITimeoutError),
    "error in a 200": (httpx.Response(200, content=ERROR_EVENT, headers=EVENT_STREAM), OverloadedError),
}
LASTING: dict[str, httpx.Response] = {
    **{str(status): failed(status) for status in (400, 401, 403, 404, 413, 422)},
    "insufficient_quota": failed(429, {"code": "insufficient_quota"}),
    "x-should-retry: false": failed(500, x_should_retry="false"),
    "x-should-retry: false on 429": failed(429, x_should_retry="false"),
}


# --- how often -----------------------------------------------------------------------------------------------------


@CALLS
@STREAM
@pytest.mark.parametrize("most", [0, 1, 3])
@pytest.mark.parametrize("failure", PASSING)
@pytest.mark.usefixtures("quick")
def test_a_failure_that_may_pass_is_met_by_exactly_max_retries_more_requests(
    failure: str, most: int, stream: bool, call: Callable[..., Any]
) -> None:
    answer, kind = PASSING[failure]
    handler, seen = answers(answer)
    with pytest.raises(kind):
        call(handler, stream=stream, max_retries=most)
    assert len(seen) == most + 1


@CALLS
@STREAM
@pytest.mark.parametrize("failure", LASTING)
def test_a_failure_that_will_not_pass_is_met_by_no_more_requests(
    failure: str, stream: bool, call: Callable[..., Any]
) -> None:
    handler, seen = answers(LASTING[failure])
    with pytest.raises(APIStatusError):
        call(handler, stream=stream, max_retries=3)
    assert len(seen) == 1


@CALLS
@STREAM
@pytest.mark.parametrize("failure", PASSING)
@pytest.mark.usefixtures("quick")
def test_a_call_that_works_at_last_gives_its_answer(failure: str, stream: bool, call: Callable[..., Any]) -> None:
    handler, seen = answers(PASSING[failure][0], PASSING[failure][0], GOOD_STREAM if stream else GOOD)
    made = call(handler, stream=stream)
    text = "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in made) if stream else made.text
    assert (text, len(seen)) == ("Hello!", 3)


@CALLS
@pytest.mark.usefixtures("quick")
def test_two_more_requests_is_the_default(call: Callable[..., Any]) -> None:
    handler, seen = answers(failed(500))
    with pytest.raises(InternalServerError):
        call(handler, stream=False)
    assert len(seen) == 3


@pytest.mark.usefixtures("quick")
def test_x_should_retry_true_makes_a_lasting_status_worth_another_attempt() -> None:
    handler, seen = answers(failed(400, x_should_retry="true"), GOOD)
    assert sync_call(handler, stream=False).text == "Hello!"
    assert len(seen) == 2


@pytest.mark.usefixtures("quick")
def test_every_attempt_sends_the_same_request() -> None:
    handler, seen = answers(failed(500))
    with pytest.raises(InternalServerError):
        sync_call(handler, stream=False, max_retries=2)
    assert len({(request.content, str(request.headers)) for request in seen}) == 1


@CALLS
def test_a_stream_that_delivered_something_is_not_asked_for_again(call: Callable[..., Any]) -> None:
    broken = httpx.Response(200, headers=EVENT_STREAM, content=event("Hel") + ERROR_EVENT)
    handler, seen = answers(broken, GOOD_STREAM)
    with pytest.raises(OverloadedError) as caught:
        call(handler, stream=True, max_retries=3)
    assert len(seen) == 1
    assert caught.value.completion is not None
    assert caught.value.completion.text == "Hel"


@pytest.mark.usefixtures("quick")
def test_the_last_error_is_the_one_that_is_raised() -> None:
    handler, seen = answers(failed(500), failed(503), failed(429, {"message": "the last one"}))
    with pytest.raises(RateLimitError, match="the last one"):
        sync_call(handler, stream=False, max_retries=2)
    assert len(seen) == 3


@pytest.mark.usefixtures("quick")
def test_an_attempt_that_fails_for_good_ends_the_retries() -> None:
    handler, seen = answers(failed(500), failed(401), GOOD)
    with pytest.raises(APIStatusError) as caught:
        sync_call(handler, stream=False, max_retries=5)
    assert (caught.value.status_code, len(seen)) == (401, 2)


# --- how long ------------------------------------------------------------------------------------------------------


def reply(status: int, headers: dict[str, str] | None = None, body: Any = None) -> Any:
    """What a driver would answer to Send."""
    response, content = httpx.Response(status, headers=headers), json.dumps(body or {}).encode()
    return SimpleNamespace(status=status, headers=response.headers, content=content, response=response)


def waits(*replies: Any) -> list[float]:
    """The seconds of the Sleep effects of a call that is answered so; the last answer ends it."""
    flow = run(prepare(MODEL, "Hi", False, {"base_url": URL, "max_retries": len(replies) - 1}))
    seconds: list[float] = []
    effect = next(flow)
    for answer in replies:
        assert isinstance(effect, Send)
        try:
            sleep = flow.send(answer)
        except APIError:
            break
        assert isinstance(sleep, Sleep)
        seconds.append(sleep.seconds)
        effect = flow.send(None)
    assert len(seconds) == len(replies) - 1
    return seconds


def test_the_wait_doubles_from_half_a_second_to_eight_less_up_to_a_quarter() -> None:
    longest = (0.5, 1, 2, 4, 8, 8, 8)
    for _ in range(20):
        seconds = waits(*[reply(500)] * 8)
        assert all(0.75 * most <= wait <= most for wait, most in zip(seconds, longest, strict=True))


def test_the_wait_is_not_the_same_each_time() -> None:
    assert len({waits(reply(500), reply(500))[0] for _ in range(10)}) > 1


ASKED = {
    "milliseconds": ({"retry-after-ms": "1500"}, 1.5),
    "seconds": ({"retry-after": "7"}, 7),
    "fractions": ({"retry-after": "0.25"}, 0.25),
    "milliseconds before seconds": ({"retry-after-ms": "20", "retry-after": "7"}, 0.02),
    "seconds where milliseconds are no number": ({"retry-after-ms": "soon", "retry-after": "7"}, 7),
    "a minute": ({"retry-after": "60"}, 60),
}


@pytest.mark.parametrize("name", ASKED)
def test_the_provider_says_how_long_to_wait_by(name: str) -> None:
    headers, seconds = ASKED[name]
    assert waits(reply(429, headers), reply(429)) == [pytest.approx(seconds)]


def test_the_provider_may_say_until_when_to_wait() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 < waits(reply(503, {"retry-after": then}), reply(503))[0] <= 30


@pytest.mark.parametrize("value", ["61", "86400", "inf", "-1", "nan", "soon", "", "Wed, 99 Foo 2026"])
def test_a_wait_over_a_minute_or_in_no_known_form_falls_back_to_the_usual_one(value: str) -> None:
    assert 0.375 <= waits(reply(429, {"retry-after": value}), reply(429))[0] <= 0.5


def test_a_date_far_away_falls_back_to_the_usual_wait() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert 0.375 <= waits(reply(429, {"retry-after": then}), reply(429))[0] <= 0.5


def test_each_wait_follows_the_latest_answer() -> None:
    asked = [reply(429, {"retry-after": str(seconds)}) for seconds in (1, 5, 20)]
    assert waits(*asked, reply(429)) == [1, 5, 20]


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
QUOTA = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "PerMinute"}]}
ASKED_IN_THE_BODY: dict[str, tuple[Any, float]] = {
    "a detail": ({"error": {"code": 429, "details": [QUOTA, RETRY_INFO]}}, 34.4),
    "a detail in an array": ([{"error": {"code": 429, "details": [RETRY_INFO]}}], 34.4),
    "whole seconds": ({"error": {"details": [{**RETRY_INFO, "retryDelay": "34s"}]}}, 34),
    "metadata": ({"error": {"code": 429, "metadata": {"retry_after_seconds": 12}}}, 12),
    "metadata's headers": ({"error": {"metadata": {"headers": {"Retry-After": "9"}}}}, 9),
    "the error": ({"error": {"message": "no", "retry_after": 1.5}}, 1.5),
    "milliseconds": ({"error": {"message": "no", "retry_after_ms": 250}}, 0.25),
    "the body": ({"detail": "throttled", "retry_after": 3}, 3),
    "the body beside an error": ({"error": "throttled", "retry_after": 3}, 3),
}


@pytest.mark.parametrize("place", ASKED_IN_THE_BODY)
def test_the_provider_may_say_how_long_to_wait_in_the_body_as(place: str) -> None:
    body, seconds = ASKED_IN_THE_BODY[place]
    assert waits(reply(429, body=body), reply(429)) == [pytest.approx(seconds)]


def test_the_wait_in_a_header_is_stronger_than_the_one_in_the_body() -> None:
    assert waits(reply(429, {"retry-after": "7"}, {"error": {"retry_after": 30}}), reply(429)) == [7]


EXCEPTIONS = {
    "modelStreamErrorException": APIStatusError,
    "throttlingException": RateLimitError,
    "serviceUnavailableException": InternalServerError,
}


@CALLS
@pytest.mark.parametrize("name", EXCEPTIONS)
@pytest.mark.usefixtures("quick")
def test_an_exception_message_before_anything_is_met_by_more_requests(name: str, call: Callable[..., Any]) -> None:
    handler, seen = answers(httpx.Response(200, content=exception(name, {"message": "Too many"})))
    with pytest.raises(EXCEPTIONS[name], match="Too many"):
        call(handler, stream=True, max_retries=2, adapter="bedrock_converse")
    assert len(seen) == 3


def test_the_error_has_the_wait_that_its_body_asked_for() -> None:
    handler, _ = answers(httpx.Response(429, json={"error": {"message": "no", "details": [RETRY_INFO]}}))
    with pytest.raises(RateLimitError) as caught:
        sync_call(handler, stream=False, max_retries=0)
    assert caught.value.retry_after == 34.4


def test_an_error_event_may_say_how_long_to_wait() -> None:
    frame = json.dumps({"error": {"code": 503, "message": "no", "status": "UNAVAILABLE", "details": [RETRY_INFO]}})
    handler, _ = answers(httpx.Response(200, content=f"data: {frame}\n\n".encode(), headers=EVENT_STREAM))
    with pytest.raises(InternalServerError) as caught:
        sync_call(handler, stream=True, max_retries=0, adapter="gemini")
    assert caught.value.retry_after == 34.4


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["1e999s", "5s"])
)
NAMES = st.sampled_from("error details metadata headers retryDelay retry_after retry_after_ms Retry-After".split())
BODIES = st.recursive(VALUES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3))


@given(BODIES)
def test_no_body_makes_reading_the_wait_fail(body: Any) -> None:
    seconds = wait_in(body)
    assert seconds is None or 0 <= seconds < float("inf")


@pytest.mark.parametrize("value", ["", "soon", "nan"])
def test_words_that_are_no_wait_are_none(value: str) -> None:
    assert seconds_to_wait({"retry-after": value}) is None


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text(max_size=40)))
def test_no_header_makes_reading_the_wait_fail(headers: dict[str, str]) -> None:
    seconds = seconds_to_wait(headers)
    assert seconds is None or isinstance(seconds, float)


def test_a_whole_call_waits_as_long_as_it_is_asked_to() -> None:
    handler, _ = answers(failed(429, retry_after_ms="30"), GOOD)
    begun = datetime.now(UTC)
    assert sync_call(handler, stream=False).text == "Hello!"
    assert 0.03 <= (datetime.now(UTC) - begun).total_seconds() < 2


# --- what it costs -------------------------------------------------------------------------------------------------

PROBE = f"""
import sys
sys.path.insert(0, "tests")
import httpx
from support_server import COMPLETION
from unified_llm import completion
with httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=COMPLETION))) as client:
    print(completion({MODEL!r}, "Hi", base_url={URL!r}, client=client).text, "tenacity" in sys.modules)
"""


def test_a_call_that_works_does_not_load_tenacity() -> None:
    ran = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "Hello! False\n"
