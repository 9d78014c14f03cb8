"""Aggregates declared in the route table: one answer joined out of several services', without code."""
