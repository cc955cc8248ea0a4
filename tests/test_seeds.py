"""What the five pages that this library comes from show, in its own terms."""

import asyncio
import base64
from pathlib import Path

import httpx
import pytest

import unified_llm
from unified_llm import acompletion, completion
from unified_llm.testing import Answer, LoopbackProvider

LEGACY = ("claude-2", "claude-2.1", "claude-instant-1", "claude-instant-1.2")


@pytest.fixture
def provider(monkeypatch):
    with LoopbackProvider() as provider:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "your-api-key")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.url)
        yield provider


# --- LiteLLM's Anthropic page ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", LEGACY)
def test_completion_works_for_the_four_legacy_models(provider, model):
    messages = [{"role": "user", "content": "Hey! how's it going?"}]
    response = completion(model=model, messages=messages)
    assert response["choices"][0]["message"]["content"].startswith("Hello!")
    request = provider.requests[0]
    assert request.path == "/v1/complete"
    assert request.json["model"] == model
    assert request.json["prompt"] == "\n\nHuman: Hey! how's it going?\n\nAssistant:"
    assert request.headers["x-api-key"] == "your-api-key"


def test_an_assistant_message_at_the_end_is_put_into_claudes_mouth(provider):
    question = (
        'How do you say \'Hello\' in German? Return your answer as a JSON object, like this:\n\n{ "Hello": "Hallo" }'
    )
    provider.answers(' "Hello": "Hallo" }')
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": "{"}]
    response = completion(model="claude-2.1", messages=messages)
    assert provider.requests[0].json["prompt"] == f"\n\nHuman: {question}\n\nAssistant: {{"
    assert response["choices"][0]["message"]["content"] == ' "Hello": "Hallo" }'


def test_a_system_message_stands_before_the_first_turn_of_claude_2_1(provider):
    messages = [
        {"role": "system", "content": "You are a snarky assistant."},
        {"role": "user", "content": "How do I boil water?"},
    ]
    completion(model="claude-2.1", messages=messages)
    assert (
        provider.requests[0].json["prompt"]
        == "You are a snarky assistant.\n\nHuman: How do I boil water?\n\nAssistant:"
    )


def test_the_streaming_loop_prints_the_answer(provider, capsys):
    provider.answers("I am fine, thank you.")
    messages = [{"role": "user", "content": "Hey! how's it going?"}]
    for chunk in completion(model="claude-instant-1", messages=messages, stream=True):
        print(chunk["choices"][0]["delta"]["content"])
    assert capsys.readouterr().out.split() == ["I", "am", "fine,", "thank", "you.", "None"]


# --- the Anthropic SDK's page ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["claude-2", "claude-sonnet-5-5"])
def test_sync_and_async_give_the_same(provider, model):
    def told(response):
        return response["choices"], response["usage"]

    async def asynchronously():
        whole = await acompletion(model=model, messages="Hi")
        stream = await acompletion(model=model, messages="Hi", stream=True)
        return told(whole), [chunk["choices"] async for chunk in stream], told(stream.completion())

    whole = completion(model=model, messages="Hi")
    stream = completion(model=model, messages="Hi", stream=True)
    chunks = [chunk["choices"] for chunk in stream]
    assert asyncio.run(asynchronously()) == (told(whole), chunks, told(stream.completion()))


ERRORS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
}


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.parametrize("model", ["claude-2", "claude-sonnet-5-5"])
def test_each_status_has_its_error(provider, status, model):
    provider.answers(Answer(status=status, error="no"))
    with pytest.raises(getattr(unified_llm, ERRORS[status])) as caught:
        completion(model=model, messages="Hi", max_retries=0)
    assert caught.value.status_code == status
    assert caught.value.response.status_code == status
    assert isinstance(caught.value, unified_llm.APIError)


def test_a_server_that_cannot_be_reached_is_a_connection_error_with_its_cause():
    with pytest.raises(unified_llm.APIConnectionError) as caught:
        completion(model="claude-2", messages="Hi", api_key="k", base_url="http://127.0.0.1:9", max_retries=0)
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


