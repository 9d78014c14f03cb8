"""The route table: its models, its checks and its units."""
