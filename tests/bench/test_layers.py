from contextlib import AsyncExitStack

import pytest

from bench.layers import BY_HAND, CASES, NOTHING, Case, by_hand, exchange_of, measured, table


@pytest.mark.parametrize("case", [NOTHING, *CASES], ids=lambda case: case.title)
async def test_what_is_measured_is_answered(case: Case) -> None:
    async with AsyncExitStack() as stack:
        exchange = await exchange_of(case, stack)
        await exchange()
    await by_hand()()


async def test_every_chain_is_told_in_microseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.layers.LASTS", 0.0001)
    figures = await measured()

    assert list(figures) == [BY_HAND, NOTHING.title, *(case.title for case in CASES)]
    assert all(micros > 0 for micros in figures.values())


def test_the_table_compares_every_chain_with_that_of_a_route_that_asks_for_nothing() -> None:
    lines = table({BY_HAND: 10.0, NOTHING.title: 10.0, "access log": 25.0}).splitlines()[2:]

    assert [line.partition(" | ")[2] for line in lines] == [
        "10.00 | +0.00 | 1.00 |",
        "10.00 | +0.00 | 1.00 |",
        "25.00 | +15.00 | 2.50 |",
    ]
