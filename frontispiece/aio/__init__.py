"""Building blocks for asyncio: deadlines, single flight, tasks, shared resources, retry budget.

Stability: provisional.
"""

from frontispiece.aio.background import BackgroundTasks
from frontispiece.aio.deadline import Deadline
from frontispiece.aio.inline_task import InlineTask, Signal
from frontispiece.aio.periodic import end, periodic
from frontispiece.aio.ref_counted import RefCounted, hold_while
from frontispiece.aio.retry_budget import RetryBudget
from frontispiece.aio.single_flight import FlightResult, SingleFlight, clone_error
from frontispiece.aio.spare_time import SpareTime, spare_time
from frontispiece.aio.timer_queue import TimerQueue

__all__ = [
    "BackgroundTasks",
    "Deadline",
    "FlightResult",
    "InlineTask",
    "RefCounted",
    "RetryBudget",
    "Signal",
    "SingleFlight",
    "SpareTime",
    "TimerQueue",
    "clone_error",
    "end",
    "hold_while",
    "periodic",
    "spare_time",
]
