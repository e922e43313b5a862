"""One verb per use case, by who acts."""
