"""An answer of Responses, appended to the conversation, is sent back item by item as it came."""

from __future__ import annotations

import json

import pytest
from support import call, frozen, render
from test_openai_responses_response import ANSWERS, PLAIN, SEARCH, answer_of, function, made, text, thought, tool_call

USER = {"role": "user", "content": "Hi"}


def without_id(item):
    if item["type"] not in ("message", "reasoning", "function_call", "custom_tool_call"):
        return item
    return {key: value for key, value in item.items() if key not in ("id", "status")}


def sent_back(answer, **params):
    results = [{"role": "tool", "tool_call_id": one["id"], "content": "ok"} for one in answer.get("tool_calls", ())]
    body = render(made([USER, answer, *results, USER], **params)).body
    return body["input"][1 : -1 - len(results)]


KEPT = [items for name, (items, _) in ANSWERS.items() if name not in PLAIN]


@pytest.mark.parametrize(
    "through", [lambda m: m, lambda m: json.loads(json.dumps(m)), frozen], ids=["as it is", "as JSON", "frozen"]
)
@pytest.mark.parametrize("items", KEPT, ids=[name for name in ANSWERS if name not in PLAIN])
def test_an_answer_goes_back_item_by_item_without_ids(items, through):
    answer = through(answer_of(*items)["message"])
    telling = [i for i in items if i["type"] != "reasoning" or i.get("encrypted_content") or i.get("content")]
    assert sent_back(answer) == [without_id(item) for item in telling]


def test_ids_stay_where_the_server_stores():
    items = [thought("Hm."), text("Wait."), function()]
    assert sent_back(answer_of(*items)["message"], store=True) == items


def test_reasoning_goes_back_right_before_what_it_led_to():
    secret = thought(encrypted_content="gA")
    kinds = [item["type"] for item in sent_back(answer_of(secret, text("Wait."), secret, function())["message"])]
    assert kinds == ["reasoning", "message", "reasoning", "function_call"]


def test_reasoning_that_led_to_nothing_stays_behind():
    assert sent_back(answer_of(text("a"), thought(encrypted_content="gA"))["message"]) == [without_id(text("a"))]


CHANGES = {
    "text": {"content": "No."},
    "calls": {"tool_calls": [tool_call("call_a", "{}")]},
    "the adapter": {"provider_fields": {"adapter": "anthropic_messages", "content": []}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_the_caller_changed_wins_over_the_items(change):
    answer = answer_of(thought(encrypted_content="gA"), text("Wait."), function())["message"]
    assert [item.get("type") for item in sent_back({**answer, **change})] == ["message", "function_call"]


def test_an_answer_renders_for_other_formats_too():
    answer = answer_of(thought(encrypted_content="gA"), SEARCH, text("Wait."))["message"]
    chat = render(call("openai/gpt-4.1", [USER, answer, USER], adapter="openai_chat")).body
    assert chat["messages"][1] == {"role": "assistant", "content": "Wait."}
