"""One candidate of Gemini, read piece by piece; a whole answer is one piece, so that both ways give the same.

https://ai.google.dev/api/generate-content#candidate, checked 2026-11-21.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from unified_llm import json_codec
from unified_llm.adapters.contract import Call, finish_of
from unified_llm.adapters.gemini_contents import NAME, is_text
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON, FinishReason

_FILTERED = (
    "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII LANGUAGE OTHER MODEL_ARMOR ESCALATION PUP_LIMITED_DISABLED "
    "IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION IMAGE_OTHER NO_IMAGE"
).split()
FINISH: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(_FILTERED, "content_filter"),
}
_NUMBERED = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
"""The words of reasons that some gateways send as the numbers of Google's protocol buffers."""

_READ = {"content", "index", "finishReason", "logprobsResult"}


class Answer:
    """A candidate as it grows.

    Attributes:
        parts: its parts, verbatim but for text that came in pieces: neighbouring texts without a signature are one.
        open: the kind of text, "text" or "thought", that the next piece may be joined to.
        pieces: the text of the open part so far.
        calls: the calls of client tools, in the normal form.
        extras: what a candidate has besides, such as groundingMetadata.
        begun: whether a chunk has been given.
    """

    __slots__ = ("_call", "_partial", "begun", "calls", "extras", "native_finish", "open", "parts", "pieces")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._partial: JSON | None = None
        self.parts: list[JSON] = []
        self.open = ""
        self.pieces: list[str] = []
        self.calls: list[JSON] = []
        self.extras: JSON = {}
        self.native_finish: str | None = None
        self.begun = False

    def add(self, candidate: JSON) -> JSON:
        """Take up a piece of the candidate and give the delta that it is."""
        before = len(self.calls)
        texts: list[str] = []
        thoughts: list[str] = []
        for part in as_list(as_dict(candidate.get("content")).get("parts")):
            text = part.get("text")
            if text is not None:
                (thoughts if part.get("thought") else texts).append(text)
                self._add_text(part, text)
            elif part:
                self._add_other(part)
        if candidate.get("finishReason") is not None:
            self._finish(candidate["finishReason"])
        for key, value in candidate.items():
            if key not in _READ and value:
                self.extras[key] = _joined(self.extras[key], value) if key in self.extras else value
        delta: JSON = {"content": "".join(texts) or None}
        if thought := "".join(thoughts):
            delta["reasoning_content"] = thought
        if new := self.calls[before:]:
            delta["tool_calls"] = [{"index": before + at, **call} for at, call in enumerate(new)]
        return delta

    def message(self) -> JSON:
        """The whole message."""
        self._close_text()
        out: JSON = {"role": "assistant", "content": self._text() or None}
        thoughts = "".join(part["text"] for part in self.parts if part.get("text") and part.get("thought"))
        if thoughts:
            out["reasoning_content"] = thoughts
        if self.calls:
            out["tool_calls"] = self.calls
        return out | self.kept()

    def kept(self) -> JSON:
        """Annotations, and what text and tool calls alone would not give back."""
        self._close_text()
        out: JSON = {}
        if annotations := self._annotations():
            out["annotations"] = annotations
        fields = dict(self.extras)
        if not self._is_plain():
            fields["parts"] = self.parts
        if fields:
            out["provider_fields"] = {"adapter": NAME, **fields}
        return out

    def finish(self) -> FinishReason | None:
        """The reason in OpenAI's words."""
        return finish_of(self.native_finish, FINISH, bool(self.calls))

    def _finish(self, native: Any) -> None:
        numbered = isinstance(native, int) and native < len(_NUMBERED)
        self.native_finish = _NUMBERED[native] if numbered else str(native)
        if self._partial is not None:
            self._end_call()

    def _text(self) -> str:
        return "".join(part["text"] for part in self.parts if is_text(part))

    def _is_plain(self) -> bool:
        """Whether text and tool calls alone give the parts back: one text at most, then calls with ids of their own."""
        texts = [part for part in self.parts if part.keys() == {"text"}]
        asked = [part["functionCall"].get("id") for part in self.parts if part.keys() == {"functionCall"}]
        simple = len(texts) + len(asked) == len(self.parts) and len(texts) <= 1 and texts == self.parts[: len(texts)]
        return simple and asked == [call["id"] for call in self.calls]

    # --- parts ---

    def _add_text(self, part: JSON, text: str) -> None:
        kind = "thought" if part.get("thought") else "text"
        if part.keys() - {"text", "thought"}:
            self._close_text()
            self.parts.append(part)  # a signature belongs to its own part alone
        elif text:
            if self.open != kind:
                self._close_text()
                self.open = kind
            self.pieces.append(text)

    def _close_text(self) -> None:
        if self.open:
            part: JSON = {"text": "".join(self.pieces)}
            self.parts.append({**part, "thought": True} if self.open == "thought" else part)
            self.open, self.pieces = "", []

    def _add_other(self, part: JSON) -> None:
        native = part.get("functionCall")
        if native is None:
            self._close_text()
            self.parts.append(part)
        elif native.get("willContinue") or native.get("partialArgs") or self._partial is not None:
            self._add_piece(part, native)
        elif native.get("name"):
            self._add_call(part)

    def _add_call(self, part: JSON) -> None:
        self._close_text()
        self.parts.append(part)
        native: JSON = part["functionCall"]
        id = native.get("id")
        if not id or any(id == call["id"] for call in self.calls):
            id = f"call_{self._call.id.rpartition('-')[2]}_{len(self.calls)}"
        args: Any = native.get("args") or {}
        arguments = args if isinstance(args, str) else json_codec.dumps(args)
        self.calls.append({"id": id, "type": "function", "function": {"name": native["name"], "arguments": arguments}})

    def _add_piece(self, part: JSON, native: JSON) -> None:
        """Take up a piece of a call whose arguments come value by value; it is told when it is whole."""
        if self._partial is not None and native.get("name"):
            self._end_call()
        if self._partial is None:
            self._partial = {**part, "functionCall": {"args": {}}}
        whole: JSON = self._partial["functionCall"]
        whole |= {key: native[key] for key in ("id", "name") if native.get(key)}
        whole["args"] |= as_dict(native.get("args"))
        for piece in as_list(native.get("partialArgs")):
            _set(whole["args"], piece)
        if not native.get("willContinue"):
            self._end_call()

    def _end_call(self) -> None:
        part, self._partial = self._partial, None
        if part and part["functionCall"].get("name"):
            self._add_call(part)

    # --- citations ---

    def _annotations(self) -> list[JSON]:
        """Web sources as OpenAI's url_citation, with offsets into the joined text."""
        grounding = as_dict(self.extras.get("groundingMetadata"))
        supports, chunks = as_list(grounding.get("groundingSupports")), as_list(grounding.get("groundingChunks"))
        text = self._text() if supports and chunks else ""
        out: list[JSON] = []
        for support in supports:
            place = self._place(text, as_dict(support.get("segment")))
            for at in as_list(support.get("groundingChunkIndices")) if place else ():
                web = as_dict(chunks[at].get("web")) if at < len(chunks) else {}
                if web.get("uri"):
                    out.append(_citation(web, *place))
        return out

    def _place(self, text: str, segment: JSON) -> tuple[int, int] | tuple[()]:
        """Where in the joined text a segment is, empty where it is not there.

        Its offsets are bytes of a part. Which part is told unreliably, so the text of the segment decides.
        """
        start, end, words = segment.get("startIndex") or 0, segment.get("endIndex") or 0, segment.get("text")
        before = [part["text"] for part in self.parts[: segment.get("partIndex") or 0] if is_text(part)]
        for offset in dict.fromkeys((len("".join(before).encode()), 0)):
            encoded = text.encode(errors="surrogatepass")
            found = encoded[offset + start : offset + end].decode(errors="replace")
            if found == words or (words is None and found):
                at = len(encoded[: offset + start].decode(errors="replace"))
                return at, at + len(found)
        at = text.find(words) if words else -1
        return (at, at + len(words or "")) if at >= 0 else ()


