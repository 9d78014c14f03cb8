"""The WebSockets of a route."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from frontispiece.gateway.config.base import ConfigModel
from frontispiece.units import LongDuration, Size

MAX_MESSAGE_SIZE: Final = 1 << 20
"""Bytes of the longest message on any route: the server reads no longer one into memory."""

WITHOUT_WEBSOCKETS: Final = ("h2://",)
"""Beginnings of addresses at which WebSockets are not spoken."""

MOUNTED: Final = "app://"
"""The beginning of an address at which they are spoken by some apps."""


class WebSocket(ConfigModel):
    """WebSockets of a route are relayed to its service; other calls are served as without this key."""

    max_connections: Annotated[int, Field(strict=True)] = Field(
        1000, ge=1, le=100_000, description="At a time, in each process."
    )
    idle_timeout: LongDuration = Field(
        timedelta(minutes=1), description="Without a message either way for so long, it is closed."
    )
    max_duration: LongDuration = Field(
        timedelta(hours=12), description="After so long it is closed in any case: logins end too."
    )
    max_message_size: Size = Field(
        64 * 1024, gt=0, le=MAX_MESSAGE_SIZE, description="Of a message either way; at most 1MiB."
    )
