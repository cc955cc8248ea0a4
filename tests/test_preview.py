"""A request that is looked at: it is the one that would be sent, and nothing secret stands in it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import FrozenDict, frozen
from support_server import Server

from unified_llm import BadRequestError, RenderedRequest, completion, render_request
from unified_llm.testing import LoopbackProvider

SECRET = "sk-canary-0123456789"
PLACES = {
    "AWS_REGION": "us-east-1",
    "GOOGLE_CLOUD_LOCATION": "us-east5",
    "GOOGLE_CLOUD_PROJECT": "p",
    "AZURE_RESOURCE_NAME": "r",
}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in [*os.environ]:
        if name.endswith(("_KEY", "_TOKEN", "_KEY_ID", "_BASE_URL")):
            monkeypatch.delenv(name)
    for name, value in PLACES.items():
        monkeypatch.setenv(name, value)


# --- it is what would be sent --------------------------------------------------------------------------------------

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("claude-sonnet-4-5", {"max_tokens": 5}),
    "streamed": ("gpt-4.1", {"stream": True}),
    "with tools": ("gpt-4.1", {"tools": TOOLS, "tool_choice": "required"}),
    "of Gemini": ("gemini-2.5-pro", {"temperature": 0.5}),
    "with more in the body": ("command-a-03-2025", {"extra_body": {"x": 1}, "extra_headers": {"X-More": "y"}}),
}


@pytest.mark.parametrize("name", CALLS)
def test_it_is_to_the_byte_what_the_call_sends(name: str) -> None:
    model, options = CALLS[name]
    with LoopbackProvider() as provider:
        shown = render_request(model, "Hi", base_url=provider.url, **options)
        assert provider.requests == []
        made = completion(model, "Hi", base_url=provider.url, api_key=SECRET, **options)
        if options.get("stream"):
            list(made)
        (sent,) = provider.requests
    assert shown.url == provider.url + sent.path
    assert shown.content == sent.body
    assert shown.body == sent.json
    assert {k: v.replace("[key]", SECRET) for k, v in shown.headers.items()}.items() <= dict(sent.headers).items()


def test_it_says_who_is_asked_and_what_was_left_out() -> None:
    shown = render_request("command-a-03-2025", "Hi", user="u")
    assert (shown.method, shown.adapter, shown.model) == ("POST", "cohere_chat", "command-a-03-2025")
    assert "user" in shown.warnings[0]
    with pytest.raises(BadRequestError, match="user"):
        render_request("command-a-03-2025", "Hi", user="u", strict=True)


def test_an_answer_that_takes_several_calls_is_shown_once_and_says_so() -> None:
    shown = render_request("claude-sonnet-4-5", "Hi", n=3)
    assert shown.warnings == ("n is 3: the request is sent that often",)
    assert "n" not in shown.body


def test_media_that_would_be_fetched_are_refused_since_nothing_is_sent() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}}
    with pytest.raises(BadRequestError, match=r"pictures\.example/a\.png"):
        render_request("bedrock/us.amazon.nova-pro-v1:0", [{"role": "user", "content": [picture]}])
    assert render_request("gpt-4.1", [{"role": "user", "content": [picture]}]).body["messages"][0]["content"]


def test_a_misspelled_parameter_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="temperature"):
        render_request("gpt-4.1", "Hi", temprature=1)  # type: ignore[call-arg]


def test_nothing_of_the_callers_is_changed_or_shared() -> None:
    messages: Any = frozen([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}])
    shown = render_request("gpt-4.1", messages, tools=frozen(TOOLS))
    shown.body["messages"][0]["content"] = "changed"
    assert messages[0]["content"][0]["text"] == "Hi"
    assert not isinstance(shown.body["tools"][0], FrozenDict)


def test_it_cannot_be_changed() -> None:
    shown = render_request("gpt-4.1", "Hi")
    with pytest.raises(dataclasses.FrozenInstanceError):
        shown.url = "https://else.example"  # type: ignore[misc]
    with pytest.raises(TypeError):
        shown.headers["authorization"] = "x"  # type: ignore[index]


# --- nothing secret ------------------------------------------------------------------------------------------------

KEYED = {
    "a bare key": ("claude-sonnet-4-5", {}, {"x-api-key": "[key]"}, "ANTHROPIC_API_KEY"),
    "a bearer token": ("gpt-4.1", {}, {"authorization": "Bearer [key]"}, "OPENAI_API_KEY"),
    "a token of a function": (
        "azure/gpt-4.1",
        {"api_key": lambda: SECRET},
        {"authorization": "Bearer [key]"},
        "AZURE_OPENAI_API_KEY",
    ),
    "a token of Google's": ("vertex/gemini-2.5-pro", {}, {"authorization": "Bearer [key]"}, "API_KEY"),
    "a key in place of a signature": (
        "bedrock/anthropic.claude-sonnet-4-6",
        {"api_key": SECRET},
        {"authorization": "Bearer [key]"},
        "AWS_BEARER_TOKEN_BEDROCK",
    ),
    "a signature": ("bedrock/anthropic.claude-sonnet-4-6", {}, {"authorization": "AWS4-HMAC-SHA256 [hidden]"}, None),
    "no key at all": ("ollama/llama3", {}, {}, None),
    "a key for a server that needs none": (
        "ollama/llama3",
        {"api_key": SECRET},
        {"authorization": "Bearer [key]"},
        None,
    ),
}
OF_KEYS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


@pytest.mark.parametrize("name", KEYED)
def test_no_key_is_needed_and_its_place_is_shown(name: str) -> None:
    model, options, headers, variable = KEYED[name]
    shown = render_request(model, "Hi", **options)
    assert {key: value for key, value in shown.headers.items() if key in OF_KEYS} == headers
    assert variable is None or shown.key_variable == variable


def test_the_variable_of_the_key_is_the_one_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert render_request("gemini-2.5-pro", "Hi").key_variable == "GEMINI_API_KEY"
    monkeypatch.setenv("GOOGLE_API_KEY", SECRET)
    assert render_request("gemini-2.5-pro", "Hi").key_variable == "GOOGLE_API_KEY"


def test_a_token_that_is_set_stands_in_its_own_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", SECRET)
    shown = render_request("claude-sonnet-4-5", "Hi")
    assert (shown.headers["authorization"], shown.key_variable) == ("Bearer [key]", "ANTHROPIC_AUTH_TOKEN")
    assert "x-api-key" not in shown.headers
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    assert "authorization" not in render_request("claude-sonnet-4-5", "Hi").headers


def everything(shown: RenderedRequest) -> str:
    return f"{shown!r} {shown.curl()} {dataclasses.asdict(dataclasses.replace(shown, headers=dict(shown.headers)))}"


@pytest.mark.parametrize("given", [True, False], ids=["as an argument", "in the environment"])
@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gpt-4.1", "gemini-2.5-pro", "bedrock/amazon.nova-pro-v1:0"])
def test_the_key_is_nowhere(model: str, given: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC", "OPENAI", "GEMINI"):
        monkeypatch.setenv(f"{name}_API_KEY", SECRET)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    shown = render_request(model, "Hi", api_key=SECRET if given else None)
    assert SECRET not in everything(shown)


HIDDEN = {
    "a header of its own": {"extra_headers": {"X-Gateway-Token": SECRET}},
    "the header of the key": {"extra_headers": {"Authorization": f"Bearer {SECRET}"}},
    "a cookie": {"extra_headers": {"Cookie": f"session={SECRET}"}},
    "a part of the address": {"base_url": f"https://u:{SECRET}@gateway.example/v1"},
    "a part of the query": {"base_url": f"https://gateway.example/v1?api-version=2&api_key={SECRET}"},
}


@pytest.mark.parametrize("name", HIDDEN)
def test_no_other_secret_is_shown(name: str) -> None:
    shown = render_request("gpt-4.1", "Hi", **HIDDEN[name])  # type: ignore[arg-type]
    assert SECRET not in everything(shown)
    assert "[hidden]" in everything(shown)


def test_an_address_without_a_secret_is_shown_as_it_is() -> None:
    address = "https://gateway.example/v1/chat/completions?api-version=2026-01-01&x=%20"
    shown = render_request("gpt-4.1", "Hi", base_url="https://gateway.example/v1?api-version=2026-01-01&x=%20")
    assert shown.url == address
    assert render_request("gpt-4.1", "Hi", extra_headers={"Idempotency-Key": "7"}).headers["idempotency-key"] == "7"


# --- as a command --------------------------------------------------------------------------------------------------

SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
TEXT = 'It\'s "quoted" `$HOME` $(date) \\n and ünïcödé \N{ROCKET}\nJSON\nEOF'


@needs_curl
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gpt-4.1"])
def test_the_command_sends_the_request(model: str, shell: str) -> None:
    reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    with Server(reply) as server:
        shown = render_request(model, TEXT, base_url=server.url, extra_headers={"X-Odd": "it's $HOME"})
        environment = {"PATH": os.environ["PATH"], shown.key_variable or "": SECRET}
        done = subprocess.run([shell, "-c", shown.curl()], env=environment, capture_output=True, timeout=30, check=True)
        (sent,) = server.requests
    assert done.stdout == b"{}"
    assert server.url + sent.target == shown.url
    assert json.loads(sent.body) == shown.body
    expected = {name: value.replace("[key]", SECRET) for name, value in shown.headers.items()}
    assert expected.items() <= sent.headers.items()


@needs_curl
def test_the_command_of_a_signed_request_has_curl_sign_it() -> None:
    reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    with Server(reply) as server:
        shown = render_request("bedrock/amazon.nova-pro-v1:0", "Hi", base_url=server.url)
        assert shown.signed_for == "us-east-1:bedrock"
        keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": SECRET, "PATH": os.environ["PATH"]}
        subprocess.run(["sh", "-c", shown.curl()], env=keys, capture_output=True, timeout=30, check=True)
        (sent,) = server.requests
    scope = sent.headers["authorization"].partition("Credential=")[2].split("/")
    assert (scope[0], scope[2], scope[3]) == ("AKID", "us-east-1", "bedrock")
    assert "x-amz-security-token" not in sent.headers
    assert json.loads(sent.body) == shown.body
