"""The fetcher of media: what it reaches, what it refuses to reach, and how little it lets itself be held up."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
import sys
import time
from base64 import b64decode

import pytest
import test_transport
from hypothesis import given
from hypothesis import strategies as st
from support_server import CUT, HOLD, RESET, Server, head, http, pieces

from unified_llm import acompletion, completion
from unified_llm.errors import BadRequestError
from unified_llm.media_fetch import DEFAULT_LIMITS, Limits, fetch, public

tls, certificate = test_transport.tls, test_transport.certificate  # the second is a fixture
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
LOOPBACK = "127.0.0.1"


def anywhere(_):
    return True


def fetched(url, **options):
    """What is fetched by a fetcher that may reach this machine's own servers."""
    return fetch(url, **{"allowed": anywhere, **options})


def refused(url, **options):
    with pytest.raises(BadRequestError) as caught:
        fetch(url, **options)
    assert caught.value.status_code is None
    return str(caught.value)


def leading(to, status=302):
    return head(status, location=to, content_length="0")


# --- what comes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "data", "type"),
    [
        ("image/png", PNG, "image/png"),
        ("text/html; charset=utf-8", PNG, "image/png"),
        ("application/octet-stream", PNG, "image/png"),
        ("image/jpg", b"?", "image/jpeg"),
        ("text/csv; charset=utf-8", b"a,b", "text/csv"),
        ("application/octet-stream", b"?", ""),
    ],
)
def test_the_type_is_what_the_bytes_show_and_else_what_the_server_says(declared, data, type):
    with Server(http(data, content_type=declared)) as server:
        assert fetched(f"{server.url}/b.png") == (type, data)


def test_a_body_in_chunks_is_joined():
    answer = [head(transfer_encoding="chunked"), *pieces(PNG[:5], PNG[5:]), b"0\r\n\r\n"]
    with Server(answer) as server:
        assert fetched(server.url) == ("image/png", PNG)


def test_the_request_names_the_host_and_the_whole_target_and_carries_nothing_else():
    with Server(http(PNG)) as server:
        fetched(f"http://pictures.example:{server.port}/ä b.png".replace(" ", "%20") + "?q=a%2Fb&r=ü#top", resolve=here)
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/%C3%A4%20b.png?q=a%2Fb&r=%C3%BC")
    assert request.headers.keys() == {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert request.headers["host"] == f"pictures.example:{server.port}"


def here(host, port):
    return [LOOPBACK]


def test_a_name_beyond_ascii_is_looked_up_in_its_own_form():
    asked = []

    def resolve(host, port):
        asked.append((host, port))
        return [LOOPBACK]

    with Server(http(PNG)) as server:
        fetched(f"http://bücher.example:{server.port}/", resolve=resolve)
    assert asked == [("xn--bcher-kva.example", server.port)]
    assert server.requests[0].headers["host"] == f"xn--bcher-kva.example:{server.port}"


def test_the_next_address_is_tried_where_nobody_listens_at_the_first():
    with Server(http(PNG)) as server:
        assert fetched(f"http://a.example:{server.port}/", resolve=lambda *_: ["::1", LOOPBACK])[1] == PNG


# --- where it may go ------------------------------------------------------------------------------------------------

PRIVATE = (
    "127.0.0.1 127.255.0.1 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 100.100.100.200 "
    "168.63.129.16 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 "
    "240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 "
    "64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 100::1 2001::1 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 3fff::1 fc00::1 "
    "fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 5f00::1 nonsense"
).split()
OPEN = "1.1.1.1 8.8.8.8 172.32.0.1 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808:: 2606:4700:4700::1111".split()


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_open_internet_is_not_public(address):
    assert not public(address)


@pytest.mark.parametrize("address", OPEN)
def test_an_address_of_the_open_internet_is_public(address):
    assert public(address)


@given(st.ip_addresses(v=4))
def test_an_address_in_another_is_as_public_as_by_itself(address):
    number = int(address)
    held = [f"::ffff:{address}", str(ipaddress.IPv6Address((0x64FF9B << 96) + number))]
    held.append(str(ipaddress.IPv6Address((0x2002 << 112) + (number << 80))))
    assert {public(inner) for inner in held} == {public(str(address))}


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_nothing_is_public_that_the_registry_calls_private(address):
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not public(str(address))


OWN = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://017700000001:{port}/",
    "http://0:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://１２７.0.0.1:{port}/",
]


