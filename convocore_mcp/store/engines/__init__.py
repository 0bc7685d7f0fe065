"""Connecting to a database within bounds, and what its failures mean to the operator."""
