"""Google Vertex AI: Gemini, Claude and everybody's models at their addresses, and what is different there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import body_of, call, decode, named_sse, parse, render
from support_google import PROJECT, service_account
from support_server import Server, http

from unified_llm import (
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    catalog,
    completion,
    config,
    google_auth,
)
from unified_llm.adapters import load
from unified_llm.adapters.contract import MediaNeeded
from unified_llm.api import prepare

CLAUDE, GEMINI, OPEN = "vertex/claude-sonnet-4-6", "vertex/gemini-3.8-flash", "vertex/zai-org/glm-5.2-maas"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """None of the variables that say where, but a project and a location."""
    for names in (*catalog.resolve(GEMINI).url_vars.values(), ["GOOGLE_APPLICATION_CREDENTIALS"]):
        for name in names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us-east5")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    config._dotenv.cache_clear()
    yield
    config._dotenv.cache_clear()


def url(model: str, *, stream: bool = False, **options: Any) -> str:
    return prepare(model, "Hi", stream, options).request.url  # type: ignore[arg-type]


# --- addresses -------------------------------------------------------------------------------------------------------

REGION = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5"
PATHS = {
    GEMINI: ("publishers/google/models/gemini-3.8-flash", ":generateContent", ":streamGenerateContent?alt=sse"),
    CLAUDE: ("publishers/anthropic/models/claude-sonnet-4-6", ":rawPredict", ":streamRawPredict"),
    "vertex_ai/claude-sonnet-4-5@20250929": (
        "publishers/anthropic/models/claude-sonnet-4-5@20250929",
        ":rawPredict",
        ":streamRawPredict",
    ),
    OPEN: ("endpoints/openapi", "/chat/completions", "/chat/completions"),
    "vertex/endpoints/4711": ("endpoints/4711", ":generateContent", ":streamGenerateContent?alt=sse"),
    "vertex/publishers/google/models/m": (
        "publishers/google/models/m",
        ":generateContent",
        ":streamGenerateContent?alt=sse",
    ),
}


@pytest.mark.parametrize("model", PATHS)
def test_each_kind_of_model_has_its_own_address(model: str) -> None:
    path, whole, streamed = PATHS[model]
    assert url(model) == f"{REGION}/{path}{whole}"
    assert url(model, stream=True) == f"{REGION}/{path}{streamed}"


HOSTS = {
    "europe-west4": "europe-west4-aiplatform.googleapis.com",
    "global": "aiplatform.googleapis.com",
    "us": "aiplatform.us.rep.googleapis.com",
    "eu": "aiplatform.eu.rep.googleapis.com",
}


@pytest.mark.parametrize("location", HOSTS)
@pytest.mark.parametrize("model", [GEMINI, CLAUDE, OPEN])
def test_the_host_is_that_of_the_location(model: str, location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", location)
    assert url(model).startswith(f"https://{HOSTS[location]}/v1/projects/p/locations/{location}/")


def test_other_tools_variables_say_where_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("ANTHROPIC_VERTEX_PROJECT_ID", "q")
    monkeypatch.setenv("CLOUD_ML_REGION", "global")
    assert url(CLAUDE).startswith("https://aiplatform.googleapis.com/v1/projects/q/locations/global/")


BASES = {
    "http://h/v1/projects/x/locations/y": "http://h/v1/projects/x/locations/y/endpoints/openapi/chat/completions",
    "http://h/v1/projects/x/locations/y/endpoints/openapi/": "http://h/v1/projects/x/locations/y/endpoints/openapi/chat/completions",
}


@pytest.mark.parametrize("base", BASES)
def test_an_address_of_ones_own_needs_no_variables(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"):
        monkeypatch.delenv(name)
    assert url(OPEN, base_url=base) == BASES[base]


def test_the_project_is_else_that_of_the_service_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    path = service_account(tmp_path / "robot.json", "http://unused")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    assert f"/projects/{PROJECT}/locations/us-east5/" in url(GEMINI)


@pytest.mark.parametrize("content", [None, "", "[]", "{}"])
def test_a_file_without_a_project_names_none(
    content: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    path = tmp_path / "robot.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(BadRequestError, match="no project for vertex: set GOOGLE_CLOUD_PROJECT or "):
        url(GEMINI)


@pytest.mark.parametrize("part", ["PROJECT", "LOCATION"])
def test_without_a_project_or_a_location_nothing_is_sent_and_the_ways_out_are_named(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"GOOGLE_CLOUD_{part}")
    with pytest.raises(BadRequestError) as caught:
        completion(CLAUDE, "Hi")
    told = caught.value.message
    assert told.startswith(f"no {part.lower()} for vertex: set GOOGLE_CLOUD_{part} or ")
    assert "base_url= such as https://{location}-aiplatform.googleapis.com/v1/projects/{project}/" in told
    assert caught.value.status_code is None


def test_express_mode_has_a_key_and_no_project(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GOOGLE_VERTEX_API_KEY", "key-1")
    request = prepare("vertex-express/gemini-2.5-flash", "Hi", False, {}).request
    path = "publishers/google/models/gemini-2.5-flash:generateContent"
    assert request.url == f"https://aiplatform.googleapis.com/v1/{path}"
    assert request.headers["x-goog-api-key"] == "key-1"
    assert "key-1" not in request.url


def test_anthropics_own_service_there_takes_messages_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_GOOGLE_CLOUD_LOCATION", "global")
    monkeypatch.setenv("ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID", "w")
    exchange = prepare("claude-on-google-cloud/claude-opus-5-5", "Hi", False, {})
    base = "https://claude.googleapis.com/v1/projects/p/locations/global/workspaces/w/invoke"
    assert exchange.request.url == f"{base}/v1/messages"
    assert exchange.request.payload["model"] == "claude-opus-5-5"
    assert exchange.request.headers["anthropic-version"] == "2023-06-01"
    assert exchange.token is google_auth.token()


# --- Claude ----------------------------------------------------------------------------------------------------------


def test_claudes_body_has_the_version_and_not_the_model() -> None:
    request = render(call(CLAUDE, max_tokens=256))
    assert request.body == {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 256,
        "messages": [{"role": "user", "content": "Hi"}],
    }
    assert "anthropic-version" not in request.headers
    assert render(call(CLAUDE, stream=True)).body["stream"] is True


def test_the_version_is_the_callers_to_change() -> None:
    exchange = prepare(CLAUDE, "Hi", False, {"extra_body": {"anthropic_version": "2026-10-21"}})
    assert exchange.request.payload["anthropic_version"] == "2026-10-21"


@pytest.mark.parametrize("name", ["claude/x", "claude?x", "claude;x", "claude#x", "claude x"])
def test_a_name_that_would_change_the_address_is_refused(name: str) -> None:
    with pytest.raises(BadRequestError, match="is no name of a model"):
        render(call(f"vertex/{name}"))


def test_a_tier_is_left_out_there() -> None:
    made = call(CLAUDE, service_tier="auto")
    assert "service_tier" not in render(made).body
    assert made.warnings == ["service_tier was left out: Vertex AI has no such field for Claude"]


IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://h.example/cat.png"}}]}]
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8


def test_images_are_fetched_for_claude_there() -> None:
    made = call(CLAUDE, IMAGE)
    with pytest.raises(MediaNeeded) as needed:
        render(made)
    made.media = {needed.value.url: ("image/png", PNG)}
    source = render(made).body["messages"][0]["content"][0]["source"]
    assert (source["type"], source["media_type"]) == ("base64", "image/png")
    assert body_of("claude-sonnet-4-6", IMAGE)["messages"][0]["content"][0]["source"]["type"] == "url"


ANSWER = {
    "id": "msg_vrtx_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 8, "output_tokens": 5},
}
EVENTS = [
    {"type": "message_start", "message": {**ANSWER, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
]


def test_claudes_answers_are_read_as_ever() -> None:
    whole = parse(call(CLAUDE), ANSWER)
    assert (whole["id"], whole["choices"][0]["message"]["content"]) == ("msg_vrtx_01", "Hello")
    chunks = decode(call(CLAUDE, stream=True), named_sse(*EVENTS))
    assert "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in chunks) == "Hello"
    assert whole["usage"]["total_tokens"] == 13


# --- errors ----------------------------------------------------------------------------------------------------------


def google(code: int, status: str, message: str = "m", *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": [*details]}}


DENIED = google(403, "PERMISSION_DENIED", "denied", {"reason": "IAM_PERMISSION_DENIED"})
ANTHROPICS = {"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: Field required"}}


@pytest.mark.parametrize(
    ("status", "body", "explained"),
    [
        (400, ANTHROPICS, ("invalid_request_error", "max_tokens: Field required")),
        (403, DENIED, ("IAM_PERMISSION_DENIED", "denied")),
        (403, [DENIED], ("IAM_PERMISSION_DENIED", "denied")),
        (404, google(404, "NOT_FOUND", "Publisher Model"), ("NOT_FOUND", "Publisher Model")),
        (502, "<html>", (None, "<html>")),
    ],
)
def test_claudes_errors_there_are_anthropics_or_googles(status: int, body: Any, explained: tuple[Any, str]) -> None:
    assert load("anthropic_messages").explain(status, body) == explained


@pytest.mark.parametrize(
    ("said", "kind"),
    [(google(429, "RESOURCE_EXHAUSTED"), RateLimitError), (google(500, "INTERNAL"), InternalServerError)],
)
def test_googles_error_inside_a_stream_of_claudes_is_of_its_own_status(said: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        decode(call(CLAUDE, stream=True), b"data: " + json.dumps(said).encode() + b"\n\n")


REFUSALS = {
    401: (AuthenticationError, google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")),
    404: (NotFoundError, google(404, "NOT_FOUND", "Publisher Model `m` was not found")),
}


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("model", [GEMINI, CLAUDE, OPEN])
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_keeps_googles_words(model: str, status: int, stream: bool) -> None:
    kind, said = REFUSALS[status]
    with Server(http([said] if stream else said, status=status)) as server, pytest.raises(kind) as caught:
        completion(model, "Hi", stream=stream, api_key="expired-token", base_url=f"{server.url}/v1")
    assert said["error"]["message"] in caught.value.message
    assert caught.value.body == ([said] if stream else said)
    assert (caught.value.status_code, caught.value.provider) == (status, "vertex")


# --- beside the vendor's client --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_anthropics_client_asks_at_the_same_place(stream: bool) -> None:
    anthropic = pytest.importorskip("anthropic")
    with Server(http({}, status=400)) as server:
        base, where = f"{server.url}/v1", {"region": "us-east5", "project_id": "p"}
        with anthropic.AnthropicVertex(**where, access_token="t", base_url=base, max_retries=0) as client:
            for ask in (
                lambda: client.messages.create(
                    model="claude-sonnet-4-6", max_tokens=9, messages=[{"role": "user", "content": "Hi"}], stream=stream
                ),
                lambda: completion(
                    CLAUDE,
                    "Hi",
                    max_tokens=9,
                    stream=stream,
                    api_key="t",
                    base_url=f"{base}/projects/p/locations/us-east5",
                ),
            ):
                with pytest.raises(Exception, match="400"):
                    ask()
        theirs, ours = server.requests
    assert (theirs.target, theirs.headers["authorization"]) == (ours.target, ours.headers["authorization"])
    assert json.loads(theirs.body).keys() - {"stream"} == json.loads(ours.body).keys() - {"stream"}
