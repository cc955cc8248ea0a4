"""Google's tokens, and where the project and the host of its cloud are found.

https://google-auth.readthedocs.io/en/latest/user-guide.html and
https://cloud.google.com/docs/authentication/application-default-credentials, checked 2026-11-21. google-auth (extra
`vertex`) finds the credentials and refreshes their tokens. Each set of credentials has one token in this process, and
one refresh at a time, however many calls wait for it.
"""

from __future__ import annotations

import copy
import importlib
import json
import logging
import os
import re
import threading
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from unified_llm.catalog import Route
from unified_llm.config import variable
from unified_llm.errors import APIConnectionError, APIError, AuthenticationError
from unified_llm.json_codec import as_dict

logger = logging.getLogger("unified_llm")

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_FILE = ("GOOGLE_APPLICATION_CREDENTIALS",)
_QUOTA_PROJECT = ("GOOGLE_CLOUD_QUOTA_PROJECT",)


# --- addresses ------------------------------------------------------------------------------------------------------

_HOSTS = {
    "global": "aiplatform.googleapis.com",
    "us": "aiplatform.us.rep.googleapis.com",
    "eu": "aiplatform.eu.rep.googleapis.com",
}
"""Hosts of the locations that are no regions. https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations"""
_REGIONAL = "{location}-aiplatform.googleapis.com"


def placed(route: Route, address: str) -> str:
    """An address with the host of its location, and with the project of the service account where no variable has one.

    Args:
        route: of a provider with this scheme.
        address: a template, or an address of one's own, which stays as it is.
    """
    location = variable(tuple(route.url_vars.get("location", ())))
    address = address.replace(_REGIONAL, _HOSTS.get(location or "", _REGIONAL))
    if "{project}" not in address or variable(tuple(route.url_vars.get("project", ()))):
        return address
    return address.replace("{project}", _own_project() or "{project}")


def _own_project() -> str | None:
    """The project that the file of a service account belongs to."""
    if not (path := variable(_FILE)):
        return None
    try:
        account = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return None  # what is wrong with the file is told where it is needed
    return as_dict(account).get("project_id")


# --- tokens ---------------------------------------------------------------------------------------------------------


class GoogleToken:
    """The token of one set of credentials, refreshed some minutes before it ends.

    Args:
        path: the file of the credentials; None for those that stand by (application default credentials).
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._credentials: Any = None
        self._lock = threading.Lock()
        self._under_way: _Refresh | None = None

    def current(self) -> str | None:
        """The token without waiting; while it is being refreshed, the old one as long as it holds."""
        return self._held("FRESH") or (self._held("STALE") if self._under_way else None)

    def obtain(self) -> str:
        """A token that was refreshed if need be; who comes while another refreshes it waits and shares what comes.

        Raises:
            AuthenticationError: there are no credentials, they were refused, or google-auth is not installed.
            APIConnectionError: Google could not be reached.
        """
        with self._lock:
            if token := self._held("FRESH"):
                return token
            shared = self._under_way
            own = self._under_way = shared or _Refresh()
        if shared:
            return shared.outcome()
        try:
            own.token = self._refreshed()
        except APIError as error:
            own.error = error
            raise
        finally:
            self._under_way = None
            own.done.set()
        return own.token

    def headers(self, token: str) -> dict[str, str]:
        """The headers that carry the token, and name the project that pays where the credentials have one."""
        quota = variable(_QUOTA_PROJECT) or getattr(self._credentials, "quota_project_id", None)
        bearer = {"authorization": f"Bearer {token}"}
        return {**bearer, "x-goog-user-project": quota} if quota else bearer

    def forget(self, token: str | None) -> None:
        """Give this one no more: it was refused before its time, as one is that was revoked."""
        with self._lock:
            if self._credentials is not None and self._credentials.token == token:
                self._credentials = None

    def _held(self, state: str) -> str | None:
        """The token if it is in this state: STALE means that it ends within minutes."""
        held = self._credentials
        return held.token if held is not None and held.token_state.name == state else None

    def _refreshed(self) -> str:
        exceptions, requests = _library("exceptions"), _library("transport.requests")
        try:
            credentials = self._credentials or self._found()
            credentials.refresh(requests.Request())
        except (exceptions.GoogleAuthError, OSError, ValueError) as error:
            told = _told(error)
            if isinstance(told, APIConnectionError) and (token := self._held("STALE")):
                logger.info("Google's token was not refreshed, and holds for some minutes yet: %s", told)
                return token
            self._credentials = None  # the file may be another one the next time
            # without the cause where it has the words of the answer, which may repeat secrets
            raise told from (error if isinstance(told, APIConnectionError) else None)
        self._credentials = credentials
        return credentials.token

    def _found(self) -> Any:
        auth = _library("")
        if self._path is None:
            return auth.default(scopes=[_SCOPE])[0]
        with warnings.catch_warnings():
            # it warns of files that come from strangers; this one is named by the caller's own environment
            warnings.simplefilter("ignore", DeprecationWarning)
            return auth.load_credentials_from_file(self._path, scopes=[_SCOPE])[0]


class _Refresh:
    """A refresh under way, and what came of it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.token = ""
        self.error: APIError = APIConnectionError("the refresh of Google's token was broken off")

    def outcome(self) -> str:
        """Wait for it, and give or raise it."""
        self.done.wait()
        if self.token:
            return self.token
        raise copy.copy(self.error)


def token() -> GoogleToken:
    """The token of the credentials that the environment or `.env` names, else of those that stand by."""
    return _token(variable(_FILE))


@cache
def _token(path: str | None) -> GoogleToken:
    return GoogleToken(path)


os.register_at_fork(after_in_child=_token.cache_clear)  # a lock of the parent may never be released in the child


def _library(module: str) -> Any:
    try:
        return importlib.import_module(f"google.auth.{module}".rstrip("."))
    except ImportError as error:
        raise AuthenticationError(
            f'Google\'s credentials need google-auth: pip install "unified_llm[vertex]", or give api_key= (a token, or '
            f"a function that gives one): {error}"
        ) from error


# --- what went wrong ------------------------------------------------------------------------------------------------

_WORDS = ("error", "error_description", "error_subtype", "error_uri")
"""What an answer of a token endpoint says in words (RFC 6749, 5.2); nothing else of it is repeated."""
_SECRET = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*)*|ya29\.[\w.-]+|1//[\w-]{8,}")
"""Signed assertions, access tokens and refresh tokens, of which only the first letters tell."""


def _told(error: Any) -> APIError:
    """The error of this library for one of google-auth's."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    words = _SECRET.sub("[token]", str(error if isinstance(error, OSError) or not error.args else error.args[0]))
    if "TransportError" in kinds or getattr(error, "retryable", False):
        return APIConnectionError(f"Google could not be asked for a token: {words}")
    if "RefreshError" not in kinds:
        return AuthenticationError(
            "no credentials of Google's were found: name the file of a service account with "
            "GOOGLE_APPLICATION_CREDENTIALS, run `gcloud auth application-default login`, or give api_key= (a token, "
            f"or a function that gives one): {words}"
        )
    answer = as_dict(error.args[1]) if len(error.args) > 1 else {}
    body = {name: _SECRET.sub("[token]", str(answer[name])) for name in _WORDS if name in answer}
    return AuthenticationError(
        f"Google gave no token for these credentials: {words}", code=body.get("error"), body=body or None
    )
