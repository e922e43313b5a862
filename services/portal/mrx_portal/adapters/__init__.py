"""Ports to technology: the services over HTTP."""
