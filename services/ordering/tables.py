"""The tables of ordering's write side."""

from typing import Final

import sqlalchemy as sa

from frontispiece.events import Inbox, Outbox
from frontispiece.shards import Fence
from services.ordering.event_store import EventStore
from services.ordering.order_ids import OrderIds
from services.ordering.timeouts import Timeouts

metadata: Final = sa.MetaData()

event_store: Final = EventStore(metadata)
outbox: Final = Outbox(metadata, source="ordering")
inbox: Final = Inbox(metadata, buckets=True)
order_ids: Final = OrderIds(metadata)
fence: Final = Fence(metadata)
timeouts: Final = Timeouts(metadata, fence.active)
