"""A service as its caller has it: every call says what came of it in one word."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import copy
from itertools import count
from pathlib import Path
from typing import Any, Final

import grpc
import httpx

from frontispiece.events import EventData
from frontispiece.events.broker import BROKER_ERRORS, connected
from frontispiece.events.envelope import broker_subject, encode
from frontispiece.http.timeout_header import TIMEOUT_HEADER
from frontispiece.security import Identity, Signer
from frontispiece.shards import ShardMap, bucket_for
from tests.contracts.worlds import EVERY_SCOPE
from tests.support.events import event

IN_TIME: Final = 15.0
"""Seconds until an answer counts as missing, on a busy machine; what hangs would take for ever."""

OK: Final = 200
DONE: Final = "done"
LATER: Final = "later"

CUSTOMERS: Final = {
    shard: next(
        name
        for name in map("customer-{}".format, count())
        if ShardMap.even(("0", "1")).shard_of(bucket_for(name)) == shard
    )
    for shard in ("0", "1")
}
"""One of each shard; the first shard is on the server that stands still, the other one is in files."""


class Service:
    """A service that runs, and a caller who may do everything.

    Args:
        name: of the service.
        app: itself.
        http: a client of it.
        signing_key: of the caller's tokens.
        broker_url: of the broker, past what stands still.
        folder: for its files.
    """

    def __init__(
        self,
        *,
        name: str,
        app: Any,
        http: httpx.AsyncClient,
        signing_key: str,
        broker_url: str,
        folder: Path,
    ) -> None:
        self.name, self.app, self.folder = name, app, folder
        self._http, self._signing_key, self._broker_url = http, signing_key, broker_url
        self.publishing: list[asyncio.Task[None]] = []
        self.shard = "0"
        """That of the caller, where there are several."""
        self.deadline = IN_TIME
        """Seconds that the caller of a read waits."""
        self.watched = IN_TIME
        """Seconds that a message has until it counts as not done."""

    @property
    def _headers(self) -> dict[str, str]:
        """A token, which is valid for a minute."""
        identity = Identity(subject=self.subject, scopes=frozenset(EVERY_SCOPE), client="web")
        return {
            "Authorization": Signer(self._signing_key, "gateway").authorization(identity, self.name).decode()
        }

    @property
    def subject(self) -> str:
        """Who calls."""
        return CUSTOMERS[self.shard]

    def called_from(self, shard: str) -> "Service":
        """The same service, with a caller of this shard."""
        other = copy(self)
        other.shard = shard
        return other

    async def get(self, path: str) -> str:
        """The status of a read."""
        timeout = {TIMEOUT_HEADER.decode(): f"{self.deadline * 1000:.0f}"}
        return str((await self._http.get(path, headers={**self._headers, **timeout})).status_code)

    async def count_after(self, path: str, body: object, key: str) -> int:
        """How many items a list has, once it has seen a write that is repeated with its key."""
        written = await self._http.post(path, json=body, headers={**self._headers, "Idempotency-Key": key})
        headers = {**self._headers, "Min-Position": written.headers["Position"]}
        while (response := await self._http.get(path, headers=headers)).status_code != OK:
            pass
        return len(response.json()["items"])

    async def post_form(self, path: str, form: dict[str, str]) -> str:
        """The status of a form."""
        return str((await self._http.post(path, data=form)).status_code)

    async def json(self, path: str) -> Any:
        """What a read without deadline responds."""
        return (await self._http.get(path, headers=self._headers)).json()

    async def send(self, method: str, path: str, body: object, **headers: str) -> str:
        """The status of a write."""
        response = await self._http.request(method, path, json=body, headers={**self._headers, **headers})
        return str(response.status_code)

    async def call(self, method: str, request: Any, timeout: float) -> str:  # noqa: ASYNC109 (gRPC's)
        """The status of a call by gRPC."""
        from shop.pb.services import DiscountsStub  # noqa: PLC0415

        metadata = [(name.lower(), value) for name, value in self._headers.items()]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.app.state.grpc_port}") as channel:
            try:
                await getattr(DiscountsStub(channel), method)(request, metadata=metadata, timeout=timeout)
            except grpc.aio.AioRpcError as error:
                return error.code().name
        return "OK"

    def publish(self, data: EventData, subject: str) -> None:
        """Have the broker deliver a message to the service, as soon as it takes it."""
        self.publishing.append(asyncio.create_task(self._publish(data, subject)))

    async def comes_to_be(self, is_done: Callable[[], Awaitable[bool]]) -> str:
        """`DONE` when something is done while this service is watched, else `LATER`."""
        try:
            async with asyncio.timeout(self.watched):
                while not await is_done():  # noqa: ASYNC110 (it has to be asked for)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return LATER
        return DONE

    async def _publish(self, data: EventData, subject: str) -> None:
        payload = encode(event(data, subject=subject))
        while True:
            with suppress(*BROKER_ERRORS):
                async with connected(self._broker_url, "test") as connection:
                    await connection.streams.publish(broker_subject(type(data)), payload, timeout=5)
                    return
            await asyncio.sleep(0.05)

    async def waiting_messages(self) -> float:
        """How many wait in its outbox, as its metrics say."""
        lines = (await self._http.get("/metrics")).text.splitlines()
        return sum(
            float(line.rpartition(" ")[2]) for line in lines if line.startswith("events_outbox_waiting{")
        )
