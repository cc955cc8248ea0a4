"""Media fetched for providers that do not fetch them: only what stands in the open on the internet.

A URL may come from somebody who wants to see what this machine can reach. So every address that a name stands for must
be a public one, the connection goes to exactly the address that was checked (a name that is looked up twice may have
changed in between), and each redirect begins anew. No proxy is used: it would look the name up itself. Size and time
are limited, over the whole and not for each read.

https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import io
import ipaddress
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException, HTTPResponse
from typing import Any, NamedTuple, TypeAlias, cast
from urllib.parse import quote, urljoin, urlsplit

from unified_llm import __version__
from unified_llm.errors import BadRequestError
from unified_llm.media_types import canonical, true_type
from unified_llm.secrecy import without_secrets

MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a host and port, as text; OSError where there are none."""


class Limits(NamedTuple):
    """What a fetch may take: bytes, and seconds from beginning to end."""

    bytes: int
    seconds: float


DEFAULT_LIMITS = Limits(20_000_000, 20.0)

# --- addresses -----------------------------------------------------------------------------------------------------

_CLOSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # carriers' networks, where some clouds have their metadata
        "168.63.129.16/32",  # a public number that Azure gives to its machines' own host
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
    )
)
"""Networks within the public ones that are none, or not for all versions of the ipaddress module.

https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
"""
_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def public(address: str) -> bool:
    """Whether an address is one of the open internet; an IPv6 address that holds an IPv4 one is as public as that."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = (
            ip.ipv4_mapped or ip.sixtofour or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        )
        if inner is not None:
            return public(str(inner))
        if ip not in _PUBLIC_IPV6:
            return False
    open_to_all = ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)
    return open_to_all and not any(ip in network for network in _CLOSED)


def resolved(host: str, port: int) -> list[str]:
    """The addresses that the system has for a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


# --- fetching ------------------------------------------------------------------------------------------------------


def fetch(
    url: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    resolve: Resolver = resolved,
    allowed: Callable[[str], bool] = public,
    trust: ssl.SSLContext | None = None,
) -> tuple[str, bytes]:
    """What stands at a URL. It blocks.

    Args:
        url: http or https.
        limits: of size and time.
        resolve: looks a name up.
        allowed: whether to connect to an address.
        trust: certificates; those of the system or of certifi when not given.

    Returns:
        The media type, as the bytes show it, and the bytes.

    Raises:
        BadRequestError: what is no http(s) URL of a public address, what cannot be had, and what is too large or slow.
    """
    until = time.monotonic() + limits.seconds
    here = url
    for _ in range(MOST_REDIRECTS + 1):
        place = _checked(url, here)
        with _connected(place, until, resolve, allowed, trust) as connection:
            try:
                answer = _asked(connection, place, until)
                there = answer.headers.get("location") if answer.status in _REDIRECTS else None
                if there is None:
                    return _read(url, answer, limits)
            except TimeoutError as error:
                raise _refusal(url, f"took longer than {limits.seconds:g} seconds") from error
            except (OSError, HTTPException) as error:
                raise _refusal(url, f"broke off: {error or type(error).__name__}") from error
        here = urljoin(here, there)
        if place.encrypted and not here.lower().startswith("https:"):
            raise _refusal(url, f"leads on to {without_secrets(here)!r}, without encryption")
    raise _refusal(url, f"leads on more than {MOST_REDIRECTS} times")


def fetcher(url: str, wish: Any) -> Callable[[str], Any]:
    """What fetches a URL, as the parameter `fetch_media` has it.

    Raises:
        BadRequestError: nothing does.
    """
    if wish is False:
        raise _refusal(url, "is not fetched by the provider, nor here, with fetch_media=False")
    if wish is None or wish is True:
        return fetch
    if not callable(wish):
        raise BadRequestError(f"fetch_media is {wish!r}; give True, False, or a function of a URL that gives bytes")
    return wish


def medium_at(url: str, given: Any) -> tuple[str, bytes]:
    """The type and the bytes that a fetcher gave, of which a caller's own gives the bytes alone.

    Raises:
        BadRequestError: it gave something else.
    """
    kind = type(given).__name__
    pair = cast("tuple[Any, ...]", given) if isinstance(given, tuple) else ("", given)
    type_, data = pair if len(pair) == 2 else (None, None)
    if not isinstance(type_, str) or not isinstance(data, bytes) or not data:
        what = "nothing" if data == b"" else f"{kind} and no bytes"
        raise _refusal(url, f"was fetched by fetch_media, which gave {what}")
    return type_, data


def _refusal(url: str, why: str) -> BadRequestError:
    return BadRequestError(f"the media at {without_secrets(url)!r} {why}; give the bytes themselves")


