"""Ports to technology."""
