import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import httpx
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy.engine import make_url

from frontispiece.settings import TokenSettings
from services.discount.app import DiscountSettings, create_app
from services.discount.store import Store
from shop.pb import discount_pb2 as pb
from shop.pb.services import DiscountsStub
from tests.conftest import AppClient, MakeToken
from tests.support.events import NO_BROKER
from tests.support.postgres import Postgres

Metadata = list[tuple[str, str]]


class Service(NamedTuple):
    calls: Any
    http: httpx.AsyncClient
    app: FastAPI


class Failure(NamedTuple):
    code: grpc.StatusCode
    kind: object
    words: str


def settings(url: str, tokens: TokenSettings, *, seed: bool = False) -> DiscountSettings:
    return DiscountSettings(
        database_url=url, grpc_listen="127.0.0.1:0", seed=seed, events=NO_BROKER, tokens=tokens
    )


@pytest.fixture
async def service(
    sqlite_url: str, token_settings: TokenSettings, app_client: AppClient
) -> AsyncIterator[Service]:
    app = create_app(settings(sqlite_url, token_settings, seed=True))
    async with (
        app_client(app) as http,
        grpc.aio.insecure_channel(f"127.0.0.1:{app.state.grpc_port}") as channel,
    ):
        yield Service(DiscountsStub(channel), http, app)


@pytest.fixture
def clerk(bearer: MakeToken) -> Metadata:
    return metadata(bearer("clerk", "discount:write"))


def metadata(headers: dict[str, str]) -> Metadata:
    return [(name.lower(), value) for name, value in headers.items()]


def creation(key: str = "key-00001", **terms: Any) -> pb.CreateDiscountRequest:
    wanted = {"sku": "PEN", "percent": 10, "description": "for a test", **terms}
    return pb.CreateDiscountRequest(discount=pb.Discount(**wanted), idempotency_key=key)


async def failure(call: Awaitable[Any]) -> Failure:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    trailing = dict(raised.value.trailing_metadata() or ())
    return Failure(raised.value.code(), trailing.get("problem-type"), raised.value.details() or "")


async def test_the_best_discount_of_each_article_is_public_and_coupons_count_in_any_case(
    service: Service,
) -> None:
    skus = [f"INKS-{number:03d}" for number in range(1, 33)]
    plain = await service.calls.ListDiscounts(pb.ListDiscountsRequest(skus=skus))
    given = await service.calls.ListDiscounts(pb.ListDiscountsRequest(skus=skus, coupon="ink20"))

    assert 0 < len(plain.discounts) < 32
    assert all(discount.coupon == "" for discount in plain.discounts.values())
    assert set(given.discounts) == set(skus)
    for sku in skus:
        mine = plain.discounts[sku].percent if sku in plain.discounts else 0
        assert given.discounts[sku].percent == max(20, mine)


async def test_a_welcome_coupon_is_for_every_article_and_an_unknown_one_for_none(service: Service) -> None:
    welcome = pb.ListDiscountsRequest(skus=["ANYTHING"], coupon=" Welcome10 ")
    unknown = pb.ListDiscountsRequest(skus=["ANYTHING"], coupon="nö\x00pe")

    assert (await service.calls.ListDiscounts(welcome)).discounts["ANYTHING"].percent == 10
    assert not (await service.calls.ListDiscounts(unknown)).discounts


async def test_a_clerk_creates_changes_and_deletes_a_discount(service: Service, clerk: Metadata) -> None:
    created = await service.calls.CreateDiscount(creation(coupon="pen10"), metadata=clerk)
    assert (created.sku, created.percent, created.coupon, created.version) == ("PEN", 10, "PEN10", 1)
    assert await service.calls.GetDiscount(pb.GetDiscountRequest(id=created.id)) == created

    wanted = pb.Discount(id=created.id, sku="PEN", percent=25, version=1)
    changed = await service.calls.UpdateDiscount(pb.UpdateDiscountRequest(discount=wanted), metadata=clerk)
    assert (changed.percent, changed.coupon, changed.version) == (25, "", 2)
    listed = await service.calls.ListDiscounts(pb.ListDiscountsRequest(skus=["PEN"]))
    assert listed.discounts["PEN"] == changed

    await service.calls.DeleteDiscount(pb.DeleteDiscountRequest(id=created.id, version=2), metadata=clerk)
    gone = await failure(service.calls.GetDiscount(pb.GetDiscountRequest(id=created.id)))
    assert (gone.code, gone.kind) == (grpc.StatusCode.NOT_FOUND, "discount-unknown")


