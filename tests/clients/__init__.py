"""Clients that are not ours, each in an environment of its own (marker `clients`)."""
