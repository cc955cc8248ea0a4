"""Gemini generateContent: `POST {base}/models/{model}:generateContent`, at AI Studio and at Vertex AI.

https://ai.google.dev/api/generate-content, v1beta, checked 2026-11-21. The base address has the version, and at Vertex
project, location and publisher: https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}
/publishers/google. A stream is server-sent events, or one JSON array where a proxy drops `alt=sse`.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any, TypedDict

from unified_llm import json_codec
from unified_llm.adapters.contract import Call, Request
from unified_llm.adapters.contract import Decoder as BaseDecoder
from unified_llm.adapters.gemini_answer import Answer
from unified_llm.adapters.gemini_contents import conversation
from unified_llm.adapters.gemini_errors import error_in, status_in
from unified_llm.adapters.gemini_errors import explain as explain
from unified_llm.adapters.gemini_settings import generation_config, render_rest, render_tools
from unified_llm.framing.json_array import EventsOrArray
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON, Chunk

FRAMING = EventsOrArray


class Quirks(TypedDict, total=False):
    """What a host of generateContent may do differently."""

    media_urls: bool
    """Whether public http(s) addresses of media are fetched; else only uploaded files and data. Default: True. https://ai.google.dev/gemini-api/docs/file-input-methods"""
    publisher: str
    """Whose models those without a publisher of their own are, where addresses say so. Default: none. https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference"""


# --- request -------------------------------------------------------------------------------------------------------


def render(call: Call) -> Request:
    """The request of a call."""
    system, contents = conversation(call)
    body: JSON = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": system}
    render_tools(call, body)
    if config := generation_config(call):
        body["generationConfig"] = config
    render_rest(call, body)
    return Request(_path(call), body, {"accept": "text/event-stream"} if call.stream else {})


def _path(call: Call) -> str:
    name = call.route.model
    if any(sign in name for sign in "?#% \\") or ".." in name:
        raise call.refusal(f"{name!r} is no name of a model: it has signs that mean something in an address")
    publisher = call.route.quirks.get("publisher")
    if not name.startswith(("models/", "tunedModels/", "endpoints/", "publishers/")):
        name = f"publishers/{publisher}/models/{name}" if publisher else f"models/{name}"
    return f"/{name}:{'streamGenerateContent?alt=sse' if call.stream else 'generateContent'}"


# --- response ------------------------------------------------------------------------------------------------------

_TOP_KEYS = {"candidates", "usageMetadata", "modelVersion", "responseId", "createTime"}
_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}


def parse(call: Call, body: JSON) -> JSON:
    """The fields of the completion that a body holds."""
    _raise_error(call, body)
    answers: dict[int, Answer] = {}
    logprobs: dict[int, JSON] = {}
    for candidate in as_list(body.get("candidates")):
        index = candidate.get("index") or 0
        answers.setdefault(index, Answer(call)).add(candidate)
        if native := as_dict(candidate.get("logprobsResult")):
            logprobs[index] = {"logprobs": _logprobs(native)}
    top, reason = _top_fields(body), _block_reason(body)
    if not answers and reason is None:
        raise call.invalid("the answer has no candidates", json_codec.dumps(body).encode())
    choices = [
        {"index": index, "message": answer.message(), **_ending(answer, reason), **logprobs.get(index, {})}
        for index, answer in sorted((answers or {0: Answer(call)}).items())
    ]
    head = {"id": call.id, "object": "chat.completion", "created": call.created, "model": call.route.model}
    usage = _usage(as_dict(body.get("usageMetadata")), answers.values())
    return {**head, **_head(body), "choices": choices, "usage": usage, **top}


def _raise_error(call: Call, body: Any) -> None:
    if error := error_in(body) or as_dict(body).get("error"):
        raise call.error(status_in(as_dict(error)), body, explain)


def _head(body: JSON) -> JSON:
    """Id, model and time of an answer, as far as it has them."""
    out: JSON = {"id": body["responseId"]} if body.get("responseId") else {}
    if body.get("modelVersion"):
        out["model"] = body["modelVersion"]
    with suppress(KeyError, TypeError, ValueError):  # not every host says when, or in this form
        out["created"] = int(datetime.fromisoformat(body["createTime"]).timestamp())
    return out