@pytest.mark.parametrize("url", OWN)
def test_this_machine_is_not_reached_however_it_is_written(url):
    with Server(http(PNG)) as server:
        assert "is no public one" in refused(url.format(port=server.port))
        assert server.connections == 0


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::1", "fd00::1"])
def test_a_name_of_a_private_address_is_refused_with_the_address(address):
    said = refused("http://innocent.example/b.png", resolve=lambda *_: [address])
    assert "innocent.example" in said
    assert address in said


def test_one_private_address_among_public_ones_is_enough():
    assert LOOPBACK in refused("http://a.example/", resolve=lambda *_: ["8.8.8.8", LOOPBACK])


def test_the_address_that_was_checked_is_the_one_that_is_asked():
    """A name may stand for a public address when it is checked, and for a private one a moment later."""
    answers = iter([["127.0.0.2"], [LOOPBACK]])
    checked = []

    def allowed(address):
        checked.append(address)
        return address == "127.0.0.2"

    with Server(http(PNG)) as server:  # listens at 127.0.0.1 alone
        url = f"http://rebinding.example:{server.port}/"
        assert "cannot be reached" in refused(url, resolve=lambda *_: next(answers), allowed=allowed)
        assert server.connections == 0
    assert checked == ["127.0.0.2"]
    assert next(answers) == [LOOPBACK]


REDIRECTS = [301, 302, 303, 307, 308]


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_is_followed(status):
    with Server(leading("/there?x=1", status), http(PNG)) as server:
        assert fetched(f"{server.url}/here")[1] == PNG
    assert [request.target for request in server.requests] == ["/here", "/there?x=1"]


INWARD = [
    "http://169.254.169.254/latest/meta-data/",
    "//169.254.169.254/",
    "http://[fd00:ec2::254]/",
    "http://metadata.example/",
]


@pytest.mark.parametrize("there", INWARD)
def test_a_redirect_is_checked_as_the_first_url_is(there):
    names = {"outside.example": LOOPBACK, "metadata.example": "169.254.169.254"}

    def resolve(host, port):
        return [names.get(host, host)]

    with Server(leading(there)) as server:
        said = refused(
            f"http://outside.example:{server.port}/", resolve=resolve, allowed=lambda address: address == LOOPBACK
        )
    assert "is no public one" in said


@pytest.mark.parametrize("there", ["file:///etc/passwd", "ftp://a.example/", "gopher://a.example/", "javascript:0"])
def test_a_redirect_out_of_the_web_is_refused(there):
    with Server(leading(there)) as server:
        assert "no http(s) URL" in refused(server.url, allowed=anywhere)


def test_at_most_three_redirects_are_followed():
    with Server(leading("/"), leading("/"), leading("/"), http(PNG)) as server:
        assert fetched(server.url)[1] == PNG
    with Server(leading("/")) as server:
        assert "more than 3 times" in refused(server.url, allowed=anywhere)
        assert len(server.requests) == 4


# --- URLs -----------------------------------------------------------------------------------------------------------

BAD_URLS = {
    "another scheme": "ftp://a.example/b.png",
    "a file": "file:///etc/passwd",
    "no host": "http:///b.png",
    "a port that is none": "http://a.example:99999/",
    "port 0": "http://a.example:0/",
    "a user": "http://a.example@127.0.0.1/",
    "a password": "http://ann:secret@a.example/",
    "a backslash": "http://a.example\\@127.0.0.1/",
    "a line end": "http://a.example/\r\nx: y",
    "a space": "http://a.example/a b",
    "an open bracket": "http://[::1/",
    "a name that is too long": f"http://{'ä' * 70}.example/",
    "an empty label": "http://a..example/",
    "half a character": "http://a.example/\ud800",
}


@pytest.mark.parametrize("url", BAD_URLS.values(), ids=BAD_URLS)
def test_a_url_that_readers_may_read_differently_is_refused_before_anything_is_looked_up(url):
    def resolve(host, port):
        raise UnicodeError("label empty or too long")  # as the system does with such names

    refused(url, resolve=resolve)


