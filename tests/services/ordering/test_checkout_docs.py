"""docs/checkout.md names what there is: messages, events, stages and reasons."""

import re

import pytest

from frontispiece.events import EventData
from services.ordering import events
from services.ordering.domain_events import EVENTS, Reason
from services.ordering.views import Stage
from tests.support.shop import ROOT

PAGE = (ROOT / "docs" / "checkout.md").read_text(encoding="utf-8")
MESSAGES = [
    data.TYPE
    for data in vars(events).values()
    if isinstance(data, type) and issubclass(data, EventData) and data.__module__ == events.__name__
]


@pytest.mark.parametrize("message", MESSAGES)
def test_every_message_is_listed(message: str) -> None:
    name = message.rpartition(".")[2]

    assert f"`{message}`" in PAGE or re.search(rf"`\.{name}`", PAGE)


@pytest.mark.parametrize("name", [*EVENTS, *Stage, *Reason])
def test_every_stored_event_stage_and_reason_is_listed(name: str) -> None:
    assert f"`{name}`" in PAGE
