"""Whether repeated calls of a route get the response of the first one."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, StrictBool

from frontispiece.gateway.config.base import ConfigModel
from frontispiece.units import LongDuration


class Store(StrEnum):
    """Where responses are stored."""

    VALKEY = "valkey"
    MEMORY = "memory"


class Idempotency(ConfigModel):
    """Calls with the same `Idempotency-Key` are carried out once; repeated ones get the first response."""

    ttl: LongDuration = Field(timedelta(hours=24), description="How long a response is stored.")
    required: StrictBool = Field(False, description="Whether calls without a key are refused.")
    store: Store = Field(
        Store.VALKEY,
        description="valkey: for all gateways. memory: in this process alone, while there is room; "
        "a restart forgets it.",
    )
