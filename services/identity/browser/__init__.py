"""What users see: pages and forms."""
