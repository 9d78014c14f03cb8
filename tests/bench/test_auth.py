from contextlib import AsyncExitStack

import pytest

from bench.auth import CASES, DECODE, READER, Around, Case, Figure, measured, opened, table


@pytest.mark.parametrize("case", [DECODE, *CASES], ids=lambda case: case.title)
async def test_what_is_measured_is_done_and_believed(case: Case) -> None:
    async with AsyncExitStack() as stack:
        around = await opened(stack)
        await case.times(around, 2)
        cached = around.access.cached(around.field)
        assert cached is not None
        assert cached.identity == READER


async def test_each_case_is_told_in_microseconds_a_time() -> None:
    done = 0

    async def times(_around: Around, count: int) -> None:
        nonlocal done
        for _ in range(count):
            done += 1

    async with AsyncExitStack() as stack:
        (figure,) = await measured([Case(title="nothing", times=times)], await opened(stack))
    assert done > 1
    assert figure.micros > 0


def test_the_table_tells_ratios_and_what_took_too_long() -> None:
    case = CASES[2]
    assert case.max_micros is not None
    figures = [Figure(DECODE, 100.0), Figure(case, case.max_micros), Figure(case, case.max_micros * 2)]

    lines = table(figures).splitlines()[3:]
    assert [("| 0.050 |" in line, "missed" in line) for line in lines] == [(True, False), (False, True)]
