"""The rate limits of a route."""

import re
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, StrictBool, model_validator

from frontispiece.gateway.config.base import ConfigModel, FieldName, written_as
from frontispiece.gateway.dropped_headers import is_dropped
from frontispiece.http.headers import CREDENTIALS

MAX_LIMITS: Final = 8

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(rf"([1-9][0-9]{{0,5}})/({'|'.join(_SECONDS)})")


class RateLimitKey(StrEnum):
    """Whose calls a limit counts together."""

    USER = "user"
    CLIENT = "client"
    KEY = "key"
    ADDRESS = "address"
    ROUTE = "route"

    @property
    def identifies_caller(self) -> bool:
        """Whether it is for routes that do."""
        return self in {RateLimitKey.USER, RateLimitKey.CLIENT}


class Rate(ConfigModel):
    """A number of calls in a unit of time, written as `"50/second"`."""

    model_config = written_as(type="string", pattern=f"^{_RATE.pattern}$")

    calls: int
    unit: str

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, text: object) -> object:
        match = _RATE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError(f'{text!r} is no rate: write "50/second", "1000/hour" …, below a million')
        return {"calls": int(match[1]), "unit": match[2]}

    @property
    def seconds(self) -> int:
        """The length of the unit."""
        return _SECONDS[self.unit]


class Limit(ConfigModel):
    """One rate limit of a route."""

    rate: Rate = Field(description='"50/second": calls of each user, each address or all together.')
    burst: int | None = Field(None, ge=1, lt=1_000_000, description="At once after a rest; the rate's calls.")
    by: RateLimitKey = Field(
        description="user: the caller's subject. client: the app, by the caller's token. key: what "
        "header says. address: the client's. route: all."
    )
    header: FieldName | None = Field(
        None, description="With by = key: the header with the key, such as x-api-key; nobody checks it."
    )
    shared: StrictBool = Field(
        False, description="Counted in Valkey for all gateways together, not in each process."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.by is RateLimitKey.KEY) != (self.header is not None):
            raise ValueError('by = "key" and header = "x-api-key", or the like, go together')
        if self.header and (self.header.encode() in CREDENTIALS or is_dropped(self.header.encode())):
            raise ValueError(f"header: {self.header} has been removed before: count by another, or by user")
        return self

    @property
    def capacity(self) -> int:
        """The calls that a full bucket allows at once."""
        return self.burst or self.rate.calls

    def __str__(self) -> str:
        shared = " shared" if self.shared else ""
        return f"{self.rate.calls}/{self.rate.unit} by {self.by}{shared}"


def _one_or_many(limits: object) -> object:
    if isinstance(limits, list | tuple):
        return limits
    return [Limit.model_validate(limits)]  # here, so that its errors have the location of the single limit


_OneOrMany = BeforeValidator(_one_or_many, json_schema_input_type=Limit | list[Limit])

Limits = Annotated[tuple[Limit, ...], _OneOrMany, Field(max_length=MAX_LIMITS)]
"""One limit or several, each of which must have room for a call."""
