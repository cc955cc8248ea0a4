r"""Anthropic Text Completions, the legacy `\n\nHuman:` / `\n\nAssistant:` prompts: `POST /v1/complete`.

https://docs.anthropic.com/en/api/complete, anthropic-version 2023-06-01, checked 2026-11-21. The models are retired at
Anthropic; the format lives on in gateways and on Bedrock.
"""

from __future__ import annotations

import re
from typing import Any, TypedDict

from unified_llm import json_codec
from unified_llm.adapters.anthropic_errors import explain, status_in
from unified_llm.adapters.anthropic_settings import render_sampling
from unified_llm.adapters.contract import Call, Request
from unified_llm.adapters.contract import Decoder as BaseDecoder
from unified_llm.adapters.media import only_text
from unified_llm.framing.sse import ServerSentEvents
from unified_llm.messages import text_of
from unified_llm.types import JSON, Chunk, FinishReason

FRAMING = ServerSentEvents
VERSION = "2023-06-01"
HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"
DEFAULT_MAX_TOKENS = 4096

FINISH: dict[str, FinishReason] = {"stop_sequence": "stop", "max_tokens": "length"}


class Quirks(TypedDict, total=False):
    """What a host of Text Completions may do differently."""


def render(call: Call) -> Request:
    """The request of a call."""
    params = call.params
    body: JSON = {
        "model": call.route.model,
        "prompt": _prompt(call),
        "max_tokens_to_sample": params.get("max_tokens", params.get("max_completion_tokens"))
        or call.route.max_output
        or DEFAULT_MAX_TOKENS,
    }
    render_sampling(call, body)
    if "user" in params:
        body["metadata"] = {"user_id": params["user"]}
    _refuse_the_rest(call)
    if call.stream:
        body["stream"] = True
    return Request("/v1/complete", body, {"anthropic-version": VERSION})


def _prompt(call: Call) -> str:
    """The prompt: system text, then turns, then the assistant's turn, begun with the prefill where there is one."""
    system: list[str] = []
    turns: list[tuple[str, str]] = []
    for index, message in enumerate(call.messages):
        speaker, text = _turn(call, message, index)
        if message["role"] in ("system", "developer") and not turns:
            system.append(text)
        elif turns and turns[-1][0] == speaker:
            turns[-1] = speaker, f"{turns[-1][1]}\n\n{text}"
        else:
            turns.append((speaker, text))
    if not turns or turns[0][0] == ASSISTANT:
        turns.insert(0, (HUMAN, ""))
    if turns[-1][0] == ASSISTANT:
        # the API refuses white space at the end of a prompt
        turns[-1] = ASSISTANT, turns[-1][1].rstrip()
    else:
        turns.append((ASSISTANT, ""))
    prompt = _harmless(call, "\n\n".join(system))
    for speaker, text in turns:
        prompt += f"{speaker} {_harmless(call, text)}" if text else speaker
    return prompt


def _turn(call: Call, message: JSON, index: int) -> tuple[str, str]:
    speaker = ASSISTANT if message["role"] == "assistant" else HUMAN
    return speaker, only_text(call, message, index, "Text Completions")


_TURN_MARK = re.compile(r"\n\s*\n(?=(Human|Assistant):)")


def _harmless(call: Call, text: str) -> str:
    """Text that cannot begin a turn: the empty line before a turn's name is closed."""
    closed = _TURN_MARK.sub("\n", text)
    if closed != text:
        call.warnings.append("an empty line before 'Human:' or 'Assistant:' was left out, so that it begins no turn")
    return closed


_ABSENT = (
    "seed frequency_penalty presence_penalty logit_bias logprobs top_logprobs verbosity prediction store metadata "
    "prompt_cache_key service_tier reasoning_effort thinking parallel_tool_calls safety_identifier"
).split()


def _refuse_the_rest(call: Call) -> None:
    params = call.params
    if params.get("tools"):
        raise call.refusal("Text Completions have no tools; claude-3 and later do")
    if (params.get("response_format") or {"type": "text"})["type"] != "text":
        raise call.refusal(
            "Text Completions have no response_format; structured_mode='prompt' checks the answer to a prompt that "
            "asks for the form, and a prefill such as '{' leads the model to JSON"
        )
    call.refuse_several_answers()
    if "web_search_options" in params:
        raise call.refusal("Text Completions have no web search")
    call.refuse_audio()
    call.leave_out_all(_ABSENT)


def _prefilled(call: Call) -> bool:
    last = call.messages[-1]
    return last["role"] == "assistant" and bool(text_of(last["content"]).strip())


def parse(call: Call, body: JSON) -> JSON:
    """The fields of the completion that a body holds."""
    if body.get("error"):
        raise call.error(status_in(body), body, explain)
    if not isinstance(body.get("completion"), str):
        raise call.invalid("the answer has no completion", json_codec.dumps(body).encode())
    text = body["completion"] if _prefilled(call) else body["completion"].removeprefix(" ")
    stop = body.get("stop_reason")
    return {
        "id": body.get("id") or body.get("log_id") or call.id,
        "object": "chat.completion",
        "created": call.created,
        "model": body.get("model") or call.route.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text or None},
                "finish_reason": _finish(stop),
                "native_finish_reason": stop,
            }
        ],
        "usage": None,
    }


def _finish(stop: str | None) -> FinishReason | None:
    return FINISH.get(stop, "stop") if stop else None


class Decoder(BaseDecoder):
    """A streamed completion."""

    def __init__(self, call: Call) -> None:
        super().__init__(call, FRAMING())
        self._stop: str | None = None
        self._at_start = not _prefilled(call)

    def _read(self, event: Any, chunks: list[Any]) -> None:
        if event.get("error"):
            raise self.call.error(status_in(event), event, explain)
        if event.get("type") != "completion":
            return
        self.head["id"] = event.get("id") or event.get("log_id") or self.head["id"]
        self.head["model"] = event.get("model") or self.head["model"]
        text = event["completion"]
        if self._at_start and text:
            text = text.removeprefix(" ")
            self._at_start = False
        if text:
            chunks.append(self._chunk([{"index": 0, "delta": {"content": text}, "finish_reason": None}]))
        if event.get("stop_reason"):
            self._stop = event["stop_reason"]
            self._end(chunks)

    def _end(self, chunks: list[Chunk], *, marked: bool = False) -> None:
        if self._stop is None and not (marked and (chunks or self._begun)):
            raise self.call.incomplete("the stream ended before the answer did")
        self.done = True
        choice = {
            "index": 0,
            "delta": {"content": None},
            "finish_reason": _finish(self._stop),
            "native_finish_reason": self._stop,
        }
        chunks.append(self._chunk([choice], usage=None))
