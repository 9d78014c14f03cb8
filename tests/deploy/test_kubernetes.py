"""The example for Kubernetes: what its parts say of each other, of catalog and of its callers."""

import json
from typing import Any

import pytest
import yaml

from frontispiece.settings import Directory
from frontispiece.upstream.discovery import MAX_TTL
from frontispiece.upstream.factory import reach, url_error
from frontispiece.upstream.grpc import GrpcChannel
from frontispiece.upstream.load_balancer import LoadBalancer
from tests.support.shop import ROOT

KINDS: dict[str, dict[str, Any]] = {
    each["kind"]: each
    for each in yaml.safe_load_all((ROOT / "deploy/kubernetes/catalog.yaml").read_text(encoding="utf-8"))
}
POD = KINDS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
SERVICES: dict[str, str] = json.loads(KINDS["ConfigMap"]["data"]["SERVICES"])


def test_the_headless_service_selects_the_pods_which_serve_catalog_as_in_compose() -> None:
    service = KINDS["Service"]["spec"]
    (port,) = service["ports"]
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["catalog"]

    assert service["clusterIP"] == "None"
    assert service["selector"] == KINDS["Deployment"]["spec"]["selector"]["matchLabels"]
    assert service["selector"] == POD["metadata"]["labels"]
    assert CONTAINER["args"] == compose["command"]
    assert CONTAINER["ports"][0]["containerPort"] == port["port"]
    name, namespace = (KINDS["Service"]["metadata"][key] for key in ("name", "namespace"))
    assert SERVICES["catalog"] == f"dns://{name}.{namespace}.svc.cluster.local:{port['port']}"


@pytest.mark.parametrize("name", SERVICES)
def test_its_callers_balance_over_what_the_name_has(name: str) -> None:
    over_grpc = GrpcChannel if name.endswith("-grpc") else None

    transport, addresses = reach(name, f"registry://{name}", Directory(services=SERVICES), grpc=over_grpc)

    assert url_error(SERVICES[name]) is None
    assert isinstance(transport, LoadBalancer)
    assert not addresses


def test_a_pod_that_stops_serves_until_no_record_of_it_counts() -> None:
    waits = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert MAX_TTL < waits < POD["spec"]["terminationGracePeriodSeconds"] - 10
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] == "/health/ready"
