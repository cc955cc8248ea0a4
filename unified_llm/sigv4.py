"""Amazon's Signature Version 4, and where its credentials and region are found.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html and
https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html, checked 2026-11-21. Credentials are those of the
environment or `.env`, else of a profile in the shared files. What must be asked for over the network (SSO, roles, the
metadata of an instance) is left to `aws configure export-credentials --format env`.
"""

from __future__ import annotations

import configparser
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from unified_llm.catalog import Route
from unified_llm.config import variable
from unified_llm.errors import AuthenticationError, BadRequestError

ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNED = ("content-type", "host", "x-amz-date", "x-amz-security-token")
"""Headers that no proxy or client rewrites."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Credentials(NamedTuple):
    """What signs a request; `token` only where they are temporary."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(access_key={self.access_key!r})"


# --- where they are -------------------------------------------------------------------------------------------------


def credentials() -> Credentials | None:
    """The credentials of the environment, else of `.env`, else of the profile; None where there are none.

    A set is never mixed from two places: a key of the environment with a session token of `.env` would be refused.
    """
    for dotenv in (False, True):
        access = variable(("AWS_ACCESS_KEY_ID",), dotenv=dotenv)
        secret = variable(("AWS_SECRET_ACCESS_KEY",), dotenv=dotenv)
        if access and secret:
            return Credentials(access, secret, variable(("AWS_SESSION_TOKEN",), dotenv=dotenv))
    settings = _profile()
    access, secret = settings.get("aws_access_key_id"), settings.get("aws_secret_access_key")
    return Credentials(access, secret, settings.get("aws_session_token")) if access and secret else None


def region(url: str = "") -> str | None:
    """The region that the address names, else that of the environment or `.env`, else of the profile.

    Args:
        url: where the request goes; a template or an address of one's own names none.
    """
    named = _REGION.search(urlsplit(url).hostname or "") if url else None
    if named:
        return named[0]
    return variable(("AWS_REGION", "AWS_DEFAULT_REGION")) or _profile().get("region")


_REGION = re.compile(r"(?<=\.)[a-z]{2}(?:-[a-z]+)+-\d+(?=\.)")


def _profile() -> dict[str, str]:
    """The settings of the profile, of which the credentials file has the last word."""
    name = variable(("AWS_PROFILE", "AWS_DEFAULT_PROFILE")) or "default"
    settings: dict[str, str] = {}
    for shared, default, section in (
        ("AWS_CONFIG_FILE", "~/.aws/config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", name),
    ):
        settings |= _section(variable((shared,)) or default, section)
    return settings


