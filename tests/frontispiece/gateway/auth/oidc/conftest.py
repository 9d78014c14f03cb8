"""A verifier of access tokens in front of an issuer on a real socket, without a gateway around it."""

from collections.abc import AsyncIterator

import pytest

from frontispiece.gateway.auth.oidc import AccessTokens, Provider
from tests.support.clock import START, Clock
from tests.support.issuer import Issuer


@pytest.fixture
def clock(issuer: Issuer) -> Clock:
    """The time, for the issuer and for the gateway."""
    issuer.clock = clock = Clock(START)
    return clock


@pytest.fixture
async def provider(issuer: Issuer, clock: Clock) -> AsyncIterator[Provider]:
    """The issuer, as a gateway with a secret of its own asks it."""
    async with Provider(issuer.settings, client_id="web", client_secret="s3cr:t é", clock=clock) as provider:
        yield provider


@pytest.fixture
def access(provider: Provider) -> AccessTokens:
    """Tells its true access tokens from false ones."""
    return provider.access_tokens()
