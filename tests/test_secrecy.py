"""Secrets stand in many places of a request; no error, no log and no preview shows them, whoever repeats them."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import pickle
import subprocess
import traceback
from typing import Any

import httpx
import pytest
from support_server import Server, http

from unified_llm import APIError, BadRequestError, UnifiedLLMError, acompletion, completion, render_request
from unified_llm.secrecy import public_url, redacted, secrets_of, without_secrets

SECRET, PASSWORD = "canary-0123456789/+abcdef", "canary-0123456789"
KEY, URL = "sk-plain-key-0123456789", "https://gateway.example/v1"

PLACES: dict[str, dict[str, Any]] = {
    "the key": {"api_key": SECRET},
    "a token": {"api_key": lambda: SECRET},
    "a header of a key": {"extra_headers": {"X-Api-Key": SECRET}},
    "a bearer header": {"extra_headers": {"Authorization": f"Bearer {SECRET}"}},
    "a bearer header of another name": {"extra_headers": {"X-Upstream": f"Bearer {SECRET}"}},
    "a cookie": {"extra_headers": {"Cookie": f"a=b; session={SECRET}; c=d"}},
    "the query": {"base_url": f"{URL}?api-key={SECRET}"},
    "a signature in the query": {"base_url": f"{URL}?v=1&sig={SECRET}"},
    "the user's part": {"base_url": URL.replace("//", f"//u:{PASSWORD}@")},
}


def echo(request: httpx.Request) -> str:
    """All of a request, as a server says it that is asked to debug."""
    return json.dumps([dict(request.headers), httpx.URL(request.url).params.get("api-key"), str(request.url)])


def error_with(text: str) -> dict[str, Any]:
    return {"error": {"message": text, "param": [{text: text}], "code": text}}


ANSWERS = {
    "as an error": lambda text: httpx.Response(400, json=error_with(text)),
    "compressed": lambda text: httpx.Response(
        401, content=gzip.compress(json.dumps(error_with(text)).encode()), headers={"content-encoding": "gzip"}
    ),
    "as a page": lambda text: httpx.Response(500, text=f"<html>{text}"),
    "as a page with a 200": lambda text: httpx.Response(200, text=f"<html>{text}"),
    "as an error with a 200": lambda text: httpx.Response(200, json=error_with(text)),
    "in a header": lambda text: httpx.Response(429, headers={"x-echo": text}, text=text),
}


def all_of(error: UnifiedLLMError) -> str:
    """Whatever printing, logging, looking at or storing an error may show."""
    response = getattr(error, "response", None)
    seen = [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
    seen += [pickle.dumps(error, 0).decode("latin-1"), repr(pickle.loads(pickle.dumps(error)).__dict__)]
    if response is not None:
        seen += [response.text, str(response.request.url), repr(response.request.headers.raw)]
    return "\n".join(seen)


@pytest.mark.parametrize("how", ANSWERS)
@pytest.mark.parametrize("place", PLACES)
def test_no_error_shows_what_a_provider_repeats_of_the_secrets_of_a_request(
    place: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "unified_llm")
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(echo(request))
        made = ANSWERS[how](SECRET + " " + echo(request))
        made.headers.pop("x-echo", None)
        return made

    options = {"api_key": KEY, "base_url": URL, "max_retries": 0, **PLACES[place]}

    async def awaited() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            await acompletion("custom/m", "Hi", client=client, **options)

    with pytest.raises(APIError) as blocking, httpx.Client(transport=httpx.MockTransport(answer)) as client:
        completion("custom/m", "Hi", client=client, **options)
    with pytest.raises(APIError) as awaiting:
        asyncio.run(awaited())
    assert "canary" in sent[0]
    for error in (blocking.value, awaiting.value):
        shown = all_of(error)
        assert "canary" not in shown
        assert KEY not in shown
    assert "canary" not in caplog.text


def test_the_secrets_of_the_callers_own_client_are_not_shown_either() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(403, json=error_with(echo(request))))
    headers = {"x-gateway-token": SECRET}
    client = httpx.Client(transport=transport, headers=headers, params={"key": SECRET})
    with client, pytest.raises(APIError) as caught:
        completion("custom/m", "Hi", client=client, base_url=URL, api_key=KEY, max_retries=0)
    assert "canary" not in all_of(caught.value)
    assert "[hidden]" in str(caught.value)


@pytest.mark.parametrize("own", [False, True], ids=["pool", "own client"])
def test_the_user_and_the_password_of_an_address_travel_as_a_header(own: bool) -> None:
    with Server(http()) as server, httpx.Client() as client:
        address = server.url.replace("//", "//ann:p%40ss@")
        made: Any = {"client": client} if own else {}
        assert completion("custom/m", "Hi", base_url=f"{address}/v1", **made).text
        completion("custom/m", "Hi", base_url=server.url, **made)
        named, bare = server.requests
    assert named.headers["authorization"] == httpx.BasicAuth("ann", "p@ss")._auth_header
    assert "@" not in named.target + named.headers["host"]
    assert "authorization" not in bare.headers


def test_a_key_stands_above_the_user_of_an_address_and_neither_is_shown() -> None:
    shown = render_request("gpt-4.1", "Hi", base_url=URL.replace("//", "//ann:canary-0123456789@"), api_key=KEY)
    assert shown.headers["authorization"] == "Bearer [key]"
    keyless = render_request("custom/m", "Hi", base_url=URL.replace("//", "//ann:canary-0123456789@"))
    assert keyless.headers["authorization"] == "[hidden]"
    assert "canary" not in f"{shown} {keyless} {keyless.curl()}"


def test_a_response_without_secrets_stays_the_one_that_came() -> None:
    came = httpx.Response(400, json={"error": {"message": "no"}}, headers={"x-more": "1"})
    with httpx.Client(transport=httpx.MockTransport(lambda _: came)) as client, pytest.raises(APIError) as caught:
        completion("custom/m", "Hi", client=client, base_url=URL, api_key=KEY)
    assert isinstance(caught.value, BadRequestError)
    assert caught.value.response is came


def test_an_address_that_is_led_on_to_is_told_without_its_secrets() -> None:
    leads = httpx.Response(302, headers={"location": f"https://u:{PASSWORD}@h.example/v2?sig={SECRET}"})
    with httpx.Client(transport=httpx.MockTransport(lambda _: leads)) as client, pytest.raises(APIError) as caught:
        completion("custom/m", "Hi", client=client, base_url=URL, api_key=KEY)
    assert "h.example/v2" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"{SECRET}\nx: y"},
        {"Authorization": f"{SECRET}\r"},
        {"Authorization": f" {SECRET}"},
        {"Authorization": f"{SECRET}\N{LINE SEPARATOR}"},
        {"Authorization": f"{SECRET}\0"},
        {"Author ization": SECRET},
        {"": SECRET},
        {"Äuthorization": SECRET},
        {"Authorization\r\nx": SECRET},
        {7: SECRET},
        {"Authorization": SECRET.encode()},
    ],
    ids=repr,
)
def test_a_header_that_cannot_be_sent_is_refused_by_its_name(headers: Any) -> None:
    with pytest.raises(BadRequestError) as caught:
        render_request("gpt-4.1", "Hi", extra_headers=headers)
    assert repr(next(iter(headers))) in str(caught.value)
    assert "canary" not in all_of(caught.value)


@pytest.mark.parametrize(
    "address",
    [f"gateway.example?key={SECRET}", f"http://[::1?key={SECRET}", f"http://h:99999/?key={SECRET}", f"u:{PASSWORD}@h",
     f"http://h/ ?key={SECRET}", f"http://h/\n?key={SECRET}", f"ftp://u:{PASSWORD}@h"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_without_its_secrets(address: str) -> None:
    with pytest.raises(BadRequestError, match="base_url is") as caught:
        completion("custom/m", "Hi", base_url=address, api_key=KEY)
    assert "canary-0123456789" not in all_of(caught.value)


def test_the_error_of_a_hook_of_the_callers_client_reaches_the_caller_once() -> None:
    asked: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: asked.append(request) or httpx.Response(400))
    hooks = {"response": [lambda response: response.raise_for_status()]}
    with httpx.Client(transport=transport, event_hooks=hooks) as client, pytest.raises(httpx.HTTPStatusError) as caught:
        completion("custom/m", "Hi", client=client, base_url=URL, api_key=KEY)
    assert len(asked) == 1
    assert caught.value.__cause__ is not caught.value


# --- previews --------------------------------------------------------------------------------------------------------


def test_a_url_of_media_is_told_without_its_signature() -> None:
    picture = {"type": "image_url", "image_url": {"url": f"https://b.example/a.png?X-Amz-Signature={SECRET}"}}
    with pytest.raises(BadRequestError) as caught:
        render_request("bedrock/us.amazon.nova-pro-v1:0", [{"role": "user", "content": [picture]}], api_key=KEY)
    assert "canary" not in all_of(caught.value)


HOSTILE = (
    "JSON\nJSON\n'; touch hacked; '\"$(touch hacked)`touch hacked`\\\nJSON\n\0\N{LINE SEPARATOR}\r\n{a,b}[1-9]&\x1b"
)


def test_whatever_stands_in_it_the_command_is_one_request(tmp_path: Any) -> None:
    with Server(http({})) as server:
        shown = render_request(
            "gpt-4.1",
            [{"role": "user", "content": HOSTILE, "name": HOSTILE}],
            base_url=f"{server.url}/{{a,b}}[1-3]?x='$(touch%20hacked)'&y=[z]&{{c,d}}",
            extra_headers={"x-odd": "'; touch hacked; '$(touch hacked)\"", "x-file": "@/etc/passwd"},
            extra_body={HOSTILE: HOSTILE},
            tools=[{"type": "function", "function": {"name": "f", "description": HOSTILE}}],
        )
        command = ["sh", "-c", shown.curl()]
        subprocess.run(
            command, env={"PATH": "/usr/bin:/bin", "OPENAI_API_KEY": KEY}, cwd=tmp_path, timeout=30, check=True
        )
        (sent,) = server.requests
    assert [*tmp_path.iterdir()] == []
    assert sent.body.rstrip() == shown.content
    assert sent.headers["x-file"] == "@/etc/passwd"


# --- the parts -------------------------------------------------------------------------------------------------------


def test_a_secret_within_another_leaves_nothing_of_it() -> None:
    secrets = {"abcdefgh": "[key]", "abcdefgh-and-more": "[hidden]"}
    assert redacted({"abcdefgh-and-more": ["xabcdefgh", 1, None]}, secrets) == {"[hidden]": ["x[key]", 1, None]}


def test_what_is_too_short_to_be_a_secret_and_what_is_public_are_no_secrets() -> None:
    headers = {"authorization": "Bearer ollama", "content-type": "application/json", "idempotency-key": "0123456789"}
    assert secrets_of("https://h.example/v1?api-version=2026-01-01&key=k", headers) == {"Bearer ollama": "[key]"}


def test_of_a_signed_request_only_the_signature_is_secret() -> None:
    signed = (
        "AWS4-HMAC-SHA256 Credential=AK/20261121/us-east-1/b/aws4_request, SignedHeaders=host;x-amz-date, Signature="
    )
    assert secrets_of("https://h.example", {"authorization": f"{signed}0123456789abcdef"}) == {
        "0123456789abcdef": "[key]"
    }


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h.example/a?x=1&code=abc", "https://h.example/a?x=1&code=[hidden]"),
        ("https://u:p@h.example/a", "https://[hidden]@h.example/a"),
        ("https://h.example/a?x=%20&y", "https://h.example/a?x=%20&y"),
    ],
)
def test_a_public_url_hides_no_more_than_it_must(url: str, shown: str) -> None:
    assert public_url(url) == shown


@pytest.mark.parametrize("url", ["https://u:p@h/a?b#c", "u:p@h/a", "//u:p@h/a"])
def test_a_bare_url_has_neither_user_nor_query(url: str) -> None:
    assert without_secrets(url).endswith("h/a")
    assert "p@" not in without_secrets(url)
