"""Ports to PostgreSQL and object storage."""
