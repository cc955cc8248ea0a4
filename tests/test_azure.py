"""Azure: OpenAI's models at their addresses of today and before, and what Foundry has beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support_server import Server, http, streamed

from unified_llm import (
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    NotFoundError,
    PermissionDeniedError,
    catalog,
    completion,
    config,
)
from unified_llm.api import prepare

DEPLOYMENT, DATED, CLAUDE, GROK = (
    "azure/chat",
    "azure-deployments/chat",
    "azure-ai/claude-opus-5-5",
    "azure-ai/grok-4.7",
)
ROWS = ("azure", "azure-deployments", "azure-ai")
Start = Callable[..., Server]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """None of the variables that say where and with what key."""
    for row in ROWS:
        route = catalog.resolve(f"{row}/m")
        for entry in [*route.key_env, *route.token_env, *(name for names in route.url_vars.values() for name in names)]:
            monkeypatch.delenv(entry.partition(".")[0], raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    config._dotenv.cache_clear()
    yield
    config._dotenv.cache_clear()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers, and stops them at the end."""
    with ExitStack() as stack:
        yield lambda *answers: stack.enter_context(Server(*answers))


def sent(model: str, **options: Any) -> Any:
    return prepare(model, "Hi", False, {"api_key": "key-1", **options}).request  # type: ignore[arg-type]


# --- addresses -------------------------------------------------------------------------------------------------------

OPENAI, FOUNDRY = "https://acme.openai.azure.com", "https://acme.services.ai.azure.com"
ADDRESSES = {
    DEPLOYMENT: f"{OPENAI}/openai/v1/chat/completions",
    "azure/gpt-5.1-codex": f"{OPENAI}/openai/v1/responses",
    DATED: f"{OPENAI}/openai/deployments/chat/chat/completions?api-version=2024-10-21",
    "azure-deployments/a b": f"{OPENAI}/openai/deployments/a%20b/chat/completions?api-version=2024-10-21",
    "azure-deployments/gpt-5.1-codex": f"{OPENAI}/openai/responses?api-version=2024-10-21",
    CLAUDE: f"{FOUNDRY}/anthropic/v1/messages",
    "azure_ai/claude-my-own": f"{FOUNDRY}/anthropic/v1/messages",
    GROK: f"{FOUNDRY}/openai/v1/chat/completions",
}
PLACES = [
    {"AZURE_OPENAI_ENDPOINT": f"{OPENAI}/", "AZURE_AI_API_BASE": f"{FOUNDRY}/"},
    {"AZURE_API_BASE": "acme.openai.azure.com", "ANTHROPIC_FOUNDRY_BASE_URL": f"{FOUNDRY}/anthropic/"},
    {"AZURE_RESOURCE_NAME": "acme", "ANTHROPIC_FOUNDRY_RESOURCE": "acme"},
]


@pytest.mark.parametrize("places", PLACES, ids=["endpoint", "host", "resource"])
@pytest.mark.parametrize("model", ADDRESSES)
def test_each_kind_of_deployment_has_its_own_address(
    model: str, places: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**places, "OPENAI_API_VERSION": "2024-10-21"}.items():
        monkeypatch.setenv(name, value)
    assert sent(model).url == ADDRESSES[model]


GIVEN = [
    (DEPLOYMENT, OPENAI),
    (DEPLOYMENT, f"{OPENAI}/openai"),
    (DEPLOYMENT, f"{OPENAI}/openai/v1/"),
    (DATED, f"{OPENAI}/openai?api-version=2024-10-21"),
    (DATED, f"{OPENAI}/openai/?api-version=2024-10-21"),
    (DATED, f"{OPENAI}/openai/deployments/chat?api-version=2024-10-21"),
    (CLAUDE, FOUNDRY),
    (CLAUDE, f"{FOUNDRY}/anthropic/"),
    (CLAUDE, f"{FOUNDRY}/anthropic"),
    (GROK, f"{FOUNDRY}/"),
    (GROK, f"{FOUNDRY}/openai/v1/"),
]


