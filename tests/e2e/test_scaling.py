"""Instances of a service in the running shop: `front scale`, `front services`; `make scaling` is longer."""

import httpx
import pytest

from tests.faults.scaling import prove
from tests.support.front import run
from tests.support.shop import RunningShop
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e


async def test_an_instance_that_comes_or_is_killed_fails_no_read_that_is_retried(
    shop: RunningShop,
) -> None:
    said: list[str] = []

    await prove(shop, instances=2, say=said.append)

    assert said[-1] == "1 gateways see the same instances at the end: 1"


def test_a_service_over_grpc_has_instances_and_all_instances_are_listed(shop: RunningShop) -> None:
    assert run("scale", "discount=2", "--data", shop.data).returncode == 0
    listed: list[str] = []

    def has_both() -> bool:
        listed[:] = run("services", "--data", shop.data).stdout.splitlines()
        at_sockets = {line.split("│")[2].strip() for line in listed if " discount-grpc " in line}
        return len({where for where in at_sockets if where.startswith("unix:")}) == 2

    assert eventually(has_both), listed
    discounts = {httpx.get(f"{shop.url}/api/discount/discounts?skus=PENS-001").status_code for _ in range(20)}
    assert discounts == {200}
    assert run("scale", "discount=1", "--data", shop.data).returncode == 0
    (catalog,) = [line for line in listed if " catalog " in line]
    assert "http://127.0.0.1:" in catalog
    assert "yes" in catalog
    assert "healthy" in catalog
    assert any(" notification " in line for line in listed), "one that the gateway never calls"


def test_what_cannot_have_several_instances_is_refused() -> None:
    refused = run("scale", "catalogue=2", "bff-web=2", "sales=2")

    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "there is no app catalogue: did you mean 'catalog'?",
        "bff-web is no service of its own that front up starts: only those have instances",
        "sales has data that one process opens (single in frontispiece.toml)",
    ]
    assert "catalog=0 is not of the form SERVICE=COUNT" in run("scale", "catalog=0").stderr
