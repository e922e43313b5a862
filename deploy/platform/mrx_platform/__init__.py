"""A simulated data-sharing platform."""
