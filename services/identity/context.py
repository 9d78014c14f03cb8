"""What the endpoints share."""

from typing import Annotated, cast

import httpx
from fastapi import Depends, Request

from frontispiece.security import InvalidToken, Keyring, Verifier
from frontispiece.service import responds
from frontispiece.stores import Database
from services.identity.accounts.passwords import Authenticator, PasswordHasher
from services.identity.accounts.sso_sessions import SsoSessions
from services.identity.accounts.throttle import DeviceCookies, Throttle, network_of
from services.identity.accounts.users import Users
from services.identity.browser.templates import Templates
from services.identity.model import Clock
from services.identity.protocol.backchannel_logout import BackchannelLogoutOutbox
from services.identity.protocol.dpop import Dpop
from services.identity.protocol.grants import Grants
from services.identity.protocol.signing_keys import SigningKeys
from services.identity.protocol.token_issuer import LOGOUT_TOKEN_LIFETIME, TokenIssuer
from services.identity.settings import IdentitySettings


class Context:
    """The parts of the provider, on this database; `http` sends logout notifications."""

    def __init__(
        self, settings: IdentitySettings, database: Database, http: httpx.AsyncClient, clock: Clock
    ) -> None:
        keyring = Keyring(settings.encryption_keys)
        self.settings = settings
        self.clock = clock
        self.keys = SigningKeys(
            database,
            keyring,
            algorithm=settings.algorithm,
            lifetime=settings.key_lifetime,
            prepublish=settings.key_prepublish,
            max_token_lifetime=max(settings.access_token_lifetime, LOGOUT_TOKEN_LIFETIME),
            clock=clock,
        )
        self.tokens = TokenIssuer(settings, self.keys, clock)
        self.outbox = BackchannelLogoutOutbox(
            database,
            settings.backchannel_logout_uris,
            sign=self.tokens.logout_token,
            client=http,
            clock=clock,
            max_token_lifetime=settings.access_token_lifetime,
        )
        self.dpop = Dpop(settings, database, keyring, clock)
        self.users = Users(database, clock)
        lifetime = settings.sso_session_lifetime
        self.sso_sessions = SsoSessions(database, self.outbox, lifetime=lifetime, clock=clock)
        self.grants = Grants(database, self.outbox, lifetime=settings.refresh_token_lifetime, clock=clock)
        self.hasher = PasswordHasher(
            memory_cost=settings.argon2_memory_cost, time_cost=settings.argon2_time_cost
        )
        self.devices = DeviceCookies(keyring)
        self.authenticator = Authenticator(self.users, self.hasher, Throttle(database, clock), self.devices)
        self.templates = Templates(settings)
        self.verifier = Verifier(settings.tokens, "identity")

    def network(self, request: Request) -> str:
        """The network that a request comes from; only the gateway may name its client's address."""
        address = request.client.host if request.client else ""
        token = request.headers.get("x-internal-token", "")
        forwarded = request.headers.get("x-forwarded-for", "")
        if token and forwarded:
            try:
                self.verifier.verify(token.removeprefix("Bearer "))
            except InvalidToken:
                return network_of(address)
            address = forwarded.rpartition(",")[2].strip()  # the entry that the gateway itself added
        return network_of(address)


@responds(503)
def _context(request: Request) -> Context:
    return cast(Context, request.app.state.context)


Provided = Annotated[Context, Depends(_context)]
