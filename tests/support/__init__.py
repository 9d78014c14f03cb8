"""What tests build their worlds from."""
