import pytest

from tests.support.patience import extend_timeouts


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    extend_timeouts(monkeypatch)
