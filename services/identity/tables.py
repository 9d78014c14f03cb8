"""The tables of identity. Times are Unix time in seconds; of every secret only its SHA-256 is stored."""

from dataclasses import fields
from typing import Any, Final

import sqlalchemy as sa

from frontispiece.stores import Database

metadata = sa.MetaData()

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("name_key", sa.String(256), nullable=False, unique=True),
    sa.Column("display_name", sa.String(64), nullable=False),
    sa.Column("email", sa.String(254), nullable=False, index=True),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
)

sso_sessions = sa.Table(
    "sso_sessions",
    metadata,
    sa.Column("id", sa.String(43), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("auth_time", sa.Double, nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False, index=True),
)

codes = sa.Table(
    "codes",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("sso_session_id", sa.String(43), nullable=False, index=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
    sa.Column("auth_time", sa.Double, nullable=False),
    sa.Column("client_id", sa.String(64), nullable=False),
    sa.Column("redirect_uri", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("nonce", sa.Text),
    sa.Column("code_challenge", sa.String(43), nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False, index=True),
    sa.Column("sid", sa.String(43)),  # the grant, once the code was redeemed
)

grants = sa.Table(
    "grants",
    metadata,
    sa.Column("sid", sa.String(43), primary_key=True),
    sa.Column("sso_session_id", sa.String(43), nullable=False, index=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("client_id", sa.String(64), nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("auth_time", sa.Double, nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False, index=True),
    sa.Column("ended_at", sa.Double, index=True),  # when it was ended before its time
    sa.Column("family", sa.String(64), unique=True),  # of its refresh tokens, when it has any
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("sid", sa.ForeignKey("grants.sid", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("valid_until", sa.Double),  # once it was used: the end of its grace period
    sa.Column("created_at", sa.Double, nullable=False, server_default="0"),
)

code_keys = sa.Table(  # the key that a code is only for, where the client has named it (dpop_jkt)
    "code_keys",
    metadata,
    sa.Column("digest", sa.ForeignKey("codes.digest", ondelete="CASCADE"), primary_key=True),
    sa.Column("jkt", sa.String(43), nullable=False),
)

grant_keys = sa.Table(  # the key to which the refresh tokens of a public client are bound
    "grant_keys",
    metadata,
    sa.Column("sid", sa.ForeignKey("grants.sid", ondelete="CASCADE"), primary_key=True),
    sa.Column("jkt", sa.String(43), nullable=False),
)

dpop_proofs = sa.Table(  # which were used, and are not accepted again
    "dpop_proofs",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
)

logout_notifications = sa.Table(
    "logout_notifications",
    metadata,
    sa.Column("id", sa.String(43), primary_key=True),
    sa.Column("client_id", sa.String(64), nullable=False),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("sid", sa.String(43), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("due_at", sa.Double, nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("since", sa.Double, nullable=False, index=True),
)

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # two cannot both make the next
    sa.Column("kid", sa.String(43), nullable=False, unique=True),
    sa.Column("algorithm", sa.String(8), nullable=False),
    sa.Column("public", sa.JSON, nullable=False),
    sa.Column("encrypted", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("signs_from", sa.Double, nullable=False),
    sa.Column("signs_until", sa.Double, nullable=False),
    sa.Column("published_until", sa.Double),  # known once there is a next one
)

CODE_RETENTION: Final = 600.0
"""Seconds after its end for which a code is known, should it be sent again."""

GRANT_RETENTION: Final = 86_400.0
"""Seconds after its end for which a grant is known, should a browser come to log out of it."""

ATTEMPT_WINDOW: Final = 900.0
"""Seconds from the first of the attempts that are counted together until they are forgotten."""


def select_record(table: sa.Table, record: type[Any]) -> sa.Select[Any]:
    """The columns of a table that are the fields of this dataclass."""
    return sa.select(*(table.c[field.name] for field in fields(record)))


async def delete_expired(database: Database, now: float) -> None:
    """Delete the rows that nobody can need any more: no table grows for ever."""
    expired: tuple[tuple[sa.Table, sa.ColumnElement[bool]], ...] = (
        (sso_sessions, sso_sessions.c.ends_at <= now),
        (codes, codes.c.ends_at <= now - CODE_RETENTION),
        (grants, grants.c.ends_at <= now - GRANT_RETENTION),
        (grants, grants.c.ended_at <= now - GRANT_RETENTION),
        (dpop_proofs, dpop_proofs.c.expires_at <= now),
        (attempts, attempts.c.since <= now - ATTEMPT_WINDOW),
    )
    for table, condition in expired:  # each in its own transaction: none holds the locks of another
        async with database.write() as tx:
            await tx.execute(table.delete().where(condition))
