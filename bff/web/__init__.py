"""The web client's backend: rich pages."""
