"""Fixtures of the tests: `upstreams`, `serve_bff`, `serve_gateway`, `identities`, `access_tokens`."""

pytest_plugins = ("frontispiece.testing",)
