"""A client of the acquirer: each operation has a key, under which it is carried out once."""

import logging
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import quote

import msgspec

from frontispiece.security import Identity, Signer
from frontispiece.settings import Directory
from frontispiece.upstream import (
    Context,
    InvalidResponse,
    Service,
    Unreachable,
    UpstreamClientError,
    UpstreamError,
    now,
    open_upstream,
)
from services.payment.model import Kind, Outcome, Payment

log = logging.getLogger(__name__)

MERCHANT: Final = Identity(subject="payment", scopes=frozenset({"acquirer"}), client="payment")


class _Operation(msgspec.Struct):
    kind: Kind
    amount: int
    currency: str
    approved: bool
    reason: str


class NotAllowed(Exception):
    """The acquirer refused an operation in the state that the payment has there.

    Args:
        status: that state.
    """

    def __init__(self, status: str) -> None:
        super().__init__(f"At the acquirer the payment is {status}.")
        self.status = status


class Acquirer:
    """The acquirer, reached over HTTP; open it with `async with`.

    Args:
        directory: has its address.
        signer: signs payment's calls.
        timeout: seconds that one call may take.

    Raises:
        LookupError: the directory lacks the address.
    """

    def __init__(self, directory: Directory, signer: Signer, timeout: float) -> None:
        self._upstream = open_upstream("acquirer", "registry://acquirer", directory)
        self._signer = signer
        self._timeout = timeout

    async def __aenter__(self) -> Self:
        await self._upstream.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._upstream.__aexit__(*exc)

    async def carry_out(self, payment: Payment, kind: Kind) -> Outcome:
        """Carry out an operation on a payment, once however often it is called.

        Raises:
            NotAllowed: the acquirer refused it.
            UpstreamError: whether it was carried out is unknown; the same call, later, will tell.
        """
        key = payment.key(kind)
        body = {
            "reference": payment.order_id,
            "kind": kind,
            "amount": payment.amount,
            "currency": payment.currency,
            "token": payment.token if kind is Kind.AUTHORISE else "",
        }
        try:
            operation = await self._service().send(
                "POST", "/operations", _Operation, body=body, headers=((b"idempotency-key", key.encode()),)
            )
        except UpstreamClientError as refusal:
            raise _not_allowed(refusal) from refusal
        except Unreachable:  # nothing was sent
            raise
        except UpstreamError as failure:
            log.warning("acquirer: %s; it is asked whether %s was carried out", failure, key)
            operation = await self._carried_out(key, failure)
        return Outcome(
            key=key,
            kind=operation.kind,
            amount=operation.amount,
            currency=operation.currency,
            approved=operation.approved,
            reason=operation.reason,
        )

    async def _carried_out(self, key: str, failure: UpstreamError) -> _Operation:
        """What was carried out under a key, although the answer failed."""
        try:
            return await self._service().get(f"/operations/{quote(key, safe='')}", _Operation)
        except UpstreamClientError as refusal:
            if refusal.upstream_status == HTTPStatus.NOT_FOUND:  # not yet: it may still be on its way
                raise failure from refusal
            raise

    def _service(self) -> Service:
        authorization = self._signer.authorization
        return self._upstream.within(
            Context(deadline=now() + self._timeout, authorization=lambda name: authorization(MERCHANT, name))
        )


def _not_allowed(refusal: UpstreamClientError) -> Exception:
    if refusal.upstream_status != HTTPStatus.CONFLICT:
        return refusal
    written = msgspec.json.encode(refusal.members.get("status_of_payment"))  # it is JSON still: `msgspec.Raw`
    try:
        return NotAllowed(msgspec.json.decode(written, type=str))
    except msgspec.MsgspecError as error:
        return InvalidResponse(f"its answer cannot be read: {error}")
