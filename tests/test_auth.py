"""A function in place of a key: asked before each attempt, and what it gives is a bearer token."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from support_server import MODEL, Server, http, streamed

from unified_llm import AuthenticationError, acompletion, completion, register
from unified_llm.api import prepare
from unified_llm.auth import headers_of, token_of
from unified_llm.catalog import load, resolve

Start = Callable[..., Server]
ERROR = {"error": {"message": "expired", "type": "authentication_error", "code": "401"}}


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers, and stops them at the end."""
    with ExitStack() as stack:
        yield lambda *answers: stack.enter_context(Server(*answers))


def bearers(server: Server) -> list[str]:
    return [request.headers["authorization"] for request in server.requests]


class Tokens:
    """A function that gives another token each time, as long as there are some."""

    def __init__(self, *tokens: Any) -> None:
        self.left = [*tokens]

    def __call__(self) -> Any:
        return self.left.pop(0)


async def awaited() -> str:
    await asyncio.sleep(0)
    return "token-1"


# --- asked -----------------------------------------------------------------------------------------------------------


def test_the_function_is_asked_before_each_attempt(start: Start) -> None:
    server = start(http(ERROR, status=500, retry_after_ms="1"), http())
    assert completion(MODEL, "Hi", base_url=server.url, api_key=Tokens("token-1", "token-2")).text == "Hello!"
    assert bearers(server) == ["Bearer token-1", "Bearer token-2"]


def test_a_stream_asks_it_too(start: Start) -> None:
    server = start(streamed())
    with completion(MODEL, "Hi", stream=True, base_url=server.url, api_key=Tokens("token-1")) as stream:
        assert "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in stream) == "Hello!"
    assert bearers(server) == ["Bearer token-1"]


@pytest.mark.parametrize(
    "function",
    [awaited, lambda: awaited(), lambda: "token-1", Tokens("token-1")],
    ids=["async", "gives", "plain", "object"],
)
def test_awaited_calls_take_blocking_and_awaitable_functions(start: Start, function: Any) -> None:
    server = start(http())
    answer = asyncio.run(acompletion(MODEL, "Hi", base_url=server.url, api_key=function))
    assert answer.text == "Hello!"
    assert bearers(server) == ["Bearer token-1"]


@pytest.mark.parametrize("function", [awaited, lambda: awaited()], ids=["async", "gives"])
def test_a_blocking_call_refuses_a_function_that_must_be_awaited(start: Start, function: Any) -> None:
    server = start(http())
    with pytest.raises(TypeError, match=r"awaitable.*acompletion\(\)"):
        completion(MODEL, "Hi", base_url=server.url, api_key=function)
    assert server.requests == []


def test_white_space_around_a_token_is_no_part_of_it(start: Start) -> None:
    server = start(http())
    completion(MODEL, "Hi", base_url=server.url, api_key=lambda: " token-1\n")
    assert bearers(server) == ["Bearer token-1"]


def test_a_token_is_a_bearer_token_also_where_a_key_has_a_header_of_its_own(acme: None, start: Start) -> None:
    server = start(http())
    completion("acme/m", "Hi", base_url=server.url, api_key=lambda: "token-1")
    completion("acme/m", "Hi", base_url=server.url, api_key="key-1")
    sent = [{name: request.headers.get(name) for name in ("authorization", "api-key")} for request in server.requests]
    assert sent == [{"authorization": "Bearer token-1", "api-key": None}, {"authorization": None, "api-key": "key-1"}]


def test_the_callers_own_header_stands_above_the_token(start: Start) -> None:
    server = start(http())
    extra = {"Authorization": "Basic x"}
    completion(MODEL, "Hi", base_url=server.url, api_key=lambda: "token-1", extra_headers=extra)
    assert bearers(server) == ["Basic x"]


def test_a_function_takes_the_place_of_the_variable_and_of_the_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for model in ("gpt-4.1", "bedrock/amazon.nova-pro-v1:0"):
        exchange = prepare(model, "Hi", False, {"api_key": lambda: "token-1"})
        assert (exchange.key, exchange.sign) == (None, None)
        assert "authorization" not in exchange.request.headers