@pytest.mark.parametrize("status", [409, 429, 500, 529])
def test_failures_that_may_pass_are_tried_again_twice_by_default(provider, status):
    again = Answer(status=status, headers={"retry-after-ms": "1"})
    provider.answers(again, again, "At last.")
    assert completion(model="claude-2", messages="Hi").text == "At last."
    assert len(provider.requests) == 3


def test_max_retries_holds_for_one_call(provider):
    again = Answer(status=529, headers={"retry-after-ms": "1"})
    provider.answers(*[again] * 5, "At last.")
    with pytest.raises(unified_llm.OverloadedError):
        completion(model="claude-2", messages="Hi", max_retries=0)
    assert len(provider.requests) == 1
    assert completion(model="claude-2", messages="Hi", max_retries=5).text == "At last."


def test_a_timeout_is_seconds_or_one_for_each_phase(provider):
    for timeout in (0.05, httpx.Timeout(60.0, read=0.05, write=10.0, connect=2.0)):
        provider.answers(Answer(text="late", delay=1))
        with pytest.raises(unified_llm.APITimeoutError):
            completion(model="claude-2", messages="Hi", timeout=timeout, max_retries=0)


def test_the_version_header_is_sent_and_can_be_overridden(provider):
    completion(model="claude-2", messages="Hi")
    assert provider.requests[0].headers["anthropic-version"] == "2023-06-01"
    completion(model="claude-2", messages="Hi", extra_headers={"Anthropic-Version": "My-Custom-Value"})
    assert provider.requests[1].headers["anthropic-version"] == "My-Custom-Value"


def test_a_client_brings_its_own_proxy_transport_and_headers(provider):
    transport = httpx.HTTPTransport(local_address="127.0.0.1")
    with httpx.Client(transport=transport, headers={"x-team": "search"}) as client:
        completion(model="claude-2", messages="Hi", base_url=provider.url, client=client)
    assert provider.requests[0].headers["x-team"] == "search"
    assert client.is_closed


# --- LangChain's ChatAnthropic page -----------------------------------------------------------------------------------


def test_role_tuples_are_messages(provider):
    provider.answers(Answer(text="J'adore la programmation.", usage=(29, 11)))
    response = completion(
        model="claude-3-5-sonnet-20240620",
        temperature=0,
        max_tokens=1024,
        timeout=None,
        max_retries=2,
        messages=[
            ("system", "You are a helpful assistant that translates English to French. Translate the user sentence."),
            ("human", "I love programming."),
        ],
    )
    assert response.text == "J'adore la programmation."
    body = provider.requests[0].json
    assert body["system"].startswith("You are a helpful assistant")
    assert body["messages"] == [{"role": "user", "content": "I love programming."}]
    assert (body["temperature"], body["max_tokens"]) == (0, 1024)
    assert response["id"].startswith("msg_")
    assert response["model"] == "claude-3-5-sonnet-20240620"
    assert response["choices"][0]["native_finish_reason"] == "end_turn"
    usage = response["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (29, 11, 40)


def test_tool_calls_stand_beside_the_text_and_go_back_as_the_blocks_that_they_were(provider):
    calls = (("GetWeather", {"location": "Los Angeles, CA"}), ("GetWeather", {"location": "New York, NY"}))
    provider.answers(Answer(text="Let me check both.", tool_calls=calls), "LA is.")
    schema = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
    tools = [{"type": "function", "function": {"name": "GetWeather", "parameters": schema}}]
    messages = [{"role": "user", "content": "Which city is hotter today: LA or NY?"}]
    response = completion(model="claude-sonnet-5-5", messages=messages, tools=tools)
    assert response.text == "Let me check both."
    assert [call["function"]["name"] for call in response.tool_calls] == ["GetWeather", "GetWeather"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "25 C"} for call in response.tool_calls]
    completion(model="claude-sonnet-5-5", messages=[*messages, response.message, *results], tools=tools)
    sent = provider.requests[1].json["messages"]
    assert [block["type"] for block in sent[1]["content"]] == ["text", "tool_use", "tool_use"]
    assert [block["input"] for block in sent[1]["content"][1:]] == [arguments for _, arguments in calls]
    assert [block["type"] for block in sent[2]["content"]] == ["tool_result", "tool_result"]


