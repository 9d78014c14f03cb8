"""Aggregation: a page is a graph of typed async functions."""
