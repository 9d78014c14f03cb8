"""The gRPC contracts: each `.proto` beside the code generated from it (`make proto`)."""
