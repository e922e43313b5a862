"""One verb per use case."""
