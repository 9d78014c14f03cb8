"""Grants: authorization codes, and families of refresh tokens.

A refresh token is `family.token`. Only the family's valid tokens are stored: the token that was used last,
and its successors, of which one may be used. Any other that names the family was copied (RFC 9700, 4.14).
"""

import logging
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.stores import Database
from services.identity.errors import OAuthError
from services.identity.model import (
    OFFLINE_ACCESS,
    Clock,
    Grant,
    IssuedGrant,
    Presenter,
    RequestedGrant,
    SsoSession,
    digest,
    matches_challenge,
    new_secret,
)
from services.identity.protocol.backchannel_logout import BackchannelLogoutOutbox
from services.identity.tables import code_keys, codes, grant_keys, grants, refresh_tokens, sso_sessions

log = logging.getLogger(__name__)

CODE_LIFETIME: Final = 60.0
"""Seconds."""

GRACE_PERIOD: Final = 30.0
"""Seconds within which a client that has neither secret nor key may use a refresh token again."""

MAX_SUCCESSORS: Final = 50
"""The successors of one refresh token that are valid: each further one takes the place of the oldest."""


class Grants:
    """The grants in identity's database; every method is one transaction.

    A grant ends after `lifetime` seconds, however often it is refreshed.
    """

    def __init__(
        self, database: Database, outbox: BackchannelLogoutOutbox, *, lifetime: float, clock: Clock
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._lifetime = lifetime
        self._clock = clock

    async def create_code(self, session: SsoSession, requested: RequestedGrant) -> str | None:
        """An authorization code; None when the session has ended meanwhile."""
        code = new_secret()
        row = {
            **{name: value for name, value in asdict(requested).items() if name != "dpop_jkt"},
            "scopes": " ".join(requested.scopes),
            "digest": digest(code),
            "sso_session_id": session.id,
            "user_id": session.user_id,
            "auth_time": session.auth_time,
            "ends_at": self._clock() + CODE_LIFETIME,
        }
        async with self._database.write() as tx:
            this = sa.select(sso_sessions.c.id).where(sso_sessions.c.id == session.id).with_for_update()
            if (await tx.execute(this)).first() is None:
                return None
            await tx.execute(codes.insert().values(**row))
            if requested.dpop_jkt is not None:
                await tx.execute(code_keys.insert().values(digest=row["digest"], jkt=requested.dpop_jkt))
        return code

    async def redeem(
        self, code: str, presenter: Presenter, *, redirect_uri: str, verifier: str
    ) -> IssuedGrant:
        """The grant of a code, with a refresh token for a confidential client or the scope `offline_access`.

        The refresh tokens of a public client are bound to the presenter's key, if any. A code that is used
        again ends the grant of its first use (RFC 6749, 4.1.2).

        Raises:
            OAuthError: the code is unknown, another client's, expired or used; or redirect URI, verifier or
                key differ.
        """
        async with self._database.write() as tx:
            this = sa.select(codes).where(codes.c.digest == digest(code)).with_for_update()
            row = (await tx.execute(this)).one_or_none()
            if row is None or row.client_id != presenter.client_id:
                raise _invalid_grant("The code is unknown.")
            if row.sid is None:
                self._check(row, redirect_uri, verifier)
                if await _key(tx, code_keys, code_keys.c.digest == row.digest) not in {None, presenter.jkt}:
                    raise _invalid_grant("The code is for another key.")
                issued = await self._create(tx, row, refreshable=presenter.is_confidential)
                if presenter.jkt is not None and not presenter.is_confidential:
                    await tx.execute(grant_keys.insert().values(sid=issued.grant.sid, jkt=presenter.jkt))
                return issued
            await end_grants(tx, self._outbox, grants.c.sid == row.sid, self._clock())
        log.warning("A code of %s was used again: its grant has ended", presenter.client_id)
        self._outbox.wake()
        raise _invalid_grant("The code was used before.")

    async def refresh(self, token: str, presenter: Presenter, scopes: Iterable[str]) -> IssuedGrant:
        """The grant of a refresh token, and the token that replaces it.

        A token may be used again until a successor is used: its response was lost. Where neither a secret nor
        a key shows that it is the same client, this ends with the grace period. Other reuse means that the
        token was copied: the family ends.

        Raises:
            OAuthError: the token is unknown, another client's, expired, reused, or bound to another key than
                the presenter's, or to none; or one of the scopes, to which the client narrows the grant for
                this response, is not part of it.
        """
        family, _, _ = token.partition(".")
        async with self._database.write() as tx:
            this = sa.select(grants).where(grants.c.family == digest(family)).with_for_update()
            row = (await tx.execute(this)).one_or_none()
            now = self._clock()  # after the wait for the lock: the grace period begins when the token is used
            if (
                row is None
                or row.client_id != presenter.client_id
                or row.ended_at is not None
                or now >= row.ends_at
            ):
                raise _invalid_grant("The refresh token is invalid or has expired.")
            if not {*scopes} <= {*row.scopes.split()}:
                raise OAuthError("invalid_scope", "The scope exceeds what was granted.")
            if not presenter.is_confidential:  # who has no secret proves by the key that the token is its own
                bound_to = await _key(tx, grant_keys, grant_keys.c.sid == row.sid)
                if bound_to != presenter.jkt:  # a key that comes later may be that of a thief
                    raise _invalid_grant("The refresh token is bound to another key, or to none.")
            may_repeat = presenter.is_confidential or presenter.jkt is not None
            if await _use_token(tx, row.sid, token, now, may_repeat=may_repeat):
                successor = await _new_token(tx, row.sid, family, now)
                return IssuedGrant(grant=_grant(row), refresh_token=successor)
            await end_grants(tx, self._outbox, grants.c.sid == row.sid, now)
        log.warning("A refresh token of %s was used again: its family has ended", presenter.client_id)
        self._outbox.wake()
        raise _invalid_grant("The refresh token was used before.")

    async def revoke(self, token: str, client_id: str) -> None:
        """End the family of this client's refresh token."""
        family, _, _ = token.partition(".")
        await self._end((grants.c.family == digest(family)) & (grants.c.client_id == client_id))

    async def end(self, sid: str) -> None:
        """End one grant."""
        await self._end(grants.c.sid == sid)

    async def active(self, sid: str) -> Grant | None:
        """The grant with this id, unless it has ended."""
        row = await self._row(sid)
        if row is None or row.ended_at is not None or self._clock() >= row.ends_at:
            return None
        return _grant(row)

    async def owner(self, sid: str) -> str | None:
        """The id of the user of a grant, which may have ended."""
        row = await self._row(sid)
        return None if row is None else str(row.user_id)

    async def _end(self, which: sa.ColumnElement[bool]) -> None:
        async with self._database.write() as tx:
            await end_grants(tx, self._outbox, which, self._clock())
        self._outbox.wake()

    async def _row(self, sid: str) -> sa.Row[Any] | None:
        async with self._database.read() as tx:
            return (await tx.execute(sa.select(grants).where(grants.c.sid == sid))).one_or_none()

    def _check(self, row: sa.Row[Any], redirect_uri: str, verifier: str) -> None:
        if self._clock() >= row.ends_at:
            raise _invalid_grant("The code has expired.")
        if redirect_uri != row.redirect_uri:
            raise _invalid_grant("The code was sent to another redirect URI.")
        if not matches_challenge(verifier, row.code_challenge):
            raise _invalid_grant("The code verifier does not match the challenge.")

    async def _create(self, tx: AsyncConnection, code: sa.Row[Any], *, refreshable: bool) -> IssuedGrant:
        grant = Grant(
            sid=new_secret(),
            user_id=code.user_id,
            client_id=code.client_id,
            scopes=tuple(code.scopes.split()),
            auth_time=code.auth_time,
            ends_at=self._clock() + self._lifetime,
        )
        family = new_secret() if refreshable or OFFLINE_ACCESS in grant.scopes else None
        row = {
            **asdict(grant),
            "scopes": code.scopes,
            "sso_session_id": code.sso_session_id,
            "family": family and digest(family),
        }
        await tx.execute(grants.insert().values(**row))
        await tx.execute(codes.update().where(codes.c.digest == code.digest).values(sid=grant.sid))
        token = await _new_token(tx, grant.sid, family, self._clock()) if family else None
        return IssuedGrant(grant=grant, refresh_token=token, nonce=code.nonce)


async def end_grants(
    tx: AsyncConnection, outbox: BackchannelLogoutOutbox, which: sa.ColumnElement[bool], now: float
) -> None:
    """End those of these grants that have not ended, and notify their clients."""
    active = which & grants.c.ended_at.is_(None) & (grants.c.ends_at > now)
    query = sa.select(grants).where(active).order_by(grants.c.sid).with_for_update()
    ended = (await tx.execute(query)).all()
    sids = [grant.sid for grant in ended]
    await tx.execute(grants.update().where(grants.c.sid.in_(sids)).values(ended_at=now))
    await tx.execute(refresh_tokens.delete().where(refresh_tokens.c.sid.in_(sids)))
    await outbox.add(tx, ended)


async def _use_token(tx: AsyncConnection, sid: str, token: str, now: float, *, may_repeat: bool) -> bool:
    """Whether the token is valid; its predecessor and siblings are not from now on. The grant is locked.

    A token that is used again keeps its latest successors, one less than there may be.
    """
    this, family = refresh_tokens.c.digest == digest(token), refresh_tokens.c.sid == sid
    row = (await tx.execute(sa.select(refresh_tokens).where(this & family))).one_or_none()
    if row is None:
        return False
    if row.valid_until is not None:
        if not may_repeat and now >= row.valid_until:
            return False
        successors = family & refresh_tokens.c.valid_until.is_(None)
        latest = sa.select(refresh_tokens.c.digest).where(successors)
        latest = latest.order_by(refresh_tokens.c.created_at.desc()).limit(MAX_SUCCESSORS - 1)
        await tx.execute(refresh_tokens.delete().where(successors, refresh_tokens.c.digest.not_in(latest)))
        return True
    await tx.execute(refresh_tokens.delete().where(family & ~this))
    await tx.execute(refresh_tokens.update().where(this).values(valid_until=now + GRACE_PERIOD))
    return True


async def _key(tx: AsyncConnection, table: sa.Table, which: sa.ColumnElement[bool]) -> str | None:
    """The thumbprint of the key to which a code or a grant is bound."""
    return (await tx.execute(sa.select(table.c.jkt).where(which))).scalar_one_or_none()


async def _new_token(tx: AsyncConnection, sid: str, family: str, now: float) -> str:
    token = f"{family}.{new_secret()}"
    await tx.execute(refresh_tokens.insert().values(digest=digest(token), sid=sid, created_at=now))
    return token


def _grant(row: sa.Row[Any]) -> Grant:
    columns = {field.name: getattr(row, field.name) for field in fields(Grant)}
    return Grant(**{**columns, "scopes": tuple(row.scopes.split())})


def _invalid_grant(description: str) -> OAuthError:
    return OAuthError("invalid_grant", description)
