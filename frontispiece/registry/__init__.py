"""The registry of running instances: each says where it is, and whoever calls a service watches.

Stability: provisional.

Names of modules that need the extra `events` are imported when they are first used.
"""

from typing import TYPE_CHECKING

from frontispiece.lazy import lazy
from frontispiece.registry.instance import Instance

__all__ = ["Instance", "Registry", "in_registry", "open_registry", "reachable", "registered"]

if TYPE_CHECKING:
    from frontispiece.registry.registration import in_registry, reachable, registered
    from frontispiece.registry.registry import Registry, open_registry
else:
    __getattr__ = lazy(
        __name__, registration="in_registry reachable registered", registry="Registry open_registry"
    )
