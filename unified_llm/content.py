"""Media in the content of messages: short forms become OpenAI's parts, and every form of a part is read here.

A short form is a `pathlib.Path`, bytes, an image of PIL, an object around one (as `outlines.inputs.Image`), or, in the
content list of a user, a string that as a whole is the URL of a picture, a PDF, a sound or a film. A string never names
a file: what users type must not open one.
"""

from __future__ import annotations

import os
import re
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, cast

from unified_llm.errors import BadRequestError
from unified_llm.json_codec import as_dict
from unified_llm.media_types import (
    PDF,
    UNKNOWN,
    UNTOLD,
    Kind,
    audio_format,
    audio_type,
    canonical,
    ending,
    kind_of,
    named,
    readable,
    sniffed,
    textlike,
    true_type,
    unpacked,
    untidy,
)
from unified_llm.secrecy import without_secrets
from unified_llm.types import JSON

# --- short forms ---------------------------------------------------------------------------------------------------


def part_of(value: Any, place: str) -> JSON | None:
    """The part that a short form stands for; None for what is no short form.

    Args:
        value: an item of a content list, or a whole content.
        place: where it stands, in words, for errors.

    Raises:
        BadRequestError: a file that cannot be read, or bytes of a type that nothing shows.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _part(bytes(cast("bytes", value)), "", place)
    if isinstance(value, os.PathLike):
        path = Path(os.fsdecode(cast("os.PathLike[str]", value)))
        return _part(_read(path, place), path.name, f"{place} is the file {str(path)!r}, which")
    data = _pictured(value)
    return None if data is None else _part(data, "", place)


def part_of_url(text: str, place: str) -> JSON | None:
    """The part that a string stands for which is nothing but the URL of a medium; None for every other string.

    Args:
        text: an item of a user's content list: `data:<type>;base64,...`, or an http(s) URL whose path ends as the name
            of an image, a PDF, a sound or a film does.
        place: where it stands, in words, for errors.

    Raises:
        BadRequestError: a data URL without data.
    """
    if match := _DATA_URL.fullmatch(text):
        data = unpacked(match["data"])
        if not data:
            raise BadRequestError(f"{place} is a data URL whose data is {'empty' if data == b'' else 'not base64'}")
        type = true_type(match["type"] or "", data)
        return data_part(type, data, "") if type else _part(data, "", place)
    named_type = named(text) if _ADDRESS.fullmatch(text) else None
    if named_type is None or (kind_of(named_type) == "document" and named_type != PDF):
        return None
    return url_part(named_type, text)


_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,\s]+)*;base64,(?P<data>\S*)")
_ADDRESS = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)


MOST_BYTES = 1_000_000_000
"""Of a file that is sent inside a request: more than any provider takes there."""


def _read(path: Path, place: str) -> bytes:
    at = f"{place} is the file {str(path.absolute())!r}, which"
    try:
        if path.exists() and not path.is_file():
            raise BadRequestError(f"{at} is {'a directory' if path.is_dir() else 'no regular file'}; give a file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1) if path.stat().st_size <= MOST_BYTES else None
    except FileNotFoundError as error:
        raise BadRequestError(f"{at} does not exist") from error
    except OSError as error:
        raise BadRequestError(f"{at} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadRequestError(f"{at} cannot be read: {error}") from error
    if data is None or len(data) > MOST_BYTES:
        raise BadRequestError(f"{at} is larger than {MOST_BYTES:,} bytes, which no request can hold; upload it")
    return data


def _part(data: bytes, name: str, place: str) -> JSON:
    if not data:
        raise BadRequestError(f"{place} is empty")
    type = sniffed(data)
    if type is None and readable(data):
        wanted = named(name)
        type = wanted if wanted and textlike(wanted) else "text/plain"
    if type is None:
        raise BadRequestError(
            f"{place} begins with {data[:8]!r}, which no known type of image, PDF, document, sound or film does, "
            "and is no text in UTF-8; give a part with its type, as "
            "{'type': 'file', 'file': {'file_data': 'data:<type>;base64,...'}}"
        )
    return data_part(type, data, name)


def data_part(type: str, data: bytes, name: str) -> JSON:
    """OpenAI's part for bytes of a type; `video_url` is the form of hosts that take films."""
    base64 = b2a_base64(data, newline=False).decode()
    url, kind = f"data:{type};base64,{base64}", kind_of(type)
    if kind == "audio":
        return {"type": "input_audio", "input_audio": {"data": base64, "format": audio_format(type)}}
    if kind == "document":
        return {"type": "file", "file": {"filename": name or f"file.{ending(type)}", "file_data": url}}
    return {"type": f"{kind}_url", f"{kind}_url": {"url": url}}


