"""What all parts of session handling share."""

from typing import Final

from frontispiece.aio.background import BackgroundTasks
from frontispiece.aio.ref_counted import RefCounted
from frontispiece.gateway.auth.oidc import Provider
from frontispiece.gateway.auth.open_streams import OpenStreams
from frontispiece.gateway.auth.session.invalidation import RevocationList
from frontispiece.gateway.auth.session.local_cache import LocalSessionCache
from frontispiece.gateway.auth.session.settings import SessionSettings
from frontispiece.gateway.auth.session.valkey_store import SessionStore
from frontispiece.gateway.config.session import Session
from frontispiece.http.problems import Problem
from frontispiece.security import Keyring

SHUTDOWN_TIMEOUT: Final = 6.0
"""Seconds that the gateway's end waits for background tasks: longer than the issuer has for a response."""


class SessionContext:
    """The parts of one table's sessions; made without I/O.

    Args:
        previous: of the table before, whose open streams and revocations are taken over.
    """

    def __init__(
        self,
        settings: SessionSettings,
        config: Session,
        provider: Provider,
        previous: "SessionContext | None" = None,
    ) -> None:
        self.settings = settings
        self.config = config
        self.provider = provider
        self.clock = clock = provider.clock
        self.keyring = Keyring(settings.encryption_keys)
        retention = provider.settings.revocation_retention
        self.store = SessionStore(settings.valkey_url, self.keyring, retention, clock)
        self.cache = LocalSessionCache(settings.local_cache_ttl)
        self.shared_streams: RefCounted[OpenStreams] = (
            previous.shared_streams if previous else RefCounted(OpenStreams())
        )
        self.streams = self.shared_streams.resource
        self.revocations = RevocationList(retention, clock)
        if previous:
            previous.revocations.copy_to(self.revocations)
        self.revocations.subscribe(self.streams.end_login)
        self.background = BackgroundTasks(expected=(Problem,), shutdown_timeout=SHUTDOWN_TIMEOUT)
        """Tasks that outlive a request."""

    def end_session(self, key: str) -> None:
        """A session has ended: this process has no copy of it from now on, and its streams end."""
        self.cache.evict(key)
        self.streams.end_session(key)

    def end_login(self, *, sid: str | None, subject: str | None, at: float) -> None:
        """The same for a login, or for all logins of a user up to a moment: their tokens are revoked, too."""
        self.cache.evict_login(sid=sid, subject=subject)
        self.revocations.add(sid=sid, subject=subject, at=at)

    @property
    def origin(self) -> bytes:
        """The web origin of our own pages."""
        return self.settings.origin.encode()

    def url(self, suffix: str) -> str:
        """The path of one of the session's own endpoints, such as `/login`."""
        return self.config.path + suffix
