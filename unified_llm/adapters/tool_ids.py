"""Ids of tool calls, fitted to what an API takes: a history may have been made by any provider."""

from __future__ import annotations

import re


class ToolIds:
    """Fits the ids of one conversation to a pattern, each to one id of its own.

    Args:
        refused: what it finds in an id is replaced by an underscore.
        most: the most characters that an id may have, None for any number.
    """

    def __init__(self, refused: re.Pattern[str], most: int | None = None) -> None:
        self._refused = refused
        self._most = most
        self._fitted: dict[str, str] = {}

    def fit(self, id: str) -> str:
        """The id as it is sent, the same each time."""
        if id not in self._fitted:
            wanted = self._refused.sub("_", id)
            fitting, count = wanted[: self._most], 1
            while fitting in self._fitted.values():
                count += 1
                ending = f"_{count}"
                fitting = wanted[: self._most and self._most - len(ending)] + ending
            self._fitted[id] = fitting
        return self._fitted[id]
