"""A caller's own Anthropic SDK client sends what the adapter rendered."""

import asyncio
import base64
import binascii
import json
import struct

import pytest

from unified_llm import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    NotFoundError,
    OverloadedError,
    acompletion,
    completion,
)
from unified_llm.testing import Answer, LoopbackProvider

anthropic = pytest.importorskip("anthropic")

MODEL = "claude-sonnet-5-5"


@pytest.fixture
def provider():
    with LoopbackProvider() as provider:
        yield provider


@pytest.fixture
def client(provider):
    with anthropic.Anthropic(api_key="sk-of-the-client", base_url=provider.url) as client:
        yield client


def test_the_client_signs_and_the_adapter_renders(provider, client):
    provider.answers(Answer(text="Hello!", reasoning="Greet back."))
    response = completion(model=MODEL, messages=[("system", "Be brief."), ("human", "Hi")], client=client, top_k=3)
    assert (response.text, response.reasoning, response["usage"]["total_tokens"]) == ("Hello!", "Greet back.", 15)
    request = provider.requests[0]
    assert "sk-of-the-client" in (request.headers.get("x-api-key", "") + request.headers.get("authorization", ""))
    assert request.json["system"] == "Be brief."
    assert request.json["max_tokens"] == 128000


def test_a_stream_gives_what_the_whole_call_gives(provider, client):
    answer = Answer(text="Let me look.", reasoning="Which city?", tool_calls=(("look", {"city": "LA"}),))
    provider.answers(answer, answer)
    whole = completion(model=MODEL, messages="Hi", client=client)
    with completion(model=MODEL, messages="Hi", client=client, stream=True) as stream:
        assert sum(1 for _ in stream) > 3
    assert stream.completion().text == whole.text
    assert stream.completion()["choices"][0]["finish_reason"] == "tool_calls"
    assert stream.completion()["usage"] == whole["usage"]


def test_the_async_client_does_the_same(provider):
    provider.answers("One two.", "One two.")

    async def both():
        async with anthropic.AsyncAnthropic(api_key="k", base_url=provider.url) as client:
            whole = await acompletion(model=MODEL, messages="Hi", client=client)
            stream = await acompletion(model=MODEL, messages="Hi", client=client, stream=True)
            return whole.text, "".join([chunk["choices"][0]["delta"]["content"] or "" async for chunk in stream])

    assert asyncio.run(both()) == ("One two.", "One two.")


def test_an_error_status_is_this_librarys_error_with_the_providers_body(provider, client):
    provider.answers(Answer(status=404, error="no such model"))
    with pytest.raises(NotFoundError, match="no such model") as caught:
        completion(model=MODEL, messages="Hi", client=client)
    assert caught.value.code == "not_found_error"
    assert caught.value.body["error"]["message"] == "no such model"


def test_only_this_library_retries(provider, client):
    provider.answers(*[Answer(status=529, headers={"retry-after-ms": "1"})] * 9)
    with pytest.raises(OverloadedError):
        completion(model=MODEL, messages="Hi", client=client, max_retries=1)
    assert len(provider.requests) == 2


def test_an_error_inside_the_stream_is_raised(provider, client):
    provider.answers(Answer(text="Hel", stream_error="overloaded_error"))
    with pytest.raises(OverloadedError) as caught:
        list(completion(model=MODEL, messages="Hi", client=client, stream=True, max_retries=0))
    assert caught.value.completion.text == "Hel"


def test_connections_that_fail_are_connection_errors(provider):
    with anthropic.Anthropic(api_key="k", base_url="http://127.0.0.1:9") as client, pytest.raises(APIConnectionError):
        completion(model=MODEL, messages="Hi", client=client, max_retries=0)
    provider.answers(Answer(text="late", delay=1))
    with anthropic.Anthropic(api_key="k", base_url=provider.url) as client, pytest.raises(APITimeoutError):
        completion(model=MODEL, messages="Hi", client=client, max_retries=0, timeout=0.05)


def test_a_client_of_the_wrong_kind_is_refused_before_anything_is_sent(provider, client):
    async def asynchronously():
        await acompletion(model=MODEL, messages="Hi", client=client)

    with pytest.raises(TypeError, match="AsyncAnthropic"):
        asyncio.run(asynchronously())
    with pytest.raises(BadRequestError, match="Messages API"):
        completion(model="claude-2.1", messages="Hi", client=client)
    assert provider.requests == []


def event_stream_message(event: dict) -> bytes:
    """One message of AWS's event stream, as Bedrock sends it: the event as base64 in a JSON payload."""
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()}).encode()
    headers = b""
    for name, value in ((":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event")):
        headers += struct.pack(
            f">B{len(name)}sBH{len(value)}s", len(name), name.encode(), 7, len(value), value.encode()
        )
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", binascii.crc32(message))


def test_the_bedrock_client_works_whole_and_streamed():
    pytest.importorskip("boto3", reason="needs boto3, for anthropic.AnthropicBedrock")
    httpx2 = pytest.importorskip("httpx2")
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "stop_sequence": None}
    usage = {"input_tokens": 3, "output_tokens": 2}
    block = {"type": "text", "text": ""}
    events = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello!"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    seen = []

    def bedrock(request):
        seen.append((request.url.path, request.headers["authorization"][:16], json.loads(request.content)))
        if request.url.path.endswith("-stream"):
            kind = {"content-type": "application/vnd.amazon.eventstream"}
            return httpx2.Response(200, headers=kind, content=b"".join(map(event_stream_message, events)))
        content = [{"type": "text", "text": "Hello!"}]
        return httpx2.Response(200, json={**message, "content": content, "stop_reason": "end_turn", "usage": usage})

    with anthropic.AnthropicBedrock(
        aws_access_key="AKIDEXAMPLE",
        aws_secret_key="secret",
        aws_region="us-east-1",
        http_client=httpx2.Client(transport=httpx2.MockTransport(bedrock)),
    ) as client:
        whole = completion(model=MODEL, messages="Hi", client=client)
        stream = completion(model=MODEL, messages="Hi", client=client, stream=True)
        assert "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in stream) == whole.text == "Hello!"
    assert stream.completion()["usage"] == whole["usage"]
    paths, signatures, bodies = zip(*seen, strict=True)
    assert paths == (f"/model/{MODEL}/invoke", f"/model/{MODEL}/invoke-with-response-stream")
    assert set(signatures) == {"AWS4-HMAC-SHA256"}
    assert all("model" not in body and body["messages"] == [{"role": "user", "content": "Hi"}] for body in bodies)
