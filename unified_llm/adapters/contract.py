"""What an adapter is: a pure translator of one wire format.

An adapter module has exactly these names: `FRAMING`, `render`, `parse`, `Decoder`, `explain` and `Quirks`. It sees
dicts and bytes, and never a socket, a clock, the environment or a log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, cast

from pydantic_core import from_json

from unified_llm import json_codec
from unified_llm.catalog import Route
from unified_llm.errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    BadRequestError,
    IncompleteStreamError,
    class_for,
)
from unified_llm.messages import parts
from unified_llm.types import EFFORTS, JSON, Chunk, FinishReason

FIRST_BYTES = 200
_OF_ANSWERS = {
    *("annotations", "reasoning", "reasoning_content", "reasoning_details", "reasoning_signature", "provider_fields"),
    *("provider_specific_fields", "thinking_blocks", "function_call", "parsed", "audio", "refusal"),
}
"""Fields of answers of this and other libraries that no request has a place for."""

_OF_RESULTS = (("name", "tool"), ("is_error", "tool"))
"""Fields of results of tools, with their role, that say what is said otherwise too: the call, and the words."""

UNREADABLE = (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError, RecursionError)
"""What reading a body raises that is JSON but not of the format."""


class MediaNeeded(Exception):  # noqa: N818 - no error: the flow fetches and renders again
    """What stands at a URL has to be sent along, since the provider does not fetch it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class OneAnswerOnlyError(BadRequestError):
    """`n` is above 1 where the API gives one answer to a call; a flow asks that often."""


class NoSchemaError(BadRequestError):
    """The answer cannot be held to a `response_format`; a flow lets a tool stand for it."""


SYSTEM = ("system", "developer")
"""Roles of messages that instruct the model."""

FIXED = {"temperature": 1, "top_p": 1, "logprobs": False, "frequency_penalty": 0, "presence_penalty": 0}
"""What the answers of a model have that cannot have anything else."""


