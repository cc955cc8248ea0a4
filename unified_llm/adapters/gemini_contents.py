"""Messages as Gemini's contents: what `gemini` renders a conversation to.

https://ai.google.dev/api/caching#Content, checked 2026-11-21.
"""

from __future__ import annotations

import re
from typing import Any

from unified_llm import json_codec
from unified_llm.adapters.contract import SYSTEM, Call
from unified_llm.adapters.media import medium_of, with_data
from unified_llm.content import Medium, worded
from unified_llm.json_codec import as_dict, as_list
from unified_llm.messages import parts, text_of
from unified_llm.types import JSON

NAME = "gemini"
"""Marks the `provider_fields` of an answer whose parts can be sent back as they are."""

UNSIGNED = "skip_thought_signature_validator"
"""Stands for the thought signature of a call that the model did not make itself.

https://ai.google.dev/gemini-api/docs/thought-signatures, "transferring history from another model"
"""

_FIELDS = {"role", "content", "tool_calls", "tool_call_id", "refusal", "is_error"}


def conversation(call: Call) -> tuple[list[JSON], list[JSON]]:
    """The parts of the system instruction, and the contents: neighbours of one kind are one content.

    Results of tools stay apart from the user's own words: right behind calls there must be their results alone.
    """
    indexed = list(enumerate(call.messages))
    leading = next((i for i, m in indexed if m["role"] not in ("system", "developer")), len(indexed))
    system = [part for i, message in indexed[:leading] for part in _parts(call, message["content"], i)]
    if any("text" not in part for part in system):
        raise call.refusal("a system message may have only text here; put media into a user message")
    turns = _Turns(call)
    for index, message in indexed[leading:]:
        call.report_unknown_fields(message, index, _FIELDS)
        call.report_cache_marks(message, index)
        turns.add(message, index)
    contents = turns.finish()
    if not contents:
        raise call.refusal("there is no message with content besides the system prompt; give a user message")
    if system and call.route.rules.get("system") is False:
        call.adjust(f"the system message was put before the first user message: {call.route.model} takes none")
        if contents[0]["role"] == "model":
            contents.insert(0, {"role": "user", "parts": []})
        contents[0]["parts"] = [*system, *contents[0]["parts"]]
        system = []
    last = call.messages[-1]
    if last["role"] == "assistant" and call.route.rules.get("prefill") is False:
        raise call.refusal("this model takes no prefill (a final assistant message); end with a user message")
    return system, contents


