"""Sessions of browsers: the gateway logs users in and keeps their tokens, so that no browser sees one."""

from frontispiece.gateway.auth.session.sessions import Endpoint, Sessions
from frontispiece.gateway.auth.session.settings import SessionSettings, valid_origin

__all__ = ["Endpoint", "SessionSettings", "Sessions", "valid_origin"]
