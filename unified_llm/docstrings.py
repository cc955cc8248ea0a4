"""What a docstring says: of the whole, and of each parameter; in Google's, NumPy's or Sphinx's style."""

from __future__ import annotations

import re
from inspect import cleandoc
from itertools import pairwise, takewhile
from textwrap import dedent
from typing import NamedTuple

_PARAMETERS = "args|arguments|parameters|params|keyword args|keyword arguments|other parameters|attributes"
_OTHERS = (
    "returns?|yields?|receives?|raises?|warns|warnings?|examples?|notes?|see also|references|todo|tips?|caution|danger"
)
_TITLE = re.compile(rf"(?P<parameters>{_PARAMETERS})|{_OTHERS}", re.IGNORECASE)
_FIELD = re.compile(r":\w+[^:\n]*:")
_FIELD_OF_PARAMETER = re.compile(
    r":(?:param|parameter|arg|argument|key|keyword|ivar|attribute)\s(?:[^:]*\s)?\*{0,2}(?P<names>\w+)\s*:(?P<text>.*)"
)
_GOOGLE_ENTRY = re.compile(r"\*{0,2}(?P<names>\w+)\s*(?:\(.*?\))?\s*:(?P<text>.*)")
_NUMPY_ENTRY = re.compile(r"(?P<names>\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")


class Described(NamedTuple):
    """What a docstring says.

    Attributes:
        text: what stands before its sections.
        parameters: what is said of each parameter, by its name.
    """

    text: str
    parameters: dict[str, str]


def described(docstring: str | None) -> Described:
    """Read a docstring; one that has no sections is all text."""
    lines = cleandoc(docstring or "").splitlines()
    starts = [index for index in range(len(lines)) if _section(lines, index) or _FIELD.match(lines[index])]
    text = "\n".join(lines[: starts[0]] if starts else lines).strip()
    parameters: dict[str, str] = {}
    for start, end in pairwise([*starts, len(lines)]):
        parameters |= _parameters(lines, start, end)
    return Described(text, parameters)


def _section(lines: list[str], index: int) -> str:
    """The style of the section whose title is this line, "" where it is none."""
    line = lines[index]
    if _TITLE.fullmatch(line.rstrip(": ")) is None:
        return ""
    below = lines[index + 1] if index + 1 < len(lines) else ""
    if len(below) > 2 and not below.strip("-"):
        return "numpy"
    return "google" if line.rstrip().endswith(":") and below[:1] in ("", " ") else ""


def _parameters(lines: list[str], start: int, end: int) -> dict[str, str]:
    style = _section(lines, start)
    if not style:
        return _entries(lines[start:end], _FIELD_OF_PARAMETER)
    title = _TITLE.fullmatch(lines[start].rstrip(": "))
    if title is None or not title["parameters"]:
        return {}
    if style == "numpy":
        return _entries(lines[start + 2 : end], _NUMPY_ENTRY)
    rest = lines[start + 1 : end]
    indented = takewhile(lambda line: not line or line.startswith(" "), rest)
    return _entries(dedent("\n".join(indented)).splitlines(), _GOOGLE_ENTRY)


def _entries(lines: list[str], entry: re.Pattern[str]) -> dict[str, str]:
    """The text of each entry, by its name; the lines that go on with it are indented."""
    found: dict[str, list[str]] = {}
    words: list[str] = []
    for line in lines:
        if line.startswith(" ") or not line:
            words += line.split()
        elif match := entry.match(line):
            words = match.groupdict().get("text", "").split()
            found |= dict.fromkeys((name.strip(" *") for name in match["names"].split(",")), words)
        else:
            words = []
    return {name: " ".join(words) for name, words in found.items() if words}
