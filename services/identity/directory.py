"""Who a customer is, for operators: by mail address."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel

from frontispiece.service import ResponseBody, from_state, require_scope
from services.identity.context import Context
from services.identity.model import MAX_EMAIL_LENGTH

MAX_USERS: Final = 20

router = APIRouter(dependencies=[require_scope("users:read")])


class UserBody(ResponseBody):
    """A user; the mail address is not verified."""

    id: str
    name: str
    display_name: str
    email: str


class UserList(BaseModel):
    """The users with a mail address, up to 20."""

    items: list[UserBody]


@router.get("/users")
async def users(
    context: Annotated[Context, from_state("context")],
    email: Annotated[str, Query(min_length=1, max_length=MAX_EMAIL_LENGTH, pattern="^[^\x00]*$")],
) -> UserList:
    """The users with this mail address; none of them when nobody has it."""
    found = await context.users.with_email(email, MAX_USERS)
    return UserList(items=[UserBody.of(user) for user in found])
