"""Real servers, one of each for the session; the tests that want them skip where there are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from support_processes import server

from unified_llm.testing import LoopbackProvider


class Emulator(NamedTuple):
    """An emulated cloud, and the provider behind its models."""

    url: str
    upstream: LoopbackProvider


@pytest.fixture(scope="session")
def llama() -> Iterator[str]:
    """The address of a llama.cpp server."""
    with server("llama") as url:
        yield url


@pytest.fixture(scope="session")
def aimock() -> Iterator[str]:
    """The address of an aimock with the script's own fixtures."""
    with server("aimock") as url:
        yield url


@pytest.fixture(scope="session")
def ministack() -> Iterator[Emulator]:
    """An emulator of Amazon's."""
    with LoopbackProvider() as upstream, server("ministack", upstream.url) as url:
        yield Emulator(url, upstream)
