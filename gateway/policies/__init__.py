"""What the entries of a route table are made of: services, and how often they may be called."""

import re
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from gateway.upstream.discovery import faults_of
from gateway.upstream.policy import BreakerPolicy, ConcurrencyPolicy, HealthPolicy


class Part(BaseModel):
    """A part of the table: frozen, and closed to names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class By(StrEnum):
    """Whose calls a limit counts together."""

    USER = "user"
    KEY = "key"
    ADDRESS = "address"
    ROUTE = "route"


class Service(Part):
    """A service that routes lead to."""

    url: tuple[str, ...] = Field(
        min_length=1,
        description="http://host:port, registry://name or app://module:factory; several of them as a list",
    )
    health: HealthPolicy | None = Field(None, description="Ask its addresses whether they are well.")
    breaker: BreakerPolicy | None = Field(None, description="Leave it alone when too many calls fail.")
    concurrency: ConcurrencyPolicy | None = Field(None, description="How many calls it gets at a time.")
    audience: str | None = Field(
        None, min_length=1, description="For whom the internal tokens are that it gets: its name here."
    )

    @field_validator("url", mode="before")
    @classmethod
    def _one_or_many(cls, url: object) -> object:
        return [url] if isinstance(url, str) else url

    @field_validator("url")
    @classmethod
    def _addresses(cls, url: tuple[str, ...]) -> tuple[str, ...]:
        if faults := [*faults_of(url)]:
            raise ValueError("; ".join(faults))
        return url

    @model_validator(mode="after")
    def _has_a_choice(self) -> Self:
        if self.health and len(self.url) == 1 and not self.url[0].startswith("registry://"):
            raise ValueError("health is for several addresses: this one is called whatever it says")
        return self


class Rate(Part):
    """So many calls in so much time."""

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
        """How long the unit is."""
        return _SECONDS[self.unit]


_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(rf"([1-9][0-9]{{0,5}})/({'|'.join(_SECONDS)})")


CREDENTIALS: Final = frozenset({"authorization", "cookie"})
"""Headers that go no further than to whoever finds out who is calling."""

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$"), AfterValidator(str.lower)]


class Limit(Part):
    """How often a route may be called."""

    rate: Rate = Field(description='"50/second": calls of each user, each address or all together.')
    burst: int | None = Field(None, ge=1, lt=1_000_000, description="At once after a rest; the rate's calls.")
    by: By = Field(
        description="user: the caller's subject. key: what header says. address: the client's. route: all."
    )
    header: HeaderName | None = Field(
        None, description="With by = key: the header with the key, such as x-api-key; nobody checks it."
    )
    shared: bool = Field(
        False, strict=True, description="Counted in Valkey for all gateways together, not in each process."
    )

    @model_validator(mode="after")
    def _key_has_a_header(self) -> Self:
        if (self.by is By.KEY) != (self.header is not None):
            raise ValueError('by = "key" and header = "x-api-key", or the like, go together')
        if self.header in CREDENTIALS:
            raise ValueError(f"header: what is in {self.header} is looked at before: count by user")
        return self

    @property
    def at_once(self) -> int:
        """Calls that may come at once after a rest."""
        return self.burst or self.rate.calls

    def __str__(self) -> str:
        where = " shared" if self.shared else ""
        return f"{self.rate.calls}/{self.rate.unit} by {self.by}{where}"


def _one_or_many(limits: object) -> object:
    if isinstance(limits, list | tuple):
        return limits
    return [Limit.model_validate(limits)]  # here, so that its faults have the place that it was written at


MOST_LIMITS: Final = 8

Limits = Annotated[tuple[Limit, ...], BeforeValidator(_one_or_many), Field(max_length=MOST_LIMITS)]
"""One limit or several, of which each has to have room for a call."""
