"""A client that has written reads its own write: the response has `Position`, later reads `Min-Position`."""

from typing import Annotated, Final

from fastapi import Depends, Header, Query, Response

MAX_POSITION: Final = 2**63 - 1


async def _min_position(
    query: Annotated[
        int,
        Query(
            alias="min-position",
            ge=0,
            le=MAX_POSITION,
            description="`Position` of an earlier response, which the answer has seen.",
        ),
    ] = 0,
    header: Annotated[
        int, Header(alias="Min-Position", ge=0, le=MAX_POSITION, description="The same as a header.")
    ] = 0,
) -> int:
    return max(query, header)


MinPosition = Annotated[int, Depends(_min_position)]
"""A read's parameter: the position that its answer is to have seen, 0 when the client names none."""


def set_position(response: Response, position: int | None) -> None:
    """Tell the client the position of its write, if the store has positions."""
    if position is not None:
        response.headers["Position"] = str(position)
