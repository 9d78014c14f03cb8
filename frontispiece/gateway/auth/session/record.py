"""A session as it is stored: encrypted and bound to its key, so that none can be read or swapped."""

from typing import Any, Final

import msgspec

from frontispiece.security import GUEST_PREFIX, DecryptionError, Identity, Keyring


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The session of a user or of a guest. All times are seconds, moments since 1970.

    Args:
        subject: the user, or `guest:…`.
        ends_at: the end by the absolute timeout.
        claims: of the ID token at the login, but for those about the token itself.
        issued_at: when the tokens of the login were issued.
        refresh_token: without one, the session lasts until its end.
        merged_guest: the guest before the login, until every `guest_merge` target has responded.
    """

    subject: str
    scopes: frozenset[str]
    ends_at: float
    idle_timeout: float
    claims: dict[str, Any] = {}
    sid: str | None = None
    issued_at: float = 0.0
    refresh_token: str | None = None
    refresh_at: float | None = None
    tokens_expire_at: float | None = None
    merged_guest: str | None = None

    @property
    def is_guest(self) -> bool:
        """Whether nobody has logged in."""
        return self.subject.startswith(GUEST_PREFIX)

    @property
    def login(self) -> str:
        """The login at the issuer, which may end all its tokens when one of them is revoked.

        To many issuers, a later login of the same browser, such as a step-up, is the same one; without a
        `sid`, every login of the user may be.
        """
        return f"sub:{self.subject} sid:{self.sid or ''}"

    def identity(self, client: str, *, merged_guest: str | None = None) -> Identity:
        """The caller of this session's calls."""
        return Identity(subject=self.subject, scopes=self.scopes, client=client, merged_guest=merged_guest)

    def needs_refresh(self, now: float) -> bool:
        """Whether the refresh token is to be used."""
        return self.refresh_token is not None and self.refresh_at is not None and now >= self.refresh_at

    def tokens_expired(self, now: float) -> bool:
        """Whether the access token has expired."""
        return (
            self.refresh_token is not None
            and self.tokens_expire_at is not None
            and now >= self.tokens_expire_at
        )


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(SessionRecord).decode


class SessionCodec:
    """Encodes sessions as `<idle> <ends> <encrypted>`; the times, in ms, are for the Lua scripts."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def encode(self, key: str, session: SessionRecord) -> bytes:
        """The value to store under this key."""
        times = b"%d %d " % (session.idle_timeout * 1000, session.ends_at * 1000)
        return times + self._keyring.encrypt(_encode(session), _purpose(key))

    def decode(self, key: str, stored: bytes) -> SessionRecord:
        """The session in a value that was stored under this key.

        Raises:
            DecryptionError: it is of another key, changed, or encrypted with a key that is gone.
        """
        content = self._keyring.decrypt(stored.split(b" ", 2)[-1], _purpose(key))
        try:
            return _decode(content)
        except msgspec.MsgspecError as error:
            raise DecryptionError(f"another version: {error}") from None


def _purpose(key: str) -> bytes:
    return b"frontispiece session\0" + key.encode()
