"""Google's tokens: found, kept, refreshed once for all, and never shown."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support_google import TOKENS, granted, grants, refused, service_account
from support_server import CUT, Answer, Server, http

from unified_llm import APIConnectionError, AuthenticationError, acompletion, completion, config, google_auth

pytest.importorskip("google.auth")

ROOT = Path(__file__).parent.parent
MODEL = "vertex/openai/gpt-oss-120b-maas"
Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers, and stops them at the end."""
    with ExitStack() as stack:
        yield lambda *answers: stack.enter_context(Server(*answers))


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No credentials of whoever runs the tests, and none of another test."""
    for name in os.environ:
        if name.startswith(("GOOGLE_", "CLOUD_ML", "VERTEX", "GCLOUD", "GCE_", "ANTHROPIC_VERTEX")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    forget()
    yield
    forget()


def forget() -> None:
    google_auth._token.cache_clear()
    config._dotenv.cache_clear()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, start: Start) -> Callable[..., Server]:
    """Names a service account whose token endpoint gives these answers; gives the endpoint."""

    def made(*answers: Answer | bytes, **more: Any) -> Server:
        endpoint = start(*answers)
        path = service_account(tmp_path / "account.json", endpoint.url, **more)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        return endpoint

    return made


def ask(model_server: Server, **options: Any) -> Any:
    return completion(MODEL, "Hi", base_url=f"{model_server.url}/v1/projects/p/locations/l", **options)


def bearers(server: Server) -> list[str]:
    return [request.headers["authorization"] for request in server.requests]


# --- one token for many calls ----------------------------------------------------------------------------------------


def test_a_token_is_signed_for_and_sent(account: Start, start: Start) -> None:
    endpoint, models = account(granted(TOKENS[0])), start(http())
    assert ask(models).text == "Hello!"
    assert bearers(models) == [f"Bearer {TOKENS[0]}"]
    (grant,) = grants(endpoint)
    assert grant["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert grant["assertion"][0].count(".") == 2


def test_a_token_is_kept_as_long_as_it_holds(account: Start, start: Start) -> None:
    endpoint, models = account(granted(TOKENS[0]), granted(TOKENS[1])), start(http())
    for _ in range(3):
        ask(models)
    assert len(endpoint.requests) == 1
    assert set(bearers(models)) == {f"Bearer {TOKENS[0]}"}


def test_a_token_is_refreshed_minutes_before_it_ends(account: Start, start: Start) -> None:
    endpoint, models = account(granted(TOKENS[0], 120), granted(TOKENS[1])), start(http())
    for _ in range(3):
        ask(models)
    assert bearers(models) == [f"Bearer {TOKENS[number]}" for number in (0, 1, 1)]
    assert len(endpoint.requests) == 2


SLOW = [0.2, granted(TOKENS[0])]


def test_fifty_threads_share_one_refresh(account: Start, start: Start) -> None:
    endpoint, models = account(SLOW, granted(TOKENS[1])), start(http())
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: ask(models).text, range(50)))
    assert answers == ["Hello!"] * 50
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("first", [SLOW, [0.2, granted(TOKENS[0], 60)]], ids=["an hour", "a minute"])
def test_fifty_tasks_share_one_refresh(account: Start, start: Start, first: Answer) -> None:
    endpoint, models = account(first, granted(TOKENS[1])), start(http())

    async def all_of_them() -> list[Any]:
        base_url = f"{models.url}/v1/projects/p/locations/l"
        return await asyncio.gather(*(acompletion(MODEL, "Hi", base_url=base_url) for _ in range(50)))

    assert [answer.text for answer in asyncio.run(all_of_them())] == ["Hello!"] * 50
    assert len(endpoint.requests) == (1 if first is SLOW else 2)


def test_a_refresh_that_fails_fails_once_for_all(account: Start, start: Start) -> None:
    endpoint, models = account([0.3, refused()]), start(http())
    ready = threading.Barrier(8)

    def failing(_: int) -> str:
        ready.wait()
        with pytest.raises(AuthenticationError, match="Invalid JWT Signature") as caught:
            ask(models)
        return str(caught.value.provider)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(failing, range(8))) == {"vertex"}
    assert (len(endpoint.requests), models.requests) == (1, [])


def test_while_a_token_is_refreshed_the_old_one_serves(account: Start, start: Start) -> None:
    endpoint, models = account(granted(TOKENS[0], 120), [0.5, granted(TOKENS[1])]), start(http())
    ask(models)
    refreshing = threading.Thread(target=ask, args=(models,))
    refreshing.start()
    assert endpoint.within(5, lambda server: len(server.requests) == 2)
    ask(models)
    assert bearers(models) == [f"Bearer {TOKENS[0]}"] * 2
    refreshing.join()
    assert bearers(models)[2] == f"Bearer {TOKENS[1]}"


def test_a_token_that_was_refused_is_given_no_more(account: Start, start: Start) -> None:
    account(granted(TOKENS[0]), granted(TOKENS[1]))
    models = start(http({}, status=401), http())
    with pytest.raises(AuthenticationError):
        ask(models)
    assert ask(models).text == "Hello!"
    google_auth.token().forget(TOKENS[0])  # told late, by a call that was under way
    ask(models)
    assert bearers(models) == [f"Bearer {TOKENS[number]}" for number in (0, 1, 1)]


def test_a_token_that_still_holds_serves_where_google_cannot_be_reached(account: Start, start: Start) -> None:
    _, models = account(granted(TOKENS[0], 120), [CUT]), start(http())
    ask(models)
    assert ask(models).text == "Hello!"
    assert bearers(models) == [f"Bearer {TOKENS[0]}"] * 2


FORK = """
import os
from unified_llm import google_auth
parent = google_auth.token()
parent._lock.acquire()  # as another thread of the parent may in the moment of the fork
if (child := os.fork()) == 0:
    os._exit(0 if google_auth.token().obtain().startswith("ya29.") else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_waits_for_no_lock_of_its_parent(account: Start) -> None:
    account(granted(TOKENS[0]))
    ran = subprocess.run(
        [sys.executable, "-c", FORK], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


# --- which credentials, and who pays ---------------------------------------------------------------------------------


def test_the_file_may_be_named_in_dotenv(tmp_path: Path, start: Start) -> None:
    endpoint, models = start(granted(TOKENS[0])), start(http())
    path = service_account(tmp_path / "a.json", endpoint.url)
    (tmp_path / ".env").write_text(f"GOOGLE_APPLICATION_CREDENTIALS={path}\n")
    ask(models)
    assert bearers(models) == [f"Bearer {TOKENS[0]}"]


def test_the_default_credentials_of_a_user_serve_and_name_who_pays(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, models = start(granted(TOKENS[0])), start(http())
    # the file of a user names no endpoint
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", endpoint.url)
    user = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "1//refresh"}
    folder = tmp_path / "gcloud"
    folder.mkdir()
    (folder / "application_default_credentials.json").write_text(json.dumps({**user, "quota_project_id": "who-pays"}))
    ask(models)
    assert grants(endpoint)[0]["refresh_token"] == ["1//refresh"]
    assert bearers(models) == [f"Bearer {TOKENS[0]}"]
    assert models.requests[0].headers["x-goog-user-project"] == "who-pays"


def test_a_variable_names_who_pays(account: Start, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "team")
    account(granted(TOKENS[0]))
    models = start(http())
    ask(models)
    assert models.requests[0].headers["x-goog-user-project"] == "team"


def test_a_key_that_is_given_is_a_token_and_google_is_not_asked(account: Start, start: Start) -> None:
    endpoint, models = account(granted(TOKENS[0])), start(http())
    ask(models, api_key="ya29.mine")
    ask(models, api_key=lambda: "ya29.of-a-function")
    assert bearers(models) == ["Bearer ya29.mine", "Bearer ya29.of-a-function"]
    assert endpoint.requests == []


# --- what goes wrong -------------------------------------------------------------------------------------------------


def failure(models: Server, kind: type[Any], **options: Any) -> Any:
    with pytest.raises(kind) as caught:
        ask(models, **options)
    assert models.requests == []
    return caught.value


def test_refused_credentials_are_told_in_googles_words(account: Start, start: Start) -> None:
    account(refused())
    error = failure(start(http()), AuthenticationError)
    assert "Invalid JWT Signature." in error.message
    assert (error.status_code, error.code, error.provider) == (None, "invalid_grant", "vertex")
    assert error.body == {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}


def test_after_a_refusal_the_file_is_read_anew(account: Start, start: Start) -> None:
    models = start(http())
    account(refused())
    failure(models, AuthenticationError)
    account(granted(TOKENS[0]))
    assert ask(models).text == "Hello!"


def test_no_credentials_name_the_ways_to_have_some(start: Start) -> None:
    error = failure(start(http()), AuthenticationError)
    for way in ("GOOGLE_APPLICATION_CREDENTIALS", "gcloud auth application-default login", "api_key="):
        assert way in error.message


@pytest.mark.parametrize("content", [None, "no JSON", "{}", '{"type": "service_account"}'])
def test_a_file_of_no_use_is_told(
    content: str | None, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "robot.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    assert "robot.json" in failure(start(http()), AuthenticationError).message


def test_a_file_that_cannot_be_read_is_told(start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))
    assert f"Is a directory: '{tmp_path}'" in failure(start(http()), AuthenticationError).message


def test_without_google_auth_the_error_says_what_to_install(
    start: Start, account: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(granted(TOKENS[0]))
    for name in [name for name in sys.modules if name.startswith("google.auth")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "google.auth", None)
    error = failure(start(http()), AuthenticationError)
    assert 'pip install "unified_llm[vertex]"' in error.message


def test_an_endpoint_that_cannot_be_reached_is_a_connection_error(account: Start, start: Start) -> None:
    account([CUT])
    failure(start(http()), APIConnectionError, max_retries=0)


ECHO = {"error_description": "bad assertion eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJyb2JvdCJ9.c2lnbmF0dXJl", "id_token": "ey.J"}


def test_no_error_shows_a_secret(account: Start, start: Start) -> None:
    account(refused(**ECHO))
    error = failure(start(http()), AuthenticationError)
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    assert "bad assertion [token]" in error.message
    assert "eyJ" not in shown
    assert "id_token" not in shown


def test_a_provider_that_repeats_the_token_does_not_bring_it_into_the_error(account: Start, start: Start) -> None:
    account(granted(TOKENS[0]))
    said = {"error": {"code": 401, "message": f"the token {TOKENS[0]} has expired", "status": "UNAUTHENTICATED"}}
    models = start(http(said, status=401))
    with pytest.raises(AuthenticationError) as caught:
        ask(models)
    error = caught.value
    assert error.status_code == 401
    assert error.body["error"]["message"] == "the token [key] has expired"
    assert TOKENS[0] not in "".join(traceback.format_exception(error)) + repr(vars(error))
