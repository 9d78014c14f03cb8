import asyncio
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import nats
import pytest

from frontispiece.cli.run.nats import read_addresses
from shop.demo import PASSWORD
from tests.support.serving import free_ports
from tests.support.shop import PROJECT, ROOT, RunningShop, front, running_shop

pytestmark = pytest.mark.e2e


def children(pid: int) -> set[int]:
    """Every process below this one."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    parents = {int(child): int(parent) for child, parent in pairs}
    below: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in below | {pid}} - below:
        below |= more
    return below


def test_it_says_where_it_serves_how_to_try_it_and_where_its_data_lies(shop: RunningShop) -> None:
    assert f"curl {shop.url}/web/products/" in shop.printed
    assert "/mobile/products/" in shop.printed
    assert f"front login shopper --url {shop.url})" in shop.printed
    assert f"{shop.url}/web/session/login?return_to=" in shop.printed
    assert PASSWORD in shop.printed
    assert str(shop.data) in shop.printed


def test_it_is_ready_when_every_service_behind_it_is(http: httpx.Client) -> None:
    assert http.get("/health/live").json() == {"status": "live"}
    assert http.get("/health/ready").json() == {"status": "ready"}


@pytest.mark.parametrize("options", [(), ("--processes",)], ids=["one-process", "many-processes"])
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, options: tuple[str]) -> None:
    with running_shop(tmp_path / "data", *options) as shop:
        below = children(shop.process.pid)
        assert len(below) == len(["Valkey", "NATS", *(PROJECT.programs if options else [])])

        seconds = shop.stop()
    assert shop.process.returncode == 0
    assert seconds < 5
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


def test_a_second_start_keeps_the_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_shop(data) as shop:
        reader = shop.browser("reader")
        httpx.put(f"{shop.url}/web/basket/items/PENS-002", json={"quantity": 4}, headers=reader, timeout=20)

    with running_shop(data) as shop:
        basket = httpx.get(f"{shop.url}/web/basket", headers=reader, timeout=20).json()
        of_phone = httpx.get(f"{shop.url}/mobile/basket", headers=shop.phone("reader"), timeout=20)
    assert of_phone.status_code == 200, of_phone.text
    assert [(line["sku"], line["quantity"]) for line in basket["lines"]] == [("PENS-002", 4)]


def test_a_service_that_hangs_costs_its_part_of_the_page_and_no_more(tmp_path: Path) -> None:
    with running_shop(tmp_path / "data", "--processes") as shop:
        [inventory] = [pid for pid in children(shop.process.pid) if "inventory" in _command(pid)]
        os.kill(inventory, signal.SIGSTOP)
        try:
            answer = httpx.get(f"{shop.url}/web/products/PENS-001", timeout=20)
            ready = httpx.get(f"{shop.url}/health/ready", timeout=20)
        finally:
            os.kill(inventory, signal.SIGCONT)

    assert answer.status_code == 200
    assert answer.headers["page-degraded"] == "stocks;reason=timeout"
    assert answer.json()["available"] is None
    assert ready.status_code == 503
    assert "inventory" in ready.json()["services"]


def test_a_folder_that_another_run_has_is_refused_with_a_clear_word(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_shop(data):
        second = _up("--port", "0", "--data", str(data))
    assert second.returncode == 1
    assert "in use by another run" in second.stderr


def test_a_port_that_is_taken_is_refused_with_a_clear_word(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        second = _up("--port", str(port), "--data", str(tmp_path))
    assert second.returncode == 1
    assert f"Port {port}" in second.stderr


def test_faulty_settings_are_refused_before_anything_starts(tmp_path: Path) -> None:
    routes = tmp_path / "routes.toml"
    routes.write_text('[services.a]\nurl = "nonsense"\n[[routes]]\npath = "x"\nto = "b"\nauth = "maybe"\n')
    refused = _up("--port", "0", "--data", str(tmp_path), "--routes", str(routes))

    assert refused.returncode == 1
    for fault in ("services: a: url", "route 1 (x): path", "route 1 (x): auth"):
        assert fault in refused.stderr


def _up(*options: str) -> subprocess.CompletedProcess[str]:
    wide = {**os.environ, "COLUMNS": "500"}
    return subprocess.run(
        front("up", *options), cwd=ROOT, env=wide, check=False, capture_output=True, text=True, timeout=60
    )


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def test_metrics_are_on_the_admin_port_when_one_is_asked_for(tmp_path: Path) -> None:
    port = free_ports()
    with running_shop(tmp_path / "data", "--admin-port", str(port)) as shop:
        assert f"The admin port is http://127.0.0.1:{port}, with metrics at /metrics." in shop.printed
        token = shop.printed.partition("GATEWAY_ADMIN_TOKEN=")[2].split()[0]
        httpx.get(f"{shop.url}/api/catalog/brands", timeout=20)
        bearer = {"Authorization": f"Bearer {token}"}
        told = httpx.get(f"http://127.0.0.1:{port}/metrics", headers=bearer).text

    assert 'gateway_requests_total{method="GET",route="/api/catalog/brands",status="2xx"} 1.0' in told


def test_a_valkey_that_is_killed_is_started_again_and_nobody_has_to_log_in_anew(tmp_path: Path) -> None:
    with running_shop(tmp_path / "data") as shop:
        phone, browser = shop.phone("shopper"), shop.browser("shopper")
        item = f"{shop.url}/mobile/basket/items/PENS-001"
        assert httpx.put(item, headers=phone, json={"quantity": 2}, timeout=20).status_code == 200
        (valkey,) = (pid for pid in children(shop.process.pid) if "valkey-server" in _command(pid))
        os.kill(valkey, signal.SIGKILL)

        assert httpx.get(f"{shop.url}/mobile/basket", headers=phone, timeout=20).status_code == 503
        _until_answered(f"{shop.url}/mobile/basket", phone, 200)
        _until_answered(f"{shop.url}/web/session/user", {**browser, "X-CSRF": "1"}, 200)
        _until_answered(f"{shop.url}/health/ready", {}, 200)


def test_a_broker_that_is_killed_is_started_again_and_services_find_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_shop(data) as shop:
        (broker,) = (pid for pid in children(shop.process.pid) if "nats-server" in _command(pid))
        os.kill(broker, signal.SIGKILL)

        assert httpx.get(f"{shop.url}/health/ready", timeout=20).json() == {"status": "ready"}
        _park_one(data)
        listed = subprocess.run(
            front("events", "parked", "--data", data), cwd=ROOT, check=False, capture_output=True, text=True
        )

    assert "shop.commands.payment.nothing" in listed.stdout, listed.stderr


def _park_one(data: Path) -> None:
    """Send payment what it does not understand, once the broker is there, and return when it is parked."""

    async def park() -> None:
        addresses = read_addresses(data / "nats")
        assert addresses is not None
        async with await nats.connect(addresses.url) as connection:  # it tries for two minutes
            streams = connection.jetstream()
            await streams.publish("shop.commands.payment.nothing", b"nothing")
            async with asyncio.timeout(30):
                while not (await streams.stream_info("SHOP_PARKED")).state.messages:
                    pass

    asyncio.run(park())


def _until_answered(url: str, headers: dict[str, str], status: int) -> None:
    deadline = time.monotonic() + 20
    while (answer := httpx.get(url, headers=headers, timeout=20)).status_code != status:
        assert time.monotonic() < deadline, f"{url} answers {answer.status_code}: {answer.text}"
