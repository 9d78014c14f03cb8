"""What a session costs is measured on what it is said to be measured on."""

from contextlib import AsyncExitStack

from bench.auth import opened
from bench.session import cases
from tests.support.monitor import monitored


async def test_one_case_asks_valkey_for_nothing_and_the_other_once_a_call(valkey_url: str) -> None:
    async with AsyncExitStack() as stack:
        around = await opened(stack)
        believed, asked = await cases(stack, valkey_url)
        for case in (believed, asked):
            await case.times(around, 1)
        async with monitored(valkey_url) as sent:
            await sent()
            await believed.times(around, 10)
            assert await sent() == []
            await asked.times(around, 10)
            assert [command.partition(" ")[0] for command in await sent()] == ["EVALSHA"] * 10
