"""What is given wrongly gets an error that names it, and the way out."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import httpx
import pytest
from test_errors import answer, raised
from test_flow import Reply, play
from test_other_framing import BODIES, made

from unified_llm import APIError, APIStatusError, BadRequestError, IncompleteStreamError, NotFoundError, resolve
from unified_llm.api import prepare
from unified_llm.errors import APIResponseValidationError

# --- names of models and providers ----------------------------------------------------------------------------------

NAMES = {
    "nosuch/model": ["'nosuch/model'", "models` lists them", "base_url="],
    "opneai/gpt-4.1": ["'openai/gpt-4.1'"],
    "opneai/my-own-model": ["'openai/my-own-model'"],
    "cluade-sonnet-4-5": ["'claude-sonnet-4-5'"],
    "openai": ["'openai' is a provider", "'openai/...'"],
    "Groq": ["'Groq' is a provider", "'groq/...'"],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_not_known_is_answered_with_what_may_be_meant(name: str) -> None:
    with pytest.raises((NotFoundError, BadRequestError)) as caught:
        resolve(name)
    assert caught.value.status_code is None
    assert all(words in caught.value.message for words in NAMES[name])
    hints = caught.value.message.partition("Did you mean ")[2].partition("?")[0].split(", ")
    assert len(set(hints)) == len(hints) <= 6


def test_a_model_that_another_provider_serves_is_named_where_the_asked_one_does_not_know_it() -> None:
    error = raised("openai/claude-sonnet-4-5", answer(404, {"error": {"message": "The model does not exist"}}))
    assert isinstance(error, NotFoundError)
    assert "anthropic/claude-sonnet-4-5" in error.message


# --- addresses ------------------------------------------------------------------------------------------------------

PLACES = {
    "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0": ["no region for bedrock", "AWS_REGION"],
    "bedrock-mantle/anthropic.claude-opus-4-7": ["no region for bedrock-mantle", "AWS_REGION"],
    "vertex/gemini-2.5-pro": ["no location for vertex", "GOOGLE_CLOUD_LOCATION", "base_url="],
    "azure/gpt-4.1": ["no host for azure", "AZURE_OPENAI_ENDPOINT", "base_url="],
    "databricks/m": ["no host for databricks", "DATABRICKS_HOST", "base_url="],
    "cloudflare/m": ["no account_id for cloudflare", "CLOUDFLARE_ACCOUNT_ID", "base_url="],
    "custom/m": ["custom has no address of its own", "base_url="],
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", PLACES)
def test_an_address_that_lacks_a_part_names_the_variable_that_has_it(
    model: str, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in os.environ:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "VERTEX", "CLOUD", "DATABRICKS_")):
            monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    with pytest.raises(BadRequestError) as caught:
        prepare(model, "Hi", stream, {} if model.startswith("vertex") else {"api_key": "k"})
    assert caught.value.status_code is None
    assert all(words in caught.value.message for words in PLACES[model])


OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"adapter": "opnai_chat"}, r"adapter 'opnai_chat' does not exist; there are .*openai_chat"),
    ({"base_url": "llm.example/v1"}, r"base_url is 'llm\.example/v1'; it must be .* http"),
    ({"base_url": "http://"}, r"base_url is 'http://'"),
]


@pytest.mark.parametrize(("options", "words"), OPTIONS, ids=str)
def test_an_address_or_a_format_that_is_none_is_refused(options: Any, words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        prepare("gpt-4.1", "Hi", False, {"api_key": "k", **options})


# --- messages in the form of another API ----------------------------------------------------------------------------

CONVERSATIONS: dict[str, tuple[Any, str]] = {
    "Gemini's": ([{"role": "user", "parts": [{"text": "Hi"}]}], r"content of messages\[0\] is NoneType"),
    "Gemini's answer": ([{"role": "model", "parts": [{"text": "Hi"}]}], r"messages\[0\] has the role 'model'"),
    "Converse's": ([{"role": "user", "content": [{"text": "Hi"}]}], r"messages\[0\]\.content\[0\] has no type"),
    "a body": ({"messages": [{"role": "user", "content": "Hi"}]}, "messages is dict; give a list"),
    "an item": ([{"type": "function_call_output", "call_id": "a", "output": "x"}], r"messages\[0\] has the role None"),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_messages_in_the_form_of_another_api_are_refused_with_their_index(name: str) -> None:
    messages, words = CONVERSATIONS[name]
    with pytest.raises(BadRequestError, match=words):
        prepare("gpt-4.1", messages, False, {"api_key": "k"})


# --- answers in another format --------------------------------------------------------------------------------------

SAME = [{"anthropic_messages", "bedrock_invoke"}]
PAIRS = [
    (name, other)
    for name in BODIES
    for other in BODIES
    if BODIES[name][0] != BODIES[other][0] and {BODIES[name][0], BODIES[other][0]} not in SAME
]


@pytest.mark.parametrize(("name", "other"), PAIRS)
def test_an_answer_in_another_format_raises_and_is_shown(name: str, other: str) -> None:
    _, whole, stream = BODIES[other]
    for body in (json.dumps(whole).encode(), stream):
        for streamed, reply in ((False, Reply(whole=body)), (True, Reply(200, body))):
            error, _ = play(made(name, stream=streamed), reply)
            if (name, other) == ("Cohere", "Ollama") and not isinstance(error, APIError):
                continue  # their whole answers are alike
            assert isinstance(error, APIResponseValidationError | IncompleteStreamError)
            assert re.search(r": ['\"]..", error.message), error.message


LED_ON = httpx.Response(307, headers={"location": "https://llm.example/v2"}, content=b"<html>moved</html>")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_address_that_leads_on_elsewhere_is_an_error_that_says_where(stream: bool) -> None:
    asked: list[str] = []
    error = raised("gpt-4.1", lambda request: asked.append(str(request.url)) or LED_ON, stream=stream, max_retries=2)
    assert isinstance(error, APIStatusError)
    assert (error.status_code, len(asked)) == (307, 1)
    assert "'https://llm.example/v2'; give base_url=" in error.message
