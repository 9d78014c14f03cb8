"""The same pages as competent people write them by hand."""
