"""Discount: how much less an article costs, for everyone or for those with a coupon."""
