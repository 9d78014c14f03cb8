"""The folder that the embedded shop keeps everything in, and the keys of its demo tokens."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit.demo import USERS
from kit.settings import TokenSettings
from kit.tokens import sign

TOKENS_LAST = timedelta(hours=12)


class InUse(Exception):
    """Another run has the folder."""


@contextmanager
def locked(data: Path) -> Iterator[int]:
    """Have the folder for oneself; gives the lock's file descriptor, which children may keep open too.

    Raises:
        InUse: another run, or a child that it left behind, has the folder.
    """
    data.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"{data} is in use by another run: stop that one, or choose another folder") from None
        yield descriptor
    finally:
        os.close(descriptor)


def private_key(data: Path) -> Ed25519PrivateKey:
    """The key that signs the demo users' tokens, made at first use and readable by this user only."""
    path = data / "keys" / "token.pem"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = Ed25519PrivateKey.generate()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_pem(key))
    kept = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(kept, Ed25519PrivateKey)
    return kept


def public_key(data: Path) -> str:
    """The public half, in PEM: what tells a demo token from a forgery."""
    public = private_key(data).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(serialization.Encoding.PEM, form).decode()


def demo_token(data: Path, user: str) -> str:
    """A token of a demo user, valid for some hours."""
    settings = TokenSettings(public_key=public_key(data))
    key = _pem(private_key(data)).decode()
    return sign(private_key=key, subject=user, scopes=USERS[user], lifetime=TOKENS_LAST, settings=settings)


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