# --- Outlines' page -------------------------------------------------------------------------------------------------


def test_a_client_is_handed_in_with_the_name_of_a_model(provider):
    anthropic = pytest.importorskip("anthropic")
    provider.answers("Riga", "Riga")
    with anthropic.Anthropic() as client:
        options = {"model": "claude-sonnet-5-5", "messages": "What's the capital of Latvia?", "client": client}
        assert completion(**options, max_tokens=20).text == "Riga"
        chunks = list(completion(**options, max_tokens=20, stream=True))
    assert "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in chunks) == "Riga"
    assert provider.requests[0].json["max_tokens"] == 20


def test_a_chat_may_have_images_between_strings(provider):
    picture = base64.b64encode((Path(__file__).parents[1] / "docs" / "picture.png").read_bytes()).decode()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    messages = [
        {"role": "user", "content": "You are a helpful assistant that helps me describe pictures."},
        {
            "role": "assistant",
            "content": "I'd be happy to help you describe pictures! Please go ahead and share an image",
        },
        {"role": "user", "content": ["Describe the image", image]},
    ]
    completion(model="claude-sonnet-5-5", messages=messages, max_tokens=50)
    text, block = provider.requests[0].json["messages"][2]["content"]
    assert text == {"type": "text", "text": "Describe the image"}
    assert block["source"] == {"type": "base64", "media_type": "image/png", "data": picture}


def test_inference_arguments_are_passed_on(provider):
    completion(
        model="claude-haiku-4-5", messages="Hi", max_tokens=9, temperature=0.5, stop_sequences=["END", "STOP"], top_k=3
    )
    body = provider.requests[0].json
    assert (body["max_tokens"], body["temperature"], body["stop_sequences"], body["top_k"]) == (
        9,
        0.5,
        ["END", "STOP"],
        3,
    )


# --- distilabel's page ----------------------------------------------------------------------------------------------


def test_model_key_address_timeout_retries_and_client_are_all_of_the_call():
    with LoopbackProvider(Answer(status=500, headers={"retry-after-ms": "1"}), "Hello world!") as provider:
        options = {"model": "claude-3-opus-20240229", "messages": [{"role": "user", "content": "Hello world!"}]}

        async def generate():
            async with httpx.AsyncClient() as client:
                return await acompletion(
                    **options, api_key="api.key", base_url=provider.url, timeout=600.0, max_retries=6, client=client
                )

        assert asyncio.run(generate()).text == "Hello world!"
        assert provider.requests[1].headers["x-api-key"] == "api.key"


def test_structured_data_is_generated_from_a_schema(provider):
    provider.answers('{"name": "Ada", "last_name": "Lovelace", "id": 1}')
    fields = {"name": {"type": "string"}, "last_name": {"type": "string"}, "id": {"type": "integer"}}
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    response = completion(
        model="claude-sonnet-5-5",
        messages="Create a user profile for the following marathon",
        response_format={"type": "json_schema", "json_schema": {"name": "user", "schema": schema}},
    )
    assert response.parsed == {"name": "Ada", "last_name": "Lovelace", "id": 1}
    sent = provider.requests[0].json["output_config"]["format"]
    assert sent == {"type": "json_schema", "schema": {**schema, "additionalProperties": False}}


def test_the_response_on_an_error_can_be_read(provider):
    async def asynchronously():
        await acompletion(model="claude-2", messages="Hi")

    for work in (lambda: completion(model="claude-2", messages="Hi"), lambda: asyncio.run(asynchronously())):
        provider.answers(Answer(status=400, error="no such thing"))
        with pytest.raises(unified_llm.BadRequestError) as caught:
            work()
        assert "no such thing" in caught.value.response.text
        assert caught.value.response.json() == caught.value.body
        assert str(caught.value.response.url) == f"{provider.url}/v1/complete"
