"""Requests held against what their service says of itself, in OpenAPI 3."""

from gateway.openapi.description import Description, NotKnown
from gateway.openapi.operation import Fault, Operation

__all__ = ["Description", "Fault", "NotKnown", "Operation"]
