"""The ports on PostgreSQL, on object storage, and in a child process."""
