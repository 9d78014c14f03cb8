"""Native gRPC: calls of grpcio through Envoy, about which the gateway decides."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import jwt
import pytest

from tests.conftest import MakeToken
from tests.frontispiece.gateway.grpc.library import SERVICE
from tests.frontispiece.gateway.grpc.native import BOOK, FIND, ROUTE, Greeter, World, native_world
from tests.support.issuer import Issuer
from tests.support.serving import client_of
from tests.support.tables import route


@pytest.fixture
async def greeter() -> Greeter:
    return Greeter()


@pytest.fixture
async def world(tmp_path: Path, issuer: Issuer, greeter: Greeter) -> AsyncIterator[World]:
    async with (
        greeter.serving() as library,
        native_world(tmp_path, {"library": library}, issuer=issuer) as world,
    ):
        await world.serve(ROUTE)
        yield world


async def refusal(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value


async def test_a_call_of_each_kind_reaches_its_method_with_what_the_gateway_says_of_its_caller(
    world: World, greeter: Greeter, bearer: MakeToken
) -> None:
    token = ("authorization", bearer("reader", "shop")["Authorization"])
    forged = [
        ("x-user-id", "clerk"),
        ("x-internal-token", "forged"),
        ("x-forwarded-for", "192.0.2.77"),
        ("forwarded", "for=192.0.2.77"),
        ("cookie", "a=b"),
        ("x-plane-cluster", "decisions"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-timeout-ms", "20000"),  # right, beside one that is not
        ("x-timeout-ms", "1"),
    ]
    call = world.method("GetBook")(
        BOOK(name="a"), metadata=[token, *forged, ("x-kind", "b"), ("x-raw-bin", b"\0\1")], timeout=60
    )
    answer = await call

    assert answer.name == "a"
    assert dict(await call.initial_metadata())["x-shelf"] == "7"
    assert "x-request-id" in dict(await call.initial_metadata())
    assert dict(await call.trailing_metadata())["x-left"] == "3"
    assert (greeter.named("x-kind"), greeter.named("x-raw-bin")) == (["b"], [b"\0\1"])
    received = {name for name, _ in greeter.metadata}
    assert not received & {"x-user-id", "x-internal-token", "forwarded", "cookie", "x-plane-cluster"}
    assert not [name for name in received if name.startswith(("x-envoy-", "x-plane-"))]
    assert greeter.named("x-forwarded-for")[0].count(",") == 0
    assert greeter.named("x-forwarded-for") != ["192.0.2.77"]
    assert greeter.named("x-timeout-ms") == ["20000"]
    assert len(greeter.named("x-request-id")) == 1
    [given] = greeter.named("authorization")
    assert given != token[1]
    claims = jwt.decode(given.removeprefix("Bearer "), options={"verify_signature": False})
    assert (claims["aud"], claims["sub"], claims["scope"]) == ("library", "reader", "shop")
    assert greeter.seconds is not None
    assert 5 < greeter.seconds < 21  # the route's, which is shorter than the client's

    books = [BOOK(name=str(number)) for number in range(3)]
    sent = await world.method("SendBooks", "stream_unary")(iter(books), metadata=[token], timeout=60)
    assert sent.copies == 3
    watched = world.method("WatchBooks", "unary_stream")(FIND(tags="abc"), metadata=[token], timeout=60)
    assert [each.name async for each in watched] == ["a", "b", "c"]
    traded = world.method("TradeBooks", "stream_stream")(metadata=[token], timeout=60)
    for book in books:  # each comes back before the next is sent
        await traded.write(book)
        assert await traded.read() == book
    await traded.done_writing()
    assert await traded.read() is grpc.aio.EOF


async def test_a_refusal_is_a_status_of_grpc_with_the_type_of_its_problem(
    world: World, bearer: MakeToken
) -> None:
    get = world.method("GetBook")

    async def refused(
        *metadata: tuple[str, str], method: Any = get
    ) -> tuple[grpc.StatusCode, Any, str | None]:
        error = await refusal(method(BOOK(name="a"), metadata=metadata, timeout=60))
        return error.code(), dict(error.trailing_metadata()).get("problem-type"), error.details()

    code = grpc.StatusCode
    shop = ("authorization", bearer("reader", "shop")["Authorization"])
    none = ("authorization", bearer("other")["Authorization"])
    assert await refused() == (code.UNAUTHENTICATED, "token-missing", "This needs a bearer token.")
    assert (await refused(("authorization", "Bearer x")))[:2] == (code.UNAUTHENTICATED, "token-invalid")
    assert await refused(none) == (code.PERMISSION_DENIED, "scope-missing", "This needs the scope shop.")
    elsewhere = world.channel.unary_unary("/library.v1.Other/Get", BOOK.SerializeToString, BOOK.FromString)
    assert (await refused(shop, method=elsewhere))[:2] == (code.UNIMPLEMENTED, "no-route")
    assert (await refused(shop, method=world.method("Nothing")))[0] is code.UNIMPLEMENTED

    await world.serve({**ROUTE, "rate_limit": {"rate": "1/hour", "burst": 1, "by": "user"}})
    await get(BOOK(name="a"), metadata=[shop], timeout=60)
    error = await refusal(get(BOOK(name="a"), metadata=[shop], timeout=60))
    assert error.code() is code.RESOURCE_EXHAUSTED
    assert {"problem-type", "retry-after"} <= dict(error.trailing_metadata()).keys()

    await world.serve(ROUTE, url="grpc://127.0.0.1:1")
    unreachable = (code.UNAVAILABLE, "upstream-unavailable", "The service cannot be reached.")
    assert await refused(shop) == unreachable

    async with client_of(world.url) as http:
        public = await http.post(f"/{SERVICE}/GetBook", headers={"authorization": shop[1]})
        assert public.status_code == 404  # no port but that of Envoy decides, and no decision leaves it


async def test_a_call_ends_at_its_deadline_and_a_stream_when_it_pauses_for_too_long(
    world: World, bearer: MakeToken
) -> None:
    token = ("authorization", bearer("reader", "shop")["Authorization"])
    await world.serve({**ROUTE, "timeout": "300ms"})
    slow = await refusal(world.method("GetBook")(BOOK(name="slow"), metadata=[token], timeout=60))
    assert slow.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    trade = world.method("TradeBooks", "stream_stream")(metadata=[token], timeout=60)
    await trade.write(BOOK(name="a"))
    assert (await trade.read()).name == "a"
    with pytest.raises(grpc.aio.AioRpcError):
        await trade.read()


async def test_streams_outlive_a_reload_that_moves_their_service_and_new_calls_go_where_it_is(
    world: World, greeter: Greeter, bearer: MakeToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontispiece.gateway.grpc.data_plane.DRAIN_TIME", 0.0)  # Envoy forgets where it was
    token = ("authorization", bearer("reader", "shop")["Authorization"])
    trade = world.method("TradeBooks", "stream_stream")(metadata=[token], timeout=60)
    await trade.write(BOOK(name="before"))
    assert (await trade.read()).name == "before"

    other = Greeter()
    async with other.serving() as elsewhere:
        await world.serve(ROUTE, url=f"grpc://{elsewhere}")
        await world.method("GetBook")(BOOK(name="a"), metadata=[token], timeout=60)
        assert other.metadata
        assert not greeter.metadata
        await trade.write(BOOK(name="after"))
        assert (await trade.read()).name == "after"
        await world.serve(route("/a", to="library"), url=f"grpc://{elsewhere}")
        gone = await refusal(world.method("GetBook")(BOOK(name="a"), metadata=[token], timeout=60))
        assert gone.code() is grpc.StatusCode.UNIMPLEMENTED
        await trade.write(BOOK(name="still"))
        assert (await trade.read()).name == "still"


async def test_without_a_decision_no_call_is_passed_on_wherever_its_client_wants_it(
    world: World, greeter: Greeter, bearer: MakeToken
) -> None:
    [cluster] = world.data_plane.clusters.values()
    (world.data_plane.folder / "decisions.sock").unlink()

    for forged in (
        [],
        [("x-plane-cluster", cluster)],
        [("x-plane-cluster", cluster), ("x-plane-idle-ms", "1")],
    ):
        token = ("authorization", bearer("reader", "shop")["Authorization"])
        refused = await refusal(world.method("GetBook")(BOOK(), metadata=[token, *forged], timeout=60))
        assert refused.code() is grpc.StatusCode.UNAVAILABLE
    assert not greeter.metadata


async def test_an_instance_that_says_it_cannot_serve_is_left_out_and_none_by_its_clients_faults(
    tmp_path: Path, greeter: Greeter
) -> None:
    other = Greeter()
    async with greeter.serving() as one, other.serving() as two, native_world(tmp_path, {}) as world:
        await world.serve({**ROUTE, "auth": "none", "scopes": []}, url=[f"grpc://{one}", f"grpc://{two}"])
        get = world.method("GetBook")
        path, headers = f"http://{world.where}/{SERVICE}/GetBook", {"content-type": "application/grpc"}
        async with httpx.AsyncClient(http1=False, http2=True) as http:
            assert (await http.get(path, headers=headers)).headers["grpc-status"] == "12"
            for _ in range(12):
                await http.post(path, headers=headers)  # without `te`: the service resets the stream
                missing = await refusal(world.method("FindBooks")(FIND(), timeout=60))
                assert missing.code() is grpc.StatusCode.UNIMPLEMENTED
        while not (greeter.metadata and other.metadata):
            await get(BOOK(), timeout=60)

        other.fails = True
        codes = [await get(BOOK(), timeout=60).code() for _ in range(200)]
        assert codes.count(grpc.StatusCode.UNAVAILABLE) == 5
        assert set(codes[-50:]) == {grpc.StatusCode.OK}


async def test_one_caller_never_has_all_streams_of_a_service(
    world: World, bearer: MakeToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontispiece.gateway.grpc.clusters.MAX_STREAMS", 2)
    await world.serve({**ROUTE, "timeout": "21s"})

    async def trade(caller: str) -> Any:
        token = ("authorization", bearer(caller, "shop")["Authorization"])
        call = world.method("TradeBooks", "stream_stream")(metadata=[token], timeout=60)
        await call.write(BOOK(name=caller))
        assert (await call.read()).name == caller
        return call

    open_calls = [await trade("reader"), await trade("reader")]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await trade("reader")
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert dict(refused.value.trailing_metadata())["problem-type"] == "upstream-overloaded"
    through = await asyncio.gather(*map(trade, "abcdefgh"), return_exceptions=True)
    assert [each for each in through if not isinstance(each, BaseException)]
    open_calls.pop().cancel()
