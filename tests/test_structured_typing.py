"""What type checkers make of `response_format`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PROGRAM = """
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Unpack, assert_type

from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypedDict

from unified_llm import AsyncStream, Completion, Stream, acompletion, completion
from unified_llm import AsyncToolStream, ToolRun, ToolStream, arun_tools, run_tools
from unified_llm.types import CompletionOptions


class User(BaseModel):
    name: str

@dataclass
class Point:
    x: int

class City(TypedDict):
    name: str

class Color(Enum):
    RED = 1


assert_type(completion("m", "Hi", response_format=User), Completion[User])
assert_type(completion("m", "Hi", response_format=User).parsed, User)
assert_type(completion("m", "Hi", response_format=User)["choices"][0]["message"]["content"], str | None)
assert_type(completion("m", "Hi", response_format=User, temperature=0.5, tools=[]).parsed.name, str)
assert_type(completion("m", "Hi", response_format=Point).parsed, Point)
assert_type(completion("m", "Hi", response_format=City).parsed, City)
assert_type(completion("m", "Hi", response_format=Color).parsed, Color)
assert_type(completion("m", "Hi", response_format=list[User]).parsed, list[User])
assert_type(completion("m", "Hi", response_format=dict[str, int]).parsed, dict[str, int])
assert_type(completion("m", "Hi", response_format=TypeAdapter(User | None)).parsed, User | None)
assert_type(completion("m", "Hi", response_format=Literal["a", "b"]).parsed, Any)
assert_type(completion("m", "Hi", response_format=User | Point).parsed, Any)
assert_type(completion("m", "Hi", response_format={"type": "json_object"}).parsed, Any)
assert_type(completion("m", "Hi", response_format=None).parsed, Any)
assert_type(completion("m", "Hi"), Completion)

stream = completion("m", "Hi", response_format=User, stream=True)
assert_type(stream, Stream[User])
assert_type(stream.completion().parsed, User)
for value in stream.partial():
    assert_type(value, Any)
with stream as opened:
    assert_type(opened, Stream[User])


def weather(city: str) -> str:
    return city

run = run_tools("m", "Hi", [weather, User], response_format=User, max_turns=3, temperature=0.5)
assert_type(run, ToolRun[User])
assert_type(run.parsed, User)
assert_type(run.turns, list[Completion[User]])
assert_type(run_tools("m", "Hi", [weather]), ToolRun)
assert_type(run_tools("m", "Hi", [weather], response_format={"type": "json_object"}).parsed, Any)
running = run_tools("m", "Hi", [weather], response_format=list[User], stream=True)
assert_type(running, ToolStream[list[User]])
assert_type(running.completion().parsed, list[User])


async def main() -> None:
    assert_type((await arun_tools("m", "Hi", [weather], response_format=User)).parsed, User)
    ran = await arun_tools("m", "Hi", [weather], response_format=User, stream=True)
    assert_type(ran, AsyncToolStream[User])
    assert_type(ran.completion(), ToolRun[User])
    assert_type((await acompletion("m", "Hi", response_format=User)).parsed, User)
    awaited = await acompletion("m", "Hi", response_format=list[User], stream=True)
    assert_type(awaited, AsyncStream[list[User]])
    assert_type(awaited.completion().parsed, list[User])


def passes_on(streams: bool, options: CompletionOptions, **more: Unpack[CompletionOptions]) -> None:
    assert_type(completion("m", "Hi", stream=streams), Completion | Stream)
    assert_type(completion("m", "Hi", False, **options), Completion)
    assert_type(completion("m", "Hi", True, **more), Stream)
"""


def test_what_is_parsed_has_the_type_that_was_asked_for(tmp_path):
    pytest.importorskip("pyright")
    command = [sys.executable, "-m", "pyright"]
    if subprocess.run([*command, "--version"], capture_output=True, timeout=300, check=False).returncode != 0:
        pytest.skip("needs node, or a network to fetch it, for pyright")
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "pyrightconfig.json").write_text(f'{{"typeCheckingMode": "strict", "extraPaths": ["{ROOT}"]}}')
    done = subprocess.run(
        [*command, "--pythonpath", sys.executable, "--project", str(tmp_path / "pyrightconfig.json")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
