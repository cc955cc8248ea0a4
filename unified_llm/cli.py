"""The command line: `python -m unified_llm`, or `unified-llm` where the package is installed."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast
from urllib.parse import urlsplit

from unified_llm import __version__, catalog, catalog_check, json_codec
from unified_llm.api import completion
from unified_llm.catalog import Model, resolve, search
from unified_llm.catalog_check import CAPABILITIES, Change
from unified_llm.config import address_of, variable
from unified_llm.drivers import Stream
from unified_llm.errors import BadRequestError, UnifiedLLMError
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
    models.add_argument("--provider", metavar="NAME", help="list those of this provider")
    models.add_argument(
        "--capability",
        action="append",
        default=[],
        choices=CAPABILITIES,
        metavar="WORD",
        help=f"list those that are known to have it; may be given again: {', '.join(CAPABILITIES)}",
    )
    models.add_argument(
        "--max-price", type=float, metavar="USD", help="list those whose million tokens cost no more, in and out"
    )
    models.add_argument("--all", action="store_true", help="list retired models too")
    models.add_argument("--json", action="store_true", help="print a JSON object a line, with all that is known")
    models.set_defaults(run=_models)

    providers = commands.add_parser("providers", help="list the providers, and whether their keys are set here")
    providers.add_argument("word", nargs="?", default="", help="list those with this in one of their names")
    providers.add_argument("--set", action="store_true", help="list those that can be asked here")
    providers.add_argument("--json", action="store_true", help="print a JSON object a line")
    providers.set_defaults(run=_providers)

    _add_catalog_commands(commands.add_parser("catalog", help="check a catalog file, or compare two"))
    return parser


def _add_catalog_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="tell what is wrong with a catalog or an overlay, a line each")
    check.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the catalog that is shipped, if not given")
    check.set_defaults(run=_check_catalog)
    diff = commands.add_parser("diff", help="tell what was added, removed and changed between two catalogs")
    diff.add_argument("old", type=Path, metavar="OLD")
    diff.add_argument("new", type=Path, metavar="NEW")
    diff.set_defaults(run=_diff_catalogs)


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
    owner = _provider_id(arguments.provider) if arguments.provider else None
    found = [
        (provider, name, facts)
        for provider, name, facts in search(arguments.word)
        if owner in (None, provider) and _is_wanted(facts, arguments.capability, arguments.max_price)
    ]
    shown = [row for row in found if arguments.all or row[2].get("status") != "retired"]
    if not shown:
        hint = f"; --all lists {len(found)} that are retired" if found else ""
        others = (
            " and all that is asked for" if owner or arguments.capability or arguments.max_price is not None else ""
        )
        print(f"error: no model has {arguments.word!r} in its name{others}{hint}", file=sys.stderr)
        return 1
    if arguments.json:
        for provider, name, facts in shown:
            print(json_codec.dumps({"model": f"{provider}/{name}", **facts}))
    else:
        _print_table(_MODEL_COLUMNS, [_model_row(f"{provider}/{name}", facts) for provider, name, facts in shown])
    return 0


def _provider_id(name: str) -> str:
    """The provider that has this name, in any spelling."""
    rows = catalog.load().get("providers", {})
    ids = {catalog.folded(other): id for id, row in rows.items() for other in (id, *row.get("also", []))}
    if id := ids.get(catalog.folded(name)):
        return id
    near = catalog.nearest(name, [*ids])
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise BadRequestError(f"no provider is named {name!r}{hint}")


def _is_wanted(facts: Model, capabilities: Sequence[str], max_price: float | None) -> bool:
    if not set(capabilities) <= {*facts.get("has", [])}:
        return False
    price = facts.get("price")
    return max_price is None or (price is not None and max(price["input"], price["output"]) <= max_price)


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


# --- providers -------------------------------------------------------------------------------------------------------

_PROVIDER_COLUMNS = (Column("provider"), Column("address"), Column("key variable"), Column("key"), Column("name"))


def _providers(arguments: argparse.Namespace) -> int:
    word = arguments.word.lower()
    rows = [
        _provider_row(id, row.get("name", ""))
        for id, row in catalog.load().get("providers", {}).items()
        if any(word in name.lower() for name in (id, row.get("name", ""), *row.get("also", [])))
    ]
    shown = [row for row in rows if row["key"] != "not set" or not arguments.set]
    if not shown:
        hint = f"; without --set {len(rows)} are listed" if rows else ""
        print(f"error: no provider has {arguments.word!r} in its name{hint}", file=sys.stderr)
        return 1
    if arguments.json:
        for row in shown:
            print(json_codec.dumps(row))
    else:
        _print_table(_PROVIDER_COLUMNS, [[*row.values()] for row in shown])
    return 0


def _provider_row(id: str, name: str) -> dict[str, str]:
    """What can be told of a provider here: of its key only the variable that holds it."""
    route = resolve(f"{id}/-")
    names = (*route.key_env, *route.token_env)
    holder = next((name for name in names if variable((name,))), None)
    state = "set" if holder else "none needed" if route.keyless else "not set"
    shown = holder or " or ".join(names)
    return {
        "provider": id,
        "address": _without_password(address_of(route)),
        "variable": shown,
        "key": state,
        "name": name,
    }


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(netloc=f"...@{parts.netloc.rpartition('@')[2]}").geturl() if "@" in parts.netloc else address


# --- catalog ---------------------------------------------------------------------------------------------------------

_CHANGE_COLUMNS = (Column(""), Column("row"), Column("key"), Column("old"), Column("new"), Column(""))


def _check_catalog(arguments: argparse.Namespace) -> int:
    rows, found = catalog_check.read(arguments.file or catalog.file())
    # without a version it is no whole catalog
    found += catalog_check.findings(rows, None if "version" in rows else catalog.load())
    for finding in found:
        print(finding)
    return 1 if found else 0


def _diff_catalogs(arguments: argparse.Namespace) -> int:
    (old, _), (new, _) = catalog_check.read(arguments.old), catalog_check.read(arguments.new)
    if changes := catalog_check.differences(old, new):
        _print_table(_CHANGE_COLUMNS, [_change_row(change) for change in changes])
    return 0


def _change_row(change: Change) -> list[str]:
    old, new = ("" if value is None else _short(value) for value in (change.old, change.new))
    return [change.sign, change.row, change.key, old, new, "price jump" if change.jump else ""]


def _short(value: Any) -> str:
    return " ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)


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
