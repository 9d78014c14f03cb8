"""What commands print when `front` runs them."""

from typer.testing import Result

from frontispiece.errors import UserError


def printed(result: Result) -> str:
    """All that a command prints, with the error of its user that `front` prints for it."""
    error = result.exception
    return f"{result.output}{error}\n" if isinstance(error, UserError) else result.output
