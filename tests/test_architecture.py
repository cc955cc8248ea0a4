"""The rules of the architecture, held against the source itself."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import unified_llm
from unified_llm import adapters

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "unified_llm"
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES, MOST_FUNCTION_LINES, MOST_IMPORT_SECONDS = 700, 50, 0.030

LAYERS = (
    "types errors json_codec media_types secrecy",
    "framing pricing config catalog content messages params response media_fetch docstrings schemas tool_schema "
    "formats schema_check answer_types",
    "adapters auth google_auth sigv4",
    "flow fan_out chunks retries catalog_check",
    "tools structured answer_tool router limits batch cache telemetry",
    "aiohttp_session transport drivers sdk_client",
    "api token_count preview costs agent cli testing __main__",
)
LAYER_OF = {module: height for height, modules in enumerate(LAYERS) for module in modules.split()}

ID_EXEMPTIONS = {
    ("adapters/__init__.py", "gemini"): "the name of a wire format",
    ("adapters/gemini_contents.py", "gemini"): "the name of a wire format",
    ("adapters/token_counts.py", "gemini"): "the name of a wire format",
    ("adapters/server_tools.py", "gemini"): "the name of a wire format",
    ("catalog.py", "custom"): "the row that stands for whatever OpenAI-compatible server base_url names",
    ("params.py", "custom"): "a type of OpenAI's tools and tool choices",
    ("tool_schema.py", "custom"): "a type of OpenAI's tools",
    ("tools.py", "custom"): "a type of OpenAI's tool calls",
    ("adapters/openai_chat.py", "custom"): "a type of OpenAI's tool calls",
    ("adapters/anthropic_messages.py", "custom"): "a type of OpenAI's tools",
    ("adapters/responses_items.py", "custom"): "a type of OpenAI's tools and tool calls",
    ("chunks.py", "custom"): "a type of OpenAI's tool calls",
    ("sdk_client.py", "anthropic"): "the name of a package, whose clients send for every provider that it knows",
}
"""String literals that equal the id of a provider and mean something else."""

BROAD_EXEMPTIONS = {
    ("drivers.py", "_pump"): "Streaming.broken() raises it again, or the error that it stands for",
    ("tools.py", "_begun"): "the loop tells it to the model",
    ("agent.py", "_outcome"): "the loop tells it to the model, or raises it",
    ("agent.py", "_aoutcome"): "likewise",
}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def module_of(path: Path) -> str:
    parts = [part for part in path.relative_to(ROOT).with_suffix("").parts if part != "__init__"]
    return ".".join(parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def walk(node: ast.AST, *, type_checking: bool = True) -> Iterator[ast.AST]:
    """Every node below; without the bodies of `if TYPE_CHECKING:` if so asked."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not type_checking and isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield from walk(child, type_checking=type_checking)


