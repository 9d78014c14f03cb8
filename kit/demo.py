"""What the services' first data agree on: the demo shop's articles and people.

Each service seeds its own database; the names of articles are all they share, as services share
identifiers in real shops too.
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
    "clerk": ("shop", "catalog:write", "stock:write", "discount:write"),
}
"""Demo users and what may be done on their behalf."""

PASSWORD = "ink on paper"  # noqa: S105 (it guards nothing)
"""Of every demo user: only where the shop is seeded with them, never in production."""
