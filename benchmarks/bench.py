"""What the library itself costs, beside bare httpx in the same run.

    python benchmarks/bench.py [ROUNDS]

Client CPU (user and system time of this process) is the figure to trust, and the ratio more than the figure: machines
differ, and so does one machine from minute to minute. The rounds are interleaved and the best of each counts.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

os.environ["ANTHROPIC_API_KEY"] = "any"
PORTS = {1: 18111, 20: 18112}  # events that share a network write -> port
DELTAS = 2000
PROMPT = [{"role": "user", "content": "Say lorem forty times."}]
BODY = {"model": "claude-sonnet-4-5", "max_tokens": 1024, "messages": PROMPT}
HEADERS = {"x-api-key": "any", "anthropic-version": "2023-06-01"}


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measured(work, times: int) -> float:
    """Microseconds of CPU for each of `times` that `work` does."""
    began = cpu()
    work()
    return (cpu() - began) / times * 1e6


def url(per_write: int) -> str:
    return f"http://127.0.0.1:{PORTS[per_write]}"


def bare(client):
    def call():
        for _ in range(200):
            client.post(url(1) + "/v1/messages", json=BODY, headers=HEADERS).json()["content"][0]["text"]

    def stream(per_write):
        def work():
            with client.stream(
                "POST", url(per_write) + "/v1/messages", json={**BODY, "stream": True}, headers=HEADERS
            ) as response:
                for line in response.iter_lines():
                    if line.startswith("data:"):
                        json.loads(line[5:])

        return work

    return call, stream


def ours():
    from unified_llm import completion

    options = {"model": BODY["model"], "messages": PROMPT, "max_tokens": 1024}

    def call():
        for _ in range(200):
            completion(**options, base_url=url(1))["choices"][0]["message"]["content"]

    def stream(per_write):
        def work():
            for chunk in completion(**options, base_url=url(per_write), stream=True):
                chunk["choices"][0]["delta"]["content"]

        return work

    return call, stream


def many_async() -> float:
    from unified_llm import acompletion

    async def gather():
        options = {"model": BODY["model"], "messages": PROMPT, "max_tokens": 1024, "base_url": url(1)}
        await asyncio.gather(*(acompletion(**options) for _ in range(100)))
        began = cpu()
        for _ in range(5):
            await asyncio.gather(*(acompletion(**options) for _ in range(100)))
        return (cpu() - began) / 500 * 1e6

    return asyncio.run(gather())


def import_cost() -> float:
    """Milliseconds that `import unified_llm` adds to a bare interpreter, the best of ten each."""

    def best(code: str) -> float:
        timed = f"import time; t = time.perf_counter(); {code}; print((time.perf_counter() - t) * 1e3)"
        return min(float(subprocess.check_output([sys.executable, "-c", timed])) for _ in range(10))

    return best("import unified_llm") - best("pass")


def main(rounds: int = 5) -> None:
    import httpx

    here = Path(__file__).parent
    servers = [
        subprocess.Popen([sys.executable, str(here / "server.py"), str(port), str(per_write)], stdout=subprocess.PIPE)
        for per_write, port in PORTS.items()
    ]
    best: dict[str, float] = {}
    try:
        for server in servers:
            server.stdout.readline()
        with httpx.Client() as client:
            sides = {"httpx": bare(client), "unified_llm": ours()}
            for _ in range(rounds):
                for side, (call, stream) in sides.items():
                    for name, work, times in (
                        ("a call", call, 200),
                        ("a streamed chunk", stream(1), DELTAS),
                        ("a streamed chunk, 20 events to a read", stream(20), DELTAS),
                    ):
                        key = f"{name}|{side}"
                        best[key] = min(best.get(key, 1e9), measured(work, times))
            for name in ("a call", "a streamed chunk", "a streamed chunk, 20 events to a read"):
                theirs, mine = best[f"{name}|httpx"], best[f"{name}|unified_llm"]
                print(f"{name:40} httpx {theirs:8.1f} us   unified_llm {mine:8.1f} us   {mine / theirs:.2f} x")
        print(f"{'an async call, 100 at once':40} unified_llm {many_async():8.1f} us")
        print(f"{'import unified_llm':40} {import_cost():8.1f} ms")
    finally:
        for server in servers:
            server.terminate()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
