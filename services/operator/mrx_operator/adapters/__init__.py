"""Ports to PostgreSQL, Kafka, object storage and the services' HTTP APIs."""
