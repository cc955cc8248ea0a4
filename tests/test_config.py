"""Where keys, addresses and headers come from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unified_llm import AuthenticationError, BadRequestError, catalog, config, register
from unified_llm.api import prepare
from unified_llm.flow import Exchange, HTTPRequest


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No key in the environment, no `.env` above the working directory, and a catalog of the test's own."""
    for row in catalog.load().get("providers", {}).values():
        for name in [*row.get("key_env", []), *row.get("token_env", []), *row.get("url_env", [])]:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    forget()
    yield
    forget()


def forget() -> None:
    for cached in (config._dotenv, catalog.load, catalog._resolved, catalog._families, catalog._provider_names):
        cached.cache_clear()


def headers(model: str, **options: Any) -> dict[str, str]:
    return prepare(model, "Hi", False, options).request.headers  # type: ignore[arg-type]


def attempt(exchange: Exchange) -> HTTPRequest:
    """The request of an attempt that has to wait for nothing."""
    try:
        next(exchange.authorized())
    except StopIteration as end:
        return end.value
    raise AssertionError("a token had to be obtained")


def key(model: str = "gpt-4.1", **options: Any) -> str | None:
    return prepare(model, "Hi", False, options).key  # type: ignore[arg-type]


def write_env(text: str, where: Path | None = None) -> None:
    (where or Path.cwd()).joinpath(".env").write_text(text)


# --- keys ----------------------------------------------------------------------------------------------------------


def test_the_argument_stands_above_the_environment_and_that_above_dotenv(monkeypatch: pytest.MonkeyPatch) -> None:
    write_env("OPENAI_API_KEY=from-file\n")
    assert key() == "from-file"
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    assert key() == "from-environment"
    assert key(api_key="from-argument") == "from-argument"