class Request(NamedTuple):
    """A rendered request: what goes to `route.url` + `path`, still without the key."""

    path: str
    body: JSON
    headers: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class Call:
    """One call, resolved and checked, as an adapter sees it.

    Attributes:
        params: the caller's parameters under OpenAI's names; none of them is None.
        id: the id of an answer to which the provider gives none.
        created: the time of such an answer, in seconds.
        warnings: what was left out of the request or adjusted, in words.
        media: type and bytes of what has been fetched, by URL.
    """

    route: Route
    messages: list[JSON]
    params: JSON
    stream: bool = False
    strict: bool = False
    id: str = ""
    created: int = 0
    warnings: list[str] = field(default_factory=list[str])
    media: Mapping[str, tuple[str, bytes]] = field(default_factory=dict[str, "tuple[str, bytes]"])

    def data_of(self, url: str) -> tuple[str, bytes]:
        """The media type and the bytes of what stands at a URL, for an API that does not fetch it.

        Raises:
            MediaNeeded: it has not been fetched yet.
        """
        if url not in self.media:
            raise MediaNeeded(url)
        return self.media[url]

    def adjust(self, what: str) -> None:
        """Report a setting that the model does not take as given; BadRequestError where the caller asked for strict."""
        if self.strict:
            raise self.refusal(f"{what} (strict=True refuses that)")
        self.warnings.append(what)

    def leave_out(self, name: str, why: str = "") -> None:
        """Report a setting that is not sent."""
        self.adjust(f"{name} was left out: {why or f'{self.route.model} does not take it'}")

    def leave_out_all(self, names: Iterable[str]) -> None:
        """Report those of these settings that were given; one that is switched off is not missed."""
        for name in names:
            if self.params.get(name) is not None and self.params[name] is not False:
                self.leave_out(name, "this API has no such parameter")

    def tools(self) -> list[JSON]:
        """The tools; what chooses between none is left out."""
        tools: list[JSON] = list(self.params.get("tools") or ())
        if not tools:
            for name in ("tool_choice", "parallel_tool_calls"):
                if name in self.params:
                    self.leave_out(name, "there are no tools")
        elif self.route.rules.get("tools") is False:
            raise self.refusal("this model takes no tools")
        return tools

    def chosen_tools(self) -> tuple[list[JSON], Any]:
        """The tools that may be called, and the choice between them: auto, none, required, one named, or None.

        Of `allowed_tools` only those are given that it has, with its mode.
        """
        tools, choice = self.tools(), self.params.get("tool_choice")
        if not tools or choice is None or isinstance(choice, str):
            return tools, choice if tools else None
        if choice["type"] == "allowed_tools":
            allowed: JSON = choice["allowed_tools"]
            tools = [tool for tool in tools if any(_names(one, tool) for one in allowed["tools"])]
            if not tools:
                raise self.refusal(f"tool_choice allows {allowed['tools']!r}, of which none is in tools")
            return tools, allowed["mode"]
        if choice["type"] != "function":
            raise self.refusal(
                f"tool_choice is {choice!r}, which is of another API; give auto, none, required, or name a tool: "
                "{'type': 'function', 'function': {'name': ...}}"
            )
        return tools, choice

    def refuse_several_answers(self) -> None:
        """Refuse `n` above 1, where the API gives one answer to a call."""
        if self.params.get("n", 1) != 1:
            n = self.params["n"]
            raise self.refusal(f"n is {n}, but this API gives one answer to a call", OneAnswerOnlyError)

    def refuse_audio(self) -> None:
        """Refuse a wish for spoken answers."""
        if "audio" in (self.params.get("modalities") or ()) or self.params.get("audio"):
            raise self.refusal("this model gives no audio")

    def report_empty(self, message: JSON, index: int) -> None:
        """Report a message with nothing in it, which is not sent; the user's is refused."""
        if message["role"] == "user":
            raise self.refusal(f"messages[{index}] is empty, which this API refuses")
        self.warnings.append(f"messages[{index}] is empty and was left out")

    def report_unknown_fields(self, message: JSON, index: int, known: Collection[str]) -> None:
        """Report the fields of a message that this format has no place for, but for those that only answers have."""
        for name, value in message.items():
            known_here = name in known or name in _OF_ANSWERS or (name, message["role"]) in _OF_RESULTS
            if value is not None and not known_here:
                self.warnings.append(f"{name} of messages[{index}] was left out: this API has no such field")

    def report_cache_marks(self, message: JSON, index: int) -> None:
        """Report `cache_control` of the parts of a message, where the API has no place for it."""
        if any("cache_control" in part for part in parts(message["content"])):
            self.warnings.append(f"cache_control of messages[{index}] was left out: this API has no such field")

    def report_tool_fields(self, tool: JSON) -> None:
        """Report what a function tool has beside its function, where the API has no place for it."""
        for name in tool.keys() - {"type", "function"}:
            self.warnings.append(
                f"{name} of tool {tool['function']['name']!r} was left out: this API has no such field"
            )

    def late_system(self, index: int) -> str:
        """The role of a system message behind the first turn: its own where the model takes it there, else the user's.

        There is behind a user turn, and last or before an answer
        (https://docs.anthropic.com/en/docs/build-with-claude/working-with-messages).
        """
        roles = [message["role"] for message in self.messages]
        before = next((role for role in reversed(roles[:index]) if role not in SYSTEM), None)
        after = next((role for role in roles[index:] if role not in SYSTEM), "assistant")
        if self.route.rules.get("mid_system") and before in ("user", "tool") and after == "assistant":
            return "system"
        self.adjust(
            f"messages[{index}] is a system message in the middle of the conversation and was sent as the user's"
        )
        return "user"

    def arguments(self, given: str | None, index: int) -> JSON:
        """The arguments of an earlier tool call as the object that most formats want.

        Args:
            given: a JSON string; what is no JSON object is wrapped and reported.
            index: that of its message.
        """
        if not given or not given.strip():
            return {}
        try:
            value = json_codec.loads(given)
        except ValueError:
            value = given
        if isinstance(value, dict):
            return json_codec.as_dict(value)
        self.warnings.append(
            f"messages[{index}] has tool arguments that are no JSON object; they were sent as {{'arguments': ...}}"
        )
        return {"arguments": value}

    def fixes_sampling(self) -> bool:
        """Whether the model has its own sampling, whatever it is told: always, or while it reasons."""
        rules, effort = self.route.rules, self.params.get("reasoning_effort")
        if rules.get("sampling") == "without_reasoning":
            return not (effort == "none" or (effort is None and rules.get("reasoning") == "opt_in"))
        return rules.get("sampling") == "none"

    def leave_out_fixed(self, body: JSON, names: Iterable[str]) -> None:
        """Take those of these settings out of a body that the model fixes; one that has the fixed value is not missed.

        Their values are OpenAI's: https://platform.openai.com/docs/guides/latest-model#parameter-compatibility.
        """
        if not self.fixes_sampling():
            return
        when = "" if self.route.rules.get("sampling") == "none" else " while it reasons"
        for name in names:
            body.pop(name, None)
            if self.params.get(name, FIXED.get(name)) != FIXED.get(name):
                self.leave_out(name, f"{self.route.model} fixes it{when}")

    def nearest_effort(self, effort: str) -> str:
        """The reasoning effort itself, or the nearest that the model has, the stronger one first."""
        accepted = self.route.rules.get("efforts", [])
        if not accepted or effort in accepted:
            return effort
        wanted = EFFORTS.index(effort)
        levels = [word for word in accepted if word in EFFORTS and word != "none"]
        nearest = min(levels, key=lambda word: (abs(EFFORTS.index(word) - wanted), -EFFORTS.index(word)))
        self.adjust(f"reasoning_effort {effort!r} became {nearest!r}: {self.route.model} has {', '.join(accepted)}")
        return nearest

    def refusal(self, why: str, kind: type[BadRequestError] = BadRequestError) -> BadRequestError:
        """The error for what the model cannot do; nothing has been sent."""
        return kind(
            f"{self.route.provider}/{self.route.model}: {why}", provider=self.route.provider, model=self.route.model
        )

    def error(self, status: int, body: Any, explain: Explain) -> APIStatusError:
        """The error that a provider put into a successful answer."""
        route, (code, message) = self.route, explain(status, body)
        return class_for(status, code)(
            f"{route.provider}/{route.model}: {message}",
            status_code=status,
            code=code,
            body=body,
            request_id=json_codec.as_dict(body).get("request_id"),
            provider=route.provider,
            model=route.model,
        )

    def invalid(self, what: str, body: bytes) -> APIResponseValidationError:
        """The error for an answer that is not of the wire format."""
        start = body[:FIRST_BYTES].decode("utf-8", "replace")
        return APIResponseValidationError(
            f"{self.route.provider}/{self.route.model}: {what}: {start!r}",
            body=body[:2000].decode("utf-8", "replace"),
            provider=self.route.provider,
            model=self.route.model,
        )

    def incomplete(self, what: str) -> IncompleteStreamError:
        """The error for a stream that stops before its end."""
        return IncompleteStreamError(
            f"{self.route.provider}/{self.route.model}: {what}", provider=self.route.provider, model=self.route.model
        )


