"""How the world reaches the handlers: commands, HTTP, Kafka, and the files that people bring."""