def test_dotenv_is_found_above_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_env("OPENAI_API_KEY=from-above\n", tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert key() == "from-above"


def test_the_environment_is_never_changed() -> None:
    write_env("OPENAI_API_KEY=from-file\nANOTHER=1\n")
    before = dict(os.environ)
    assert key() == "from-file"
    assert dict(os.environ) == before


def test_dotenv_is_not_read_where_the_environment_has_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    key()
    assert config._dotenv.cache_info().currsize == 0


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_variable_is_as_good_as_none(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_env("OPENAI_API_KEY=from-file\n")
    monkeypatch.setenv("OPENAI_API_KEY", empty)
    assert key() == "from-file"


def test_white_space_around_a_key_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " sk-1\n")
    assert headers("gpt-4.1")["authorization"] == "Bearer sk-1"


def test_the_first_of_several_variables_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = catalog.resolve("deepinfra/m").key_env
    monkeypatch.setenv(second, "second")
    assert key("deepinfra/m") == "second"
    monkeypatch.setenv(first, "first")
    assert key("deepinfra/m") == "first"


@pytest.mark.parametrize("model", ["gpt-4.1", "claude-2.1", "deepinfra/m"])
def test_a_missing_key_names_every_variable_that_would_hold_it(model: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        key(model)
    assert all(name in str(caught.value) for name in catalog.resolve(model).key_env)
    assert caught.value.status_code is None
    assert caught.value.provider == catalog.resolve(model).provider


def keyless() -> list[str]:
    """The servers that need no key, nor anything in its place."""
    rows = catalog.load().get("providers", {}).items()
    return [id for id, row in rows if row.get("keyless") and row.get("url") and ":" not in row.get("auth", "")]


@pytest.mark.parametrize("provider", keyless())
def test_a_server_that_needs_no_key_gets_none(provider: str) -> None:
    assert "authorization" not in headers(f"{provider}/m")


def test_a_server_that_needs_no_key_gets_one_that_is_given() -> None:
    sent = headers("custom/m", base_url="http://localhost:1", api_key="sk-1")
    assert sent["authorization"] == "Bearer sk-1"


# --- addresses -----------------------------------------------------------------------------------------------------


def url(model: str, **options: Any) -> str:
    return prepare(model, "Hi", False, {"api_key": "sk-1", **options}).request.url  # type: ignore[typeddict-item]


def test_a_variable_moves_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert url("claude-2.1") == "https://api.anthropic.com/v1/complete"
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://gateway.example/claude/")
    assert url("claude-2.1") == "http://gateway.example/claude/v1/complete"


def test_the_argument_stands_above_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://gateway.example")
    assert url("claude-2.1", base_url="http://localhost:1") == "http://localhost:1/v1/complete"


def test_dotenv_that_holds_the_key_moves_the_address_too() -> None:
    write_env("ANTHROPIC_API_KEY=sk-1\nANTHROPIC_BASE_URL=http://gateway.example\n")
    request = prepare("claude-2.1", "Hi", False, {}).request
    assert (request.headers["x-api-key"], request.url) == ("sk-1", "http://gateway.example/v1/complete")


@pytest.mark.parametrize("base_url", ["http://a", "http://a/", "http://a/v1", "http://a/v1/"])
def test_the_version_stands_in_the_address_once(base_url: str) -> None:
    assert url("claude-2.1", base_url=base_url) == "http://a/v1/complete"


def test_a_provider_without_an_address_asks_for_one() -> None:
    with pytest.raises(BadRequestError, match="base_url"):
        url("custom/m")


# --- headers -------------------------------------------------------------------------------------------------------


def test_a_key_travels_as_the_provider_wants_it() -> None:
    register({"providers": {"acme": {"url": "http://a", "key_env": ["ACME_KEY"], "auth": "api-key"}}})
    assert headers("gpt-4.1", api_key="sk-1")["authorization"] == "Bearer sk-1"
    assert headers("claude-2.1", api_key="sk-1")["x-api-key"] == "sk-1"
    assert "authorization" not in headers("claude-2.1", api_key="sk-1")
    assert headers("acme/m", api_key="sk-1")["api-key"] == "sk-1"


OVERRIDDEN = [
    ("claude-2.1", "Anthropic-Version", "2099-01-01"),
    ("claude-sonnet-4-5", "anthropic-version", "2099-01-01"),
    ("gpt-4.1", "Authorization", "Basic x"),
    ("claude-2.1", "X-API-Key", "other"),
    ("gpt-4.1", "User-Agent", "mine/1"),
    ("gpt-4.1", "Content-Type", "application/vnd.acme+json"),
    ("gpt-4.1", "ACCEPT-ENCODING", "gzip"),
]


@pytest.mark.parametrize(("model", "name", "value"), OVERRIDDEN)
def test_extra_headers_override_every_default_however_they_are_spelled(model: str, name: str, value: str) -> None:
    sent = headers(model, api_key="sk-1", extra_headers={name: value})
    assert [given for header, given in sent.items() if header.lower() == name.lower()] == [value]


def test_headers_of_a_row_are_sent_and_can_be_overridden() -> None:
    register({"providers": {"acme": {"url": "http://a", "keyless": True, "headers": {"X-Team": "blue"}}}})
    for extra, expected in (({}, "blue"), ({"x-team": "red"}, "red")):
        sent = headers("acme/m", extra_headers=extra)
        assert [value for name, value in sent.items() if name.lower() == "x-team"] == [expected]


def test_the_callers_headers_are_not_changed() -> None:
    extra = {"X-Team": "blue"}
    headers("gpt-4.1", api_key="sk-1", extra_headers=extra)
    assert extra == {"X-Team": "blue"}


# --- parts of addresses, and signatures ------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["acme.openai.azure.com", "https://acme.openai.azure.com/"])
def test_a_part_of_an_address_is_filled_from_its_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", value)
    assert url("azure/gpt-4.1") == "https://acme.openai.azure.com/openai/v1/chat/completions"


def test_a_part_of_an_address_that_is_said_nowhere_is_asked_for_by_its_variable() -> None:
    with pytest.raises(BadRequestError, match="CLOUDFLARE_ACCOUNT_ID"):
        url("cloudflare/m")


def test_an_address_of_the_environment_needs_no_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:11434")
    assert url("ollama/llama3.2") == "http://127.0.0.1:11434/api/chat"


def test_a_call_without_a_key_is_signed_anew_for_each_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-session-token")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    exchange = prepare("bedrock/anthropic.claude-v2:1", "Hi", False, {})
    assert exchange.request.url == "https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.claude-v2:1/invoke"
    assert "authorization" not in exchange.request.headers
    headers = attempt(exchange).headers
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert headers["x-amz-security-token"] == "a-session-token"
    assert exchange.key == "a-session-token"


def test_a_key_takes_the_place_of_the_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    exchange = prepare("bedrock/amazon.nova-pro-v1:0", "Hi", False, {"api_key": "bedrock-api-key-1"})
    assert exchange.sign is None
    assert attempt(exchange).headers["authorization"] == "Bearer bedrock-api-key-1"


def test_a_call_that_nothing_can_sign_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(BadRequestError, match="AWS_REGION"):
        prepare("bedrock/amazon.nova-pro-v1:0", "Hi", False, {})
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with pytest.raises(AuthenticationError, match="AWS_ACCESS_KEY_ID"):
        prepare("bedrock/amazon.nova-pro-v1:0", "Hi", False, {})
