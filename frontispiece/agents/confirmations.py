"""Confirmations: what an agent shows to its user before money is spent, and brings back."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from frontispiece import clocks
from frontispiece.http.problems import Problem
from frontispiece.security import Identity

LIFETIME: Final = 600
"""Seconds for which a confirmation is good."""

ARGUMENT: Final = "confirmation"
"""The argument that brings it back."""


def digest(arguments: Mapping[str, Any]) -> str:
    """A digest of a tool's arguments, for audit logs: the arguments themselves may name people."""
    return sha256(msgspec.json.encode(arguments, order="deterministic")).hexdigest()


class Confirmations:
    """Issues confirmations and checks them, in any process of the app: nothing is stored.

    One is good for one caller, by one app, for one tool with the very arguments that were shown.

    Args:
        secret: what the processes of the app share.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, caller: Identity, tool: str, arguments: Mapping[str, Any]) -> str:
        """The confirmation of a call."""
        return self._signed(caller, tool, arguments, str(int(clocks.now()) + LIFETIME))

    def check(self, caller: Identity, tool: str, arguments: Mapping[str, Any], confirmation: str) -> None:
        """Return when this confirms the call.

        Raises:
            Problem: 409, it does not, or not any more.
        """
        expires = confirmation.partition(".")[0]
        signed = self._signed(caller, tool, arguments, expires)
        if not hmac.compare_digest(signed.encode(), confirmation.encode()):
            detail = "The confirmation is of another call: call again without one, and show what it answers."
            raise Problem(409, "confirmation-invalid", detail)
        if int(expires) < clocks.now():
            raise Problem(409, "confirmation-expired", "Too late: call again without a confirmation.")

    def _signed(self, caller: Identity, tool: str, arguments: Mapping[str, Any], expires: str) -> str:
        content = msgspec.json.encode([caller.subject, caller.client, tool, digest(arguments), expires])
        return f"{expires}.{hmac.new(self._secret, content, sha256).hexdigest()}"


def idempotency_key(confirmation: str) -> bytes:
    """The `Idempotency-Key` of the confirmed call: to confirm twice is to act once."""
    return sha256(confirmation.encode()).hexdigest()[:32].encode()
