"""SQL databases and Valkey; their drivers are imported when a name is first used.

Stability: provisional.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "BestEffortValkey",
    "CommitSignal",
    "Database",
    "EmbeddedDatabase",
    "EmbeddedStore",
    "GroupCommit",
    "GuardedValkey",
    "Moment",
    "SqlStore",
    "ValkeyUnavailable",
    "ValkeyUrl",
    "after_commit",
    "expect_files",
    "insert",
    "missing_file",
    "notifications",
]

if TYPE_CHECKING:
    from frontispiece.stores.commit_signal import CommitSignal
    from frontispiece.stores.embedded import EmbeddedDatabase, EmbeddedStore
    from frontispiece.stores.files import expect_files, missing_file
    from frontispiece.stores.group_commit import GroupCommit
    from frontispiece.stores.postgresql import notifications
    from frontispiece.stores.sql import Database, Moment, after_commit
    from frontispiece.stores.sql_store import SqlStore, insert
    from frontispiece.stores.valkey import BestEffortValkey, GuardedValkey, ValkeyUnavailable, ValkeyUrl
else:
    _MODULES = dict.fromkeys(("Database", "Moment", "after_commit"), "sql")
    _MODULES |= dict.fromkeys(("EmbeddedDatabase", "EmbeddedStore"), "embedded")
    _MODULES |= dict.fromkeys(("expect_files", "missing_file"), "files")
    _MODULES |= {"CommitSignal": "commit_signal", "GroupCommit": "group_commit"}
    _MODULES |= {"SqlStore": "sql_store", "insert": "sql_store", "notifications": "postgresql"}

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(name)
        module = _MODULES.get(name, "valkey")
        return getattr(import_module(f"frontispiece.stores.{module}"), name)
