"""Pickup: stores near a place, where customers pick their orders up."""
