"""A broker that a test kills."""

from tests.frontispiece.events.conftest import broker

__all__ = ["broker"]
