"""What of an answer of chat completions is text, and what reasoning, wherever a server puts it.

https://platform.openai.com/docs/api-reference/chat/object, checked 2026-11-21, which has no reasoning: the fields are
those of DeepSeek (`reasoning_content`), of Groq, vLLM and others (`reasoning`), of OpenRouter (`reasoning_details`) and
of Mistral (parts of content).
"""

from __future__ import annotations

from typing import Any

from unified_llm import json_codec
from unified_llm.adapters.think_tags import ThinkTags, split
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON


def texts(wire: JSON, *, tagged: bool = False) -> tuple[str, str]:
    """(text, reasoning) of a message or a delta.

    Args:
        wire: as the server sent it.
        tagged: whether the text of a whole answer may have reasoning between tags, unless that has a field.
    """
    text, thoughts = _texts(wire.get("content"))
    reasoning = thoughts or _reasoning(wire)
    return split(text) if tagged and not reasoning else (text, reasoning)


def untagged(tags: ThinkTags, text: str, reasoning: str) -> tuple[ThinkTags | None, str, str]:
    """What splits the next piece, None where it can have no tags any more; and (text, reasoning) of this one."""
    answer, thought = tags.feed(text)
    if reasoning:
        end, more = tags.close()
        return None, answer + end, thought + more + reasoning
    return (None if tags.done else tags), answer, thought


def _texts(content: Any) -> tuple[str, str]:
    """(text, thoughts) of a content that is a string, a list of strings and parts, or the object that was asked for."""
    if not content:
        return "", ""
    if isinstance(content, str):
        return content, ""
    if isinstance(content, dict):  # Workers AI answers a JSON schema with the object, not with its text
        return json_codec.dumps(content), ""
    text, thoughts = "", ""
    for part in content:
        if isinstance(part, str):
            text += part
        elif part.get("type") in ("thinking", "reasoning"):
            inner = part.get("thinking") or part.get("text") or part.get("reasoning") or part.get("summary")
            thoughts += "".join(_texts(inner))
        else:
            text += part.get("text") or ""
    return text, thoughts


def _reasoning(wire: JSON) -> str:
    """The readable reasoning; the fields repeat each other, so the first that has any is it."""
    for key in ("reasoning_content", "reasoning"):
        value = wire.get(key)
        value = as_dict(value).get("content") if isinstance(value, dict) else value
        if value and isinstance(value, str):
            return value
    details = as_list(wire.get("reasoning_details"))
    return "".join(detail.get("text") or detail.get("summary") or "" for detail in details)
