"""Keys and addresses: argument, then environment, then `.env`; `os.environ` is never changed."""

from __future__ import annotations

import os
from functools import cache
from urllib.parse import urlsplit

from unified_llm.catalog import Route
from unified_llm.errors import AuthenticationError, BadRequestError


@cache
def _dotenv() -> dict[str, str | None]:
    """The nearest `.env` above the working directory, read once, when the environment first lacks a variable."""
    from dotenv import dotenv_values, find_dotenv  # noqa: PLC0415 - 40 ms that a set variable saves

    return dotenv_values(find_dotenv(usecwd=True))


def variable(names: tuple[str, ...], *, dotenv: bool = True) -> str | None:
    """The value of the first of these variables that is set and not blank, in the environment or else in `.env`."""
    for name in names:
        if value := os.environ.get(name, "").strip():
            return value
    for name in names if dotenv else ():
        if value := (_dotenv().get(name) or "").strip():
            return value
    return None


def key_of(route: Route, given: str | None) -> str | None:
    """The key of a call, None for a server that needs none.

    Raises:
        AuthenticationError: there is none, naming the variable that would hold it.
    """
    key = (given or "").strip() or variable(route.key_env)
    if key and not (key.isascii() and key.isprintable()):
        raise AuthenticationError(
            f"the key for {route.provider} has a character that no header can carry; was more copied than the key?",
            provider=route.provider,
            model=route.model,
        )
    if key:
        return key
    if route.keyless or not route.key_env:
        return None
    names = " or ".join(route.key_env)
    raise AuthenticationError(
        f"no key for {route.provider}: set {names} in the environment or in .env, or give api_key=",
        provider=route.provider,
        model=route.model,
    )


def address_of(route: Route) -> str:
    """The base URL of a call: the provider's, unless a variable of its row moves it.

    `.env` counts where it has been read for a key; for the address alone it is not read.
    """
    address = variable(route.url_env, dotenv=_dotenv.cache_info().currsize > 0) or route.url
    if address and "://" not in address:
        address = f"http://{address}"  # OLLAMA_HOST is often 0.0.0.0:11434
    return address.rstrip("/")


def filled(route: Route, address: str) -> str:
    """An address without braces: its parts are those that the variables of the row say.

    Raises:
        BadRequestError: a part is said nowhere, naming its variables.
    """
    for part, names in route.url_vars.items():
        place = f"{{{part}}}"
        if place in address:
            address = address.replace(place, _part(route, part, tuple(names)))
    return address


def _part(route: Route, part: str, names: tuple[str, ...]) -> str:
    value = variable(names)
    if value is None:
        raise BadRequestError(
            f"no {part} for {route.provider}: set {' or '.join(names)} in the environment or .env, or give base_url=",
            provider=route.provider,
            model=route.model,
        )
    return urlsplit(value).netloc or value  # where a host is wanted, some give its whole address
