"""The basket service."""
