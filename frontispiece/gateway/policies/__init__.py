"""Cross-cutting policies, one a file: each wraps a handler."""
