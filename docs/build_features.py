"""Write tests/feature_matrix.json and docs/features.md: what each feature becomes for each kind of model.

    python docs/build_features.py

The JSON has every cell in full and is reviewed as code is; the page shows it in brief. tests/test_features.py holds
both against what is rendered.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support_features import FEATURES, MODELS, cell  # noqa: E402 - the path comes first

MATRIX = ROOT / "tests" / "feature_matrix.json"
PAGE = ROOT / "docs" / "features.md"

_HEAD = """# What each feature becomes

One row a feature, one column a model that stands for its kind; written by `docs/build_features.py` from the requests
that are rendered, and held by `tests/test_features.py`, which has every cell in full. A cell names the fields of the
body that carry the feature. *Left out* and *adjusted* are said in `response["warnings"]` (and refused with
`strict=True`), *refused* raises `BadRequestError` before anything is sent; the words stand below.
"""


def matrix() -> dict[str, dict[str, Any]]:
    """Every cell, by feature and model."""
    return {feature: {model: cell(model, feature) for model in MODELS} for feature in FEATURES}


def page(cells: dict[str, dict[str, Any]]) -> str:
    """The page for these cells."""
    lines = [_HEAD, "| | " + " | ".join(f"`{short(model)}`" for model in MODELS) + " |"]
    lines.append("| --- " * (len(MODELS) + 1) + "|")
    for feature, row in cells.items():
        lines.append(f"| {feature} | " + " | ".join(brief(found) for found in row.values()) + " |")
    lines += ["", "## Refusals", ""]
    refused: dict[str, list[str]] = {}
    for feature, row in cells.items():
        for words in dict.fromkeys(found["refused"] for found in row.values() if "refused" in found):
            refused.setdefault(words, []).append(feature)
    lines += [f"* “{words}”: {', '.join(features)}" for words, features in refused.items()]
    return "\n".join(lines) + "\n"


def text(cells: dict[str, dict[str, Any]]) -> str:
    """The matrix as JSON, a cell a line."""
    rows = [
        f"  {json.dumps(feature)}: {{\n"
        + ",\n".join(f"    {json.dumps(m)}: {json.dumps(found, ensure_ascii=False)}" for m, found in row.items())
        + "\n  }"
        for feature, row in cells.items()
    ]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def short(model: str) -> str:
    """A model's name as the page has it."""
    name = model.rpartition("/")[2].removeprefix("us.anthropic.").replace("-20250929-v1:0", "")
    return f"{name} (Bedrock)" if model.startswith("bedrock/us") else name


def brief(found: dict[str, Any]) -> str:
    """A cell in a few words."""
    if "refused" in found:
        return "refused"
    fields = " ".join(f"`{name}`" for name in paths(found["sent"]))
    if not fields:
        return "left out" if "warnings" in found else "not needed"
    return fields + (", fetched here" if found.get("fetched") else "") + (", adjusted" if "warnings" in found else "")


def paths(sent: dict[str, Any], before: str = "") -> list[str]:
    """Where in the body something was added; inside of `generationConfig` and its like, which field of it."""
    out: list[str] = []
    for name, value in sent.items():
        inner = (
            value if isinstance(value, dict) and (name.endswith(("onfig", "_config", "options", "Fields"))) else None
        )
        out += paths(inner, f"{before}{name}.") if inner else [f"{before}{name}"]
    return out


if __name__ == "__main__":
    made = matrix()
    MATRIX.write_text(text(made), encoding="utf-8")
    PAGE.write_text(page(made), encoding="utf-8")
