"""The caller's messages, checked and brought into one form; the caller's own objects are never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, cast

from unified_llm.content import part_of, part_of_url
from unified_llm.errors import BadRequestError, shown
from unified_llm.json_codec import plain
from unified_llm.types import JSON, Messages

ROLES = ("system", "developer", "user", "assistant", "tool")
_TUPLE_ROLES = {"human": "user", "ai": "assistant"}


def normalize(messages: Messages) -> list[JSON]:
    """Check messages and bring them into one form.

    Args:
        messages: message dicts, `(role, content)` tuples (where `human` and `ai` mean user and assistant), or one
            string, which is one user message.

    Returns:
        New message dicts whose `content` is a string, None, or a list of part dicts; files, bytes and images among
        the contents are parts then (see `content.py`).

    Raises:
        BadRequestError: something that no provider could take, with the index of its message.
    """
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    # the annotation is a promise that callers without a type checker may break
    elif not isinstance(messages, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BadRequestError(f"messages is {type(messages).__name__}; give a list of messages or one string")
    if not messages or messages[0] == {"role": "user", "content": ""}:
        raise BadRequestError("messages is empty; give at least one message")
    out: list[JSON] = []
    calls: set[str] = set()
    for index, given in enumerate(messages):
        message = _message(given, index)
        if message["role"] == "assistant":
            calls = _call_ids(message, index) or calls
        elif message["role"] == "tool":
            _check_result(message, index, calls)
        out.append(message)
    return out


def parts(content: Any) -> list[JSON]:
    """The parts of a normalized message's content; a string is one text part, an empty one is none."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content or []


def text_of(content: Any) -> str:
    """The text of a normalized message's content; other parts have none."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content or () if part["type"] == "text")


def _message(given: Any, index: int) -> JSON:
    if isinstance(given, tuple):
        given = _from_tuple(cast("tuple[Any, ...]", given), index)
    if not isinstance(given, Mapping):
        raise BadRequestError(f"messages[{index}] is {type(given).__name__}; give a dict or a (role, content) tuple")
    message = _own(given)
    if message.get("function_call") or message.get("role") == "function":
        message = _with_tool_calls(message, index)
    role = message.get("role")
    if role not in ROLES:
        raise BadRequestError(f"messages[{index}] has the role {shown(role)}; it must be one of {', '.join(ROLES)}")
    if role == "assistant":
        _check_answer(message, index)
    content = message.get("content")
    if content is None and role == "assistant":
        message["content"] = None
    elif not isinstance(content, str):
        message["content"] = _parts(content, index, role)
    return message


def _own(given: Any) -> JSON:
    """A dict of the library's own; what is in it is still the caller's, but for mappings that are no dicts."""
    return dict(cast("JSON", given)) if isinstance(given, dict) else plain(given)


def _with_tool_calls(message: JSON, index: int) -> JSON:
    """Today's form of a message in the form that OpenAI had before tools: one call, and its result right behind it."""
    call = message.pop("function_call", None)
    if message["role"] == "function":
        return {**message, "role": "tool", "tool_call_id": f"call_{index - 1}"}
    made = {"id": f"call_{index}", "type": "function", "function": call}
    return {**message, "tool_calls": message.get("tool_calls") or [made]}


def _check_answer(message: JSON, index: int) -> None:
    for name, kind in _OF_ANSWERS.items():
        if name in message and not isinstance(message[name], (kind, NoneType)):
            raise BadRequestError(f"{name} of messages[{index}] is {type(message[name]).__name__}")


_OF_ANSWERS: dict[str, type] = {"reasoning_content": str, "refusal": str, "provider_fields": Mapping}
"""Fields of answers that come back, and what they are."""


def _from_tuple(given: tuple[Any, ...], index: int) -> JSON:
    if len(given) != 2:
        raise BadRequestError(f"messages[{index}] is a tuple of {len(given)}; give (role, content)")
    role, content = given
    return {"role": _TUPLE_ROLES.get(role, role) if isinstance(role, str) else role, "content": content}


def _parts(content: Any, index: int, role: str) -> list[JSON]:
    if isinstance(content, list | tuple):
        given = cast("Sequence[Any]", content)
        return [_part(part, f"messages[{index}].content[{at}]", role) for at, part in enumerate(given)]
    part = part_of(content, f"the content of messages[{index}]")
    if part is None:
        raise BadRequestError(
            f"the content of messages[{index}] is {type(content).__name__}; give a string, a list of parts, a "
            "pathlib.Path, bytes or an image of PIL"
        )
    return [part]


def _part(given: Any, place: str, role: str) -> JSON:
    if isinstance(given, str):
        addressed = part_of_url(given, place) if role == "user" and given.startswith(("http", "data:")) else None
        return addressed or {"type": "text", "text": given}
    if not isinstance(given, Mapping):
        if part := part_of(given, place):
            return part
        raise BadRequestError(
            f"{place} is {type(given).__name__}; give a string, a part, a pathlib.Path, bytes or an image of PIL"
        )
    if not isinstance(cast("JSON", given).get("type"), str):
        raise BadRequestError(f"{place} has no type; give a string or a part such as {{'type': 'text', 'text': ...}}")
    part = _own(given)
    kind: str = part["type"]
    if (kind == "text" and not isinstance(part.get("text"), str)) or (kind == "image_url" and not part.get(kind)):
        raise BadRequestError(f"{place} is of type {kind!r}, but its {kind!r} is {type(part.get(kind)).__name__}")
    return part


def _call_ids(message: JSON, index: int) -> set[str]:
    calls: Any = message.get("tool_calls") or []
    if not isinstance(calls, list | tuple):
        raise BadRequestError(f"tool_calls of messages[{index}] is {type(calls).__name__}; give a list")
    if calls:
        message["tool_calls"] = calls = plain(calls)
    ids: set[str] = set()
    for position, call in enumerate(cast("Sequence[Any]", calls)):
        if not isinstance(call, Mapping) or not isinstance(call.get("id"), str) or not call["id"]:  # pyright: ignore[reportUnknownMemberType]
            raise BadRequestError(f"messages[{index}].tool_calls[{position}] has no id")
        ids.add(_checked_call(cast("JSON", call), f"messages[{index}].tool_calls[{position}]"))
    return ids


def _checked_call(call: JSON, place: str) -> str:
    if call.get("type", "function") == "function" or "function" in call:
        function: Any = call.get("function")
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):  # pyright: ignore[reportUnknownMemberType]
            raise BadRequestError(f"{place} has no function name")
        arguments: Any = cast("JSON", function).get("arguments")
        if not isinstance(arguments, str | None):
            raise BadRequestError(f"the arguments of {place} are {type(arguments).__name__}; give a JSON string")
    return call["id"]


def _check_result(message: JSON, index: int, calls: set[str]) -> None:
    id = message.get("tool_call_id")
    if not isinstance(id, str) or id not in calls:
        known = ", ".join(sorted(calls)) or "none"
        raise BadRequestError(
            f"messages[{index}] is the result of tool call {shown(id)}, which the assistant message before it "
            f"does not have (it has: {known})"
        )
