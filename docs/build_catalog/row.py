"""What every table and row of the build shares."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]
"""A row of the facts, or of the catalog."""

VERSION = 1
"""The version of the catalog's schema."""

DATE = "2026-11-21"
"""The day of the facts."""
