"""The tables of ordering's write side."""

from typing import Final

import sqlalchemy as sa

from frontispiece.events import Inbox, Outbox
from services.ordering.event_store import EventStore
from services.ordering.timeouts import Timeouts

metadata: Final = sa.MetaData()

event_store: Final = EventStore(metadata)
timeouts: Final = Timeouts(metadata)
outbox: Final = Outbox(metadata, source="ordering")
inbox: Final = Inbox(metadata)
