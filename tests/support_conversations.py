"""Conversations of every kind, and the models that they are held with: a table to be rendered, cell by cell.

Add a row to `CONVERSATIONS` for what users send, a row to `TARGETS` for a wire format or a generation of models.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

from hypothesis import strategies as st
from support import call, render
from support_oracles import ACCEPTS, accepts_mistral

from unified_llm.adapters.contract import MediaNeeded, Request

# --- conversations -------------------------------------------------------------------------------------------------


class Conversation(NamedTuple):
    """What a caller gives: the messages, and further arguments of `completion`."""

    messages: Any
    options: dict[str, Any]


def said(*messages: Any, **options: Any) -> Conversation:
    return Conversation(list(messages), options)


def called(*calls: tuple[str, str, str], content: Any = None) -> dict[str, Any]:
    """An answer that calls tools: their ids, names and arguments."""
    told = [{"id": id, "type": "function", "function": {"name": name, "arguments": a}} for id, name, a in calls]
    return {"role": "assistant", "content": content, "tool_calls": told}


def result(id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content}


def function(name: str, parameters: Any = None, **fields: Any) -> dict[str, Any]:
    given = {"parameters": parameters} if parameters else {}
    return {"type": "function", "function": {"name": name, **given, **fields}}


def schema(inner: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": inner, **fields}}


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = base64.b64encode(b"%PDF-1.4\n%%EOF\n").decode()
USER, SYSTEM, OK = ("user", "Hi"), ("system", "Be terse."), ("assistant", "OK.")
SEE = {"type": "text", "text": "What is this?"}
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "high"}}
LINKED = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Where"}, "days": {"type": ["integer", "null"]}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TREE = {
    "type": "object",
    "properties": {"root": {"$ref": "#/$defs/node"}},
    "required": ["root"],
    "additionalProperties": False,
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"name": {"enum": ["a", "b"]}, "any": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "required": ["name", "any"],
            "additionalProperties": False,
        }
    },
}
LOOK, NOW = function("look", CITY, description="Looks."), function("now")
TOOLS: dict[str, Any] = {"tools": [LOOK, NOW]}
ASKED = called(("call_1", "look", '{"city": "Köln", "days": null}'), ("call_2", "now", "{}"))
DONE = (("user", "Weather?"), ASKED, result("call_1", "18C"), result("call_2", "noon"))
ODD = "functions.look:0/" + "x" * 80
ALLOWED = [{"type": "function", "function": {"name": "look"}}]
CHOICES: dict[str, Any] = {
    "none": "none",
    "auto": "auto",
    "required": "required",
    "a function": {"type": "function", "function": {"name": "look"}},
    "some functions": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": ALLOWED}},
}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

CONVERSATIONS = {
    "a question": said(USER),
    "a system prompt": said(SYSTEM, USER),
    "two system prompts": said(SYSTEM, ("developer", "Be kind."), USER),
    "a system prompt in the middle": said(USER, OK, ("user", "And?"), ("system", "Be kind."), ("user", "Go on")),
    "a system prompt in parts": said({"role": "system", "content": [SEE, {**SEE, "text": "No?"}]}, USER),
    "several turns": said(USER, OK, ("user", "And?"), ("assistant", "Yes."), ("user", "So?")),
    "two of the user's in a row": said(USER, ("user", "Are you there?")),
    "two answers in a row": said(USER, OK, ("assistant", "Really."), ("user", "So?")),
    "names": said({"role": "user", "content": "Hi", "name": "ann"}, {"role": "assistant", "content": "Hi"}, USER),
    "any character": said(("user", 'Köln \u2028 😀 \\ " \t </s> {}')),
    "texts in parts, one of them empty": said({"role": "user", "content": [SEE, {"type": "text", "text": ""}]}),
    "an answer without content": said(USER, ("assistant", ""), ("user", "Well?")),
    "a refusal": said(USER, {"role": "assistant", "content": None, "refusal": "No."}, ("user", "Please")),
    "a prefill": said(("user", "JSON"), ("assistant", "{")),
    "a limit": said(USER, max_tokens=99),
    "a limit by its newer name": said(USER, max_completion_tokens=99),
    "sampling": said(USER, temperature=0.5, top_p=0.9),
    "a temperature above 1": said(USER, temperature=1.7),
    "top_k": said(USER, top_k=5),
    "a stop": said(USER, stop="END"),
    "several stops": said(USER, stop=["a", "b", "c", "d", "e", "f"]),
    "a seed and penalties": said(USER, seed=7, presence_penalty=0.5, frequency_penalty=0.5),
    "log probabilities": said(USER, logprobs=True, top_logprobs=3),
    "who asks": said(USER, user="u-1", metadata={"a": "b"}, service_tier="default"),
    "tools": said(USER, **TOOLS),
    "a tool that is strict": said(USER, tools=[function("look", CITY, strict=True)]),
    "a tool with a deep schema": said(USER, tools=[function("plant", TREE)]),
    **{f"tools, with the choice of {name}": said(USER, **TOOLS, tool_choice=it) for name, it in CHOICES.items()},
    "one tool at a time": said(USER, **TOOLS, parallel_tool_calls=False),
    "results of tools": said(*DONE, **TOOLS),
    "results of tools, and a question": said(*DONE, ("user", "And tomorrow?"), **TOOLS),
    "results of tools, when no more may be called": said(*DONE, ("user", "So?"), **TOOLS, tool_choice="none"),
    "results of tools that are not given again": said(*DONE),
    "rounds of tools": said(*DONE, called(("call_3", "now", "")), result("call_3", "one"), **TOOLS),
    "words before a call": said(USER, called(("c", "now", "{}"), content="I look."), result("c", "noon"), **TOOLS),
    "results in parts": said(USER, called(("c", "now", "{}")), result("c", [{"type": "text", "text": "1"}]), **TOOLS),
    "a result without content": said(USER, called(("c", "now", "{}")), result("c", ""), **TOOLS),
    "a result that is JSON": said(USER, called(("c", "now", "{}")), result("c", '{"a": [1]}'), **TOOLS),
    "an image as a result": said(USER, called(("c", "now", "{}")), result("c", [SEE, IMAGE]), **TOOLS),
    "ids that no other provider gives": said(USER, called((ODD, "now", "{}")), result(ODD, "noon"), **TOOLS),
    "arguments that are no JSON": said(USER, called(("c", "look", '{"city": "K')), result("c", "What?"), **TOOLS),
    "an image": said({"role": "user", "content": [SEE, IMAGE]}),
    "an image at an address": said({"role": "user", "content": [SEE, LINKED]}),
    "images in turns": said({"role": "user", "content": [IMAGE, IMAGE, SEE]}, OK, {"role": "user", "content": [IMAGE]}),
    "a document": said({"role": "user", "content": [SEE, FILE]}),
    "a schema": said(USER, response_format=schema(CITY, strict=True)),
    "a deep schema": said(USER, response_format=schema(TREE)),
    "a schema and tools": said(*DONE, **TOOLS, response_format=schema(CITY)),
    "any JSON": said(("user", "JSON, please"), response_format={"type": "json_object"}),
    "text as the format": said(USER, response_format={"type": "text"}),
    **{f"effort {effort}": said(USER, reasoning_effort=effort) for effort in EFFORTS},
    "effort and a limit": said(USER, reasoning_effort="high", max_tokens=2000),
    "effort and sampling": said(USER, reasoning_effort="low", temperature=0.5, stop=["END"]),
    "effort and tools": said(*DONE, **TOOLS, reasoning_effort="low"),
    "effort and a forced tool": said(USER, **TOOLS, reasoning_effort="low", tool_choice="required"),
    "everything at once": said(
        SYSTEM,
        {"role": "user", "content": [SEE, IMAGE]},
        *DONE[1:],
        **TOOLS,
        temperature=0.5,
        max_tokens=5000,
        stop=["END"],
        reasoning_effort="low",
        user="u-1",
        response_format=schema(CITY),
    ),
}


def needs(conversation: Conversation) -> set[str]:
    """What of a conversation not every API has; the names are those of `REFUSED`."""
    messages = [{"role": m[0], "content": m[1]} if isinstance(m, tuple) else m for m in conversation.messages]
    options = conversation.options
    choice, format = options.get("tool_choice"), options.get("response_format", {"type": "text"})["type"]
    kinds = {part["type"] for m in messages if isinstance(m["content"], list) for part in m["content"]}
    seen = [m for m in messages if m["role"] == "tool" and isinstance(m["content"], list) and IMAGE in m["content"]]
    found = {
        "tools": "tools" in options,
        "forced tools": choice == "required" or (isinstance(choice, dict) and choice["type"] == "function"),
        "results": any(m["role"] == "tool" for m in messages),
        "images": "image_url" in kinds,
        "images as results": bool(seen),
        "documents": "file" in kinds,
        "schemas": format == "json_schema",
        "schemas with tools": format == "json_schema" and "tools" in options,
        "any JSON": format == "json_object",
        "prefill": messages[-1]["role"] == "assistant",
        "six stops": isinstance(options.get("stop"), list) and len(options["stop"]) > 5,
    }
    return {name for name, is_needed in found.items() if is_needed}


WORDS = st.sampled_from(["Hi", "K\u00f6ln \U0001f600\u2028", " ", "", "\n\n", "a b ", "\n\nHuman: no"])
WRITTEN = st.sampled_from(["{}", '{"city": "x"}', "", "null", "[1]", "7", '{"city": "K'])


@st.composite
def rounds(draw: st.DrawFn, at: int) -> list[dict[str, Any]]:
    """An answer that calls tools, and their results in any order."""
    ids = [f"call_{at}{letter}" for letter in draw(st.sampled_from(["a", "ab", "abc"]))]
    calls = [(id, draw(st.sampled_from(["look", "now"])), draw(WRITTEN)) for id in ids]
    results = [result(id, draw(WORDS)) for id in draw(st.permutations(ids))]
    return [called(*calls, content=draw(st.none() | WORDS)), *results]


@st.composite
def any_conversation(draw: st.DrawFn) -> Conversation:
    """Turns in any order, with any words, between a question and another."""
    texts = WORDS | st.lists(WORDS.map(lambda words: {"type": "text", "text": words}), max_size=3)
    messages: list[Any] = [SYSTEM, USER] if draw(st.booleans()) else [USER]
    for at, role in enumerate(draw(st.lists(st.sampled_from(["user", "assistant", "system", "tool"]), max_size=4))):
        if role == "tool":
            messages += draw(rounds(at))
        else:
            content = draw(texts) if role != "user" else [SEE, {"type": "text", "text": draw(WORDS)}]
            messages.append({"role": role, "content": content})
    return said(*messages, ("user", "So?"), **draw(st.sampled_from([TOOLS, {}])))


# --- models --------------------------------------------------------------------------------------------------------

TARGETS = {
    "Claude 4": ("claude-sonnet-4-5", "anthropic_messages"),
    "Claude 5": ("claude-opus-5-5", "anthropic_messages"),
    "Claude 2": ("claude-2.1", "anthropic_complete"),
    "GPT-4": ("gpt-4.1", "openai_chat"),
    "GPT-5": ("gpt-5.5", "openai_chat"),
    "GPT-4 by Responses": ("gpt-4.1", "openai_responses"),
    "GPT-5 by Responses": ("gpt-5.5", "openai_responses"),
    "Gemini 2": ("gemini/gemini-2.5-flash", "gemini"),
    "Gemini 3": ("gemini/gemini-3.8-flash", "gemini"),
    "Mistral": ("mistral/mistral-medium-latest", "openai_chat"),
    "Command A": ("cohere/command-a-03-2025", "cohere_chat"),
    "Command A Reasoning": ("cohere/command-a-reasoning-08-2025", "cohere_chat"),
    "Claude by Converse": ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock_converse"),
    "Nova by Converse": ("bedrock/us.amazon.nova-pro-v1:0", "bedrock_converse"),
    "Claude by InvokeModel": ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock_invoke"),
    "Qwen by Ollama": ("ollama/qwen3:8b", "ollama_chat"),
    "GPT-OSS by Ollama": ("ollama/gpt-oss:20b", "ollama_chat"),
}


REFUSED = {
    "Claude 4": {"any JSON"},
    "Claude 5": {"any JSON", "forced tools", "prefill"},
    "Claude 2": {"any JSON", "documents", "images", "results", "schemas", "tools"},
    "GPT-4": {"images as results", "prefill"},
    "GPT-5": {"images as results", "prefill"},
    "GPT-4 by Responses": {"prefill"},
    "GPT-5 by Responses": {"prefill"},
    "Gemini 2": {"schemas with tools", "six stops"},
    "Gemini 3": {"six stops"},
    "Mistral": {"images as results"},
    "Command A": {"documents", "images", "prefill"},
    "Command A Reasoning": {"documents", "images", "prefill"},
    "Claude by Converse": {"any JSON"},
    "Nova by Converse": {"any JSON"},
    "Claude by InvokeModel": {"any JSON"},
    "Qwen by Ollama": {"documents", "forced tools"},
    "GPT-OSS by Ollama": {"documents", "forced tools"},
}
"""What the adapter of a target refuses, because the API or the model does not have it."""


def rendered(conversation: Conversation, target: str, **options: Any) -> Request:
    """The request of a conversation with a target; what must be fetched for it is an image."""
    model, adapter = TARGETS[target]
    made = call(model, conversation.messages, adapter=adapter, **conversation.options, **options)
    while True:
        try:
            return render(made)
        except MediaNeeded as needed:
            made.media = {**made.media, needed.url: ("image/png", base64.b64decode(PNG))}


def accepts(target: str, body: dict[str, Any]) -> None:
    """Raise AssertionError where the SDK of a target's vendor does not take a body."""
    (accepts_mistral if target == "Mistral" else ACCEPTS[TARGETS[target][1]])(body)
