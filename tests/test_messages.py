"""What `messages` may be: every form of a conversation that is accepted, and what is refused, with its place."""

from __future__ import annotations

import copy
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import frozen

from unified_llm.errors import BadRequestError
from unified_llm.messages import normalize, parts, text_of

USER = {"role": "user", "content": "Hi"}
CALL = {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_a", "content": "18C"}


def test_a_string_is_one_user_message():
    assert normalize("Hi") == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("given_role", "role"),
    [("human", "user"), ("ai", "assistant"), ("user", "user"), ("assistant", "assistant"), ("system", "system")],
)
def test_a_tuple_is_a_role_and_a_content(given_role, role):
    assert normalize([(given_role, "Hi")]) == [{"role": role, "content": "Hi"}]


@pytest.mark.parametrize("role", ["human", "ai"])
def test_the_words_of_tuples_are_no_roles_of_dicts(role):
    with pytest.raises(BadRequestError, match=rf"messages\[0\] has the role '{role}'"):
        normalize([{"role": role, "content": "Hi"}])


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_each_role_is_taken_with_a_string(role):
    assert normalize([{"role": role, "content": "Hi"}]) == [{"role": role, "content": "Hi"}]


@pytest.mark.parametrize("form", [tuple, list], ids=["tuple", "list"])
def test_messages_and_parts_are_any_sequences_of_any_mappings(form):
    content = form([MappingProxyType({"type": "text", "text": "a"}), "b"])
    (message,) = normalize(form([MappingProxyType({"role": "user", "content": content})]))
    assert message == {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}


@pytest.mark.parametrize("message", [{"role": "assistant"}, {"role": "assistant", "content": None}])
def test_only_an_answer_may_have_no_content(message):
    assert normalize([USER, message])[1]["content"] is None


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
        {"type": "image_url", "image_url": "https://a.example/b.png"},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "text", "text": "", "cache_control": {"type": "ephemeral"}},
    ],
    ids=lambda part: part["type"],
)
def test_a_part_with_a_type_stays_as_it_is(part):
    assert normalize([{"role": "user", "content": [part]}])[0]["content"] == [part]


def test_unknown_keys_of_a_message_stay_for_the_adapter_to_judge():
    assert normalize([{**USER, "cache_control": {"type": "ephemeral"}}])[0]["cache_control"] == {"type": "ephemeral"}


def test_results_may_follow_in_any_order_all_calls_of_the_answer_before_them():
    calls = [{**CALL, "id": id} for id in ("a", "b")]
    conversation = [USER, {**CALLING, "tool_calls": calls}]
    conversation += [{**RESULT, "tool_call_id": id} for id in ("b", "a")]
    assert normalize(conversation) == conversation


