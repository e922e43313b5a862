"""Ports to technology: PostgreSQL, SMTP, templates."""
