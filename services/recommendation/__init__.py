"""Recommendation: which articles go together, from what customers have bought."""
