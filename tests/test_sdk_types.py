"""What we send is what the vendor's own SDK could have sent: its types accept every body that is rendered."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from support_conversations import CONVERSATIONS, REFUSED, TARGETS, accepts, any_conversation, needs, rendered

from unified_llm.errors import BadRequestError

every_target = pytest.mark.parametrize("target", TARGETS)


@every_target
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_vendors_types_accept_what_is_rendered(name, target):
    conversation = CONVERSATIONS[name]
    missing = needs(conversation) & REFUSED[target]
    if missing:
        with pytest.raises(BadRequestError) as refused:
            rendered(conversation, target)
        assert refused.value.status_code is None
    else:
        accepts(target, rendered(conversation, target).body)


@every_target
def test_the_vendors_types_accept_what_is_rendered_for_a_stream(target):
    accepts(target, rendered(CONVERSATIONS["several turns"], target, stream=True).body)


@every_target
@given(any_conversation())
@settings(max_examples=20, deadline=None)
def test_the_vendors_types_accept_any_conversation(target, conversation):
    if not needs(conversation) & REFUSED[target]:
        accepts(target, rendered(conversation, target).body)


def test_every_refusal_is_seen():
    """A need that no conversation has would hold nothing."""
    assert set().union(*REFUSED.values()) <= set().union(*map(needs, CONVERSATIONS.values()))


CONVERSATION = ("messages", "input", "contents", "prompt")


@every_target
def test_the_vendors_types_refuse_what_is_not_of_the_format_so_that_these_tests_can_fail(target):
    body = rendered(CONVERSATIONS["several turns"], target).body
    for broken in ({**body, "max_tokenz": 9}, {key: 7 if key in CONVERSATION else body[key] for key in body}):
        with pytest.raises(AssertionError):
            accepts(target, broken)