def _block_reason(body: JSON) -> str | None:
    """Why the prompt was not answered at all, None where it was."""
    return as_dict(body.get("promptFeedback")).get("blockReason")


def _ending(answer: Answer, blocked: str | None) -> JSON:
    if answer.native_finish is None and blocked:
        return {"finish_reason": "content_filter", "native_finish_reason": blocked}
    return {"finish_reason": answer.finish(), "native_finish_reason": answer.native_finish}


def _top_fields(body: JSON) -> JSON:
    """The tier in OpenAI's words, and what else stands beside the candidates."""
    out: JSON = {}
    extras: JSON = {key: value for key, value in body.items() if value and key not in _TOP_KEYS}
    usage = as_dict(body.get("usageMetadata"))
    if traffic := usage.get("trafficType"):
        extras["trafficType"] = traffic
    if tier := usage.get("serviceTier") or _TRAFFIC.get(str(traffic)):
        known = _TIERS.get(str(tier).lower())
        (out if known else extras)["service_tier"] = known or tier
    if extras:
        out["provider_fields"] = extras
    return out


_TRAFFIC = {"ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority", "PROVISIONED_THROUGHPUT": "provisioned"}
"""The tiers in the words of Vertex AI."""


def _usage(native: JSON, answers: Collection[Answer]) -> JSON | None:
    """The counts under OpenAI's names: prompts of the API's own tools are of the prompt, thoughts of the completion."""
    if native.get("promptTokenCount") is None:
        return None
    prompt = native["promptTokenCount"] + (native.get("toolUsePromptTokenCount") or 0)
    thoughts = native.get("thoughtsTokenCount") or 0
    completion = (native.get("candidatesTokenCount") or 0) + thoughts
    usage: JSON = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": native.get("totalTokenCount") or prompt + completion,
    }
    used = _searches(answers)
    prompt_details, completion_details = _prompt_details(native, bool(used)), _kinds(native, "candidates")
    if native.get("thoughtsTokenCount") is not None:
        completion_details["reasoning_tokens"] = thoughts
    usage |= {"prompt_tokens_details": prompt_details} if prompt_details else {}
    usage |= {"completion_tokens_details": completion_details} if completion_details else {}
    return {**usage, "server_tool_use": used} if used else usage


def _prompt_details(native: JSON, searched: bool) -> JSON:
    """The parts of the prompt. What a search has put there is not charged: LiteLLM 1.106.2 counts it so too."""
    details = _kinds(native, "prompt")
    details.pop("image_tokens", None)  # for the price of all others
    if native.get("cachedContentTokenCount") is not None:
        details["cached_tokens"] = native["cachedContentTokenCount"]
    if "audio_tokens" in details and native.get("cacheTokensDetails"):
        details["cached_audio_tokens"] = _kinds(native, "cache").get("audio_tokens", 0)
    if searched and (found := native.get("toolUsePromptTokenCount")):
        details["search_result_tokens"] = found
    return details


def _kinds(native: JSON, what: str) -> JSON:
    """The tokens of audio and of pictures in the prompt, the cache or the candidates, where there are any."""
    counts: JSON = {}
    for detail in as_list(native.get(f"{what}TokensDetails")):
        kind, count = detail.get("modality"), detail.get("tokenCount")
        if kind in ("AUDIO", "IMAGE") and count:
            name = f"{kind.lower()}_tokens"
            counts[name] = counts.get(name, 0) + count
    return counts


def _searches(answers: Collection[Answer]) -> JSON:
    """How often Google was asked, empty where it was not.

    Up to Gemini 2.5 the answer has a price, from 3 on each search, of which empty and equal ones count not at all or
    once: https://ai.google.dev/gemini-api/docs/google-search.
    """
    found = [as_dict(answer.extras.get("groundingMetadata")) for answer in answers]
    searches = {query for grounding in found for query in as_list(grounding.get("webSearchQueries")) if query}
    used: JSON = {"grounded_prompts": 1, "web_search_requests": len(searches)} if searches else {}
    if any("maps" in as_dict(chunk) for grounding in found for chunk in as_list(grounding.get("groundingChunks"))):
        used["maps_prompts"] = 1
    return used


