"""What the registry does, one verb a use case."""
