"""What running servers leaves as it was."""

import logging

from front.server import run


def test_running_adds_no_log_of_its_own_to_every_request() -> None:
    async def nothing() -> None:
        return None

    before = list(logging.getLogger("uvicorn.access").handlers)

    run(nothing())

    assert logging.getLogger("uvicorn.access").handlers == before
