"""How the world reaches the handlers: HTTP and Kafka."""
