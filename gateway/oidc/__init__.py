"""The OpenID Connect provider that the gateway believes: its tokens, its keys and its token endpoint.

These are tokens from outside. What services get instead are internal ones (`kit.tokens`).
"""

from gateway.oidc.access import AccessTokens, Revocations
from gateway.oidc.claims import LogoutToken
from gateway.oidc.errors import ProviderUnavailable, TokenRefused
from gateway.oidc.provider import Metadata, Provider, Tokens
from gateway.oidc.settings import IssuerSettings

__all__ = [
    "AccessTokens",
    "IssuerSettings",
    "LogoutToken",
    "Metadata",
    "Provider",
    "ProviderUnavailable",
    "Revocations",
    "TokenRefused",
    "Tokens",
]
