"""docs/checkout.md names what there is: messages, events, stages and reasons."""

import re

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


def test_every_message_is_listed() -> None:
    listed = {*re.findall(r"`([\w.]+)`", PAGE)}

    assert [each for each in MESSAGES if not listed & {each, f".{each.rpartition('.')[2]}"}] == []


def test_every_stored_event_stage_and_reason_is_listed() -> None:
    assert [name for name in [*EVENTS, *Stage, *Reason] if f"`{name}`" not in PAGE] == []