def _names(choice: JSON, tool: JSON) -> bool:
    """Whether one of the allowed tools names a tool: a function by its name, another by what it says of it."""
    if name := json_codec.as_dict(choice.get("function")).get("name"):
        return json_codec.as_dict(tool.get("function")).get("name") == name
    return all(tool.get(key) == value for key, value in choice.items())


Explain = Callable[[int, Any], tuple[str | None, str]]


def finish_of(native: str | None, words: Mapping[str, FinishReason], called: bool) -> FinishReason | None:
    """The reason for the end of an answer in OpenAI's words; None where the provider gave none.

    Args:
        native: the provider's word; one that is not among `words` is a natural stop.
        words: OpenAI's word for each of the provider's.
        called: whether the answer calls client tools: a natural stop is then `tool_calls`, whatever the provider says.
    """
    if native is None:
        return None
    finish = words.get(native, "stop")
    if finish in ("stop", "tool_calls"):
        return "tool_calls" if called else "stop"
    return finish


class Framing(Protocol):
    """Splits a streamed body into the payloads of its events."""

    @staticmethod
    def begins(body: bytes) -> bool:
        """Whether a body is such a stream, as far as its beginning tells."""
        ...

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that these bytes complete."""
        ...

    def close(self) -> list[bytes]:
        """What is left when the body has ended."""
        ...


class CallDecoder(Protocol):
    """What reads a streamed answer of one call."""

    def __init__(self, call: Call) -> None: ...

    def feed(self, data: bytes) -> list[Chunk]:
        """The chunks that these bytes complete."""
        ...

    def close(self) -> list[Chunk]:
        """The last chunks, now that the body has ended."""
        ...


class Decoder:
    """A streamed answer: bytes in, chunks out. It holds all the state and knows no socket.

    A format's decoder reads one event in `_read`, and says in `_end` what the end of the body means.
    """

    def __init__(self, call: Call, framing: Framing) -> None:
        self.call = call
        self.head: JSON = {
            "id": call.id,
            "object": "chat.completion.chunk",
            "created": call.created,
            "model": call.route.model,
        }
        """What every chunk begins with."""
        self.done = False
        self._framing = framing
        self._split = framing.feed
        self._begun = False
        self._failure: APIError | None = None

    def feed(self, data: bytes) -> list[Chunk]:
        """The chunks that these bytes complete; what goes wrong after some of them is raised by the next call."""
        return self._decode(self._split(data))

    def close(self) -> list[Chunk]:
        """The last chunks, now that the body has ended.

        Raises:
            IncompleteStreamError: the provider had not said that the answer is complete.
        """
        if self._failure is not None:
            raise self._failure
        try:
            chunks = self._decode(self._framing.close())
        except APIResponseValidationError as error:
            what = f"the stream broke off inside an event: {error.body[:FIRST_BYTES]!r}"
            raise self.call.incomplete(what) from error.__cause__
        if not self.done:
            self._end(chunks)
        if chunks and not self._begun:
            self._begin(chunks)
        return chunks

    def _decode(self, payloads: list[bytes]) -> list[Chunk]:
        if self._failure is not None:
            raise self._failure
        chunks: list[Chunk] = []
        try:
            for payload in payloads:
                if self.done:
                    break
                try:
                    event = from_json(payload)
                except ValueError:
                    event = self._unusual(payload, chunks)
                if event is not None:
                    self._read(event, chunks)
        except APIError as error:
            self._fail(error, chunks)
        except UNREADABLE as error:
            what = f"the stream is not of this format ({error!r})"
            self._fail(self.call.invalid(what, b"\n".join(payloads)), chunks)
        if chunks and not self._begun:
            self._begin(chunks)
        return chunks

    def _unusual(self, payload: bytes, chunks: list[Chunk]) -> Any:
        """The event of a payload that the fast parser refuses; None for the end mark."""
        if payload.strip() == b"[DONE]":
            self._end(chunks, marked=True)
            return None
        try:
            return json_codec.loads(payload)
        except ValueError as error:
            raise self.call.invalid("an event of the stream is not JSON", payload) from error

    def _fail(self, error: APIError, chunks: list[Chunk]) -> None:
        """Raise the error, but not before what came ahead of it has been handed out."""
        if not chunks:
            raise error
        self._failure = error

    def _read(self, event: Any, chunks: list[Any]) -> None:
        """Read one event and append the chunks that it gives."""
        raise NotImplementedError

    def _end(self, chunks: list[Chunk], *, marked: bool = False) -> None:
        """Append the last chunk, or raise IncompleteStreamError; `marked` by an explicit end of the stream."""
        raise NotImplementedError

    def _begin(self, chunks: list[Chunk]) -> None:
        self._begun = True
        choice = chunks[0]["choices"][0]
        choice["delta"] = {"role": "assistant", **choice["delta"]}

    def _chunk(self, choices: list[Any], **fields: Any) -> Chunk:
        return cast("Chunk", {**self.head, "choices": choices, **fields})
