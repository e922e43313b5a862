"""One request's life, from the asking member to its decision."""
