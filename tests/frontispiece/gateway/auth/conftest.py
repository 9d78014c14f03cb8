import pytest

LIMITS = {
    "oidc.http": ("TIMEOUT",),
    "session.create": ("TIMEOUT",),
    "session.guest_merge": ("TIMEOUT",),
    "session.refresh": ("ISSUER_TIMEOUT", "WAIT_TIMEOUT"),
    "session.subscriber": ("TIMEOUT",),
    "session.valkey_store": ("TIMEOUT",),
}


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The issuer, Valkey and services have a minute to answer: the machine may be busy."""
    for module, names in LIMITS.items():
        for name in names:
            monkeypatch.setattr(f"frontispiece.gateway.auth.{module}.{name}", 60.0)
