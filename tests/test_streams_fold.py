"""Laws of streams, for every wire format: where the network cuts does not matter, and the pieces are the whole."""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CREATED, call, cuts_of, decode, named_sse, parse, quirky, sse
from test_anthropic_messages_response import FOUND, REDACTED, SERVER, THINKING, WEB, events, message

from unified_llm.adapters import load
from unified_llm.chunks import fold, unfold
from unified_llm.errors import IncompleteStreamError
from unified_llm.testing.bedrock import Converse
from unified_llm.testing.cohere import CohereChat
from unified_llm.testing.gemini import GenerateContent
from unified_llm.testing.ollama import OllamaChat
from unified_llm.testing.responses import Responses
from unified_llm.testing.script import Answer, Turn

TEXT = st.text('ab \n\u2028é🙂"\\', max_size=12)
NAME = st.sampled_from(["f", "g_h"])
ARGUMENTS = st.dictionaries(st.sampled_from(["a", "b"]), st.one_of(TEXT, st.integers(), st.none()), max_size=2)
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


# --- one answer of each format, as the whole body and as the events of its stream ------------------------------------


@st.composite
def anthropic_messages(draw):
    blocks = st.one_of(
        st.builds(lambda text: {"type": "text", "text": text}, TEXT),
        st.builds(lambda text: {"type": "text", "text": text, "citations": [WEB]}, TEXT),
        st.builds(lambda name, input: {"type": "tool_use", "name": name, "input": input}, NAME, ARGUMENTS),
        st.sampled_from([THINKING, REDACTED, SERVER, FOUND]),
    )
    content = [
        {**block, "id": f"toolu_{at}"} if block["type"] == "tool_use" else block
        for at, block in enumerate(draw(st.lists(blocks, max_size=5)))
    ]
    whole = message(*content, stop=draw(st.sampled_from(["end_turn", "tool_use", "max_tokens", "refusal"])))
    return call("claude-sonnet-4-5"), whole, named_sse(*events(whole))


@st.composite
def anthropic_complete(draw):
    texts = draw(st.lists(TEXT, max_size=5))
    stop = draw(st.sampled_from(["stop_sequence", "max_tokens"]))
    prefill = draw(st.sampled_from([[], [("assistant", "{")]]))
    base = {"type": "completion", "id": "compl_1", "model": "claude-2.1"}
    pieces = [{**base, "completion": text, "stop_reason": None} for text in texts]
    end = {**base, "completion": "", "stop_reason": stop}
    return (
        call("claude-2.1", [("user", "Hi"), *prefill]),
        {**end, "completion": "".join(texts)},
        named_sse(*pieces, end),
    )


