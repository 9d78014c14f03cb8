"""`Idempotency-Key`: a retried POST gets the first response and changes nothing twice.

The response is stored in the transaction of its change, in the service's own database.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Header

from frontispiece.extras import extra
from frontispiece.http.problems import Problem

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.exc import IntegrityError
    from sqlalchemy.ext.asyncio import AsyncConnection

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=200,
        description="Chosen by the client: a new one for each intent, the same one for its retries.",
    ),
]
"""The header `Idempotency-Key` of a POST that creates."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """A request that is to be carried out once: its owner, key and content."""

    owner: str
    key: str
    request: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the request: distinguishes a retry from another request with the same key."""
        return hashlib.sha256(self.request).hexdigest()


class IdempotencyRecords:
    """The first responses of one service, by owner and key."""

    def __init__(self, metadata: sa.MetaData) -> None:
        self.table = sa.Table(
            "idempotent_answers",
            metadata,
            sa.Column("owner", sa.String(200), primary_key=True),
            sa.Column("key", sa.String(200), primary_key=True),
            sa.Column("digest", sa.String(64), nullable=False),
            sa.Column("answer", sa.JSON, nullable=False),
            sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        )

    async def find(self, connection: AsyncConnection, intent: Intent) -> Any | None:
        """The stored response to this intent, None when it is new.

        Raises:
            Problem: 422 `idempotency-key-reused` when the key belongs to another request.
        """
        table = self.table
        query = sa.select(table.c.digest, table.c.answer).where(
            table.c.owner == intent.owner, table.c.key == intent.key
        )
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        if row.digest != intent.digest:
            raise Problem(
                422, "idempotency-key-reused", "This Idempotency-Key came with another request before."
            )
        return row.answer

    async def save(self, connection: AsyncConnection, intent: Intent, answer: Any) -> None:
        """Store the response (JSON values) in the transaction of its change.

        Raises:
            Problem: 409 `request-in-progress` when the same intent is being carried out concurrently.
        """
        row = {"owner": intent.owner, "key": intent.key, "digest": intent.digest, "answer": answer}
        try:
            await connection.execute(self.table.insert().values(**row, answered_at=datetime.now(UTC)))
        except IntegrityError:
            raise Problem(
                409, "request-in-progress", "The same request is being carried out. Try again."
            ) from None
