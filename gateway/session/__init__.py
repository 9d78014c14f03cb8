"""The browser's token handler: it logs people in and keeps their tokens, so that no browser ever sees one."""

from gateway.session.handler import Endpoint, Sessions
from gateway.session.revoked import Revoked
from gateway.session.settings import SessionSettings

__all__ = ["Endpoint", "Revoked", "SessionSettings", "Sessions"]