@st.composite
def openai_chat(draw):
    thought, text = draw(st.lists(TEXT, max_size=2)), draw(st.lists(TEXT, max_size=4))
    calls = draw(st.lists(st.tuples(NAME, ARGUMENTS), max_size=3))
    finish = draw(st.sampled_from(["stop", "length", "tool_calls"]))
    base = {"id": "x", "created": CREATED, "model": "m"}
    tools = [
        {"id": f"call_{at}", "type": "function", "function": {"name": n, "arguments": compact(a)}}
        for at, (n, a) in enumerate(calls)
    ]
    answer = {"role": "assistant", "content": "".join(text), "reasoning_content": "".join(thought), "tool_calls": tools}
    whole = {**base, "choices": [{"index": 0, "message": answer, "finish_reason": finish}], "usage": USAGE}
    deltas = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in thought] + [{"content": piece} for piece in text]
    for at, one in enumerate(tools):
        arguments = one["function"]["arguments"]
        deltas.append({"tool_calls": [{**one, "index": at, "function": {**one["function"], "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}
            for piece in (arguments[:3], arguments[3:])
        ]
    stream = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    end = {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    return quirky({}), whole, sse(*stream, end, {**base, "choices": [], "usage": USAGE}, "[DONE]")


@st.composite
def openai_completions(draw):
    texts, finish = draw(st.lists(TEXT, max_size=4)), draw(st.sampled_from(["stop", "length"]))
    base = {"id": "x", "object": "text_completion", "created": CREATED, "model": "m"}

    def choice(texts, finish):
        likely = [{text: -0.5, "other": -1.5} for text in texts]
        tokens = {"tokens": texts, "token_logprobs": [-0.5] * len(texts), "top_logprobs": likely}
        return {"index": 0, "text": "".join(texts), "logprobs": tokens if wanted else None, "finish_reason": finish}

    wanted = draw(st.booleans())
    pieces = [{**base, "choices": [choice([text], None)], "usage": None} for text in texts]
    end = [{**base, "choices": [choice([], finish)]}, {**base, "choices": [], "usage": USAGE}, "[DONE]"]
    whole = {**base, "choices": [choice(texts, finish)], "usage": USAGE}
    return call("babbage-002", logprobs=wanted, top_logprobs=1), whole, sse(*pieces, *end)


SCRIPTED = {
    "openai_responses": (Responses(), "openai/gpt-4.1", "/v1/responses"),
    "gemini": (GenerateContent(), "gemini/gemini-2.5-flash", "/v1beta/models/m:streamGenerateContent"),
    "bedrock_converse": (Converse(), "bedrock/amazon.nova-pro-v1:0", "/model/m/converse-stream"),
    "cohere_chat": (CohereChat(), "cohere/command-a-03-2025", "/v2/chat"),
    "ollama_chat": (OllamaChat(), "ollama/qwen3", "/api/chat"),
}


@st.composite
def scripted(draw, name):
    """An answer of the loopback provider, which writes these formats by itself."""
    format, model, path = SCRIPTED[name]
    answer = Answer(
        text=draw(TEXT),
        reasoning=draw(TEXT),
        tool_calls=draw(st.lists(st.tuples(NAME, ARGUMENTS), max_size=3)),
        finish_reason=draw(st.sampled_from(["stop", "length"])),
        usage=(5, 7),
        chunk_size=draw(st.integers(1, 5)),
    )
    turn = Turn(answer, {"model": "m"}, 1, path)
    return call(model, adapter=name), format.body(turn), b"".join(format.events(turn))


OF_EVENTS = {
    "anthropic_messages": anthropic_messages,
    "anthropic_complete": anthropic_complete,
    "openai_chat": openai_chat,
    "openai_completions": openai_completions,
    **{name: partial(scripted, name) for name in ("openai_responses", "gemini", "cohere_chat")},
}
FORMATS = {**OF_EVENTS, **{name: partial(scripted, name) for name in ("bedrock_converse", "ollama_chat")}}
every_format = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)


# --- the laws -------------------------------------------------------------------------------------------------------


@every_format
@given(st.data())
def test_any_cut_of_a_stream_gives_the_same_chunks(format, data):
    made, _, body = data.draw(format())
    assert decode(made, body, data.draw(cuts_of(len(body)))) == decode(made, body)


@pytest.mark.parametrize("format", OF_EVENTS.values(), ids=OF_EVENTS)
@given(st.data(), st.sampled_from([b"\r", b"\r\n"]))
def test_any_line_end_gives_the_same_chunks(format, data, end):
    made, _, body = data.draw(format())
    other = b": comment" + end + end + body.replace(b"data: ", b"data:").replace(b"\n", end)
    assert decode(made, other, data.draw(cuts_of(len(other)))) == decode(made, body)


@every_format
@given(st.data())
def test_the_chunks_of_a_stream_fold_to_what_the_whole_answer_gives(format, data):
    made, whole, body = data.draw(format())
    assert fold(decode(made, body)) == parse(made, whole)


@every_format
@given(st.data())
def test_every_chunk_is_of_the_normal_form(format, data):
    made, _, body = data.draw(format())
    chunks = decode(made, body)
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert all(chunk["choices"] for chunk in chunks)
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert all("content" in delta for delta in deltas)
    assert [delta.get("role") for delta in deltas] == ["assistant"] + [None] * (len(deltas) - 1)
    finishes = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert finishes[:-1] == [None] * (len(finishes) - 1)
    assert finishes[-1] is not None
    assert ["usage" in chunk for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert json.loads(json.dumps(chunks)) == chunks


@every_format
@given(st.data())
def test_tool_calls_are_counted_from_0_and_named_in_their_first_piece_alone(format, data):
    made, _, body = data.draw(format())
    pieces = [piece for chunk in decode(made, body) for piece in chunk["choices"][0]["delta"].get("tool_calls", [])]
    seen = []
    for piece in pieces:
        is_first = piece["index"] not in seen
        assert is_first == ("id" in piece) == ("name" in piece["function"])
        if is_first:
            assert piece["index"] == len(seen)
            seen.append(piece["index"])


@every_format
@given(st.data())
def test_the_chunks_of_any_prefix_are_the_first_of_the_whole_stream(format, data):
    """A stream cut anywhere has given what it would have given, and nothing else."""
    made, _, body = data.draw(format())
    at = data.draw(st.integers(0, len(body)))
    begun = load(made.route.adapter).Decoder(made).feed(body[:at])
    assert begun == decode(made, body)[: len(begun)]


@every_format
@given(st.data())
def test_a_stream_that_ends_anywhere_is_incomplete_or_has_the_whole_answer(format, data):
    made, _, body = data.draw(format())
    try:
        got = fold(decode(made, body[: data.draw(st.integers(0, len(body)))]))
    except IncompleteStreamError:
        return
    assert got["choices"] == fold(decode(made, body))["choices"]


@every_format
@given(st.data())
def test_a_whole_answer_unfolds_to_a_chunk_that_folds_to_it(format, data):
    made, whole, _ = data.draw(format())
    completion = parse(made, whole)
    before = json.dumps(completion)
    (chunk,) = unfold(completion)
    assert chunk["object"] == "chat.completion.chunk"
    assert fold([chunk]) == completion
    assert json.dumps(completion) == before


def test_several_answers_unfold_and_fold():
    choices = [
        {
            "index": at,
            "message": {"role": "assistant", "content": t},
            "finish_reason": "stop",
            "native_finish_reason": "stop",
        }
        for at, t in enumerate("ab")
    ]
    whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": USAGE}
    assert fold(unfold(whole)) == whole


def test_no_chunk_folds_to_nothing():
    assert fold([]) == {}


@every_format
@given(st.data())
def test_folding_never_changes_the_chunks(format, data):
    made, _, body = data.draw(format())
    chunks = decode(made, body)
    before = json.dumps(chunks)
    assert fold(chunks) == fold(chunks)
    assert json.dumps(chunks) == before


@every_format
@given(st.data())
def test_folding_what_has_come_so_far_only_ever_adds_text(format, data):
    made, _, body = data.draw(format())
    chunks = decode(made, body)
    texts = [fold(chunks[:count])["choices"][0]["message"]["content"] or "" for count in range(1, len(chunks) + 1)]
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(texts))
