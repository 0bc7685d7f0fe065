"""Reading the mirror: every question that an answer needs, as plain blocking calls."""
