"""What of the providers' usages decides the price beside the sums, and where it stands in the normal form."""

from __future__ import annotations

from typing import Any

import pytest
from support import call, folded, named_sse, parse, sse
from support_invoices import anthropic, gemini, responses

CLAUDE, GOOGLE, GPT = "claude-sonnet-4-6", "gemini-2.5-flash", "gpt-5"


def usage_of(model: str, body: Any, **options: Any) -> dict[str, Any]:
    return parse(call(model, **options), body)["usage"]


# --- Anthropic -----------------------------------------------------------------------------------------------------


def test_the_tokens_that_are_kept_an_hour_are_a_part_of_those_that_are_written() -> None:
    details = usage_of(CLAUDE, anthropic(1, 1, written=20, hour=30))["prompt_tokens_details"]
    assert details == {"cached_tokens": 0, "cache_write_tokens": 50, "cache_write_1h_tokens": 30}
    assert "cache_write_1h_tokens" not in usage_of(CLAUDE, anthropic(1, 1, written=20))["prompt_tokens_details"]


BESIDE: dict[str, tuple[Any, Any]] = {
    "nothing unusual": ({"inference_geo": "global", "speed": "standard", "server_tool_use": None}, {}),
    "a place that is not told": ({"inference_geo": "not_available"}, {}),
    "a place": ({"inference_geo": "us"}, {"inference_geo": "us"}),
    "a speed": ({"speed": "fast"}, {"speed": "fast"}),
    "tools, without those that were not used": (
        {"server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0}},
        {"server_tool_use": {"web_search_requests": 2}},
    ),
    "steps that the counts have": ({"iterations": [{"type": "message", "input_tokens": 1, "output_tokens": 1}]}, {}),
}
OF_BESIDE = ("inference_geo", "speed", "server_tool_use", "iterations")


@pytest.mark.parametrize("name", BESIDE)
def test_only_what_changes_the_price_stands_beside_the_counts(name: str) -> None:
    told, expected = BESIDE[name]
    usage = usage_of(CLAUDE, anthropic(1, 1, **told))
    assert {key: value for key, value in usage.items() if key in OF_BESIDE} == expected


def test_the_steps_that_the_counts_leave_out_are_usages_themselves() -> None:
    steps = [
        {"type": "compaction", **anthropic(7, 3, read=5)["usage"]},
        {"type": "message", **anthropic(1, 2)["usage"]},
    ]
    usage = usage_of(CLAUDE, anthropic(1, 2, iterations=steps))
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (1, 2)
    assert [(step["type"], step["prompt_tokens"], step["completion_tokens"]) for step in usage["iterations"]] == [
        ("compaction", 12, 3),
        ("message", 1, 2),
    ]


def test_a_stream_tells_the_same() -> None:
    body = anthropic(1, 9, written=20, hour=30, inference_geo="us", server_tool_use={"web_search_requests": 1})
    events = [
        {"type": "message_start", "message": {**body, "content": [], "usage": {**body["usage"], "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "ok"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    assert folded(call(CLAUDE), named_sse(*events))["usage"] == usage_of(CLAUDE, body)


# --- OpenAI --------------------------------------------------------------------------------------------------------

USES: list[tuple[list[Any], dict[str, int]]] = [
    ([], {}),
    ([{"type": "web_search_call", "action": {"type": "search"}}] * 2, {"web_search_requests": 2}),
    ([{"type": "web_search_call"}], {"web_search_requests": 1}),
    ([{"type": "web_search_call", "action": {"type": "find_in_page"}}], {}),
    (
        [{"type": "file_search_call"}, {"type": "code_interpreter_call"}],
        {"file_search_requests": 1, "code_interpreter_requests": 1},
    ),
    ([{"type": "image_generation_call"}], {"image_generation_requests": 1}),
    ([{"type": "mcp_list_tools", "tools": []}], {}),
]


@pytest.mark.parametrize(("items", "expected"), USES)
def test_the_uses_of_openais_tools_are_counted_since_its_usage_does_not(items: list[Any], expected: Any) -> None:
    body = responses({"input_tokens": 1, "output_tokens": 1}, *items)
    assert usage_of(GPT, body, adapter="openai_responses").get("server_tool_use", {}) == expected
    made = call(GPT, adapter="openai_responses", stream=True)
    assert (
        folded(made, sse({"type": "response.completed", "response": body}))["usage"].get("server_tool_use", {})
        == expected
    )


# --- Gemini --------------------------------------------------------------------------------------------------------

COUNTS = {"promptTokenCount": 100, "candidatesTokenCount": 50}


def kinds(**counts: int) -> list[dict[str, Any]]:
    return [{"modality": kind.upper(), "tokenCount": count} for kind, count in counts.items()]


def test_sounds_and_drawn_pictures_are_told_apart() -> None:
    usage = usage_of(
        GOOGLE,
        gemini(
            {
                **COUNTS,
                "promptTokensDetails": [*kinds(text=10, image=20, audio=30), *kinds(audio=5)],
                "candidatesTokensDetails": kinds(image=40, text=10),
            }
        ),
    )
    assert usage["prompt_tokens_details"] == {"audio_tokens": 35}
    assert usage["completion_tokens_details"] == {"image_tokens": 40}


CACHES = {
    "not said": ({}, None),
    "said": ({"cacheTokensDetails": kinds(text=5, audio=15)}, 15),
    "said to be none": ({"cacheTokensDetails": kinds(text=20)}, 0),
}


@pytest.mark.parametrize("name", CACHES)
def test_how_much_sound_came_from_the_cache_is_kept_where_it_is_said(name: str) -> None:
    told, expected = CACHES[name]
    counts = {**COUNTS, "cachedContentTokenCount": 20, "promptTokensDetails": kinds(audio=30), **told}
    assert usage_of(GOOGLE, gemini(counts))["prompt_tokens_details"].get("cached_audio_tokens") == expected


GROUNDS: dict[str, tuple[Any, Any, Any]] = {
    "nothing": ({}, None, None),
    "empty searches": ({"webSearchQueries": ["", ""]}, None, None),
    "searches": ({"webSearchQueries": ["a", "b", "a", ""]}, {"grounded_prompts": 1, "web_search_requests": 2}, 40),
    "a map": ({"groundingChunks": [{"maps": {"uri": "https://a.example"}}]}, {"maps_prompts": 1}, 40),
}


@pytest.mark.parametrize("name", GROUNDS)
def test_searches_are_counted_and_what_they_found_is_told_apart(name: str) -> None:
    metadata, used, found = GROUNDS[name]
    usage = usage_of(GOOGLE, gemini({**COUNTS, "toolUsePromptTokenCount": 40}, groundingMetadata=metadata))
    assert usage["prompt_tokens"] == 140
    assert usage.get("server_tool_use") == used
    assert usage.get("prompt_tokens_details", {}).get("search_result_tokens") == found


TRAFFIC = {
    "ON_DEMAND": (None, None),
    "ON_DEMAND_FLEX": ("flex", None),
    "ON_DEMAND_PRIORITY": ("priority", None),
    "PROVISIONED_THROUGHPUT": (None, "provisioned"),
}


@pytest.mark.parametrize("traffic", TRAFFIC)
def test_vertex_says_the_service_tier_in_its_own_words(traffic: str) -> None:
    made = parse(call(GOOGLE), gemini({**COUNTS, "trafficType": traffic}))
    assert (made.get("service_tier"), made["provider_fields"].get("service_tier")) == TRAFFIC[traffic]
