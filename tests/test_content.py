"""Short forms of media in messages, and what the first bytes of things say that they are."""

from __future__ import annotations

import re
import sys
import types
from base64 import b64decode, b64encode
from itertools import product
from pathlib import Path, PurePath
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import frozen

from unified_llm.content import MOST_BYTES, data_part
from unified_llm.errors import BadRequestError
from unified_llm.media_types import audio_format, audio_type, canonical, ending, named, readable, sniffed, true_type
from unified_llm.messages import normalize

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
JPEG = b"\xff\xd8\xff\xe0" + bytes(8)
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def boxed(brand, more=b""):
    """The beginning of an MP4 or of one of its kin."""
    body = b"ftyp" + brand + bytes(4) + more
    return (len(body) + 4).to_bytes(4, "big") + body


def zipped(*names):
    return b"".join(b"PK\x03\x04" + bytes(26) + name for name in names)


def ebml(type, *codecs):
    return b"\x1aE\xdf\xa3" + bytes(8) + b"B\x82" + type + bytes(30) + b" ".join(codecs)


def bitmap(header=40):
    return b"BM" + bytes(8) + (54).to_bytes(4, "little") + header.to_bytes(4, "little")


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

SHOWN = {
    "PNG": (PNG, "image/png"),
    "JPEG": (JPEG, "image/jpeg"),
    "GIF of 1987": (b"GIF87a", "image/gif"),
    "GIF of 1989": (b"GIF89a", "image/gif"),
    "WebP": (b"RIFF\x04\0\0\0WEBPVP8 ", "image/webp"),
    "AVIF": (boxed(b"avif"), "image/avif"),
    "AVIF as a collection": (boxed(b"mif1", b"miafavif"), "image/avif"),
    "HEIC": (boxed(b"heic"), "image/heic"),
    "HEIF": (boxed(b"mif1", b"heim"), "image/heif"),
    "BMP": (bitmap(), "image/bmp"),
    "BMP of OS/2": (bitmap(12), "image/bmp"),
    "TIFF, little end first": (b"II*\0\x08\0\0\0", "image/tiff"),
    "TIFF, big end first": (b"MM\0*\0\0\0\x08", "image/tiff"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
    "SVG with a prologue": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x --> <svg>', "image/svg+xml"),
    "PDF": (b"%PDF-1.7\n", "application/pdf"),
    "PDF behind white space": (b"\n  %PDF-1.4", "application/pdf"),
    "MP3 with tags": (b"ID3\x04\0\0", "audio/mpeg"),
    "MP3": (b"\xff\xfb\x90\x64", "audio/mpeg"),
    "MP3 of MPEG 2": (b"\xff\xf3\x40\xc4", "audio/mpeg"),
    "WAV": (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
    "FLAC": (b"fLaC\0\0\0\x22", "audio/flac"),
    "Opus in OGG": (b"OggS\0\x02" + bytes(22) + b"OpusHead", "audio/ogg"),
    "film in OGG": (b"OggS\0\x02" + bytes(22) + b"\x80theora", "video/ogg"),
    "M4A": (boxed(b"M4A "), "audio/mp4"),
    "AAC": (b"\xff\xf1\x50\x80", "audio/aac"),
    "AIFF": (b"FORM\0\0\0\x2eAIFFCOMM", "audio/aiff"),
    "AIFF, compressed": (b"FORM\0\0\0\x2eAIFCFVER", "audio/aiff"),
    "WebM of sound": (ebml(b"webm", b"A_OPUS"), "audio/webm"),
    "WebM": (ebml(b"webm", b"V_VP9", b"A_OPUS"), "video/webm"),
    "WebM whose codecs come late": (ebml(b"webm"), "video/webm"),
    "Matroska": (ebml(b"matroska", b"V_MPEG4"), "video/x-matroska"),
    "MP4": (boxed(b"isom"), "video/mp4"),
    "MOV": (boxed(b"qt  "), "video/quicktime"),
    "old MOV": (b"\0\0\0\x08moov", "video/quicktime"),
    "3GP": (boxed(b"3gp5"), "video/3gpp"),
    "AVI": (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
    "MPEG": (b"\0\0\x01\xba\x44", "video/mpeg"),
    "MPEG without a system": (b"\0\0\x01\xb3\x14", "video/mpeg"),
    "FLV": (b"FLV\x01\x05", "video/x-flv"),
    "WMV": (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9", "video/x-ms-wmv"),
    "DOCX": (zipped(b"[Content_Types].xml", b"word/document.xml"), WORD),
    "XLSX": (zipped(b"[Content_Types].xml", b"xl/workbook.xml"), SHEET),
    "PPTX": (zipped(b"[Content_Types].xml", b"ppt/presentation.xml"), SLIDES),
    "ZIP": (zipped(b"a.txt"), "application/zip"),
    "DOC": (OLE + bytes(8) + "WordDocument".encode("utf-16-le"), "application/msword"),
    "XLS": (OLE + bytes(8) + "Workbook".encode("utf-16-le"), "application/vnd.ms-excel"),
    "another of its kin": (OLE + bytes(8), "application/x-ole-storage"),
    "RTF": (b"{\\rtf1\\ansi", "application/rtf"),
    "HTML": (b"<!doctype html><p>", "text/html"),
    "HTML without a type": (b" <HTML>", "text/html"),
}


@pytest.mark.parametrize(("data", "type"), SHOWN.values(), ids=SHOWN)
def test_bytes_show_their_type(data, type):
    assert sniffed(data) == type


NOT_SHOWN = {
    "nothing": b"",
    "text": b"BMW makes cars, OggS does not",
    "a word that begins as a bitmap": b"BM" + b"x" * 30,
    "text about PDF": b"A PDF begins with %PDF-1.7",
    "UTF-16": b"\xff\xfeH\0i\0",
    "a frame of no rate": b"\xff\xfb\xf0\x64",
    "a frame of layer 1": b"\xff\xff\x90\x64",
    "AAC without its twelfth bit": b"\xff\xe1\x50\x80",
    "a RIFF of something": b"RIFF\x24\0\0\0CDDA",
    "a FORM of something": b"FORM\0\0\0\x2eILBM",
    "XML": b'<?xml version="1.0"?><note/>',
    "half of a magic": PNG[:6],
}


@pytest.mark.parametrize("data", NOT_SHOWN.values(), ids=NOT_SHOWN)
def test_other_bytes_show_none(data):
    assert sniffed(data) is None


@given(st.binary(max_size=64))
def test_any_bytes_are_looked_at_without_harm(data):
    assert sniffed(data) is None or "/" in str(sniffed(data))


@given(st.text(max_size=40))
def test_text_is_readable_and_what_is_readable_is_text(text):
    data = text.encode("utf-8", "surrogatepass")
    if readable(data):
        assert data.decode() == text
    else:
        assert re.search(r"[\x00-\x1f\ud800-\udfff]", text)


DECLARED = {
    "right": ("image/png", PNG, "image/png"),
    "wrong": ("image/png", JPEG, "image/jpeg"),
    "by another name": ("image/jpg; q=1", JPEG, "image/jpeg"),
    "not at all": ("", PNG, "image/png"),
    "as anything": ("application/octet-stream", PNG, "image/png"),
    "what nobody can see": ("audio/pcm16", b"\x01\x02\x03", "audio/pcm16"),
    "sound in a container of films": ("audio/webm", ebml(b"webm"), "audio/webm"),
    "sound in an MP4": ("audio/x-m4a", boxed(b"isom"), "audio/mp4"),
    "an archive that is a document": (WORD, zipped(b"a"), WORD),
    "a picture that is an archive": ("image/png", zipped(b"a"), "application/zip"),
    "a document that is another": (WORD, zipped(b"xl/workbook.xml"), SHEET),
    "a page as text": ("text/plain", b"<html>", "text/plain"),
    "a drawing as XML": ("application/xml", b"<svg >", "application/xml"),
    "text that is a PDF": ("text/plain", b"%PDF-1.7", "application/pdf"),
    "neither": ("", b"?", ""),
}


@pytest.mark.parametrize(("declared", "data", "type"), DECLARED.values(), ids=DECLARED)
def test_a_declaration_holds_unless_the_bytes_contradict_it(declared, data, type):
    assert true_type(declared, data) == type


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("a.PDF", "application/pdf"),
        ("https://a.example/b.c/d.jpeg?x=1.png#y.gif", "image/jpeg"),
        ("a.tar.mp3", "audio/mpeg"),
        ("a", None),
        ("https://a.example", None),
        ("https://a.example/png", None),
        ("a.unknown", None),
    ],
)
def test_the_end_of_a_name_tells_a_type(name, type):
    assert named(name) == type


@pytest.mark.parametrize("type", sorted({type for _, type in SHOWN.values()}))
def test_every_type_has_an_end_of_names_that_tells_it_or_none(type):
    assert named(f"a.{ending(type)}") in (type, None)


@pytest.mark.parametrize("word", ["mp3", "wav", "flac", "ogg", "opus", "aac", "aiff", "m4a", "webm", "pcm16"])
def test_the_words_of_input_audio_and_types_go_both_ways(word):
    assert audio_format(audio_type(word)) == word
    assert canonical(audio_type(word)) == audio_type(word)


# --- short forms ----------------------------------------------------------------------------------------------------


def content_of(*items, role="user"):
    given = [{"role": role, "content": list(items)}]
    if role != "user":
        given.insert(0, {"role": "user", "content": "Hi"})
    return normalize(given)[-1]["content"]


def refused(*items):
    with pytest.raises(BadRequestError) as caught:
        content_of(*items)
    return str(caught.value)


def image(data=PNG, type="image/png"):
    return {"type": "image_url", "image_url": {"url": f"data:{type};base64,{b64encode(data).decode()}"}}


def file(data, type, name):
    return {"type": "file", "file": {"filename": name, "file_data": f"data:{type};base64,{b64encode(data).decode()}"}}


PARTS = {
    "image": (PNG, "b.jpg", image()),
    "PDF": (b"%PDF-1.7", "b.pdf", file(b"%PDF-1.7", "application/pdf", "b.pdf")),
    "sound": (b"ID3\x04", "b", {"type": "input_audio", "input_audio": {"data": "SUQzBA==", "format": "mp3"}}),
    "film": (boxed(b"isom"), "b", {"type": "video_url", "video_url": image(boxed(b"isom"), "video/mp4")["image_url"]}),
    "text": ("Ä".encode(), "b", file("Ä".encode(), "text/plain", "b")),
    "table": (b"a,b", "b.csv", file(b"a,b", "text/csv", "b.csv")),
    "notes": (b"# a", "b.MD", file(b"# a", "text/markdown", "b.MD")),
    "code": (b"print()", "b.py", file(b"print()", "text/plain", "b.py")),
    "text by the name of a picture": (b"a", "b.png", file(b"a", "text/plain", "b.png")),
    "page": (b"<html>", "b.htm", file(b"<html>", "text/html", "b.htm")),
    "document": (zipped(b"word/document.xml"), "b.docx", file(zipped(b"word/document.xml"), WORD, "b.docx")),
}


@pytest.mark.parametrize(("data", "name", "part"), PARTS.values(), ids=PARTS)
def test_a_path_becomes_the_part_that_its_bytes_ask_for(data, name, part, tmp_path):
    path = tmp_path / name
    path.write_bytes(data)
    assert content_of("Look:", path) == [{"type": "text", "text": "Look:"}, part]
    assert content_of(PurePath(path)) == [part]


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview])
def test_bytes_become_the_part_that_they_ask_for(form):
    assert content_of(form(PNG)) == [image()]
    assert content_of(form(b"%PDF-1.7")) == [file(b"%PDF-1.7", "application/pdf", "file.pdf")]
    assert content_of(form(b"Hi")) == [file(b"Hi", "text/plain", "file.txt")]


