"""Every fault of what would be served, before anything is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from front.roles import BFFS, GATEWAY, ROLES, SERVICES, create
from front.secrets import Secrets
from front.setting import environment
from gateway.audit import Finding, audit
from gateway.table import load
from kit.faults import Faulty

SOMEWHERE = "127.0.0.1:1"
"""Stands for addresses that are only known once the shop runs."""


def findings(routes: Path) -> list[Finding]:
    """What to look at in a route table that has no fault.

    Raises:
        Faulty: it has.
    """
    return audit(load(routes))


def faults(data: Path, routes: Path) -> list[str]:
    """What is wrong with the shop as `front up` would set it up: its settings, route table and pages."""
    found: list[str] = []
    with as_if_up(data, routes):
        for role in ROLES:
            try:
                create(role)
            except Faulty as faulty:
                place = str(routes) if role == GATEWAY else role
                found += [f"{place}: {fault}" for fault in faulty.faults]
    return found


@contextmanager
def as_if_up(data: Path, routes: Path) -> Iterator[None]:
    """The environment in which `front up` makes every role's app, for who only looks at the apps."""
    variables = environment(
        data=data,
        secrets=Secrets.new(),
        http=dict.fromkeys((*SERVICES, *BFFS, GATEWAY), SOMEWHERE),
        grpc=SOMEWHERE,
        valkey_url="unix:///valkey.sock",
        routes=routes,
        mounted=False,
    )
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
