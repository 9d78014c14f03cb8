"""The mobile client's screens, one a file."""
