"""A session as it is kept: sealed and bound to its place, so that none can be read or swapped in Valkey."""

from typing import Any, Final

import msgspec

from kit.sealing import NotSealed, Ring
from kit.tokens import GUEST, Identity


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who has logged in, or a guest of whom something is kept. All times are seconds.

    Args:
        subject: the user, or `guest:…`.
        scopes: what may be done on the user's behalf.
        ends: when it is over whatever happens, since 1970.
        idle: how long it lasts without a call.
        claims: what the issuer says of the user.
        sid: by which name the issuer knows the login.
        refresh_token: gets the next tokens; without one the session lasts as it is until its end.
        renewed: when it is time to use it, since 1970.
        expires: until when the tokens are good, since 1970.
        adopts: the guest that the user was before, until every service has taken that over.
    """

    subject: str
    scopes: frozenset[str]
    ends: float
    idle: float
    claims: dict[str, Any] = {}
    sid: str | None = None
    refresh_token: str | None = None
    renewed: float | None = None
    expires: float | None = None
    adopts: str | None = None

    @property
    def is_guest(self) -> bool:
        """Whether nobody has logged in."""
        return self.subject.startswith(GUEST)

    def identity(self, client: str, *, adopts: str | None = None) -> Identity:
        """On whose behalf calls of this session are made."""
        return Identity(subject=self.subject, scopes=self.scopes, client=client, adopts=adopts)

    def is_fresh(self, now: float) -> bool:
        """Whether it is not yet time for new tokens."""
        return self.refresh_token is None or self.renewed is None or now < self.renewed

    def is_good(self, now: float) -> bool:
        """Whether its tokens have not expired."""
        return self.refresh_token is None or self.expires is None or now < self.expires


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Session).decode


class Form:
    """How sessions are written: `<idle> <ends> <sealed>`, both in ms, for the server alone, which opens none.

    Args:
        ring: seals them.
    """

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    def write(self, key: str, session: Session) -> bytes:
        """A session as it is kept under this key."""
        lasting = b"%d %d " % (session.idle * 1000, session.ends * 1000)
        return lasting + self._ring.seal(_encode(session), _purpose(key))

    def read(self, key: str, kept: bytes) -> Session:
        """The session that was kept under this key.

        Raises:
            NotSealed: it was kept elsewhere, changed, or sealed with a key that the ring has no more.
        """
        sealed = kept.split(b" ", 2)[-1]
        content = self._ring.open(sealed, _purpose(key))
        try:
            return _decode(content)
        except msgspec.MsgspecError as fault:
            raise NotSealed(f"it is of another version: {fault}") from None


def _purpose(key: str) -> bytes:
    return b"frontispiece session\0" + key.encode()
