"""Group commit: one write for many items, and no item's fault is another's."""

import asyncio
from collections.abc import Sequence

import pytest

from frontispiece.stores import GroupCommit


async def test_items_that_come_together_are_one_write_and_each_is_written_when_its_add_returns() -> None:
    writes: list[Sequence[int]] = []

    async def write(items: Sequence[int]) -> None:
        await asyncio.sleep(0)
        writes.append(items)

    group = GroupCommit(write)

    async def add(item: int) -> bool:
        await group.add(item)
        return any(item in written for written in writes)

    assert await asyncio.gather(*(add(number) for number in range(20))) == [True] * 20
    assert len(writes) < 4
    assert sorted(item for items in writes for item in items) == list(range(20))
    assert await add(20)


async def test_an_item_that_cannot_be_written_fails_alone_and_a_cancelled_caller_takes_no_other_with_it() -> (
    None
):
    written: set[int] = set()

    async def write(items: Sequence[int]) -> None:
        if -1 in items:
            raise ValueError(items)
        written.update(items)

    group = GroupCommit(write)
    adds = [asyncio.create_task(group.add(item)) for item in (1, -1, 2, 3)]
    await asyncio.sleep(0)
    adds[2].cancel()
    outcomes = await asyncio.gather(*adds, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        ValueError,
        asyncio.CancelledError,
        type(None),
    ]
    with pytest.raises(ValueError, match="-1"):
        adds[1].result()
    assert {1, 3} <= written
