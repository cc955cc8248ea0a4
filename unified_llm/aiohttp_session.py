"""aiohttp's session, and a guard for bodies that end in what is no HTTP.

aiohttp (3.14) closes a connection whose body breaks the rules of HTTP, as with a chunk of no length, but wakes nobody
who reads that body, and ends the timeouts of the connection: such a call would wait for ever.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp

_bodies: WeakKeyDictionary[Any, aiohttp.StreamReader] = WeakKeyDictionary()
"""The latest body of each connection."""


class GuardedResponse(aiohttp.ClientResponse):
    """A response whose body fails when its connection is gone."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Read the head, and see to it that the body ends with the connection."""
        response = await super().start(connection)
        protocol = connection.protocol
        if protocol is None or self.content.is_eof():
            return response
        # aiohttp before 3.12 has no such future
        closed: asyncio.Future[None] | None = getattr(protocol, "closed", None)
        if protocol not in _bodies and closed is not None:
            closed.add_done_callback(partial(_end_body, protocol))
        _bodies[protocol] = self.content
        return response


def _end_body(protocol: Any, closed: asyncio.Future[None]) -> None:
    closed.exception()  # else asyncio would log that nobody looked at it
    body = _bodies.pop(protocol, None)
    if body is not None and not body.is_eof() and body.exception() is None:
        body.set_exception(aiohttp.ClientPayloadError("the connection was closed inside the body"))


def session(ssl: Any, most: int, keepalive: float | None) -> aiohttp.ClientSession:
    """A session that keeps no cookies.

    Args:
        ssl: a context, or False for no verification.
        most: how many connections there may be, 0 for any number.
        keepalive: seconds that an idle connection is kept.
    """
    connector = aiohttp.TCPConnector(ssl=ssl, limit=most, keepalive_timeout=keepalive)
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), response_class=GuardedResponse
    )
