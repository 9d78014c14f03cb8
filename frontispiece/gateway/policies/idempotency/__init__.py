"""Idempotency: a call that is repeated with its `Idempotency-Key` gets the response of the first one.

As in draft-ietf-httpapi-idempotency-key-header.
"""
