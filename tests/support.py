"""What several test files need: calls without a network, and bodies of events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from unified_llm.adapters import load
from unified_llm.adapters.contract import Call, Request
from unified_llm.catalog import resolve
from unified_llm.chunks import fold
from unified_llm.messages import normalize
from unified_llm.params import check

ID, CREATED = "chatcmpl-0123456789ab", 1_700_000_000


def call(model: str, messages: Any = "Hi", *, stream: bool = False, strict: bool = False, **params: Any) -> Call:
    """A call of a model of the catalog."""
    route = resolve(model, params.pop("adapter", None))
    return Call(route, normalize(messages), check(params), stream=stream, strict=strict, id=ID, created=CREATED)


def quirky(quirks: Mapping[str, Any], messages: Any = "Hi", *, rules: Any = None, **params: Any) -> Call:
    """A call of an unknown model on a host of chat completions with these quirks."""
    made = call("custom/m", messages, adapter="openai_chat", **params)
    made.route = replace(made.route, quirks=dict(quirks), rules=rules or {})
    return made


def render(made: Call) -> Request:
    return load(made.route.adapter).render(made)


def body_of(model: str, messages: Any = "Hi", **params: Any) -> dict[str, Any]:
    return render(call(model, messages, **params)).body


def parse(made: Call, body: Any) -> dict[str, Any]:
    return load(made.route.adapter).parse(made, body)


def decode(made: Call, data: bytes, cuts: Iterable[int] = ()) -> list[Any]:
    """The chunks of a streamed body that the network cut at these offsets."""
    decoder = load(made.route.adapter).Decoder(made)
    chunks: list[Any] = []
    for piece in pieces(data, cuts):
        chunks += decoder.feed(piece)
    return chunks + decoder.close()


def folded(made: Call, data: bytes, cuts: Iterable[int] = ()) -> dict[str, Any]:
    return fold(decode(made, data, cuts))


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def cuts_of(length: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, length), max_size=12)


def sse(*events: Any) -> bytes:
    """Unnamed events, as chat completions has them; a string is sent as it is."""
    return "".join(f"data: {e if isinstance(e, str) else json.dumps(e)}\n\n" for e in events).encode()


def named_sse(*events: Any) -> bytes:
    """Events named by their type, as Anthropic has them."""
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()


class FrozenDict(dict[str, Any]):
    """A dict that json.dumps takes and nobody can change."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("the caller's dict was changed")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


class FrozenList(list[Any]):
    """A list that json.dumps takes and nobody can change."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("the caller's list was changed")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = reverse = sort = _refuse


def frozen(value: Any) -> Any:
    """The same value, deep, in containers that cannot be changed."""
    if isinstance(value, dict):
        return FrozenDict({key: frozen(inner) for key, inner in value.items()})
    return FrozenList([frozen(inner) for inner in value]) if isinstance(value, list) else value
