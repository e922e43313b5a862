"""Wire in, handler called."""
