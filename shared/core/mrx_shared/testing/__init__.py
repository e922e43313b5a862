"""In-memory ports, and the suites that real and in-memory ports both pass. No service imports this."""
