from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def unobserved() -> Iterator[None]:
    """Pact tells its makers of every run unless a variable forbids it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PACT_DO_NOT_TRACK", "true")
        yield
