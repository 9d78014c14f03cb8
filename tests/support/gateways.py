"""Gateways as tests want them: built directly, with whatever stands for what is around them."""

from collections.abc import Mapping
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import table
from gateway.access import AccessLog
from gateway.app import Gateway
from gateway.cache.settings import CacheSettings
from gateway.load import Load
from gateway.oidc import Provider
from kit.settings import Directory
from kit.tokens import Signer
from tests.support.issuer import Issuer


@cache
def any_key() -> str:
    """A key for gateways whose services do not look at what it signs."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


def gateway_of(
    routes: str,
    services: Mapping[str, str],
    *,
    key: str | None = None,
    issuer: Issuer | None = None,
    caching: CacheSettings | None = None,
    explains: bool = False,
    access_log: AccessLog | None = None,
    valkey_url: str = "off",
    load: Load | None = None,
) -> Gateway:
    """A gateway with this table, in front of services at these addresses."""
    return Gateway(
        table.parse(routes),
        Directory(services=dict(services)),
        signer=Signer(key or any_key(), "gateway"),
        provider=Provider(issuer.settings) if issuer else None,
        caching=caching,
        explains=explains,
        access_log=access_log,
        valkey_url=valkey_url,
        load=load,
    )
