"""The command line, each command as it is called."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unified_llm import __version__, catalog, cli
from unified_llm.cli import main
from unified_llm.testing import Answer, LoopbackProvider

ROOT = Path(__file__).parent.parent
MODULE = [sys.executable, "-W", "error", "-m", "unified_llm"]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackProvider]:
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
    with LoopbackProvider() as provider:
        yield provider


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MODULE, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, **options)


def environment_without_keys() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.upper().endswith(("_KEY", "_PROXY"))}


# --- demo ------------------------------------------------------------------------------------------------------------


def test_the_demo_streams_from_three_models_and_shows_what_they_cost(capsys):
    assert main(["demo"]) == 0
    shown, complaints = capsys.readouterr()
    assert complaints == ""
    for model, adapter in (
        ("claude-sonnet-4-5", "anthropic_messages"),
        ("claude-2.1", "anthropic_complete"),
        ("gpt-4.1", "openai_chat"),
    ):
        assert f"{model} over {adapter}:\nChange one string. " in shown
    rows = [line.split() for line in shown.splitlines()[-3:]]
    assert rows[0][:4] == ["claude-sonnet-4-5", "anthropic_messages", "13", "21"]
    assert rows[1] == ["claude-2.1", "anthropic_complete", "not", "told", "not", "told", "unknown"]
    assert re.fullmatch(r"\$0\.000\d{3}", rows[2][-1])


def test_the_demo_runs_as_a_module_with_no_key():
    done = run("demo", env=environment_without_keys())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Change one string.") == 3


def test_the_module_ends_with_the_code_of_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["unified_llm", "models", "no-such-model"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("unified_llm", run_name="__main__")
    assert ended.value.code == 1
    assert "no-such-model" in capsys.readouterr().err


def test_importing_the_module_runs_nothing(capsys):
    runpy.run_module("unified_llm.__main__", run_name="imported")
    assert capsys.readouterr() == ("", "")


# --- ask -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [[], ["--no-stream"]])
@pytest.mark.parametrize("model", ["gpt-4.1", "claude-2.1", "claude-sonnet-4-5"])
def test_ask_prints_the_answer(provider, capsys, model, mode):
    assert main(["ask", model, "Hi", "--base-url", provider.url, *mode]) == 0
    assert capsys.readouterr() == ("Hello! You said: Hi\n", "")
    assert bool(provider.requests[-1].json.get("stream")) == (not mode)


def test_ask_sends_what_its_options_say(provider):
    options = ["--system", "Be brief.", "--max-tokens", "7", "--temperature", "0.5", "--base-url", provider.url]
    assert main(["ask", "gpt-4.1", "Hi", *options]) == 0
    body = provider.requests[-1].json
    assert [message["content"] for message in body["messages"]] == ["Be brief.", "Hi"]
    assert (body.get("max_tokens") or body["max_completion_tokens"], body["temperature"]) == (7, 0.5)


def test_ask_sends_nothing_that_no_option_says(provider):
    assert main(["ask", "gpt-4.1", "Hi", "--base-url", provider.url, "--no-stream"]) == 0
    assert provider.requests[-1].json.keys() == {"model", "messages"}


def test_ask_reads_the_question_from_stdin(provider, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("a long question"))
    assert main(["ask", "gpt-4.1", "-", "--base-url", provider.url]) == 0
    assert capsys.readouterr().out == "Hello! You said: a long question\n"


@pytest.mark.parametrize("mode", [[], ["--no-stream"]])
def test_ask_tells_what_was_left_out(provider, capsys, mode):
    assert main(["ask", "o3", "Hi", "--temperature", "0.5", "--base-url", provider.url, *mode]) == 0
    shown, warning = capsys.readouterr()
    assert shown == "Hello! You said: Hi\n"
    assert warning.startswith("warning: temperature")


@pytest.mark.parametrize("mode", [[], ["--no-stream"]])
def test_ask_tells_an_error_in_one_sentence(provider, capsys, mode):
    provider.answers(Answer(status=401, error="that key\nis not known"))
    assert main(["ask", "gpt-4.1", "Hi", "--base-url", provider.url, *mode]) == 1
    shown, error = capsys.readouterr()
    assert shown == ""
    assert error == "error: openai/gpt-4.1: HTTP 401: that key is not known\n"


def test_ask_ends_the_line_of_an_answer_that_breaks_off(provider, capsys):
    provider.answers(Answer("So far", stream_error="overloaded_error"))
    assert main(["ask", "claude-sonnet-4-5", "Hi", "--base-url", provider.url]) == 1
    shown, error = capsys.readouterr()
    assert shown == "So far\n"
    assert re.fullmatch("error: .*overloaded_error\n", error)


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [("no-such-model", [], "no provider is known"), ("gpt-4.1", ["--base-url", "nowhere"], "base_url")],
)
def test_ask_refuses_what_makes_no_sense(provider, capsys, model, options, words):
    assert main(["ask", model, "Hi", *options]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert words in error


def test_a_missing_key_is_told_by_the_name_of_its_variable(tmp_path):
    arguments = [sys.executable, "-m", "unified_llm", "ask", "gpt-4.1", "Hi"]
    environment = {**environment_without_keys(), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert "OPENAI_API_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_quietly_with_130(provider):
    provider.answers(Answer("one two three", chunk_delay=30))
    # a test run in the background ignores SIGINT, and its children inherit that
    heeding = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    command = f"{heeding}from unified_llm.cli import main; sys.exit(main())"
    arguments = [sys.executable, "-c", command, "ask", "claude-2.1", "Hi", "--base-url", provider.url]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        assert asking.stdout.read(3) == b"one"
        asking.send_signal(signal.SIGINT)
        _, complaints = asking.communicate(timeout=30)
    assert (asking.returncode, complaints) == (130, b"")
    assert provider.wait_for_abort()


# --- models ----------------------------------------------------------------------------------------------------------


def test_models_are_plain_columns_in_a_pipe(capsys):
    assert main(["models", "openai/gpt-4.1"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert re.split(r" {2,}", header) == [
        "model",
        "context",
        "max output",
        "$ in/M",
        "$ out/M",
        "capabilities",
        "status",
    ]
    (row,) = [row for row in rows if row.startswith("openai/gpt-4.1 ")]
    assert re.split(r" {2,}", row)[1:5] == ["1,047,576", "32,768", "2", "8"]
    assert "tools" in row[header.index("capabilities") :]
    assert row == row.rstrip()


def test_all_models_are_listed_without_a_word(capsys):
    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    assert listed.count("\n") > 1000
    assert "retired" not in listed


def test_retired_models_are_listed_only_with_all(capsys):
    assert main(["models", "anthropic/claude-2.1"]) == 1
    shown, error = capsys.readouterr()
    assert (shown, error) == (
        "",
        "error: no model has 'anthropic/claude-2.1' in its name; --all lists 1 that are retired\n",
    )
    assert main(["models", "anthropic/claude-2.1", "--all"]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("retired 2025-07-21")


def test_a_word_that_no_model_has_is_an_error(capsys):
    assert main(["models", "no-such-model"]) == 1
    assert capsys.readouterr() == ("", "error: no model has 'no-such-model' in its name\n")


def test_models_as_json_are_an_object_a_line_with_all_that_is_known(capsys):
    assert main(["models", "OPENAI/GPT-4.1", "--json"]) == 0
    rows = {row["model"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["openai/gpt-4.1"]["price"]["output"] == 8
    assert rows["openai/gpt-4.1"]["context"] == 1047576
    assert all("openai/gpt-4.1" in model for model in rows)


@pytest.mark.skipif(importlib.util.find_spec("rich") is None, reason="rich, of the extra cli, is not installed")
def test_rich_draws_the_table_for_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "xterm")
    assert main(["models", "openai/gpt-4.1-nano"]) == 0
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert "─────" in shown
    assert re.search(r"openai/gpt-4\.1-nano +1,047,576 +32,768 +0\.1 +0\.4 ", shown)


def test_a_terminal_without_rich_gets_plain_columns(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "rich", None)
    assert main(["models", "openai/gpt-4.1-nano"]) == 0
    assert re.search(r"^openai/gpt-4\.1-nano +1,047,576 ", capsys.readouterr().out, re.MULTILINE)


def test_a_reader_that_leaves_early_is_no_trouble(monkeypatch, capsys):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(["models"]) == 1
    assert capsys.readouterr().err == ""


NARROWED = {
    ("--provider", "Together_AI"): lambda row: row["model"].startswith("together/"),
    ("--capability", "pdf", "--capability", "audio"): lambda row: {"pdf", "audio"} <= set(row["has"]),
    ("--max-price", "0.1"): lambda row: max(row["price"]["input"], row["price"]["output"]) <= 0.1,
    ("--provider", "groq", "--capability", "tools", "--max-price", "1"): lambda row: row["model"].startswith("groq/"),
}


@pytest.mark.parametrize("options", NARROWED, ids=" ".join)
def test_models_are_narrowed_by_provider_capability_and_price(capsys, options):
    assert main(["models", "--json", *options]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows
    assert all(NARROWED[options](row) for row in rows)


def test_what_no_model_offers_is_an_error(capsys):
    assert main(["models", "--provider", "anthropic", "--max-price", "0"]) == 1
    assert capsys.readouterr().err.startswith("error: no model has '' in its name and all that is asked for")


def test_a_provider_that_there_is_none_of_is_answered_with_the_nearest(capsys):
    assert main(["models", "--provider", "antropic"]) == 1
    assert capsys.readouterr().err == "error: no provider is named 'antropic'; did you mean anthropic?\n"


# --- providers -------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_keys(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for row in catalog.load()["providers"].values():
        for name in [*row.get("key_env", []), *row.get("token_env", []), *row.get("url_env", [])]:
            monkeypatch.delenv(name, raising=False)


def providers(capsys, *arguments: str) -> dict[str, dict[str, str]]:
    assert main(["providers", *arguments, "--json"]) == 0
    return {row["provider"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}


def test_every_provider_is_listed_with_the_variable_of_its_key(no_keys, capsys):
    rows = providers(capsys)
    assert rows.keys() == catalog.load()["providers"].keys()
    assert rows["groq"]["variable"] == "GROQ_API_KEY"
    assert (rows["groq"]["key"], rows["vllm"]["key"]) == ("not set", "none needed")


def test_a_key_is_told_to_be_set_and_never_shown(no_keys, monkeypatch, capsys):
    monkeypatch.setenv("GOOGLE_API_KEY", "hush-hush")
    assert main(["providers", "gemini"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^gemini +https://generativelanguage\S+ +GOOGLE_API_KEY +set +", shown, re.MULTILINE)
    assert "hush" not in shown


def test_a_password_in_an_address_is_not_shown(no_keys, monkeypatch, capsys):
    monkeypatch.setenv("OLLAMA_HOST", "http://me:hush@box:11434")
    assert providers(capsys, "ollama")["ollama"]["address"] == "http://...@box:11434"


def test_those_that_can_be_asked_are_those_with_a_key_or_no_need_of_one(no_keys, monkeypatch, capsys):
    monkeypatch.setenv("GROQ_API_KEY", "k")
    ready = providers(capsys, "--set")
    assert {"groq", "vllm", "custom"} <= ready.keys()
    assert "openai" not in ready


def test_a_provider_is_found_by_its_other_names(no_keys, capsys):
    assert "together" in providers(capsys, "together_ai")


@pytest.mark.parametrize(("arguments", "hint"), [(["zzz"], ""), (["groq", "--set"], "; without --set 1 are listed")])
def test_a_word_that_no_provider_has_is_an_error(no_keys, capsys, arguments, hint):
    assert main(["providers", *arguments]) == 1
    assert capsys.readouterr() == ("", f"error: no provider has {arguments[0]!r} in its name{hint}\n")


# --- catalog ---------------------------------------------------------------------------------------------------------

OLD = {"models": {"acme": {"a": {"price": {"input": 1, "output": 2}}, "b": {}, "c": {"has": ["tools"]}}}}
NEW = {"models": {"acme": {"a": {"price": {"input": 3, "output": 2.5}}, "c": {"has": ["tools", "pdf"]}, "d": {}}}}


def written(path: Path, rows: Any) -> str:
    path.write_text(json.dumps(rows))
    return str(path)


def test_a_catalog_without_fault_is_checked_in_silence(tmp_path, capsys):
    path = written(tmp_path / "own.json", {"providers": {"acme": {"url": "https://llm.example/v1", "keyless": True}}})
    assert main(["catalog", "check", path]) == 0
    assert capsys.readouterr() == ("", "")


def test_each_fault_of_a_catalog_is_a_line(tmp_path, capsys):
    path = written(tmp_path / "own.json", {"providers": {"acme": {"url": "https://llm.example/v1/"}}})
    assert main(["catalog", "check", path]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "providers.acme.url: ends with a slash",
        "providers.acme: has neither key_env nor keyless",
    ]


def test_a_difference_of_catalogs_is_a_line_and_jumps_are_marked(tmp_path, capsys):
    assert main(["catalog", "diff", written(tmp_path / "old", OLD), written(tmp_path / "new", NEW)]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["~", "models.acme.a", "price.input", "1", "3", "price", "jump"],
        ["~", "models.acme.a", "price.output", "2", "2.5"],
        ["-", "models.acme.b"],
        ["~", "models.acme.c", "has", "tools", "tools", "pdf"],
        ["+", "models.acme.d"],
    ]


def test_catalogs_that_are_the_same_have_no_difference(tmp_path, capsys):
    path = written(tmp_path / "same", OLD)
    assert main(["catalog", "diff", path, path]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_file_that_is_no_catalog_is_an_error(tmp_path, capsys, text):
    path = tmp_path / "own.json"
    if text is not None:
        path.write_text(text)
    assert main(["catalog", "check", str(path)]) == 1
    shown, error = capsys.readouterr()
    assert shown == ""
    assert error.startswith("error: ")
    assert "own.json" in error


# --- all of it -------------------------------------------------------------------------------------------------------


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"unified_llm {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["ask", "gpt-4.1"], ["ask", "gpt-4.1", "Hi", "--api-key", "k"]]
)
def test_arguments_that_make_no_sense_end_with_2_and_the_usage(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: unified-llm")


def test_the_arguments_are_those_of_the_process_where_none_are_given(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["unified-llm", "models", "openai/gpt-4.1-nano"])
    assert main() == 0
    assert "openai/gpt-4.1-nano" in capsys.readouterr().out


def test_an_interrupted_command_ends_with_130(monkeypatch, capsys):
    def interrupted() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"read": staticmethod(interrupted)}))
    assert main(["ask", "gpt-4.1", "-"]) == cli.INTERRUPTED == 130
    assert capsys.readouterr() == ("", "")
