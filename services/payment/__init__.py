"""Payment: the money of each order, authorised, captured, voided or refunded at the acquirer."""
