"""What is kept encrypted: sealed with the first key of a ring, opened with any of them.

AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits. A key is changed by putting a new one first:
what older keys have sealed can be opened as long as these stay in the ring.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
NAME_BYTES = 4
"""How much of a key's digest says, before the nonce, which key sealed it."""


class NotSealed(Exception):
    """It was not sealed with a key of this ring, or not for this purpose, or was changed since."""


def new_key() -> str:
    """A random key, as settings have it: 32 bytes in base64url."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


class Ring:
    """Keys, the newest first.

    Args:
        keys: each 32 bytes in base64url, with or without padding; at least one.

    Raises:
        ValueError: one of them is no such key, or there is none.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("a ring has at least one key")
        ciphers = [(hashlib.sha256(raw).digest()[:NAME_BYTES], AESGCM(raw)) for raw in map(_raw, keys)]
        self._first = ciphers[0]
        self._by_name = dict(reversed(ciphers))

    def seal(self, content: bytes, purpose: bytes) -> bytes:
        """Content that only a holder of the ring can read, and only for the same purpose."""
        name, cipher = self._first
        nonce = os.urandom(NONCE_BYTES)
        return name + nonce + cipher.encrypt(nonce, content, purpose)

    def open(self, sealed: bytes, purpose: bytes) -> bytes:
        """What was sealed for this purpose.

        Raises:
            NotSealed: it was not, with none of these keys.
        """
        name, nonce = sealed[:NAME_BYTES], sealed[NAME_BYTES : NAME_BYTES + NONCE_BYTES]
        cipher = self._by_name.get(name)
        if cipher is None or len(nonce) < NONCE_BYTES:
            raise NotSealed("no key of the ring has sealed this")
        try:
            return cipher.decrypt(nonce, sealed[NAME_BYTES + NONCE_BYTES :], purpose)
        except InvalidTag:
            raise NotSealed("it was sealed for something else, or changed since") from None


def _raw(key: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ValueError(f"a key is {KEY_BYTES} bytes in base64url")
    return raw
