import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway.observability.clients import MAX_OTHERS, MAX_VERSIONS, ClientLabel, Clients
from frontispiece.gateway.settings import GatewaySettings
from frontispiece.http import Version


def test_a_client_is_known_by_its_name_and_version() -> None:
    client = Clients(["web"]).identify(b"web/1.3.0")

    assert (client.name, client.version, client.label) == ("web", Version(1, 3, 0), ("web", "1.3.0"))
    assert str(client) == "web/1.3.0"


def test_what_is_no_client_has_one_label_and_no_version() -> None:
    clients = Clients()

    for field in (b"", b"junk", b"web/1", b"unknown/1.0.0", b"other/1.0.0", b"web/1.0.0-" + b"a" * 99):
        client = clients.identify(field)
        assert (client.version, client.label, str(client)) == (None, ("unknown", "unknown"), "unknown")


def test_labels_are_few_whatever_clients_send() -> None:
    clients = Clients(["web", "mobile"])
    first = clients.identify(b"web/1.0.0")

    sent = [f"web/2.{n}.0" for n in range(1000)] + [f"c{n}/1.0.{n}" for n in range(1000)]
    labels = {clients.identify(field.encode()).label for field in sent}

    of_web = [label for label in labels if label.client == "web"]
    assert len(of_web) == MAX_VERSIONS  # with `other`, and without the first
    assert ClientLabel("web", "other") in of_web
    others = labels.difference(of_web)
    assert len(others) == MAX_OTHERS + 1
    assert {label.version for label in others} == {"other"}
    assert ClientLabel("other", "other") in others
    assert clients.identify(b"web/1.0.0").label == first.label
    late = clients.identify(b"web/3.0.0")
    assert (late.version, late.label) == (Version(3, 0, 0), ("web", "other"))


def test_names_that_are_not_known_take_no_labels_of_those_that_are() -> None:
    clients = Clients(["web", "mobile"])
    for n in range(1000):
        clients.identify(f"junk{n}/1.0.{n}".encode())
        clients.identify(f"mobile/9.9.{n}".encode())

    assert clients.identify(b"web/1.1.0").label == ("web", "1.1.0")


@pytest.mark.parametrize("name", ["Web", "web/1.0.0", "", "unknown", "other"])
def test_what_no_client_can_be_called_is_no_known_client(name: str) -> None:
    with pytest.raises(ConfigError, match="is no client's name"):
        GatewaySettings(known_clients=[name])
