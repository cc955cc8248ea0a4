"""Whether a vendor's own SDK takes a body for one of its API's: `accepts_<adapter>(body)`, and `accepts_mistral`.

Each raises AssertionError with what the SDK's types complain of, and skips the test where the SDK is not installed. The
types are made strict first, so that a field which they do not know is a complaint, at any depth; the few rules of an
API that its types cannot say stand beside them, by the vendor's pages. Whatever the model takes or refuses is not
looked at.
"""

from __future__ import annotations

import collections.abc as abc
import os
import re
import types
import typing
from collections.abc import Iterator, Mapping
from functools import cache, reduce
from itertools import pairwise
from operator import or_
from typing import Any, Union

import pytest
import typing_extensions as te
from pydantic import Base64Bytes, BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model, with_config

Body = Mapping[str, Any]


def accepts_openai_chat(body: Body) -> None:
    pytest.importorskip("openai", reason="needs openai")
    from openai.types.chat import completion_create_params as params

    kind = "Streaming" if body.get("stream") else "NonStreaming"
    _check(_typed(getattr(params, f"CompletionCreateParams{kind}"), body), body)


def accepts_openai_completions(body: Body) -> None:
    pytest.importorskip("openai", reason="needs openai")
    from openai.types import completion_create_params as params

    kind = "Streaming" if body.get("stream") else "NonStreaming"
    _check(_typed(getattr(params, f"CompletionCreateParams{kind}"), body), body)


def accepts_openai_responses(body: Body) -> None:
    pytest.importorskip("openai", reason="needs openai")
    from openai.types.responses import response_create_params as params

    kind = "Streaming" if body.get("stream") else "NonStreaming"
    _check(_typed(getattr(params, f"ResponseCreateParams{kind}"), body), body)


# --- Anthropic -----------------------------------------------------------------------------------------------------

SAMPLING = ("temperature", "top_p", "top_k")
"""Known under anthropic-version 2023-06-01, which is the one that is sent, but not in the types of SDK 2."""


def accepts_anthropic_messages(body: Body) -> None:
    pytest.importorskip("anthropic", reason="needs anthropic")
    from anthropic.types import message_create_params as params

    kind = "Streaming" if body.get("stream") else "NonStreaming"
    known = {name: value for name, value in body.items() if name not in SAMPLING}
    _check(_typed(getattr(params, f"MessageCreateParams{kind}"), known), body)
    _check(list(_misplaced(body["messages"])), body)


def _misplaced(messages: list[Any]) -> Iterator[str]:
    """What is wrong with the order of turns and blocks. https://docs.anthropic.com/en/api/messages"""
    if messages[0]["role"] != "user":
        yield "the first message is not the user's"
    asked: set[str] = set()
    for at, message in enumerate(messages):
        blocks = [{"type": "text", "text": c}] if isinstance(c := message["content"], str) else list(c)
        kinds = [block["type"] for block in blocks]
        answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if not blocks or any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            yield f"messages.{at} has no content, or a text of white space"
        if asked != answered and (message["role"] == "user" or answered):
            yield f"messages.{at} answers {sorted(answered)} and not {sorted(asked)}"
        if answered and "tool_result" in kinds[len(answered) :]:
            yield f"messages.{at} has tool results behind other content"
        if message["role"] == "user":
            asked = set()
        asked |= {block["id"] for block in blocks if block["type"] == "tool_use"}


