"""The acquirer over HTTP: operations for merchants, the ledger and the switches for operators."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from frontispiece.http import Problem
from frontispiece.service import (
    Cursor,
    IdempotencyKey,
    Limit,
    ResponseBody,
    Slice,
    decode_cursor,
    from_state,
    require_scope,
    responds,
    slice_of,
)
from services.acquirer.faults import Faults, with_faults
from services.acquirer.model import Declines, KeyReused, Kind, NotAllowed, OperationRequest
from services.acquirer.store import Store
from shop.payment_tokens import is_payment_token

router = APIRouter()

MERCHANT = require_scope("acquirer")
OPERATOR = require_scope("payments:read")
TESTER = require_scope("faults:write")


@responds(409, 422)
async def _refusals() -> AsyncIterator[None]:
    try:
        yield
    except NotAllowed as refusal:
        raise Problem(409, "not-allowed", str(refusal), status_of_payment=refusal.status) from None
    except KeyReused as refusal:
        raise Problem(422, "idempotency-key-reused", str(refusal)) from None


StoreDep = Annotated[Store, from_state("store")]
FaultsDep = Annotated[Faults, from_state("faults")]


class OperationBody(BaseModel):
    """An operation on the payment with the merchant's reference, for the whole of its amount."""

    model_config = ConfigDict(extra="forbid")

    reference: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")
    kind: Kind
    amount: int = Field(ge=0, le=10**12, description="Minor units.")
    currency: str = Field(pattern="^[A-Z]{3}$")
    token: str = Field("", max_length=68, pattern=r"^[A-Za-z0-9_-]*$", description="Of an authorisation.")


class OperationResult(ResponseBody):
    """An operation that was carried out; a declined one has a reason."""

    sequence: int
    key: str
    reference: str
    kind: Kind
    amount: int
    currency: str
    approved: bool
    reason: str
    at: datetime


@router.post("/operations", dependencies=[MERCHANT, Depends(_refusals)])
async def operate(
    body: OperationBody, key: IdempotencyKey, store: StoreDep, faults: FaultsDep
) -> OperationResult:
    """Carry out an operation; a repetition of its key gets what the first one got."""
    if body.kind is Kind.AUTHORISE and not is_payment_token(body.token):
        raise Problem(422, "token-invalid", "An authorisation needs a token, `tok_…`.")
    request = OperationRequest(key=key, **body.model_dump())
    declines = Declines(tokens=faults.declined_tokens, above=faults.declined_above)
    return OperationResult.of(await with_faults(faults, lambda: store.carry_out(request, declines)))


@router.get("/operations/{key}", dependencies=[MERCHANT])
@responds(404)
async def operation(key: Annotated[str, Path(max_length=200)], store: StoreDep) -> OperationResult:
    """What was carried out under a key."""
    found = await store.operation(key)
    if found is None:
        raise Problem(404, "operation-unknown", "Nothing was carried out under this key.")
    return OperationResult.of(found)


@router.get("/ledger", dependencies=[OPERATOR])
async def ledger(store: StoreDep, cursor: Cursor = None, limit: Limit = 100) -> Slice[OperationResult]:
    """All operations in the order in which they were carried out."""
    (after,) = (0,) if cursor is None else decode_cursor(cursor, tuple[int])
    operations = await store.operations(limit + 1, after)
    return slice_of(operations, limit, body=OperationResult.of, sort_key=lambda each: (each.sequence,))


@router.get("/faults", dependencies=[TESTER])
async def faults(faults: FaultsDep) -> Faults:
    """The switches as they are."""
    return faults


@router.put("/faults", dependencies=[TESTER])
async def set_faults(new: Faults, request: Request) -> Faults:
    """Set all switches; those that are left out are off again. They last as long as the process."""
    request.app.state.faults = new
    return new
