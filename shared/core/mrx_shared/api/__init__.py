"""Bodies of the services' HTTP APIs: fields only, for the service that answers and for every client of it."""
