"""Time for what the gateway waits for: a busy machine is no failure of the issuer or of Valkey."""

import pytest

from tests.support.waiting import TIMEOUT

LIMITS = (
    "frontispiece.gateway.auth.oidc.http.TIMEOUT",
    "frontispiece.gateway.auth.session.create.TIMEOUT",
    "frontispiece.gateway.auth.session.guest_merge.TIMEOUT",
    "frontispiece.gateway.auth.session.refresh.ISSUER_TIMEOUT",
    "frontispiece.gateway.auth.session.refresh.WAIT_TIMEOUT",
    "frontispiece.gateway.auth.session.subscriber.TIMEOUT",
    "frontispiece.gateway.auth.session.valkey_store.TIMEOUT",
)


def extend_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the issuer, Valkey and services a minute to answer in this test."""
    for limit in LIMITS:
        monkeypatch.setattr(limit, TIMEOUT)