@pytest.mark.parametrize("role", ["user", "system", "assistant"])
def test_a_content_may_be_one_path_or_bytes(role, tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    for content in (tmp_path / "a.png", PNG):
        assert normalize([{"role": role, "content": content}])[0]["content"] == [image()]
    assert normalize([("user", PNG)])[0]["content"] == [image()]


def test_a_tools_result_may_have_files(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    asked = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    told = {"role": "tool", "tool_call_id": "t", "content": [tmp_path / "a.png"]}
    messages = [("user", "Hi"), {"role": "assistant", "content": None, "tool_calls": [asked]}, told]
    assert normalize(messages)[2]["content"] == [image()]


BAD_FILES = {
    "missing": (lambda at: at / "b.png", "b.png' which does not exist"),
    "a directory": (lambda at: at, "which is a directory; give a file"),
    "a device": (lambda at: Path("/dev/zero"), "which is no regular file"),
    "empty": (lambda at: at / "empty", "which is empty"),
    "unknown": (lambda at: at / "unknown", r"begins with b'\\x00\\x01\\x02'"),
    "no UTF-8": (lambda at: at / "latin", "text in UTF-8"),
}


@pytest.mark.parametrize(("make", "why"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_none_is_refused_with_its_path(make, why, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "unknown").write_bytes(b"\0\x01\x02")
    (tmp_path / "latin").write_bytes("Grüße".encode("latin-1"))
    path = make(tmp_path)
    said = refused("a", path)
    assert said.startswith("messages[0].content[1] is the file ")
    assert str(path) in said
    assert re.search(why.replace("' which", "', which"), said)


def test_a_file_that_no_request_can_hold_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "film").open("wb") as film:
        film.truncate(MOST_BYTES + 1)  # a hole, which takes no space
    assert "is larger than 1,000,000,000 bytes" in refused(tmp_path / "film")


def test_a_file_whose_name_no_file_has_is_refused(tmp_path):
    assert "embedded null byte" in refused(tmp_path / "a\0b.png")


def test_objects_around_each_other_are_no_image():
    one, other = SimpleNamespace(), SimpleNamespace()
    one.image, other.image = other, one
    assert "SimpleNamespace" in refused(one)


def test_a_file_that_may_not_be_read_is_refused_with_the_reason(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert str(loop) in refused(loop)


@pytest.mark.parametrize("data", [b"", b"\0\x01", bytearray(), memoryview(b"\xff")])
def test_bytes_of_no_type_are_refused_with_their_place(data):
    assert refused("a", "b", data).startswith("messages[0].content[2]")


@pytest.mark.parametrize("item", [3, None, object(), {"a"}, ["a"]])
def test_what_is_no_form_of_a_part_is_refused_with_the_forms(item):
    said = refused(item)
    assert type(item).__name__ in said
    assert "pathlib.Path" in said


def test_the_callers_messages_stay_as_they_are(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    messages = frozen([{"role": "user", "content": ["a", path, PNG, "https://a.example/b.png"]}])
    before = repr(messages)
    normalize(messages)
    assert repr(messages) == before


# --- URLs among strings ---------------------------------------------------------------------------------------------

LINKS = {
    "https://a.example/b.png": {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
    "http://a.example/b.JPG?size=2#x": {"type": "image_url", "image_url": {"url": "http://a.example/b.JPG?size=2#x"}},
    "https://a.example/b.pdf?x=1": {
        "type": "file",
        "file": {"filename": "b.pdf", "file_url": "https://a.example/b.pdf?x=1"},
    },
    "https://a.example/b.mp3": {"type": "audio_url", "audio_url": {"url": "https://a.example/b.mp3"}},
    "https://a.example/b.mov": {"type": "video_url", "video_url": {"url": "https://a.example/b.mov"}},
    image()["image_url"]["url"]: image(),
    image(JPEG)["image_url"]["url"]: image(JPEG, "image/jpeg"),
    "data:;base64,SGk=": file(b"Hi", "text/plain", "file.txt"),
    "data:text/csv;charset=utf-8;base64,YSxi": file(b"a,b", "text/csv", "file.csv"),
}


@pytest.mark.parametrize(("text", "part"), LINKS.items(), ids=lambda value: str(value)[:30])
def test_a_string_that_is_the_url_of_a_medium_is_that_medium(text, part):
    assert content_of("Look:", text) == [{"type": "text", "text": "Look:"}, part]


WORDS = [
    "",
    "Hi",
    "https://a.example/",
    "https://a.example/page",
    "https://a.example/page.html",
    "https://a.example/notes.txt",
    "https://a.example/table.csv",
    "https://a.example/letter.docx",
    "https://a.example/b.png is a cat",
    " https://a.example/b.png",
    "https://a.example/b.png\n",
    "See https://a.example/b.png",
    "https:///b.png",
    "httpsb.png",
    "ftp://a.example/b.png",
    "file:///etc/b.png",
    "/etc/b.png",
    "b.png",
    "data: none",
    "data:image/png,plain",
    "data:image/png;base64,AAAA BBBB",
]


@pytest.mark.parametrize("text", WORDS)
def test_every_other_string_is_text(text):
    assert content_of(text) == [{"type": "text", "text": text}]


@pytest.mark.parametrize("role", ["system", "developer", "assistant"])
def test_only_a_users_strings_are_looked_at(role):
    assert content_of("https://a.example/b.png", role=role) == [{"type": "text", "text": "https://a.example/b.png"}]


def test_a_content_that_is_a_string_and_a_text_part_are_text():
    url = "https://a.example/b.png"
    assert normalize(url)[0]["content"] == url
    assert content_of({"type": "text", "text": url}) == [{"type": "text", "text": url}]


@pytest.mark.parametrize("data", ["", "!", "A"])
def test_a_data_url_without_data_is_refused(data):
    assert "messages[0].content[0] is a data URL" in refused(f"data:image/png;base64,{data}")


@given(st.binary(min_size=1, max_size=40), st.sampled_from(["image/png", "application/pdf", "audio/wav", "video/mp4"]))
def test_the_part_of_data_holds_the_data(data, type):
    part = data_part(type, data, "")
    fields = part[part["type"]]
    base64 = fields.get("data") or (fields.get("url") or fields["file_data"]).partition(",")[2]
    assert b64decode(base64) == data


# --- images of PIL --------------------------------------------------------------------------------------------------


class Picture:
    """What the images of PIL have that is asked for here."""

    def __init__(self, format=None, mode="RGB", frames=1):
        self.format, self.mode, self.n_frames = format, mode, frames
        self.saved = []

    def convert(self, mode):
        made = type(self)(None, mode)
        made.saved = self.saved
        return made

    def save(self, buffer, format, **options):
        self.saved.append({"format": format, "mode": self.mode, **options})
        buffer.write(JPEG if format == "JPEG" else PNG)


Pillow = type("Image", (Picture,), {"__module__": "PIL.Image"})

SAVED = {
    "a JPEG": (Pillow("JPEG"), {"format": "JPEG", "mode": "RGB", "quality": "keep"}, image(JPEG, "image/jpeg")),
    "a PNG": (Pillow("PNG", "P"), {"format": "PNG", "mode": "P"}, image()),
    "a GIF that moves": (Pillow("GIF", "P", 3), {"format": "GIF", "mode": "P", "save_all": True}, image()),
    "a drawing of its own": (Pillow(), {"format": "PNG", "mode": "RGB"}, image()),
    "a format that few take": (Pillow("TIFF", "RGBA"), {"format": "PNG", "mode": "RGBA"}, image()),
    "a JPEG that cannot be one": (Pillow("JPEG", "RGBA"), {"format": "PNG", "mode": "RGBA"}, image()),
    "colours for print": (Pillow("TIFF", "CMYK"), {"format": "PNG", "mode": "RGB"}, image()),
}


@pytest.mark.parametrize(("picture", "saved", "part"), SAVED.values(), ids=SAVED)
def test_an_image_of_pil_is_saved_in_its_own_format_or_as_png(picture, saved, part):
    assert content_of("Describe", picture) == [{"type": "text", "text": "Describe"}, part]
    assert picture.saved.pop() == saved


def test_an_object_around_an_image_is_that_image():
    encoded = types.SimpleNamespace(image=object(), image_str=b64encode(PNG).decode(), image_format="image/png")
    assert content_of("Describe", encoded) == content_of("Describe", Pillow()) == content_of("Describe", PNG)
    assert content_of(types.SimpleNamespace(image=Pillow("JPEG"))) == [image(JPEG, "image/jpeg")]


@pytest.mark.parametrize("around", [None, 3, "text"])
def test_an_object_around_something_else_is_refused(around):
    assert "SimpleNamespace" in refused(types.SimpleNamespace(image=around))


def test_an_object_around_itself_is_refused():
    mirror = types.SimpleNamespace()
    mirror.image = mirror
    assert "SimpleNamespace" in refused(mirror)


def test_pil_is_not_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)  # importing it fails
    assert content_of(Pillow()) == [image()]


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16", "F", "CMYK", "YCbCr", "HSV"]
FORMATS = [None, "PNG", "JPEG", "GIF", "WEBP", "TIFF"]


def test_a_true_image_of_pil_is_taken_in_every_mode_and_format():
    pil = pytest.importorskip("PIL.Image")
    for mode, format in product(MODES, FORMATS):
        picture = pil.new(mode, (2, 2))
        picture.format = format
        (part,) = content_of(picture)
        head, _, base64 = part["image_url"]["url"].partition(",")
        assert head == f"data:{sniffed(b64decode(base64))};base64", (mode, format)
