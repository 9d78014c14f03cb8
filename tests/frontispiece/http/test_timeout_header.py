"""The timeout header of callers, and what services make of it."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi.responses import StreamingResponse
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.http.timeout_header import milliseconds, seconds_of
from frontispiece.security import Verifier
from frontispiece.service import create_service, public
from frontispiece.settings import TokenSettings
from tests.support.serving import client_of, servers

HASTY = {"X-Timeout-Ms": "20", "X-Request-Id": "r-7"}


class Slow:
    """A service that answers when `gate` is open."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.cut = asyncio.Event()

    async def work(self) -> str:
        self.begun.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cut.set()
            raise
        return "done"

    def open_in(self, seconds: float) -> None:
        """Open the gate when the time of the caller is over."""
        asyncio.get_running_loop().call_later(seconds, self.gate.set)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
async def http(token_settings: TokenSettings, slow: Slow) -> AsyncIterator[httpx.AsyncClient]:
    """The service on a real socket."""
    app = create_service(
        title="slow",
        description="-",
        verifier=Verifier(token_settings, "slow"),
    )

    @app.api_route("/work", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @public
    async def work() -> str:
        return await slow.work()

    @app.get("/own-timeout")
    @public
    async def own_timeout() -> None:
        raise TimeoutError("a bug")

    @app.get("/stream")
    @public
    async def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[str]:
            yield "begun, "
            yield await slow.work()

        return StreamingResponse(chunks())

    async with asyncio.timeout(20), servers() as serve, client_of(await serve(app)) as client:
        yield client


@pytest.mark.parametrize("timeout_ms", ["0", "1", "20"])
async def test_a_read_whose_deadline_has_passed_is_cancelled(
    http: httpx.AsyncClient, slow: Slow, caplog: pytest.LogCaptureFixture, timeout_ms: str
) -> None:
    answer = await http.get("/work", headers={**HASTY, "X-Timeout-Ms": timeout_ms})

    assert answer.status_code == 504
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["type"], answer.json()["status"]) == (
        "urn:frontispiece:problem:deadline-exceeded",
        504,
    )
    assert answer.json()["request_id"] == "r-7"
    assert slow.cut.is_set() == slow.begun.is_set()
    assert not [record for record in caplog.records if record.exc_info], "it is nobody's bug"


async def test_the_service_serves_on_by_the_same_connection(http: httpx.AsyncClient, slow: Slow) -> None:
    assert (await http.get("/work", headers=HASTY)).status_code == 504
    slow.gate.set()
    assert (await http.get("/work", headers={"X-Timeout-Ms": "10000"})).json() == "done"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_is_finished(http: httpx.AsyncClient, slow: Slow, method: str) -> None:
    slow.open_in(0.1)
    answer = await http.request(method, "/work", headers=HASTY)

    assert (answer.status_code, answer.json()) == (200, "done")
    assert not slow.cut.is_set()


async def test_a_head_is_a_read(http: httpx.AsyncClient) -> None:
    assert (await http.head("/work", headers=HASTY)).status_code == 504


async def test_a_response_that_has_begun_is_finished(http: httpx.AsyncClient, slow: Slow) -> None:
    slow.open_in(0.6)
    answer = await http.get("/stream", headers={"X-Timeout-Ms": "500"})

    assert (answer.status_code, answer.text) == (200, "begun, done")


@pytest.mark.parametrize("garbage", ["soon", "-1", "1.5", "", "1000000000"])
async def test_an_invalid_timeout_header_is_ignored_by_a_service(
    http: httpx.AsyncClient, slow: Slow, garbage: str
) -> None:
    slow.gate.set()
    assert (await http.get("/work", headers={"X-Timeout-Ms": garbage})).status_code == 200


async def test_a_timeout_of_the_service_itself_is_its_bug(http: httpx.AsyncClient) -> None:
    answer = await http.get("/own-timeout", headers={"X-Timeout-Ms": "10000"})

    assert (answer.status_code, answer.json()["type"]) == (500, "urn:frontispiece:problem:internal-error")


@given(st.floats(min_value=0, max_value=900_000))
def test_the_header_is_read_as_written_and_never_more(seconds: float) -> None:
    read = seconds_of(milliseconds(seconds))

    assert read is not None
    assert read <= max(seconds, 0.001)
    assert read >= max(seconds - 0.001001, 0.001)