async def test_a_change_needs_a_discount_that_exists_and_its_current_version(
    service: Service, clerk: Metadata
) -> None:
    created = await service.calls.CreateDiscount(creation(), metadata=clerk)
    for discount_id, code, kind in (
        (created.id, grpc.StatusCode.ABORTED, "version-outdated"),
        ("nope", grpc.StatusCode.NOT_FOUND, "discount-unknown"),
    ):
        change = pb.Discount(id=discount_id, sku="PEN", percent=25, version=7)
        update, delete = pb.UpdateDiscountRequest(discount=change), pb.DeleteDiscountRequest(id=discount_id)
        refusals = [
            await failure(service.calls.UpdateDiscount(update, metadata=clerk)),
            await failure(service.calls.DeleteDiscount(delete, metadata=clerk)),
        ]
        assert {(refused.code, refused.kind) for refused in refusals} == {(code, kind)}


async def test_a_request_that_does_not_fit_is_refused_naming_every_field(
    service: Service, clerk: Metadata
) -> None:
    wrong = creation("short", id="mine", sku="S" * 65, percent=0, coupon="a b", description="\x00")
    refused = await failure(service.calls.CreateDiscount(wrong, metadata=clerk))

    assert (refused.code, refused.kind) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid-request")
    for field in ("idempotency_key", "discount", "discount.sku", "discount.percent", "discount.coupon"):
        assert f"{field} " in refused.words
    assert "discount.description " in refused.words


async def test_a_customer_redeems_the_welcome_coupon_for_one_order(
    service: Service, bearer: MakeToken
) -> None:
    reader, shopper = metadata(bearer("reader", "shop")), metadata(bearer("shopper", "shop"))
    request = pb.RedeemRequest(coupon=" welcome10", order_id="o1")
    another = pb.RedeemRequest(coupon="WELCOME10", order_id="o2")

    assert [await service.calls.Redeem(request, metadata=reader) for _ in range(2)]
    used = await failure(service.calls.Redeem(another, metadata=reader))
    assert (used.code, used.kind) == (grpc.StatusCode.ABORTED, "coupon-used")
    assert await service.calls.Redeem(another, metadata=shopper) == pb.RedeemResponse()

    wanted = pb.ListDiscountsRequest(skus=["ANYTHING"], coupon="Welcome10", coupon_must_be_usable=True)
    listed = await service.calls.ListDiscounts(wanted, metadata=reader)
    assert (dict(listed.discounts), listed.coupon_problem) == ({}, "coupon-used")
    newcomer = metadata(bearer("newcomer", "shop"))
    other = await service.calls.ListDiscounts(wanted, metadata=newcomer)
    assert (other.discounts["ANYTHING"].percent, other.coupon_problem) == (10, "")
    assert (await failure(service.calls.ListDiscounts(wanted))).kind == "token-missing"


async def test_redeeming_names_a_coupon_an_order_and_a_customer(service: Service, bearer: MakeToken) -> None:
    reader = metadata(bearer("reader", "shop"))
    unknown = await failure(
        service.calls.Redeem(pb.RedeemRequest(coupon="NOPE", order_id="o1"), metadata=reader)
    )
    assert (unknown.code, unknown.kind) == (grpc.StatusCode.NOT_FOUND, "coupon-unknown")
    for order_id in ("", "o" * 65, "o\x00"):
        request = pb.RedeemRequest(coupon="WELCOME10", order_id=order_id)
        refused = await failure(service.calls.Redeem(request, metadata=reader))
        assert (refused.code, refused.kind) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid-request")
    request = pb.RedeemRequest(coupon="WELCOME10", order_id="o1")
    nobody = await failure(service.calls.Redeem(request))
    guest = await failure(service.calls.Redeem(request, metadata=metadata(bearer("guest:1", "guest"))))
    assert (nobody.kind, guest.kind) == ("token-missing", "scope-missing")


async def test_a_clerk_limits_the_uses_of_a_coupon(
    service: Service, clerk: Metadata, bearer: MakeToken
) -> None:
    limited = pb.Coupon(code="ink20", uses_in_total=1)
    put = await service.calls.PutCoupon(pb.PutCouponRequest(coupon=limited), metadata=clerk)
    assert put == pb.Coupon(code="INK20", uses_in_total=1)

    reader, shopper = metadata(bearer("reader", "shop")), metadata(bearer("shopper", "shop"))
    await service.calls.Redeem(pb.RedeemRequest(coupon="INK20", order_id="o1"), metadata=reader)
    late = await failure(
        service.calls.Redeem(pb.RedeemRequest(coupon="INK20", order_id="o2"), metadata=shopper)
    )
    assert (late.code, late.kind) == (grpc.StatusCode.ABORTED, "coupon-exhausted")
    wrong = pb.PutCouponRequest(coupon=pb.Coupon(code="a b", uses_per_customer=2_000_000_000))
    refused = await failure(service.calls.PutCoupon(wrong, metadata=clerk))
    assert (refused.code, refused.kind) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid-request")
    assert "coupon.code " in refused.words
    assert "coupon.uses_per_customer " in refused.words


