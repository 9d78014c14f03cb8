"""The next version of a database, written from what its models have and its migrations have not."""

import re
from pathlib import Path
from typing import Any, Final, Literal

from frontispiece.extras import extra
from frontispiece.stores.migrations import MEMORY, NONE, Migrations, writing

with extra("sql"):
    import sqlalchemy as sa
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.runtime.migration import MigrationContext

TEMPLATE: Final = '''"""{message}."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down_revision}


def upgrade() -> None:
    """{message}."""
    {body}
'''


def write_version(migrations: Migrations, message: str) -> Path | None:
    """Write the file of the next version; None when the models are those of the newest version.

    Alembic sees no changed checks, and no tables that are made beside the models: `check` names these, too.
    """
    changes = _changes(migrations)
    if changes is None:
        return None
    revision = f"{int(migrations.head) + 1:04}"
    words = "_".join(re.findall(r"[a-z0-9]+", message.lower()))
    file = migrations.folder / "versions" / f"{revision}_{words}.py"
    file.parent.mkdir(exist_ok=True)
    down_revision = f'"{migrations.head}"' if migrations.head != NONE else "None"
    text = TEMPLATE.format(
        message=message.strip().rstrip("."), revision=revision, down_revision=down_revision, body=changes
    )
    file.write_text(text, encoding="utf-8")
    return file


def _changes(migrations: Migrations) -> str | None:
    """The changes that lead from the versions to the models, as the body of a function."""
    with writing(MEMORY) as connection:
        migrations.metadata.create_all(connection)
        made = set(sa.inspect(connection).get_table_names())  # some beside the models, by their events

    def include_name(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or name in migrations.metadata.tables or name not in made

    with writing(MEMORY) as connection:
        migrations.run(connection, NONE, migrations.head)
        context = MigrationContext.configure(connection, opts={"include_name": include_name})
        changes = produce_migrations(context, migrations.metadata).upgrade_ops
        if changes is None or changes.is_empty():
            return None
        body = render_python_code(
            changes,
            migration_context=context,
            render_as_batch=migrations.head != NONE,  # SQLite changes a table by a copy
            render_item=_render_item,
        )
    return "\n".join(line for line in body.splitlines() if not line.lstrip().startswith("#")).strip()


def _render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """A type of our own as the one that it is stored as: a version does not change with the code."""
    if kind == "type" and isinstance(item, sa.TypeDecorator):
        return f"sa.{item.impl!r}"
    return False
