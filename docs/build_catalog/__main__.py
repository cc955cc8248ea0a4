"""Make `model_catalog.json` from a directory of facts.

    python docs/build_catalog FACTS_DIR > model_catalog.json

Reads, in FACTS_DIR:
    providers.json: where each provider is, its key and address variables, its other names.
    families.json: how a request to a model must look, whoever hosts it.
    models.json.gz: price, limits, capabilities and dates of each (provider, model).

Writes the catalog to stdout: one row a line and sorted, so that a refresh can be read as a diff. What breaks a rule of
`lint` is left out, and named on stderr.

The facts are merged from other projects' tables. What they cannot say stands here in declared tables: which providers
are shipped, their quirks, which prefix is whose, which family stands for which names, and corrections, each with its
reason. The tables are in `*_tables.py`, the code in `*_rows.py`.

A monthly refresh: collect the facts anew, set `DATE`, run, `git diff model_catalog.json`, and review. Look at each
price that moved, each row that vanished (a retired model stays, with its status) and each line on stderr; where the
facts are wrong add a correction here, never edit the catalog by hand.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from family_rows import families
from model_rows import models
from provider_rows import providers
from provider_tables import PREFIXES
from row import DATE, VERSION, Row


def one_line(value: Any) -> str:
    """A value on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def section(rows: Mapping[str, Any], indent: str) -> str:
    """A section with one row a line."""
    lines = (f"{indent}{one_line(name)}: {one_line(row)}" for name, row in rows.items())
    return "{\n" + ",\n".join(lines) + "\n" + indent[:-1] + "}"


def render(catalog: Row) -> str:
    """The whole file."""
    groups = (f"  {one_line(name)}: {section(rows, '   ')}" for name, rows in catalog["models"].items())
    parts = [
        f' "version": {catalog["version"]}',
        f' "date": {one_line(catalog["date"])}',
        *(f' "{part}": {section(catalog[part], "  ")}' for part in ("prefixes", "providers", "families")),
        ' "models": {\n' + ",\n".join(groups) + "\n }",
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def build(directory: Path) -> Row:
    """The catalog made from the facts of a directory."""
    provider_rows = providers(json.loads((directory / "providers.json").read_bytes())["providers"])
    family_rows = families(json.loads((directory / "families.json").read_bytes())["families"])
    with gzip.open(directory / "models.json.gz") as file:
        model_facts: list[Row] = json.load(file)["models"]
    return {
        "version": VERSION,
        "date": DATE,
        "prefixes": dict(sorted(PREFIXES.items())),
        "providers": provider_rows,
        "families": family_rows,
        "models": models(model_facts, provider_rows),
    }


def main() -> None:
    """Write the catalog to stdout."""
    parser = argparse.ArgumentParser(description="Make model_catalog.json from a directory of facts.")
    parser.add_argument("facts", type=Path, metavar="FACTS_DIR")
    sys.stdout.write(render(build(parser.parse_args().facts)))


if __name__ == "__main__":
    main()