def url_part(type: str, url: str) -> JSON:
    """The part for a URL at which something of a type stands."""
    kind = kind_of(type)
    if kind == "document":
        name = re.split(r"[?#]", url)[0].rpartition("/")[2]
        return {"type": "file", "file": {"filename": name, "file_url": url}}
    return {"type": f"{kind}_url", f"{kind}_url": {"url": url}}


def _pictured(value: Any) -> bytes | None:
    """The bytes of an image of PIL, or of an object around one; PIL itself is never imported."""
    if _is_picture(value):
        return _saved(value)
    encoded = getattr(value, "image_str", None)
    if isinstance(encoded, str):
        return unpacked(encoded)
    inner = getattr(value, "image", None)
    return _saved(inner) if _is_picture(inner) else None


def _is_picture(value: Any) -> bool:
    return any(base.__module__.partition(".")[0] == "PIL" for base in type(value).__mro__)


_MODES = {
    "JPEG": ("L", "RGB", "CMYK"),
    "GIF": ("1", "L", "P", "RGB", "RGBA"),
    "WEBP": ("RGB", "RGBA"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
}
"""Formats that all providers take, with the modes of colour that they can hold."""


def _saved(image: Any) -> bytes:
    """An image of PIL in the format that it was read in, else as PNG, which loses nothing."""
    format: str = image.format if image.mode in _MODES.get(getattr(image, "format", None) or "", ()) else "PNG"
    if image.mode not in _MODES[format]:
        image = image.convert("RGB")
    options: JSON = {"quality": "keep"} if format == "JPEG" else {}
    if getattr(image, "n_frames", 1) > 1:
        options["save_all"] = True
    buffer = BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


# --- parts ---------------------------------------------------------------------------------------------------------


class Medium(NamedTuple):
    """What a part holds beside text: exactly one of `data`, `url` and `id` is there.

    Attributes:
        type: the media type, as the bytes show it; "" where nothing says it.
        declared: the type that the part says; "" where it says none.
        data: base64.
        url: where it stands: http(s), or another address, which only some provider may know.
        id: that of an upload to the provider.
        name: of the file.
    """

    kind: Kind
    type: str = ""
    declared: str = ""
    data: str = ""
    url: str = ""
    id: str = ""
    name: str = ""

    @property
    def data_url(self) -> str:
        """The data as a data URL."""
        return f"data:{self.type or UNKNOWN};base64,{self.data}"


class BadMediumError(ValueError):
    """A part that holds no medium, though it is of a type that does; its text says why."""


def read_medium(part: JSON) -> Medium | None:
    """What a part holds, in whosever form it is: OpenAI's, Anthropic's, LangChain's; None for other types of parts.

    Raises:
        BadMediumError: nothing is in it, or data that is not base64.
    """
    reads = _READERS.get(part["type"])
    return reads(part) if reads else None


def _from_url_part(part: JSON) -> Medium:
    kind = cast("Kind", part["type"].removesuffix("_url"))
    given = part.get(part["type"])
    fields = {"url": given} if isinstance(given, str) else as_dict(given)
    return _found(kind, fields.get("url"), fields.get("format"))


def _from_input_audio(part: JSON) -> Medium:
    fields = as_dict(part.get("input_audio"))
    format = fields.get("format")
    declared = audio_type(format) if format else None
    data = fields.get("data")
    if isinstance(data, str) and not _SCHEME.match(data):
        return _from_data("audio", data, declared)
    return _found("audio", data or fields.get("url"), declared)


def _from_file(part: JSON) -> Medium | None:
    fields = as_dict(part.get("file"))
    if not fields and ("source_type" in part or "base64" in part or "url" in part):
        return _from_langchain(part)
    name = fields.get("filename") or ""
    given = fields.get("file_data") or fields.get("file_url")
    id = fields.get("file_id")
    if given:
        if not _SCHEME.match(given):
            return _from_data("document", given, fields.get("format") or named(name), name)
        return _found("document", given, fields.get("format"), name)
    if not id:
        raise BadMediumError("has a file without file_data, file_id or file_url")
    # a URL as an id is LiteLLM's form
    return (
        _found("document", id, fields.get("format"), name)
        if _SCHEME.match(id)
        else Medium("document", canonical(fields.get("format") or ""), id=id, name=name)
    )


def _from_source(part: JSON) -> Medium | None:
    """Anthropic's `image` and `document`, and LangChain's blocks of the same types."""
    kind: Kind = "image" if part["type"] == "image" else "document"
    source = as_dict(part.get("source"))
    name = part.get("title") or ""
    if source.get("type") == "base64":
        return _from_data(kind, source.get("data") or "", source.get("media_type"), name)
    if source.get("type") == "url":
        return _found(kind, source.get("url"), None, name)
    if source.get("type") == "file" and source.get("file_id"):
        return Medium(kind, id=source["file_id"], name=name)
    if source.get("type") == "text" and source.get("data"):
        data = b2a_base64(str(source["data"]).encode(), newline=False).decode()
        return Medium(kind, "text/plain", "text/plain", data=data, name=name)
    return _from_langchain(part) if any(key in part for key in ("source_type", "base64", "url")) else None


def _from_langchain(part: JSON) -> Medium | None:
    kind: Kind = part["type"] if part["type"] in ("image", "audio", "video") else "document"
    declared, name = part.get("mime_type"), part.get("filename") or part.get("name") or ""
    data = part.get("base64") or (part.get("data") if part.get("source_type") == "base64" else None)
    if data:
        return _from_data(kind, data, declared, name)
    return _found(kind, part["url"], declared, name) if isinstance(part.get("url"), str) else None


_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def _found(kind: Kind, url: Any, declared: str | None, name: str = "") -> Medium:
    """The medium of a URL."""
    if not isinstance(url, str) or not url:
        raise BadMediumError("has no URL and no data")
    if url.startswith("data:"):
        match = _LOOSE_DATA_URL.fullmatch(url)
        if not match:
            raise BadMediumError(
                f"has the URL {without_secrets(url)[:40]!r}; give a base64 data URL, as data:image/png;base64,..."
            )
        return _from_data(kind, match["data"], match["type"] or declared, name)
    if not _SCHEME.match(url) and sniffed(unpacked(url) or b""):
        return _from_data(kind, url, declared, name)  # base64 without the head of a data URL
    type = canonical(declared or named(url) or "")
    if not declared and kind_of(type) == "document" != kind and type != PDF:
        type = ""  # a picture may stand at an address that ends as that of a page
    return Medium(kind_of(type) if type else kind, type, type if declared else "", url=url, name=name)


_LOOSE_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,]+)*;base64,(?P<data>.*)", re.DOTALL)


