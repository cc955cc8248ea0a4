"""Real servers on loopback, for the tests that want them: found running, or started for the session.

`UNIFIED_LLM_TEST_SERVERS` is a folder in which the scripts of `../shared/servers` may install and start them; they are
stopped at the end of the session. A llama.cpp server and an aimock that run already are found by their address, in
`UNIFIED_LLM_TEST_LLAMA` and `UNIFIED_LLM_TEST_AIMOCK`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

SCRIPTS = Path(__file__).parents[2] / "shared" / "servers"
FOLDER = "UNIFIED_LLM_TEST_SERVERS"
HEALTH = {"llama": "/health", "aimock": "/ready", "ministack": "/_ministack/health"}
USUAL = {"llama": "http://127.0.0.1:8082"}
"""Where a script puts its server when it is not told otherwise; other programs have their ports in common use."""


def need(name: str) -> None:
    """Skip the module that calls this where there is no such server, and none can be started."""
    if _running(name) is None and not (os.environ.get(FOLDER) and _script(name).exists()):
        what = f"{FOLDER}, a folder where ../shared/servers/{name}.sh may install and start its server"
        pytest.skip(f"needs {what}; see CONTRIBUTING.md", allow_module_level=True)


@contextlib.contextmanager
def server(name: str, *more: str) -> Iterator[str]:
    """The address of a server that runs meanwhile."""
    if url := _running(name):
        yield url
        return
    with _started(name, *more) as url:
        yield url


def _script(name: str) -> Path:
    return SCRIPTS / f"{name}.sh"


def _running(name: str) -> str | None:
    url = os.environ.get(f"UNIFIED_LLM_TEST_{name.upper()}") or USUAL.get(name)
    return url if url and _answers(url + HEALTH[name]) else None


@contextlib.contextmanager
def _started(name: str, *more: str) -> Iterator[str]:
    state = Path(os.environ[FOLDER]).absolute() / name
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["bash", _script(name), state, str(port), *more]
    made = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert made.returncode == 0, made.stderr[-500:]
    process = int((state / "pid").read_text())
    url = f"http://127.0.0.1:{port}"
    try:
        assert _answers(url + HEALTH[name], seconds=20), f"no answer; see {state / 'server.log'}"
        yield url
    finally:
        _stop(process)


def _answers(url: str, seconds: float = 0) -> bool:
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(url, timeout=1, trust_env=False).status_code == 200
        if time.monotonic() > until:
            return False
        time.sleep(0.1)


def _stop(process: int) -> None:
    for how, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 1.0)):
        until = time.monotonic() + seconds
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, how)
            while time.monotonic() < until:
                os.kill(process, 0)
                time.sleep(0.05)
