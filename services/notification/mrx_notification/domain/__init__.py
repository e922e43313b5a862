"""Mails and what may become of them. Standard library only."""
