"""A deadline cancels its task, and takes the cancellation back."""

import asyncio

import pytest

from frontispiece.aio import Deadline
from tests.frontispiece.http.test_disconnect import Work, fail, hang, swallow


def expiring(work: Work, *, also_cancelled: bool = False) -> asyncio.Task[tuple[bool, int]]:
    """Do the work under an expiring deadline; return whether that ended it, and its pending cancellations."""

    async def run() -> tuple[bool, int]:
        task = asyncio.current_task()
        assert task is not None
        deadline, ended = Deadline(0), False
        if also_cancelled:
            asyncio.get_running_loop().call_soon(task.cancel)
        try:
            await work()
        except KeyError:
            pass
        except asyncio.CancelledError:
            ended = deadline.expired()
            if not ended:
                raise
        finally:
            deadline.cancel()
        return ended, task.cancelling()

    return asyncio.create_task(run())


@pytest.mark.parametrize(("work", "ended"), [(hang, True), (swallow, False), (fail, False)])
async def test_a_deadline_leaves_nothing_of_its_cancellation(
    work: Work,
    ended: bool,  # noqa: FBT001 (a case)
) -> None:
    assert await asyncio.wait_for(expiring(work), 60) == (ended, 0)


async def test_a_deadline_does_not_hide_a_cancellation_from_outside() -> None:
    task = expiring(hang, also_cancelled=True)

    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_deadline_that_is_cancelled_does_not_expire() -> None:
    deadline = Deadline(0)
    deadline.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
