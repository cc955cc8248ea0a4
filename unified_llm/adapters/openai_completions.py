"""OpenAI text completions, the API before chat: `POST /completions`, a prompt and the text that follows it.

https://platform.openai.com/docs/api-reference/completions, checked 2026-11-21. OpenAI's own models for it are retired;
the format lives on at Azure and, for base models above all, at vLLM, llama.cpp and most hosts of open weights.

There are no roles and no turns here: the model writes on where the prompt ends. So the prompt has the caller's words
and no others. One user message is the prompt to the letter. System and user messages follow each other with an empty
line between them. A final assistant message, the beginning of the answer, follows with nothing between, as the answer
itself would: an answer that was cut off and is sent back is written on. Any other assistant message makes a
conversation, which needs names for its speakers; they would be made up here, so it is refused. The text of an answer is
kept as it is, with the white space at its beginning, which joins it to the prompt.
"""

from __future__ import annotations

from typing import Any, TypedDict

from unified_llm.adapters import openai_chat
from unified_llm.adapters.contract import Call, Request
from unified_llm.adapters.media import only_text
from unified_llm.adapters.openai_errors import explain as explain
from unified_llm.framing.sse import ServerSentEvents
from unified_llm.json_codec import as_dict, as_list
from unified_llm.types import JSON

FRAMING = ServerSentEvents


class Quirks(TypedDict, total=False):
    """What a host accepts or answers otherwise than OpenAI's reference says."""

    refused: list[str]
    """Parameters that are refused or ignored. Default: none. https://console.groq.com/docs/openai"""
    think_tags: bool
    """Whether reasoning comes in the text of an answer, between `<think>` and `</think>`. Default: False.
    https://docs.perplexity.ai/docs/sonar/models/sonar-reasoning-pro"""


# --- request -------------------------------------------------------------------------------------------------------

_PASSED = "temperature top_p top_k n stop frequency_penalty presence_penalty logit_bias seed user".split()
_ABSENT = (
    "verbosity prediction store metadata prompt_cache_key service_tier reasoning_effort thinking safety_identifier"
).split()


def render(call: Call) -> Request:
    """The request of a call."""
    params = call.params
    _refuse_the_rest(call)
    body: JSON = {"model": call.route.model, "prompt": _prompt(call)}
    limit = params.get("max_completion_tokens", params.get("max_tokens"))
    if limit is not None:
        body["max_tokens"] = limit
    for name in _PASSED:
        if name in params:
            body[name] = params[name]
    if (most := _wanted_logprobs(call)) is not None:
        body["logprobs"] = max(most, 1)  # 0, the chosen tokens alone, is none at all to llama.cpp
    for name in call.route.quirks.get("refused", ()):
        if body.pop(name, None) is not None:
            call.leave_out(name)
    call.leave_out_all(_ABSENT)
    if call.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True, **(params.get("stream_options") or {})}
    return Request("/completions", body)


def _prompt(call: Call) -> str:
    asked: list[str] = []
    begun: list[str] = []
    for index, message in enumerate(call.messages):
        text = only_text(call, message, index, "text completions")
        if message["role"] == "assistant":
            begun.append(text)
        elif begun:
            raise call.refusal(
                f"messages[{index}] follows an answer, and text completions have no turns: write the conversation into "
                "one user message, with the names of the speakers that the model is to read and stop= at the next of "
                'them; or ask with adapter="openai_chat", where the server has that'
            )
        elif text:
            asked.append(text)
    return "\n\n".join(asked) + "".join(begun)


def _refuse_the_rest(call: Call) -> None:
    if call.tools():
        raise call.refusal("text completions have no tools")
    if (call.params.get("response_format") or {"type": "text"})["type"] != "text":
        raise call.refusal(
            "text completions have no response_format; structured_mode='prompt' checks the answer to a prompt that "
            "asks for the form, and a prefill such as '{' leads the model to JSON"
        )
    if "web_search_options" in call.params:
        raise call.refusal("text completions have no web search")
    call.refuse_audio()


def _wanted_logprobs(call: Call) -> int | None:
    """How many likely tokens are wanted at each place, 0 for the chosen one alone; None for no log probabilities.

    `logprobs` may also be this API's own number.
    """
    given = call.params.get("logprobs", "top_logprobs" in call.params)
    if given is False:
        return None
    return call.params.get("top_logprobs", 0 if given is True else given)


# --- response ------------------------------------------------------------------------------------------------------


def parse(call: Call, body: JSON) -> JSON:
    """The fields of the completion that a body holds."""
    return openai_chat.parse(call, _as_chat(call, body, "message"))


class Decoder(openai_chat.Decoder):
    """A streamed text completion: that of chat, but for the places of the text and of its log probabilities."""

    def _read(self, event: Any, chunks: list[Any]) -> None:
        super()._read(_as_chat(self.call, event, "delta"), chunks)


def _as_chat(call: Call, body: JSON, field: str) -> JSON:
    """A body or an event as chat completions has it, which is how some servers send it here, too."""
    if not body.get("choices"):
        return body
    return {**body, "choices": [_choice_as_chat(call, native, field) for native in body["choices"]]}


def _choice_as_chat(call: Call, native: JSON, field: str) -> JSON:
    if "text" not in native:
        return native
    return {**native, field: {"content": native["text"]}, "logprobs": _logprobs(call, native.get("logprobs"))}


def _logprobs(call: Call, native: Any) -> Any:
    """Log probabilities as chat completions has them; llama.cpp sends them so already."""
    legacy = as_dict(native)
    if "tokens" not in legacy:
        return native
    tokens, most = as_list(legacy["tokens"]), _wanted_logprobs(call)
    none = [None] * len(tokens)
    chosen, likely = ([*as_list(legacy.get(name)), *none] for name in ("token_logprobs", "top_logprobs"))
    content = [
        {"token": token, "bytes": None, "logprob": logprob, "top_logprobs": _likeliest(beside)[:most]}
        for token, logprob, beside in zip(tokens, chosen, likely, strict=False)
    ]
    return {"content": content} if content else None


def _likeliest(logprobs: Any) -> list[JSON]:
    """Tokens with their log probabilities, best first."""
    best_first = sorted(as_dict(logprobs).items(), key=lambda one: one[1], reverse=True)
    return [{"token": token, "bytes": None, "logprob": logprob} for token, logprob in best_first]
