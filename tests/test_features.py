"""Features by models: every cell of the matrix is what is sent, as the vendors' own types allow, or is refused."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import support_oracles
from support_features import FEATURES, MODELS, cell, prepared

from unified_llm.adapters.contract import MediaNeeded
from unified_llm.errors import BadRequestError

ROOT = Path(__file__).parents[1]
MATRIX: dict[str, dict[str, Any]] = json.loads((ROOT / "tests" / "feature_matrix.json").read_text(encoding="utf-8"))
CELLS = [(feature, model) for feature in FEATURES for model in MODELS]
every_cell = pytest.mark.parametrize(("feature", "model"), CELLS)


@every_cell
def test_a_feature_becomes_what_the_matrix_says(feature: str, model: str) -> None:
    assert cell(model, feature) == MATRIX[feature][model]


@every_cell
def test_the_vendors_types_take_every_body_of_the_matrix(feature: str, model: str) -> None:
    try:
        made = prepared(model, **FEATURES[feature])
    except (BadRequestError, MediaNeeded):
        return  # the test above says whether it had to be
    format = "mistral" if model.startswith("mistral/") else made.call.route.adapter
    accepts = getattr(support_oracles, f"accepts_{format}", None)
    if accepts is None:
        pytest.skip(f"no vendor has types for {format}")
    accepts(made.request.payload)


def test_nothing_of_the_matrix_is_lost_in_silence() -> None:
    """What is neither sent nor refused has been said, or was asked of models that need no word for it."""
    unsaid = {
        feature
        for feature, row in MATRIX.items()
        for found in row.values()
        if not found.get("sent") and not found.keys() & {"warnings", "refused"}
    }
    assert unsaid == {'cache="auto"', 'reasoning_effort="none"'}


def test_the_page_shows_the_matrix() -> None:
    path = ROOT / "docs" / "build_features.py"
    spec = importlib.util.spec_from_file_location("build_features", path)
    assert spec is not None
    assert spec.loader is not None
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    shown = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    assert builder.page(MATRIX) == shown, "run python docs/build_features.py"
