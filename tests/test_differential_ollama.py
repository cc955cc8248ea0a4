"""Ollama's SDK and this library read the same in the same bytes of its native chat."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from support_sdks import MESSAGES, Format, Reading, Usage, compared, finished


@contextmanager
def ollama_client(url):
    ollama = pytest.importorskip("ollama", reason="needs ollama")
    with ollama.Client(host=url) as client:
        yield client


def read(client, stream):
    told = client.chat(model="qwen3:8b", messages=MESSAGES, stream=stream)
    answers = list(told) if stream else [told]
    messages, last = [answer.message for answer in answers], answers[-1]
    calls = tuple(
        (None, call.function.name, call.function.arguments) for one in messages for call in one.tool_calls or ()
    )
    counted = last.prompt_eval_count is not None or last.eval_count is not None
    return Reading(
        "".join(one.content or "" for one in messages),
        finished(last.done_reason, {"stop": "stop", "length": "length", "load": "stop"}, calls),
        Usage(last.prompt_eval_count or 0, last.eval_count or 0) if counted else None,
        calls,
        "".join(one.thinking or "" for one in messages),
    )


OLLAMA = Format("ollama/qwen3:8b", ollama_client, read, media_type="application/x-ndjson")


@pytest.fixture(scope="module")
def compare():
    with compared(OLLAMA) as compare:
        yield compare


# --- answers -------------------------------------------------------------------------------------------------------

BASE = {"model": "qwen3:8b", "created_at": "2026-11-20T10:00:00.123456789Z"}
COUNTS = {"prompt_eval_count": 11, "eval_count": 18}
COUNTED = Usage(11, 18)
TIMES = {"total_duration": 174560334, "load_duration": 101397084, "eval_duration": 52479709}


def piece(**message):
    return {**BASE, "message": {"role": "assistant", "content": "", **message}, "done": False}


def whole(reason="stop", counts=COUNTS, **message):
    return {**piece(**message), "done": True, "done_reason": reason, **TIMES, **counts}


def lines(*pieces, **last):
    return b"".join(
        json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in [*(piece(**p) for p in pieces), whole(**last)]
    )


def call(name, arguments, **fields):
    return {"function": {"name": name, "arguments": arguments, **fields}}


ROME, NOW = call("look", {"city": "Röm", "at": [41.9, None]}), call("now", {})
LOOKED = ((None, "look", {"city": "Röm", "at": [41.9, None]}), (None, "now", {}))

ANSWERS = {
    "text": (
        whole(content="Grüße, 😀!"),
        lines({"content": "Grü"}, {"content": "ße, "}, {"content": "😀!"}),
        Reading("Grüße, 😀!", "stop", COUNTED),
    ),
    "nothing": (whole(), lines(), Reading("", "stop", COUNTED)),
    "thinking": (
        whole(thinking="2 and 2", content="4"),
        lines({"thinking": "2 and"}, {"thinking": " 2"}, {"content": "4"}),
        Reading("4", "stop", COUNTED, reasoning="2 and 2"),
    ),
    "two calls": (
        whole(tool_calls=[ROME, NOW]),
        lines({"tool_calls": [ROME, NOW]}),
        Reading("", "tool_calls", COUNTED, LOOKED),
    ),
    "two calls, one after the other": (
        whole(content="I look.", thinking="Hm.", tool_calls=[ROME, NOW]),
        lines({"thinking": "Hm."}, {"content": "I look."}, {"tool_calls": [ROME]}, {"tool_calls": [NOW]}),
        Reading("I look.", "tool_calls", COUNTED, LOOKED, "Hm."),
    ),
    "cut short": (
        whole("length", content="Once"),
        lines({"content": "Once"}, reason="length"),
        Reading("Once", "length", COUNTED),
    ),
    "text in the last line": (whole(content="Hi"), lines(content="Hi"), Reading("Hi", "stop", COUNTED)),
    "a cached prompt, which is not counted": (
        whole(content="Hi", counts={"eval_count": 18}),
        lines({"content": "Hi"}, counts={"eval_count": 18}),
        Reading("Hi", "stop", Usage(0, 18)),
    ),
    "a model that was only loaded": (
        whole("load", counts={}),
        lines(reason="load", counts={}),
        Reading("", "stop", None),
    ),
}


@pytest.mark.parametrize(("body", "events", "said"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_ollamas_sdk_reads_the_same(compare, body, events, said, stream):
    assert compare(events if stream else body, stream) == (said, said)


def test_ollamas_sdk_knows_no_ids_which_newer_servers_give(compare):
    given = [{**call("now", {}, index=at), "id": id} for at, id in enumerate(["call_x1", "call_x2"])]
    mine, theirs = compare(whole(tool_calls=given))
    assert mine == theirs == Reading("", "tool_calls", COUNTED, ((None, "now", {}), (None, "now", {})))


def test_ollamas_sdk_breaks_off_at_a_line_separator_within_a_text(compare):
    """It splits at whatever Python takes for the end of a line; in NDJSON that is the line feed alone."""
    with pytest.raises(ValueError, match="Unterminated string"):
        compare.theirs(lines({"content": "a\u2028b"}), True)
    assert compare.ours(lines({"content": "a\u2028b"}), True).text == "a\u2028b"
