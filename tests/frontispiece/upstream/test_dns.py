"""Addresses by DNS, of a real server on a UDP socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from dns.asyncresolver import Resolver
from dns.flags import QR
from dns.message import from_wire, make_response
from dns.rcode import NXDOMAIN
from dns.rrset import from_text

from frontispiece.registry import Instance
from frontispiece.upstream import discovery
from frontispiece.upstream.load_balancer import LoadBalancer
from frontispiece.upstream.transports.http1 import Http1Transport
from tests.frontispiece.upstream.fakes import GET
from tests.support.serving import servers
from tests.support.stub import Stub, answering
from tests.support.waiting import TIMEOUT, until


class Nameserver(asyncio.DatagramProtocol):
    """Answers with the `records` of a name and type: `{"things.test. A": (ttl, "127.0.0.1")}`."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[Any, ...]] = {}
        self.questions = 0
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.questions += 1
        query = from_wire(data)
        (question,) = query.question
        response = make_response(query)
        response.flags |= QR
        name, kind = question.name.to_text(), question.rdtype.name
        if found := self.records.get(f"{name} {kind}"):
            ttl, *records = found
            response.answer.append(from_text(question.name, ttl, "IN", kind, *records))
        elif not any(known.startswith(f"{name} ") for known in self.records):
            response.set_rcode(NXDOMAIN)
        self._transport.sendto(response.to_wire(), addr)


@pytest.fixture
async def nameserver() -> AsyncIterator[Nameserver]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Nameserver, ("127.0.0.1", 0))
    server.port = transport.get_extra_info("sockname")[1]
    yield server
    transport.close()


def resolver(nameserver: Nameserver) -> Resolver:
    made = Resolver(configure=False)
    made.nameservers = ["127.0.0.1"]
    made.port = nameserver.port
    return made


@asynccontextmanager
async def found(url: str, nameserver: Nameserver, scheme: str = "http") -> AsyncIterator[Any]:
    """The next instances that are found behind an address, each time it is called."""
    changes = discovery.dns(url, resolver(nameserver), scheme=scheme)()

    async def following() -> list[Instance]:
        async with asyncio.timeout(TIMEOUT):
            return [*await anext(changes)]

    yield following
    await changes.aclose()


async def test_all_addresses_of_a_name_are_instances_and_changes_are_seen_when_the_records_expire(
    nameserver: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "MIN_TTL", 0.01)
    nameserver.records["things.test. A"] = (0, "127.0.0.2", "127.0.0.1")
    async with found("dns://things.test:80", nameserver) as following:
        assert await following() == [
            Instance(address="http://127.0.0.1:80"),
            Instance(address="http://127.0.0.2:80"),
        ]
        nameserver.records["things.test. A"] = (60, "127.0.0.3")
        assert await following() == [Instance(address="http://127.0.0.3:80")]

        questions = nameserver.questions
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(following(), 0.2)
    assert nameserver.questions == questions, "nobody is asked before the records expire"


@pytest.mark.parametrize("scheme", ["http", "grpc"])
async def test_a_name_without_ipv4_has_its_ipv6_addresses(nameserver: Nameserver, scheme: str) -> None:
    nameserver.records["things.test. AAAA"] = (60, "::1")

    async with found("dns://things.test:80", nameserver, scheme) as following:
        assert await following() == [Instance(address=f"{scheme}://[::1]:80")]


async def test_srv_records_say_ports_weights_and_priorities(nameserver: Nameserver) -> None:
    nameserver.records |= {
        "_http._tcp.things.test. SRV": (60, "10 5 8001 a.test.", "20 0 8002 b.test."),
        "a.test. A": (60, "127.0.0.1"),
        "b.test. A": (60, "127.0.0.2"),
    }

    async with found("srv://_http._tcp.things.test", nameserver) as following:
        assert await following() == [
            Instance(address="http://127.0.0.1:8001", priority=10, weight=5.0),
            Instance(address="http://127.0.0.2:8002", priority=20, weight=1.0),
        ]


async def test_calls_name_the_service_and_go_on_while_no_server_knows_it(
    nameserver: Nameserver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(discovery, "MIN_TTL", 0.01)
    stub = Stub(answering(200, b"here"))
    async with servers() as serve:
        port = int((await serve(stub)).rpartition(":")[2])
        nameserver.records["things.test. A"] = (0, "127.0.0.1")
        url = f"dns://things.test:{port}"
        balancer = LoadBalancer(
            {},
            health=None,
            discovery=discovery.dns(url, resolver(nameserver)),
            connect=lambda address: Http1Transport(address, host=f"things.test:{port}"),
        )
        async with balancer:
            nameserver.records.clear()
            await until(lambda: "cannot be resolved" in caplog.text)
            async with await balancer.send(GET) as reply:
                assert await reply.read(10) == b"here"
    assert stub.last.all(b"host") == [f"things.test:{port}".encode()]
