"""How a WebSocket ends: by a code and a reason (RFC 6455, 7.4), of which both sides are told the same."""

from dataclasses import dataclass
from typing import Final

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
NO_CODE: Final = 1005
"""Stands for a close that told none."""
TOO_BIG: Final = 1009
INTERNAL: Final = 1011
RESTART: Final = 1012
BAD_GATEWAY: Final = 1014

TELLABLE: Final = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
"""Codes that may be sent: the others stand for what nobody has said."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a WebSocket ends.

    Args:
        code: as it is counted and told.
        reason: in a few words.
    """

    code: int
    reason: str = ""


IDLE: Final = Ending(GOING_AWAY, "idle")
LASTED: Final = Ending(GOING_AWAY, "it has lasted long enough")
CHANGED: Final = Ending(RESTART, "the route has changed")
FAILED: Final = Ending(INTERNAL, "the gateway failed")
CLIENT_GONE: Final = Ending(GOING_AWAY, "the client has gone")
SERVICE_GONE: Final = Ending(BAD_GATEWAY, "the service has gone")


def by_client(code: int, reason: str) -> Ending:
    """The ending that a client has asked for, or has left without a word."""
    if code == NO_CODE:
        return Ending(NORMAL)
    return Ending(code, reason) if code in TELLABLE else CLIENT_GONE


def too_big(largest: int) -> Ending:
    """The ending by a message that is longer than messages may be."""
    return Ending(TOO_BIG, f"messages have at most {largest} bytes")