def _section(path: str, name: str) -> dict[str, str]:
    """A section of a shared file; empty where there is no such file or section, or it cannot be read."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(Path(os.path.expandvars(path)).expanduser(), encoding="utf-8")
    except (configparser.Error, OSError, ValueError, RuntimeError):
        return {}
    return {key: value.strip() for key, value in parser[name].items()} if parser.has_section(name) else {}


# --- for a call ------------------------------------------------------------------------------------------------------


class Signer:
    """Signs each attempt of a call anew: a signature holds for 5 minutes."""

    def __init__(self, key: Credentials, service: str, region: str) -> None:
        self._key, self._service, self._region = key, service, region

    @property
    def secret(self) -> str | None:
        """What goes out with the request and must not be shown: Amazon repeats it where a signature is wrong."""
        return self._key.token

    def __call__(self, url: str, headers: Mapping[str, str], content: bytes) -> dict[str, str]:
        """The headers of an attempt with the signature of this moment."""
        now = datetime.now(UTC)
        return sign(url, headers, content, key=self._key, service=self._service, region=self._region, at=now)


_SCHEME, _PLACE = "sigv4", "{region}"


def service_of(auth: str) -> str | None:
    """The service of an `auth` such as `sigv4:<signing name>`; None for one that is no signature."""
    scheme, _, service = auth.partition(":")
    return service if scheme == _SCHEME else None


def placed(route: Route, address: str) -> str:
    """An address with its region, where it is a template such as `https://bedrock-runtime.{region}.amazonaws.com`.

    Raises:
        BadRequestError: no region is said anywhere.
    """
    return address.replace(_PLACE, _region(route, address)) if _PLACE in address else address


def signer(route: Route, address: str) -> Signer:
    """What signs a call.

    Args:
        route: of a provider whose `auth` names a service.
        address: where the call goes, with its region filled in.

    Raises:
        AuthenticationError: there are no credentials, naming the ways to give them.
        BadRequestError: no region is said anywhere.
    """
    key, service, where = credentials(), service_of(route.auth) or "", _region(route, address)
    if key is None:
        keys = "".join(f"{name} (a bearer key), or " for name in route.key_env)
        raise AuthenticationError(
            f"no credentials for {route.provider}: set {keys}AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the "
            f"environment or in .env, or name a profile of ~/.aws/credentials with AWS_PROFILE, or give api_key= "
            f"(`aws configure export-credentials --format env` prints those of SSO and roles)",
            provider=route.provider,
            model=route.model,
        )
    return Signer(key, service, where)


def _region(route: Route, address: str) -> str:
    if found := region(address):
        return found
    raise BadRequestError(
        f"no region for {route.provider}: set AWS_REGION or AWS_DEFAULT_REGION in the environment or in .env, or "
        f"region in the profile",
        provider=route.provider,
        model=route.model,
    )


# --- the signature --------------------------------------------------------------------------------------------------


def sign(
    url: str, headers: Mapping[str, str], content: bytes, *, key: Credentials, service: str, region: str, at: datetime
) -> dict[str, str]:
    """The headers of a POST with its signature.

    Args:
        url: exactly as the client will put it on the wire.
        headers: with lower-case names; `content-type` is signed where it is there, and no other.
        content: the body, to the byte.
        key: who signs.
        service: the name under which the service signs, which need not be that of its host.
        region: the region of the service.
        at: the moment, in UTC; Amazon refuses one that is 5 minutes off.

    Returns:
        New headers: those given, and `host`, `x-amz-date`, `x-amz-security-token` and `authorization`.
    """
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    out = {name: value for name, value in headers.items() if name != "authorization"}
    out |= {"host": host_of(url), "x-amz-date": stamp}
    if key.token:
        out["x-amz-security-token"] = key.token
    names = [name for name in _SIGNED if name in out]
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    request = _canonical_request(url, {name: out[name] for name in names}, content)
    to_sign = "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    chain = f"AWS4{key.secret_key}".encode()
    for part in scope.split("/"):
        chain = hmac.digest(chain, part.encode(), "sha256")
    signature = hmac.digest(chain, to_sign.encode(), "sha256").hex()
    out["authorization"] = (
        f"{ALGORITHM} Credential={key.access_key}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return out


def host_of(url: str) -> str:
    """The value of the `host` header: lower-case, with the port where it is not the scheme's own."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


def _canonical_request(url: str, headers: Mapping[str, str], content: bytes) -> str:
    parts = urlsplit(url)
    query = "&".join(
        f"{name}={value}" for name, _, value in sorted(pair.partition("=") for pair in parts.query.split("&") if pair)
    )
    lines = [f"{name}:{' '.join(value.split())}" for name, value in headers.items()]
    return "\n".join(
        (
            "POST",
            quote(_without_dots(parts.path), safe="/~"),  # the path of the wire, encoded once more
            query,
            *lines,
            "",
            ";".join(headers),
            hashlib.sha256(content).hexdigest(),
        )
    )


def _without_dots(path: str) -> str:
    """The path without `.`, `..` and doubled slashes, as Amazon reads it (RFC 3986, 5.2.4)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return f"/{'/'.join(kept)}{'/' if kept and path.endswith('/') else ''}"
