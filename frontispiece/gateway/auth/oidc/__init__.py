"""The OpenID provider that the gateway trusts: its access tokens, its keys and its token endpoint.

Services never see these tokens; they get internal ones (`frontispiece.security`).
"""

from frontispiece.gateway.auth.oidc.access_tokens import AccessToken, AccessTokens
from frontispiece.gateway.auth.oidc.claims import LogoutToken, Subjects
from frontispiece.gateway.auth.oidc.client import Provider
from frontispiece.gateway.auth.oidc.documents import Metadata, TokenResponse
from frontispiece.gateway.auth.oidc.http import ProviderUnavailable, TokenRefused
from frontispiece.gateway.auth.oidc.settings import FurtherIssuer, IssuerSettings
from frontispiece.gateway.auth.oidc.several_issuers import SeveralIssuers, TokenVerification

__all__ = [
    "AccessToken",
    "AccessTokens",
    "FurtherIssuer",
    "IssuerSettings",
    "LogoutToken",
    "Metadata",
    "Provider",
    "ProviderUnavailable",
    "SeveralIssuers",
    "Subjects",
    "TokenRefused",
    "TokenResponse",
    "TokenVerification",
]
