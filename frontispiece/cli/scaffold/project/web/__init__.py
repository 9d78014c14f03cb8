"""The web client's backend."""
