"""The agents' backend: what assistants of customers may do, in short answers."""

from frontispiece.pages import Budget

OPTIONAL_TIMEOUT = 0.5
"""Timeout of optional sources, in seconds."""

SHOP = ("shop",)
"""The scopes of what belongs to a customer."""

READ_BUDGET = Budget(calls=6, ms=600)
"""What a tool that shows something, or changes a basket, may cost, its retries included."""

CHECKOUT_BUDGET = Budget(calls=9, ms=3000)
"""What a step of the checkout may cost."""
