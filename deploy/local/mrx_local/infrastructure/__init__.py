"""Kafka, PostgreSQL and SeaweedFS from packages alone: no Java, no container, no installation on the machine."""
