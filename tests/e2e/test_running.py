import asyncio
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import nats
import pytest

from frontispiece.cli.run.nats import read_addresses
from shop.demo import PASSWORD
from tests.support.checkouts import complete
from tests.support.front import run
from tests.support.killing import children
from tests.support.shop import RunningShop, in_both_layouts
from tests.support.waiting import TIMEOUT, eventually

pytestmark = pytest.mark.e2e

in_many_processes = pytest.mark.parametrize("layout", ["many-processes"])


def child(shop: RunningShop, name: str) -> int:
    """The only process of a shop that is this program, or that writes this app's log."""

    def is_meant(pid: int) -> bool:
        process = Path(f"/proc/{pid}")
        return name in (process / "cmdline").read_text() or (process / "fd/1").readlink().stem == name

    (found,) = filter(is_meant, children(shop.process.pid))
    return found


@contextmanager
def suspended(pid: int) -> Iterator[None]:
    """A process that does nothing during the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def status(http: httpx.Client, path: str, headers: dict[str, str] | None = None) -> int:
    return http.get(path, headers=headers).status_code


@in_both_layouts
def test_it_says_where_it_serves_how_to_try_it_and_where_its_data_lies(shop: RunningShop) -> None:
    assert f"curl {shop.url}/web/products/" in shop.printed
    assert "/mobile/products/" in shop.printed
    assert f"front login shopper --url {shop.url})" in shop.printed
    assert f"{shop.url}/web/session/login?return_to=" in shop.printed
    assert PASSWORD in shop.printed
    assert str(shop.data) in shop.printed


@in_both_layouts
def test_it_is_ready_when_every_service_behind_it_is(http: httpx.Client) -> None:
    assert http.get("/health/live").json() == {"status": "live"}
    assert http.get("/health/ready").json() == {"status": "ready"}


@in_both_layouts
def test_what_it_writes_is_its_users_alone(shop: RunningShop) -> None:
    embedded = [*shop.data.glob("sales/database-*"), *shop.data.glob("recommendation/database-*")]
    files = [shop.data / "run.json", *shop.data.glob("*.db"), *shop.data.glob("logs/*"), *embedded]

    assert embedded
    assert {path for path in files if path.stat().st_mode & 0o077} == set()


@in_both_layouts
def test_front_reload_finds_the_admin_port_of_a_run_by_its_data(shop: RunningShop) -> None:
    done = run("reload", "--data", shop.data)

    assert done.returncode == 0, done.stderr
    assert "this table is in force already" in done.stdout


@in_both_layouts
def test_metrics_are_on_the_admin_port(http: httpx.Client, shop: RunningShop) -> None:
    said = r"The console is (http://[\d.:]+)/console#token=(\S+)\n"
    found = re.search(said, shop.printed)
    assert found is not None, shop.printed
    counter = 'gateway_requests_total{method="GET",route="/api/catalog/brands",status="2xx"} '

    def count() -> float:
        bearer = {"Authorization": f"Bearer {found[2]}"}
        metrics = http.get(f"{found[1]}/metrics", headers=bearer).text
        return float(metrics.partition(counter)[2].split("\n")[0] or 0)

    before = count()
    assert status(http, "/api/catalog/brands") == 200

    assert count() == before + 1


@in_many_processes
def test_a_service_that_hangs_costs_its_part_of_the_page_and_no_more(
    http: httpx.Client, shop: RunningShop
) -> None:
    pages: list[httpx.Response] = []

    def lacks(parts: str | None) -> bool:
        pages.append(http.get("/web/products/PENS-001"))
        return pages[-1].is_success and pages[-1].headers.get("page-degraded") == parts

    assert eventually(lambda: lacks(None))  # on a busy machine other parts may be late, too
    with suspended(child(shop, "inventory")):
        assert eventually(lambda: lacks("stocks;reason=timeout")), pages[-1].headers
        ready = http.get("/health/ready")
        assert pages[-1].json()["available"] is None

    assert ready.status_code == 503
    assert "inventory" in ready.json()["services"]
    assert eventually(lambda: lacks(None)), pages[-1].headers


@in_many_processes
def test_a_valkey_that_is_killed_is_started_again_and_logins_last(
    http: httpx.Client, shop: RunningShop
) -> None:
    phone, browser = shop.phone("shopper"), shop.browser("shopper")
    complete(lambda: http.put("/mobile/basket/items/PENS-001", headers=phone, json={"quantity": 2}))
    with suspended(shop.process.pid):  # it would start Valkey again at once
        os.kill(child(shop, "valkey-server"), signal.SIGKILL)
        assert eventually(lambda: status(http, "/mobile/basket", phone) == 503)

    assert eventually(lambda: status(http, "/mobile/basket", phone) == 200)
    assert eventually(lambda: status(http, "/web/session/user", {**browser, "X-CSRF": "1"}) == 200)
    assert eventually(lambda: status(http, "/health/ready") == 200)


@in_many_processes
def test_a_broker_that_is_killed_is_started_again_and_services_find_it(
    http: httpx.Client, shop: RunningShop
) -> None:
    with suspended(shop.process.pid):
        os.kill(child(shop, "nats-server"), signal.SIGKILL)
        assert http.get("/health/ready").json() == {"status": "ready"}

    _park_one(shop.data)
    listed = run("events", "parked", "--data", shop.data)
    assert "shop.commands.payment.nothing" in listed.stdout, listed.stderr


def _park_one(data: Path) -> None:
    """Send payment what it does not understand, once the broker is there, and return when it is parked."""

    async def park() -> None:
        addresses = read_addresses(data / "nats")
        assert addresses is not None
        async with await nats.connect(addresses.url) as connection:  # it tries for two minutes
            streams = connection.jetstream(timeout=TIMEOUT)
            await streams.publish("shop.commands.payment.nothing", b"nothing")
            async with asyncio.timeout(TIMEOUT):
                while not (await streams.stream_info("SHOP_PARKED")).state.messages:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

    asyncio.run(park())


def test_a_folder_that_another_run_has_is_refused_with_a_clear_word(shop: RunningShop) -> None:
    second = run("up", "--port", "0", "--data", str(shop.data))
    assert second.returncode == 1
    assert "in use by another run" in second.stderr


def test_a_port_that_is_taken_is_refused_with_a_clear_word(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        second = run("up", "--port", str(port), "--data", str(tmp_path))
    assert second.returncode == 1
    assert f"Port {port}" in second.stderr


def test_faulty_settings_are_refused_before_anything_starts(tmp_path: Path) -> None:
    routes = tmp_path / "routes.toml"
    routes.write_text('[services.a]\nurl = "nonsense"\n[[routes]]\npath = "x"\nto = "b"\nauth = "maybe"\n')
    refused = run("up", "--port", "0", "--data", str(tmp_path), "--routes", str(routes))

    assert refused.returncode == 1
    for fault in ("services: a: url", "route 1 (x): path", "route 1 (x): auth"):
        assert fault in refused.stderr
