"""Discount: price rules and coupons."""
