"""First answers under their `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header)."""

from gateway.idempotency.stores import Answers, MemoryAnswers, ValkeyAnswers

__all__ = ["Answers", "MemoryAnswers", "ValkeyAnswers"]