class _Turns:
    """The contents as they grow, and the calls that still wait for their results."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._contents: list[JSON] = []
        self._kind = ""
        self._asked: dict[str, JSON] = {}
        """The functionCall of each call of the latest answer, by its id in the messages."""
        self._results: dict[str, list[JSON]] = {}

    def add(self, message: JSON, index: int) -> None:
        role = message["role"]
        if role == "tool":
            self._results[message["tool_call_id"]] = self._result(message, index)
            return
        self._answer_calls()
        is_answer = role == "assistant"
        given = self._answer(message, index) if is_answer else _parts(self._call, message["content"], index)
        if not given:
            self._call.report_empty(message, index)
            return
        if role in SYSTEM:
            self._call.adjust(
                f"messages[{index}] is a system message in the middle of the conversation and was sent as the user's"
            )
        self._append("model" if is_answer else "user", given)

    def finish(self) -> list[JSON]:
        self._answer_calls()
        return self._contents

    def _append(self, kind: str, given: list[JSON]) -> None:
        if self._kind == kind:
            self._contents[-1]["parts"] += given
        else:
            self._contents.append({"role": "model" if kind == "model" else "user", "parts": given})
            self._kind = kind

    def _answer(self, message: JSON, index: int) -> list[JSON]:
        calls: list[JSON] = as_list(message.get("tool_calls"))
        out = verbatim(message)
        if out is None:
            out = _parts(self._call, message["content"], index) + [self._asking(tool, index) for tool in calls]
        asking = [part for part in out if "functionCall" in part]
        if asking and "thoughtSignature" not in asking[0] and _checks_signatures(self._call):
            at = out.index(asking[0])
            out[at] = {**asking[0], "thoughtSignature": UNSIGNED}
        self._asked |= {tool["id"]: part["functionCall"] for tool, part in zip(calls, asking, strict=True)}
        return out

    def _asking(self, tool: JSON, index: int) -> JSON:
        if "function" not in tool:
            raise self._call.refusal(f"messages[{index}] has a custom tool call, which only OpenAI knows")
        function: JSON = tool["function"]
        args = self._call.arguments(function.get("arguments"), index)
        part: JSON = {"functionCall": {"id": tool["id"], "name": function["name"], "args": args}}
        # where Google's own chat completions keep it: https://ai.google.dev/gemini-api/docs/thought-signatures
        signature = as_dict(as_dict(tool.get("extra_content")).get("google")).get("thought_signature")
        return {**part, "thoughtSignature": signature} if signature else part

    def _result(self, message: JSON, index: int) -> list[JSON]:
        """A result as one object, and its media in it or, for models that take none there, behind it."""
        native = self._asked[message["tool_call_id"]]
        given = _parts(self._call, message["content"], index)
        text = "".join(part.get("text", "") for part in given)
        media = [part for part in given if "text" not in part]
        response: JSON = {"id": native["id"]} if native.get("id") else {}
        response |= {"name": native["name"], "response": {"error" if message.get("is_error") else "output": text}}
        if media and not before_3(self._call):
            response["parts"] = media
            media = []
        return [{"functionResponse": response}, *media]

    def _answer_calls(self) -> None:
        """Append the results that have come, in the order of their calls."""
        missing = [f"{asked['name']} ({id})" for id, asked in self._asked.items() if id not in self._results]
        if missing:
            raise self._call.refusal(
                f"the tool call {', '.join(missing)} has no result right after it; add its tool message"
            )
        results = [self._results[id] for id in self._asked]
        if results:
            media = [part for given in results for part in given[1:]]
            self._append("results", [*(given[0] for given in results), *media])
        self._asked, self._results = {}, {}


def before_3(call: Call) -> bool:
    """Whether the model is older than Gemini 3, which brought media in results, and functions beside other tools.

    https://ai.google.dev/gemini-api/docs/gemini-3
    """
    return call.route.rules.get("schema_with_tools") is False


def _checks_signatures(call: Call) -> bool:
    """Whether the model is of Gemini 3 or later: they think in levels, and refuse calls without a signature."""
    rules = call.route.rules
    return bool(rules.get("efforts")) and "thinking_budget" not in rules


def verbatim(message: JSON) -> list[JSON] | None:
    """The parts of an answer of this same format, where the caller has not changed the message since."""
    fields = as_dict(message.get("provider_fields"))
    native = as_list(fields.get("parts"))
    if fields.get("adapter") != NAME or not native:
        return None
    text = "".join(part["text"] for part in native if is_text(part))
    calls: list[tuple[str | None, Any]] = [
        (f["name"], f.get("args") or {}) for part in native if (f := part.get("functionCall"))
    ]
    told = [_told(tool) for tool in as_list(message.get("tool_calls"))]
    return list(native) if text == text_of(message["content"]) and calls == told else None


def is_text(part: JSON) -> bool:
    """Whether a part is text of the answer itself."""
    return part.get("text") is not None and not part.get("thought")


def _told(tool: JSON) -> tuple[str | None, Any]:
    function = as_dict(tool.get("function"))
    try:
        return function.get("name"), json_codec.loads(function.get("arguments") or "{}")
    except ValueError:
        return function.get("name"), function["arguments"]


# --- parts ---------------------------------------------------------------------------------------------------------


def _parts(call: Call, content: Any, index: int) -> list[JSON]:
    return [part for given in parts(content) if (part := _part(call, given, index))]


def _part(call: Call, part: JSON, index: int) -> JSON | None:
    kind = part["type"]
    if kind in ("text", "refusal"):
        return {"text": part[kind]} if part.get(kind) else None
    medium = medium_of(call, part, index, ("image", "document", "audio", "video"), "")
    if medium is None:
        raise call.refusal(
            f"messages[{index}] has a part of type {kind!r}; text, image_url, file, input_audio and video_url work"
        )
    if as_dict(part.get("image_url")).get("detail") in ("low", "high"):
        call.warnings.append(f"detail of messages[{index}] was left out: this API has no such field")
    return _media(call, medium, index)


_FETCHED = {
    *(f"image/{name}" for name in ("bmp", "jpeg", "png", "webp")),
    *(f"text/{name}" for name in ("html", "css", "plain", "xml", "csv", "javascript")),
    *(f"video/{name}" for name in ("mp4", "mpeg", "quicktime", "x-msvideo", "x-flv", "webm", "x-ms-wmv", "3gpp")),
    *("application/json", "application/pdf", "application/rtf"),
}
"""Types that are fetched from https URLs. https://ai.google.dev/gemini-api/docs/file-input-methods"""

_NAMES = {"audio/mpeg": "audio/mp3", "video/x-msvideo": "video/avi", "video/x-ms-wmv": "video/wmv"}
"""Google's names of types. https://ai.google.dev/gemini-api/docs/audio, https://ai.google.dev/gemini-api/docs/video-understanding"""

_OWN = re.compile(
    r"gs://|https://[^/]+/v1(beta)?/files/|https://(www\.youtube\.com|m\.youtube\.com|youtube\.com|youtu\.be)/"
)
"""URLs of uploads, of Cloud Storage and of YouTube, which only Google can read."""


def _media(call: Call, medium: Medium, index: int) -> JSON:
    """The part of data, of a URL that Google fetches, or of an uploaded file."""
    if medium.id or _fetches(call, medium):
        type = {"mimeType": _NAMES.get(medium.type, medium.type)} if medium.type else {}
        return {"fileData": {**type, "fileUri": medium.id or medium.url}}
    held = with_data(call, medium, index)
    if not held.type:
        raise call.refusal(
            f"messages[{index}] has {worded(held)} of a type that nothing says; begin its data URL with "
            "data:image/png;base64,"
        )
    return {"inlineData": {"mimeType": _NAMES.get(held.type, held.type), "data": held.data}}


def _fetches(call: Call, medium: Medium) -> bool:
    """Whether Google fetches what stands at a URL."""
    if _OWN.match(medium.url):
        return True
    known = not medium.type or medium.type in _FETCHED
    return medium.url.startswith("https://") and known and call.route.quirks.get("media_urls", True)
