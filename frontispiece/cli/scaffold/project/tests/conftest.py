"""The fixtures of Frontispiece: fake services, BFFs and gateways under test, callers, a clock."""

pytest_plugins = ("frontispiece.testing",)
