"""Tools that a provider runs itself: passed on in its own form, kept apart from the calls of the caller's tools."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from support import call, decode, fold, frozen, named_sse, parse, render, sse
from test_aws_events import event as framed

from unified_llm.errors import BadRequestError
from unified_llm.params import check

FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
ADAPTERS = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "bedrock_converse", "bedrock_invoke",
            "cohere_chat", "ollama_chat")  # fmt: skip


def made(adapter: str, **params: Any) -> Any:
    return call("custom/m", adapter=adapter, **params)


def tools_of(adapter: str, *tools: Any, **params: Any) -> list[Any]:
    body = render(made(adapter, tools=list(tools), **params)).body
    return body["toolConfig"]["tools"] if "toolConfig" in body and "converse" in adapter else body["tools"]


# --- requests -------------------------------------------------------------------------------------------------------

RESPONSES = [
    {"type": "web_search"},
    {"type": "web_search_preview", "search_context_size": "low"},
    {"type": "web_search_2025_08_26", "filters": {"allowed_domains": ["a.example"]}},
    {"type": "file_search", "vector_store_ids": ["vs_1"]},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "mcp", "server_label": "a", "server_url": "https://a.example/mcp", "require_approval": "never"},
    {"type": "image_generation"},
    {"type": "computer_use_preview", "display_width": 1, "display_height": 1, "environment": "browser"},
]
CLAUDES = [
    {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
    {"type": "web_fetch_20250910", "name": "web_fetch"},
    {"type": "code_execution_20250825", "name": "code_execution"},
    {"type": "bash_20250124", "name": "bash"},
    {"type": "computer_toolset_20260801"},
    {"type": "tool_search_tool_regex", "name": "tool_search_tool_regex"},
    {"type": "mcp_toolset", "mcp_server_name": "a"},
]
GEMINIS = [
    {"googleSearch": {}},
    {"google_search": {}},
    {"codeExecution": {}},
    {"urlContext": {}},
    {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/a"]}},
]
CONVERSES = [{"systemTool": {"name": "nova_grounding"}}]
CHATS = [
    {"type": "browser_search"},
    {"type": "code_interpreter"},
    {"type": "web_search", "web_search": {"enable": True}},
    {"type": "builtin_function", "function": {"name": "$web_search"}},
]
NEWER = {"type": "something_new", "level": 11}
OWN = {
    "openai_chat": [*CHATS, NEWER],
    "openai_responses": [*RESPONSES, NEWER],
    "anthropic_messages": [*CLAUDES, NEWER],
    "bedrock_invoke": CLAUDES,
    "gemini": [*GEMINIS, {"somethingNew": {}}],
    "bedrock_converse": CONVERSES,
}


@pytest.mark.parametrize(("adapter", "tool"), [(name, tool) for name, tools in OWN.items() for tool in tools], ids=str)
def test_a_tool_in_the_providers_own_form_is_passed_on_as_it_is(adapter: str, tool: Any) -> None:
    assert tools_of(adapter, frozen(tool)) == [tool]


@pytest.mark.parametrize("adapter", [name for name in OWN if name != "gemini"])
def test_it_may_stand_beside_functions(adapter: str) -> None:
    function, tool = tools_of(adapter, FUNCTION, OWN[adapter][0])
    assert tool == OWN[adapter][0]
    assert "f" in json.dumps(function)


FLAT = {"type": "function", "name": "f", "parameters": {"type": "object"}}
FOREIGN = {
    "openai_chat": [CLAUDES[0], CLAUDES[6], *GEMINIS, *CONVERSES, FLAT],
    "openai_responses": [CLAUDES[0], CLAUDES[2], *GEMINIS, *CONVERSES],
    "anthropic_messages": [*RESPONSES, *GEMINIS, *CONVERSES, FLAT],
    "bedrock_invoke": [*RESPONSES, *GEMINIS, *CONVERSES],
    "gemini": [*RESPONSES, *CLAUDES, *CHATS, *CONVERSES, NEWER, FLAT],
    "bedrock_converse": [*RESPONSES, *CLAUDES, *CHATS, *GEMINIS, NEWER, FLAT],
    "cohere_chat": [*RESPONSES, *CLAUDES, *CHATS, *GEMINIS, *CONVERSES, NEWER, FLAT],
    "ollama_chat": [*RESPONSES, *CLAUDES, *CHATS, *GEMINIS, *CONVERSES, NEWER, FLAT],
}


@pytest.mark.parametrize(
    ("adapter", "tool"), [(name, tool) for name, tools in FOREIGN.items() for tool in tools], ids=str
)
def test_a_tool_of_another_provider_is_refused_before_sending(adapter: str, tool: Any) -> None:
    with pytest.raises(BadRequestError, match=r"(type|function) '[\w$]+'.*; give \{'") as caught:
        tools_of(adapter, tool)
    assert caught.value.status_code is None


INSTEAD = [
    ("anthropic_messages", RESPONSES[0], "web_search_20250305"),
    ("anthropic_messages", GEMINIS[0], "web_search_20250305"),
    ("anthropic_messages", RESPONSES[4], "code_execution_20250825"),
    ("anthropic_messages", RESPONSES[5], "mcp_toolset"),
    ("gemini", RESPONSES[0], "'googleSearch'"),
    ("gemini", CLAUDES[2], "'codeExecution'"),
    ("gemini", CLAUDES[1], "'urlContext'"),
    ("openai_responses", GEMINIS[0], "'web_search'"),
    ("openai_responses", CLAUDES[2], "'code_interpreter'"),
    ("bedrock_converse", RESPONSES[0], "nova_grounding"),
    ("cohere_chat", RESPONSES[0], "{'type': 'function'"),
    ("openai_chat", FLAT, "'function': {'name'"),
]


@pytest.mark.parametrize(("adapter", "tool", "words"), INSTEAD, ids=str)
def test_the_refusal_names_what_to_give(adapter: str, tool: Any, words: str) -> None:
    with pytest.raises(BadRequestError, match="give") as caught:
        tools_of(adapter, tool)
    assert words in caught.value.message.partition("give")[2]


def test_the_refusal_of_claudes_tools_at_converse_names_the_other_format() -> None:
    with pytest.raises(BadRequestError, match="adapter='bedrock_invoke'"):
        render(call("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", tools=[CLAUDES[3]]))


# --- choices --------------------------------------------------------------------------------------------------------

HOSTED = [
    {"type": "web_search_preview"},
    {"type": "file_search"},
    {"type": "mcp", "server_label": "a"},
    {"type": "mcp", "server_label": "a", "name": "search"},
    {"type": "image_generation"},
]


@pytest.mark.parametrize("choice", HOSTED, ids=str)
def test_a_choice_of_such_a_tool_is_passed_on_as_it_is(choice: Any) -> None:
    for adapter in ("openai_responses", "openai_chat"):
        body = render(made(adapter, tools=[RESPONSES[1]], tool_choice=frozen(choice))).body
        assert body["tool_choice"] == choice


@pytest.mark.parametrize("adapter", [name for name in ADAPTERS if not name.startswith("openai")])
@pytest.mark.parametrize("choice", [*HOSTED[:3], {"type": "custom", "custom": {"name": "f"}}], ids=str)
def test_a_choice_of_another_api_is_refused_with_what_to_give(choice: Any, adapter: str) -> None:
    with pytest.raises(BadRequestError, match="is of another API; give auto, none, required"):
        render(made(adapter, tools=[FUNCTION], tool_choice=choice))


NAMED = {"type": "function", "function": {"name": "f"}}
OTHER = {"type": "function", "function": {"name": "g"}}
ALLOWED_FORMS = [
    {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}},
    {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
]


@pytest.mark.parametrize("choice", ALLOWED_FORMS, ids=["of chat", "of Responses"])
def test_allowed_tools_may_be_given_in_either_form(choice: Any) -> None:
    assert check({"tool_choice": choice})["tool_choice"] == ALLOWED_FORMS[0]
    body = render(made("openai_responses", tools=[FUNCTION, OTHER], tool_choice=choice)).body
    assert body["tool_choice"] == ALLOWED_FORMS[1]
    for adapter in ADAPTERS[2:]:
        (tool,) = tools_of(adapter, FUNCTION, OTHER, tool_choice=choice)
        assert '"f"' in json.dumps(tool)


def test_allowed_tools_may_be_those_that_the_provider_runs() -> None:
    allowed = [{"type": "web_search_20250305", "name": "web_search"}]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": allowed}
    assert tools_of("anthropic_messages", FUNCTION, CLAUDES[0], CLAUDES[1], tool_choice=choice) == [CLAUDES[0]]
    mcp = [{"type": "mcp", "server_label": "a"}]
    choice = {"type": "allowed_tools", "mode": "required", "tools": mcp}
    body = render(made("openai_responses", tools=[FUNCTION, RESPONSES[5]], tool_choice=choice)).body
    assert body["tool_choice"] == choice


WRONG_CHOICES = [
    {"type": "allowed_tools"},
    {"type": "allowed_tools", "mode": "auto"},
    {"type": "allowed_tools", "mode": "none", "tools": []},
    {"type": "allowed_tools", "mode": "auto", "tools": "f"},
    {"type": "allowed_tools", "mode": "auto", "tools": ["f"]},
    {"type": "allowed_tools", "allowed_tools": "f"},
    {"type": "function"},
    {"type": 7},
    {"mode": "auto"},
    {},
]


@pytest.mark.parametrize("choice", WRONG_CHOICES, ids=str)
def test_a_choice_that_no_provider_could_take_is_refused(choice: Any) -> None:
    with pytest.raises(BadRequestError, match="tool_choice is "):
        check({"tools": [FUNCTION], "tool_choice": choice})


@pytest.mark.parametrize("adapter", ADAPTERS[2:])
def test_allowed_tools_of_which_none_is_given_are_refused(adapter: str) -> None:
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "h"}]}
    with pytest.raises(BadRequestError, match="none is in tools"):
        tools_of(adapter, FUNCTION, tool_choice=choice)


# --- answers --------------------------------------------------------------------------------------------------------

USED = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
BLOCKS = [USED, {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}]
MESSAGE = {
    "type": "message",
    "role": "assistant",
    "content": [*BLOCKS, {"type": "text", "text": "Hello!"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 2},
}
ITEMS = [
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
    {"type": "mcp_call", "id": "mcp_1", "server_label": "a", "name": "g", "arguments": "{}", "output": "x"},
    {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Hello!"}]},
]
RESPONSE = {"id": "resp_1", "status": "completed", "output": ITEMS}
PARTS = [
    {"executableCode": {"language": "PYTHON", "code": "1"}},
    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
    {"toolCall": {"id": "t", "toolType": "GOOGLE_SEARCH_WEB", "args": {}}},
    {"text": "Hello!"},
]
CANDIDATE = {"candidates": [{"content": {"role": "model", "parts": PARTS}, "finishReason": "STOP"}]}
SYSTEM_USE = {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}}
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [SYSTEM_USE, {"text": "Hello!"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 5, "outputTokens": 2},
}
CHAT_MESSAGE = {"role": "assistant", "content": "Hello!", "executed_tools": [{"type": "search", "output": "x"}]}
CHAT = {"id": "c", "model": "m", "choices": [{"index": 0, "message": CHAT_MESSAGE, "finish_reason": "stop"}]}


def message_events() -> list[Any]:
    started = {"type": "message_start", "message": {**MESSAGE, "content": []}}
    blocks: list[Any] = []
    for index, block in enumerate(MESSAGE["content"]):
        blocks.append(
            {"type": "content_block_start", "index": index, "content_block": {**block, **EMPTY.get(block["type"], {})}}
        )
        if delta := DELTAS.get(block["type"]):
            blocks.append({"type": "content_block_delta", "index": index, "delta": delta})
        blocks.append({"type": "content_block_stop", "index": index})
    return [started, *blocks, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"}]


EMPTY: dict[str, Any] = {"server_tool_use": {"input": {}}, "text": {"text": ""}}
DELTAS = {
    "server_tool_use": {"type": "input_json_delta", "partial_json": '{"query": "q"}'},
    "text": {"type": "text_delta", "text": "Hello!"},
}


def chunk(event: Any) -> bytes:
    return framed("chunk", {"bytes": b64encode(json.dumps(event).encode()).decode()})


ANSWERS: dict[str, tuple[Any, bytes]] = {
    "anthropic_messages": (MESSAGE, named_sse(*message_events())),
    "bedrock_invoke": (MESSAGE, b"".join(map(chunk, message_events()))),
    "openai_responses": (
        RESPONSE,
        named_sse(
            *({"type": "response.output_item.done", "output_index": at, "item": item} for at, item in enumerate(ITEMS)),
            {"type": "response.completed", "response": RESPONSE},
        ),
    ),
    "gemini": (CANDIDATE, sse(CANDIDATE)),
    "bedrock_converse": (
        CONVERSE,
        b"".join(
            framed(kind, body)
            for kind, body in [
                ("contentBlockStart", {"contentBlockIndex": 0, "start": SYSTEM_USE}),
                ("contentBlockStop", {"contentBlockIndex": 0}),
                ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Hello!"}}),
                ("messageStop", {"stopReason": "end_turn"}),
                ("metadata", {"usage": CONVERSE["usage"]}),
            ]
        ),
    ),
    "openai_chat": (
        CHAT,
        sse({**CHAT, "choices": [{"index": 0, "delta": CHAT_MESSAGE, "finish_reason": "stop"}]}, "[DONE]"),
    ),
}


@pytest.mark.parametrize("adapter", ANSWERS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_what_the_provider_ran_is_no_call_of_the_callers_and_is_kept(streamed: bool, adapter: str) -> None:
    whole, stream = ANSWERS[adapter]
    one = made(adapter, stream=streamed)
    answer = fold(decode(one, stream)) if streamed else parse(one, whole)
    (choice,) = answer["choices"]
    message = choice["message"]
    assert (message["content"], choice["finish_reason"]) == ("Hello!", "stop")
    assert "tool_calls" not in message
    kept = json.dumps(message["provider_fields"])
    assert all(word in kept for word in KEPT[adapter])


KEPT = {
    "anthropic_messages": ["srvtoolu_1", "web_search_tool_result"],
    "bedrock_invoke": ["srvtoolu_1", "web_search_tool_result"],
    "openai_responses": ["web_search_call", "mcp_call"],
    "gemini": ["executableCode", "codeExecutionResult", "GOOGLE_SEARCH_WEB"],
    "bedrock_converse": ["nova_grounding"],
    "openai_chat": ["executed_tools"],
}
