"""Keys and addresses: argument, then environment, then `.env`; `os.environ` is never changed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

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


def key_of(route: Route, given: Any) -> str | None:
    """The key of a call; None for a server that needs none, and where there is a token instead (`auth.token_of`).

    Raises:
        AuthenticationError: there is none, naming the variable that would hold it.
    """
    if given is not None and not isinstance(given, str):
        return None if callable(given) else checked_key(given, "api_key", route)
    if key := (given or "").strip() or variable(route.key_env):
        plain = key.isascii() and key.isprintable()
        return key if plain else checked_key(key, f"the key for {route.provider}", route)
    if route.keyless or not route.key_env or variable(route.token_env):
        return None
    names = " or ".join((*route.key_env, *route.token_env))
    raise AuthenticationError(
        f"no key for {route.provider}: set {names} in the environment or in .env, or give api_key=",
        provider=route.provider,
        model=route.model,
    )


def checked_key(key: Any, what: str, route: Route | None = None) -> str:
    """A key or a token that a header can carry.

    Raises:
        AuthenticationError: this is none; its value is not shown.
    """
    if not isinstance(key, str) or not (bare := key.strip()):
        wrong = "is empty" if isinstance(key, str) else f"is {type(key).__name__}, not a string"
    elif bare.isascii() and bare.isprintable():
        return bare
    else:
        wrong = "has a character that no header can carry; was more copied than the key?"
    raise AuthenticationError(f"{what} {wrong}", provider=route and route.provider, model=route and route.model)


def address_of(route: Route) -> str:
    """The base URL of a call: the provider's, unless a variable of its row moves it.

    `.env` counts where it has been read for a key; for the address alone it is not read.
    """
    address = variable(route.url_env, dotenv=_dotenv.cache_info().currsize > 0) or route.url
    if address and "://" not in address:
        address = f"http://{address}"  # OLLAMA_HOST is often 0.0.0.0:11434
    return address.rstrip("/")


def filled(route: Route, address: str) -> str:
    """An address without braces: its parts are those that the variables of the row say, `{model}` the model's name.

    Raises:
        BadRequestError: a part is said nowhere, naming its variables.
    """
    if "{" not in address:
        return address
    address = address.replace("{model}", quote(route.model, safe=""))
    for part, names in route.url_vars.items():
        place = f"{{{part}}}"
        if place in address:
            address = address.replace(place, _part(route, part, names))
    return address


def _part(route: Route, part: str, names: Iterable[str]) -> str:
    plain: list[str] = []
    for entry in names:
        name, dot, ending = entry.partition(".")
        if value := variable((name,)):
            # where a host is wanted, some give its whole address
            return urlsplit(value).netloc or value + dot + ending
        plain.append(name)
    raise BadRequestError(
        f"no {part} for {route.provider}: set {' or '.join(plain)} in the environment or .env, or give base_url="
        f"{f' such as {route.url} with its parts filled in' if '{' in route.url else ''}",
        provider=route.provider,
        model=route.model,
    )