def _from_data(kind: Kind, base64: str, declared: str | None, name: str = "") -> Medium:
    data = unpacked(base64)
    if not data:
        why = "is empty" if data == b"" else "is not base64"
        raise BadMediumError(f"has {_WORDS[kind]} whose data {why}; give base64.b64encode(data).decode(), or the bytes")
    said = canonical(declared or "")
    said = "" if said in UNTOLD else said
    type = true_type(said, data)
    return Medium(
        kind_of(type) if type else kind,
        type,
        said,
        data=b2a_base64(data, newline=False).decode() if untidy(base64) else base64,
        name=name,
    )


_WORDS: dict[Kind, str] = {"image": "an image", "document": "a file", "audio": "audio", "video": "a video"}


def worded(medium: Medium) -> str:
    """A medium in words: `a PDF`, `an image of type image/png`, `a file`."""
    if medium.type == PDF:
        return "a PDF"
    return f"{_WORDS[medium.kind]} of type {medium.type}" if medium.type else _WORDS[medium.kind]


_READERS: Mapping[str, Callable[[JSON], Medium | None]] = {
    "image_url": _from_url_part,
    "audio_url": _from_url_part,
    "video_url": _from_url_part,
    "input_audio": _from_input_audio,
    "file": _from_file,
    "image": _from_source,
    "document": _from_source,
    "audio": _from_langchain,
    "video": _from_langchain,
}
