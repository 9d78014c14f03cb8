"""Content codings: which one a client likes best, and making it."""

from gateway.compression.accepted import coding_for
from gateway.compression.codings import Encoder, encoder
from gateway.compression.working import Workers

__all__ = ["Encoder", "Workers", "coding_for", "encoder"]
