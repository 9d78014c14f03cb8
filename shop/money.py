"""Money: whole minor units and a currency, never a fraction."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

MAX_AMOUNT: Final = 10**12
"""The largest amount; code that adds amounts up checks it."""


class Money(BaseModel):
    """An amount in minor units (cents), with its ISO 4217 currency."""

    model_config = ConfigDict(frozen=True)

    amount: int = Field(ge=0, le=MAX_AMOUNT)
    currency: str = Field(pattern="^[A-Z]{3}$")


def percent_off(amount: int, percent: int) -> int:
    """An amount after a discount; a half minor unit is rounded in the shop's favour."""
    return amount - amount * percent // 100
