"""Which routes matter most."""

from enum import StrEnum


class Priority(StrEnum):
    """When a gateway with too much to do begins to refuse a route's calls: low first, critical never."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"
