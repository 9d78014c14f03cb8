"""What services publish and consume: the classes in services/*/events.py, and contracts/events.json."""

import ast
import json
import re
from importlib import import_module

import pytest

from frontispiece.events import EventData
from frontispiece.events.asyncapi import document
from frontispiece.events.contracts import declared_in, disagreements
from frontispiece.events.permissions import permissions
from tests.support.contracts import CONTRACTS, is_written
from tests.support.shop import ROOT

FILE = CONTRACTS / "events.json"
PERMISSIONS = ROOT / "deploy/nats/permissions.conf"
NAME = re.compile(r"\bshop\.(commands\.)?[a-z_]+\.[a-z_]+")


def declared() -> dict[str, list[type[EventData]]]:
    """The classes of data of every service that has any."""
    names = sorted(path.parent.name for path in ROOT.glob("services/*/events.py"))
    return {name: declared_in(import_module(f"services.{name}.events")) for name in names}


def test_every_service_reads_only_what_another_one_sends() -> None:
    assert disagreements(declared()) == []


def test_the_document_is_what_the_services_declare() -> None:
    text = json.dumps(document("The shop", declared()), indent=2, ensure_ascii=False) + "\n"

    assert is_written(FILE, text), f"{FILE} is not what services/*/events.py say: run `make contracts`"


def test_the_broker_lets_each_service_publish_and_consume_what_it_declares() -> None:
    consumers = {"feed": ["feed-0", "feed-1"]}
    text = permissions(declared(), "shop", consumers=consumers, maps=["ordering"], creator="ordering")

    assert is_written(PERMISSIONS, text), f"{PERMISSIONS} is not what events.py say: run `make contracts`"


@pytest.mark.parametrize("folder", ["services", "bff", "gateway", "shop"])
def test_the_names_of_events_stand_in_events_py_alone(folder: str) -> None:
    elsewhere = {
        f"{path.relative_to(ROOT)}: {node.value}"
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "events.py" and "pb" not in path.parent.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.search(node.value)
    }

    assert not elsewhere
