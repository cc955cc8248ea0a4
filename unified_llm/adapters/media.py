"""Media as every adapter needs them: read from a part, held against their bytes and the model, fetched if need be.

One function for all wire formats: an adapter says what kinds its format has, and renders the `Medium` that it gets.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Sequence

from unified_llm.adapters.contract import Call
from unified_llm.content import BadMediumError, Medium, read_medium, worded
from unified_llm.media_types import PDF, UNTOLD, Kind, kind_of, textlike, true_type
from unified_llm.messages import parts
from unified_llm.secrecy import without_secrets
from unified_llm.types import JSON

_SENSES: dict[Kind, str] = {"image": "vision", "audio": "audio", "video": "video"}


def medium_of(call: Call, part: JSON, index: int, takes: Sequence[Kind], words: str) -> Medium | None:
    """The medium that a part holds; None for a part of another type.

    Args:
        call: whose model is asked.
        part: of a normalized message.
        index: that of its message.
        takes: the kinds that the wire format has a form for.
        words: what it takes, as `Claude takes text, images and documents`; stands in refusals.

    Raises:
        BadRequestError: a kind that the format does not take or the model is known to lack, or no medium in the part.
    """
    kind = _KINDS.get(part["type"])
    if kind and kind not in takes:
        raise call.refusal(f"messages[{index}] has a part of type {part['type']!r}; {words}")
    try:
        medium = read_medium(part)
    except BadMediumError as error:
        raise call.refusal(f"messages[{index}] {error}") from error
    if medium is None:
        return None
    if medium.kind not in takes:
        raise call.refusal(f"messages[{index}] has {worded(medium)}; {words}")
    _check_sense(call, medium, index)
    if medium.declared and medium.data and medium.type != medium.declared:
        call.adjust(
            f"messages[{index}] has data that is said to be {medium.declared}; its bytes are {medium.type}, "
            "and it was sent as that"
        )
    return medium


_KINDS: dict[str, Kind] = {
    "input_audio": "audio",
    "audio_url": "audio",
    "audio": "audio",
    "video_url": "video",
    "video": "video",
}
"""The kinds of parts whose type alone says it; an image or a file may turn out to be something else."""


def _check_sense(call: Call, medium: Medium, index: int) -> None:
    sense = "pdf" if medium.type == PDF else _SENSES.get(medium.kind)
    parsed = sense == "pdf" and call.route.quirks.get("files") == "any"
    if sense in call.route.facts.get("lacks", ()) and not parsed:
        raise call.refusal(f"messages[{index}] has {worded(medium)}, which this model does not take")


def remote(medium: Medium) -> bool:
    """Whether a medium stands at an http(s) URL."""
    return medium.url[:8].lower().startswith(("http://", "https://"))


def with_data(call: Call, medium: Medium, index: int) -> Medium:
    """The medium with its data, fetched where it is only a URL.

    Raises:
        MediaNeeded: it has not been fetched yet.
        BadRequestError: what stands at the URL is something else, or nothing fetches such a URL.
    """
    if medium.data:
        return medium
    if not remote(medium):
        given = f"the URL {without_secrets(medium.url)[:40]!r}" if medium.url else f"the upload {medium.id!r}"
        raise call.refusal(f"messages[{index}] has {given}, which this API does not know; give the data")
    declared, data = call.data_of(medium.url)
    type = true_type(medium.type if declared in UNTOLD else declared, data)
    if kind_of(type) != medium.kind:
        url = without_secrets(medium.url)
        stands = type or "no known type"
        raise call.refusal(f"messages[{index}] has the URL {url!r}, where {stands} stands, and no {medium.kind}")
    fetched = medium._replace(type=type, data=b2a_base64(data, newline=False).decode(), url="")
    _check_sense(call, fetched, index)
    return fetched


def text_document(medium: Medium) -> bool:
    """Whether a medium is a file that can be read as text."""
    return medium.kind == "document" and textlike(medium.type)


class FileText(str):
    """The text of a file, which stands apart from what is written before and behind it."""

    __slots__ = ()


def as_text(call: Call, medium: Medium, index: int) -> FileText:
    """The text of a file, for a format that takes no such files; that its name is lost is reported."""
    text = text_in(call, medium, index)
    name = f"the file {medium.name!r}" if medium.name else "a file"
    call.adjust(f"{name} of messages[{index}] was sent as its text: this API takes no files of type {medium.type}")
    return FileText(text)


def joined(texts: Iterable[str]) -> str:
    """Texts as one, for a format without parts: an empty line around those of files, and else nothing between them."""
    out, apart = "", False
    for text in texts:
        now = isinstance(text, FileText)
        out += f"\n\n{text}" if out and (now or apart) else text
        apart = now
    return out


def text_in(call: Call, medium: Medium, index: int) -> str:
    """The text of a file.

    Raises:
        BadRequestError: it is not UTF-8.
    """
    data = with_data(call, medium, index).data
    try:
        return a2b_base64(data + "=" * (-len(data) % 4)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise call.refusal(f"messages[{index}] has {worded(medium)} that is not UTF-8; save it as UTF-8") from error


def only_text(call: Call, message: JSON, index: int, api: str) -> str:
    """What a message says, for an API that takes nothing but text; text files are a part of it.

    Args:
        call: whose model is asked.
        message: a normalized message.
        index: its index.
        api: what the API is called, in the plural; stands in refusals.

    Raises:
        BadRequestError: the message is about tools, or has another medium.
    """
    if message["role"] == "tool" or message.get("tool_calls"):
        raise call.refusal(f"messages[{index}] is about tools, which {api} do not have")
    call.report_unknown_fields(message, index, ("role", "content"))
    call.report_cache_marks(message, index)
    takes = f"{api} take only text"
    texts: list[str] = []
    for part in parts(message["content"]):
        medium = medium_of(call, part, index, ("image", "document"), takes) if part["type"] != "text" else None
        if medium and text_document(medium) and not medium.id:
            texts.append(as_text(call, medium, index))
        elif part["type"] == "text":
            texts.append(part["text"])
        else:
            raise call.refusal(f"messages[{index}] has a part of type {part['type']!r}; {takes}")
    return joined(texts)
