"""What goes wrong with the provider.

Problem
└── ProviderUnavailable   it cannot be reached, or answers nonsense: 503 for whoever needs it
Exception
└── TokenRefused          it can be reached, and says no
"""

import math

from kit.problems import Problem


class ProviderUnavailable(Problem):
    """503 `issuer-unavailable`: what only the issuer knows cannot be found out at the moment.

    Args:
        reason: what happened, for logs; clients are not told it.
        retry_after: seconds until it is worth another try.
    """

    def __init__(self, reason: str, *, retry_after: float = 1.0) -> None:
        super().__init__(
            503,
            "issuer-unavailable",
            "Who you are cannot be verified at the moment.",
            headers={"Retry-After": str(max(1, math.ceil(retry_after)))},
        )
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class TokenRefused(Exception):
    """The token endpoint said no (RFC 6749, 5.2).

    Args:
        error: its code, such as `invalid_grant`.
        description: what it says of it, for logs.
    """

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(f"{error}: {description}" if description else error)
        self.error = error
        self.description = description
