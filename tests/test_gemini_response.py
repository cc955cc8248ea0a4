"""Answers of Gemini, whole and streamed: each table row is one answer, read both ways, and sent back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CREATED, ID, call, cuts_of, decode, folded, parse, render, sse

from unified_llm.adapters.gemini import explain
from unified_llm.chunks import fold, unfold
from unified_llm.errors import (
    APIResponseValidationError,
    APIStatusError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    OverloadedError,
    RateLimitError,
    class_for,
)

MODEL, NEW = "gemini/gemini-2.5-flash", "gemini/gemini-3.6-flash"
COUNTS = {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12}
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
THOUGHT = {"text": "Hm.", "thought": True}
SIGNED = {"text": "!", "thoughtSignature": "EpA="}
MARK = {"text": "", "thoughtSignature": "EpB="}
CALL = {"functionCall": {"id": "fc_1", "name": "weather", "args": {"city": "Rome"}}}
SIGNED_CALL = {**CALL, "thoughtSignature": "CiM="}
NAMELESS = {"functionCall": {"name": "now"}}
CODE = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
OUTCOME = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}
SEARCHED = {"toolCall": {"id": "s1", "toolType": "GOOGLE_SEARCH_WEB", "args": {}}, "thoughtSignature": "EpS="}
IMAGE = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}, "thoughtSignature": "EpI="}


def text(words):
    return {"text": words}


def answer(*parts, finish="STOP", usage=COUNTS, **fields):
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0, **fields}
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": "gemini-served",
        "responseId": "R1",
        "createTime": "2026-11-20T10:00:00.5Z",
    }


def frames(whole):
    """The events by which Gemini would stream an answer: a part or half a text in each, the rest in the last."""
    (candidate,) = whole["candidates"]
    head = {key: value for key, value in whole.items() if key not in ("candidates", "promptFeedback")}
    out = []
    for part in candidate["content"]["parts"]:
        half = len(part.get("text", "")) // 2
        split = half and part.keys() <= {"text", "thought"}
        for piece in (
            ({**part, "text": part["text"][:half]}, {**part, "text": part["text"][half:]}) if split else (part,)
        ):
            out.append({**head, "candidates": [{"content": {"role": "model", "parts": [piece]}, "index": 0}]})
    rest = {key: value for key, value in candidate.items() if key != "content"}
    return [*out, {**head, "candidates": [{"content": {"role": "model"}, **rest}]}]


def answer_of(whole, **params):
    """The first choice, the same whole and streamed, as events and as an array."""
    plain = parse(call(MODEL), whole)
    streamed = call(MODEL, stream=True)
    assert folded(streamed, sse(*frames(whole))) == plain
    assert folded(streamed, json.dumps(frames(whole), indent=2).encode()) == plain
    return plain["choices"][0]


def tool_call(id, name, arguments):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


ROME, NOW = tool_call("fc_1", "weather", '{"city":"Rome"}'), tool_call("call_0123456789ab_0", "now", "{}")
ANSWERS = {
    "text": ([text("Hi!")], {"content": "Hi!"}),
    "two texts": ([text("Hi"), text(" there")], {"content": "Hi there"}),
    "nothing": ([], {"content": None}),
    "an empty part": ([text("a"), {}, text("b")], {"content": "ab"}),
    "thoughts": ([THOUGHT, text("4")], {"content": "4", "reasoning_content": "Hm."}),
    "a signed text": ([text("4"), SIGNED], {"content": "4!"}),
    "a signature alone": ([text("4"), MARK], {"content": "4"}),
    "thoughts between texts": ([text("A"), THOUGHT, text("B")], {"content": "AB", "reasoning_content": "Hm."}),
    "code": ([CODE, OUTCOME, text("1.")], {"content": "1."}),
    "a server tool": ([SEARCHED, text("Found.")], {"content": "Found."}),
    "an image": ([text("Look:"), IMAGE], {"content": "Look:"}),
    "a call": ([CALL], {"content": None, "tool_calls": [ROME]}),
    "a signed call": ([SIGNED_CALL], {"content": None, "tool_calls": [ROME]}),
    "a call without id and arguments": ([NAMELESS], {"content": None, "tool_calls": [NOW]}),
    "text after a call": ([CALL, text("Wait.")], {"content": "Wait.", "tool_calls": [ROME]}),
    "calls that share an id": (
        [CALL, CALL],
        {"content": None, "tool_calls": [ROME, {**ROME, "id": "call_0123456789ab_1"}]},
    ),
}
PLAIN = ("text", "two texts", "nothing", "an empty part", "a call")


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_reads_the_same_whole_and_streamed(name):
    parts, expected = ANSWERS[name]
    choice = answer_of(answer(*parts))
    message = choice["message"]
    assert {key: message[key] for key in message if key != "provider_fields"} == {"role": "assistant", **expected}
    assert ("provider_fields" in message) == (name not in PLAIN)
    assert choice["finish_reason"] == ("tool_calls" if "tool_calls" in expected else "stop")


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "nothing"])
def test_an_answer_that_is_sent_back_loses_nothing(name):
    parts, _ = ANSWERS[name]
    message = json.loads(json.dumps(answer_of(answer(*parts))["message"]))
    results = [{"role": "tool", "tool_call_id": c["id"], "content": "x"} for c in message.get("tool_calls", ())]
    sent = render(call(MODEL, [("user", "Hi"), message, *results, ("user", "Go on")])).body["contents"]
    joined = [text("Hi there")] if name == "two texts" else [text("ab")] if name == "an empty part" else parts
    assert sent[1] == {"role": "model", "parts": joined}
    if results:
        echoed = [part["functionResponse"] for part in sent[2]["parts"]]
        assert [r.get("id") for r in echoed] == [p["functionCall"].get("id") for p in parts if "functionCall" in p]


def test_an_answer_of_another_format_or_one_that_was_changed_goes_back_without_signatures():
    message = answer_of(answer(THOUGHT, text("4"), SIGNED))["message"]
    changed = {**message, "content": "5"}
    foreign = {**message, "provider_fields": {**message["provider_fields"], "adapter": "anthropic_messages"}}
    for echoed, words in ((changed, "5"), (foreign, "4!")):
        sent = render(call(NEW, [("user", "Hi"), echoed, ("user", "Go on")])).body["contents"]
        assert sent[1] == {"role": "model", "parts": [text(words)]}


def test_signatures_go_to_other_formats_as_nothing():
    message = answer_of(answer(THOUGHT, text("4"), SIGNED_CALL))["message"]
    result = {"role": "tool", "tool_call_id": "fc_1", "content": "x"}
    for model in ("claude-sonnet-4-5", "gpt-4.1"):
        assert "CiM=" not in str(render(call(model, [("user", "Hi"), message, result])).body)


def test_the_provider_says_id_model_and_time():
    got = parse(call(MODEL), answer(text("a")))
    assert (got["id"], got["model"], got["created"]) == ("R1", "gemini-served", 1795168800)
    bare = parse(call(MODEL), {"candidates": [{"content": {"parts": [text("a")]}}], "createTime": "soon"})
    assert (bare["id"], bare["model"], bare["created"]) == (ID, "gemini-2.5-flash", CREATED)


@pytest.mark.parametrize(
    ("native", "finish", "word"),
    [
        ("STOP", "stop", "STOP"),
        ("MAX_TOKENS", "length", "MAX_TOKENS"),
        ("CONTINUATION", "length", "CONTINUATION"),
        *(
            (word, "content_filter", word)
            for word in ("SAFETY", "RECITATION", "MODEL_ARMOR", "IMAGE_SAFETY", "NO_IMAGE")
        ),
        ("MALFORMED_FUNCTION_CALL", "stop", "MALFORMED_FUNCTION_CALL"),
        (1, "stop", "STOP"),
        (2, "length", "MAX_TOKENS"),
    ],
)
def test_a_finish_reason_is_one_of_openais_and_keeps_its_word(native, finish, word):
    choice = answer_of(answer(text("a"), finish=native))
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, word)


def test_calls_that_were_cut_off_are_no_natural_stop():
    assert answer_of(answer(CALL, finish="MAX_TOKENS"))["finish_reason"] == "length"


def test_what_a_candidate_has_besides_is_kept():
    message = answer_of(answer(text("a"), avgLogprobs=-0.1, finishMessage="Done."))["message"]
    assert message["provider_fields"] == {"adapter": "gemini", "avgLogprobs": -0.1, "finishMessage": "Done."}


BLOCKED = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "No."}, "usageMetadata": {"x": 1}}


def test_a_blocked_prompt_is_a_filtered_answer():
    got = parse(call(MODEL), BLOCKED)
    assert got["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": None},
            "finish_reason": "content_filter",
            "native_finish_reason": "SAFETY",
        }
    ]
    assert got["provider_fields"] == {"promptFeedback": BLOCKED["promptFeedback"]}
    assert got["usage"] is None
    assert folded(call(MODEL), sse(BLOCKED)) == got


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (COUNTS, USAGE),
        (
            {"promptTokenCount": 9, "thoughtsTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 17},
            {**USAGE, "completion_tokens": 8, "total_tokens": 17, "completion_tokens_details": {"reasoning_tokens": 5}},
        ),
        (
            {**COUNTS, "toolUsePromptTokenCount": 4, "totalTokenCount": 16, "cachedContentTokenCount": 2},
            {**USAGE, "prompt_tokens": 13, "total_tokens": 16, "prompt_tokens_details": {"cached_tokens": 2}},
        ),
        (
            {
                **COUNTS,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2}, {"modality": "AUDIO", "tokenCount": 7}],
            },
            {**USAGE, "prompt_tokens_details": {"audio_tokens": 7}},
        ),
        ({"promptTokenCount": 9}, {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}),
        ({"trafficType": "ON_DEMAND"}, None),
    ],
    ids=["plain", "thoughts", "tools and cache", "audio", "prompt alone", "none"],
)
def test_usage_is_counted_as_openai_counts(counts, expected):
    assert parse(call(MODEL), answer(text("a"), usage=counts))["usage"] == expected
    assert folded(call(MODEL), sse(*frames(answer(text("a"), usage=counts))))["usage"] == expected


def test_the_last_counts_of_a_stream_are_its_usage():
    first, last = frames(answer(text("a")))[0], frames(answer(text("a")))[-1]
    first = {**first, "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}}
    assert folded(call(MODEL), sse(first, last))["usage"] == USAGE


def test_the_tier_is_told_in_openais_words():
    got = parse(call(MODEL), answer(text("a"), usage={**COUNTS, "serviceTier": "standard", "trafficType": "T"}))
    assert got["service_tier"] == "default"
    assert got["provider_fields"] == {"trafficType": "T"}


def test_several_candidates_are_several_choices():
    both = [{"content": {"parts": [text(t)]}, "finishReason": "STOP", "index": at} for at, t in enumerate("ab")]
    whole = {"candidates": both, "usageMetadata": COUNTS}
    got = parse(call(MODEL), whole)
    assert [choice["message"]["content"] for choice in got["choices"]] == ["a", "b"]
    assert folded(call(MODEL), sse({"candidates": both[1:]}, {"candidates": both[:1], "usageMetadata": COUNTS})) == got


def test_logprobs_have_openais_shape():
    token = {"token": "é", "tokenId": 7, "logProbability": -0.5}
    native = {"chosenCandidates": [token], "topCandidates": [{"candidates": [token]}]}
    one = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
    expected = {"content": [{**one, "top_logprobs": [one]}], "refusal": None}
    assert answer_of(answer(text("é"), logprobsResult=native))["logprobs"] == expected


# --- citations ------------------------------------------------------------------------------------------------------

WEB = {"web": {"uri": "https://a.example", "title": "A"}}


def grounded(*supports):
    return {"groundingChunks": [WEB, {"retrievedContext": {"text": "t"}}], "groundingSupports": list(supports)}


def support(words, *chunks, **segment):
    return {"segment": {"text": words, **segment}, "groundingChunkIndices": list(chunks)}


SUPPORTS = {
    "bytes are counted as characters": (["Čaj é. Tea."], support("Tea.", 0, startIndex=9, endIndex=13), (7, 11)),
    "from the beginning": (["Tea."], support("Tea.", 0, endIndex=4), (0, 4)),
    "the text decides where offsets are wrong": (["So: Tea."], support("Tea.", 0, startIndex=1, endIndex=5), (4, 8)),
    "offsets alone": (
        ["So: Tea."],
        {"segment": {"startIndex": 4, "endIndex": 8}, "groundingChunkIndices": [0]},
        (4, 8),
    ),
    "no web source": (["Tea."], support("Tea.", 1, endIndex=4), None),
    "a source that is not there": (["Tea."], support("Tea.", 7, endIndex=4), None),
    "words that are not there": (["Tea."], support("Milk.", 0, endIndex=4), None),
}


@pytest.mark.parametrize(("words", "given", "place"), SUPPORTS.values(), ids=SUPPORTS)
def test_web_citations_are_annotations_with_offsets_into_the_text(words, given, place):
    message = answer_of(answer(*map(text, words), groundingMetadata=grounded(given)))["message"]
    citation = place and {"url": WEB["web"]["uri"], "title": "A", "start_index": place[0], "end_index": place[1]}
    assert message.get("annotations") == (place and [{"type": "url_citation", "url_citation": citation}])
    assert message["provider_fields"]["groundingMetadata"]["groundingSupports"] == [given]


def test_a_citation_of_a_later_part_counts_from_that_part():
    given = support("a", 0, startIndex=0, endIndex=1, partIndex=1)
    message = answer_of(answer({"text": "a", "thoughtSignature": "x"}, text("ba"), groundingMetadata=grounded(given)))
    place = message["message"]["annotations"][0]["url_citation"]
    assert (place["start_index"], place["end_index"]) == (0, 1)  # the words do not stand at byte 0 of part 1


# --- streamed arguments ---------------------------------------------------------------------------------------------


def piece(finish=None, **function):
    candidate = {"content": {"role": "model", "parts": [{"functionCall": function}]}, "index": 0}
    return {"candidates": [{**candidate, **({"finishReason": finish} if finish else {})}], "usageMetadata": COUNTS}


def value(path, going=False, **given):
    return {"jsonPath": path, **given, **({"willContinue": True} if going else {})}


def test_arguments_that_come_value_by_value_are_one_call():
    begun = piece(name="book", willContinue=True)
    begun["candidates"][0]["content"]["parts"][0]["thoughtSignature"] = "CiM="
    events = [
        begun,
        piece(partialArgs=[value("$.city", True, stringValue="Bos")], willContinue=True),
        piece(partialArgs=[value("$.city", stringValue="ton"), value("$.days[1].n", numberValue=2)], willContinue=True),
        piece(partialArgs=[value("$['a b']", boolValue=True), value("$.none", nullValue=None)], willContinue=True),
        piece("STOP"),
    ]
    (choice,) = folded(call(MODEL), sse(*events))["choices"]
    (made,) = choice["message"]["tool_calls"]
    expected = {"city": "Boston", "days": [None, {"n": 2}], "a b": True, "none": None}
    assert json.loads(made["function"]["arguments"]) == expected
    assert choice["message"]["provider_fields"]["parts"] == [
        {"functionCall": {"args": expected, "name": "book"}, "thoughtSignature": "CiM="}
    ]


def test_a_call_that_is_not_closed_ends_with_the_answer():
    events = [piece(name="now", willContinue=True), {"candidates": [{"finishReason": "STOP"}]}]
    (choice,) = folded(call(MODEL), sse(*events))["choices"]
    assert [c["function"] for c in choice["message"]["tool_calls"]] == [{"name": "now", "arguments": "{}"}]
    assert choice["finish_reason"] == "tool_calls"


# --- errors ---------------------------------------------------------------------------------------------------------

OVERLOAD = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
QUOTA = {"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED"}}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": "broken"}, APIStatusError),
        (OVERLOAD, OverloadedError),
        (QUOTA, RateLimitError),
        ({"error": {"message": "x", "status": "INTERNAL"}}, InternalServerError),
    ],
)
def test_an_error_inside_a_200_is_what_it_says(body, kind):
    with pytest.raises(kind) as caught:
        parse(call(MODEL), body)
    assert caught.value.status_code in (503, 429, 500, 200)
    for stream in (sse(body), json.dumps(body).encode(), json.dumps([body], indent=2).encode()):
        with pytest.raises(kind):
            decode(call(MODEL), stream)


def test_an_error_in_the_middle_comes_after_what_was_said():
    decoder_call = call(MODEL)
    with pytest.raises(OverloadedError):
        decode(decoder_call, sse(frames(answer(text("Hi")))[0], OVERLOAD))


def detailed(status, **detail):
    return {"error": {"code": status, "message": "m", "status": "S", "details": [detail]}}


PER_DAY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (429, QUOTA, ("RESOURCE_EXHAUSTED", "Quota.")),
        (429, [QUOTA], ("RESOURCE_EXHAUSTED", "Quota.")),
        (400, detailed(400, reason="API_KEY_INVALID"), ("API_KEY_INVALID", "m")),
        (429, detailed(429, **PER_DAY), ("insufficient_quota", "m")),
        (503, OVERLOAD, ("overloaded", "The model is overloaded.")),
        (502, "<html>", (None, "<html>")),
        (500, {"message": "gateway"}, (None, "gateway")),
        (500, {}, (None, "no error message")),
        (500, {"error": "plain"}, (None, "plain")),
    ],
)
def test_an_error_body_is_explained(status, body, expected):
    assert explain(status, body) == expected


def test_too_long_a_prompt_has_its_own_class():
    message = "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."
    code, _ = explain(400, {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}})
    assert class_for(400, code) is ContextWindowExceededError


@pytest.mark.parametrize("body", [{}, {"candidates": []}, {"candidates": None, "promptFeedback": {}}])
def test_an_answer_without_candidates_is_refused(body):
    with pytest.raises(APIResponseValidationError):
        parse(call(MODEL), body)


@pytest.mark.parametrize(
    "body",
    [b"", sse(*frames(answer(text("Hi")))[:-1]), b'[{"candidates": [{"content": {"parts": [{"text": "Hi'],
    ids=["empty", "no finish reason", "half an object"],
)
def test_a_stream_that_breaks_off_is_incomplete(body):
    with pytest.raises(IncompleteStreamError):
        decode(call(MODEL), body)


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", sse("no JSON"), sse({"candidates": [7]})])
def test_a_stream_of_another_kind_is_refused_with_its_first_bytes(body):
    with pytest.raises(APIResponseValidationError):
        decode(call(MODEL), body)


# --- laws -----------------------------------------------------------------------------------------------------------

WORDS = st.text('ab \n\u2028é🙂"\\{}[]', max_size=10)
PART = st.one_of(
    st.builds(text, WORDS),
    st.builds(lambda words: {"text": words, "thought": True}, WORDS),
    st.sampled_from([SIGNED, MARK, CALL, SIGNED_CALL, NAMELESS, CODE, OUTCOME, IMAGE, SEARCHED]),
)


@st.composite
def answers(draw):
    whole = answer(*draw(st.lists(PART, max_size=6)), finish=draw(st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY"])))
    as_array = draw(st.booleans())
    return whole, json.dumps(frames(whole), indent=1).encode() if as_array else sse(*frames(whole))


@given(answers(), st.data())
def test_any_cut_of_a_stream_gives_the_same_chunks(made, data):
    _, body = made
    assert decode(call(MODEL), body, data.draw(cuts_of(len(body)))) == decode(call(MODEL), body)


@given(answers())
def test_the_chunks_of_a_stream_fold_to_the_whole_answer(made):
    whole, body = made
    got = parse(call(MODEL), whole)
    assert fold(decode(call(MODEL), body)) == got
    assert fold(unfold(got)) == got


@given(answers())
def test_every_chunk_is_of_the_normal_form(made):
    chunks = decode(call(MODEL), made[1])
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert all("content" in delta for delta in deltas)
    assert [delta.get("role") for delta in deltas] == ["assistant"] + [None] * (len(deltas) - 1)
    assert [chunk["choices"][0]["finish_reason"] is None for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    assert ["usage" in chunk for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert {chunk["id"] for chunk in chunks} == {"R1"}


@given(answers())
def test_every_answer_can_be_sent_back(made):
    message = parse(call(MODEL), made[0])["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": c["id"], "content": "x"} for c in message.get("tool_calls", ())]
    messages = [("user", "Hi"), message, *results, ("user", "Go on")]
    sent = [part for content in render(call(NEW, messages)).body["contents"] for part in content["parts"]]
    assert [p["thoughtSignature"] for p in sent if p.get("thoughtSignature", "").endswith("=")] == [
        part["thoughtSignature"] for part in made[0]["candidates"][0]["content"]["parts"] if "thoughtSignature" in part
    ]
