"""The gRPC status of a problem, by the status that it has over HTTP."""

from typing import Final

UNKNOWN: Final = 2

STATUSES: Final = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 5,  # NOT_FOUND
    408: 4,  # DEADLINE_EXCEEDED
    409: 10,  # ABORTED
    412: 10,
    413: 8,  # RESOURCE_EXHAUSTED
    414: 8,
    422: 3,
    429: 8,
    431: 8,
    500: 13,  # INTERNAL
    502: 14,  # UNAVAILABLE
    503: 14,
    504: 14,
}
"""By the HTTP status; what is not here is `UNKNOWN`."""