def imported(path: Path, *, type_checking: bool) -> set[str]:
    """The dotted names that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in walk(tree_of(path), type_checking=type_checking):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


MODULES = {module_of(path): path for path in FILES}


def imported_modules(path: Path) -> set[str]:
    """The modules of this package that a module imports when it runs."""
    found: set[str] = set()
    for name in imported(path, type_checking=False):
        module = name if name in MODULES else name.rpartition(".")[0]
        if module in MODULES and MODULES[module] != path:
            found.add(module)
    return found


def layer(module: str) -> int:
    head = module.split(".")[1] if "." in module else None
    if head is None:
        return 0  # the package itself: names that are loaded on first use, and the version
    assert head in LAYER_OF, f"{module} is in no layer: add it to LAYERS"
    return LAYER_OF[head]


# --- imports -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_imports_nothing_from_a_higher_layer(path: Path) -> None:
    own = layer(module_of(path))
    assert {module for module in imported_modules(path) if layer(module) > own} == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: imported_modules(path) - {"unified_llm"} for module, path in MODULES.items()}
    while leaves := {module for module, wanted in graph.items() if not wanted & graph.keys()}:
        graph = {module: wanted for module, wanted in graph.items() if module not in leaves}
    assert graph == {}


CARRIERS = {"httpx": "transport.py", "httpcore": "transport.py", "httpx2": "transport.py"}
CARRIERS |= {"httpx_aiohttp": "transport.py", "aiohttp": "aiohttp_session.py"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_each_http_library_is_imported_in_one_file(path: Path) -> None:
    roots = {name.partition(".")[0] for name in imported(path, type_checking=True)}
    assert {root for root in roots & CARRIERS.keys() if CARRIERS[root] != path.name} == set()


ADAPTER_FILES = [path for path in FILES if path.parent.name in ("adapters", "framing")]


@pytest.mark.parametrize("path", ADAPTER_FILES, ids=name_of)
def test_adapters_and_framings_see_no_socket_clock_environment_or_log(path: Path) -> None:
    roots = {name.partition(".")[0] for name in imported(path, type_checking=False)}
    assert roots & {"os", "time", "socket", "logging", "ssl", "asyncio", "threading", "random", "urllib"} == set()


# --- what the source must not say ----------------------------------------------------------------------------------


def docstrings(tree: ast.Module) -> set[int]:
    """The ids of the nodes that are bare strings: docstrings of modules, classes, functions and fields."""
    return {
        id(node.value) for node in walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def provider_literals() -> set[tuple[str, str]]:
    ids = {id.lower() for id in json.loads((ROOT / "model_catalog.json").read_text(encoding="utf-8"))["providers"]}
    found: set[tuple[str, str]] = set()
    for path in FILES:
        documentation = docstrings(tree_of(path))
        found |= {
            (name_of(path), node.value.lower())
            for node in walk(tree_of(path))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
            if node.value.lower() in ids
        }
    return found


def test_no_provider_id_is_a_string_literal() -> None:
    assert provider_literals() - ID_EXEMPTIONS.keys() == set()


def test_every_exempted_literal_is_still_there() -> None:
    present = {exemption for exemption in ID_EXEMPTIONS if (PACKAGE / exemption[0]).exists()}
    assert present <= provider_literals()


@pytest.mark.parametrize("path", [path for path in FILES if path.name not in ("cli.py", "__main__.py")], ids=name_of)
def test_only_the_command_line_prints(path: Path) -> None:
    calls = [node for node in walk(tree_of(path)) if isinstance(node, ast.Call)]
    assert [call.lineno for call in calls if ast.unparse(call.func) in ("print", "sys.stdout.write")] == []


def broad_handlers(path: Path) -> Iterator[tuple[str, int]]:
    """Function and line of every handler that catches everything and has no raise."""
    for function in walk(tree_of(path)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in walk(function):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = {ast.unparse(kind) for kind in walk(node.type)} if node.type else {"BaseException"}
            raises = any(isinstance(inner, ast.Raise) for statement in node.body for inner in walk(statement))
            if caught & {"Exception", "BaseException"} and not raises:
                yield function.name, node.lineno


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_whoever_catches_every_exception_raises_again(path: Path) -> None:
    silent = [line for name, line in broad_handlers(path) if (name_of(path), name) not in BROAD_EXEMPTIONS]
    assert silent == []


# --- ceilings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_function_is_short(path: Path) -> None:
    functions = [node for node in walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert {node.name: size for node in functions if (size := length(node)) > MOST_FUNCTION_LINES} == {}


# --- adapters ------------------------------------------------------------------------------------------------------


def adapter(name: str) -> ModuleType:
    return importlib.import_module(f"unified_llm.adapters.{name}")


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", adapters.NAMES)
def test_an_adapter_has_the_six_names_of_the_contract(name: str) -> None:
    module = adapter(name)
    assert parameters(module.render) == ["call"]
    assert parameters(module.parse) == ["call", "body"]
    assert parameters(module.explain) == ["status", "body"]
    assert parameters(module.Decoder) == ["call"]
    assert parameters(module.Decoder.feed) == ["self", "data"]
    assert parameters(module.Decoder.close) == ["self"]
    assert callable(module.FRAMING().feed)
    assert callable(module.FRAMING().close)
    assert module.Quirks.__total__ is False


@pytest.mark.parametrize("name", adapters.NAMES)
def test_an_adapter_makes_nothing_public_beside_the_contract(name: str) -> None:
    module = adapter(name)
    public = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ == module.__name__
    }
    assert public - {"render", "parse", "Decoder", "explain", "Quirks"} == set()


def quirk_documentation(name: str) -> dict[str, str]:
    """Each key of an adapter's Quirks, with the docstring that stands below it."""
    tree = tree_of(PACKAGE / "adapters" / f"{name}.py")
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Quirks").body
    following = dict(zip(body, [*body[1:], ast.Pass()], strict=True))
    return {
        ast.unparse(node.target): str(after.value.value)
        if isinstance(after := following[node], ast.Expr) and isinstance(after.value, ast.Constant)
        else ""
        for node in body
        if isinstance(node, ast.AnnAssign)
    }