def accepts_anthropic_complete(body: Body) -> None:
    """By the reference alone: the SDK has had no types for it since 1.0. https://docs.anthropic.com/en/api/complete"""
    _check(_made(_completion_body(), body), body)
    turns = re.split(r"\n\n(?=Human:|Assistant:)", body["prompt"])[1:]
    mixed = [turn.partition(":")[0] for turn in turns] != ["Human", "Assistant"] * (len(turns) // 2)
    _check([f"the turns are {turns}"] * mixed, body)


@cache
def _completion_body() -> type[BaseModel]:
    fields: dict[str, Any] = {
        **dict.fromkeys(("model", "prompt"), (str, ...)),
        "max_tokens_to_sample": (int, ...),
        "stop_sequences": (list[str], None),
        "metadata": (dict[str, str], None),
        "stream": (bool, False),
        **dict.fromkeys(("temperature", "top_p"), (float, None)),
        "top_k": (int, None),
    }
    return _strict("Completion", fields)


# --- Google --------------------------------------------------------------------------------------------------------

_KIND_LESS = {"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata", "mediaProcessing"}


def accepts_gemini(body: Body) -> None:
    pytest.importorskip("google.genai", reason="needs google-genai")
    _check(_made(_gemini_body(), body), body)
    _check(list(_unreadable(body)), body)


@cache
def _gemini_body() -> type[BaseModel]:
    """The SDK has types of what is in a body, but none of the body."""
    from google.genai import types as genai

    fields: dict[str, Any] = {
        "contents": (list[genai.Content], ...),
        "systemInstruction": (genai.Content, None),
        "generationConfig": (genai.GenerationConfig, None),
        "tools": (list[genai.Tool], None),
        "toolConfig": (genai.ToolConfig, None),
        "safetySettings": (list[genai.SafetySetting], None),
        **dict.fromkeys(("cachedContent", "serviceTier"), (str, None)),
        "labels": (dict[str, str], None),
        "store": (bool, None),
    }
    return _strict("GenerateContentRequest", fields)


def _unreadable(body: Body) -> Iterator[str]:
    """What the types are lenient about. https://ai.google.dev/api/generate-content"""
    for at, content in enumerate(body["contents"]):
        parts = content["parts"]
        if content["role"] not in ("user", "model") or not parts:
            yield f"contents.{at} is {content['role']}'s, with {len(parts)} parts"
        for part in parts:
            if len(part.keys() - _KIND_LESS) != 1:
                yield f"contents.{at} has a part that is {sorted(part)}"
    for before, after in pairwise(body["contents"]):
        asked, answered = (
            [part[kind]["name"] for part in content["parts"] if kind in part]
            for content, kind in ((before, "functionCall"), (after, "functionResponse"))
        )
        if asked != answered:
            yield f"{asked} were called, {answered} answered"
    config = body.get("generationConfig", {})
    if {"responseSchema", "responseJsonSchema"} <= config.keys():
        yield "there are two schemas"
    mode = body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode", "AUTO")
    if mode not in ("AUTO", "ANY", "NONE", "VALIDATED"):
        yield f"there is no mode {mode}"


# --- Amazon --------------------------------------------------------------------------------------------------------


def accepts_bedrock_converse(body: Body) -> None:
    pytest.importorskip("botocore", reason="needs botocore")
    from botocore.validate import ParamValidator

    shape = _converse()
    report = ParamValidator().validate({**body, "modelId": "any"}, shape)
    _check(report.generate_report().splitlines() if report.has_errors() else [], body)
    roles = [message["role"] for message in body["messages"]]
    mixed = roles[0] != "user" or any(one == other for one, other in pairwise(roles))
    _check([f"the turns are {roles}"] * mixed + list(_unknown_words(body, shape, "$")), body)


@cache
def _converse() -> Any:
    from botocore.session import get_session

    return get_session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape


def _unknown_words(value: Any, shape: Any, at: str) -> Iterator[str]:
    """Words that the service model does not list where it lists them; botocore does not look."""
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        for name, inner in value.items():
            yield from _unknown_words(inner, shape.members[name], f"{at}.{name}")
    elif shape.type_name == "list":
        for index, inner in enumerate(value):
            yield from _unknown_words(inner, shape.member, f"{at}[{index}]")
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{at}: {value!r} is none of {shape.enum}"


def accepts_bedrock_invoke(body: Body) -> None:
    """Anthropic's bodies, with the version in them, and without what stands in the address."""
    assert body["anthropic_version"] == "bedrock-2023-05-31"
    assert not body.keys() & {"model", "stream"}
    inner = {name: value for name, value in body.items() if name not in ("anthropic_version", "anthropic_beta")}
    (accepts_anthropic_complete if "prompt" in body else accepts_anthropic_messages)({**inner, "model": "any"})


# --- Mistral, Cohere, Ollama ---------------------------------------------------------------------------------------


def accepts_mistral(body: Body) -> None:
    models = pytest.importorskip("mistralai.client.models", reason="needs mistralai")
    kind = models.ChatCompletionStreamRequest if body.get("stream") else models.ChatCompletionRequest
    _check(_made(kind, body), body)
    last = body["messages"][-1]
    wrong_end = last["role"] not in ("user", "tool") and not last.get("prefix")
    ids = [call["id"] for message in body["messages"] for call in message.get("tool_calls") or ()]
    odd = [f"the id of a call is {id}" for id in ids if not re.fullmatch("[a-zA-Z0-9]{9}", id)]
    _check(odd + [f"the last message is the {last['role']}'s"] * wrong_end, body)


def accepts_cohere_chat(body: Body) -> None:
    pytest.importorskip("cohere", reason="needs cohere")
    complaints = _made(_cohere_body(bool(body.get("stream"))), body)
    if body.get("tool_choice") not in (None, "REQUIRED", "NONE"):
        complaints.append(f"there is no tool_choice {body['tool_choice']}")
    _check(complaints, body)


@cache
def _cohere_body(stream: bool) -> type[BaseModel]:
    """The SDK has no type of a body, but arguments of its methods."""
    from cohere import ClientV2

    hints = typing.get_type_hints(ClientV2.chat_stream if stream else ClientV2.chat)
    given = {name: hint for name, hint in hints.items() if name not in ("return", "request_options")}
    fields = {name: (hint, ... if name in ("model", "messages") else None) for name, hint in given.items()}
    return _strict("ChatRequest", {**fields, "stream": (bool, False)})


_NEWER = re.compile(r"\.messages\.\d+\.(tool_call_id|tool_calls\.\d+\.id)|\.tools\.\d+\.function\.parameters\..*")
"""Fields that servers take and the SDK does not know, and what JSON schemas have besides."""


def accepts_ollama_chat(body: Body) -> None:
    pytest.importorskip("ollama", reason="needs ollama")
    _check([one for one in _made(_ollama_body(), body) if not _NEWER.match(one)], body)


@cache
def _ollama_body() -> type[BaseModel]:
    from ollama._types import ChatRequest, Message, Options

    # what the SDK makes base64 of is base64 in the body, and a message its type takes for anything
    message = _strict("Message", {**_fields(Message), "images": (list[Base64Bytes], None)})
    known = {"messages": (list[message], ...), "options": (Options, None)}
    return _strict("ChatRequest", {**_fields(ChatRequest), **known})


def _fields(model: Any) -> dict[str, Any]:
    return {name: (field.annotation, field) for name, field in model.model_fields.items()}


ACCEPTS = {
    "anthropic_complete": accepts_anthropic_complete,
    "anthropic_messages": accepts_anthropic_messages,
    "bedrock_converse": accepts_bedrock_converse,
    "bedrock_invoke": accepts_bedrock_invoke,
    "cohere_chat": accepts_cohere_chat,
    "gemini": accepts_gemini,
    "ollama_chat": accepts_ollama_chat,
    "openai_chat": accepts_openai_chat,
    "openai_completions": accepts_openai_completions,
    "openai_responses": accepts_openai_responses,
}
"""What accepts the bodies of an adapter, by its name."""


# --- strict types --------------------------------------------------------------------------------------------------


def _check(complaints: list[str], body: Body) -> None:
    assert not complaints, (complaints, body)


def _typed(kind: Any, body: Body) -> list[str]:
    """What a TypedDict that was made strict complains of."""
    try:
        _adapter(kind).validate_python(body)
    except ValidationError as error:
        return _told(error)
    return []


def _made(kind: type[BaseModel], body: Body) -> list[str]:
    """What a model complains of, and the fields that it does not know."""
    try:
        made = kind.model_validate(body)
    except ValidationError as error:
        return _told(error)
    return list(_strangers(body, made, ""))


def _strict(name: str, fields: dict[str, Any]) -> type[BaseModel]:
    """A model of these fields, each a type and a default."""
    options = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())
    return create_model(name, __config__=options, **fields)


