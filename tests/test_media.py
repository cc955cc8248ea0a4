"""Media in every wire format: what is sent, what is fetched first, and what is refused in which words."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import pytest
from support import call, quirky, render

from unified_llm.adapters.contract import MediaNeeded
from unified_llm.errors import BadRequestError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
JPEG = b"\xff\xd8\xff\xe0" + bytes(8)
PDF = b"%PDF-1.7\n"
MP3 = b"ID3\x04" + bytes(8)
MP4 = bytes([0, 0, 0, 16]) + b"ftypisom" + bytes(4)
DOCX = b"PK\x03\x04" + bytes(26) + b"word/document.xml"
HEIC = bytes([0, 0, 0, 16]) + b"ftypheic" + bytes(4)
TEXT = "Ä,1\n".encode()

PICTURE, PAPER = "https://a.example/b.png", "https://a.example/b.pdf?x=1"

ADAPTERS = {
    "anthropic_messages": "anthropic/claude-sonnet-4-5",
    "openai_chat": "custom/m",
    "openai_responses": "custom/m",
    "gemini": "gemini/gemini-2.5-flash",
    "bedrock_converse": "bedrock/us.amazon.nova-pro-v1:0",
    "cohere_chat": "cohere/command-a-vision-07-2025",
    "ollama_chat": "ollama/llama3.2",
}


def b64(data):
    return b64encode(data).decode()


def data_url(type, data):
    return f"data:{type};base64,{b64(data)}"


def image(data, type="image/png"):
    return {"type": "image_url", "image_url": {"url": data if isinstance(data, str) else data_url(type, data)}}


def file(data, type="application/pdf", name="b.pdf"):
    return {"type": "file", "file": {"filename": name, "file_data": data_url(type, data)}}


def asked(adapter, *parts, media=None, quirks=None, facts=None, **options):
    """A call of a user who says "Read" and gives these parts, and nothing is known of the model."""
    made = call(ADAPTERS[adapter], [("user", ["Read", *parts])], adapter=adapter, **options)
    made.route = replace(made.route, facts=facts or {}, quirks=quirks or made.route.quirks)
    made.media = media or {}
    return made


def sent(adapter, part, **options):
    """What a part becomes, and the reports of it."""
    made = asked(adapter, part, **options)
    body = render(made).body
    turn = (body.get("messages") or body.get("input") or body.get("contents"))[-1]
    content = turn.get("content", turn.get("parts"))
    return (
        {"content": content, **{k: turn[k] for k in turn if k == "images"}} if isinstance(content, str) else content[1]
    ), made.warnings


def refused(adapter, part, **options):
    with pytest.raises(BadRequestError) as caught:
        render(asked(adapter, part, **options))
    assert caught.value.status_code is None
    assert "messages[0]" in str(caught.value)
    return str(caught.value)


# --- data -----------------------------------------------------------------------------------------------------------

SENT = {
    ("anthropic_messages", "image"): {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": b64(PNG)},
    },
    ("anthropic_messages", "PDF"): {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": b64(PDF)},
        "title": "b.pdf",
    },
    ("anthropic_messages", "text"): {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "Ä,1\n"},
        "title": "b.csv",
    },
    ("openai_chat", "image"): image(PNG),
    ("openai_chat", "PDF"): file(PDF),
    ("openai_chat", "docx"): file(DOCX, "application/msword-or-so", "b.docx"),
    ("openai_chat", "audio"): {"type": "input_audio", "input_audio": {"data": b64(MP3), "format": "mp3"}},
    ("openai_chat", "video"): {"type": "video_url", "video_url": {"url": data_url("video/mp4", MP4)}},
    ("openai_responses", "image"): {"type": "input_image", "image_url": data_url("image/png", PNG), "detail": "auto"},
    ("openai_responses", "PDF"): {
        "type": "input_file",
        "filename": "b.pdf",
        "file_data": data_url("application/pdf", PDF),
    },
    ("openai_responses", "text"): {"type": "input_file", "filename": "b.csv", "file_data": data_url("text/csv", TEXT)},
    ("gemini", "image"): {"inlineData": {"mimeType": "image/png", "data": b64(PNG)}},
    ("gemini", "PDF"): {"inlineData": {"mimeType": "application/pdf", "data": b64(PDF)}},
    ("gemini", "text"): {"inlineData": {"mimeType": "text/csv", "data": b64(TEXT)}},
    ("gemini", "audio"): {"inlineData": {"mimeType": "audio/mp3", "data": b64(MP3)}},
    ("gemini", "video"): {"inlineData": {"mimeType": "video/mp4", "data": b64(MP4)}},
    ("bedrock_converse", "image"): {"image": {"format": "png", "source": {"bytes": b64(PNG)}}},
    ("bedrock_converse", "PDF"): {"document": {"format": "pdf", "name": "b", "source": {"bytes": b64(PDF)}}},
    ("bedrock_converse", "text"): {"document": {"format": "csv", "name": "b", "source": {"bytes": b64(TEXT)}}},
    ("bedrock_converse", "docx"): {"document": {"format": "docx", "name": "b", "source": {"bytes": b64(DOCX)}}},
    ("bedrock_converse", "audio"): {"audio": {"format": "mp3", "source": {"bytes": b64(MP3)}}},
    ("bedrock_converse", "video"): {"video": {"format": "mp4", "source": {"bytes": b64(MP4)}}},
    ("cohere_chat", "image"): image(PNG),
    ("ollama_chat", "image"): {"content": "Read", "images": [b64(PNG)]},
}
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SENT["openai_chat", "docx"] = file(DOCX, WORD, "b.docx")
GIVEN = {
    "image": image(PNG),
    "PDF": file(PDF),
    "text": file(TEXT, "text/csv", "b.csv"),
    "docx": file(DOCX, WORD, "b.docx"),
    "audio": {"type": "input_audio", "input_audio": {"data": b64(MP3), "format": "mp3"}},
    "video": {"type": "video_url", "video_url": {"url": data_url("video/mp4", MP4)}},
}


@pytest.mark.parametrize(("adapter", "what"), SENT, ids=map("-".join, SENT))
def test_data_is_sent_in_the_form_of_the_api(adapter, what):
    assert sent(adapter, GIVEN[what]) == (SENT[adapter, what], [])


INLINED = {
    "openai_chat": {"type": "text", "text": "Ä,1\n"},
    "cohere_chat": {"type": "text", "text": "Ä,1\n"},
    "ollama_chat": {"content": "Read\n\nÄ,1\n"},
}


@pytest.mark.parametrize("adapter", INLINED)
def test_a_text_file_is_sent_as_its_text_where_the_api_takes_no_such_files(adapter):
    given, warnings = sent(adapter, GIVEN["text"])
    assert given == INLINED[adapter]
    assert "'b.csv' of messages[0]" in warnings[0]
    assert "text/csv" in refused(adapter, GIVEN["text"], strict=True)


def test_a_text_file_stands_apart_where_content_is_one_string():
    made = call("ollama/llama3.2", [("user", ["a", "b", GIVEN["text"], "c", "d"])])
    assert render(made).body["messages"][0]["content"] == "ab\n\nÄ,1\n\n\ncd"
    strung = quirky({"string_content": True}, [("user", ["a", GIVEN["text"]])])
    assert render(strung).body["messages"][0]["content"] == "a\n\nÄ,1\n"
    legacy = call("claude-2.1", [("user", ["a", GIVEN["text"]])])
    assert render(legacy).body["prompt"] == "\n\nHuman: a\n\nÄ,1\n\n\nAssistant:"


LATIN = file("Ä".encode("latin-1"), "text/csv", "b.csv")


@pytest.mark.parametrize("adapter", ["anthropic_messages", "openai_chat", "ollama_chat"])
def test_text_that_is_not_utf_8_is_refused(adapter):
    assert "UTF-8" in refused(adapter, LATIN)


NOT_TAKEN = [
    *((adapter, what) for adapter in ("anthropic_messages", "openai_responses") for what in ("audio", "video")),
    *((adapter, what) for adapter in ("cohere_chat", "ollama_chat") for what in ("PDF", "docx", "audio", "video")),
    ("anthropic_messages", "docx"),
]


@pytest.mark.parametrize(("adapter", "what"), NOT_TAKEN)
def test_what_an_api_does_not_take_is_refused_with_what_it_takes(adapter, what):
    assert "take" in refused(adapter, GIVEN[what])


@pytest.mark.parametrize("adapter", ["anthropic_messages", "bedrock_converse"])
def test_a_type_of_image_that_the_api_does_not_take_is_refused_with_its_name(adapter):
    assert "image/heic" in refused(adapter, image(HEIC, "image/png"))


SENSES = {"image": "vision", "PDF": "pdf", "audio": "audio", "video": "video"}


@pytest.mark.parametrize("what", SENSES)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_what_the_model_is_known_to_lack_is_refused(adapter, what):
    assert "take" in refused(adapter, GIVEN[what], facts={"lacks": [SENSES[what]]})


def test_a_pdf_goes_to_any_model_of_a_host_that_reads_files_itself():
    lacking = {"lacks": ["pdf"]}
    assert sent("openai_chat", GIVEN["PDF"], quirks={"files": "any"}, facts=lacking)[0] == GIVEN["PDF"]


# --- types ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_type_that_the_bytes_contradict_is_set_right_and_reported(adapter):
    given, warnings = sent(adapter, image(JPEG, "image/png"))
    assert given == sent(adapter, image(JPEG, "image/jpeg"))[0]
    assert "said to be image/png; its bytes are image/jpeg" in warnings[0]
    assert "strict" in refused(adapter, image(JPEG, "image/png"), strict=True)


@pytest.mark.parametrize("adapter", ["anthropic_messages", "openai_chat", "openai_responses", "gemini"])
def test_a_pdf_that_is_given_as_an_image_is_sent_as_a_file(adapter):
    given, warnings = sent(adapter, image(PDF, "image/png"))
    assert b64(PDF) in str(given)
    assert "application/pdf" in str(given)
    assert len(warnings) == 1


def test_sound_is_sent_under_the_format_of_its_bytes():
    part = {"type": "input_audio", "input_audio": {"data": b64(MP3), "format": "wav"}}
    given, warnings = sent("openai_chat", part)
    assert given["input_audio"] == {"data": b64(MP3), "format": "mp3"}
    assert "audio/wav" in warnings[0]


def test_base64_of_another_alphabet_or_with_line_ends_is_set_right():
    data = PNG + b"\xfb\xff\xfe"
    spaced = b64(data)[:8] + "\r\n" + b64(data)[8:].replace("+", "-").replace("/", "_")
    part = {"type": "image_url", "image_url": f"data:image/png;base64,{spaced}"}
    assert sent("openai_chat", part) == (image(data), [])


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("data", ["!!!!not-base64!!!!", ""])
def test_data_that_is_no_base64_is_refused_with_the_way_to_make_it(adapter, data):
    said = refused(adapter, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}})
    assert "base64.b64encode" in said


EMPTY = {
    "an image": {"type": "image_url", "image_url": {"detail": "low"}},
    "an image of a number": {"type": "image_url", "image_url": {"url": 3}},
    "sound": {"type": "input_audio", "input_audio": {}},
    "a film": {"type": "video_url", "video_url": None},
    "a file": {"type": "file", "file": {"filename": "b.pdf"}},
    "a file of a URL that is no data": {"type": "file", "file": {"file_data": "data:application/pdf,plain"}},
}


@pytest.mark.parametrize("part", EMPTY.values(), ids=EMPTY)
@pytest.mark.parametrize("adapter", ["gemini", "bedrock_converse", "openai_chat"])
def test_a_part_with_nothing_in_it_is_refused(adapter, part):
    assert refused(adapter, part)


def test_a_type_of_document_that_nobody_but_its_maker_knows_is_passed_on_or_refused():
    part = {"type": "document", "source": {"type": "content", "content": "a"}}
    assert sent("anthropic_messages", part)[0] == part
    assert "'document'" in refused("bedrock_converse", part)
    assert "'audio'" in refused("gemini", {"type": "audio", "source_type": "id", "id": "a"})


def test_what_else_a_part_says_stays():
    marked = {**image(PNG), "prompt_cache_breakpoint": {"mode": "explicit"}}
    marked["image_url"]["detail"] = "low"
    assert sent("openai_chat", marked)[0] == marked


# --- other forms of parts -------------------------------------------------------------------------------------------

SAME = {
    "Anthropic's": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": b64(PNG)}},
    "LangChain's first": {"type": "image", "source_type": "base64", "mime_type": "image/png", "data": b64(PNG)},
    "LangChain's": {"type": "image", "base64": b64(PNG), "mime_type": "image/png"},
    "without the head of a data URL": {"type": "image_url", "image_url": b64(PNG)},
    "without a type": {"type": "image_url", "image_url": f"data:;base64,{b64(PNG)}"},
    "with a type that says nothing": image(PNG, "application/octet-stream"),
}


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("part", SAME.values(), ids=SAME)
def test_an_image_may_be_given_in_anybodys_form(adapter, part):
    assert sent(adapter, part) == sent(adapter, image(PNG))


DOCUMENTS = {
    "Anthropic's": {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": b64(PDF)},
        "title": "b.pdf",
    },
    "LangChain's": {"type": "file", "base64": b64(PDF), "mime_type": "application/pdf", "filename": "b.pdf"},
    "bare base64": {"type": "file", "file": {"file_data": b64(PDF), "filename": "b.pdf"}},
    "LiteLLM's": {"type": "file", "file": {"file_id": data_url("application/pdf", PDF), "filename": "b.pdf"}},
}


@pytest.mark.parametrize("adapter", ["anthropic_messages", "openai_chat", "gemini", "bedrock_converse"])
@pytest.mark.parametrize("part", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_may_be_given_in_anybodys_form(adapter, part):
    assert sent(adapter, part) == sent(adapter, GIVEN["PDF"])


def test_anthropics_text_document_is_text_elsewhere():
    part = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Ä"}, "title": "b"}
    assert sent("anthropic_messages", part)[0] == part
    assert sent("ollama_chat", part)[0]["content"] == "Read\n\nÄ"


def test_a_wrong_label_in_anthropics_own_form_is_set_right():
    source = {"type": "base64", "media_type": "image/png", "data": b64(JPEG)}
    given, warnings = sent("anthropic_messages", {"type": "image", "source": source, "cache_control": {"type": "x"}})
    assert given == {"type": "image", "source": {**source, "media_type": "image/jpeg"}, "cache_control": {"type": "x"}}
    assert len(warnings) == 1


# --- uploads and results --------------------------------------------------------------------------------------------

UPLOADED = {
    "anthropic_messages": {"type": "document", "source": {"type": "file", "file_id": "file-1"}},
    "openai_chat": {"type": "file", "file": {"file_id": "file-1"}},
    "openai_responses": {"type": "input_file", "file_id": "file-1"},
    "gemini": {"fileData": {"fileUri": "file-1"}},
}


@pytest.mark.parametrize("adapter", UPLOADED)
def test_an_upload_is_named_by_its_id(adapter):
    assert sent(adapter, {"type": "file", "file": {"file_id": "file-1"}})[0] == UPLOADED[adapter]


def test_a_host_without_uploads_refuses_their_ids():
    part = {"type": "file", "file": {"file_id": "file-1"}}
    assert "upload" in refused("anthropic_messages", part, quirks={"media_urls": False})


OF_HOSTS = {
    "openai/gpt-4.1": (GIVEN["docx"], "openai_responses"),
    "moonshot/kimi-k2.5": (image(PICTURE), "b.png"),
    "lmstudio/m": (image(PICTURE), "b.png"),
    "bedrock/us.amazon.nova-pro-v1:0": (image(PICTURE), "b.png"),
}


@pytest.mark.parametrize(("model", "given"), OF_HOSTS.items())
def test_the_catalog_knows_which_hosts_take_only_some_files_or_fetch_nothing(model, given):
    part, told = given
    with pytest.raises((BadRequestError, MediaNeeded), match=told):
        render(call(model, [("user", ["Read", part])]))


def test_openrouter_and_mistral_read_and_fetch_pdfs_for_every_model():
    part = {"type": "file", "file": {"file_url": PAPER}}
    routed = render(call("openrouter/meta-llama/llama-3.3-70b-instruct", [("user", ["Read", part])])).body
    assert routed["messages"][0]["content"][1] == {"type": "file", "file": {"file_data": PAPER}}
    own = render(call("mistral/mistral-large-latest", [("user", ["Read", part])])).body
    assert own["messages"][0]["content"][1] == {"type": "document_url", "document_url": PAPER}


@pytest.mark.parametrize("adapter", sorted(ADAPTERS.keys() - UPLOADED.keys()))
def test_an_upload_is_refused_where_nothing_is_uploaded(adapter):
    assert refused(adapter, {"type": "file", "file": {"file_id": "file-1"}})


ASKED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}


@pytest.mark.parametrize("adapter", sorted(ADAPTERS.keys() - {"openai_chat", "cohere_chat"}))
def test_a_tools_result_may_have_an_image(adapter):
    told = {"role": "tool", "tool_call_id": "t1", "content": ["See", image(PNG)]}
    made = call(ADAPTERS[adapter], [("user", "Hi"), ASKED, told], adapter=adapter)
    assert b64(PNG) in str(render(made).body)


@pytest.mark.parametrize("adapter", ["openai_chat", "cohere_chat"])
def test_a_tools_result_with_an_image_is_refused_where_it_may_have_only_text(adapter):
    told = {"role": "tool", "tool_call_id": "t1", "content": ["See", image(PNG)]}
    with pytest.raises(BadRequestError, match=r"messages\[2\]"):
        render(call(ADAPTERS[adapter], [("user", "Hi"), ASKED, told], adapter=adapter))


def test_a_tools_result_may_be_a_text_file_where_it_may_have_only_text():
    told = {"role": "tool", "tool_call_id": "t1", "content": [GIVEN["text"]]}
    body = render(call("custom/m", [("user", "Hi"), ASKED, told])).body
    assert body["messages"][2]["content"] == [{"type": "text", "text": "Ä,1\n"}]
