"""Whether a call that is sent again gets its first answer."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from gateway.duration import LongDuration
from gateway.policies import Part


class Kept(StrEnum):
    """Where first answers are kept."""

    VALKEY = "valkey"
    MEMORY = "memory"


class Idempotency(Part):
    """Calls with an `Idempotency-Key` are carried out once; those that follow get the first one's answer."""

    ttl: LongDuration = Field(timedelta(hours=24), description="How long a first answer is kept.")
    required: bool = Field(False, strict=True, description="Whether calls without a key are refused.")
    kept: Kept = Field(
        Kept.VALKEY,
        description="valkey: for all gateways. memory: in this process alone, while there is room; "
        "a restart forgets it.",
    )
