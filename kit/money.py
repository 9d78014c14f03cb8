"""Money: whole minor units and a currency, never a fraction."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

MAX_AMOUNT: Final = 10**12
"""No amount is larger; whoever adds amounts up checks it."""


class Money(BaseModel):
    """An amount in minor units (cents), with its ISO 4217 currency."""

    model_config = ConfigDict(frozen=True)

    amount: int = Field(ge=0, le=MAX_AMOUNT)
    currency: str = Field(pattern="^[A-Z]{3}$")


def percent_off(amount: int, percent: int) -> int:
    """What is left of an amount after a discount; a half minor unit is rounded in the shop's favour."""
    return amount - amount * percent // 100
