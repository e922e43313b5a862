"""Wire in, page out."""
