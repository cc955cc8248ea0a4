"""The dicts that cross the API, as TypedDicts: OpenAI's chat-completions shapes and this library's additions to them.

Field by field they are described in docs/normal-form.md; OpenAI's own fields are at
https://platform.openai.com/docs/api-reference/chat.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypeAlias, TypedDict, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

JSON: TypeAlias = dict[str, Any]

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]
ReasoningEffort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Levels of reasoning effort, weakest first."""

Message: TypeAlias = Mapping[str, Any]
"""One turn of a conversation: `role`, `content`, and for tools `tool_calls` or `tool_call_id`, as OpenAI has them."""

Messages: TypeAlias = str | Sequence[Message | tuple[str, Any]]
"""A conversation: message dicts, `(role, content)` tuples, or one string, which is one user message."""

ToolLike: TypeAlias = Mapping[str, Any] | Callable[..., Any]
"""A tool: a dict of OpenAI's form or a provider's own, a function, or a class whose fields are its parameters."""


T = TypeVar("T")
AnswerType: TypeAlias = "type[T] | TypeAdapter[T]"
"""A `response_format` that says what `parsed` is an instance of."""


class FunctionCall(TypedDict):
    """The function that a tool call names; `arguments` is a JSON string, `"{}"` when there are none."""

    name: str
    arguments: str


class ToolCall(TypedDict):
    """A call of a client tool; `id` is never empty and unique in its message."""

    id: str
    type: Literal["function"]
    function: FunctionCall


class FunctionCallDelta(TypedDict, total=False):
    """A piece of a function call: `name` comes whole in the first, `arguments` are joined."""

    name: str
    arguments: str


class ToolCallDelta(TypedDict):
    """A piece of a tool call; `index` counts the client tool calls of the message from 0."""

    index: int
    id: NotRequired[str]
    type: NotRequired[Literal["function"]]
    function: FunctionCallDelta


class AssistantMessage(TypedDict):
    """An answer; appended to `messages` as it is, it is the history of the next call."""

    role: Literal["assistant"]
    content: str | None
    reasoning_content: NotRequired[str]
    tool_calls: NotRequired[list[ToolCall]]
    refusal: NotRequired[str]
    annotations: NotRequired[list[JSON]]
    provider_fields: NotRequired[JSON]


class Delta(TypedDict):
    """What one chunk adds to the message; the key `content` is always there."""

    content: str | None
    role: NotRequired[Literal["assistant"]]
    reasoning_content: NotRequired[str]
    tool_calls: NotRequired[list[ToolCallDelta]]
    refusal: NotRequired[str]
    annotations: NotRequired[list[JSON]]
    provider_fields: NotRequired[JSON]


class Choice(TypedDict):
    """One answer. `native_finish_reason` is the provider's own word."""

    index: int
    message: AssistantMessage
    finish_reason: FinishReason | None
    native_finish_reason: NotRequired[str | None]
    logprobs: NotRequired[JSON | None]


class ChunkChoice(TypedDict):
    """What one chunk adds to one answer; `finish_reason` is not None once, at its end."""

    index: int
    delta: Delta
    finish_reason: FinishReason | None
    native_finish_reason: NotRequired[str | None]
    logprobs: NotRequired[JSON | None]


class PromptTokensDetails(TypedDict, total=False):
    """Parts of `prompt_tokens`."""

    cached_tokens: int
    cache_write_tokens: int
    cache_write_1h_tokens: int
    """Those of the written tokens that are kept an hour, and not 5 minutes."""
    audio_tokens: int
    cached_audio_tokens: int
    """Those of the audio that came from the cache, where the provider tells them apart."""
    search_result_tokens: int
    """What the provider's own search put into the prompt, where it does not charge for that."""


class CompletionTokensDetails(TypedDict, total=False):
    """Parts of `completion_tokens`."""

    reasoning_tokens: int
    audio_tokens: int
    image_tokens: int


class Usage(TypedDict):
    """Tokens as the provider counted them; prompt includes cache reads and writes, completion includes reasoning."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: NotRequired[PromptTokensDetails]
    completion_tokens_details: NotRequired[CompletionTokensDetails]
    server_tool_use: NotRequired[dict[str, int]]
    """How often the provider's own tools were used, as `web_search_requests`; only what is not 0."""
    iterations: NotRequired[list[JSON]]
    """All steps of an answer whose counts above are of its last step alone, each a usage with a `type`."""
    inference_geo: NotRequired[str]
    speed: NotRequired[str]


class Chunk(TypedDict):
    """One piece of a streamed answer; `usage` comes with the last one."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: NotRequired[Usage | None]
    service_tier: NotRequired[str | None]
    system_fingerprint: NotRequired[str | None]
    tool_results: NotRequired[list[JSON]]
    """What the tools gave, as messages, between two answers of `run_tools(stream=True)`."""


class CallSettings(TypedDict, total=False):
    """The keyword arguments of `completion()` that do not change what kind of thing it gives.

    None means not given. docs/parameters.md says what each adapter does with each.
    """

    # what every provider knows in some form
    max_tokens: int | None
    max_completion_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    stop: str | Sequence[str] | None
    stop_sequences: str | Sequence[str] | None
    # tools, structure, reasoning
    tool_choice: str | Mapping[str, Any] | Callable[..., Any] | None
    parallel_tool_calls: bool | None
    reasoning_effort: ReasoningEffort | None
    thinking: Mapping[str, Any] | None
    verbosity: Literal["low", "medium", "high"] | None
    # sampling and scoring
    n: int | None
    seed: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    logit_bias: Mapping[str, float] | None
    logprobs: bool | None
    top_logprobs: int | None
    # output kinds and services
    modalities: Sequence[str] | None
    audio: Mapping[str, Any] | None
    prediction: Mapping[str, Any] | None
    web_search_options: Mapping[str, Any] | None
    service_tier: str | None
    stream_options: Mapping[str, Any] | None
    # bookkeeping
    user: str | None
    safety_identifier: str | None
    metadata: Mapping[str, str] | None
    store: bool | None
    prompt_cache_key: str | None
    cache: Literal["auto"] | None
    # this library's own
    api_key: str | Callable[[], str | Awaitable[str]] | None
    base_url: str | None
    adapter: str | None
    timeout: Any
    max_retries: int | None
    extra_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    client: Any
    fetch_media: bool | Callable[[str], bytes | Awaitable[bytes]] | None
    strict: bool | None
    structured_mode: Literal["native", "tool", "json_object", "prompt"] | None
    max_validation_retries: int | None


class CallOptions(CallSettings, total=False):
    """The keyword arguments of `completion()` and of `run_tools()` beside model, messages, tools and stream."""

    response_format: object
    """A type, a JSON schema or OpenAI's dict (see `formats.format_of`)."""


class CompletionOptions(CallOptions, total=False):
    """The keyword arguments of `completion()` and `acompletion()` beside model, messages and stream."""

    tools: Sequence[ToolLike] | None
