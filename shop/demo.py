"""The demo shop: the identifiers of articles and users that the seeds of several services share.

Each service seeds its own database; identifiers are all they have in common, as in production.
"""

KINDS = {
    "NOTE": "Notebooks",
    "PENS": "Pens",
    "INKS": "Inks",
    "PAPR": "Papers",
    "BRSH": "Brushes",
    "PRSS": "Presses",
    "BIND": "Binding",
    "LAMP": "Lamps",
}
"""The kinds of article of a shop for people who write, print and bind, by the code in their skus."""

PER_KIND = 32

SKUS = tuple(f"{code}-{number:03d}" for code in KINDS for number in range(1, PER_KIND + 1))
"""Every article of the first data, in order: `NOTE-001` to `LAMP-032`, 256 in all."""

USERS = {
    "shopper": ("shop",),
    "reader": ("shop",),
    "clerk": (
        "shop",
        "catalog:write",
        "stock:write",
        "discount:write",
        "payments:read",
        "faults:write",
        "data:rebuild",
        "sales:read",
        "stores:write",
        "orders:read",
        "users:read",
    ),
}
"""Demo users and their scopes."""

PASSWORD = "ink on paper"  # noqa: S105 (it protects demo data)
"""The password of every demo user, where the shop is seeded with them: never in production."""
