from frontispiece.gateway.observability.clients import MAX_LABELS, MAX_VERSIONS, ClientLabel, Clients
from frontispiece.http import Version


def test_a_client_is_known_by_its_name_and_version() -> None:
    client = Clients().identify(b"web/1.3.0")

    assert (client.name, client.version, client.label) == ("web", Version(1, 3, 0), ("web", "1.3.0"))
    assert str(client) == "web/1.3.0"


def test_what_is_no_client_has_one_label_and_no_version() -> None:
    clients = Clients()

    for field in (b"", b"junk", b"web/1", b"unknown/1.0.0", b"other/1.0.0", b"web/1.0.0-" + b"a" * 99):
        client = clients.identify(field)
        assert (client.version, client.label, str(client)) == (None, ("unknown", "unknown"), "unknown")


def test_labels_are_few_whatever_clients_send() -> None:
    clients = Clients()
    first = clients.identify(b"web/1.0.0")

    sent = [f"web/2.{n}.0" for n in range(1000)] + [f"c{n}/1.0.0" for n in range(1000)]
    labels = {clients.identify(field.encode()).label for field in sent}

    assert len(labels) <= MAX_LABELS + 2
    assert len([label for label in labels if label.client == "web" and label.version != "other"]) == (
        MAX_VERSIONS - 1
    )
    assert {ClientLabel("web", "other"), ClientLabel("other", "other")} <= labels
    assert clients.identify(b"web/1.0.0").label == first.label
    late = clients.identify(b"web/3.0.0")
    assert (late.version, late.label) == (Version(3, 0, 0), ("web", "other"))
