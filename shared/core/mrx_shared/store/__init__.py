"""PostgreSQL sessions with a tenant, migrations, object storage. The only place that touches either server."""
