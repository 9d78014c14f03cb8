"""Encryption at rest: AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits.

To rotate a key, put the new one first: it encrypts from then on, and the older keys still decrypt.
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
KEY_ID_BYTES = 4
"""Bytes of the key's digest that precede the nonce and select the key."""


class DecryptionError(Exception):
    """The ciphertext is of another key or another purpose, or was changed."""


def new_key() -> str:
    """A random key as settings contain it: 32 bytes in base64url."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


class Keyring:
    """Encrypts with its first key, decrypts with any.

    Args:
        keys: at least one, the newest first; each 32 bytes in base64url, with or without padding.

    Raises:
        ValueError: there is no key, or one is malformed.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("a keyring needs at least one key")
        ciphers = [(hashlib.sha256(raw).digest()[:KEY_ID_BYTES], AESGCM(raw)) for raw in map(_decode, keys)]
        self._first = ciphers[0]
        self._by_id = dict(reversed(ciphers))

    def encrypt(self, content: bytes, purpose: bytes) -> bytes:
        """The ciphertext of `content`, bound to `purpose` as associated data."""
        key_id, cipher = self._first
        nonce = os.urandom(NONCE_BYTES)
        return key_id + nonce + cipher.encrypt(nonce, content, purpose)

    def decrypt(self, ciphertext: bytes, purpose: bytes) -> bytes:
        """The content that was encrypted for this purpose.

        Raises:
            DecryptionError: no key of the ring fits, the purpose differs, or the ciphertext was changed.
        """
        key_id, nonce = ciphertext[:KEY_ID_BYTES], ciphertext[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES]
        cipher = self._by_id.get(key_id)
        if cipher is None or len(nonce) < NONCE_BYTES:
            raise DecryptionError("no key of the ring fits")
        try:
            return cipher.decrypt(nonce, ciphertext[KEY_ID_BYTES + NONCE_BYTES :], purpose)
        except InvalidTag:
            raise DecryptionError("another purpose, or changed content") from None


def _decode(key: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ValueError(f"a key is {KEY_BYTES} bytes in base64url")
    return raw
