"""What kind of thing some bytes are: media types are told from the bytes, since what is declared is often wrong.

Signatures: https://www.iana.org/assignments/media-types, https://mimesniff.spec.whatwg.org, and the formats' own pages.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["image", "document", "audio", "video"]
"""What a model does with a medium: see it, read it, hear it, watch it."""

PDF = "application/pdf"
UNKNOWN = "application/octet-stream"
UNTOLD = ("", UNKNOWN, "binary/octet-stream")
"""Declarations that say nothing."""
_OFFICE = "application/vnd.openxmlformats-officedocument."
_DOCX, _XLSX, _PPTX = (
    f"{_OFFICE}{name}" for name in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
)
_DOC, _XLS = "application/msword", "application/vnd.ms-excel"
_ZIP, _OLE = "application/zip", "application/x-ole-storage"

# --- bytes ---------------------------------------------------------------------------------------------------------

_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
    b"ID3": "audio/mpeg",
    b"fLaC": "audio/flac",
    b"\x00\x00\x01\xba": "video/mpeg",
    b"\x00\x00\x01\xb3": "video/mpeg",
    b"FLV\x01": "video/x-flv",
    b"0&\xb2u\x8ef\xcf\x11": "video/x-ms-wmv",
    b"{\\rtf": "application/rtf",
}
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_AIFF = {b"AIFF": "audio/aiff", b"AIFC": "audio/aiff"}
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "image/heic"),
    **dict.fromkeys((b"mif1", b"msf1"), "image/heif"),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P "), "audio/mp4"),
    b"qt  ": "video/quicktime",
}
_OFFICE_FILES = {b"word/document": _DOCX, b"xl/workbook": _XLSX, b"ppt/presentation": _PPTX}
_OLE_STREAMS = {"WordDocument".encode("utf-16-le"): _DOC, "Workbook".encode("utf-16-le"): _XLS}
_BITMAP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


def sniffed(data: bytes) -> str | None:
    """The media type that bytes show; None where they show none, as those of plain text."""
    for beginning, type in _BEGINNINGS.items():
        if data.startswith(beginning):
            return type
    for test in (_boxed, _matroska, _ogg, _archive, _bitmap, _frames, _marked_up):
        if type := test(data):
            return type
    return None


def _boxed(data: bytes) -> str | None:
    """Formats whose name stands behind a size: RIFF, AIFF, MP4 and its kin."""
    head, name = data[:4], data[8:12]
    if head == b"RIFF":
        return _RIFF.get(name)
    if head == b"FORM":
        return _AIFF.get(name)
    if data[4:8] == b"ftyp":
        type = _BRANDS.get(name) or ("video/3gpp" if name.startswith(b"3g") else "video/mp4")
        return "image/avif" if type == "image/heif" and b"avif" in data[12:64] else type
    return "video/quicktime" if data[4:8] in (b"moov", b"mdat") else None


def _matroska(data: bytes) -> str | None:
    if not data.startswith(b"\x1aE\xdf\xa3"):
        return None
    head = data[:4096]
    family = "webm" if b"webm" in head[:64] else "x-matroska"
    heard = any(codec in head for codec in (b"A_OPUS", b"A_VORBIS"))
    return f"audio/{family}" if heard and b"V_" not in head else f"video/{family}"


def _ogg(data: bytes) -> str | None:
    if not data.startswith(b"OggS"):
        return None
    return "video/ogg" if b"\x80theora" in data[:256] else "audio/ogg"


def _archive(data: bytes) -> str | None:
    """Documents that are archives of files."""
    if data.startswith(b"PK\x03\x04"):
        return next((type for name, type in _OFFICE_FILES.items() if name in data), _ZIP)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return next((type for name, type in _OLE_STREAMS.items() if name in data), _OLE)
    return None


def _bitmap(data: bytes) -> str | None:
    if data[:2] != b"BM" or len(data) < 18:
        return None
    return "image/bmp" if int.from_bytes(data[14:18], "little") in _BITMAP_HEADERS else None


def _frames(data: bytes) -> str | None:
    """Sound that begins with a frame: eleven or twelve set bits, then the layer."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    layer = data[1] >> 1 & 3
    if layer == 0:
        return "audio/aac" if data[1] & 0xF0 == 0xF0 else None
    plausible = layer in (1, 2) and data[2] >> 4 != 0xF and data[2] >> 2 & 3 != 3
    return "audio/mpeg" if plausible else None


_MARKUP = re.compile(
    rb"(?:<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE svg[^>]*>|\s)*(?:(?P<svg><svg[\s>])|(?P<html><!DOCTYPE html|<html[\s>]))",
    re.IGNORECASE | re.DOTALL,
)


def _marked_up(data: bytes) -> str | None:
    text = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"%PDF-"):
        return PDF
    match = _MARKUP.match(text)
    if not match:
        return None
    return "image/svg+xml" if match["svg"] else "text/html"