@pytest.mark.parametrize(("model", "base_url"), GIVEN)
def test_an_address_of_ones_own_may_be_given_in_part_or_whole(model: str, base_url: str) -> None:
    assert sent(model, base_url=base_url).url == ADDRESSES[model]


def test_a_gateway_that_ends_in_a_version_is_left_alone() -> None:
    assert (
        sent(DEPLOYMENT, base_url="https://apim.example/llm/v1").url == "https://apim.example/llm/v1/chat/completions"
    )


def test_a_query_of_ones_own_stays_behind_the_path_of_any_provider() -> None:
    base = "http://h/v1?team=blue"
    assert sent("custom/m", base_url=base).url == "http://h/v1/chat/completions?team=blue"
    streamed = prepare("gemini-2.5-flash", "Hi", True, {"api_key": "k", "base_url": base}).request.url
    assert streamed == "http://h/v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse&team=blue"


@pytest.mark.parametrize(
    ("model", "part", "names"),
    [
        (DEPLOYMENT, "host", "AZURE_OPENAI_ENDPOINT or AZURE_API_BASE or AZURE_RESOURCE_NAME in"),
        (DATED, "host", "AZURE_OPENAI_ENDPOINT"),
        (CLAUDE, "host", "ANTHROPIC_FOUNDRY_RESOURCE in"),
    ],
)
def test_without_a_host_nothing_is_sent_and_the_ways_out_are_named(model: str, part: str, names: str) -> None:
    with pytest.raises(BadRequestError, match=f"no {part} for azure.*{names}.*base_url= such as https://") as caught:
        completion(model, "Hi", api_key="key-1")
    assert caught.value.status_code is None


def test_without_an_api_version_the_error_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", OPENAI)
    with pytest.raises(
        BadRequestError, match=r"no api_version for .*OPENAI_API_VERSION.*\?api-version=\{api_version\}"
    ):
        completion(DATED, "Hi", api_key="key-1")


# --- keys and tokens -------------------------------------------------------------------------------------------------


def auth(headers: dict[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ("authorization", "api-key", "x-api-key") if name in headers}


KEYS = {DEPLOYMENT: "api-key", DATED: "api-key", GROK: "api-key", CLAUDE: "x-api-key"}


@pytest.mark.parametrize("model", KEYS)
def test_a_key_has_the_header_of_the_wire_format_and_a_token_none_of_them(model: str, start: Start) -> None:
    server = start(http({}, status=400))
    base_url = f"{server.url}/openai?api-version=1" if model == DATED else server.url
    for given in ("key-1", lambda: "token-1"):
        with pytest.raises(BadRequestError):
            completion(model, "Hi", api_key=given, base_url=base_url)
    assert [auth(request.headers) for request in server.requests] == [
        {KEYS[model]: "key-1"},
        {"authorization": "Bearer token-1"},
    ]


@pytest.mark.parametrize("variable", ["AZURE_AI_API_KEY", "ANTHROPIC_FOUNDRY_API_KEY", "AZURE_API_KEY"])
def test_a_key_may_be_in_the_variable_of_any_of_the_vendors(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "key-of-the-environment")
    request = sent(CLAUDE, api_key=None, base_url=FOUNDRY)
    assert request.headers["x-api-key"] == "key-of-the-environment"


@pytest.mark.parametrize("model", [DEPLOYMENT, DATED])
def test_a_token_may_be_in_the_vendors_variable(model: str, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "entra-token")
    server = start(http())
    completion(model, "Hi", base_url=f"{server.url}/openai?api-version=1")
    assert auth(server.requests[0].headers) == {"authorization": "Bearer entra-token"}


def test_an_answer_comes_whole_and_streamed(start: Start) -> None:
    server = start(http(), streamed())
    base_url = f"{server.url}/openai?api-version=1"
    assert completion(DATED, "Hi", api_key=lambda: "t", base_url=base_url).text == "Hello!"
    with completion(DATED, "Hi", api_key=lambda: "t", base_url=base_url, stream=True) as stream:
        assert sum(1 for _ in stream) > 1
    assert stream.completion().text == "Hello!"
    assert [request.target for request in server.requests] == [
        "/openai/deployments/chat/chat/completions?api-version=1"
    ] * 2


# --- errors ----------------------------------------------------------------------------------------------------------

FILTERED = {
    "error": {
        "message": "The response was filtered.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"jailbreak": {"filtered": True}},
        },
    }
}
ERRORS = [
    (400, FILTERED, ContentPolicyViolationError, "The response was filtered."),
    (401, {"error": {"code": "401", "message": "Access denied."}}, AuthenticationError, "Access denied."),
    (401, {"statusCode": 401, "message": "Unauthorized. Token expired."}, AuthenticationError, "Token expired."),
    (403, {"error": {"code": "AuthenticationTypeDisabled", "message": "Keys are off."}}, PermissionDeniedError, "off"),
    (404, {"error": {"code": "DeploymentNotFound", "message": "No such one."}}, NotFoundError, "No such one."),
]


