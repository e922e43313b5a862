"""The HTTP API of the benchmark."""
