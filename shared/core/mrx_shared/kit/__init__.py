"""Settings, access, clock, ids, logs, metrics, problems over HTTP, the `mrx` command."""