# --- what it must not give -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "is NoneType, not a string"),
        ("", "is empty"),
        ("  ", "is empty"),
        (7, "is int, not a string"),
        (b"token", "is bytes, not a string"),
        ("two\nlines", "has a character that no header can carry"),
    ],
)
def test_what_is_no_token_is_an_authentication_error_that_says_so(start: Start, given: Any, said: str) -> None:
    server = start(http())
    with pytest.raises(AuthenticationError) as caught:
        completion(MODEL, "Hi", base_url=server.url, api_key=lambda: given)
    assert f"the token that the function of api_key= gave {said}" in caught.value.message
    assert (caught.value.provider, caught.value.status_code) == ("custom", None)
    assert server.requests == []


@pytest.mark.parametrize("given", [7, b"key"])
def test_a_key_that_is_no_string_is_refused(given: Any) -> None:
    with pytest.raises(AuthenticationError, match=f"api_key is {type(given).__name__}, not a string"):
        completion("gpt-4.1", "Hi", api_key=given)


class CredentialUnavailableError(Exception):
    """What azure-identity raises, for instance."""


@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_the_function_raises_reaches_the_caller_as_it_is(asynchronous: bool) -> None:
    def failing() -> str:
        raise CredentialUnavailableError("log in first")

    def blocking() -> Any:
        return completion("gpt-4.1", "Hi", api_key=failing)

    def awaiting() -> Any:
        return asyncio.run(acompletion("gpt-4.1", "Hi", api_key=failing))

    with pytest.raises(CredentialUnavailableError, match="log in first"):
        (awaiting if asynchronous else blocking)()


def test_the_token_of_the_attempt_that_failed_is_not_in_its_error(start: Start) -> None:
    said = {"error": {"message": "token-number-2 is not known", "code": "401"}}
    server = start(http({}, status=500, retry_after_ms="1"), http(said, status=401))
    tokens = Tokens("token-number-1", "token-number-2")
    with pytest.raises(AuthenticationError) as caught:
        completion(MODEL, "Hi", base_url=server.url, api_key=tokens)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert "[key] is not known" in caught.value.message
    assert "token-number-2" not in shown


# --- tokens of variables ---------------------------------------------------------------------------------------------


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A provider with a variable for a key and one for a token."""
    for name in ("ACME_KEY", "ACME_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    row: Any = {"url": "http://a", "key_env": ["ACME_KEY"], "token_env": ["ACME_TOKEN"], "auth": "api-key"}
    register({"providers": {"acme": row}})
    yield
    load().get("providers", {}).pop("acme")
    register({})


def test_a_token_of_a_variable_is_a_bearer_token(acme: None, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "token-of-the-environment")
    server = start(http(), http(ERROR, status=401))
    assert completion("acme/m", "Hi", base_url=server.url).text == "Hello!"
    assert bearers(server) == ["Bearer token-of-the-environment"]
    assert "api-key" not in server.requests[0].headers
    with pytest.raises(AuthenticationError):
        completion("acme/m", "Hi", base_url=server.url)


def test_a_key_stands_above_the_token_of_a_variable(acme: None, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "token-of-the-environment")
    server = start(http())
    monkeypatch.setenv("ACME_KEY", "key-1")
    completion("acme/m", "Hi", base_url=server.url)
    completion("acme/m", "Hi", base_url=server.url, api_key="key-2")
    assert [request.headers["api-key"] for request in server.requests] == ["key-1", "key-2"]
    assert all("authorization" not in request.headers for request in server.requests)


def test_without_either_both_variables_are_named(acme: None) -> None:
    with pytest.raises(AuthenticationError, match="set ACME_KEY or ACME_TOKEN in the environment"):
        completion("acme/m", "Hi")


# --- who gives it ----------------------------------------------------------------------------------------------------


def test_only_a_function_and_googles_clouds_have_tokens() -> None:
    assert token_of(resolve("gpt-4.1"), None) is None
    assert token_of(resolve("gpt-4.1"), "sk-1") is None
    assert token_of(resolve("gpt-4.1"), lambda: "t") is not None
    assert token_of(resolve("vertex/gemini-2.5-pro"), None) is not None


@pytest.mark.parametrize(
    ("auth", "name"),
    [
        ("bearer", "authorization"),
        ("x-api-key", "x-api-key"),
        ("sigv4:s", "authorization"),
        ("oauth:google", "authorization"),
    ],
)
def test_a_key_travels_as_the_row_says(auth: str, name: str) -> None:
    route = replace(resolve("gpt-4.1"), auth=auth)
    assert headers_of(route, "k") == {name: "Bearer k" if name == "authorization" else "k"}
    assert headers_of(route, None) == {}
