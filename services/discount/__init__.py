"""The discount service."""
