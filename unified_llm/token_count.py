"""How long a prompt is, before it is sent: asked of the provider where it counts, else counted here by tiktoken."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, Unpack, cast
from urllib.parse import urlsplit

from unified_llm import catalog, json_codec
from unified_llm.adapters import load
from unified_llm.adapters.contract import Call
from unified_llm.adapters.token_counts import FORMATS, CountingAdapter
from unified_llm.api import prepared
from unified_llm.catalog import Route, resolve
from unified_llm.drivers import adrive, drive
from unified_llm.errors import APIConnectionError
from unified_llm.flow import Effect, Exchange, Obtain, encode, run
from unified_llm.json_codec import as_dict, as_list
from unified_llm.messages import normalize
from unified_llm.params import check
from unified_llm.sdk_client import is_sdk_client
from unified_llm.types import JSON, CompletionOptions, Messages


class TokenCount(NamedTuple):
    """How many tokens a prompt has."""

    tokens: int
    source: str
    """Who counted: `provider`, or `tiktoken:` and its encoding, which is an estimate for all models but OpenAI's."""


def count_tokens(model: str, messages: Messages, **options: Unpack[CompletionOptions]) -> TokenCount:
    """The length of a prompt with all that belongs to it: system messages, tools, pictures.

    Anthropic, Google (Gemini and Vertex AI), Amazon Bedrock and OpenAI count themselves: that takes one request, which
    costs nothing, and goes as any call does, with its retries and errors. For all others tiktoken counts here.

    Args:
        model: as for `completion()`.
        messages: likewise.
        **options: those of `completion()`; `tools`, `response_format` and what else is a part of the prompt is counted.

    Raises:
        BadRequestError: nobody can count this: a model that is only reached through an SDK client, or a picture, a file
            or a recording for tiktoken.
        ImportError: tiktoken is needed and is not installed.
        APIError: as for `completion()`; an APIConnectionError also where tiktoken cannot load its encoding.

    Example:
        >>> count_tokens("claude-sonnet-4-5", "What is 2 + 2?")  # doctest: +SKIP
        TokenCount(tokens=16, source='provider')
    """
    flow: Any = counting(model, messages, options)
    return cast("TokenCount", drive(flow, options.get("client")))


async def acount_tokens(model: str, messages: Messages, **options: Unpack[CompletionOptions]) -> TokenCount:
    """The length of a prompt, without blocking: as `count_tokens()`, awaited."""
    flow: Any = counting(model, messages, options)
    return cast("TokenCount", await adrive(flow, options.get("client")))


def counting(model: str, messages: Messages, options: CompletionOptions) -> Generator[Effect, Any, TokenCount]:
    """A count from its first check to its number."""
    params = check(options)
    route = resolve(model, options.get("adapter"), options.get("base_url")).of_call(params)
    format = format_of(route, chosen=options.get("adapter") is not None)
    if format is None:
        return (yield Obtain(partial(_counted_here, Call(route, normalize(messages), params))))
    if is_sdk_client(options.get("client")):
        raise Call(route, [], params).refusal("an SDK client only sends calls; give api_key= to count tokens")
    asked: CompletionOptions = {**options, "adapter": format, "n": None, "strict": None}
    exchange = yield from prepared(model, messages, False, asked, {})
    made: Any = yield from run(_question(exchange, format))
    return TokenCount(made["tokens"], "provider")


def format_of(route: Route, *, chosen: bool = False) -> str | None:
    """The wire format in which a provider counts the tokens of a model's prompts, None where it does not count.

    Args:
        route: the model's.
        chosen: whether the caller named the wire format, perhaps of a server that the catalog does not know.
    """
    row = catalog.load().get("providers", {}).get(route.provider, {})
    known = row.get("token_counts", {}).get(route.adapter)
    return known or (route.adapter if chosen and route.adapter in FORMATS else None)


def _question(exchange: Exchange, format: str) -> Exchange:
    """The exchange that asks how long the prompt of another one is."""
    how, call, request = FORMATS[format], exchange.call, exchange.request
    parts = urlsplit(request.url)
    body = how.body(call, request.payload)
    asking = request._replace(
        url=parts._replace(path=how.url(parts.path)).geturl(), content=encode(body, call), payload=body
    )
    return replace(exchange, request=asking, adapter=CountingAdapter(load(format), how))


# --- tiktoken --------------------------------------------------------------------------------------------------------

ENCODING = "o200k_base"
"""For models that tiktoken does not know."""
_OF_A_MESSAGE, _OF_A_NAME, _OF_THE_ANSWER = 3, 1, 3
"""Tokens around each message, for its name, and at the beginning of the answer, as OpenAI counts them:
https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken."""


_PROMPTS = ("anthropic_complete", "openai_completions")
"""The wire formats in which the model reads a prompt as it is sent, with nothing around its messages."""


def _counted_here(call: Call) -> TokenCount:
    encoding = _encoding(call)
    if call.route.adapter in _PROMPTS:
        prompt: str = load(call.route.adapter).render(call).body["prompt"]
        return TokenCount(len(encoding.encode_ordinary(prompt)), f"tiktoken:{encoding.name}")
    names = sum(1 for message in call.messages if message.get("name"))
    around = _OF_A_MESSAGE * len(call.messages) + _OF_A_NAME * names + _OF_THE_ANSWER
    return TokenCount(
        around + sum(len(encoding.encode_ordinary(text)) for text in _texts(call)), f"tiktoken:{encoding.name}"
    )


def _encoding(call: Call) -> Any:
    route = call.route
    try:
        import tiktoken  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError(
            f"{route.provider} does not count tokens, and tiktoken is not installed to count them here: "
            f'pip install "unified_llm[tokens]"'
        ) from error
    try:
        name = tiktoken.encoding_name_for_model(route.model.rpartition("/")[2])
    except KeyError:
        name = ENCODING
    try:
        return tiktoken.get_encoding(name)
    except Exception as error:
        raise APIConnectionError(
            f"tiktoken could not load its encoding {name}, which it downloads when it is first used; where there is no "
            f"network, set TIKTOKEN_CACHE_DIR to a directory that has it: {error}",
            provider=route.provider,
            model=route.model,
        ) from error


def _texts(call: Call) -> Iterator[str]:
    """All that the model reads: of messages, of tools, and of the form that its answer must have."""
    for index, message in enumerate(call.messages):
        yield message["role"]
        yield message.get("name") or ""
        yield from _texts_of_content(call, message.get("content"), index)
        for called in as_list(message.get("tool_calls")):
            function = as_dict(called.get("function"))
            yield function.get("name") or ""
            yield function.get("arguments") or ""
    for tool in call.params.get("tools") or ():
        yield json_codec.dumps(tool.get("function", tool))
    if schema := as_dict(call.params.get("response_format")).get("json_schema"):
        yield json_codec.dumps(schema)


def _texts_of_content(call: Call, content: str | list[JSON] | None, index: int) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    for part in content or ():
        if "text" not in part:
            raise call.refusal(
                f"messages[{index}] has a part of type {part.get('type')!r}, whose tokens tiktoken cannot count, and "
                f"{call.route.provider} does not count tokens"
            )
        yield part["text"]
