"""Which process may sync an agent: the leases of sync locks, and locks in PostgreSQL."""