def readable(data: bytes) -> bool:
    """Whether bytes are text: UTF-8 without control characters but white space."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return not re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text)


def unpacked(base64: str) -> bytes | None:
    """The bytes that base64 stands for, in either alphabet, with or without its padding; None where it is none."""
    if untidy(base64):
        base64 = "".join(base64.split()).translate({ord("-"): "+", ord("_"): "/"})
    if len(base64) % 4:
        base64 += "=" * (-len(base64) % 4)
    try:
        return a2b_base64(base64, strict_mode=True)
    except ValueError:  # of which binascii.Error is one
        return None


def untidy(base64: str) -> bool:
    """Whether base64 has white space, or is of the alphabet for URLs: not all providers take that."""
    return any(mark in base64 for mark in " \n\r\t-_")


# --- what is declared ----------------------------------------------------------------------------------------------

_OTHER_NAMES = {
    "image/jpeg": "image/jpg image/pjpeg",
    "image/bmp": "image/x-ms-bmp image/x-bmp",
    "audio/mpeg": "audio/mp3 audio/mpga audio/x-mp3",
    "audio/wav": "audio/x-wav audio/wave audio/vnd.wave",
    "audio/mp4": "audio/m4a audio/x-m4a",
    "audio/flac": "audio/x-flac",
    "audio/aac": "audio/x-aac",
    "audio/aiff": "audio/x-aiff audio/aif",
    "video/x-msvideo": "video/avi video/msvideo",
    "video/quicktime": "video/mov",
    "video/mpeg": "video/mpg",
    "video/mp4": "video/x-m4v",
    "application/rtf": "text/rtf",
    PDF: "application/x-pdf",
}
_REGISTERED = {other: type for type, others in _OTHER_NAMES.items() for other in others.split()}
_ONE_CONTAINER = (
    {"video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska"},
    {"video/mp4", "audio/mp4", "video/quicktime", "video/3gpp"},
    {"audio/ogg", "video/ogg", "audio/opus", "application/ogg"},
    {"image/heic", "image/heif"},
    {"audio/mpeg", "audio/aac"},
)
"""Types that the first bytes do not tell apart for sure."""


def canonical(type: str) -> str:
    """A media type under its registered name, without parameters."""
    bare = type.partition(";")[0].strip().lower()
    return _REGISTERED.get(bare, bare)


def true_type(declared: str, data: bytes) -> str:
    """The type of bytes that are declared as something: what they show, "" where neither says it."""
    said, shown = canonical(declared), sniffed(data)
    if said in UNTOLD:
        return shown or ""
    if shown is None:
        return said
    vague = shown in (_ZIP, _OLE) and said.startswith("application/")
    textual = (shown.startswith("text/") or shown == "image/svg+xml") and textlike(said)
    return said if vague or textual or any(said in types and shown in types for types in _ONE_CONTAINER) else shown


def textlike(type: str) -> bool:
    """Whether what is of this type can be read as text."""
    return type.startswith("text/") or type in _TEXTUAL or type.endswith(("+json", "+xml"))


_TEXTUAL = {
    f"application/{name}"
    for name in ("json", "xml", "javascript", "x-javascript", "x-yaml", "yaml", "toml", "sql", "x-sh", "x-python")
}


def kind_of(type: str) -> Kind:
    """What a model does with a medium of this type."""
    family = type.partition("/")[0]
    return family if family in ("image", "audio", "video") else "document"  # pyright: ignore[reportReturnType]


# --- names ---------------------------------------------------------------------------------------------------------

_USUAL_ENDINGS = {
    **{f"image/{name}": name for name in ("png", "webp", "gif", "heic", "heif", "avif", "bmp")},
    "image/jpeg": "jpg jpeg",
    "image/tiff": "tiff tif",
    "image/svg+xml": "svg",
    **{f"audio/{name}": name for name in ("wav", "flac", "aac", "opus")},
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/ogg": "ogg oga",
    "audio/aiff": "aiff aif",
    "video/mp4": "mp4 m4v",
    "video/webm": "webm",
    "video/mpeg": "mpeg mpg",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
    "video/x-flv": "flv",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "3gp",
    PDF: "pdf",
    _DOCX: "docx",
    _XLSX: "xlsx",
    _PPTX: "pptx",
    _DOC: "doc",
    _XLS: "xls",
    "text/plain": "txt",
    "text/csv": "csv",
    "text/markdown": "md markdown",
    "text/html": "html htm",
    "text/xml": "xml",
    "application/json": "json",
}
_ENDINGS = {end: type for type, ends in _USUAL_ENDINGS.items() for end in ends.split()}
"""Types by the ends of names."""

_AUDIO_WORDS = {"audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/x-matroska": "mka"}


def named(name: str) -> str | None:
    """The type that the end of a file name or a URL stands for; None for one that says nothing."""
    path = re.split(r"[?#]", name)[0].rpartition("/")[2]
    return _ENDINGS.get(path.rpartition(".")[2].lower()) if "." in path else None


def ending(type: str) -> str:
    """The usual end of the names of files of a type."""
    usual = _USUAL_ENDINGS.get(type, "txt" if textlike(type) else "bin")
    return usual.partition(" ")[0]


def audio_format(type: str) -> str:
    """The word for a type of sound in `input_audio`: `mp3`, `wav`, ..."""
    return _AUDIO_WORDS.get(type) or type.partition("/")[2].removeprefix("x-")


def audio_type(format: str) -> str:
    """The type that a word of `input_audio` stands for."""
    return canonical(next((type for type, word in _AUDIO_WORDS.items() if word == format), f"audio/{format}"))