def _strangers(told: Any, made: Any, at: str) -> Iterator[str]:
    """The paths of what a body has and the model that was made of it has no field for."""
    if isinstance(told, Mapping) and isinstance(made, BaseModel):
        names = {name: name for name in type(made).model_fields}
        names |= {field.alias: name for name, field in type(made).model_fields.items() if field.alias}
        for key, value in told.items():
            if key not in names:
                yield f"{at}.{key}"
            else:
                yield from _strangers(value, getattr(made, names[key]), f"{at}.{key}")
    elif isinstance(told, list) and isinstance(made, list | tuple):
        for index, (one, other) in enumerate(zip(told, made, strict=True)):
            yield from _strangers(one, other, f"{at}.{index}")


def _told(error: ValidationError) -> list[str]:
    """The deepest complaint, of an arm of the unions whose role and type are those of the body."""
    errors = error.errors()
    wrong_arms = [e["loc"][:-1] for e in errors if e["type"] == "literal_error" and e["loc"][-1] in ("role", "type")]
    telling = [e for e in errors if not any(e["loc"][: len(arm)] == arm for arm in wrong_arms)]
    worst = max(telling or errors, key=lambda e: len(e["loc"]))
    return [f"{'.'.join(map(str, worst['loc']))}: {worst['msg']}"]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(_hardened(kind))