@pytest.mark.parametrize("arguments", [None, "", "{}", "{bad"])
def test_arguments_of_an_earlier_call_may_be_any_string(arguments):
    call = {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": arguments}}
    assert normalize([USER, {**CALLING, "tool_calls": [call]}, RESULT])[1]["tool_calls"] == [call]


REFUSED = {
    "no messages": ([], "messages is empty"),
    "an empty string": ("", "messages is empty"),
    "None": (None, "messages is NoneType"),
    "a dict": (USER, "messages is dict"),
    "a number as message": ([USER, 3], r"messages\[1\] is int"),
    "a string as message": ([USER, "Hi"], r"messages\[1\] is str"),
    "a long tuple": ([USER, ("user", "a", "b")], r"messages\[1\] is a tuple of 3"),
    "no role": ([USER, {"content": "Hi"}], r"messages\[1\] has the role None"),
    "an unknown role": ([USER, {"role": "bot", "content": "Hi"}], r"messages\[1\] has the role 'bot'"),
    "an unhashable role": ([{"role": ["user"], "content": "Hi"}], r"messages\[0\] has the role \['user'\]"),
    "no content": ([{"role": "user"}], r"content of messages\[0\] is NoneType"),
    "None as content": ([USER, {"role": "system", "content": None}], r"content of messages\[1\] is NoneType"),
    "a number as content": ([USER, {"role": "user", "content": 3}], r"content of messages\[1\] is int"),
    "a dict as content": ([{"role": "user", "content": {"type": "text"}}], r"content of messages\[0\] is dict"),
    "None as part": ([{"role": "user", "content": ["a", None]}], r"messages\[0\].content\[1\]"),
    "a part without a type": ([{"role": "user", "content": [{"text": "a"}]}], r"messages\[0\].content\[0\]"),
    "a part of text without text": ([{"role": "user", "content": [{"type": "text"}]}], r"messages\[0\].content\[0\]"),
    "an image without image": ([{"role": "user", "content": [{"type": "image_url"}]}], r"messages\[0\].content\[0\]"),
    "a number of calls": ([USER, {**CALLING, "tool_calls": 2}], r"tool_calls of messages\[1\] is int"),
    "a call without id": (
        [USER, {**CALLING, "tool_calls": [{**CALL, "id": ""}]}],
        r"messages\[1\].tool_calls\[0\] has no id",
    ),
    "a call without function": (
        [USER, {**CALLING, "tool_calls": [CALL, {"id": "b", "type": "function"}]}],
        r"messages\[1\].tool_calls\[1\] has no function name",
    ),
    "arguments as dict": (
        [USER, {**CALLING, "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {}}}]}],
        r"arguments of messages\[1\].tool_calls\[0\] are dict",
    ),
    "a result of no call": ([USER, RESULT], r"messages\[1\] is the result of tool call 'call_a'.*none"),
    "a result of another call": (
        [USER, CALLING, {**RESULT, "tool_call_id": "call_b"}],
        r"messages\[2\] is the result of tool call 'call_b'.*call_a",
    ),
}


@pytest.mark.parametrize(("messages", "place"), REFUSED.values(), ids=REFUSED)
def test_what_no_provider_takes_is_refused_with_its_place(messages, place):
    with pytest.raises(BadRequestError, match=place) as caught:
        normalize(messages)
    assert caught.value.status_code is None


SECRET = "my secret " * 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "user", "content": [{"type": "text", "txt": SECRET}]},
        {"role": "user", "content": [{"text": SECRET}]},
        {"role": "user", "content": {"text": SECRET}},
        SECRET,
    ],
    ids=["no text", "no type", "a dict", "a string"],
)
def test_a_refusal_does_not_repeat_what_was_said(wrong):
    with pytest.raises(BadRequestError) as caught:
        normalize([{"role": "user", "content": SECRET}, wrong])
    assert "secret" not in str(caught.value)


def test_the_callers_objects_are_never_changed_and_never_handed_on():
    conversation = [USER, {**CALLING, "content": [{"type": "text", "text": "a"}]}, RESULT]
    given_frozen = frozen(conversation)
    out = normalize(given_frozen)
    assert out == conversation
    for message in out:
        message["role"] = "changed"
    assert given_frozen == conversation


_PARTS = st.lists(st.one_of(st.text(), st.builds(lambda text: {"type": "text", "text": text}, st.text())))
_MESSAGES = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["system", "developer", "user", "assistant"]),
    st.one_of(st.text(), _PARTS),
)


@given(st.lists(_MESSAGES, min_size=1).filter(lambda messages: messages[0]["content"] != ""))
def test_normalizing_keeps_every_text_and_is_done_once(messages):
    before = copy.deepcopy(messages)
    out = normalize(messages)
    assert messages == before
    assert [text_of(message["content"]) for message in out] == [_text(message["content"]) for message in messages]
    assert normalize(out) == out


def _text(content):
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else part["text"] for part in content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [("", []), (None, []), ([], []), ("a", [{"type": "text", "text": "a"}])],
    ids=["empty", "none", "no parts", "text"],
)
def test_the_parts_of_any_content_are_a_list(content, expected):
    assert parts(content) == expected


def test_the_text_of_a_content_is_that_of_its_text_parts():
    assert (
        text_of([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": "u"}, {"type": "text", "text": "b"}])
        == "ab"
    )
