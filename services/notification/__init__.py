"""Notification: mails and pushes to customers about their orders, each sent at most once."""
