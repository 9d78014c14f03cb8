"""A verifier of access tokens in front of an issuer on a real socket, without a gateway around it."""

from collections.abc import AsyncIterator

import pytest

from frontispiece.gateway.auth.oidc import AccessTokens, Provider
from tests.support.issuer import Issuer


@pytest.fixture
async def provider(issuer: Issuer) -> AsyncIterator[Provider]:
    """The issuer, as a gateway with a secret of its own asks it."""
    async with Provider(issuer.settings, client_id="web", client_secret="s3cr:t é") as provider:
        yield provider


@pytest.fixture
def access(provider: Provider) -> AccessTokens:
    """Tells its true access tokens from false ones."""
    return provider.access_tokens()
