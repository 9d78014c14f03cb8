"""The web client's pages, one a file."""
