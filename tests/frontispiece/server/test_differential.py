"""What the server accepts, uvicorn's h11, a parser of other authors, reads in the same way or refuses."""

import asyncio
from collections import Counter
from contextlib import suppress

from h11 import LocalProtocolError
from hypothesis import given
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from tests.frontispiece.server.test_fuzz import Outcome, asgi_app, by_asgi, fuzzing, outcome_of
from tests.support.request_streams import streams


class H11(H11Protocol):
    """What its own refusal of a HEAD raises (a 400 with content) ends the connection, as in uvicorn."""

    def data_received(self, data: bytes) -> None:
        """Read."""
        with suppress(LocalProtocolError):
            super().data_received(data)


def by_h11(outcome: Outcome) -> asyncio.Protocol:
    """A connection for the same app, served by uvicorn."""
    config = Config(asgi_app(outcome), ws="none", lifespan="off", log_config=None)
    return H11(config, ServerState(), {}, asyncio.get_running_loop())


def test_no_request_means_another_to_h11() -> None:
    compared: Counter[str] = Counter()

    @fuzzing
    @given(streams())
    def compare(pieces: list[bytes]) -> None:
        sent = [b"".join(pieces)]

        async def both() -> tuple[Outcome, Outcome]:
            return await outcome_of(by_asgi, sent), await outcome_of(by_h11, sent)

        ours, theirs = asyncio.run(both())
        for mine, other in zip(ours.answered, theirs.answered, strict=False):
            if other.target.startswith(b"/"):  # the absolute form becomes path and Host in ours alone
                compared[mine.method] += 1
                assert mine == other

    compare()
    assert min(compared[method] for method in ("GET", "POST", "PUT")) > 20, compared