QUIRKS = [(name, key) for name in adapters.NAMES for key in quirk_documentation(name)]


@pytest.mark.parametrize(("name", "key"), QUIRKS)
def test_a_quirk_is_documented_with_its_default(name: str, key: str) -> None:
    assert "Default: " in quirk_documentation(name)[key]


@pytest.mark.parametrize(("name", "key"), QUIRKS)
def test_a_quirk_names_its_source(name: str, key: str) -> None:
    assert "https://" in quirk_documentation(name)[key]


# --- the public face -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", unified_llm.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(unified_llm, name) is not None
    assert name in dir(unified_llm)


def test_the_public_names_are_sorted_and_unique() -> None:
    assert unified_llm.__all__ == sorted(set(unified_llm.__all__))


def test_the_public_names_are_those_that_type_checkers_see() -> None:
    tree = tree_of(PACKAGE / "__init__.py")
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = [alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(seen) == unified_llm.__all__


def test_a_name_that_does_not_exist_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="complete_me"):
        _ = unified_llm.complete_me


# --- importing does nothing ----------------------------------------------------------------------------------------

PROBE = """
import sys, time
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith(("socket.", "subprocess.")) else None)
before, begun = set(sys.modules), time.process_time()
import unified_llm
took = time.process_time() - begun
loaded = sorted(set(sys.modules) - before)
import _thread, json
report = dict(took=took, loaded=loaded, opened=opened, threads=_thread._count())
open(sys.argv[1], "w").write(json.dumps(report))
"""


@pytest.fixture(scope="module")
def import_report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What importing the package in a fresh interpreter did; the time is the best of several."""
    out = tmp_path_factory.mktemp("import") / "report.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    reports = []
    for _ in range(5):
        ran = subprocess.run([sys.executable, "-c", PROBE, out], env=environment, capture_output=True, check=True)
        reports.append({**json.loads(out.read_text()), "printed": ran.stdout + ran.stderr})
    return min(reports, key=lambda report: report["took"])


HEAVY = "httpx pydantic pydantic_core asyncio tenacity ssl logging anthropic aiohttp dotenv".split()


@pytest.mark.parametrize("module", HEAVY)
def test_importing_the_package_does_not_load(module: str, import_report: dict[str, list[str]]) -> None:
    assert module not in import_report["loaded"]


def test_importing_the_package_starts_no_thread_opens_no_socket_and_prints_nothing(
    import_report: dict[str, object],
) -> None:
    assert {key: import_report[key] for key in ("threads", "opened", "printed")} == {
        "threads": 0,
        "opened": [],
        "printed": b"",
    }


def test_importing_the_package_takes_under_30_milliseconds(import_report: dict[str, float]) -> None:
    assert import_report["took"] < MOST_IMPORT_SECONDS
