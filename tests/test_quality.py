"""The linters and the type checker, run as tests."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
USED = '"reportUnnecessaryTypeIgnoreComment": true'
PLACES = ("unified_llm", "tests", "docs", "benchmarks")


def run(module: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_ruff_finds_nothing():
    pytest.importorskip("ruff")
    done = run("ruff", "check", *PLACES)
    assert done.returncode == 0, done.stdout


def test_the_code_is_formatted():
    pytest.importorskip("ruff")
    done = run("ruff", "format", "--check", *PLACES)
    assert done.returncode == 0, done.stdout


def test_pyright_is_content_with_the_package_in_strict_mode():
    pytest.importorskip("pyright")
    if run("pyright", "--version").returncode != 0:
        pytest.skip("needs node, or a network to fetch it, for pyright")
    done = run("pyright", "--pythonpath", sys.executable)
    assert done.returncode == 0, done.stdout


def test_code_of_a_user_is_typed(tmp_path):
    pytest.importorskip("pyright")
    if run("pyright", "--version").returncode != 0:
        pytest.skip("needs node, or a network to fetch it, for pyright")
    program = tmp_path / "program.py"
    program.write_text(
        "from typing import assert_type\n"
        "from unified_llm import AsyncStream, Completion, Stream, acompletion, completion\n"
        "response = completion(model='gpt-4.1', messages=[{'role': 'user', 'content': 'Hi'}])\n"
        "assert_type(response, Completion)\n"
        "assert_type(response['choices'][0]['message']['content'], str | None)\n"
        "assert_type(response.text, str)\n"
        "assert_type(response.cost, float | None)\n"
        "stream = completion('gpt-4.1', 'Hi', stream=True, temperature=0.5)\n"
        "assert_type(stream, Stream)\n"
        "for chunk in stream:\n"
        "    assert_type(chunk['choices'][0]['delta']['content'], str | None)\n"
        "from unified_llm import AsyncToolStream, ToolRun, ToolStream, arun_tools, parse_tool_call, run_tools\n"
        "def get_weather(city: str) -> int: ...\n"
        "class Book:\n"
        "    title: str\n"
        "run = run_tools('gpt-4.1', 'Hi', [get_weather, Book, {'type': 'web_search'}], max_turns=3, temperature=0.5)\n"
        "assert_type(run, ToolRun)\n"
        "assert_type(run.turns, list[Completion])\n"
        "assert_type(run_tools('gpt-4.1', 'Hi', [get_weather], stream=True), ToolStream)\n"
        "assert_type([parse_tool_call(call, [Book]) for call in run.tool_calls], list[Book])\n"
        "completion('gpt-4.1', 'Hi', tools=[get_weather], tool_choice=get_weather)\n"
        "from pathlib import Path\n"
        "from unified_llm import Chunk, Message, RateLimitError, completion_cost, count_tokens\n"
        "history: list[Message] = [{'role': 'user', 'content': ['What is it?', Path('a.png')]}]\n"
        "history += [response.message, {'role': 'user', 'content': 'And?'}]\n"
        "answer = completion('gpt-4.1', history, reasoning_effort='high', max_retries=1, timeout=5)\n"
        "assert_type([call['function']['arguments'] for call in answer.tool_calls], list[str])\n"
        "assert_type(usage['total_tokens'] if (usage := answer['usage']) else None, int | None)\n"
        "with completion('gpt-4.1', 'Hi', stream=True) as opened:\n"
        "    assert_type(next(opened), Chunk)\n"
        "assert_type(opened.completion().cost, float | None)\n"
        "assert_type(completion_cost(answer), float | None)\n"
        "assert_type(count_tokens('gpt-4.1', 'Hi').tokens, int)\n"
        "completion('gpt-4.1', 'Hi', temprature=1)  # pyright: ignore[reportCallIssue]\n"
        "try: ...\n"
        "except RateLimitError as error: assert_type(error.retry_after, float | None)\n"
        "async def main() -> None:\n"
        "    assert_type(await arun_tools('gpt-4.1', 'Hi', [get_weather]), ToolRun)\n"
        "    assert_type(await arun_tools('gpt-4.1', 'Hi', [get_weather], stream=True), AsyncToolStream)\n"
        "    assert_type(await acompletion('gpt-4.1', [('human', 'Hi')]), Completion)\n"
        "    assert_type(await acompletion('gpt-4.1', 'Hi', stream=True), AsyncStream)\n"
    )
    config = tmp_path / "pyrightconfig.json"
    config.write_text(f'{{"typeCheckingMode": "strict", "extraPaths": ["{ROOT}"], {USED}}}')
    done = run("pyright", "--pythonpath", sys.executable, "--project", str(config))
    assert done.returncode == 0, done.stdout


def test_the_wheel_has_the_catalog_and_the_type_marker(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("needs git, to copy what is committed")
    done = run("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT))
    if done.returncode != 0 and "hatchling" in done.stderr:
        pytest.skip("needs hatchling, to build without a network")
    assert done.returncode == 0, done.stderr
    names = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", *map(str, tmp_path.glob("*.whl"))],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "unified_llm/model_catalog.json" in names
    assert "unified_llm/py.typed" in names
    assert "tests/" not in names
