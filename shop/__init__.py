"""What the shop's parts share: money, forms of fields, replays of facts, gRPC contracts, demo users."""