class _Place(NamedTuple):
    """Where to ask for what; `url` is the one that the caller gave, for errors."""

    url: str
    encrypted: bool
    host: str
    port: int
    target: str

    @property
    def name(self) -> str:
        """The host and the port, as the header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.encrypted else 80) else f"{host}:{self.port}"


def _checked(url: str, here: str) -> _Place:
    """The place of a URL that is one of the web, and means the same to everyone who reads it."""
    if re.search(r"[\x00-\x20\x7f\\\ud800-\udfff]", here):
        raise _refusal(url, "has white space, a backslash or half a character in its URL")
    try:
        parts = urlsplit(here)
        port = parts.port
        host = parts.hostname or ""
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError as error:  # of which UnicodeError is one
        raise _refusal(url, f"has a URL that cannot be read: {error}") from error
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise _refusal(url, f"is not fetched from {without_secrets(here)!r}, which is no http(s) URL")
    if "@" in parts.netloc:
        raise _refusal(url, "has a user's name in its URL")
    query = f"?{quote(parts.query, safe=_PLAIN + '?[]')}" if parts.query else ""
    encrypted = parts.scheme == "https"
    target = quote(parts.path or "/", safe=_PLAIN) + query
    return _Place(url, encrypted, host, port or (443 if encrypted else 80), target)


_PLAIN = "/%:@!$&'()*+,;=~-._"
"""Signs of paths and queries that stand for themselves."""


def _connected(
    place: _Place, until: float, resolve: Resolver, allowed: Callable[[str], bool], trust: ssl.SSLContext | None
) -> socket.socket:
    """A connection to an address that has been checked."""
    try:
        addresses = resolve(place.host, place.port)
    except (OSError, UnicodeError) as error:
        raise _refusal(place.url, f"is at {place.host!r}, which has no address") from error
    for address in addresses:
        if not allowed(address):
            why = f"is at {place.host!r}, whose address {address} is no public one, and was not fetched"
            raise _refusal(place.url, why)
    failure: OSError | None = None
    for address in addresses:
        try:
            connection = socket.create_connection((address, place.port), timeout=_left(until))
        except OSError as error:
            failure = error
            continue
        return _encrypted(place, connection, trust) if place.encrypted else connection
    raise _refusal(place.url, f"cannot be reached (no proxy is used): {failure or 'no address'}") from failure


def _encrypted(place: _Place, connection: socket.socket, trust: ssl.SSLContext | None) -> socket.socket:
    try:
        return (trust or _trust()).wrap_socket(connection, server_hostname=place.host)
    except OSError as error:
        connection.close()
        raise _refusal(place.url, f"has no connection that can be trusted: {error}") from error


def _trust() -> ssl.SSLContext:
    """The certificates of SSL_CERT_FILE or SSL_CERT_DIR, else certifi's, else the system's, as httpx has them."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context()
    try:
        import certifi  # noqa: PLC0415 - comes with httpx, but nobody promises it
    except ImportError:
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Timed(io.RawIOBase):
    """Reads a connection, and waits in all no longer than until a moment."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection = connection
        self._until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._until))
        return self._connection.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What `HTTPResponse` wants of a socket."""
        return io.BufferedReader(self)


def _asked(connection: socket.socket, place: _Place, until: float) -> HTTPResponse:
    lines = (
        f"GET {place.target} HTTP/1.1",
        f"host: {place.name}",
        f"user-agent: unified_llm/{__version__}",
        "accept: */*",
        "accept-encoding: identity",
        "connection: close",
        "\r\n",
    )
    connection.settimeout(_left(until))
    connection.sendall("\r\n".join(lines).encode("ascii"))
    answer = HTTPResponse(_Timed(connection, until))  # pyright: ignore[reportArgumentType] - only makefile() is used
    answer.begin()
    return answer


def _read(url: str, answer: HTTPResponse, limits: Limits) -> tuple[str, bytes]:
    if answer.status != 200:
        raise _refusal(url, f"was answered with HTTP {answer.status}")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise _refusal(url, "came compressed, which was not asked for")
    size = int(told) if (told := answer.headers.get("content-length", "")).isdecimal() else None
    data = answer.read(limits.bytes + 1) if size is None or size <= limits.bytes else None
    if data is None or len(data) > limits.bytes:
        raise _refusal(url, f"is larger than {limits.bytes:,} bytes")
    if size is not None and len(data) < size:
        raise _refusal(url, f"broke off after {len(data)} of {size} bytes")
    if not data:
        raise _refusal(url, "is empty")
    return true_type(canonical(answer.headers.get("content-type", "")), data), data
