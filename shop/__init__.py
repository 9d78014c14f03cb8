"""What the shop's parts share: money, gRPC contracts and demo users."""
