"""URLs of media: passed on where the provider fetches, sent along as data where it does not, else refused."""

from __future__ import annotations

import pytest
from support import render
from test_media import GIVEN, INLINED, MP3, PAPER, PDF, PICTURE, PNG, SENT, TEXT, asked, image, refused, sent

from unified_llm.adapters.contract import MediaNeeded

FETCHED = {PICTURE: ("text/plain", PNG), PAPER: ("application/pdf", PDF), "http://a.example/b.mp3": ("", MP3)}

LINKED = {"image": image(PICTURE), "PDF": {"type": "file", "file": {"file_url": PAPER, "filename": "b.pdf"}}}
PASSED = {
    ("anthropic_messages", "image"): {"type": "image", "source": {"type": "url", "url": PICTURE}},
    ("anthropic_messages", "PDF"): {"type": "document", "source": {"type": "url", "url": PAPER}, "title": "b.pdf"},
    ("openai_chat", "image"): image(PICTURE),
    ("openai_responses", "image"): {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
    ("openai_responses", "PDF"): {"type": "input_file", "file_url": PAPER},
    ("gemini", "image"): {"fileData": {"mimeType": "image/png", "fileUri": PICTURE}},
    ("gemini", "PDF"): {"fileData": {"mimeType": "application/pdf", "fileUri": PAPER}},
    ("cohere_chat", "image"): image(PICTURE),
}


@pytest.mark.parametrize(("adapter", "what"), PASSED, ids=map("-".join, PASSED))
def test_a_url_is_passed_on_where_the_provider_fetches(adapter, what):
    assert sent(adapter, LINKED[what]) == (PASSED[adapter, what], [])


@pytest.mark.parametrize(
    "form",
    [{"file_id": PAPER}, {"file_data": PAPER}, {"file_url": PAPER, "format": "application/pdf"}],
    ids=["LiteLLM's", "OpenRouter's", "with a type"],
)
def test_a_file_may_have_its_url_in_anybodys_field(form):
    given = sent("openai_responses", {"type": "file", "file": form})[0]
    assert given == {"type": "input_file", "file_url": PAPER}


NEEDED = [
    ("openai_chat", "PDF", {}),
    ("openai_chat", "image", {"quirks": {"media_urls": False}}),
    ("anthropic_messages", "image", {"quirks": {"media_urls": False}}),
    ("anthropic_messages", "PDF", {"quirks": {"media_urls": False}}),
    ("gemini", "image", {"quirks": {"media_urls": False}}),
    ("bedrock_converse", "image", {}),
    ("bedrock_converse", "PDF", {}),
    ("ollama_chat", "image", {}),
]


@pytest.mark.parametrize(("adapter", "what", "options"), NEEDED)
def test_what_stands_at_a_url_is_sent_along_where_the_provider_does_not_fetch(adapter, what, options):
    url = {"image": PICTURE, "PDF": PAPER}[what]
    with pytest.raises(MediaNeeded) as needed:
        render(asked(adapter, LINKED[what], **options))
    assert needed.value.url == url
    assert sent(adapter, LINKED[what], media=FETCHED, **options) == (SENT[adapter, what], [])


UNFETCHED_BY_GOOGLE = ["http://a.example/b.png", "https://a.example/b.gif", "https://a.example/b.mp3"]


@pytest.mark.parametrize("url", UNFETCHED_BY_GOOGLE)
def test_google_is_sent_along_what_it_does_not_fetch(url):
    part = {"type": "audio_url" if url.endswith("mp3") else "image_url"}
    with pytest.raises(MediaNeeded):
        render(asked("gemini", {**part, part["type"]: url}))


OWN = ["gs://b/c.mp3", "https://generativelanguage.googleapis.com/v1beta/files/a", "https://www.youtube.com/watch?v=a"]


@pytest.mark.parametrize("url", OWN)
@pytest.mark.parametrize("fetches", [True, False])
def test_google_always_reads_what_is_its_own(url, fetches):
    given = sent("gemini", {"type": "video_url", "video_url": url}, quirks={"media_urls": fetches})[0]
    assert given["fileData"]["fileUri"] == url


def test_sound_at_a_url_is_sent_as_input_audio():
    part = {"type": "audio_url", "audio_url": {"url": "http://a.example/b.mp3"}}
    assert sent("openai_chat", part, media=FETCHED)[0] == GIVEN["audio"]
    chunks = {"content_chunks": True, "files": "any"}
    assert sent("openai_chat", part, quirks=chunks)[0] == {
        "type": "input_audio",
        "input_audio": "http://a.example/b.mp3",
    }


def test_a_text_file_at_a_url_is_read_and_sent_as_text():
    url = "https://a.example/b.csv"
    part = {"type": "file", "file": {"file_url": url}}
    assert sent("openai_chat", part, media={url: ("text/csv", TEXT)})[0] == INLINED["openai_chat"]
    source = sent("anthropic_messages", part, media={url: ("text/csv", TEXT)})[0]["source"]
    assert source == {"type": "text", "media_type": "text/plain", "data": "Ä,1\n"}


def test_a_page_where_an_image_should_stand_is_refused_with_its_url():
    said = refused("ollama_chat", image(PICTURE), media={PICTURE: ("text/html", b"<html>Log in</html>")})
    assert PICTURE in said
    assert "text/html" in said


def test_what_is_fetched_is_held_against_the_model_too():
    url = "https://a.example/paper"
    part = {"type": "file", "file": {"file_url": url}}
    said = refused("bedrock_converse", part, media={url: ("", PDF)}, facts={"lacks": ["pdf"]})
    assert "a PDF, which this model does not take" in said


@pytest.mark.parametrize("declared", ["", "application/octet-stream"])
def test_where_the_server_says_no_type_the_name_says_it(declared):
    url = "https://a.example/b.csv"
    given = sent("openai_chat", {"type": "file", "file": {"file_url": url}}, media={url: (declared, TEXT)})[0]
    assert given == INLINED["openai_chat"]


@pytest.mark.parametrize("adapter", ["anthropic_messages", "bedrock_converse", "ollama_chat", "gemini"])
@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a.example/b.png", "b.png"])
def test_an_address_that_nobody_fetches_is_refused(adapter, url):
    assert url[:20] in refused(adapter, image(url))


def test_an_address_that_some_host_may_know_is_passed_on_to_hosts_of_chat_completions():
    assert sent("openai_chat", image("ms://a"))[0] == image("ms://a")


def test_anthropics_own_form_keeps_what_it_says_beside_a_url_that_is_not_fetched():
    part = {"type": "document", "source": {"type": "url", "url": PAPER}, "citations": {"enabled": True}}
    given = sent("anthropic_messages", part, quirks={"media_urls": False}, media=FETCHED)[0]
    assert given == {**part, "source": SENT["anthropic_messages", "PDF"]["source"]}