async def test_writes_need_a_token_with_the_scope(service: Service, bearer: MakeToken) -> None:
    writes = [
        (service.calls.CreateDiscount, creation()),
        (service.calls.UpdateDiscount, pb.UpdateDiscountRequest()),
        (service.calls.DeleteDiscount, pb.DeleteDiscountRequest()),
        (service.calls.PutCoupon, pb.PutCouponRequest()),
    ]
    for call, request in writes:
        unknown = await failure(call(request))
        basic = await failure(call(request, metadata=[("authorization", "Basic x")]))
        forged = await failure(call(request, metadata=[("authorization", "Bearer x.y.z")]))
        no_scope = await failure(call(request, metadata=metadata(bearer("reader", "shop"))))

        assert (unknown.code, unknown.kind) == (grpc.StatusCode.UNAUTHENTICATED, "token-missing")
        assert (basic.code, basic.kind) == (grpc.StatusCode.UNAUTHENTICATED, "token-missing")
        assert (forged.code, forged.kind) == (grpc.StatusCode.UNAUTHENTICATED, "token-invalid")
        assert (no_scope.code, no_scope.kind) == (grpc.StatusCode.PERMISSION_DENIED, "scope-missing")


async def test_a_database_that_is_away_makes_calls_unavailable_and_the_service_not_ready(
    tmp_path: Path, token_settings: TokenSettings, app_client: AppClient
) -> None:
    folder = tmp_path / "data"
    app = create_app(settings(f"sqlite:///{folder}/discount.db", token_settings))
    async with (
        app_client(app) as http,
        grpc.aio.insecure_channel(f"127.0.0.1:{app.state.grpc_port}") as channel,
    ):
        await app.state.store.database.engine.dispose()
        folder.rename(tmp_path / "elsewhere")
        refused = await failure(DiscountsStub(channel).ListDiscounts(pb.ListDiscountsRequest(skus=["PEN"])))
        ready = await http.get("/health/ready")

    assert (refused.code, refused.kind) == (grpc.StatusCode.UNAVAILABLE, "store-unavailable")
    assert str(tmp_path) not in refused.words
    assert ready.status_code == 503


async def test_a_bug_is_internal_without_details(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_self: Store, _id: str) -> None:
        raise KeyError("the inside")

    monkeypatch.setattr(Store, "discount", broken)
    refused = await failure(service.calls.GetDiscount(pb.GetDiscountRequest(id="any")))

    assert (refused.code, refused.kind) == (grpc.StatusCode.INTERNAL, "internal-error")
    assert "inside" not in refused.words
    assert "the inside" in caplog.text


async def test_the_work_for_a_call_stops_when_its_deadline_passes(
    postgres: Postgres, token_settings: TokenSettings, app_client: AppClient, clerk: Metadata
) -> None:
    url = postgres.new_database()
    app = create_app(settings(url, token_settings))
    async with (
        app_client(app),
        grpc.aio.insecure_channel(f"127.0.0.1:{app.state.grpc_port}") as channel,
        await psycopg.AsyncConnection.connect(libpq(url)) as holder,
    ):
        await DiscountsStub(channel).ListDiscounts(pb.ListDiscountsRequest(skus=["PEN"]))  # connects all
        await holder.execute("LOCK TABLE discounts")
        waiting = asyncio.create_task(
            failure(DiscountsStub(channel).CreateDiscount(creation(), metadata=clerk, timeout=2))
        )
        await until_waiting(holder, sessions=1)
        assert (await waiting).code is grpc.StatusCode.DEADLINE_EXCEEDED
        await until_waiting(holder, sessions=0)
        await holder.rollback()

        assert await app.state.store.is_empty()


def libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


async def until_waiting(connection: psycopg.AsyncConnection[Any], *, sessions: int) -> None:
    """Return as soon as so many sessions wait for a lock in this database."""
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    async with asyncio.timeout(60):
        while True:
            row = await (await connection.execute(waiting)).fetchone()
            if row == (sessions,):
                return
