"""The whole shop on PostgreSQL, by the URLs of its databases alone."""

import json
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support.checkouts import Client
from tests.support.front import run
from tests.support.postgres import Postgres
from tests.support.shop import database_variables, running_shop

pytestmark = pytest.mark.e2e


def test_front_migrate_makes_every_database_and_an_order_is_carried_out_on_them(
    postgres: Postgres, tmp_path: Path
) -> None:
    urls = database_variables(postgres.new_database)
    shards = [json.loads(urls["ORDERING_SHARDS"])[name]["database_url"] for name in ("0", "1")]
    done = run("migrate", "--data", tmp_path, **urls)
    count = sum(value.count("postgresql") for value in urls.values())
    assert (done.returncode, len(done.stdout.splitlines())) == (0, count), done.stderr

    with (
        running_shop(tmp_path, DATABASE_MIGRATE="false", **urls) as shop,
        httpx.Client(base_url=shop.url, timeout=30) as http,
    ):
        customer = Client(http=http, kind="web", headers=shop.browser("shopper"))
        cards = http.get("/web/search", params={"limit": 50}).json()["items"]
        customer.put(next(card["sku"] for card in cards if card["available"]), 1)
        *_, last = customer.progress(customer.check_out().headers["location"])

    assert last.stage == "completed"
    assert not list(tmp_path.glob("*.db"))
    orders: list[object] = []
    for url in shards:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            orders += connection.execute("SELECT order_id FROM order_events WHERE version = 1").fetchall()
    assert len(orders) == 1
