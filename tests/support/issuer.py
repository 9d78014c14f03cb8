"""An OpenID Connect provider for tests: its document, its keys, and whatever tokens a test wants.

More endpoints are answers in `endpoints`, by method and path: a test, or a richer issuer, adds its own.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from frontispiece.gateway.auth.oidc import IssuerSettings
from tests.support.serving import Serve
from tests.support.stub import Exchange, Stub

AUDIENCE = "api"

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Answers = Callable[[Exchange], Awaitable[None]]

CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


@dataclass(frozen=True)
class IssuerKey:
    """A key that an issuer signs with."""

    algorithm: str
    private: PrivateKey
    id: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def new(cls, algorithm: str = "EdDSA") -> "IssuerKey":
        """A new key for this algorithm."""
        if algorithm == "EdDSA":
            return cls(algorithm, ed25519.Ed25519PrivateKey.generate())
        if algorithm in CURVES:
            return cls(algorithm, ec.generate_private_key(CURVES[algorithm]))
        return cls(algorithm, rsa.generate_private_key(65537, 2048))

    @property
    def public_jwk(self) -> dict[str, Any]:
        """Its public half, as it stands in the key set."""
        public = self.private.public_key()
        if isinstance(public, ed25519.Ed25519PublicKey):
            jwk = OKPAlgorithm.to_jwk(public, as_dict=True)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            jwk = ECAlgorithm.to_jwk(public, as_dict=True)
        else:
            jwk = RSAAlgorithm.to_jwk(public, as_dict=True)
        return {**jwk, "kid": self.id, "alg": self.algorithm, "use": "sig"}


class Issuer(Stub):
    """A stub. Tests change `keys`, `signer`, `changed`, `is_up`, `held`, and look at `paths`."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.url = ""
        """What it calls itself: known once it is served."""
        self.signer = IssuerKey.new()
        self.keys: list[dict[str, Any]] = [self.signer.public_jwk]
        self.clock: Callable[[], float] = time.time
        """The time in its tokens."""
        self.jwks = "off"
        """`ISSUER_JWKS` of the gateways that accept its tokens."""
        self.changed: dict[str, Any] = {}
        """Members of the document that are other than usual; None leaves one out."""
        self.is_up = True
        self.held = asyncio.Event()
        """Answers wait until this is set, as it is unless a test clears it."""
        self.held.set()
        self.endpoints: dict[tuple[str, str], Answers] = {
            ("GET", "/.well-known/openid-configuration"): self._answer_document,
            ("GET", "/keys"): self._answer_keys,
        }

    @property
    def settings(self) -> IssuerSettings:
        """How a gateway believes it."""
        return IssuerSettings(url=self.url, jwks=self.jwks)

    @property
    def document(self) -> dict[str, Any]:
        """What it says of itself."""
        usual = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/logout",
            "revocation_endpoint": f"{self.url}/revoke",
            "authorization_response_iss_parameter_supported": True,
        }
        return {name: value for name, value in {**usual, **self.changed}.items() if value is not None}

    def announce(self, algorithm: str = "EdDSA") -> IssuerKey:
        """A new key in the set, by which nothing is signed yet."""
        key = IssuerKey.new(algorithm)
        self.keys = [*self.keys, key.public_jwk]
        return key

    def rotate(self, to: IssuerKey | None = None) -> None:
        """Sign with another key from now on: with one that was announced, or else a new one."""
        self.signer = to or self.announce()

    def forget(self, key: IssuerKey) -> None:
        """Have this key in the set no more."""
        self.keys = [jwk for jwk in self.keys if jwk.get("kid") != key.id]

    def claims(self, subject: str, *scopes: str, **changed: Any) -> dict[str, Any]:
        """The claims of an access token; None leaves one out."""
        now = int(self.clock())
        usual = {
            "iss": self.url,
            "sub": subject,
            "aud": AUDIENCE,
            "client_id": "mobile",
            "scope": " ".join(scopes),
            "sid": f"sid-of-{subject}",
            "iat": now,
            "exp": now + 300,
            "jti": uuid4().hex,
        }
        return {name: value for name, value in {**usual, **changed}.items() if value is not None}

    def token(
        self,
        subject: str,
        *scopes: str,
        key: IssuerKey | None = None,
        headers: dict[str, Any] | None = None,
        **changed: Any,
    ) -> str:
        """An access token, with claims and headers changed as a test wants; None leaves one out."""
        return self.signed(self.claims(subject, *scopes, **changed), key=key, headers=headers)

    def signed(
        self, claims: dict[str, Any], *, key: IssuerKey | None = None, headers: dict[str, Any] | None = None
    ) -> str:
        """Any claims, signed."""
        signer = key or self.signer
        usual = {"typ": "at+jwt", "kid": signer.id, **(headers or {})}
        given = {name: value for name, value in usual.items() if value is not None or name == "typ"}
        return jwt.encode(claims, signer.private, algorithm=signer.algorithm, headers=given)

    def bearer(self, subject: str, *scopes: str, **changed: Any) -> dict[str, str]:
        """The Authorization header of a call with an access token."""
        return {"Authorization": f"Bearer {self.token(subject, *scopes, **changed)}"}

    def times_asked(self, path: str) -> int:
        """How often a path was asked for."""
        return self.paths.count(path)

    async def _answer(self, exchange: Exchange) -> None:
        await self.held.wait()
        if not self.is_up:
            await answer(exchange, 503, {"error": "down"})
        elif endpoint := self.endpoints.get((exchange.method, exchange.path.decode())):
            await endpoint(exchange)
        else:
            await answer(exchange, 404, {"error": "not_found"})

    async def _answer_document(self, exchange: Exchange) -> None:
        await answer(exchange, 200, self.document)

    async def _answer_keys(self, exchange: Exchange) -> None:
        await answer(exchange, 200, {"keys": self.keys})


def authorization(token: str) -> bytes:
    """The `Authorization` field with an access token."""
    return b"Bearer " + token.encode("utf-8", "surrogatepass")


async def answer(exchange: Exchange, status: int, said: Any, *headers: tuple[bytes, bytes]) -> None:
    """Answer with JSON."""
    await exchange.start(status, (b"content-type", b"application/json"), *headers)
    await exchange.end(json.dumps(said).encode())


async def issuer_at(serve: Serve) -> Issuer:
    """An issuer on a real socket."""
    issuer = Issuer()
    issuer.url = await serve(issuer)
    return issuer
