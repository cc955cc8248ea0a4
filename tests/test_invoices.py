"""Golden invoices: what answers cost, by sums of which nothing comes from `pricing.py`.

Where the recordings lie beside the repository, the invoices are held against those too.
"""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support import call, folded, parse
from support_invoices import Invoice, Line
from support_invoices_hosts import HOSTS
from support_invoices_labs import LABS

from unified_llm import cost_breakdown, resolve
from unified_llm.adapters.contract import UNREADABLE
from unified_llm.errors import APIError
from unified_llm.response import Completion

CORPUS = Path(__file__).parents[1].parent / "shared" / "corpus" / "dev.jsonl.gz"
INVOICES = LABS | HOSTS
every_invoice = pytest.mark.parametrize("name", INVOICES)


def sum_of_lines(lines: list[Line]) -> Decimal:
    units = {True: Decimal(1_000), False: Decimal(1_000_000)}
    return sum((Decimal(price) * count / units[where.startswith("fees.")] for count, price, where in lines), Decimal())


def adapter_of(body: dict[str, Any]) -> str:
    """The wire format of a body that has it written on its face."""
    marks = {
        "choices": "openai_chat",
        "usageMetadata": "gemini",
        "stopReason": "bedrock_converse",
        "stop_reason": "anthropic_messages",
        "finish_reason": "cohere_chat",
    }
    return next((adapter for mark, adapter in marks.items() if mark in body), "openai_responses")


def answer_of(invoice: Invoice) -> Completion:
    made = call(invoice.model, adapter=adapter_of(invoice.body))
    return Completion(parse(made, invoice.body), prices=made.route.facts.get("price"))


@every_invoice
def test_an_answer_costs_what_its_invoice_says(name: str) -> None:
    invoice = INVOICES[name]
    assert answer_of(invoice).cost == float(invoice.total)


@every_invoice
def test_the_lines_of_an_invoice_add_up_to_its_total(name: str) -> None:
    invoice = INVOICES[name]
    assert invoice.lines == [] or sum_of_lines(invoice.lines) == Decimal(invoice.total)


@every_invoice
def test_the_prices_of_an_invoice_are_those_of_the_catalog(name: str) -> None:
    invoice = INVOICES[name]
    for _, price, where in invoice.lines:
        at: Any = resolve(invoice.model).facts["price"]
        for step in where.split("."):
            at = at[int(step)] if isinstance(at, list) else at[step]
        assert Decimal(str(at)) == Decimal(price), where


@every_invoice
def test_the_parts_of_a_cost_are_the_lines_of_its_invoice(name: str) -> None:
    invoice = INVOICES[name]
    expected: dict[str, Decimal] = {}
    for line in invoice.lines:
        part = line[2].rpartition(".")[2]
        expected[part] = expected.get(part, Decimal()) + sum_of_lines([line])
    parts = cost_breakdown(answer_of(invoice)) or {}
    assert parts.pop("total") == float(invoice.total)
    assert {part: cost for part, cost in parts.items() if cost} == (
        {part: float(cost) for part, cost in expected.items() if cost} or {"stated": float(invoice.total)}
    )


def test_there_are_enough_invoices_of_enough_providers() -> None:
    assert len(INVOICES) >= 40
    assert len({resolve(invoice.model).provider for invoice in INVOICES.values()}) >= 12


# --- against the recordings ----------------------------------------------------------------------------------------

needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="needs ../shared/corpus")


@cache
def recorded() -> dict[str, Any]:
    wanted = {invoice.id.encode() for invoice in INVOICES.values() if invoice.id}
    found: dict[str, Any] = {}
    with gzip.open(CORPUS) as file:
        for line in file:
            if any(id in line[:60] for id in wanted):
                row = json.loads(line)
                found[row["id"]] = row
    return found


@needs_corpus
@pytest.mark.parametrize("name", [name for name, invoice in INVOICES.items() if invoice.id])
def test_a_recorded_answer_costs_what_its_invoice_says(name: str) -> None:
    invoice = INVOICES[name]
    row = recorded()[invoice.id]
    made = call(invoice.model, adapter=adapter_of(invoice.body))
    data = row["response_body_text"].encode()
    fields = folded(made, data) if row["stream"] else parse(made, json.loads(data))
    assert Completion(fields, prices=made.route.facts.get("price")).cost == float(invoice.total)


STATING = {"xai": 60, "perplexity": 9}
"""Who says what it charged, and of how many recorded answers the prices of today give the same: some are older."""


@needs_corpus
def test_the_prices_give_what_providers_say_that_they_charged() -> None:
    agreed = dict.fromkeys(STATING, 0)
    with gzip.open(CORPUS) as file:
        rows = [json.loads(line) for line in file if any(f'"{who}"'.encode() in line for who in STATING)]
    formats = {"openai.chat": "openai_chat", "openai.responses": "openai_responses"}
    for row in rows:
        if row["provider"] not in STATING or row["api"] not in formats or not row.get("response_body_text"):
            continue
        made = call(f"{row['provider']}/{row['model']}", adapter=formats[row["api"]])
        data = row["response_body_text"].encode()
        try:
            fields = folded(made, data) if row["stream"] else parse(made, json.loads(data))
        except (APIError, *UNREADABLE):
            continue
        prices, usage = made.route.facts.get("price"), fields["usage"] or {}
        stated = Completion(fields, prices=prices).cost
        said = usage.pop("cost", None) or usage.pop("cost_in_usd_ticks", None)
        own = Completion(fields, prices=prices).cost
        if said and stated and own:
            agreed[row["provider"]] += abs(own - stated) < 0.00001 and abs(own - stated) < stated / 100
    assert {who: count for who, count in agreed.items() if count < STATING[who]} == {}
