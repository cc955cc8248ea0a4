"""The command line: `python -m unified_llm`, or `unified-llm` where the package is installed."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from unified_llm import __version__, json_codec
from unified_llm.api import completion
from unified_llm.catalog import Model, resolve, search
from unified_llm.drivers import Stream
from unified_llm.errors import UnifiedLLMError
from unified_llm.response import Completion
from unified_llm.testing import Answer, LoopbackProvider
from unified_llm.types import JSON

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ended, as shells have it."""


class Column(NamedTuple):
    """A column of a table."""

    name: str
    align: Literal["left", "right"] = "left"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: the arguments behind the program's name; None for those of this process.

    Returns:
        The exit code: 0; 1 after an error, which is told in one sentence on stderr; 130 after Ctrl-C.

    Raises:
        SystemExit: after `--help` and `--version`, and with code 2 when the arguments make no sense.

    Example:
        >>> main(["models", "openai/gpt-4.1-nano", "--json"])  # doctest: +SKIP
    """
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # the reader left, as `head` does; without this Python would complain again when it flushes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (UnifiedLLMError, TypeError) as error:
        print("error:", *str(error).split(), file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unified-llm", description="One completion() for every language model.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"unified_llm {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="stream from three models over real HTTP, with no key and no network")
    demo.set_defaults(run=_demo)

    ask = commands.add_parser("ask", help="ask a model; its key comes from the environment or .env")
    ask.add_argument("model", help="such as claude-sonnet-4-5, gpt-4.1 or groq/llama-3.3-70b-versatile")
    ask.add_argument("prompt", help="the question; - reads it from stdin")
    ask.add_argument("--system", metavar="TEXT", help="the system prompt")
    ask.add_argument("--max-tokens", type=int, metavar="N", help="the most tokens the answer may have")
    ask.add_argument("--temperature", type=float, metavar="T")
    ask.add_argument("--base-url", metavar="URL", help="ask there instead of at the provider's address")
    ask.add_argument("--no-stream", action="store_true", help="print the answer when it is complete")
    ask.set_defaults(run=_ask)

    models = commands.add_parser("models", help="list the models of the catalog")
    models.add_argument("word", nargs="?", default="", help="list those with this in provider/model")
    models.add_argument("--all", action="store_true", help="list retired models too")
    models.add_argument("--json", action="store_true", help="print a JSON object a line, with all that is known")
    models.set_defaults(run=_models)
    return parser


# --- demo ------------------------------------------------------------------------------------------------------------

_DEMO_MODELS = ("claude-sonnet-4-5", "claude-2.1", "gpt-4.1")
_DEMO_PROMPT = "How do I swap models?"
_DEMO_ANSWER = Answer(
    text="Change one string. The call, the chunks and the response stay the same, whoever answers.",
    usage=(13, 21),
    chunk_delay=0.03,
)
_DEMO_COLUMNS = (
    Column("model"),
    Column("wire format"),
    Column("prompt tokens", "right"),
    Column("answer tokens", "right"),
    Column("cost", "right"),
)


def _demo(arguments: argparse.Namespace) -> int:
    """Ask three models of a provider in this very process."""
    os.environ["NO_PROXY"] = "127.0.0.1"  # which no proxy between here and the network would reach
    rows: list[list[str]] = []
    with LoopbackProvider(*[_DEMO_ANSWER] * len(_DEMO_MODELS)) as provider:
        print(f"A provider at {provider.url} plays all of them; the HTTP is real.\n\n> {_DEMO_PROMPT}\n")
        for model in _DEMO_MODELS:
            adapter = resolve(model).adapter
            print(f"{model} over {adapter}:")
            stream = completion(model, _DEMO_PROMPT, stream=True, base_url=provider.url, api_key="none is needed")
            _print_stream(stream)
            print()
            rows.append([model, adapter, *_bill(stream.completion())])
    _print_columns(_DEMO_COLUMNS, rows)
    return 0


def _bill(response: Completion) -> list[str]:
    usage, cost = response["usage"], response.cost
    if usage is None:
        return ["not told", "not told", "unknown"]
    spent = "unknown" if cost is None else f"${cost:.6f}"
    return [str(usage["prompt_tokens"]), str(usage["completion_tokens"]), spent]


# --- ask -------------------------------------------------------------------------------------------------------------


def _ask(arguments: argparse.Namespace) -> int:
    prompt = sys.stdin.read() if arguments.prompt == "-" else arguments.prompt
    system = [("system", arguments.system)] if arguments.system else []
    made = completion(
        arguments.model,
        [*system, ("user", prompt)],
        not arguments.no_stream,
        max_tokens=arguments.max_tokens,
        temperature=arguments.temperature,
        base_url=arguments.base_url,
    )
    if isinstance(made, Stream):
        _print_stream(made)
        warnings = made.warnings
    else:
        print(made.text)
        warnings = made["warnings"]
    for warning in warnings:
        print("warning:", warning, file=sys.stderr)
    return 0


def _print_stream(stream: Stream) -> None:
    """Print an answer as it comes; its line is ended also where the answer breaks off."""
    try:
        with stream:
            for chunk in stream:
                print(chunk["choices"][0]["delta"]["content"] or "", end="", flush=True)
    finally:
        print()


# --- models ----------------------------------------------------------------------------------------------------------

_MODEL_COLUMNS = (
    Column("model"),
    Column("context", "right"),
    Column("max output", "right"),
    Column("$ in/M", "right"),
    Column("$ out/M", "right"),
    Column("capabilities"),
    Column("status"),
)


def _models(arguments: argparse.Namespace) -> int:
    found = search(arguments.word)
    shown = [row for row in found if arguments.all or row[2].get("status") != "retired"]
    if not shown:
        hint = f"; --all lists {len(found)} that are retired" if found else ""
        print(f"error: no model has {arguments.word!r} in its name{hint}", file=sys.stderr)
        return 1
    if arguments.json:
        for provider, name, facts in shown:
            print(json_codec.dumps({"model": f"{provider}/{name}", **facts}))
    else:
        _print_table(_MODEL_COLUMNS, [_model_row(f"{provider}/{name}", facts) for provider, name, facts in shown])
    return 0


def _model_row(name: str, facts: Model) -> list[str]:
    price: JSON = {**facts.get("price", {})}
    status = " ".join(word for word in (facts.get("status"), facts.get("ends")) if word)
    return [
        name,
        _number(facts.get("context")),
        _number(facts.get("max_output")),
        _number(price.get("input")),
        _number(price.get("output")),
        " ".join(facts.get("has", [])),
        status,
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


# --- tables ----------------------------------------------------------------------------------------------------------


def _print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print for a reader at a terminal with rich, where that is installed; for a pipe always plain columns."""
    rich = _rich() if sys.stdout.isatty() else None
    if rich is None:
        _print_columns(columns, rows)
        return
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column.name, justify=column.align, no_wrap=column.align == "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    rich.console.Console(markup=False, highlight=False).print(table)


def _rich() -> Any:
    """The package rich, which the extra `cli` brings; None where it is not installed."""
    try:
        for part in ("box", "console", "table"):
            importlib.import_module(f"rich.{part}")
        return importlib.import_module("rich")
    except ImportError:
        return None


def _print_columns(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    lines = [[column.name for column in columns], *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(line, widths, columns, strict=True)
        aligned = [cell.rjust(width) if column.align == "right" else cell.ljust(width) for cell, width, column in cells]
        print("  ".join(aligned).rstrip())
