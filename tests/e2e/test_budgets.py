"""Screens of the running shop cost no more than contracts/budgets.toml allows; times are `make budgets`'s."""

import asyncio
from collections.abc import Iterator

import pytest

from bench.budgets import FILE, OPERATIONS, budgets, costs, excesses
from tests.support.customers import add_customers
from tests.support.shop import RunningShop

WANTED = budgets(FILE.read_text(encoding="utf-8"))


def test_no_screen_is_over_its_budget(shop: RunningShop, names: Iterator[str]) -> None:
    name = next(names)
    asyncio.run(add_customers(shop.data, [name]))

    found = costs(shop, WANTED, name)

    assert excesses(WANTED, found) == []


def test_every_persisted_operation_is_measured() -> None:
    assert {budget.operation for budget in WANTED.values()} - {None} == set(OPERATIONS)


def test_the_budgets_are_those_that_phones_need() -> None:
    kibibytes = {screen: WANTED["mobile", screen].bytes // 1024 for screen in ("home", "product", "basket")}

    assert kibibytes == {"home": 12, "product": 4, "basket": 4}
    assert {budget.calls for budget in WANTED.values()} == {1}


@pytest.mark.parametrize(
    "broken",
    ['[web.home]\nbytes = "1KiB"', "[web.home]\nbites = 3", '[web]\nhome = "1KiB"'],
    ids=["a-key-is-missing", "a-key-is-unknown", "no-table"],
)
def test_a_budget_that_says_something_else_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match="Budget"):
        budgets(broken)
