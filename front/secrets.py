"""What the embedded shop's roles know that nobody else does: made at its first start, kept in its folder."""

import os
import secrets
from pathlib import Path
from typing import Final, Self

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit.sealing import new_key

SIGNERS: Final = ("gateway", "bff", "ordering")
"""Who signs internal tokens: on one machine, both BFFs share a key."""


class Secrets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The secrets of one shop.

    Args:
        signing_keys: Ed25519 private keys in PEM, one of each of `SIGNERS`.
        session_key: seals what the gateway keeps of sessions.
        identity_key: seals identity's own signing keys.
        client_secret: by it identity knows the gateway.
    """

    signing_keys: dict[str, str]
    session_key: str
    identity_key: str
    client_secret: str

    @classmethod
    def new(cls) -> Self:
        """Random ones."""
        return cls(
            signing_keys={name: _pem(Ed25519PrivateKey.generate()) for name in SIGNERS},
            session_key=new_key(),
            identity_key=new_key(),
            client_secret=secrets.token_urlsafe(32),
        )


def kept(data: Path) -> Secrets:
    """The secrets of the shop in a folder, made at first use and readable by this user only."""
    path = data / "keys" / "secrets.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(Secrets.new()))
        draft.rename(path)  # whole or not at all
    return msgspec.json.decode(path.read_bytes(), type=Secrets)


def _pem(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