def _logprobs(native: JSON) -> JSON:
    chosen, tops = as_list(native.get("chosenCandidates")), as_list(native.get("topCandidates"))
    content: list[JSON] = []
    for at, token in enumerate(chosen):
        others = as_list(tops[at].get("candidates")) if at < len(tops) else []
        content.append({**_logprob(token), "top_logprobs": [_logprob(other) for other in others]})
    return {"content": content, "refusal": None}


def _logprob(native: JSON) -> JSON:
    token: str = native.get("token") or ""
    return {"token": token, "logprob": native.get("logProbability") or 0.0, "bytes": [*token.encode(errors="replace")]}


# --- stream --------------------------------------------------------------------------------------------------------


class Decoder(BaseDecoder):
    """A streamed answer: each event is a piece of the whole, in the form of the whole."""

    def __init__(self, call: Call) -> None:
        super().__init__(call, FRAMING())
        self._answers: dict[int, Answer] = {}
        self._only: Answer | None = None  # the one answer, once its pieces may take the short way
        self._usage: JSON = {}
        self._body: JSON = {}
        """What stands beside the candidates, as far as it has come."""

    def _read(self, event: Any, chunks: list[Any]) -> None:
        answer = self._only
        if answer is not None and (text := _plain_text(event)) is not None and answer.open == "text":
            answer.pieces.append(text)
            if usage := event.get("usageMetadata"):
                self._usage.update(usage)
            choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
            chunks.append({**self.head, "choices": [choice]})
        else:
            self._read_any(event, chunks)

    def _read_any(self, event: Any, chunks: list[Chunk]) -> None:
        _raise_error(self.call, event)
        if not self._begun and not chunks:
            self.head |= _head(event)
        self._usage.update(as_dict(event.get("usageMetadata")))
        self._body |= {key: value for key, value in event.items() if value and key not in _TOP_KEYS}
        choices = [choice for candidate in as_list(event.get("candidates")) if (choice := self._choice(candidate))]
        if choices:
            chunks.append(self._chunk(choices))
        self._only = self._answers.get(0) if len(self._answers) == 1 else None

    def _choice(self, candidate: JSON) -> JSON | None:
        """What one candidate adds, None where it adds nothing yet."""
        index = candidate.get("index") or 0
        answer = self._answers.get(index)
        if answer is None:
            answer = self._answers[index] = Answer(self.call)
        delta, logprobs = answer.add(candidate), as_dict(candidate.get("logprobsResult"))
        if len(delta) == 1 and delta["content"] is None and not logprobs:
            return None
        if not answer.begun:
            answer.begun = True
            delta = {"role": "assistant", **delta}
        out: JSON = {"index": index, "delta": delta, "finish_reason": None}
        return {**out, "logprobs": _logprobs(logprobs)} if logprobs else out

    def _end(self, chunks: list[Chunk], *, marked: bool = False) -> None:
        reason = _block_reason(self._body)
        answers = self._answers or ({0: Answer(self.call)} if reason else {})
        if not answers or not (marked or reason or any(a.native_finish for a in answers.values())):
            raise self.call.incomplete("the stream ended before the answer did")
        self.done = True
        choices: list[JSON] = []
        for index, answer in sorted(answers.items()):
            delta: JSON = {"content": None} if answer.begun else {"role": "assistant", "content": None}
            choices.append({"index": index, "delta": delta | answer.kept(), **_ending(answer, reason)})
        top = _top_fields({**self._body, "usageMetadata": self._usage})
        chunks.append(self._chunk(choices, usage=_usage(self._usage, answers.values()), **top))


_TEXT_ALONE = {"content", "index"}


def _plain_text(event: JSON) -> str | None:
    """The text of an event that has nothing else, as nearly all of a stream; None where it may have more."""
    try:
        (candidate,) = event["candidates"]
        (part,) = candidate["content"]["parts"]
        text = part["text"]
    except (KeyError, TypeError, ValueError):
        return None
    if len(part) > 1 or not text or candidate.get("index"):
        return None
    return text if candidate.keys() <= _TEXT_ALONE and event.keys() <= _TOP_KEYS else None
