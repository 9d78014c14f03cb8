from collections.abc import Iterator

import pytest

from tests.bff.conftest import enforced, times

__all__ = ["enforced", "times"]  # contracts are about what BFFs say, not how fast: a slow machine breaks none


@pytest.fixture(scope="session", autouse=True)
def unobserved() -> Iterator[None]:
    """Pact tells its makers of every run unless a variable forbids it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PACT_DO_NOT_TRACK", "true")
        yield
