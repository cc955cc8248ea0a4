"""Thoughts between tags at the beginning of an answer's text, for hosts that give them no field of their own.

https://huggingface.co/deepseek-ai/DeepSeek-R1#usage-recommendations, checked 2026-11-21: models that were trained so
begin with `<think>`, then write their thoughts, `</think>` and the answer. A tag further on is text.
"""

from __future__ import annotations

OPENING, CLOSING = "<think>", "</think>"
_START, _BEFORE, _INSIDE, _BEHIND, _ANSWER = range(5)


class ThinkTags:
    """Splits the thoughts off an answer that comes in pieces; white space beside a tag belongs to neither."""

    __slots__ = ("_held", "_place")

    def __init__(self) -> None:
        self._held = ""
        """What may still become a tag, or is white space that may stand beside one."""
        self._place = _START

    @property
    def done(self) -> bool:
        """Whether all that follows is the answer's."""
        return self._place == _ANSWER

    def feed(self, text: str) -> tuple[str, str]:
        """(answer, thought) that this piece tells."""
        self._held += text
        if self._place == _START:
            self._start()
        thought = self._thought() if self._place in (_BEFORE, _INSIDE) else ""
        if self._place == _BEHIND:
            self._held = self._held.lstrip()
            self._place = _ANSWER if self._held else _BEHIND
        if self._place != _ANSWER:
            return "", thought
        answer, self._held = self._held, ""
        return answer, thought

    def close(self) -> tuple[str, str]:
        """(answer, thought) that are left when the text has ended."""
        held, self._held = self._held, ""
        return ("", held.rstrip()) if self._place in (_BEFORE, _INSIDE) else (held, "")

    def _start(self) -> None:
        begun = self._held.lstrip()
        if begun.startswith(OPENING):
            self._place, self._held = _BEFORE, begun[len(OPENING) :]
        elif not OPENING.startswith(begun):
            self._place = _ANSWER

    def _thought(self) -> str:
        if self._place == _BEFORE:
            self._held = self._held.lstrip()
        thought, closing, rest = self._held.partition(CLOSING)
        if closing:
            self._place, self._held = _BEHIND, rest
            return thought.rstrip()
        may_close = next((size for size in range(len(CLOSING) - 1, 0, -1) if thought.endswith(CLOSING[:size])), 0)
        told = thought[: len(thought) - may_close].rstrip()
        self._place = _INSIDE if told else self._place
        self._held = thought[len(told) :]
        return told


def split(text: str) -> tuple[str, str]:
    """(answer, thought) of a whole text."""
    tags = ThinkTags()
    (answer, thought), (end, more) = tags.feed(text), tags.close()
    return answer + end, thought + more


def tagged(thought: str, answer: str) -> str:
    """A text that gives the two when it is split."""
    return f"{OPENING}\n{thought}\n{CLOSING}\n\n{answer}"
