"""Ordering: what customers have ordered, and how an order comes about."""