def test_no_secret_of_a_url_is_in_an_error():
    said = refused("https://ann:secret@a.example/b.png?signature=secret#secret")
    assert "secret" not in said
    assert "a.example/b.png" in said


def test_a_name_without_an_address_is_refused():
    def resolve(host, port):
        raise socket.gaierror(-2, "Name or service not known")

    assert "has no address" in refused("https://nowhere.example/b.png", resolve=resolve)
    assert "no address" in refused("https://nowhere.example/b.png", resolve=lambda *_: [])


# --- size and time --------------------------------------------------------------------------------------------------

SMALL = Limits(1000, 5.0)


def test_what_says_that_it_is_too_large_is_not_read():
    with Server([head(content_length="1001"), b"x" * 10, HOLD]) as server:
        assert "larger than 1,000 bytes" in refused(server.url, allowed=anywhere, limits=SMALL)


@pytest.mark.parametrize("coding", [{}, {"transfer_encoding": "chunked"}], ids=["until the end", "chunked"])
def test_what_does_not_say_its_size_is_counted_while_it_is_read(coding):
    body = [*pieces(*[b"x" * 400] * 3)] if coding else [b"x" * 1200]
    with Server([head(**coding), *body, HOLD]) as server:
        assert "larger than 1,000 bytes" in refused(server.url, allowed=anywhere, limits=SMALL)


def test_as_much_as_is_allowed_is_fetched():
    with Server(http(b"x" * 1000)) as server:
        assert len(fetched(server.url, limits=SMALL)[1]) == 1000


SLOW = {
    "no answer": [HOLD],
    "a head that drips": [b"HTTP/1.1 200 OK\r\n", *[b"x", 0.05] * 40, HOLD],
    "a body that drips": [head(content_length="900"), *[b"x", 0.05] * 40, HOLD],
}


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
def test_the_time_is_that_of_the_whole_and_not_of_each_read(answer):
    begun = time.monotonic()
    with Server(answer) as server:
        assert "longer than 0.3 seconds" in refused(server.url, allowed=anywhere, limits=Limits(1000, 0.3))
        assert time.monotonic() - begun < 1.5
        assert server.left_alone()


def test_redirects_share_the_time():
    with Server([0.15, leading("/")]) as server:
        assert "0.3 seconds" in refused(server.url, allowed=anywhere, limits=Limits(1000, 0.3))


