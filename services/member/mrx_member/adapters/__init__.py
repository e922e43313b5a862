"""Ports to technology: files, the member's home, Kafka, HTTP, the matcher."""
