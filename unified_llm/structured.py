"""Structured output: how a form of answers is asked for, checked, asked for again, and read while it grows."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, cast

from unified_llm.adapters import Adapter
from unified_llm.adapters.contract import Call, NoSchemaError, Request
from unified_llm.answer_tool import AnswerTool, with_answer_tool
from unified_llm.errors import AnswerError, BadRequestError, InvalidAnswerError
from unified_llm.fan_out import summed
from unified_llm.flow import Effect, Exchange, Flow
from unified_llm.formats import Format, words_of
from unified_llm.messages import text_of
from unified_llm.response import Completion
from unified_llm.types import JSON, Chunk

Rendered = tuple[Call, Adapter, Request]

_BY_PROMPT = "structured_mode='prompt' leaves it to the prompt to ask for the form, and checks the answer"

# --- asking ---------------------------------------------------------------------------------------------------------


def rendered(render: Callable[[JSON], Rendered], params: JSON, mode: str | None) -> tuple[Rendered, Format | None]:
    """A call that asks for its `response_format`, and what the answer is read as.

    Args:
        render: makes the call and its request of parameters.
        params: checked parameters with a `response_format`.
        mode: `native` (the API's own word for the form), `tool` (a tool that must be called with the answer),
            `json_object` (the API's word for JSON of any form), `prompt` (nothing is asked for here); None is native
            where the model has it, else a tool.

    Raises:
        BadRequestError: the model has no such way; there is then no other one, or the caller chose this one.
    """
    format: Format = params["response_format"]
    if format["type"] == "text":
        return render(params), None
    if mode == "tool":
        return _by_tool(render, params, format)
    if mode == "json_object":
        return render({**params, "response_format": {"type": "json_object"}}), format
    if mode == "prompt":
        call, adapter, request = render({key: value for key, value in params.items() if key != "response_format"})
        return (call, adapter, request), format.of_prompt(_prefill(call))
    try:
        return render(params), format
    except NoSchemaError as error:
        if mode == "native":
            raise _with(error, "; without structured_mode='native' a tool may stand for it") from None
        return _instead(render, params, format, error)


def _instead(
    render: Callable[[JSON], Rendered], params: JSON, format: Format, error: NoSchemaError
) -> tuple[Rendered, Format]:
    why = error.message.removeprefix(f"{error.provider}/{error.model}: ")
    try:
        made = _by_tool(render, params, format)
    except BadRequestError as refused:
        raise _with(refused, f" (a tool was to stand for response_format: {why}; {_BY_PROMPT})") from None
    made[0][0].warnings.append(f"response_format was sent as a tool that must be called with the answer: {why}")
    return made


def _with(error: BadRequestError, words: str) -> BadRequestError:
    error.message += words
    error.args = (error.message,)
    return error


def _by_tool(render: Callable[[JSON], Rendered], params: JSON, format: Format) -> tuple[Rendered, Format]:
    params, name = with_answer_tool(params, format)
    call, adapter, request = render(params)
    return (call, AnswerTool(adapter, name) if name else adapter, request), format


def _prefill(call: Call) -> str:
    """The beginning of the answer that the caller wrote, "" where they did not."""
    last = call.messages[-1]
    return text_of(last["content"]) if last["role"] == "assistant" and not last.get("tool_calls") else ""


# --- checking -------------------------------------------------------------------------------------------------------


def checked(
    first: Completion, exchange: Exchange, most: int | None, ask: Callable[[list[JSON]], Flow]
) -> Generator[Effect, Any, Completion]:
    """The answer once it is valid; one that is not is asked for again with what the validator says of it.

    An answer that calls tools, or that the provider paused, is not checked: the answer comes after that. Nor is one of
    several choices: `parsed` is.

    Args:
        first: the first answer.
        exchange: what it answers.
        most: how often to ask again; None is once for a type, and not to check here for a form given as JSON.
        ask: makes the call with other messages.

    Raises:
        AnswerError: the last answer is refused, cut off or not valid; `completion` has the usage of all.
    """
    format = exchange.format
    if format is None or (format.kind is None and not most) or len(first["choices"]) > 1:
        return first
    answers, turns = [first], list[JSON]()
    while _is_whole(answers[-1]):
        try:
            _ = answers[-1].parsed
        except InvalidAnswerError as error:
            if len(answers) > (1 if most is None else most):
                raise InvalidAnswerError(error.message, _whole(answers)) from error.__cause__
            invalid, words = error, words_of(error.__cause__)
        except AnswerError as error:
            raise type(error)(error.message, _whole(answers)) from error.__cause__
        else:
            break
        turns += _turns(answers[-1], words, format.prefix)
        messages = _with_turns(exchange.call.messages, turns, format.prefix)
        answers.append((yield from _asked_again(ask(messages), invalid, answers)))
        answers[-1]["warnings"].append(f"the answer was asked for again: {words}")
    return _whole(answers)


def _asked_again(
    flow: Flow, invalid: InvalidAnswerError, answers: list[Completion]
) -> Generator[Effect, Any, Completion]:
    """The next answer; where the API has no turns to ask for it in, the last one stays invalid."""
    try:
        return cast("Completion", (yield from flow))
    except BadRequestError as refused:
        if refused.status_code is not None:
            raise
        words = f"{invalid.message}; it cannot be asked for again: {refused.message}"
        raise InvalidAnswerError(words, _whole(answers)) from invalid.__cause__


def _is_whole(answer: Completion) -> bool:
    return not answer.tool_calls and answer["choices"][0].get("native_finish_reason") != "pause_turn"


def _turns(answer: Completion, words: str, prefix: str) -> list[JSON]:
    """The answer and what is wrong with it: the validator's own words, and no others."""
    said: JSON = {"role": "assistant", "content": prefix + answer.text} if prefix else cast("JSON", answer.message)
    return [*([said] if said["content"] else []), {"role": "user", "content": words}]


def _with_turns(messages: list[JSON], turns: list[JSON], prefix: str) -> list[JSON]:
    """The conversation with more turns; a prefill is the beginning of the next answer, too."""
    return [*messages[:-1], *turns, messages[-1]] if prefix else [*messages, *turns]


def _whole(answers: list[Completion]) -> Completion:
    """The last answer, with the usage and the cost of all."""
    if len(answers) == 1:
        return answers[0]
    usages = [answer["usage"] for answer in answers]
    whole = Completion.of_several([answers[-1], *answers[:-1]])
    whole["usage"] = summed(usages) if all(usages) else None
    whole["warnings"] = list(dict.fromkeys(warning for answer in answers for warning in answer["warnings"]))
    return whole


# --- streams --------------------------------------------------------------------------------------------------------


class Growing:
    """What a streamed answer says, as it grows."""

    def __init__(self, format: Format) -> None:
        self._format = format
        self._text = ""
        self._last: Any = _NOTHING

    def values(self, chunk: Chunk) -> list[Any]:
        """What it says with this chunk: one value where that is another than before, else none.

        In a run of tools an answer begins anew behind results.
        """
        if "tool_results" in chunk:
            self._text = ""
        pieces = [choice["delta"]["content"] or "" for choice in chunk["choices"] if choice["index"] == 0]
        if not any(pieces):
            return []
        self._text += "".join(pieces)
        try:
            value = self._format.grown(self._text)
        except ValueError:
            return []
        if value == self._last:
            return []
        self._last = value
        return [value]


_NOTHING = object()


def growing(exchange: Exchange) -> Growing:
    """What reads the answer of a stream while it grows.

    Raises:
        BadRequestError: no form of answers was asked for.
    """
    if exchange.format is None:
        raise exchange.call.refusal("partial() needs a response_format")
    return Growing(exchange.format)
