"""The acquirer's faults: what goes wrong on purpose, by switches that operators turn while it runs."""

import asyncio
from collections.abc import Awaitable, Callable
from random import random
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from frontispiece.http import Problem

Result = TypeVar("Result")


class Faults(BaseModel):
    """The switches; a rate is the share of operations, from 0 to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    declined_tokens: frozenset[str] = Field(
        frozenset({"tok_declined"}), description="Tokens whose authorisation is declined."
    )
    declined_above: int | None = Field(
        None, ge=0, description="The largest amount in minor units that is authorised."
    )
    delay: float = Field(0.0, ge=0, le=600, description="Seconds before an operation is carried out.")
    error_rate: float = Field(
        0.0, ge=0, le=1, description="Answered with a 503 instead of being carried out."
    )
    timeout_rate: float = Field(
        0.0, ge=0, le=1, description="Carried out, but the answer comes only after `hang` seconds."
    )
    hang: float = Field(5.0, ge=0, le=600, description="Seconds, more than merchants wait.")
    duplicate_rate: float = Field(
        0.0, ge=0, le=1, description="Carried out twice, as by a proxy that repeats a request."
    )


async def with_faults(faults: Faults, carry_out: Callable[[], Awaitable[Result]]) -> Result:
    """Carry out an operation with the faults that are switched on."""
    await asyncio.sleep(faults.delay)
    if _happens(faults.error_rate):
        raise Problem(503, "acquirer-fault", "The acquirer is out of order, as its switches say.")
    result = await carry_out()
    if _happens(faults.duplicate_rate):
        result = await carry_out()
    if _happens(faults.timeout_rate):
        await asyncio.sleep(faults.hang)
    return result


def _happens(rate: float) -> bool:
    return random() < rate  # noqa: S311 (nothing secret)
