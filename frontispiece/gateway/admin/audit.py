"""The record of what operators have done through the admin port."""

import logging
from collections import deque
from datetime import UTC, datetime
from typing import Final

import msgspec

log = logging.getLogger(__name__)

MAX_RECORDS: Final = 200


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An action.

    Args:
        time: when it ended.
        client: the address that it came from: whoever has the token, which is the same for all.
        action: method and path, with the query.
        outcome: the status of the response, and what it said.
    """

    time: datetime
    client: str
    action: str
    status: int
    outcome: str


class Audit:
    """Logs each action as a line of JSON; the latest are kept, newest first."""

    def __init__(self) -> None:
        self.records: deque[AuditRecord] = deque(maxlen=MAX_RECORDS)

    def add(self, client: str, action: str, status: int, outcome: str) -> None:
        """Record an action that has ended."""
        now = datetime.now(UTC)
        record = AuditRecord(time=now, client=client, action=action, status=status, outcome=outcome)
        self.records.appendleft(record)
        log.info("%s", msgspec.json.encode({"audit": record}).decode())
