"""SQL databases and Valkey; their drivers are imported when a name is first used.

Stability: provisional.
"""

from typing import TYPE_CHECKING

from frontispiece.lazy import lazy

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
    "delete_older",
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
    from frontispiece.stores.sql_store import SqlStore, delete_older, insert
    from frontispiece.stores.valkey import BestEffortValkey, GuardedValkey, ValkeyUnavailable, ValkeyUrl
else:
    __getattr__ = lazy(
        __name__,
        commit_signal="CommitSignal",
        embedded="EmbeddedDatabase EmbeddedStore",
        files="expect_files missing_file",
        group_commit="GroupCommit",
        postgresql="notifications",
        sql="Database Moment after_commit",
        sql_store="SqlStore delete_older insert",
        valkey="BestEffortValkey GuardedValkey ValkeyUnavailable ValkeyUrl",
    )