_built: dict[Any, Any] = {}


def _hardened(kind: Any) -> Any:
    """A type whose TypedDicts refuse what they do not know, and whose iterables are lists, which are read at once."""
    if isinstance(kind, te.TypeAliasType):
        return _hardened(kind.__value__)
    if te.is_typeddict(kind):
        return _hardened_dict(kind)
    origin, arguments = te.get_origin(kind), te.get_args(kind)
    if origin is te.Annotated:
        return _hardened(arguments[0])
    if origin in (Union, types.UnionType):
        return reduce(or_, (_hardened(one) for one in arguments if _is_json(one)))
    if origin in (abc.Iterable, abc.Sequence, list) or getattr(origin, "__name__", "") == "SequenceNotStr":
        return list[_hardened(arguments[0])]
    if origin in (dict, abc.Mapping):
        return dict[arguments[0], _hardened(arguments[1])]
    return kind


def _hardened_dict(kind: Any) -> Any:
    if kind in _built:
        return _built[kind]
    name = f"{kind.__module__.replace('.', '_')}_{kind.__name__}"
    _built[kind] = typing.ForwardRef(name)  # while it is built, within itself
    fields = {}
    for key, annotation in te.get_type_hints(kind, include_extras=True).items():
        # __required_keys__ is blind to what an annotation says that was a string when the class was made
        said = te.Required if key in kind.__required_keys__ else te.NotRequired
        while te.get_origin(annotation) in (te.Required, te.NotRequired):
            said, (annotation,) = te.get_origin(annotation), te.get_args(annotation)
        fields[key] = said[_hardened(annotation)]
    built = with_config(ConfigDict(extra="forbid"))(te.TypedDict(name, fields))
    built.__module__ = __name__
    globals()[name] = _built[kind] = built
    return built


def _is_json(arm: Any) -> bool:
    """Whether an arm of a union is one that a body can have, and no file or answer."""
    if te.get_origin(arm) is te.Annotated:
        arm = te.get_args(arm)[0]
    if te.get_origin(arm) in (Union, types.UnionType):
        return any(_is_json(inner) for inner in te.get_args(arm))
    if isinstance(arm, type) and issubclass(arm, BaseModel | os.PathLike | bytes):
        return False
    return te.get_origin(arm) is not os.PathLike and "IO" not in str(te.get_origin(arm))
