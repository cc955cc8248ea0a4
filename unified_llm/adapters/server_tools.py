"""Tools that a provider runs itself: whose own form a tool has, and what to give in place of a foreign one.

Such tools are passed on as they are. https://platform.openai.com/docs/guides/tools,
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview, https://ai.google.dev/api/caching#Tool,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Tool.html, checked 2026-11-21.
"""

from __future__ import annotations

import re

from unified_llm.adapters.contract import Call
from unified_llm.errors import BadRequestError
from unified_llm.types import JSON

FLAT = "flat"
"""The form of a function whose name stands beside its type, as only Responses has it."""

_MESSAGES, _RESPONSES, _GEMINI, _CONVERSE = "anthropic_messages", "openai_responses", "gemini", "bedrock_converse"

_OF_MESSAGES = re.compile(r"\w+_20\d{6}|mcp_toolset|tool_search_tool_(regex|bm25)")
_OF_RESPONSES = re.compile(
    r"(web_search(_preview)?|file_search|code_interpreter|mcp|image_generation|computer|computer_use_preview|local_shell"
    r"|shell|apply_patch|tool_search|namespace|programmatic_tool_calling|custom)(_20\d\d_\d\d_\d\d)?"
)
_OF_GEMINI = frozenset(
    "codeexecution computeruse enterprisewebsearch exaaisearch filesearch functiondeclarations googlemaps googlesearch "
    "googlesearchretrieval mcpservers parallelaisearch retrieval urlcontext".split()
)
_OF_CONVERSE = frozenset(("toolSpec", "systemTool", "cachePoint"))


def form_of(tool: JSON) -> str:
    """The wire format that a tool without a function is of, as far as its type or its only key tells; "" if not."""
    kind = tool.get("type")
    if kind is None:
        folded = {key.replace("_", "").lower() for key in tool}
        return _CONVERSE if tool.keys() & _OF_CONVERSE else _GEMINI if folded & _OF_GEMINI else ""
    if kind == "function":
        return FLAT
    word = str(kind)
    return _MESSAGES if _OF_MESSAGES.fullmatch(word) else _RESPONSES if _OF_RESPONSES.fullmatch(word) else ""


def passed(call: Call, tool: JSON, own: str, *also: str) -> JSON:
    """A tool in the own form of an API, or in one that is not known here and may be newer.

    Args:
        call: asks for it.
        tool: has no function.
        own: the API's wire format.
        also: more forms that it takes.

    Raises:
        BadRequestError: the tool is of another API's form.
    """
    form = form_of(tool)
    may_be_newer = not form and ("type" in tool) != (own == _GEMINI)  # only Google's tools have no type
    if form in (own, *also) or may_be_newer:
        return tool
    raise foreign(call, tool, own)


_PURPOSES = (
    (re.compile(r"web_?search|google_?search|browser_search|live_search|grounding", re.IGNORECASE), "search"),
    (re.compile(r"code_?(interpreter|execution)", re.IGNORECASE), "code"),
    (re.compile(r"web_?fetch|url_?context", re.IGNORECASE), "pages"),
    (re.compile(r"file_?search", re.IGNORECASE), "files"),
    (re.compile(r"mcp", re.IGNORECASE), "mcp"),
)
_INSTEAD = {
    "search": {
        _RESPONSES: "{'type': 'web_search'}",
        _MESSAGES: "{'type': 'web_search_20250305', 'name': 'web_search'}",
        _GEMINI: "{'googleSearch': {}}",
        _CONVERSE: "{'systemTool': {'name': 'nova_grounding'}}",
    },
    "code": {
        _RESPONSES: "{'type': 'code_interpreter', 'container': {'type': 'auto'}}",
        _MESSAGES: "{'type': 'code_execution_20250825', 'name': 'code_execution'}",
        _GEMINI: "{'codeExecution': {}}",
    },
    "pages": {_MESSAGES: "{'type': 'web_fetch_20250910', 'name': 'web_fetch'}", _GEMINI: "{'urlContext': {}}"},
    "files": {
        _RESPONSES: "{'type': 'file_search', 'vector_store_ids': [...]}",
        _GEMINI: "{'fileSearch': {'fileSearchStoreNames': [...]}}",
    },
    "mcp": {
        _RESPONSES: "{'type': 'mcp', 'server_label': ..., 'server_url': ...}",
        _MESSAGES: "{'type': 'mcp_toolset', 'mcp_server_name': ...}",
        _GEMINI: "{'mcpServers': [...]}",
    },
}
_FUNCTION = "{'type': 'function', 'function': {'name': ..., 'parameters': ...}}"


def foreign(call: Call, tool: JSON, own: str) -> BadRequestError:
    """The refusal of a tool that is not of this API's form, with what to give."""
    word = str(tool.get("type") or next(iter(tool), ""))
    named = f"{word} {tool.get('systemTool')}"
    purpose = next((purpose for pattern, purpose in _PURPOSES if pattern.search(named)), "")
    native = _INSTEAD.get(purpose, {}).get(own)
    if word == "function":
        return call.refusal(f"the function {tool.get('name')!r} is not under the key 'function'; give {_FUNCTION}")
    way_out = f"{native}, or a function: {_FUNCTION}" if native else _FUNCTION
    return call.refusal(f"a tool of type {word!r} does not exist here; give {way_out}")
