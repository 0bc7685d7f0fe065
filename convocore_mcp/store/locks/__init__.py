"""Who reads an agent: what the mirror notes of sync locks, and locks in PostgreSQL."""
