"""The matrix: every version in the field, and whether its provider keeps its contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from frontispiece.contracts.repository import Contracts, PactFile
from frontispiece.contracts.stage import Staging
from frontispiece.contracts.verification import Breach, verify


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A version's contract with its provider, and what of it the provider breaks."""

    pact: PactFile
    breaches: Sequence[Breach]


async def matrix(contracts: Contracts, staging: Staging, today: date) -> list[Verified]:
    """Every contract in the field, verified one after the other, in the order of released.toml.

    Raises:
        ConfigError: the stage has not all providers.
        MissingExtra: pact is not installed.
    """
    return [Verified(pact=pact, breaches=await verify(pact, staging)) for pact in contracts.in_field(today)]
