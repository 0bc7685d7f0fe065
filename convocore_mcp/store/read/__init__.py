"""Reading the mirror: every question that an answer asks, as plain blocking calls."""
