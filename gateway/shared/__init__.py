"""What the gateways of one table have in common, in Valkey."""

from gateway.shared.buckets import SharedBuckets
from gateway.shared.server import Away, Shared

__all__ = ["Away", "Shared", "SharedBuckets"]
