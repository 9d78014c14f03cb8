"""The gRPC contracts: each `.proto`, the messages generated from it (`make proto`), and their services."""
