"""For every test: no deadlines for examples, and real servers, one of each for the session, where there are any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import settings
from support_processes import server

from unified_llm.testing import LoopbackProvider

# how long an example takes says more of a busy machine than of the code; benchmarks/ and tests of CPU time look at that
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


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