BROKEN = {
    "cut before the head": [CUT],
    "reset": [b"HTTP/1.1 200 OK\r\n", RESET],
    "cut in the body": [head(content_length="900"), b"x" * 10, CUT],
    "cut in a chunk": [head(transfer_encoding="chunked"), b"a\r\nx", CUT],
    "no HTTP": [b"hello\r\n\r\n", CUT],
    "an error": http(b"gone", status=404),
    "a redirect to nowhere": head(302, content_length="0"),
    "nothing": http(b""),
    "compressed": http(b"\x1f\x8b", content_encoding="gzip"),
    "headers without end": [b"HTTP/1.1 200 OK\r\n", b"a: b\r\n" * 300, HOLD],
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_no_whole_medium_is_refused(answer):
    with Server(answer) as server:
        assert "give the bytes themselves" in refused(f"{server.url}/b.png", allowed=anywhere, limits=SMALL)
        assert server.left_alone()


def test_the_limits_are_20_mb_and_20_seconds():
    assert DEFAULT_LIMITS == (20_000_000, 20.0)


# --- encryption -----------------------------------------------------------------------------------------------------


def test_a_certificate_must_be_one_for_the_name(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Server(http(PNG), tls=tls(certificate)) as server:
        assert fetched(f"{server.url}/")[1] == PNG
        assert "trusted" in refused(f"https://other.example:{server.port}/", resolve=here, allowed=anywhere)


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with Server(http(PNG), tls=tls(certificate)) as server:
        assert "trusted" in refused(f"{server.url}/", allowed=anywhere)
        monkeypatch.setitem(sys.modules, "certifi", None)  # not installed
        assert "trusted" in refused(f"{server.url}/", allowed=anywhere)
        trust = ssl.create_default_context(cafile=certificate)
        assert fetched(f"{server.url}/", trust=trust)[1] == PNG


def test_an_encrypted_fetch_does_not_lead_to_one_in_the_open(certificate):
    trust = ssl.create_default_context(cafile=certificate)
    with Server(leading("http://localhost/"), tls=tls(certificate)) as server:
        assert "without encryption" in refused(f"{server.url}/", allowed=anywhere, trust=trust)


# --- calls ----------------------------------------------------------------------------------------------------------

ANSWER = http(
    {"model": "m", "message": {"role": "assistant", "content": "A cat."}, "done": True, "done_reason": "stop"}
)


def asked(server, urls, **options):
    """The request of a call that sends along what stands at these URLs."""
    content = ["What is this?", *({"type": "image_url", "image_url": url} for url in urls)]
    options = {"adapter": "ollama_chat", "base_url": server.url, "max_retries": 0, **options}
    completion("custom/m", [("user", content)], **options)
    return json.loads(server.requests[-1].body)


async def async_asked(server, urls, **options):
    content = ["What is this?", *({"type": "image_url", "image_url": url} for url in urls)]
    options = {"adapter": "ollama_chat", "base_url": server.url, "max_retries": 0, **options}
    await acompletion("custom/m", [("user", content)], **options)
    return json.loads(server.requests[-1].body)


ASKS = {"sync": asked, "async": lambda *given, **options: asyncio.run(async_asked(*given, **options))}
URLS = ["https://a.example/a.png", "https://a.example/b.png", "https://a.example/a.png"]


@pytest.fixture(params=ASKS.values(), ids=ASKS)
def ask(request):
    return request.param


def test_a_function_of_the_callers_fetches_each_url_once(ask):
    fetched = []

    def fetch(url):
        fetched.append(url)
        return PNG + url[-5:].encode()

    with Server(ANSWER) as server:
        (message,) = ask(server, URLS, fetch_media=fetch)["messages"]
    assert fetched == URLS[:2]
    assert [b64decode(image) for image in message["images"]] == [PNG + url[-5:].encode() for url in URLS]


def test_a_coroutine_function_may_fetch_for_awaited_calls():
    async def fetch(url):
        await asyncio.sleep(0)
        return PNG

    with Server(ANSWER) as server:
        assert ASKS["async"](server, URLS[:1], fetch_media=fetch)["messages"][0]["images"]


ODD_PAIRS = [("image/png",), ("image/png", "text"), (None, PNG), ("image/png", PNG, 1), ("image/png", b"")]


@pytest.mark.parametrize("given", [b"", None, "text", *ODD_PAIRS], ids=repr)
def test_what_a_function_gives_must_be_bytes(given):
    with Server(ANSWER) as server, pytest.raises(BadRequestError, match=r"a\.png.*fetch_media"):
        asked(server, URLS, fetch_media=lambda _: given)
    assert server.requests == []


def test_a_fetcher_may_give_the_type_too():
    with Server(ANSWER) as server:
        (message,) = asked(server, URLS[:1], fetch_media=lambda url: ("image/png", PNG))["messages"]
    assert [b64decode(image) for image in message["images"]] == [PNG]


@pytest.mark.parametrize("wish", [None, True])
def test_by_default_this_machine_is_not_reached(ask, wish):
    with Server(http(PNG)) as inner, Server(ANSWER) as server:
        with pytest.raises(BadRequestError, match="is no public one"):
            ask(server, [f"{inner.url}/b.png"], fetch_media=wish)
        assert (inner.connections, server.connections) == (0, 0)


def test_fetching_can_be_switched_off(ask):
    with Server(ANSWER) as server:
        with pytest.raises(BadRequestError, match=r"a\.example/a\.png.*fetch_media=False"):
            ask(server, URLS, fetch_media=False)
        assert server.connections == 0


def test_a_wish_that_means_nothing_is_refused():
    with Server(ANSWER) as server, pytest.raises(BadRequestError, match="fetch_media is 'no'"):
        asked(server, URLS, fetch_media="no")
