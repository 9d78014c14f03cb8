"""The tables of a database as texts, by which two databases are compared."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from frontispiece.extras import extra

with extra("sql"):
    import sqlalchemy as sa

VERSION_TABLE: Final = "alembic_version"

Schema = Mapping[str, frozenset[str]]
"""Tables by name, each as its columns, keys, indexes and checks."""


def schema_of(connection: sa.Connection) -> Schema:
    """All tables of a database but that of its version."""
    inspector = sa.inspect(connection)
    names = [name for name in inspector.get_table_names() if name != VERSION_TABLE]
    return {name: frozenset(_parts(inspector, name)) for name in names}


def differences(first: Schema, second: Schema, names: tuple[str, str]) -> Iterator[str]:
    """The parts that only one of two schemas has, a sentence each; `names` are those of the schemas."""
    for table in sorted(first.keys() | second.keys()):
        for name, schema, other in ((names[0], first, second), (names[1], second, first)):
            if table not in schema:
                continue
            if table not in other:
                yield f"only {name}: table {table}"
                continue
            missing = sorted(schema[table] - other[table])
            yield from (f"only {name}: table {table}: {part}" for part in missing)


def _parts(inspector: sa.Inspector, table: str) -> Iterator[str]:
    for column in inspector.get_columns(table):
        null = "" if column["nullable"] else " NOT NULL"
        default = f" DEFAULT {column['default']}" if column["default"] is not None else ""
        yield f"column {column['name']} {column['type']!r}{null}{default}"
    yield f"primary key {_listed(inspector.get_pk_constraint(table)['constrained_columns'])}"
    for reference in inspector.get_foreign_keys(table):
        columns, target = _listed(reference["constrained_columns"]), _listed(reference["referred_columns"])
        options = _options(reference.get("options", {}))
        yield f"foreign key {columns} to {reference['referred_table']} {target}{options}"
    for unique in inspector.get_unique_constraints(table):
        yield f"unique {_listed(unique['column_names'])}"
    for check in inspector.get_check_constraints(table):
        yield f"check {check['name']}: {check['sqltext']}"
    for index in inspector.get_indexes(table):
        kind = "unique index" if index["unique"] else "index"
        expressions = index.get("expressions", index["column_names"])
        yield f"{kind} {index['name']} {_listed(expressions)}{_options(index.get('dialect_options', {}))}"


def _listed(names: Iterable[str | None]) -> str:
    return f"({', '.join(map(str, names))})"


def _options(options: Mapping[str, Any]) -> str:
    return "".join(
        f" {name}={value}"
        for name, value in sorted(options.items())
        if isinstance(value, sa.ClauseElement) or value
    )
