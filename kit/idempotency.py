"""`Idempotency-Key`: a POST that is sent again gets its first answer and does nothing twice.

The first answer is kept in the transaction of the change it tells of, in the service's own database.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Header
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.problems import Problem

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=200,
        description="Chosen by the client, new for each new intent, kept for its retries.",
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """What a client means to do once: who, under which key, with which request."""

    owner: str
    key: str
    request: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the request: tells a retry from another request under the same key."""
        return hashlib.sha256(self.request).hexdigest()


class Answers:
    """The first answers of one service, by owner and key."""

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

    async def first(self, connection: AsyncConnection, intent: Intent) -> Any | None:
        """The answer given before to this intent, or None when it is new.

        Raises:
            Problem: 422 `idempotency-key-reused` when the key came with another request before.
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

    async def keep(self, connection: AsyncConnection, intent: Intent, answer: Any) -> None:
        """Keep the answer (JSON) with the change it tells of.

        Raises:
            Problem: 409 `request-in-progress` when the same intent is being carried out at this moment.
        """
        row = {"owner": intent.owner, "key": intent.key, "digest": intent.digest, "answer": answer}
        try:
            await connection.execute(self.table.insert().values(**row, answered_at=datetime.now(UTC)))
        except IntegrityError:
            raise Problem(
                409, "request-in-progress", "The same request is being carried out. Try again."
            ) from None