def _citation(web: JSON, start: int, end: int) -> JSON:
    citation = {"url": web["uri"], "title": web.get("title") or "", "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": citation}


def _joined(old: Any, new: Any) -> Any:
    """Metadata of a later event over those of an earlier one: keys add up, values are replaced."""
    return {**as_dict(old), **as_dict(new)} if isinstance(old, dict) and isinstance(new, dict) else new


_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(['\"])(.*?)\3\]")


def _set(args: JSON, piece: JSON) -> None:
    """Put a value at its JSON path; text is appended to what is there."""
    steps: list[str | int] = [
        int(at) if at else name or quoted for name, at, _, quoted in _STEP.findall(piece.get("jsonPath", ""))
    ]
    value = next((piece[key] for key in ("stringValue", "numberValue", "boolValue") if key in piece), None)
    if not steps:
        return
    inner: Any = args
    for step, following in pairwise(steps):
        inner = _step_into(inner, step, [] if isinstance(following, int) else {})
    last = steps[-1]
    old = _step_into(inner, last, None)
    inner[last] = old + value if isinstance(old, str) and isinstance(value, str) else value


def _step_into(inner: Any, step: str | int, empty: Any) -> Any:
    """What is at a step, made where there is nothing yet."""
    if isinstance(step, str):
        return inner.setdefault(step, empty)
    inner += [None] * (step + 1 - len(inner))
    if inner[step] is None:
        inner[step] = empty
    return inner[step]
