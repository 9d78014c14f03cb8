"""The `front` command."""


def main() -> None:
    """Run the command line."""
