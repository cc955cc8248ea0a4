"""Every block of the README and the docs is executed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from unified_llm import catalog
from unified_llm.testing import Answer, LoopbackProvider

ROOT = Path(__file__).parents[1]
FENCED = re.compile(r"^#+ (?P<heading>[^\n]*)$|^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)

SCRIPTS = {  # heading -> what the provider answers there
    "Tools": [Answer(text="Let me look.", tool_calls=(("get_weather", {"city": "LA"}),)), "LA is hotter."],
    "JSON": ['{"name": "Ada", "age": 36}'],
    "Errors, retries, timeouts": [Answer(status=404, error="no such model")],
}

_WEATHER = Answer(text="Let me look.", tool_calls=(("get_weather", {"city": "LA"}),))
_LIMITED = Answer(status=429, headers={"retry-after": "0"})
DOCS = {  # page -> heading -> what the provider answers there
    "catalog.md": {},
    "costs.md": {
        "What an answer cost": [Answer(text="Hi!", usage=(1000, 500))],
        "What a call is going to cost": [Answer(usage=(1000, 1))],
        "How long a prompt is": [Answer(usage=(9, 1))],
    },
    "media.md": {},
    "migrating.md": {
        "From LangChain's ChatAnthropic": [
            Answer(tool_calls=(("GetWeather", {"location": "LA"}), ("GetWeather", {"location": "NY"})))
        ],
        "From Outlines": ["A black dog.", "A dog, black.", '{"value": "yes"}'],
        "From distilabel": ['{"name": "Ada", "last_name": "L", "id": 7}', "Hello!", "Hello, again!"],
        "From Anthropic's SDK": ["By certiorari.", Answer(usage=(3, 1)), *[_LIMITED] * 3],
    },
    "structured.md": {
        "Answers in a form of yours": ['{"name": "Ada", "age": 36}', '{"value": "yes"}'],
        "How the model is asked": [' "Bob", "age": 7}'],
        "When it is no answer": ['{"name": "Eve"}', '{"number": 3}', '{"number": 4}'],
        "Streams": [Answer(text='{"name": "Zoe", "age": 41}', chunk_size=3)],
    },
    "tools.md": {
        "Functions": [_WEATHER, "LA is hotter."],
        "What a run gives": ["Rain."],
        "Streaming": [_WEATHER, "It is warm."],
        "Async": [Answer(tool_calls=(("get_time", {"city": "LA"}), ("get_weather", {"city": "LA"}))), "Half past."],
        "When something goes wrong": [_WEATHER, "It is warm."],
        "Calls that are yours": [Answer(tool_calls=(("BookFlight", {"to": "LA", "price": 99}),)), "Have fun."],
        "Tools that the provider runs": ["Nothing."],
        "Tools from elsewhere": [Answer(tool_calls=(("read_file", {"path": "a.txt"}),)), "It says a."],
    },
}
PRINTED = {  # page -> what its blocks print among other things
    "migrating.md": [
        *(
            "going?",
            "{",
            "GetWeather LA",
            "A black dog.",
            "A dog, black.",
            "yes",
            "Ada 7",
            "Hello, again!",
            "certiorari",
        ),
        *("3 tokens, says the provider", "A 429 status code was received"),
    ],
    "costs.md": [
        "0.00600000 USD",
        "0.012",
        "'web_search_requests': None, 'total': None",
        "0.00575",
        "CostEstimate(cost=0.024, prompt_tokens=10000, completion_tokens=500, counted_by='caller')",
        "CostEstimate(cost=0.0105, prompt_tokens=1000, completion_tokens=500, counted_by='provider')",
        "9 provider",
        "'x-api-key': '[key]'",
        "-H 'x-api-key: '\"$ANTHROPIC_API_KEY\"",
    ],
    "structured.md": [
        *("Ada 36", '{"value": "yes"} yes', "name='Bob' age=7", "not valid: gpt-4.1", "age: Field required"),
        *("number=4 30", "take an even one", "{'name': 'Zo'}", "name='Zoe' age=41"),
    ],
    "tools.md": ["LA is hotter.", "Rain.", "It is warm.", "Half past.", "to='LA' price=99.0", "Have fun.", "It says"],
}


def blocks(path: str, *languages: str) -> list[tuple[str, str]]:
    """(heading above it, code) of each fenced block in these languages."""
    heading, out = "", []
    for match in FENCED.finditer((ROOT / path).read_text()):
        heading = match["heading"] or heading
        if match["language"] in languages:
            out.append((heading, match["code"]))
    return out


@pytest.fixture
def provider(monkeypatch):
    """A provider that answers for every name that the docs use."""
    monkeypatch.chdir(ROOT)
    with LoopbackProvider() as provider:
        for name in ("ANTHROPIC", "OPENAI", "GROQ"):
            monkeypatch.setenv(f"{name}_API_KEY", "any")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.url)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{provider.url}/v1")
        monkeypatch.setenv("OLLAMA_BASE_URL", provider.url)
        catalog.register({"providers": {"groq": {"url": f"{provider.url}/v1"}}})
        yield provider
    catalog.load.cache_clear()
    catalog.register({})


def test_the_readme_runs_from_top_to_bottom(provider, capsys):
    namespace: dict = {}
    found = blocks("README.md", "python")
    for heading, code in found:
        provider.answers(*SCRIPTS.get(heading, []))
        exec(compile(code.replace("http://localhost:8080", provider.url), f"README: {heading}", "exec"), namespace)
    assert len(found) > 12
    printed = capsys.readouterr().out
    assert "LA is hotter." in printed
    assert "Ada for 0.0000" in printed
    assert "404" in printed


@pytest.mark.parametrize("page", DOCS)
def test_the_blocks_of_the_docs_run(provider, capsys, page):
    namespace, scripts = {}, dict(DOCS[page])
    for heading, code in blocks(f"docs/{page}", "python"):
        provider.answers(*scripts.pop(heading, []))
        exec(compile(code, f"{page}: {heading}", "exec"), namespace)
    printed = capsys.readouterr().out
    assert [words for words in PRINTED.get(page, []) if words not in printed] == []
    assert scripts == {}


def test_the_commands_of_the_readme_run(provider):
    commands = [line for _, code in blocks("README.md", "sh") for line in code.splitlines()]
    mine = [line for line in commands if line.startswith("python -m unified_llm")]
    assert len(mine) == 2
    for line in mine:
        done = subprocess.run(
            [sys.executable, *shlex.split(line)[1:]], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()


def test_continuous_integration_installs_and_tests_as_the_readme_says():
    install_and_test = next(code for heading, code in blocks("README.md", "sh") if "pytest" in code)
    script = (ROOT / ".ci" / "run").read_text()
    for words in ("python3 -m venv", '-e ".[test]"', "-m pytest"):
        assert words in install_and_test
        assert words in script


def test_the_changelog_begins_with_the_version_of_the_package():
    from unified_llm import __version__

    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == __version__


def test_the_docs_count_the_catalog_rightly():
    rows = catalog.load()
    counts = f"{len(rows['providers'])} providers, {len(rows['families'])} families"
    assert counts in (ROOT / "docs" / "catalog.md").read_text()
    models = sum(len(models) for models in rows["models"].values())
    assert f"{models:,} models" in (ROOT / "CHANGELOG.md").read_text()
