"""Which errors are worth another attempt, and how long to wait before it.

The rules are those of OpenAI's and Anthropic's SDKs: connection errors, 408, 409, 429 and 500 and above, unless the
provider's `x-should-retry` says otherwise; `retry-after-ms`, then `retry-after` (seconds or a date), then what the body
asks for, up to 60 s; else 0.5 s doubling to 8 s, less up to a quarter at random. And 424: the model behind the API
failed (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

from unified_llm.errors import APIConnectionError, APIError, APIStatusError

if TYPE_CHECKING:
    import tenacity

logger = logging.getLogger("unified_llm")

LONGEST_ASKED = 60.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
_SPENT = {"insufficient_quota", "contract_spend_limit_reached", "enforced_spend_limit_reached"}
"""Codes of 429 that no waiting mends (OpenAI error codes; Anthropic `details.error_code`)."""


class Retries:
    """The attempts of one call. Made when the first one has failed, so that a call that works never loads tenacity."""

    def __init__(self, most: int) -> None:
        import tenacity  # noqa: PLC0415 - only a failure needs it

        self._policy = tenacity.Retrying(
            retry=tenacity.retry_if_exception(worth_another),
            stop=tenacity.stop_after_attempt(most + 1),
            wait=_wait,
            reraise=True,
        )
        self._policy.begin()
        self._state = tenacity.RetryCallState(self._policy, fn=None, args=(), kwargs={})

    def wait_after(self, error: APIError) -> float:
        """The seconds to wait before the next attempt; raises the error itself when there is none."""
        self._state.set_exception((type(error), error, error.__traceback__))
        seconds = float(cast("tenacity.DoSleep", self._policy.iter(self._state)))
        # not the provider's words, which may repeat the prompt
        what = f"{type(error).__name__} {getattr(error, 'status_code', None) or ''}".rstrip()
        logger.info("attempt %d failed: %s; the next in %.1f s", self._state.attempt_number, what, seconds)
        self._state.prepare_for_next_attempt()
        return seconds


def worth_another(error: BaseException) -> bool:
    """Whether the same request may go well the next time."""
    if isinstance(error, APIConnectionError):
        return True
    if not isinstance(error, APIStatusError) or error.status_code is None:
        return False
    advice = error.response.headers.get("x-should-retry") if error.response is not None else None
    if advice in ("true", "false"):
        return advice == "true"
    if error.code in _SPENT:
        return False
    return error.status_code in (408, 409, 424, 429) or error.status_code >= 500


def _wait(state: tenacity.RetryCallState) -> float:
    error: Any = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    if asked is not None and 0 <= asked <= LONGEST_ASKED:
        return asked
    longest = min(FIRST_WAIT * 2 ** (state.attempt_number - 1), LONGEST_WAIT)
    return longest * (1 - random.random() / 4)  # noqa: S311 - spreads load, guards nothing


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """The wait that a provider asks for, in seconds; None where it does not, or in words that are no wait."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            continue
        return seconds if 0 <= seconds < float("inf") else None
    try:
        when = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