@pytest.mark.parametrize(("status", "body", "kind", "words"), ERRORS)
def test_an_error_keeps_azures_words(status: int, body: Any, kind: type[Any], words: str, start: Start) -> None:
    server = start(http(body, status=status, apim_request_id="r-1"))
    with pytest.raises(kind) as caught:
        completion(DEPLOYMENT, "Hi", api_key=lambda: "expired-token", base_url=server.url)
    error = caught.value
    assert words in error.message
    assert (error.status_code, error.body, error.request_id) == (status, body, "r-1")


# --- beside the vendors' clients -------------------------------------------------------------------------------------


def compared(theirs: Any, ours: Any) -> None:
    """The requests of two clients are for the same place, with the same key, and say the same."""
    assert theirs.target == ours.target
    assert auth(ours.headers).items() <= auth(theirs.headers).items()
    assert json.loads(theirs.body) == json.loads(ours.body)


MESSAGES = [{"role": "user", "content": "Hi"}]


def test_openais_client_for_azure_asks_at_the_same_place(start: Start) -> None:
    openai, server = pytest.importorskip("openai"), start(http())
    with openai.AzureOpenAI(azure_endpoint=server.url, api_key="key-1", api_version="2024-10-21") as client:
        client.chat.completions.create(model="chat", messages=MESSAGES)
    completion(DATED, "Hi", api_key="key-1", base_url=f"{server.url}/openai?api-version=2024-10-21")
    compared(*server.requests)


def test_openais_client_for_azure_sends_a_token_the_same_way(start: Start) -> None:
    openai, server = pytest.importorskip("openai"), start(http())
    with openai.AzureOpenAI(
        azure_endpoint=server.url, azure_ad_token_provider=lambda: "token-1", api_version="2024-10-21"
    ) as client:
        client.chat.completions.create(model="chat", messages=MESSAGES)
    completion(DATED, "Hi", api_key=lambda: "token-1", base_url=f"{server.url}/openai?api-version=2024-10-21")
    compared(*server.requests)


def test_anthropics_client_for_foundry_asks_at_the_same_place(start: Start) -> None:
    anthropic, server = pytest.importorskip("anthropic"), start(http({}, status=400))
    base_url = f"{server.url}/anthropic"
    with anthropic.AnthropicFoundry(api_key="key-1", base_url=base_url) as client, pytest.raises(anthropic.APIError):
        client.messages.create(model="claude-opus-5-5", max_tokens=9, messages=MESSAGES)
    with pytest.raises(BadRequestError):
        completion(CLAUDE, "Hi", max_tokens=9, api_key="key-1", base_url=server.url)
    compared(*server.requests)
