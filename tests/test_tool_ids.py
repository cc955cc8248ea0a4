"""Ids of other providers' tool calls, as an API takes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unified_llm.adapters.tool_ids import ToolIds

PATTERNS = [(r"[^a-zA-Z0-9_-]", None), (r"[^a-zA-Z0-9_.:-]", 64), (r"[^a-z]", 5)]


@pytest.mark.parametrize(("refused", "most"), PATTERNS)
@given(given=st.lists(st.text(min_size=1, max_size=80) | st.sampled_from(["a|b", "a/b", "a_b", "a" * 70, "a" * 71])))
def test_every_id_fits_and_none_is_that_of_another(refused: str, most: int | None, given: list[str]) -> None:
    ids = ToolIds(re.compile(refused), most)
    fitted = {id: ids.fit(id) for id in given}
    assert len(set(fitted.values())) == len(fitted)
    assert all(id and (most is None or len(id) <= most) for id in fitted.values())
    assert not any(re.search(refused, re.sub(r"[_0-9]", "", id)) for id in fitted.values())
    assert [ids.fit(id) for id in given] == [fitted[id] for id in given]


def test_an_id_that_fits_stays() -> None:
    assert ToolIds(re.compile(r"[^a-zA-Z0-9_-]")).fit("toolu_01A-b") == "toolu_01A-b"


def test_ids_that_become_one_are_numbered() -> None:
    ids = ToolIds(re.compile(r"[^a-z_]"), 4)
    assert [ids.fit(id) for id in ("a|b", "a/b", "a.b", "abcdef", "abcdeg")] == ["a_b", "a__2", "a__3", "abcd", "ab_2"]
