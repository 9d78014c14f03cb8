"""A running instance of a service."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """Where an instance of a service is, and who is to call it.

    Args:
        address: `http://host:port`; over gRPC `grpc://host:port`, or `unix:/path`.
        service: its name.
        zone: where it runs.
        weight: its share of the calls, in proportion to those of others; with 0 it gets only calls that name
            its version.
        version: of its code.
        priority: others get no calls as long as those with a smaller number are well.
    """

    address: str
    service: str = ""
    zone: str = ""
    weight: float = 1.0
    version: str = ""
    priority: int = 0
