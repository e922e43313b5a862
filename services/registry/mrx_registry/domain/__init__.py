"""Rules of membership. Standard library and refusals only."""
